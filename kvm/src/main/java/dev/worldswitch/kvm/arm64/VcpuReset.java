package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.List;

/** kvm_reset_vcpu: at each KVM_ARM_VCPU_INIT, and when PSCI CPU_ON asked for it. */
final class VcpuReset {
    private static final long HCR_E2H = 1L << 34, HCR_TEA = 1L << 37, HCR_TERR = 1L << 36, HCR_RW = 1L << 31;
    private static final long HCR_TID4 = 1L << 49, HCR_TID2 = 1L << 17, HCR_TID3 = 1L << 18, HCR_TTLBOS = 1L << 55;
    private static final long HCR_FWB = 1L << 46, HCR_API = 1L << 41, HCR_APK = 1L << 40;
    private static final long HCR_TID1 = 1L << 16;
    /** HCR_GUEST_FLAGS: VM, SWIO, PTW, FMO, IMO, AMO, FB, BSU_IS, TWI, TWE, TID3, TSC, TIDCP, TACR, TSW, TLOR, RW. */
    private static final long GUEST_FLAGS = 0x3fL | 1 << 9 | 1 << 10 | 1 << 13 | 1 << 14 | HCR_TID3 | 1 << 19 | 1 << 20
            | 1 << 21 | 1 << 22 | 1L << 35 | HCR_RW;

    private static final List<SysReg> CLEARED =
            List.of(SysReg.SP_EL0, SysReg.SPSR_abt, SysReg.SPSR_und, SysReg.SPSR_irq, SysReg.SPSR_fiq);

    private VcpuReset() {}

    /** vcpu_reset_hcr and vcpu_set_hcr: what this guest's world runs with. */
    static long hcr(Vcpu v) {
        HostFeatures host = v.kvm().host();
        long hcr = GUEST_FLAGS;
        if (v.kvm().profile().vhe()) hcr |= HCR_E2H;
        if (host.ras()) hcr |= HCR_TEA | HCR_TERR;
        // With FEAT_S2FWB there is no need to watch the guest's caches.
        if (host.field(SysReg.ID_AA64MMFR2_EL1, 40) != 0) hcr |= HCR_FWB;
        else hcr |= GuestAccess.HCR_TVM;
        if (v.kvm().has(Patch.ARM64_NORMALIZED_CACHES)) {
            boolean ownCtr = v.vm().idRegs().hasHostCtr();
            hcr |= host.field(SysReg.ID_AA64MMFR2_EL1, 56) != 0 && ownCtr ? HCR_TID4 : HCR_TID2;
        }
        if (host.field(SysReg.ID_AA64ISAR0_EL1, 56) == 0) hcr |= HCR_TTLBOS;
        // Since user space may choose them, the implementation's registers are KVM's to answer.
        if (v.kvm().has(Patch.ARM64_TID1)) hcr |= HCR_TID1;
        if (v.el1Is32Bit()) hcr = hcr & ~HCR_RW | HCR_TID2;
        if (v.hasPtrauth()) hcr |= HCR_API | HCR_APK;
        // After the first run later kernels leave the register as it is, pending lines and SError included.
        if (v.kvm().has(Patch.ARM64_INIT_KEEPS_LINES) && v.is(Vcpu.HAS_RUN_ONCE))
            hcr |= v.hcr().get() & (Inject.HCR_VI | Inject.HCR_VF | Inject.HCR_VSE);
        return hcr;
    }

    /** A reset owed to PSCI is done before user space looks at registers. */
    static void ifPending(Vcpu v) {
        if (v.resetPending().acquire() != 0) reset(v);
    }

    static void reset(Vcpu v) {
        // Acquire: the entry point was written before the request.
        boolean psci = v.resetPending().acquire() != 0;
        v.resetPending().set(0);
        v.hypContext().set(1);
        GuestContext c = v.context();
        if (!v.is(Vcpu.SVE_FINALIZED)) {
            if (v.hasFeature(VcpuFeature.SVE)) {
                v.sveMaxVq().set(v.kvm().profile().vqAtMost(v.kvm().profile().maxVq()));
                v.flags().setBits(Vcpu.HAS_SVE);
            }
        }
        c.fp().z().fill(0, c.fp().z().length(), 0);
        c.fp().p().fill(0, c.fp().p().length(), 0);
        c.fp().fpsr().set(0);
        c.fp().fpcr().set(0);
        if (v.hasFeature(VcpuFeature.PTRAUTH)) v.flags().setBits(Vcpu.HAS_PTRAUTH);
        c.x().fill(0, 31, 0);
        c.pc().set(0);
        c.pstate().set(v.el1Is32Bit() ? Pstate.RESET_SVC : Pstate.RESET_EL1);
        // SP_EL1, ELR_EL1 and SPSR_EL1 are outside what a reset clears.
        for (SysReg r : CLEARED) v.sys(r, 0);
        sysRegs(v);
        v.flags().clearBits(Vcpu.PENDING_EXCEPTION | Vcpu.INCREMENT_PC);
        if (psci) applyPsci(v);
        TimerRegs.reset(v);
    }

    private static void sysRegs(Vcpu v) {
        v.vm().idRegs().initialize(v);
        boolean again = v.is(Vcpu.INITIALIZED) && v.kvm().has(Patch.ARM64_VCPU_ID_REGS_RESET_ONCE);
        for (Row r : v.kvm().sysRegs().rows()) {
            if (r.reset() == null || again && identifies(r)) continue;
            r.reset().reset(v, r);
        }
    }

    /** is_vcpu_ftr_id_reg. */
    private static boolean identifies(Row r) {
        return r.storage() == SysReg.MPIDR_EL1 || r.storage() == SysReg.CLIDR_EL1;
    }

    private static void applyPsci(Vcpu v) {
        GuestContext c = v.context();
        long pc = v.resetPc().get();
        if (v.modeIs32Bit() && (pc & 1) != 0) {
            pc &= ~1L;
            c.pstate().or(1 << 5);
        }
        if (v.resetBigEndian().get() != 0) {
            if (v.modeIs32Bit()) c.pstate().or(1 << 9);
            else v.sys(SysReg.SCTLR_EL1, v.sys(SysReg.SCTLR_EL1) | 1L << 25);
        }
        c.pc().set(pc);
        c.x().set(0, v.resetX0().get());
    }
}
