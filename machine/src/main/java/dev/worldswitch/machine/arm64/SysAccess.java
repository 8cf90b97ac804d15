package dev.worldswitch.machine.arm64;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** MRS and MSR (register): what exists, who may, what traps, and the registers that are more than storage. */
final class SysAccess {
    private static final Pattern READ_ONLY = Pattern.compile(
            "(MIDR|MPIDR|REVIDR|AIDR|SMIDR|ID_.*|MVFR.|CCSIDR2?|CLIDR|GMID"
                    + "|MDRAR|OSLSR|DBGAUTHSTATUS|ISR|ICC_(IAR.|HPPIR.|RPR|NMIAR1)|PMSIDR|PMBIDR|TRBIDR|ERRIDR|ERXFR|ERXPFGF|LORID"
                    + "|MPAMIDR|PMMIR)_EL1|CurrentEL|(CTR|DCZID|RNDR|RNDRRS|PMCEID.|CNTFRQ|CNTPCT|CNTVCT|CNTPCTSS|CNTVCTSS|MDCCSR)_EL0");
    private static final Pattern WRITE_ONLY =
            Pattern.compile("OSLAR_EL1|ICC_(EOIR.|DIR|SGI1R|ASGI1R|SGI0R)_EL1|PMSWINC_EL0");
    private static final boolean[] NO_WRITE = matching(READ_ONLY), NO_READ = matching(WRITE_ONLY);

    /** A family of registers and the ID register field that announces it. */
    private record Exists(String names, SysReg id, int shift, int least) {}

    private static final Exists[] EXIST = {
        new Exists("ZCR_EL1", SysReg.ID_AA64PFR0_EL1, 32, 1),
        new Exists("(SMCR|SMPRI|SMIDR)_EL1|SVCR|TPIDR2_EL0", SysReg.ID_AA64PFR1_EL1, 24, 1),
        new Exists("FPMR|ID_AA64FPFR0_EL1_", SysReg.ID_AA64PFR2_EL1, 32, 1),
        new Exists("ICC_.*_EL1", SysReg.ID_AA64PFR0_EL1, 24, 1),
        new Exists("(ERRIDR|ERRSELR|ERX.*|DISR)_EL1", SysReg.ID_AA64PFR0_EL1, 28, 1),
        new Exists("AM.*_EL0", SysReg.ID_AA64PFR0_EL1, 44, 1),
        new Exists("DIT", SysReg.ID_AA64PFR0_EL1, 48, 1),
        new Exists("SCXTNUM_EL[01]", SysReg.ID_AA64PFR0_EL1, 56, 2),
        new Exists("MPAM.*_EL1", SysReg.ID_AA64PFR0_EL1, 40, 1),
        new Exists("SSBS", SysReg.ID_AA64PFR1_EL1, 4, 2),
        new Exists("TCO", SysReg.ID_AA64PFR1_EL1, 8, 1),
        new Exists("(RGSR|GCR|TFSR|TFSRE0|GMID)_EL1", SysReg.ID_AA64PFR1_EL1, 8, 2),
        new Exists("ALLINT|ICC_NMIAR1_EL1", SysReg.ID_AA64PFR1_EL1, 36, 1),
        new Exists("GCS.*_EL[01]", SysReg.ID_AA64PFR1_EL1, 44, 1),
        new Exists(
                "PM(CR|CNTEN.*|OVS.*|SWINC|SELR|CEID.|CCNTR|XEV.*|USERENR|EVCNTR\\d+|EVTYPER\\d+|CCFILTR)_EL0|PMINTEN.*_EL1",
                SysReg.ID_AA64DFR0_EL1,
                8,
                1),
        new Exists("PMMIR_EL1", SysReg.ID_AA64DFR0_EL1, 8, 4),
        new Exists("PMIC.*_EL0", SysReg.ID_AA64DFR1_EL1, 36, 1),
        new Exists("PM[SB].*_EL1", SysReg.ID_AA64DFR0_EL1, 32, 1),
        new Exists("TRFCR_EL1", SysReg.ID_AA64DFR0_EL1, 40, 1),
        new Exists("TRB.*_EL1", SysReg.ID_AA64DFR0_EL1, 44, 1),
        new Exists("RNDR.*_EL0", SysReg.ID_AA64ISAR0_EL1, 60, 1),
        new Exists("ACCDATA_EL1", SysReg.ID_AA64ISAR1_EL1, 60, 3),
        new Exists("CNT[PV]CTSS_EL0", SysReg.ID_AA64MMFR0_EL1, 60, 1),
        new Exists("LOR.*_EL1", SysReg.ID_AA64MMFR1_EL1, 16, 1),
        new Exists("PAN", SysReg.ID_AA64MMFR1_EL1, 20, 1),
        new Exists("UAO", SysReg.ID_AA64MMFR2_EL1, 4, 1),
        new Exists("CCSIDR2_EL1", SysReg.ID_AA64MMFR2_EL1, 20, 1),
        new Exists("TCR2_EL1", SysReg.ID_AA64MMFR3_EL1, 0, 1),
        new Exists("SCTLR2_EL1", SysReg.ID_AA64MMFR3_EL1, 4, 1),
        new Exists("PIR_EL1|PIRE0_EL1", SysReg.ID_AA64MMFR3_EL1, 8, 1),
        new Exists("POR_EL[01]|S2POR_EL1", SysReg.ID_AA64MMFR3_EL1, 16, 1),
        new Exists("(MAIR2|AMAIR2)_EL1", SysReg.ID_AA64MMFR3_EL1, 24, 1),
        new Exists("RCW.*_EL1", SysReg.ID_AA64PFR1_EL1, 48, 1),
        new Exists("DSPSR_EL0|DLR_EL0", SysReg.ID_AA64PFR0_EL1, 16, 99),
    };

