package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.CpuFpState;
import dev.worldswitch.kernel.arm64.CpuFpState.ToSave;
import dev.worldswitch.kernel.arm64.Fpsimd;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Word;
import java.util.List;

/** Host side of the FP switch: arch/arm64/kvm/fpsimd.c. */
final class KvmFp {
    private static final long CPACR_ZEN_EL0 = 1L << 17, CPACR_SMEN_EL0 = 1L << 25;
    private final Fpsimd fpsimd;
    private final List<HostData> hostData;
    private final boolean saveFlush, eager, saverKnowsKvm, vhe, sme, noteFresh;

    KvmFp(Kernel kernel, Arm64Profile profile, Fpsimd fpsimd, List<HostData> hostData) {
        this.fpsimd = fpsimd;
        this.hostData = hostData;
        this.saveFlush = kernel.has(Patch.HOST_FP_SAVE_FLUSH);
        this.noteFresh = kernel.has(Patch.SVE_NOTE_FRESH);
        this.saverKnowsKvm = kernel.has(Patch.SAVE_PATH_KNOWS_KVM);
        this.eager = kernel.has(Patch.ZCR_EAGER_SWITCH);
        this.vhe = profile.vhe();
        this.sme = profile.hasSme();
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
        long cpacr = cpu.host().mrs(SysReg.CPACR_EL1);
        Word sveNote = host(cpu).hostSveEnabled(), smeNote = host(cpu).hostSmeEnabled();
        sveNote.set((noteFresh ? 0 : sveNote.get()) | cpacr & CPACR_ZEN_EL0);
        if (!sme) return;
        smeNote.set((noteFresh ? 0 : smeNote.get()) | cpacr & CPACR_SMEN_EL0);
        if (cpu.host().mrs(SysReg.SVCR) == 0) return;
        host(cpu).fpOwner().set(FpOwner.FREE);
        fpsimd.fpsimdSaveAndFlushCpuState(cpu);
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
                        0,
                        vcpu.hasSve() ? ToSave.SVE : ToSave.FPSIMD,
                        new CpuFpState.GuestZcr(
                                vcpu.context().sys(), vcpu.sveZcrElx().ordinal())));
        task.flags().clearBits(Task.TIF_FOREIGN_FPSTATE);
    }

    /** At vcpu_put: dirty registers go to the vCPU's image, and nobody takes them for live afterwards. */
    void kvmArchVcpuPutFp(Task task, Vcpu vcpu) {
        Arm64Cpu cpu = Fpsimd.cpu(task);
        boolean were = cpu.irqSave();
        if (!saveFlush && vhe && sme) restoreHost(cpu, CPACR_SMEN_EL0, host(cpu).hostSmeEnabled());
        if (host(cpu).guestOwnsFpRegs()) {
            if (vcpu.hasSve() && !eager && !saverKnowsKvm) guestLengthBeforeSaving(cpu, vcpu);
            fpsimd.fpsimdSaveAndFlushCpuState(cpu);
        } else if (!saveFlush && vhe) restoreHost(cpu, CPACR_ZEN_EL0, host(cpu).hostSveEnabled());
        cpu.irqRestore(were);
    }

    /** Before {@code zcr-eager-switch}: only here the guest's ZCR_EL1 is saved and its maximum made live again. */
    private void guestLengthBeforeSaving(Arm64Cpu cpu, Vcpu vcpu) {
        SysReg guestZcr = vhe ? SysReg.ZCR_EL12 : SysReg.ZCR_EL1;
        vcpu.sys(vcpu.sveZcrElx(), cpu.host().mrs(guestZcr));
        // Through this name on VHE ZCR_EL2: it has the smaller limit that a guest hypervisor gave its guest.
        if (!vhe || vcpu.isNested() && !vcpu.inHypContext())
            cpu.host().msr(SysReg.ZCR_EL1, vcpu.sveMaxVq().get() - 1);
    }

    private static void restoreHost(Arm64Cpu cpu, long enable, Word note) {
        long cpacr = cpu.host().mrs(SysReg.CPACR_EL1);
        cpu.host().msr(SysReg.CPACR_EL1, cpacr & ~enable | note.get());
    }
}
