package dev.worldswitch.machine.x86;

import java.math.BigInteger;

/**
 * RCPPS, RSQRTPS, VRCP14PS, VRSQRT14PS and the like: the exact result cut to as many bits as keep within the error that the manual
 * allows (1.5 * 2^-12, 2^-14). Processors differ in the bits below that. No flags are raised (SDM vol. 2).
 */
final class Approximation {
    /** Significant bits of the older instructions' results and of AVX-512's. */
    static final int SHORT = 13, LONG = 17;

    private Approximation() {}

    /** The older instructions take denormals for zeros and give none. */
    private static int modes(int bits, int mx) {
        return bits == SHORT ? mx | SseFloat.DAZ | SseFloat.FTZ : mx;
    }

    private static long packed(SseFloat.Format f, boolean minus, BigInteger q, int e, int bits, int mx) {
        int cut = q.bitLength() - bits;
        BigInteger r = SseFloat.roundAt(q, cut, false, 0);
        int quiet = modes(bits, mx) & (SseFloat.DAZ | SseFloat.FTZ) | 0x1f80;
        return SseFloat.round(f, minus, r, e + cut, quiet, 0).bits();
    }

    static long reciprocal(SseFloat.Format f, long v0, int bits, int mx) {
        if (f.isNan(v0)) return v0 | f.quiet();
        long v = SseFloat.flushed(f, v0, (modes(bits, mx) & SseFloat.DAZ) != 0), sign = v & f.sign();
        if (f.isInf(v)) return sign;
        if (f.isZero(v)) return sign | f.inf();
        int n = 2 * f.p() + 64;
        BigInteger q = BigInteger.ONE.shiftLeft(n).divide(SseFloat.mantissa(f, v));
        return packed(f, sign != 0, q, -n - SseFloat.exponent(f, v), bits, mx);
    }

    static long inverseRoot(SseFloat.Format f, long v0, int bits, int mx) {
        if (f.isNan(v0)) return v0 | f.quiet();
        long v = SseFloat.flushed(f, v0, (modes(bits, mx) & SseFloat.DAZ) != 0), sign = v & f.sign();
        if (f.isZero(v)) return sign | f.inf();
        if (sign != 0) return f.defaultNan();
        if (f.isInf(v)) return 0;
        int e = SseFloat.exponent(f, v), n = 2 * f.p() + 128;
        BigInteger m = SseFloat.mantissa(f, v).shiftLeft(e & 1);
        BigInteger q = BigInteger.ONE.shiftLeft(2 * n).divide(m).sqrt();
        return packed(f, false, q, -n - (e - (e & 1)) / 2, bits, mx);
    }
}
