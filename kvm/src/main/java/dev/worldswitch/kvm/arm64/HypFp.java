package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.FpState;
import dev.worldswitch.kernel.arm64.Fpsimd;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.HypVectors;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.List;

/** The hypervisor's side of the FP switch: trap on first use, vector lengths at entry and exit (hyp/switch.h). */
final class HypFp implements HypVectors {
    /** ESR_ELx.EC (Arm ARM D24.2.40): access to FP or Advanced SIMD, to SVE. */
    private static final int EC_FP_ASIMD = 0x07, EC_SVE = 0x19;

    private static final long CPTR_TAM = 1L << 30;
    /** CPACR_EL1 and CPTR_EL2 with E2H. */
    private static final long FPEN = 3L << 20, ZEN = 3L << 16, SMEN = 3L << 24, TTA_E2H = 1L << 28;
    /** CPTR_EL2 without E2H: traps when 1; bits that are RES1 there. */
    private static final long TFP = 1 << 10, TZ = 1 << 8, TSM = 1 << 12, TTA = 1 << 20, NVHE_RES1 = 0x22ff;

    private static final long LEN = 0xf;
    private final List<HostData> hostData;
    private final boolean eager, saveFlush, vhe, sme;
    private final int hostMaxVq;

    HypFp(Kernel kernel, boolean vhe, Arm64Profile profile, List<HostData> hostData) {
        this.hostData = hostData;
        this.eager = kernel.has(Patch.ZCR_EAGER_SWITCH);
        this.saveFlush = kernel.has(Patch.HOST_FP_SAVE_FLUSH);
        this.vhe = vhe;
        this.hostMaxVq = profile.maxVq();
        this.sme = profile.hasSme();
    }

    private HostData host(Arm64Cpu cpu) {
        return HostData.of(hostData, cpu);
    }

    private SysReg guestZcr() {
        return vhe ? SysReg.ZCR_EL12 : SysReg.ZCR_EL1;
    }

    /** Entry: the guest's vector lengths, if its registers are live. */
    void fpsimdLazySwitchToGuest(Arm64Cpu cpu, Vcpu vcpu) {
        if (!eager || !host(cpu).guestOwnsFpRegs() || !vcpu.hasSve()) return;
        cpu.host().msr(SysReg.ZCR_EL2, vcpu.zcrEl2());
        cpu.host().msr(guestZcr(), vcpu.sys(vcpu.sveZcrElx()));
    }

    /**
     * Exit, interrupts masked: the live vector length becomes the one that the registers are bound with, before any interrupt
     * can save them. No ISB: entry has synchronised, so what the guest could use does not trap here.
     */
    void fpsimdLazySwitchToHost(Arm64Cpu cpu, Vcpu vcpu) {
        if (!eager || !host(cpu).guestOwnsFpRegs() || !vcpu.hasSve()) return;
        vcpu.sys(vcpu.sveZcrElx(), cpu.host().mrs(guestZcr()));
        if (vhe) {
            cpu.host().msr(SysReg.ZCR_EL2, vcpu.sveMaxVq().get() - 1);
        } else {
            cpu.host().msr(SysReg.ZCR_EL2, hostMaxVq - 1L);
            cpu.host().msr(SysReg.ZCR_EL1, vcpu.sveMaxVq().get() - 1);
        }
    }

    /** __activate_cptr_traps. */
    void activateCptrTraps(Arm64Cpu cpu, Vcpu vcpu) {
        boolean owns = host(cpu).guestOwnsFpRegs();
        if (vhe) {
            long v = TTA_E2H | CPTR_TAM;
            if (owns) v |= FPEN | (vcpu.hasSve() ? ZEN : 0);
            cpu.host().msr(SysReg.CPACR_EL1, v);
        } else {
            long v = CPTR_TAM | TTA | NVHE_RES1 | TSM;
            if (!vcpu.hasSve() || !owns) v |= TZ;
            if (!owns) v |= TFP;
            cpu.host().msr(SysReg.CPTR_EL2, v);
        }
    }

