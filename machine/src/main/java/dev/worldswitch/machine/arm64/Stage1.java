package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.PhysicalMemory;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Stage 1 of the EL1&amp;0 translation regime with VMSAv8-64 descriptors (Arm ARM, chapter D8): 4, 16 and 64 KiB granules,
 * blocks, hierarchical and direct permissions, hardware update of the access flag and the dirty state.
 */
final class Stage1 {
    /** A translation table is in memory that the client can't access. */
    static final int INACCESSIBLE = 0x100;
    /** The answer of a walk that found the address. */
    static final int OK = -1;

    static final int TRANSLATION = 4, ACCESS_FLAG = 8, PERMISSION = 12, ADDRESS_SIZE = 0;
    private static final int SCTLR = SysReg.SCTLR_EL1.ordinal(), TCR = SysReg.TCR_EL1.ordinal();
    private static final int TTBR0 = SysReg.TTBR0_EL1.ordinal(), TTBR1 = SysReg.TTBR1_EL1.ordinal();
    private static final int MAIR = SysReg.MAIR_EL1.ordinal();
    private static final int[] PA_BITS = {32, 36, 40, 42, 44, 48, 52, 56};
    private static final VarHandle CAS = ValueLayout.JAVA_LONG.varHandle();

    private final long[] sys;
    private final PhysicalMemory memory;
    private final int paBits;
    private final boolean lpa2of4, lpa2of16;
    /** A debugger asks: no permission counts, no descriptor is updated. */
    private final boolean asking;

    /** Answers of {@link #walk}. */
    long ipa;

    boolean stage2, guarded;
    /** Memory attribute byte of MAIR_EL1 and the shareability field, for AT. */
    int attributes, shareability;

    Stage1(Arm64Cpu cpu, PhysicalMemory memory) {
        this(cpu.sys().raw(), cpu.profile(), memory, false);
    }

    private Stage1(long[] sys, Arm64Profile profile, PhysicalMemory memory, boolean asking) {
        this.sys = sys;
        this.memory = memory;
        this.asking = asking;
        int range = profile.field(SysReg.ID_AA64MMFR0_EL1, 0);
        this.paBits = PA_BITS[Math.min(range, 7)];
        this.lpa2of4 = profile.field(SysReg.ID_AA64MMFR0_EL1, 28) == 1;
        this.lpa2of16 = profile.field(SysReg.ID_AA64MMFR0_EL1, 20) == 2;
    }

    /** Where the address is by these registers, or -1; nothing is changed, and no access right counts. */
    static long ask(long[] sys, Arm64Profile profile, PhysicalMemory memory, long va) {
        Stage1 s = new Stage1(sys, profile, memory, true);
        return s.walk(va, Mmu.READ, false, false) == OK ? s.ipa : -1;
    }

    private static long bits(long v, int hi, int lo) {
        return v >>> lo & -1L >>> 63 - (hi - lo);
    }

    /** Whether the top byte of an address in this half is ignored, for data or for instructions. */
    boolean topByteIgnored(long va, boolean fetch) {
        long tcr = sys[TCR];
        boolean high = (va >>> 55 & 1) != 0;
        boolean tbi = (tcr >>> (high ? 38 : 37) & 1) != 0, tbid = (tcr >>> (high ? 52 : 51) & 1) != 0;
        return tbi && !(fetch && tbid);
    }

    /** Bits of a virtual address that translation looks at in this half. */
    int inputBits(boolean high) {
        long tcr = sys[TCR];
        int tsz = (int) bits(tcr, high ? 21 : 5, high ? 16 : 0);
        return 64 - tsz;
    }

