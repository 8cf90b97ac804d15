package dev.worldswitch.machine.arm64;

/**
 * Meanings of vector instructions on one element: operands zero-extended in longs, {@code bits} their width; the caller
 * cuts the result. Saturation is reported in the Fpu's QC. The same functions serve Advanced SIMD and SVE.
 */
final class LaneFn {
    /** An element from two; a unary one ignores {@code b}, an immediate form gets the immediate there. */
    interface Two {
        long of(Fpu f, long a, long b, int bits);
    }

    /** An element from the old destination and two. */
    interface Three {
        long of(Fpu f, long d, long a, long b, int bits);
    }

    private LaneFn() {}

    static long s(long v, int bits) {
        return v << 64 - bits >> 64 - bits;
    }

    static long u(long v, int bits) {
        return v << 64 - bits >>> 64 - bits;
    }

    // Saturation.

    /** To signed {@code bits} (below 64). */
    static long ssat(Fpu f, long v, int bits) {
        long max = (1L << bits - 1) - 1, min = -max - 1;
        if (v > max) {
            f.flags |= Fpu.QC;
            return max;
        }
        if (v < min) {
            f.flags |= Fpu.QC;
            return min;
        }
        return v;
    }

    /** A signed number to unsigned {@code bits} (below 64). */
    static long usat(Fpu f, long v, int bits) {
        long max = (1L << bits) - 1;
        if (v > max) {
            f.flags |= Fpu.QC;
            return max;
        }
        if (v < 0) {
            f.flags |= Fpu.QC;
            return 0;
        }
        return v;
    }

    private static long edge(Fpu f, boolean negative) {
        f.flags |= Fpu.QC;
        return negative ? Long.MIN_VALUE : Long.MAX_VALUE;
    }

    static long sqadd(Fpu f, long a, long b, int bits) {
        long x = s(a, bits), y = s(b, bits), r = x + y;
        if (bits < 64) return ssat(f, r, bits);
        return ((x ^ r) & (y ^ r)) < 0 ? edge(f, x < 0) : r;
    }

    static long sqsub(Fpu f, long a, long b, int bits) {
        long x = s(a, bits), y = s(b, bits), r = x - y;
        if (bits < 64) return ssat(f, r, bits);
        return ((x ^ y) & (x ^ r)) < 0 ? edge(f, x < 0) : r;
    }

    static long uqadd(Fpu f, long a, long b, int bits) {
        long r = a + b;
        if (bits < 64) return usat(f, r, bits);
        if (Long.compareUnsigned(r, a) >= 0) return r;
        f.flags |= Fpu.QC;
        return -1;
    }

    static long uqsub(Fpu f, long a, long b, int bits) {
        if (Long.compareUnsigned(a, b) >= 0) return a - b;
        f.flags |= Fpu.QC;
        return 0;
    }

    /** A signed element plus or minus an unsigned immediate. */
    static long uqaddSigned(Fpu f, long a, long b, int bits) {
        return suqadd(f, a, b, 0, bits);
    }

    static long sqsubUnsigned(Fpu f, long a, long b, int bits) {
        long x = s(a, bits), r = x - b;
        if (bits < 64) return ssat(f, r, bits);
        return r > x ? edge(f, true) : r;
    }

    /** SUQADD: signed {@code d} plus unsigned {@code a}. */
    static long suqadd(Fpu f, long d, long a, long b, int bits) {
        long x = s(d, bits), r = x + a;
        if (bits < 64) return ssat(f, r, bits);
        // The sum of a signed and an unsigned number overflows upwards only.
        return Long.compareUnsigned(a, Long.MAX_VALUE - x) > 0 ? edge(f, false) : r;
    }

    /** USQADD: unsigned {@code d} plus signed {@code a}. */
    static long usqadd(Fpu f, long d, long a, long b, int bits) {
        long y = s(a, bits), r = d + y;
        if (bits < 64) return usat(f, r, bits);
        boolean over = y >= 0 ? Long.compareUnsigned(r, d) < 0 : Long.compareUnsigned(r, d) > 0;
        if (!over) return r;
        f.flags |= Fpu.QC;
        return y >= 0 ? -1 : 0;
    }

    // Halving.

    static long shadd(Fpu f, long a, long b, int bits) {
        long x = s(a, bits), y = s(b, bits);
        return (x & y) + ((x ^ y) >> 1);
    }

