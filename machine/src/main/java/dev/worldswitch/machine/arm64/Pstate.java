package dev.worldswitch.machine.arm64;

/** Bits of PSTATE as SPSR_ELx holds them (Arm ARM, SPSR_EL1, "exception taken from AArch64 state"). */
public final class Pstate {
    public static final long N = 1L << 31, Z = 1L << 30, C = 1L << 29, V = 1L << 28, NZCV = N | Z | C | V;
    public static final long TCO = 1L << 25,
            DIT = 1L << 24,
            UAO = 1L << 23,
            PAN = 1L << 22,
            SS = 1L << 21,
            IL = 1L << 20;
    public static final long SSBS = 1L << 12, BTYPE = 3L << 10, D = 1L << 9, A = 1L << 8, I = 1L << 7, F = 1L << 6;
    public static final long DAIF = D | A | I | F;
    public static final long AARCH32 = 1L << 4;
    /** M[3:0] of EL0, EL1 with SP_EL0, EL1 with SP_EL1. */
    public static final int EL0T = 0, EL1T = 4, EL1H = 5;

    private Pstate() {}

    public static int el(long pstate) {
        return (int) (pstate >>> 2 & 3);
    }
}
