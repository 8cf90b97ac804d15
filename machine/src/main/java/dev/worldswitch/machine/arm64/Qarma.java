package dev.worldswitch.machine.arm64;

import java.util.function.LongUnaryOperator;

/**
 * The block ciphers of pointer authentication (Arm ARM, shared pseudocode ComputePAC): QARMA5 where ID_AA64ISAR1_EL1.APA
 * says so, QARMA3 where ID_AA64ISAR2_EL1.APA3 does. 16 cells of 4 bits; what is linear is a table for each byte.
 */
final class Qarma {
    private static final long ALPHA = 0xC0AC29B7C97C50DDL;
    /** The cipher's constants; pointer authentication needs the first five, published test vectors all. */
    private static final long[] RC = {
        0,
        0x13198A2E03707344L,
        0xA4093822299F31D0L,
        0x082EFA98EC4E6C89L,
        0x452821E638D01377L,
        0xBE5466CF34E90C6CL,
        0x3F84D5B5B5470917L
    };

    /** PACCellShuffle: which bit a cell of the result comes from. */
    private static final int[] CELLS = {52, 24, 44, 0, 28, 48, 4, 40, 32, 12, 56, 20, 8, 36, 16, 60};
    /** TweakShuffle, and which of its cells rotate. */
    private static final int[] TWEAK_CELLS = {16, 20, 24, 28, 44, 8, 12, 32, 48, 52, 56, 60, 0, 4, 40, 36};

    private static final int TWEAK_ROTATES = 0b1101_1000_1001_0100;
    /** PACSub and PACSub1. */
    static final int[] SUB = {0xb, 6, 8, 0xf, 0xc, 0, 9, 0xe, 3, 7, 4, 5, 0xd, 2, 1, 0xa};

    static final int[] SUB1 = {0xa, 0xd, 0xe, 6, 0xf, 7, 3, 5, 9, 8, 0, 0xc, 0xb, 1, 2, 4};

    private static final long[] MIX = table(v -> multiply(shuffle(v))), UNMIX = table(v -> unshuffle(multiply(v)));
    private static final long[] UNSHUFFLE = table(Qarma::unshuffle);
    private static final long[] TWEAK = table(Qarma::tweak), UNTWEAK = table(Qarma::untweak);
    static final Qarma QARMA5 = new Qarma(4, SUB), QARMA3 = new Qarma(2, SUB1);

    private final int rounds;
    private final int[] forward = new int[256], backward = new int[256];

    /** @param rounds with a tweak and a constant of their own, one fewer than the cipher's parameter r */
    Qarma(int rounds, int[] substitute) {
        this.rounds = rounds;
        for (int i = 0; i < 256; i++) {
            forward[i] = substitute[i >> 4] << 4 | substitute[i & 15];
            backward[forward[i]] = i;
        }
    }

    private static long[] table(LongUnaryOperator linear) {
        long[] t = new long[8 * 256];
        for (int i = 0; i < t.length; i++) t[i] = linear.applyAsLong((i & 0xffL) << 8 * (i >> 8));
        return t;
    }

    private static long apply(long[] t, long v) {
        return t[(int) v & 0xff]
                ^ t[0x100 + ((int) (v >>> 8) & 0xff)]
                ^ t[0x200 + ((int) (v >>> 16) & 0xff)]
                ^ t[0x300 + ((int) (v >>> 24) & 0xff)]
                ^ t[0x400 + ((int) (v >>> 32) & 0xff)]
                ^ t[0x500 + ((int) (v >>> 40) & 0xff)]
                ^ t[0x600 + ((int) (v >>> 48) & 0xff)]
                ^ t[0x700 + (int) (v >>> 56)];
    }

    private static long substitute(int[] t, long v) {
        long r = 0;
        for (int i = 0; i < 64; i += 8) r |= (long) t[(int) (v >>> i) & 0xff] << i;
        return r;
    }

    private static long cell(long v, int bit) {
        return v >>> bit & 15;
    }

    private static long shuffle(long v) {
        long r = 0;
        for (int i = 0; i < 16; i++) r |= cell(v, CELLS[i]) << 4 * i;
        return r;
    }

    private static long unshuffle(long v) {
        long r = 0;
        for (int i = 0; i < 16; i++) r |= cell(v, 4 * i) << CELLS[i];
        return r;
    }

    private static long rotate(long cell, int by) {
        return (cell << by | cell >>> 4 - by) & 15;
    }

    /** PACMult. */
    private static long multiply(long v) {
        long r = 0;
        for (int b = 0; b < 16; b += 4) {
            long c0 = cell(v, b), c1 = cell(v, b + 16), c2 = cell(v, b + 32), c3 = cell(v, b + 48);
            r |= (rotate(c2, 1) ^ rotate(c1, 2) ^ rotate(c0, 1)) << b + 48;
            r |= (rotate(c3, 1) ^ rotate(c1, 1) ^ rotate(c0, 2)) << b + 32;
            r |= (rotate(c3, 2) ^ rotate(c2, 1) ^ rotate(c0, 1)) << b + 16;
            r |= (rotate(c3, 1) ^ rotate(c2, 2) ^ rotate(c1, 1)) << b;
        }
        return r;
    }

    private static boolean rotates(int cell) {
        return (TWEAK_ROTATES >> cell & 1) != 0;
    }

    /** TweakShuffle, with TweakCellRot in some cells. */
    private static long tweak(long v) {
        long r = 0;
        for (int i = 0; i < 16; i++) {
            long c = cell(v, TWEAK_CELLS[i]);
            r |= (rotates(i) ? c >>> 1 | ((c ^ c >>> 1) & 1) << 3 : c) << 4 * i;
        }
        return r;
    }

    private static long untweak(long v) {
        long r = 0;
        for (int i = 0; i < 16; i++) {
            long c = cell(v, 4 * i);
            r |= (rotates(i) ? c << 1 & 15 | (c >>> 3 ^ c) & 1 : c) << TWEAK_CELLS[i];
        }
        return r;
    }

    /** The code of {@code data} under a modifier and a key's two registers. */
    long code(long data, long modifier, long keyLow, long keyHigh) {
        long k = keyHigh << 63 | keyHigh >>> 1 ^ keyHigh >>> 63, running = modifier;
        long w = substitute(forward, data ^ keyHigh ^ keyLow ^ modifier);
        for (int i = 1; i <= rounds; i++) {
            running = apply(TWEAK, running);
            w = substitute(forward, apply(MIX, w ^ keyLow ^ running ^ RC[i]));
        }
        running = apply(TWEAK, running);
        w = substitute(forward, apply(MIX, w ^ k ^ running));
        w = apply(UNSHUFFLE, apply(MIX, w) ^ keyLow);
        w = apply(UNMIX, substitute(backward, w)) ^ keyHigh ^ running;
        for (int i = rounds; i > 0; i--) {
            running = apply(UNTWEAK, running);
            w = apply(UNMIX, substitute(backward, w)) ^ RC[i] ^ keyLow ^ running ^ ALPHA;
        }
        return substitute(backward, w) ^ keyLow ^ modifier ^ ALPHA ^ k;
    }
}