    /** Ordinals of the registers of each family. */
    private static final Map<Exists, int[]> MEMBERS = new LinkedHashMap<>();

    private static final int[] KEYS = members("AP[ID].KEY.._EL1"), GENERIC_KEY = members("APGAKEY.._EL1");

    static {
        for (Exists e : EXIST) MEMBERS.put(e, members(e.names));
    }

    private static final int HCR = SysReg.HCR_EL2.ordinal(), SCTLR = SysReg.SCTLR_EL1.ordinal();
    private static final int VPIDR = SysReg.VPIDR_EL2.ordinal(), VMPIDR = SysReg.VMPIDR_EL2.ordinal();
    private static final int OSLSR = SysReg.OSLSR_EL1.ordinal(), CSSELR = SysReg.CSSELR_EL1.ordinal();
    private static final int DCZID = SysReg.DCZID_EL0.ordinal();
    private static final long FPSR_BITS = 0xf800009fL, TIDCP = 1L << 20, TID3 = 1L << 18, TDZ = 1L << 28;
    private final Arm64Interpreter c;
    private final boolean[] exists = new boolean[SysReg.count()];
    private final long fpcrBits;
    private long draws;
    final Timers timers;

    SysAccess(Arm64Interpreter c) {
        this.c = c;
        this.timers = new Timers(c);
        Arm64Profile p = c.cpu.profile();
        for (int i = 0; i < exists.length; i++) exists[i] = !p.isAbsent(SysReg.at(i));
        MEMBERS.forEach((e, members) -> {
            int v = p.field(e.id, e.shift);
            // The PMU's field has 15 for "not as architected".
            if (v >= e.least && !(e.id == SysReg.ID_AA64DFR0_EL1 && e.shift == 8 && v == 15)) return;
            for (int i : members) exists[i] = false;
        });
        for (int i : KEYS) exists[i] = Feature.PAUTH.in(p);
        for (int i : GENERIC_KEY) exists[i] = Feature.PACGA.in(p);
        int n = 1 + p.field(SysReg.ID_AA64DFR0_EL1, 12), m = 1 + p.field(SysReg.ID_AA64DFR0_EL1, 20);
        for (int i = 0; i < 16; i++) {
            exists[SysReg.nth("DBGBVR", i, "_EL1").ordinal()] =
                    exists[SysReg.nth("DBGBCR", i, "_EL1").ordinal()] = i < n;
            exists[SysReg.nth("DBGWVR", i, "_EL1").ordinal()] =
                    exists[SysReg.nth("DBGWCR", i, "_EL1").ordinal()] = i < m;
        }
        // AHP, DN, FZ, RMode; FZ16 with half precision; Stride and Len where AArch32 can use them.
        boolean aarch32 = p.field(SysReg.ID_AA64PFR0_EL1, 0) == 2;
        this.fpcrBits = 0x07c00000L | (Feature.FP16.in(p) ? 1 << 19 : 0) | (aarch32 ? 0x370000 : 0);
    }