    static long uhadd(Fpu f, long a, long b, int bits) {
        return (a & b) + ((a ^ b) >>> 1);
    }

    static long srhadd(Fpu f, long a, long b, int bits) {
        long x = s(a, bits), y = s(b, bits);
        return (x | y) - ((x ^ y) >> 1);
    }

    static long urhadd(Fpu f, long a, long b, int bits) {
        return (a | b) - ((a ^ b) >>> 1);
    }

    static long shsub(Fpu f, long a, long b, int bits) {
        long x = s(a, bits), y = s(b, bits);
        return (x >> 1) - (y >> 1) - (~x & y & 1);
    }

    static long uhsub(Fpu f, long a, long b, int bits) {
        return (a >>> 1) - (b >>> 1) - (~a & b & 1);
    }

    // Order.

    private static long all(boolean v) {
        return v ? -1 : 0;
    }

    static long cmgt(Fpu f, long a, long b, int bits) {
        return all(s(a, bits) > s(b, bits));
    }

    static long cmge(Fpu f, long a, long b, int bits) {
        return all(s(a, bits) >= s(b, bits));
    }

    static long cmhi(Fpu f, long a, long b, int bits) {
        return all(Long.compareUnsigned(a, b) > 0);
    }

    static long cmhs(Fpu f, long a, long b, int bits) {
        return all(Long.compareUnsigned(a, b) >= 0);
    }

    static long cmeq(Fpu f, long a, long b, int bits) {
        return all(a == b);
    }

    static long cmtst(Fpu f, long a, long b, int bits) {
        return all((a & b) != 0);
    }

    static long smax(Fpu f, long a, long b, int bits) {
        return Math.max(s(a, bits), s(b, bits));
    }

    static long smin(Fpu f, long a, long b, int bits) {
        return Math.min(s(a, bits), s(b, bits));
    }

    static long umax(Fpu f, long a, long b, int bits) {
        return Long.compareUnsigned(a, b) > 0 ? a : b;
    }

    static long umin(Fpu f, long a, long b, int bits) {
        return Long.compareUnsigned(a, b) < 0 ? a : b;
    }

    static long sabd(Fpu f, long a, long b, int bits) {
        long x = s(a, bits), y = s(b, bits);
        return x > y ? x - y : y - x;
    }

    static long uabd(Fpu f, long a, long b, int bits) {
        return Long.compareUnsigned(a, b) > 0 ? a - b : b - a;
    }

    // Shifts: the amount is the signed low byte of b, negative to the right.

    static long shift(Fpu f, long a, long b, int bits, boolean unsigned, boolean round, boolean saturate) {
        int by = (byte) b;
        long v = unsigned ? u(a, bits) : s(a, bits);
        if (by < 0) {
            int n = -by;
            if (!round) return n > 63 ? unsigned || v >= 0 ? 0 : -1 : unsigned ? v >>> n : v >> n;
            if (n > 64) return 0;
            long t = unsigned ? v >>> n - 1 : v >> n - 1;
            return (unsigned ? t >>> 1 : t >> 1) + (t & 1);
        }
        if (!saturate) return by > 63 ? 0 : v << by;
        if (v == 0) return 0;
        long r = by > 63 ? 0 : v << by;
        if (unsigned) {
            if (by < 64 && r >>> by == v && u(r, bits) == r) return r;
            f.flags |= Fpu.QC;
            return -1L >>> 64 - bits;
        }
        if (by < 64 && r >> by == v && s(r, bits) == r) return r;
        f.flags |= Fpu.QC;
        return v < 0 ? 1L << bits - 1 : (1L << bits - 1) - 1;
    }

    static long sshl(Fpu f, long a, long b, int bits) {
        return shift(f, a, b, bits, false, false, false);
    }

    static long ushl(Fpu f, long a, long b, int bits) {
        return shift(f, a, b, bits, true, false, false);
    }

    static long srshl(Fpu f, long a, long b, int bits) {
        return shift(f, a, b, bits, false, true, false);
    }

    static long urshl(Fpu f, long a, long b, int bits) {
        return shift(f, a, b, bits, true, true, false);
    }

    static long sqshl(Fpu f, long a, long b, int bits) {
        return shift(f, a, b, bits, false, false, true);
    }

    static long uqshl(Fpu f, long a, long b, int bits) {
        return shift(f, a, b, bits, true, false, true);
    }

    static long sqrshl(Fpu f, long a, long b, int bits) {
        return shift(f, a, b, bits, false, true, true);
    }

