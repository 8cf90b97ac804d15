package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Architecture;
import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.RegisterFile;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Subject;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.arm64.Arm64KvmHost;
import dev.worldswitch.machine.MachineProfile;
import java.util.List;

/** arm64 hosts under exploration. */
public final class Arm64Architecture implements Architecture {
    @Override
    public String name() {
        return "arm64";
    }

    @Override
    public Subject boot(Scenario scenario, MachineProfile machine, KernelVersion kernel, Surroundings around) {
        return new Arm64Subject(scenario, machine, kernel, around);
    }

    @Override
    public List<Subject.Gauge> gauges(KvmHost host, Task task, KvmFile vcpu) {
        return host instanceof Arm64KvmHost h ? Arm64Subject.gauges(h.host(), List.of(task)) : List.of();
    }

    @Override
    public List<RegisterFile> registers(KvmHost host, KvmFile vcpu) {
        return host instanceof Arm64KvmHost h ? Arm64Registers.of(h.host(), h.kvm()) : List.of();
    }

    @Override
    public List<Property> properties() {
        return Arm64Properties.ALL;
    }
}
