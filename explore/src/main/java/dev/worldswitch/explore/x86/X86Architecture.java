package dev.worldswitch.explore.x86;

import dev.worldswitch.explore.Architecture;
import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Subject;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import java.util.List;

/** x86 hosts under exploration. */
public final class X86Architecture implements Architecture {
    @Override
    public String name() {
        return "x86";
    }

    @Override
    public Subject boot(Scenario scenario, MachineProfile machine, KernelVersion kernel, Surroundings around) {
        return new X86Subject(scenario, machine, kernel, around);
    }

    @Override
    public List<Property> properties() {
        return X86Properties.ALL;
    }
}