    static long uqrshl(Fpu f, long a, long b, int bits) {
        return shift(f, a, b, bits, true, true, true);
    }

    /** SQSHLU: signed, shifted left, saturated to unsigned. */
    static long sqshlu(Fpu f, long a, long b, int bits) {
        if (s(a, bits) < 0) {
            f.flags |= Fpu.QC;
            return 0;
        }
        return uqshl(f, a, b, bits);
    }

    static long sri(Fpu f, long d, long a, long b, int bits) {
        int n = -(byte) b;
        if (n >= bits) return d;
        long mask = -1L >>> 64 - bits >>> n;
        return d & ~mask | a >>> n & mask;
    }

    static long sli(Fpu f, long d, long a, long b, int bits) {
        int n = (byte) b;
        long mask = -1L << n;
        return d & ~mask | a << n & mask;
    }

    // Multiplication.

    /** ASRD: signed division by a power of two, towards zero. */
    static long asrd(Fpu f, long a, long b, int bits) {
        long x = s(a, bits);
        return b == 64 ? 0 : x + (x < 0 ? (1L << b) - 1 : 0) >> b;
    }

    static long sqdmulh(Fpu f, long a, long b, int bits) {
        if (bits == 64) return doubledHigh(f, 0, a, b, false, false);
        return ssat(f, s(a, bits) * s(b, bits) >> bits - 1, bits);
    }

    static long sqrdmulh(Fpu f, long a, long b, int bits) {
        if (bits == 64) return doubledHigh(f, 0, a, b, false, true);
        return ssat(f, s(a, bits) * s(b, bits) + (1L << bits - 2) >> bits - 1, bits);
    }

    static long sqrdmlah(Fpu f, long d, long a, long b, int bits) {
        if (bits == 64) return doubledHigh(f, d, a, b, false, true);
        return ssat(f, (s(d, bits) << bits - 1) + s(a, bits) * s(b, bits) + (1L << bits - 2) >> bits - 1, bits);
    }

    static long sqrdmlsh(Fpu f, long d, long a, long b, int bits) {
        if (bits == 64) return doubledHigh(f, d, a, b, true, true);
        return ssat(f, (s(d, bits) << bits - 1) - s(a, bits) * s(b, bits) + (1L << bits - 2) >> bits - 1, bits);
    }

    /** The high 64 bits of {@code d << 64} plus or minus twice a 128-bit product, rounded or not, saturated. */
    private static long doubledHigh(Fpu f, long d, long a, long b, boolean subtract, boolean round) {
        long high = Math.multiplyHigh(a, b), low = a * b;
        if (subtract) {
            low = -low;
            high = ~high + (low == 0 ? 1 : 0);
        }
        // The sum of d << 63 and the product stays within 128 bits.
        long sum = low + (d << 63);
        high += (d >> 1) + (Long.compareUnsigned(sum, low) < 0 ? 1 : 0);
        long rounded = round ? sum + (1L << 62) : sum;
        if (Long.compareUnsigned(rounded, sum) < 0) high++;
        long r = high << 1 | rounded >>> 63;
        return (high ^ r) < 0 ? edge(f, high < 0) : r;
    }

    static long pmul(Fpu f, long a, long b, int bits) {
        long r = 0;
        for (int i = 0; i < bits; i++) if ((b >>> i & 1) != 0) r ^= a << i;
        return r;
    }

    /** The high half of the 128-bit polynomial product; {@link #pmul} is the low one. */
    static long pmulHigh(long a, long b) {
        long r = 0;
        for (int i = 1; i < 64; i++) if ((b >>> i & 1) != 0) r ^= a >>> 64 - i;
        return r;
    }

    /** BEXT, BDEP, BGRP: bits taken, put and sorted by a mask. */
    static long bext(Fpu f, long a, long b, int bits) {
        return Long.compress(a, b);
    }

    static long bdep(Fpu f, long a, long b, int bits) {
        return Long.expand(a, b);
    }

    static long bgrp(Fpu f, long a, long b, int bits) {
        int ones = Long.bitCount(b);
        return Long.compress(a, b) | (ones == 64 ? 0 : Long.compress(a, u(~b, bits)) << ones);
    }

    /** Widening: saturating doubling product of {@code bits}-bit numbers, twice as wide. */
    static long sqdmull(Fpu f, long a, long b, int bits) {
        long p = s(a, bits) * s(b, bits);
        // Only the two most negative numbers overflow.
        if (bits == 32) return p == 1L << 62 ? edge(f, false) : p << 1;
        return ssat(f, p << 1, 2 * bits);
    }

