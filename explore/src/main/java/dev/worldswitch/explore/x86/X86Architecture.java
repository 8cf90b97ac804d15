package dev.worldswitch.explore.x86;

import dev.worldswitch.explore.Architecture;
import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.RegisterFile;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Subject;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.x86.Vcpu;
import dev.worldswitch.kvm.x86.X86KvmHost;
import dev.worldswitch.machine.MachineProfile;
import java.util.ArrayList;
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
    public List<Subject.Gauge> gauges(KvmHost host, Task task, KvmFile vcpu) {
        List<Subject.Gauge> all = new ArrayList<>();
        if (host instanceof X86KvmHost h) all.addAll(X86Subject.gauges(h.host()));
        if (vcpu instanceof Vcpu v) all.addAll(X86Subject.gauges("", task, v.guestFpu()));
        return all;
    }

    @Override
    public List<RegisterFile> registers(KvmHost host, KvmFile vcpu) {
        List<RegisterFile> all = new ArrayList<>();
        if (host instanceof X86KvmHost h) all.addAll(X86Registers.of(h.host()));
        if (vcpu instanceof Vcpu v) all.add(X86Registers.of("vCPU", v.state()));
        return all;
    }

    @Override
    public boolean mayDiffer(KvmFile file, int command, byte[] then, byte[] now) {
        return file instanceof Vcpu v && DisabledState.mayDiffer(v, command, then, now);
    }

    @Override
    public List<String> mayDiffer() {
        return List.of(DisabledState.RULE);
    }

    @Override
    public List<Property> properties() {
        return X86Properties.ALL;
    }
}
