package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.CpuFpState;
import dev.worldswitch.kernel.arm64.CpuFpState.ToSave;
import dev.worldswitch.kernel.arm64.Fpsimd;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.List;

/** Host side of the FP switch: arch/arm64/kvm/fpsimd.c. */
final class KvmFp {
    private static final long CPACR_ZEN_EL0 = 1L << 17;
    private final Fpsimd fpsimd;
    private final List<HostData> hostData;
    private final boolean saveFlush, eager, vhe, noteFresh;

    KvmFp(Kernel kernel, boolean vhe, Fpsimd fpsimd, List<HostData> hostData) {
        this.fpsimd = fpsimd;
        this.hostData = hostData;
        this.saveFlush = kernel.has(Patch.HOST_FP_SAVE_FLUSH);
        this.noteFresh = kernel.has(Patch.SVE_NOTE_FRESH);
        this.eager = kernel.has(Patch.ZCR_EAGER_SWITCH);
        this.vhe = vhe;
    }

    private HostData host(Arm64Cpu cpu) {
        return HostData.of(hostData, cpu);
    }

    /** At vcpu_load, preemption off. */
    void kvmArchVcpuLoadFp(Task task) {
        Arm64Cpu cpu = Fpsimd.cpu(task);
        if (saveFlush) {
            fpsimd.fpsimdSaveAndFlushCpuState(cpu);
            host(cpu).fpOwner().set(FpOwner.FREE);
            return;
        }
        fpsimd.fpsimdKvmPrepare(task);
        host(cpu).fpOwner().set(FpOwner.HOST_OWNED);
        // Noted afresh at each load: a note left from an earlier one would give EL0 SVE that has to trap.
        long old = noteFresh ? 0 : host(cpu).hostSveEnabled().get();
        host(cpu).hostSveEnabled().set(old | cpu.host().mrs(SysReg.CPACR_EL1) & CPACR_ZEN_EL0);
    }

    /** Before guest entry, neither preemptible nor interruptible. */
    void kvmArchVcpuCtxflushFp(Task task) {
        if (task.flags().test(Task.TIF_FOREIGN_FPSTATE))
            host(Fpsimd.cpu(task)).fpOwner().set(FpOwner.FREE);
    }

    /** After guest exit, interrupts still off: the live registers are the vCPU's until someone saves them. */
    void kvmArchVcpuCtxsyncFp(Task task, Vcpu vcpu) {
        Arm64Cpu cpu = Fpsimd.cpu(task);
        if (!host(cpu).guestOwnsFpRegs()) return;
        fpsimd.fpsimdBindStateToCpu(
                cpu,
                new CpuFpState(
                        vcpu.context().fp(),
                        (int) vcpu.sveMaxVq().get(),
                        vcpu.hasSve() ? ToSave.SVE : ToSave.FPSIMD,
                        true));
        task.flags().clearBits(Task.TIF_FOREIGN_FPSTATE);
    }

    /** At vcpu_put: dirty registers go to the vCPU's image, and nobody takes them for live afterwards. */
    void kvmArchVcpuPutFp(Task task, Vcpu vcpu) {
        Arm64Cpu cpu = Fpsimd.cpu(task);
        boolean were = cpu.irqSave();
        if (host(cpu).guestOwnsFpRegs()) {
            if (vcpu.hasSve() && !eager) guestLengthBeforeSaving(cpu, vcpu);
            fpsimd.fpsimdSaveAndFlushCpuState(cpu);
        } else if (!saveFlush && vhe) restoreHostSveEnable(cpu);
        cpu.irqRestore(were);
    }

    /** Before {@code zcr-eager-switch}: only here the guest's ZCR_EL1 is saved and its maximum made live again. */
    private void guestLengthBeforeSaving(Arm64Cpu cpu, Vcpu vcpu) {
        SysReg guestZcr = vhe ? SysReg.ZCR_EL12 : SysReg.ZCR_EL1;
        vcpu.context().sys(SysReg.ZCR_EL1, cpu.host().mrs(guestZcr));
        if (!vhe) cpu.host().msr(SysReg.ZCR_EL1, vcpu.sveMaxVq().get() - 1);
    }

    private void restoreHostSveEnable(Arm64Cpu cpu) {
        long cpacr = cpu.host().mrs(SysReg.CPACR_EL1);
        long want = cpacr & ~CPACR_ZEN_EL0 | host(cpu).hostSveEnabled().get();
        cpu.host().msr(SysReg.CPACR_EL1, want);
    }
}