    static long sqdmlal(Fpu f, long d, long a, long b, int bits) {
        return sqadd(f, d, u(sqdmull(f, a, b, bits), 2 * bits), 2 * bits);
    }

    static long sqdmlsl(Fpu f, long d, long a, long b, int bits) {
        return sqsub(f, d, u(sqdmull(f, a, b, bits), 2 * bits), 2 * bits);
    }

    static long sdot(Fpu f, long d, long a, long b, int bits) {
        long r = d;
        for (int i = 0; i < bits; i += bits / 4) r += s(a >>> i, bits / 4) * s(b >>> i, bits / 4);
        return r;
    }

    static long udot(Fpu f, long d, long a, long b, int bits) {
        long r = d;
        for (int i = 0; i < bits; i += bits / 4) r += u(a >>> i, bits / 4) * u(b >>> i, bits / 4);
        return r;
    }

    /** USDOT: unsigned {@code a}, signed {@code b}. */
    static long usdot(Fpu f, long d, long a, long b, int bits) {
        long r = d;
        for (int i = 0; i < bits; i += 8) r += u(a >>> i, 8) * s(b >>> i, 8);
        return r;
    }

    static long sudot(Fpu f, long d, long a, long b, int bits) {
        return usdot(f, d, b, a, bits);
    }

    // Unary.

    static long cls(Fpu f, long a, long b, int bits) {
        long v = s(a, bits);
        return Long.numberOfLeadingZeros(v ^ v >> 63) - (64 - bits) - 1;
    }

    static long clz(Fpu f, long a, long b, int bits) {
        return Long.numberOfLeadingZeros(a) - (64 - bits);
    }

    static long cnt(Fpu f, long a, long b, int bits) {
        return Long.bitCount(a);
    }

    static long rbit(Fpu f, long a, long b, int bits) {
        return Long.reverse(a) >>> 64 - bits;
    }

    static long neg(Fpu f, long a, long b, int bits) {
        return -a;
    }

    static long abs(Fpu f, long a, long b, int bits) {
        return Math.abs(s(a, bits));
    }

    static long sqabs(Fpu f, long a, long b, int bits) {
        return s(a, bits) < 0 ? sqneg(f, a, b, bits) : a;
    }

    static long sqneg(Fpu f, long a, long b, int bits) {
        return sqsub(f, 0, a, bits);
    }

    // Narrowing: {@code a} has 2 * bits.

    static long xtn(Fpu f, long a, long b, int bits) {
        return a;
    }

    static long sqxtn(Fpu f, long a, long b, int bits) {
        return ssat(f, s(a, 2 * bits), bits);
    }

    static long uqxtn(Fpu f, long a, long b, int bits) {
        if (Long.compareUnsigned(a, (1L << bits) - 1) <= 0) return a;
        f.flags |= Fpu.QC;
        return -1;
    }

    static long sqxtun(Fpu f, long a, long b, int bits) {
        return usat(f, s(a, 2 * bits), bits);
    }

    /** Shifts right, rounding or not, of a double-width number, as one that fits a long: then narrowed. */
    static long shrn(Fpu f, long a, long b, int bits) {
        return ushl(f, a, b, 2 * bits);
    }

    static long rshrn(Fpu f, long a, long b, int bits) {
        return urshl(f, a, b, 2 * bits);
    }

    static long sqshrn(Fpu f, long a, long b, int bits) {
        return ssat(f, sshl(f, a, b, 2 * bits), bits);
    }

    static long sqrshrn(Fpu f, long a, long b, int bits) {
        return ssat(f, srshl(f, a, b, 2 * bits), bits);
    }

    static long uqshrn(Fpu f, long a, long b, int bits) {
        return uqxtn(f, ushl(f, a, b, 2 * bits), 0, bits);
    }

    static long uqrshrn(Fpu f, long a, long b, int bits) {
        return uqxtn(f, urshl(f, a, b, 2 * bits), 0, bits);
    }

    static long sqshrun(Fpu f, long a, long b, int bits) {
        return usat(f, sshl(f, a, b, 2 * bits), bits);
    }

    static long sqrshrun(Fpu f, long a, long b, int bits) {
        return usat(f, srshl(f, a, b, 2 * bits), bits);
    }
}
