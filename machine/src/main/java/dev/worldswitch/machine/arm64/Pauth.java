package dev.worldswitch.machine.arm64;

/**
 * Pointer authentication (FEAT_PAuth; shared pseudocode AddPAC, Auth, Strip). The algorithm is this machine's own keyed
 * mix, which the architecture permits; guests see a code in the right bits that only the right key and modifier undo.
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

    private Pauth() {}

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

    private static long code(long pointer, long modifier, long low, long high) {
        return mix(mix(mix(pointer ^ low) + modifier) ^ high);
    }

    private static boolean tbi(Arm64Interpreter c, long ptr, boolean instruction) {
        return c.stage1.topByteIgnored(ptr, instruction);
    }

    private static int bottom(Arm64Interpreter c, long ptr) {
        return Math.min(Math.max(c.stage1.inputBits((ptr >>> 55 & 1) != 0), 25), 52);
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
        boolean anyTbi = (c.sys[TCR] >>> 37 & 3) != 0;
        long sel = ptr >>> (anyTbi ? 55 : 63) & 1;
        int bottom = bottom(c, ptr);
        long mask = field(bottom, tbi) | 1L << 55;
        long ext = sel != 0 ? ptr | mask : ptr & ~mask;
        long pac = code(ext, modifier, c.sys[KEY[key]], c.sys[KEY[key] + 1]);
        long was = ptr & mask;
        // A pointer that was not canonical gets a code that will not authenticate.
        if (was != 0 && was != mask) pac ^= 1L << (tbi ? 54 : 62);
        return ptr & ~mask | pac & field(bottom, tbi) | sel << 55;
    }

    /** The pointer without its code, or with an error code where that is wrong. */
    static long authenticate(Arm64Interpreter c, long ptr, long modifier, int key, boolean combined) {
        if (!enabled(c, key)) return ptr;
        boolean tbi = tbi(c, ptr, key <= IB);
        int bottom = bottom(c, ptr);
        long bits = field(bottom, tbi), mask = bits | 1L << 55;
        long ext = (ptr >>> 55 & 1) != 0 ? ptr | mask : ptr & ~mask;
        long pac = code(ext, modifier, c.sys[KEY[key]], c.sys[KEY[key] + 1]);
        if (((pac ^ ptr) & bits) == 0) return ext;
        long error = (key & 1) == 0 ? 1 : 2;
        int at = tbi ? 53 : 61;
        return ext & ~(3L << at) | error << at;
    }

    static long strip(Arm64Interpreter c, long ptr, boolean instruction) {
        long mask = field(bottom(c, ptr), tbi(c, ptr, instruction)) | 1L << 55;
        return (ptr >>> 55 & 1) != 0 ? ptr | mask : ptr & ~mask;
    }

    static long generic(Arm64Interpreter c, long v, long modifier) {
        if ((c.sys[HCR] & HCR_API) == 0) throw c.trap2(Exceptions.PAUTH, 0);
        return code(v, modifier, c.sys[GA], c.sys[GA + 1]) & 0xffffffff00000000L;
    }
}
