package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import org.jspecify.annotations.Nullable;

/** An x86 host with its KVM. */
public final class X86KvmHost implements KvmHost {
    private final X86Host host;
    private final Kvm kvm;

    private X86KvmHost(X86Host host) {
        this.host = host;
        this.kvm = new Kvm(host);
    }

    public static X86KvmHost boot(
            Region root, KernelVersion version, MachineProfile machine, int cpus, Timing timing, CpuPools pools) {
        return new X86KvmHost(
                X86Host.boot(root, version, X86Profile.of(machine), cpus, timing, all -> pools.over(all)));
    }

    public X86Host host() {
        return host;
    }

    @Override
    public Kvm kvm() {
        return kvm;
    }

    @Override
    public void recover(PhysicalCpu cpu) {
        host.recover((X86Cpu) cpu);
    }

    @Override
    public Task newTask(String name) {
        return host.newTask(name);
    }

    /** fpu_update_guest_xfd asks whether the calling task's registers are in the CPU. */
    @Override
    public boolean touchesCpu(int command) {
        return host.profile().xsave().xfdMask() != 0 && MsrIoctls.sets(command);
    }

    @Override
    public @Nullable String msrName(int index) {
        return kvm.msrTable().name(index);
    }

    @Override
    public @Nullable String moduleParameter(String path) {
        return ModuleParameters.text(kvm, path);
    }

    @Override
    public long xcompSupported() {
        return host.profile().xcr0();
    }

    @Override
    public int xcompComponents() {
        // XFEATURE_MAX.
        return host.kernel().has(Patch.APX_STATE) ? 20 : 19;
    }
}