    /** Translates: {@link #OK}, or the fault status code (Arm ARM, "ISS encoding for an exception from a Data Abort", DFSC). */
    int walk(long va, int kind, boolean user, boolean pan) {
        stage2 = false;
        guarded = false;
        if ((sys[SCTLR] & 1) == 0) return flat(va, kind);
        long tcr = sys[TCR];
        boolean high = (va >>> 55 & 1) != 0;
        boolean fetch = kind == Mmu.FETCH;
        if ((tcr >>> (high ? 23 : 7) & 1) != 0) return TRANSLATION;
        if (user && (tcr >>> (high ? 56 : 55) & 1) != 0) return TRANSLATION;
        int grain = granule(tcr, high);
        boolean ds = (tcr >>> 59 & 1) != 0 && (grain == 12 ? lpa2of4 : grain == 14 && lpa2of16);
        int in = inputBits(high);
        int most = ds || grain == 16 ? 52 : 48;
        if (in > most) in = most;
        if (in < 16) in = 16;
        int top = topByteIgnored(va, fetch) ? 55 : 63;
        long sign = high ? -1L : 0;
        if (((va ^ sign) << 63 - top >>> 63 - top) >>> in != 0) return TRANSLATION;
        return descend(va, kind, user, pan, tcr, high, grain, ds, in);
    }

    private int flat(long va, int kind) {
        int top = topByteIgnored(va, kind == Mmu.FETCH) ? 55 : 63;
        long a = va << 63 - top >>> 63 - top;
        if (a >>> paBits != 0) return ADDRESS_SIZE;
        ipa = a;
        // Device-nGnRnE for data; fetches are Normal, cacheable or not by SCTLR_EL1.I.
        attributes = 0;
        // QEMU's CPU, on which the transcripts were recorded, reports it so.
        shareability = 0;
        return OK;
    }

    private static int granule(long tcr, boolean high) {
        if (high) {
            return switch ((int) bits(tcr, 31, 30)) {
                case 1 -> 14;
                case 3 -> 16;
                default -> 12;
            };
        }
        return switch ((int) bits(tcr, 15, 14)) {
            case 1 -> 16;
            case 2 -> 14;
            default -> 12;
        };
    }

    private int descend(
            long va, int kind, boolean user, boolean pan, long tcr, boolean high, int grain, boolean ds, int in) {
        int stride = grain - 3;
        int level = 4 - (in - grain + stride - 1) / stride;
        int out = Math.min(paBits, PA_BITS[(int) Math.min(bits(tcr, 34, 32), 6)]);
        if (out == 52 && grain != 16 && !ds) out = 48;
        long ttbr = sys[high ? TTBR1 : TTBR0];
        int low = in - (3 - level) * stride - grain;
        long table = ttbr & 0xfffffffffffeL & -1L << Math.max(low + 3, out == 52 ? 6 : 4);
        if (out == 52) table |= bits(ttbr, 5, 2) << 48;
        if (table >>> out != 0) return ADDRESS_SIZE;
        boolean hpd = (tcr >>> (high ? 42 : 41) & 1) != 0;
        int ap = 0, xn = 0;
        long offset = va << 64 - in >>> 64 - in;
        for (; ; level++) {
            int shift = (3 - level) * stride + grain;
            long at = table + (offset >>> shift & (1L << (shift + stride > in ? in - shift : stride)) - 1) * 8;
            long hostPage = memory.page(at & Mmu.PAGE, false);
            if (hostPage == PhysicalMemory.MMIO || hostPage == PhysicalMemory.FAULT) {
                stage2 = true;
                ipa = at;
                return hostPage == PhysicalMemory.FAULT ? INACCESSIBLE : 7;
            }
            long host = hostPage + (at & 0xfff);
            long desc = (long) CAS.getVolatile(Mmu.HOST, host);
            if ((sys[SCTLR] & 1L << 25) != 0) desc = Long.reverseBytes(desc);
            if ((desc & 1) == 0) return fault(TRANSLATION, level);
            boolean table3 = (desc & 2) != 0;
            if (!table3 && !blockAllowed(grain, level, ds)) return fault(TRANSLATION, level);
            long address = address(desc, grain, ds, out);
            if (level < 3 && table3) {
                address &= -1L << grain;
                if (address >>> out != 0) return fault(ADDRESS_SIZE, level);
                if (!hpd) {
                    ap |= (int) bits(desc, 62, 61);
                    xn |= (int) bits(desc, 60, 59);
                }
                table = address;
                continue;
            }
            if (level == 3 && !table3) return fault(TRANSLATION, level);
            address &= -1L << shift;
            if (address >>> out != 0) return fault(ADDRESS_SIZE, level);
            return leaf(
                    va, kind, user, pan, tcr, desc, host, at, level, ap, xn, address | offset & (1L << shift) - 1, ds);
        }
    }

