package dev.worldswitch.kvm.arm64;

import dev.worldswitch.machine.arm64.SysReg;

/** __kvm_adjust_pc: a pending exception is entered, or the emulated instruction is skipped; before entry or on the way out. */
final class PcAdjust {
    private static final long BTYPE = 3L << 10, SSBS = 1L << 12, UAO = 1L << 23, DIT = 1L << 24, NZCV = 0xfL << 28;
    private static final long SCTLR_SPAN = 1L << 23, SCTLR_DSSBS = 1L << 44;

    private PcAdjust() {}

    static void adjustPc(Vcpu v) {
        if (v.is(Vcpu.PENDING_EXCEPTION)) {
            enter(v);
            v.flags().clearBits(Vcpu.PENDING_EXCEPTION);
            v.exception().set(Inject.NONE);
        } else if (v.is(Vcpu.INCREMENT_PC)) {
            skip(v);
            v.flags().clearBits(Vcpu.INCREMENT_PC);
        }
    }

    /** kvm_skip_instr: an emulated instruction leaves no branch type and no active single step behind. */
    private static void skip(Vcpu v) {
        GuestContext c = v.context();
        boolean thumb = v.modeIs32Bit() && (c.pstate().get() & 32) != 0 && (v.esr() & 1L << 25) == 0;
        c.pc().set(c.pc().get() + (thumb ? 2 : 4));
        c.pstate().and(~(v.modeIs32Bit() ? Pstate.SS : BTYPE | Pstate.SS));
    }

    private static void enter(Vcpu v) {
        if (v.exception().get() != Inject.AA64_EL1_SYNC)
            throw new UnsupportedOperationException("exceptions of AArch32 guests (exception.c, enter_exception32)");
        GuestContext c = v.context();
        long old = c.pstate().get();
        c.sys(SysReg.ELR_EL1, c.pc().get());
        c.sys(SysReg.SPSR_EL1, old);
        c.pc().set(c.sys(SysReg.VBAR_EL1) + vector(old));
        c.pstate().set(entered(old, c.sys(SysReg.SCTLR_EL1)));
    }

    private static long vector(long pstate) {
        if ((pstate & Pstate.MODE32) != 0) return 0x600;
        long mode = pstate & Pstate.MODE_MASK;
        if (mode == Pstate.EL1H) return 0x200;
        return mode == Pstate.EL1T ? 0 : 0x400;
    }

    /** PSTATE on entry to EL1h (AArch64.TakeException): DAIF masked, SPAN and DSSBS of SCTLR_EL1 obeyed. */
    private static long entered(long old, long sctlr) {
        long p = old & (NZCV | DIT | Pstate.PAN) | Pstate.DAIF | Pstate.EL1H;
        if ((sctlr & SCTLR_SPAN) == 0) p |= Pstate.PAN;
        if ((sctlr & SCTLR_DSSBS) != 0) p |= SSBS;
        return p & ~UAO;
    }
}