    /** __deactivate_cptr_traps, kvm_reset_cptr_el2. */
    void deactivateCptrTraps(Arm64Cpu cpu, Vcpu vcpu) {
        boolean sve = hostMaxVq > 0;
        if (vhe) {
            cpu.host().msr(SysReg.CPACR_EL1, FPEN | (sve ? hostZen(cpu) : 0) | (sme ? hostSmen(cpu) : 0));
            return;
        }
        // Before zcr-eager-switch the guest's limit in ZCR_EL2 is still live: the host's first SVE use has to trap and
        // lift it.
        boolean trap = !sve || !eager && vcpu.hasSve() && host(cpu).guestOwnsFpRegs();
        cpu.host().msr(SysReg.CPTR_EL2, NVHE_RES1 | (sme ? 0 : TSM) | (trap ? TZ : 0));
    }

    private long hostZen(Arm64Cpu cpu) {
        return saveFlush ? ZEN : ZEN & ~(1L << 17) | host(cpu).hostSveEnabled().get();
    }

    private long hostSmen(Arm64Cpu cpu) {
        return saveFlush
                ? SMEN
                : SMEN & ~(1L << 25) | host(cpu).hostSmeEnabled().get();
    }

    /** handle_host SVE trap: nVHE, before {@code zcr-eager-switch}. */
    @Override
    public void hostSveTrap(Arm64Cpu cpu) {
        cpu.host().msr(SysReg.CPTR_EL2, cpu.sys().get(SysReg.CPTR_EL2.ordinal()) & ~TZ);
        cpu.host().isb();
        cpu.host().msr(SysReg.ZCR_EL2, hostMaxVq - 1L);
    }

    /** kvm_hyp_handle_fpsimd: the guest's first use of FP since its registers were last live; true when it may go on. */
    boolean kvmHypHandleFpsimd(Arm64Cpu cpu, Task task, Vcpu vcpu, int ec) {
        if (ec != EC_FP_ASIMD && !(ec == EC_SVE && vcpu.hasSve())) return false;
        untrapFp(cpu, vcpu);
        cpu.host().isb();
        if (host(cpu).fpOwner().get() == FpOwner.HOST_OWNED) fpsimdSaveHost(cpu, task);
        FpState fp = vcpu.context().fp();
        if (vcpu.hasSve()) hypSveRestoreGuest(cpu, vcpu, fp);
        else cpu.host().fpsimdLoad(fp.z());
        cpu.sys().set(SysReg.FPSR.ordinal(), fp.fpsr().get());
        cpu.sys().set(SysReg.FPCR.ordinal(), fp.fpcr().get());
        host(cpu).fpOwner().set(FpOwner.GUEST_OWNED);
        return true;
    }

    private void untrapFp(Arm64Cpu cpu, Vcpu vcpu) {
        if (vhe) {
            long cpacr = cpu.host().mrs(SysReg.CPACR_EL1);
            cpu.host().msr(SysReg.CPACR_EL1, cpacr | FPEN | (vcpu.hasSve() ? ZEN : 0));
        } else {
            long cptr = cpu.host().mrs(SysReg.CPTR_EL2);
            cpu.host().msr(SysReg.CPTR_EL2, cptr & ~(TFP | (vcpu.hasSve() ? TZ : 0)));
        }
    }

    private static void fpsimdSaveHost(Arm64Cpu cpu, Task task) {
        FpState own = Fpsimd.thread(task).own();
        cpu.host().fpsimdSave(own.z());
        own.fpsr().set(cpu.sys().get(SysReg.FPSR.ordinal()));
        own.fpcr().set(cpu.sys().get(SysReg.FPCR.ordinal()));
    }

    /** __hyp_sve_restore_guest: the image is laid out for the vCPU's maximum, so that is live while it is loaded. */
    private void hypSveRestoreGuest(Arm64Cpu cpu, Vcpu vcpu, FpState fp) {
        sveCondUpdateZcrVq(cpu, vcpu.sveMaxVq().get() - 1);
        cpu.host().sveLoad(fp.z(), fp.p());
        // A guest hypervisor may have given its guest less.
        if (vcpu.isNested() && !vcpu.inHypContext()) sveCondUpdateZcrVq(cpu, vcpu.zcrEl2());
        cpu.host().msr(guestZcr(), vcpu.sys(vcpu.sveZcrElx()));
    }

    private static void sveCondUpdateZcrVq(Arm64Cpu cpu, long len) {
        long old = cpu.host().mrs(SysReg.ZCR_EL2);
        if ((old & LEN) != len) cpu.host().msr(SysReg.ZCR_EL2, old & ~LEN | len);
    }
}
