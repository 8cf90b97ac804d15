package dev.worldswitch.machine.arm64;

import org.jspecify.annotations.Nullable;

/**
 * Pointer authentication (FEAT_PAuth, FEAT_EPAC, FEAT_PAuth2, FEAT_FPAC; shared pseudocode AddPAC, Auth, Strip). The code is
 * that of {@link Qarma} where the ID registers say so, and a keyed mix of this machine's own where they say
 * "implementation defined" (API, GPI).
 */
final class Pauth {
    static final int IA = 0, IB = 1, DA = 2, DB = 3;

    private static final int[] KEY = {
        SysReg.APIAKEYLO_EL1.ordinal(),
        SysReg.APIBKEYLO_EL1.ordinal(),
        SysReg.APDAKEYLO_EL1.ordinal(),
        SysReg.APDBKEYLO_EL1.ordinal()
    };
    private static final int GA = SysReg.APGAKEYLO_EL1.ordinal();
    private static final int SCTLR = SysReg.SCTLR_EL1.ordinal(), TCR = SysReg.TCR_EL1.ordinal();
    private static final int HCR = SysReg.HCR_EL2.ordinal();
    private static final long HCR_API = 1L << 41;
    /** SCTLR_EL1.EnIA, EnIB, EnDA, EnDB. */
    private static final int[] ENABLE = {31, 30, 27, 13};

    /** Values of the ID registers' fields: FEAT_EPAC, FEAT_PAuth2, FEAT_FPAC, FEAT_FPACCOMBINE. */
    private static final int EPAC = 2, PAUTH2 = 3, FPAC = 4, FPAC_COMBINE = 5;

    private static final @Nullable Qarma OWN = null;

    private final @Nullable Qarma address, generic;
    private final int level;

    Pauth(Arm64Profile p) {
        int apa = p.field(SysReg.ID_AA64ISAR1_EL1, 4), api = p.field(SysReg.ID_AA64ISAR1_EL1, 8);
        int apa3 = p.field(SysReg.ID_AA64ISAR2_EL1, 12);
        level = Math.max(apa, Math.max(api, apa3));
        address = apa != 0 ? Qarma.QARMA5 : apa3 != 0 ? Qarma.QARMA3 : OWN;
        boolean gpa = p.field(SysReg.ID_AA64ISAR1_EL1, 24) != 0, gpa3 = p.field(SysReg.ID_AA64ISAR2_EL1, 8) != 0;
        generic = gpa ? Qarma.QARMA5 : gpa3 ? Qarma.QARMA3 : OWN;
    }

    private static boolean enabled(Arm64Interpreter c, int key) {
        if ((c.sys[SCTLR] >>> ENABLE[key] & 1) == 0) return false;
        if ((c.sys[HCR] & HCR_API) == 0) throw c.trap2(Exceptions.PAUTH, 0);
        return true;
    }

    static long mix(long v) {
        long a = (v ^ v >>> 32) * 0xd6e8feb86659fd93L;
        long b = (a ^ a >>> 29) * 0xbf58476d1ce4e5b9L;
        return b ^ b >>> 32;
    }

    private static long code(@Nullable Qarma cipher, long pointer, long modifier, long low, long high) {
        if (cipher != null) return cipher.code(pointer, modifier, low, high);
        return mix(mix(mix(pointer ^ low) + modifier) ^ high);
    }

    private static boolean tbi(Arm64Interpreter c, long ptr, boolean instruction) {
        return c.stage1.topByteIgnored(ptr, instruction);
    }

    /** CalculateBottomPACBit. */
    private static int bottom(Arm64Interpreter c, boolean high) {
        return Math.min(Math.max(c.stage1.inputBits(high), 25), 52);
    }

    /** Mask of the bits that hold the code: up to 54, and 63 to 56 unless the top byte is ignored. */
    private static long field(int bottom, boolean tbi) {
        long below55 = (1L << 55) - (1L << bottom);
        return tbi ? below55 : below55 | 0xffL << 56;
    }

    static long add(Arm64Interpreter c, long ptr, long modifier, int key) {
        if (!enabled(c, key)) return ptr;
        boolean instruction = key <= IB;
        boolean tbi = tbi(c, ptr, instruction);
        // Either half's: there may be no right choice between the halves.
        boolean anyTbi = tbi || tbi(c, ptr ^ 1L << 55, instruction);
        long sel = ptr >>> (anyTbi ? 55 : 63) & 1;
        int bottom = bottom(c, sel != 0);
        long mask = field(bottom, tbi) | 1L << 55;
        long ext = sel != 0 ? ptr | mask : ptr & ~mask;
        Pauth p = c.pauth;
        long pac = code(p.address, ext, modifier, c.sys[KEY[key]], c.sys[KEY[key] + 1]);
        long was = ptr & mask, bits = field(bottom, tbi);
        if (p.level >= PAUTH2) return ptr & ~(1L << 55) ^ pac & bits | sel << 55;
        // A pointer that was not canonical gets a code that will not authenticate.
        if (was != 0 && was != mask) pac = p.level == EPAC ? 0 : pac ^ 1L << (tbi ? 54 : 62);
        return ptr & ~mask | pac & bits | sel << 55;
    }

    /** The pointer without its code, or with an error code where that is wrong. */
    static long authenticate(Arm64Interpreter c, long ptr, long modifier, int key, boolean combined) {
        if (!enabled(c, key)) return ptr;
        boolean tbi = tbi(c, ptr, key <= IB);
        int bottom = bottom(c, (ptr >>> 55 & 1) != 0);
        long bits = field(bottom, tbi), mask = bits | 1L << 55;
        long ext = (ptr >>> 55 & 1) != 0 ? ptr | mask : ptr & ~mask;
        Pauth p = c.pauth;
        long pac = code(p.address, ext, modifier, c.sys[KEY[key]], c.sys[KEY[key] + 1]);
        if (p.level >= PAUTH2) {
            long result = ptr ^ pac & bits;
            if (result != ext && (p.level >= FPAC_COMBINE || p.level == FPAC && !combined))
                throw c.exception(Exceptions.FPAC, (key >= DA ? 2 : 0) | key & 1);
            return result;
        }
        if (((pac ^ ptr) & bits) == 0) return ext;
        long error = (key & 1) == 0 ? 1 : 2;
        int at = tbi ? 53 : 61;
        return ext & ~(3L << at) | error << at;
    }

    static long strip(Arm64Interpreter c, long ptr, boolean instruction) {
        long mask = field(bottom(c, (ptr >>> 55 & 1) != 0), tbi(c, ptr, instruction)) | 1L << 55;
        return (ptr >>> 55 & 1) != 0 ? ptr | mask : ptr & ~mask;
    }

    static long generic(Arm64Interpreter c, long v, long modifier) {
        if ((c.sys[HCR] & HCR_API) == 0) throw c.trap2(Exceptions.PAUTH, 0);
        return code(c.pauth.generic, v, modifier, c.sys[GA], c.sys[GA + 1]) & 0xffffffff00000000L;
    }
}