    /** The status code of a fault at a level; FEAT_LPA2's level -1 has codes of its own. */
    private static int fault(int type, int level) {
        if (level >= 0) return type | level;
        return type == TRANSLATION ? 0x2b : 0x29;
    }

    private static boolean blockAllowed(int grain, int level, boolean ds) {
        if (level == 3) return false;
        return switch (grain) {
            case 12 -> level >= (ds ? 0 : 1);
            case 14 -> level >= (ds ? 1 : 2);
            default -> level >= 1;
        };
    }

    private static long address(long desc, int grain, boolean ds, int out) {
        if (ds) return desc & 0x3fffffffff000L | bits(desc, 9, 8) << 50;
        long a = desc & 0xfffffffff000L;
        if (grain == 16 && out == 52) a = a & ~0xf000L | bits(desc, 15, 12) << 48;
        return a;
    }

    private int leaf(
            long va,
            int kind,
            boolean user,
            boolean pan,
            long tcr,
            long desc,
            long host,
            long descAt,
            int level,
            int apTable,
            int xnTable,
            long address,
            boolean ds) {
        ipa = address;
        if (asking) return OK;
        long update = 0;
        boolean hardwareAf = (tcr >>> 39 & 1) != 0, hardwareDirty = hardwareAf && (tcr >>> 40 & 1) != 0;
        if ((desc & 1L << 10) == 0) {
            if (!hardwareAf) return ACCESS_FLAG | level;
            update |= 1L << 10;
        }
        boolean dbm = hardwareDirty && (desc & 1L << 51) != 0;
        boolean readOnly = ((desc & 1L << 7) != 0 && !dbm) || (apTable & 2) != 0;
        boolean el0 = (desc & 1L << 6) != 0 && (apTable & 1) == 0;
        boolean uxn = (desc & 1L << 54) != 0 || (xnTable & 2) != 0;
        boolean pxn = (desc & 1L << 53) != 0 || (xnTable & 1) != 0;
        boolean wxn = (sys[SCTLR] & 1L << 19) != 0;
        boolean epan = (sys[SCTLR] & 1L << 57) != 0;
        boolean ok;
        if (kind == Mmu.FETCH) {
            // Memory that EL0 can write is never executable at EL1.
            boolean writable = user ? el0 && !readOnly : !readOnly;
            ok = !(wxn && writable) && (user ? !uxn : !pxn && !(el0 && !readOnly));
        } else {
            ok = kind == Mmu.READ || !readOnly;
            if (user) ok &= el0;
            else if (pan && (el0 || epan && !uxn)) ok = false;
        }
        if (!ok) return PERMISSION | level;
        if (kind == Mmu.WRITE && dbm && (desc & 1L << 7) != 0) update |= 1L << 7;
        if (update != 0 && !store(host, descAt, desc, desc ^ update)) return walk(va, kind, user, pan);
        guarded = (desc & 1L << 50) != 0;
        attributes = (int) (sys[MAIR] >>> 8 * bits(desc, 4, 2)) & 0xff;
        shareability = ds ? (int) bits(tcr, 13, 12) : (int) bits(desc, 9, 8);
        return OK;
    }

    /** The table walker's own update: atomic, and lost when the descriptor has changed meanwhile. */
    private boolean store(long host, long at, long old, long now) {
        boolean swap = (sys[SCTLR] & 1L << 25) != 0;
        long page = memory.page(at & Mmu.PAGE, true);
        if (page == PhysicalMemory.MMIO || page == PhysicalMemory.FAULT) return true;
        return CAS.compareAndSet(
                Mmu.HOST, host, swap ? Long.reverseBytes(old) : old, swap ? Long.reverseBytes(now) : now);
    }
}
