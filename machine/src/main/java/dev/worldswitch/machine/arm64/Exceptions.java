package dev.worldswitch.machine.arm64;

/** Exceptions taken to EL1 and returns from them (Arm ARM, D1.3 "Exceptions"; shared pseudocode AArch64.TakeException). */
public final class Exceptions {
    /** Offsets of the vectors in their group. */
    public static final int SYNC = 0, IRQ = 0x80, FIQ = 0x100, SERROR = 0x180;

    /** Exception classes, ESR_ELx.EC. */
    public static final int UNKNOWN = 0,
            WFX = 1,
            FP = 7,
            PAUTH = 9,
            BTI = 0xd,
            ILLEGAL_STATE = 0xe,
            SVC = 0x15,
            HVC = 0x16;

    public static final int SMC = 0x17,
            SYS = 0x18,
            SVE = 0x19,
            FPAC = 0x1c,
            SME = 0x1d,
            IABT = 0x20,
            PC_ALIGNMENT = 0x22;
    public static final int DABT = 0x24, SP_ALIGNMENT = 0x26, MOPS = 0x27, SERROR_EC = 0x2f, BREAKPOINT = 0x30;
    public static final int STEP = 0x32, WATCHPOINT = 0x34, BRK = 0x3c;
    /** ESR_ELx.IL. */
    public static final long IL = 1L << 25;

    private static final int SPSR = SysReg.SPSR_EL1.ordinal(), ELR = SysReg.ELR_EL1.ordinal();
    private static final int ESR = SysReg.ESR_EL1.ordinal(), FAR = SysReg.FAR_EL1.ordinal();
    private static final int VBAR = SysReg.VBAR_EL1.ordinal(), SCTLR = SysReg.SCTLR_EL1.ordinal();
    private static final long SPAN = 1L << 23, DSSBS = 1L << 44;

    private Exceptions() {}

    /** A synchronous exception without a fault address. */
    public static void takeToEl1(Arm64Cpu cpu, long esr, long returnTo) {
        take(cpu, SYNC, esr, returnTo);
    }

    /** A synchronous exception with a fault address. */
    public static void takeToEl1(Arm64Cpu cpu, long esr, long far, long returnTo) {
        cpu.sys().set(FAR, far);
        take(cpu, SYNC, esr, returnTo);
    }

    /**
     * Takes an exception from the current EL (0 or 1) to EL1: {@code vector} is one of {@link #SYNC}, {@link #IRQ},
     * {@link #FIQ}, {@link #SERROR}. {@code esr} has the class for a lower EL; aborts and debug exceptions from EL1 itself
     * get the class for the same EL. IRQ and FIQ leave ESR_EL1 alone.
     */
    public static void take(Arm64Cpu cpu, int vector, long esr, long returnTo) {
        long ps = cpu.pstate().get();
        boolean fromEl0 = Pstate.el(ps) == 0;
        int group = fromEl0 ? (ps & Pstate.AARCH32) != 0 ? 0x600 : 0x400 : (ps & 1) != 0 ? 0x200 : 0;
        if (vector == SYNC || vector == SERROR) cpu.sys().set(ESR, fromEl0 ? esr : sameEl(esr));
        cpu.sys().set(SPSR, ps);
        cpu.sys().set(ELR, returnTo);
        long sctlr = cpu.sys().get(SCTLR);
        long now = ps & (Pstate.NZCV | Pstate.PAN | Pstate.DIT) | Pstate.DAIF | Pstate.EL1H;
        if (cpu.profile().field(SysReg.ID_AA64MMFR1_EL1, 20) != 0 && (sctlr & SPAN) == 0) now |= Pstate.PAN;
        if ((sctlr & DSSBS) != 0 && cpu.profile().field(SysReg.ID_AA64PFR1_EL1, 4) != 0) now |= Pstate.SSBS;
        if (cpu.profile().field(SysReg.ID_AA64PFR1_EL1, 8) >= 2) now |= Pstate.TCO;
        cpu.pstate().set(now);
        cpu.pc().set((cpu.sys().get(VBAR) & -0x800L) + group + vector);
    }

    private static long sameEl(long esr) {
        int ec = (int) (esr >>> 26) & 0x3f;
        return ec == IABT || ec == DABT || ec == BREAKPOINT || ec == STEP || ec == WATCHPOINT ? esr | 1L << 26 : esr;
    }
}
