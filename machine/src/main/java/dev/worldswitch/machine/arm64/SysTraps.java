package dev.worldswitch.machine.arm64;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongPredicate;
import java.util.regex.Pattern;

/**
 * Which accesses to system registers trap, as data: the register's name, the controlling register and when it traps (Arm
 * ARM, D19.2 on HCR_EL2, MDCR_EL2, CPTR_EL2, CNTHCTL_EL2, ICH_HCR_EL2, and the EL1 controls for EL0).
 */
final class SysTraps {
    static final int READ = 1, WRITE = 2, BOTH = 3;

    /** To EL2 (or, {@code el0}, from EL0 to EL1) when {@code when} holds for the value of {@code control}. */
    record Trap(Pattern registers, int accesses, boolean el0, int control, LongPredicate when) {}

    private static final List<Trap> ROWS = new ArrayList<>();
    private static final List<List<Trap>> BY_REGISTER = new ArrayList<>();
    private static final int HCR = SysReg.HCR_EL2.ordinal();

    private static void el2(SysReg control, int bit, int accesses, String names) {
        ROWS.add(new Trap(Pattern.compile(names), accesses, false, control.ordinal(), v -> (v >>> bit & 1) != 0));
    }

    private static void el2Clear(SysReg control, int bit, int accesses, String names) {
        ROWS.add(new Trap(Pattern.compile(names), accesses, false, control.ordinal(), v -> (v >>> bit & 1) == 0));
    }

    private static void el2When(SysReg control, LongPredicate when, String names) {
        ROWS.add(new Trap(Pattern.compile(names), BOTH, false, control.ordinal(), when));
    }

    /** EL0 needs one of these bits. */
    private static void el0(SysReg control, long needs, int accesses, String names) {
        ROWS.add(new Trap(Pattern.compile(names), accesses, true, control.ordinal(), v -> (v & needs) == 0));
    }

