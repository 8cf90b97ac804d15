package dev.worldswitch.kvm.hosts;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.arm64.Arm64KvmHost;
import dev.worldswitch.kvm.x86.X86KvmHost;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;

/** The one place that knows which architectures there are: line {@code arch} of the machine's profile. */
public final class Hosts {
    private Hosts() {}

    /** @throws IllegalArgumentException for an architecture without KVM */
    public static KvmHost boot(
            Region root, KernelVersion version, MachineProfile machine, int cpus, Timing timing, CpuPools pools) {
        return switch (machine.arch()) {
            case "arm64" -> Arm64KvmHost.boot(root, version, machine, cpus, timing, pools);
            case "x86" -> X86KvmHost.boot(root, version, machine, cpus, timing, pools);
            default ->
                throw new IllegalArgumentException(
                        "machine " + machine.name() + ": there is no KVM for arch '" + machine.arch() + "'");
        };
    }
}