    /** Loads the class with its tables. */
    static void prepare() {}

    private static int[] members(String names) {
        boolean[] of = matching(Pattern.compile(names));
        return IntStream.range(0, of.length).filter(i -> of[i]).toArray();
    }

    private static boolean[] matching(Pattern p) {
        boolean[] r = new boolean[SysReg.count()];
        for (int i = 0; i < r.length; i++) r[i] = p.matcher(SysReg.at(i).name()).matches();
        return r;
    }

    /** Encoding of the register that MRS or MSR names. */
    static int encoding(int word) {
        return word >>> 5 & 0xffff;
    }

    /** ISS of EC 0x18: Op0 Op2 Op1 CRn Rt CRm and direction, 1 for a read. */
    static int iss(int word, boolean read) {
        return (word >>> 19 & 3) << 20
                | (word >>> 5 & 7) << 17
                | (word >>> 16 & 7) << 14
                | (word >>> 12 & 15) << 10
                | (word & 31) << 5
                | (word >>> 8 & 15) << 1
                | (read ? 1 : 0);
    }

    /** The register, when this access to it is possible at all at this EL; everything else is thrown. */
    private @Nullable SysReg admit(int word, boolean read) {
        int e = encoding(word), op0 = e >>> 14, op1 = e >>> 11 & 7, crn = e >>> 7 & 15, crm = e >>> 3 & 15;
        if (crn == 11 || crn == 15) {
            // IMPLEMENTATION DEFINED space.
            if (op0 == 3 && (c.sys[HCR] & TIDCP) != 0) throw c.trap2(Exceptions.SYS, iss(word, read));
            throw c.undefined();
        }
        boolean idSpace = op0 == 3 && crn == 0 && crm <= 7 && (op1 == 0 || op1 == 1 || op1 == 3);
        SysReg r = SysReg.find(e);
        boolean id = op0 == 3 && op1 == 0 && crn == 0 && crm >= 1 && crm <= 7;
        if (r == null || !exists[r.ordinal()] || op1 >= 4 || (read ? NO_READ : NO_WRITE)[r.ordinal()]) {
            if (id && read && c.el != 0) {
                if ((c.sys[HCR] & TID3) != 0) throw c.trap2(Exceptions.SYS, iss(word, true));
                return null;
            }
            boolean unallocated = r == null || !exists[r.ordinal()];
            if (unallocated && idSpace && read && c.has(Feature.IDST))
                throw c.exception(Exceptions.SYS, iss(word, true));
            throw c.undefined();
        }
        if (c.el == 0
                && (op1 != 3
                        || r == SysReg.TPIDRRO_EL0 && !read
                        || r == SysReg.PMUSERENR_EL0 && !read
                        || r == SysReg.AMUSERENR_EL0 && !read)) {
            boolean idst = read && op0 == 3 && crn == 0 && c.has(Feature.IDST);
            throw idst ? c.exception(Exceptions.SYS, iss(word, true)) : c.undefined();
        }
        SysTraps.check(c, r, read, word);
        return r;
    }

