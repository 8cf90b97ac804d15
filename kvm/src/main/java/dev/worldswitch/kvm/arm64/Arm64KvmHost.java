package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.Arm64Host;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.cell.Region;
import org.jspecify.annotations.Nullable;

/** An arm64 host with its KVM. */
public final class Arm64KvmHost implements KvmHost {
    private final Arm64Host host;
    private final Kvm kvm;

    private Arm64KvmHost(Arm64Host host) {
        this.host = host;
        this.kvm = new Kvm(host);
    }

    public static Arm64KvmHost boot(
            Region root, KernelVersion version, MachineProfile machine, int cpus, Timing timing, CpuPools pools) {
        return new Arm64KvmHost(
                Arm64Host.boot(root, version, Arm64Profile.of(machine), cpus, timing, all -> pools.over(all)));
    }

    public Arm64Host host() {
        return host;
    }

    @Override
    public Kvm kvm() {
        return kvm;
    }

    @Override
    public Task newTask(String name) {
        return host.newTask(name);
    }

    @Override
    public void recover(PhysicalCpu cpu) {
        host.recover((Arm64Cpu) cpu);
    }

    @Override
    public @Nullable String registerName(long id) {
        return RegNames.of(id);
    }
}