    static {
        SysReg hcr = SysReg.HCR_EL2, mdcr = SysReg.MDCR_EL2, ich = SysReg.ICH_HCR_EL2, cntk = SysReg.CNTKCTL_EL1;
        String vm = "(SCTLR|TTBR0|TTBR1|TCR|ESR|FAR|AFSR0|AFSR1|MAIR|AMAIR|CONTEXTIDR)_EL1";
        el2(hcr, 26, WRITE, vm);
        el2(hcr, 30, READ, vm);
        el2(hcr, 16, READ, "(REVIDR|AIDR|SMIDR)_EL1");
        String cache = "(CCSIDR|CCSIDR2|CLIDR|CSSELR)_EL1";
        el2(hcr, 17, BOTH, cache + "|CTR_EL0");
        el2(hcr, 49, BOTH, cache);
        el2(hcr, 18, READ, "(ID_.*|MVFR.)_EL1");
        el2(hcr, 58, BOTH, "GMID_EL1");
        el2(hcr, 21, BOTH, "ACTLR_EL1");
        el2(hcr, 35, BOTH, "LOR.*_EL1");
        el2(hcr, 36, BOTH, "(ERRIDR|ERRSELR|ERX(FR|CTLR|STATUS|ADDR|MISC.))_EL1");
        el2Clear(hcr, 47, BOTH, "ERXPFG.*_EL1");
        el2Clear(hcr, 40, BOTH, "AP..KEY.._EL1");
        el2Clear(hcr, 56, BOTH, "(GCR|RGSR|TFSR|TFSRE0)_EL1");
        el2Clear(hcr, 53, BOTH, "SCXTNUM_EL[01]");
        el2(SysReg.CPTR_EL2, 31, BOTH, "CPACR_EL1");
        String dosa = "(OSLAR|OSLSR|OSDLR|DBGPRCR)_EL1";
        el2When(mdcr, v -> (v & (1 << 10 | 1 << 8)) != 0, dosa);
        el2When(mdcr, v -> (v & (1 << 11 | 1 << 8)) != 0, "MDRAR_EL1");
        el2When(
                mdcr,
                v -> (v & (1 << 9 | 1 << 8)) != 0,
                "DBG[BW][VC]R\\d+_EL1|(OSDTRRX|OSDTRTX|OSECCR|MDSCR|MDCCINT|DBGCLAIMSET|DBGCLAIMCLR|DBGAUTHSTATUS)_EL1"
                        + "|(MDCCSR|DBGDTR|DBGDTRRX)_EL0");
        el2(
                mdcr,
                6,
                BOTH,
                "PM(CR|CNTENSET|CNTENCLR|OVSCLR|OVSSET|SWINC|SELR|CEID.|CCNTR|XEVTYPER|XEVCNTR|USERENR)_EL0"
                        + "|PM(EVCNTR\\d+|EVTYPER\\d+|CCFILTR|ICNTR|ICFILTR)_EL0|PM(INTENSET|INTENCLR|MIR)_EL1");
        el2(mdcr, 5, BOTH, "PMCR_EL0");
        el2(mdcr, 14, BOTH, "PMS.*_EL1");
        el2When(mdcr, v -> (v >>> 12 & 1) == 0, "PMB(LIMITR|PTR|SR)_EL1");
        el2When(mdcr, v -> (v >>> 24 & 1) == 0, "TRB(LIMITR|PTR|BASER|SR|MAR|TRG)_EL1");
        el2(mdcr, 19, BOTH, "TRFCR_EL1");
        // The GIC's CPU interface: groups by ICH_HCR_EL2, SGIs whenever interrupts are virtual.
        el2(ich, 10, BOTH, "ICC_(CTLR|PMR|RPR|DIR)_EL1");
        el2(ich, 14, BOTH, "ICC_DIR_EL1");
        el2(ich, 11, BOTH, "ICC_(IAR0|EOIR0|HPPIR0|BPR0|AP0R.|IGRPEN0)_EL1");
        el2(ich, 12, BOTH, "ICC_(IAR1|EOIR1|HPPIR1|BPR1|AP1R.|IGRPEN1)_EL1");
        el2When(hcr, v -> (v & (3 << 3)) != 0, "ICC_(SGI1R|ASGI1R|SGI0R)_EL1");
        el2Clear(SysReg.ICC_SRE_EL2, 3, BOTH, "ICC_SRE_EL1");
        // From EL0 to EL1.
        el0(cntk, 2, READ, "CNTVCT(SS)?_EL0");
        el0(cntk, 1, READ, "CNTPCT(SS)?_EL0");
        el0(cntk, 3, READ, "CNTFRQ_EL0");
        el0(cntk, 1 << 8, BOTH, "CNTV_.*_EL0");
        el0(cntk, 1 << 9, BOTH, "CNTP_.*_EL0");
        el0(SysReg.SCTLR_EL1, 1 << 15, READ, "CTR_EL0");
        el0(SysReg.SCTLR_EL1, 1 << 9, BOTH, "DAIF");
        el0(SysReg.SCTLR_EL1, 1L << 60, BOTH, "TPIDR2_EL0");
        ROWS.add(new Trap(
                Pattern.compile("SCXTNUM_EL0"), BOTH, true, SysReg.SCTLR_EL1.ordinal(), v -> (v >>> 20 & 1) != 0));
        ROWS.add(new Trap(
                Pattern.compile("(MDCCSR|DBGDTR|DBGDTRRX)_EL0"),
                BOTH,
                true,
                SysReg.MDSCR_EL1.ordinal(),
                v -> (v >>> 12 & 1) != 0));
        SysReg user = SysReg.PMUSERENR_EL0;
        el0(user, 1 | 4, READ, "PMCCNTR_EL0");
        el0(user, 1, WRITE, "PMCCNTR_EL0");
        el0(user, 1 | 8, READ, "PM(XEVCNTR|EVCNTR\\d+|SELR)_EL0");
        el0(user, 1, WRITE, "PM(XEVCNTR|EVCNTR\\d+)_EL0");
        el0(user, 1 | 8, WRITE, "PMSELR_EL0");
        el0(user, 1 | 2, BOTH, "PMSWINC_EL0");
        el0(user, 1, BOTH, "PM(CR|CNTENSET|CNTENCLR|OVSCLR|OVSSET|CEID.|XEVTYPER|EVTYPER\\d+|CCFILTR)_EL0");
        el0(SysReg.AMUSERENR_EL0, 1, BOTH, "AMCR_EL0");
        for (int i = 0; i < SysReg.count(); i++) {
            List<Trap> of = new ArrayList<>();
            for (Trap t : ROWS) if (t.registers.matcher(SysReg.at(i).name()).matches()) of.add(t);
            BY_REGISTER.add(List.copyOf(of));
        }
    }

