package dev.worldswitch.machine.arm64;

/** Self-hosted debug (Arm ARM, chapter D2): breakpoints, watchpoints, software step; to EL1, or to EL2 by MDCR_EL2.TDE. */
final class DebugUnit {
    private static final int MDSCR = SysReg.MDSCR_EL1.ordinal(), OSLSR = SysReg.OSLSR_EL1.ordinal();
    private static final int CONTEXTIDR = SysReg.CONTEXTIDR_EL1.ordinal();
    private static final int[] BVR = family("DBGBVR"),
            BCR = family("DBGBCR"),
            WVR = family("DBGWVR"),
            WCR = family("DBGWCR");
    private static final long SS = 1, KDE = 1 << 13, MDE = 1 << 15, OSLK = 2;
    private static final int DEBUG_FSC = 0x22;

    private final Arm64Interpreter c;
    private final int breakpoints, watchpoints;
    /** The step in progress: PSTATE.SS was set before the instruction. */
    private boolean stepped;

    private boolean exclusiveStepped;

    DebugUnit(Arm64Interpreter c) {
        this.c = c;
        Arm64Profile p = c.cpu.profile();
        this.breakpoints = 1 + p.field(SysReg.ID_AA64DFR0_EL1, 12);
        this.watchpoints = 1 + p.field(SysReg.ID_AA64DFR0_EL1, 20);
    }

    private static int[] family(String name) {
        int[] r = new int[16];
        for (int i = 0; i < 16; i++) r[i] = SysReg.nth(name, i, "_EL1").ordinal();
        return r;
    }

    /** AArch64.GenerateDebugExceptions: they are possible at this EL now. */
    private boolean enabled() {
        if ((c.sys[OSLSR] & OSLK) != 0) return false;
        if (c.tde() || c.el == 0) return true;
        return (c.sys[MDSCR] & KDE) != 0 && (c.ps & Pstate.D) == 0;
    }

    private boolean stepEnabled() {
        return (c.sys[MDSCR] & SS) != 0 && enabled();
    }

    /** DebugExceptionReturnSS: SPSR.SS counts where step is possible at the target and was not here. */
    long returnSs(long spsr) {
        if ((c.sys[MDSCR] & SS) == 0 || enabled()) return 0;
        int to = Pstate.el(spsr);
        boolean there = (c.sys[OSLSR] & OSLK) == 0
                && (to == 0 || c.tde() || (c.sys[MDSCR] & KDE) != 0 && (spsr & Pstate.D) == 0);
        return there ? spsr & Pstate.SS : 0;
    }

    /** Instructions must be looked at one by one. */
    boolean active() {
        if (stepEnabled()) return true;
        if ((c.sys[MDSCR] & MDE) == 0) return false;
        for (int n = 0; n < breakpoints; n++) if ((c.sys[BCR[n]] & 1) != 0) return true;
        return false;
    }

    /** Data accesses must be looked at. */
    boolean watching() {
        if ((c.sys[MDSCR] & MDE) == 0 || !enabled()) return false;
        for (int n = 0; n < watchpoints; n++) if ((c.sys[WCR[n]] & 1) != 0) return true;
        return false;
    }

    private Stop raise(int ec, int iss) {
        return c.tde() ? c.trap2(ec, iss) : c.exception(ec, iss);
    }

    /** Before an instruction: the step exception that is due, then breakpoints. */
    void before() {
        stepped = false;
        if (stepEnabled()) {
            if ((c.ps & Pstate.SS) == 0) {
                // Active-pending: ISV and EX tell whether the stepped instruction was a load-exclusive.
                int iss = DEBUG_FSC | 1 << 24 | (exclusiveStepped ? 1 << 6 : 0);
                exclusiveStepped = false;
                throw raise(Exceptions.STEP, iss);
            }
            stepped = true;
        }
        if ((c.sys[MDSCR] & MDE) == 0 || !enabled()) return;
        for (int n = 0; n < breakpoints; n++) if (matches(n)) throw raise(Exceptions.BREAKPOINT, DEBUG_FSC);
    }

    /** The instruction was done: SSAdvance. */
    void after() {
        if (stepped) c.ps &= ~Pstate.SS;
        exclusiveStepped = stepped && c.monitor.address != -1;
    }

    private boolean matches(int n) {
        long bcr = c.sys[BCR[n]], bvr = c.sys[BVR[n]];
        if ((bcr & 1) == 0 || !atThisEl((int) (bcr >>> 1) & 3, (bcr >>> 13 & 1) != 0)) return false;
        int type = (int) (bcr >>> 20) & 15;
        boolean linked = (type & 1) != 0;
        return switch (type >> 1) {
            case 0 ->
                (bvr << 11 >> 11 & -4) == (c.pc << 11 >> 11)
                        && (bcr >>> 5 & 15) != 0
                        && (!linked || contextMatches((int) (bcr >>> 16) & 15));
            // Context ID: a linked one serves the breakpoint that links to it.
            case 1 -> !linked && (int) bvr == (int) c.sys[CONTEXTIDR];
            default -> false;
        };
    }

    private boolean contextMatches(int n) {
        long bcr = c.sys[BCR[n]];
        return n < breakpoints
                && (bcr & 1) != 0
                && (bcr >>> 20 & 15) == 3
                && (int) c.sys[BVR[n]] == (int) c.sys[CONTEXTIDR];
    }

    private boolean atThisEl(int pmc, boolean hmc) {
        return c.el == 0 ? (pmc & 2) != 0 : (pmc & 1) != 0 && (!hmc || pmc == 1 || pmc == 3);
    }

    /** A data access: raises the watchpoint exception when one matches. */
    void watch(long va, int size, int kind) {
        boolean user = (c.access & Mmu.USER) != 0;
        for (int n = 0; n < watchpoints; n++) {
            long wcr = c.sys[WCR[n]];
            if ((wcr & 1) == 0) continue;
            int pac = (int) (wcr >>> 1) & 3, lsc = (int) (wcr >>> 3) & 3;
            if ((user ? pac & 2 : pac & 1) == 0 || (kind == Mmu.WRITE ? lsc & 2 : lsc & 1) == 0) continue;
            if ((wcr >>> 20 & 1) != 0 && !contextMatches((int) (wcr >>> 16) & 15)) continue;
            if (!covers(wcr, c.sys[WVR[n]] << 8 >> 8, va << 8 >> 8, size)) continue;
            int iss = DEBUG_FSC | (kind == Mmu.WRITE ? 1 << 6 : 0);
            throw c.tde() ? c.trap2At(Exceptions.WATCHPOINT, iss, va) : c.exceptionAt(Exceptions.WATCHPOINT, iss, va);
        }
    }

    private static boolean covers(long wcr, long wvr, long va, int size) {
        int mask = (int) (wcr >>> 24) & 31;
        if (mask > 2) {
            long from = wvr & -1L << mask;
            return va + size - 1 >= from && va <= from + (1L << mask) - 1;
        }
        int bas = (int) (wcr >>> 5) & 0xff;
        long from = wvr & -4L;
        for (int k = 0; k < 8; k++) if ((bas >> k & 1) != 0 && from + k >= va && from + k < va + size) return true;
        return false;
    }
}