    long read(int word) {
        SysReg r = admit(word, true);
        if (r == null) return 0;
        long[] sys = c.sys;
        return switch (r) {
            case MIDR_EL1 -> sys[VPIDR];
            case MPIDR_EL1 -> sys[VMPIDR];
            case NZCV -> (long) c.nzcv() << 28;
            case DAIF -> c.ps & Pstate.DAIF;
            case CurrentEL -> (long) c.el << 2;
            case SPSel -> c.ps & 1;
            case PAN -> c.ps & Pstate.PAN;
            case UAO -> c.ps & Pstate.UAO;
            case DIT -> c.ps & Pstate.DIT;
            case SSBS -> c.ps & Pstate.SSBS;
            case TCO -> c.ps & Pstate.TCO;
            case SP_EL0 -> {
                if ((c.ps & 1) == 0) throw c.undefined();
                yield sys[r.ordinal()];
            }
            case FPCR -> sys[r.ordinal()] & fpcrBits;
            // IMPLEMENTATION DEFINED, and these CPUs define nothing.
            case AFSR0_EL1, AFSR1_EL1 -> 0;
            case FPSR -> sys[r.ordinal()] & FPSR_BITS;
            case ISR_EL1 -> c.virtualPending();
            case RNDR_EL0, RNDRRS_EL0 -> {
                c.setNzcv(0);
                yield Pauth.mix(c.cpu.timing().now() * 31 + ++draws);
            }
            case DCZID_EL0 -> sys[DCZID] | (zeroingProhibited() ? 16 : 0);
            case CCSIDR_EL1 -> {
                long[] v = c.cpu.profile().source().table("ccsidr").get(Long.toString(sys[CSSELR] & 15));
                yield v == null ? 0 : v[0];
            }
            case CNTPCT_EL0,
                    CNTPCTSS_EL0,
                    CNTVCT_EL0,
                    CNTVCTSS_EL0,
                    CNTP_TVAL_EL0,
                    CNTP_CTL_EL0,
                    CNTV_TVAL_EL0,
                    CNTV_CTL_EL0 -> timers.read(r);
            case CNTFRQ_EL0 -> c.cpu.profile().cntfrq();
            case OSLSR_EL1 -> sys[OSLSR] & 2 | 8;
            case DBGCLAIMSET_EL1 -> 0xff;
            default -> r.name().startsWith("ICC_") ? c.gic.read(r) : sys[r.ordinal()];
        };
    }

    private boolean zeroingProhibited() {
        return (c.sys[HCR] & TDZ) != 0 || c.el == 0 && (c.sys[SCTLR] & 1 << 14) == 0;
    }

    void write(int word, long v) {
        SysReg r = admit(word, false);
        if (r == null) return;
        long[] sys = c.sys;
        switch (r) {
            case NZCV -> c.setNzcv((int) (v >>> 28) & 15);
            case DAIF -> pstate(Pstate.DAIF, v);
            case SPSel -> c.setPstate(c.pstate() & ~1L | v & 1);
            case PAN -> pstate(Pstate.PAN, v);
            case UAO -> pstate(Pstate.UAO, v);
            case DIT -> pstate(Pstate.DIT, v);
            case SSBS -> pstate(Pstate.SSBS, v);
            case TCO -> pstate(Pstate.TCO, v);
            case SP_EL0 -> {
                if ((c.ps & 1) == 0) throw c.undefined();
                sys[r.ordinal()] = v;
            }
            case FPCR -> sys[r.ordinal()] = v & fpcrBits;
            case FPSR -> sys[r.ordinal()] = v & FPSR_BITS;
            case ZCR_EL1 -> sys[r.ordinal()] = v & 15;
            case OSLAR_EL1 -> sys[OSLSR] = sys[OSLSR] & ~2L | (v & 1) << 1;
            case CNTP_TVAL_EL0, CNTP_CTL_EL0, CNTP_CVAL_EL0, CNTV_TVAL_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0 ->
                timers.write(r, v);
            case PMCNTENSET_EL0, PMOVSSET_EL0, PMINTENSET_EL1 -> sys[r.ordinal()] |= v;
            case PMCNTENCLR_EL0 -> sys[SysReg.PMCNTENSET_EL0.ordinal()] &= ~v;
            case PMOVSCLR_EL0 -> sys[SysReg.PMOVSSET_EL0.ordinal()] &= ~v;
            case PMINTENCLR_EL1 -> sys[SysReg.PMINTENSET_EL1.ordinal()] &= ~v;
            default -> {
                if (r.name().startsWith("ICC_")) c.gic.write(r, v);
                else sys[r.ordinal()] = v;
            }
        }
        c.regimeChanged();
    }

    private void pstate(long field, long v) {
        c.ps = c.ps & ~field | v & field;
    }
}
