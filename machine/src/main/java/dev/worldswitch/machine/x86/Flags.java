package dev.worldswitch.machine.x86;

/**
 * The status flags as two values, from which each flag is computed when it is read. {@code fr} is the last result,
 * sign-extended: ZF is {@code fr == 0}. {@code fc} has CF in bit 63, CF xor OF in bit 62, AF in bit 3, a correction of
 * the byte that PF is taken from in bits 8-15 and of SF in bit 0 (both zero unless flags were loaded).
 */
public final class Flags {
    public static final long STATUS = 0x8d5;

    private Flags() {}

    public static long signed(long v, int size) {
        int s = 64 - 8 * size;
        return v << s >> s;
    }

    public static long unsigned(long v, int size) {
        int s = 64 - 8 * size;
        return v << s >>> s;
    }

    /** {@code fc} from the vector of carries out of each bit position of an operand of {@code size} bytes. */
    public static long carries(long vector, int size) {
        return vector << (64 - 8 * size) & 0xC000_0000_0000_0000L | vector & 8;
    }

    public static long fc(long cf, long of, long af) {
        return cf << 63 | (cf ^ of) << 62 | af << 3;
    }

    public static long cf(long fc) {
        return fc >>> 63;
    }

    public static long of(long fc) {
        return (fc ^ fc << 1) >>> 63;
    }

    public static long af(long fc) {
        return fc >>> 3 & 1;
    }

    public static boolean sf(long fr, long fc) {
        return (fr ^ fc << 63) < 0;
    }

    public static boolean pf(long fr, long fc) {
        return (Long.bitCount((fr ^ fc >>> 8) & 0xff) & 1) == 0;
    }

    /** {@code fc} with another CF, the rest as it was. */
    public static long withCf(long fc, long cf) {
        long of = of(fc);
        return fc & 0x3fff_ffff_ffff_ffffL | cf << 63 | (cf ^ of) << 62;
    }

    /** {@code fc} with another CF and OF. */
    public static long withCfOf(long fc, long cf, long of) {
        return fc & 0x3fff_ffff_ffff_ffffL | cf << 63 | (cf ^ of) << 62;
    }

    /** The six status flags at their places in RFLAGS. */
    public static long pack(long fr, long fc) {
        long f = cf(fc) | af(fc) << 4 | of(fc) << 11;
        if (pf(fr, fc)) f |= 4;
        if (fr == 0) f |= 0x40;
        return sf(fr, fc) ? f | 0x80 : f;
    }

    /** {@code fr} of flags loaded from RFLAGS. */
    public static long frOf(long rflags) {
        if ((rflags & 0x40) != 0) return 0;
        return (rflags & 0x80) != 0 ? Long.MIN_VALUE : 0x100;
    }

    /** {@code fc} of flags loaded from RFLAGS, beside {@link #frOf}. */
    public static long fcOf(long rflags) {
        long v = fc(rflags & 1, rflags >> 11 & 1, rflags >> 4 & 1);
        if ((rflags & 4) == 0) v |= 0x100;
        return (rflags & 0xc0) == 0xc0 ? v | 1 : v;
    }

    /** A condition as the low four bits of Jcc, SETcc and CMOVcc encode it (SDM vol. 1, appendix B). */
    public static boolean condition(int cc, long fr, long fc) {
        return (cc & 1) != 0 ? !even(cc >> 1, fr, fc) : even(cc >> 1, fr, fc);
    }

    private static boolean even(int c, long fr, long fc) {
        return switch (c) {
            case 0 -> overflow(fr, fc);
            case 1 -> below(fr, fc);
            case 2 -> zero(fr, fc);
            case 3 -> belowOrEqual(fr, fc);
            case 4 -> sf(fr, fc);
            case 5 -> pf(fr, fc);
            case 6 -> less(fr, fc);
            default -> lessOrEqual(fr, fc);
        };
    }

    /** Names of the eight conditions here, by the upper three of the four bits; the translator calls them one by one. */
    static final String[] CONDITIONS = {"overflow", "below", "zero", "belowOrEqual", "sf", "pf", "less", "lessOrEqual"};

    static boolean overflow(long fr, long fc) {
        return of(fc) != 0;
    }

    static boolean below(long fr, long fc) {
        return fc < 0;
    }

    static boolean zero(long fr, long fc) {
        return fr == 0;
    }

    static boolean belowOrEqual(long fr, long fc) {
        return fc < 0 || fr == 0;
    }

    static boolean less(long fr, long fc) {
        return ((fr ^ fc << 63) ^ fc ^ fc << 1) < 0;
    }

    static boolean lessOrEqual(long fr, long fc) {
        return fr == 0 || less(fr, fc);
    }
}