    private SysTraps() {}

    /** Loads the class with its tables. */
    static void prepare() {}

    /** Rows that no register has: a misspelt name. */
    static List<String> unused() {
        List<String> bad = new ArrayList<>();
        for (Trap t : ROWS) if (BY_REGISTER.stream().noneMatch(l -> l.contains(t))) bad.add(t.registers.pattern());
        return bad;
    }

    /** Throws when the access traps; first to EL1, then to EL2. */
    static void check(Arm64Interpreter c, SysReg r, boolean read, int word) {
        List<Trap> rows = BY_REGISTER.get(r.ordinal());
        int access = read ? READ : WRITE;
        if (c.el == 0) {
            for (Trap t : rows)
                if (t.el0 && (t.accesses & access) != 0 && t.when.test(c.sys[t.control]))
                    throw c.exception(Exceptions.SYS, SysAccess.iss(word, read));
        }
        for (Trap t : rows)
            if (!t.el0 && (t.accesses & access) != 0 && t.when.test(c.sys[t.control]))
                throw c.trap2(Exceptions.SYS, SysAccess.iss(word, read));
        units(c, r);
        timers(c, r, read, word);
    }

    /** FPCR, FPSR and ZCR_EL1 belong to units that can be disabled. */
    private static void units(Arm64Interpreter c, SysReg r) {
        if (r == SysReg.FPCR || r == SysReg.FPSR) {
            if (!c.fpOn) throw c.unitTrap(A64Op.FP);
        } else if (r == SysReg.ZCR_EL1) {
            if (!c.sveOn) throw c.unitTrap(A64Op.SVE);
        } else if (r == SysReg.SMCR_EL1 || r == SysReg.SVCR) {
            boolean e2h = (c.sys[HCR] & 1L << 34) != 0;
            long cptr = c.sys[SysReg.CPTR_EL2.ordinal()];
            // CPTR_EL2.SMEN with E2H, else TSM.
            if (e2h ? (cptr >>> 24 & 1) == 0 : (cptr >>> 12 & 1) != 0) throw c.trap2(Exceptions.SME, 0);
        }
    }

    /** CNTHCTL_EL2 has its bits elsewhere when HCR_EL2.E2H is set. */
    private static void timers(Arm64Interpreter c, SysReg r, boolean read, int word) {
        int shift = (c.sys[HCR] & 1L << 34) != 0 ? 10 : 0;
        long ctl = c.sys[SysReg.CNTHCTL_EL2.ordinal()] >>> shift;
        boolean trap = switch (r) {
            case CNTPCT_EL0, CNTPCTSS_EL0 -> (ctl & 1) == 0;
            case CNTP_TVAL_EL0, CNTP_CTL_EL0, CNTP_CVAL_EL0 -> (ctl & 2) == 0;
            case CNTV_TVAL_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0 -> (c.sys[SysReg.CNTHCTL_EL2.ordinal()] >>> 13 & 1) != 0;
            case CNTVCT_EL0, CNTVCTSS_EL0 -> (c.sys[SysReg.CNTHCTL_EL2.ordinal()] >>> 14 & 1) != 0;
            default -> false;
        };
        if (trap) throw c.trap2(Exceptions.SYS, SysAccess.iss(word, read));
    }
}
