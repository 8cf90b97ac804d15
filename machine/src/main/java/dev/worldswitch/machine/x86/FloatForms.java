package dev.worldswitch.machine.x86;

import java.math.BigInteger;

/**
 * What AVX-512 computes of numbers beside arithmetic: VRNDSCALE, VREDUCE, VGETEXP, VGETMANT, VRANGE, VSCALEF, VFIXUPIMM, VFPCLASS and
 * conversions from and to unsigned integers, for each format (SDM vol. 2). A result has the MXCSR flags that it raises.
 */
final class FloatForms {
    private static final int IE = SseFloat.IE, DE = SseFloat.DE, ZE = SseFloat.ZE, PE = SseFloat.PE;

    private FloatForms() {}

    private static SseFloat.Result exact(long bits) {
        return new SseFloat.Result(bits, 0);
    }

    private static long one(SseFloat.Format f) {
        return (long) f.bias() << f.p() - 1;
    }

    private static SseFloat.Result quieted(SseFloat.Format f, long v) {
        return new SseFloat.Result(v | f.quiet(), f.isSignalling(v) ? IE : 0);
    }

    private static int mode(int imm, int mx) {
        return (imm & 4) != 0 ? mx & SseFloat.RC : (imm & 3) << 13;
    }

    /** A number that fits its format, as {@code m * 2^e}. */
    private static long packed(SseFloat.Format f, boolean sign, BigInteger m, int e) {
        return SseFloat.round(f, sign, m, e, 0x1f80, 0).bits();
    }

    private static boolean negative(SseFloat.Format f, long v) {
        return (v & f.sign()) != 0;
    }

    /** Rounded to so many bits behind the point as the immediate's upper half says. */
    static SseFloat.Result roundScale(SseFloat.Format f, long v0, int imm, int mx) {
        if (f.isNan(v0)) return quieted(f, v0);
        long v = SseFloat.flushed(f, v0, (mx & SseFloat.DAZ) != 0);
        int unit = SseFloat.exponent(f, v), grid = -(imm >> 4);
        if (f.isInf(v) || f.isZero(v) || unit >= grid) return exact(v);
        BigInteger m = SseFloat.mantissa(f, v), r = SseFloat.roundAt(m, grid - unit, negative(f, v), mode(imm, mx));
        boolean inexact = m.getLowestSetBit() < grid - unit && (imm & 8) == 0;
        return new SseFloat.Result(
                r.signum() == 0 ? v & f.sign() : packed(f, negative(f, v), r, grid), inexact ? PE : 0);
    }

    /** What {@link #roundScale} takes away. */
    static SseFloat.Result reduce(SseFloat.Format f, long v0, int imm, int mx) {
        if (f.isNan(v0)) return quieted(f, v0);
        if (f.isInf(v0)) return exact(0);
        long v = SseFloat.flushed(f, v0, (mx & SseFloat.DAZ) != 0);
        boolean sign = negative(f, v);
        int unit = SseFloat.exponent(f, v), grid = -(imm >> 4), rc = mode(imm, mx);
        long zero = rc == 0x2000 ? f.sign() : 0;
        if (f.isZero(v) || unit >= grid) return exact(zero);
        BigInteger m = SseFloat.mantissa(f, v), r = SseFloat.roundAt(m, grid - unit, sign, rc);
        BigInteger rest = m.subtract(r.shiftLeft(grid - unit));
        if (rest.signum() == 0) return exact(zero);
        // The subtraction is rounded as the integer was.
        long d = SseFloat.round(f, rest.signum() < 0 != sign, rest.abs(), unit, mx & ~SseFloat.RC | rc | 0x1f80, 0)
                .bits();
        return new SseFloat.Result(d, (imm & 8) == 0 ? PE : 0);
    }

    /** The exponent as a number. */
    static SseFloat.Result exponent(SseFloat.Format f, long v0, int mx) {
        if (f.isNan(v0)) return quieted(f, v0);
        if (f.isInf(v0)) return exact(f.inf());
        long v = SseFloat.flushed(f, v0, (mx & SseFloat.DAZ) != 0);
        if (f.isZero(v)) return exact(f.sign() | f.inf());
        int e = SseFloat.exponent(f, v) + SseFloat.mantissa(f, v).bitLength() - 1;
        long r = e == 0 ? 0 : packed(f, e < 0, BigInteger.valueOf(Math.abs(e)), 0);
        return new SseFloat.Result(r, f.isDenormal(v) ? DE : 0);
    }

    /** The significand, in the interval and with the sign that the immediate says. */
    static SseFloat.Result mantissa(SseFloat.Format f, long v0, int imm, int mx) {
        if (f.isNan(v0)) return quieted(f, v0);
        long v = SseFloat.flushed(f, v0, (mx & SseFloat.DAZ) != 0);
        long sign = (imm & 4) != 0 ? 0 : v & f.sign();
        if (f.isZero(v)) return exact(sign | one(f));
        if ((imm & 8) != 0 && negative(f, v)) return new SseFloat.Result(f.defaultNan(), IE);
        if (f.isInf(v)) return exact(sign | one(f));
        BigInteger m = SseFloat.mantissa(f, v);
        int e = SseFloat.exponent(f, v) + m.bitLength() - 1;
        boolean half = switch (imm & 3) {
            case 1 -> (e & 1) != 0;
            case 2 -> true;
            case 3 -> m.bitLength() > 1 && m.testBit(m.bitLength() - 2);
            default -> false;
        };
        long r = packed(f, false, m, 1 - m.bitLength() - (half ? 1 : 0));
        return new SseFloat.Result(sign | r, f.isDenormal(v) ? DE : 0);
    }

    /** The smaller or larger of two numbers, by value or magnitude, with a sign of choice. */
    static SseFloat.Result range(SseFloat.Format f, long a0, long b0, int imm, int mx) {
        if (f.isSignalling(a0)) return quieted(f, a0);
        if (f.isSignalling(b0)) return quieted(f, b0);
        boolean daz = (mx & SseFloat.DAZ) != 0;
        long a = SseFloat.flushed(f, a0, daz), b = SseFloat.flushed(f, b0, daz), r;
        int flags = 0;
        if (f.isNan(a)) {
            if (f.isNan(b)) return exact(a);
            r = b;
        } else if (f.isNan(b)) r = a;
        else {
            flags = f.isDenormal(a) || f.isDenormal(b) ? DE : 0;
            boolean magnitude = (imm & 2) != 0, max = (imm & 1) != 0;
            int c = magnitude ? SseFloat.compare(f, a & ~f.sign(), b & ~f.sign()) : SseFloat.compare(f, a, b);
            // Of equals the negative one is the smaller.
            if (c == 0) c = Boolean.compare(negative(f, b), negative(f, a));
            r = max ? c < 0 ? b : a : c > 0 ? b : a;
        }
        return new SseFloat.Result(
                switch (imm >> 2 & 3) {
                    case 0 -> r & ~f.sign() | a & f.sign();
                    case 1 -> r;
                    case 2 -> r & ~f.sign();
                    default -> r | f.sign();
                },
                flags);
    }

    /** The first times two to the power of the second, rounded down. */
    static SseFloat.Result scale(SseFloat.Format f, long a0, long b0, int mx) {
        int signalling = f.isSignalling(a0) || f.isSignalling(b0) ? IE : 0;
        if (f.isNan(a0)) {
            // An infinite power makes a quiet NaN infinite, or zero.
            if (signalling == 0 && f.isInf(b0)) return exact(negative(f, b0) ? 0 : f.inf());
            return new SseFloat.Result(a0 | f.quiet(), signalling);
        }
        if (f.isNan(b0)) return new SseFloat.Result(b0 | f.quiet(), signalling);
        boolean daz = (mx & SseFloat.DAZ) != 0;
        long a = SseFloat.flushed(f, a0, daz), b = SseFloat.flushed(f, b0, daz);
        int flags = f.isDenormal(a) ? DE : 0;
        if (f.isInf(b)) {
            boolean down = negative(f, b);
            if (down ? f.isInf(a) : f.isZero(a)) return new SseFloat.Result(f.defaultNan(), IE);
            return new SseFloat.Result(a & f.sign() | (down ? 0 : f.inf()), flags);
        }
        if (f.isInf(a) || f.isZero(a)) return new SseFloat.Result(a, flags);
        BigInteger n = SseFloat.roundAt(
                SseFloat.mantissa(f, b),
                f.isZero(b) ? 0 : Math.max(-SseFloat.exponent(f, b), -64),
                negative(f, b),
                0x2000);
        int by = n.bitLength() > 15 ? 1 << 15 : n.intValue();
        return SseFloat.round(
                f,
                negative(f, a),
                SseFloat.mantissa(f, a),
                SseFloat.exponent(f, a) + (negative(f, b) ? -by : by),
                mx,
                flags);
    }

    /** The kind of a number as VFIXUPIMM's table is ordered. */
    private static int token(SseFloat.Format f, long v) {
        if (f.isNan(v)) return f.isSignalling(v) ? 1 : 0;
        if (f.isZero(v)) return 2;
        if (v == one(f)) return 3;
        if (f.isInf(v)) return negative(f, v) ? 4 : 5;
        return negative(f, v) ? 6 : 7;
    }

    /** {@code table} has an answer of four bits for each kind of {@code a}; {@code imm} says which kinds raise flags. */
    static SseFloat.Result fixup(SseFloat.Format f, long d, long a0, long table, int imm, int mx) {
        long a = SseFloat.flushed(f, a0, (mx & SseFloat.DAZ) != 0), sign = f.sign(), inf = f.inf();
        int token = token(f, a), flags = 0;
        if (token == 2) flags = ((imm & 1) != 0 ? ZE : 0) | ((imm & 2) != 0 ? IE : 0);
        if (token == 3) flags = ((imm & 4) != 0 ? ZE : 0) | ((imm & 8) != 0 ? IE : 0);
        int[] bit = {0, 0x10, 0, 0, 0x20, 0x80, 0x40, 0};
        if ((imm & bit[token]) != 0) flags |= IE;
        long r = switch ((int) (table >>> 4 * token) & 15) {
            case 0 -> d;
            case 1 -> a;
            // Of what is no NaN this makes one, out of its bits.
            case 2 -> a | inf | f.quiet();
            case 3 -> f.defaultNan();
            case 4 -> sign | inf;
            case 5 -> inf;
            case 6 -> a & sign | inf;
            case 7 -> sign;
            case 8 -> 0;
            case 9 -> sign | one(f);
            case 10 -> one(f);
            case 11 -> one(f) - (1L << f.p() - 1);
            case 12 -> packed(f, false, BigInteger.valueOf(90), 0);
            case 13 -> packed(f, false, SseFloat.mantissa(SseFloat.F64, 0x3ff921fb54442d18L), -52);
            case 14 -> inf - 1;
            default -> sign | inf - 1;
        };
        return new SseFloat.Result(r, flags);
    }

    /** True when {@code v} is of a class that {@code imm} names. */
    static boolean isOfClass(SseFloat.Format f, long v0, int imm, int mx) {
        long v = SseFloat.flushed(f, v0, (mx & SseFloat.DAZ) != 0);
        boolean minus = negative(f, v), nan = f.isNan(v), finite = !nan && !f.isInf(v);
        int is = (nan ? f.isSignalling(v) ? 0x80 : 1 : 0)
                | (f.isZero(v) ? minus ? 4 : 2 : 0)
                | (f.isInf(v) ? minus ? 0x10 : 8 : 0)
                | (f.isDenormal(v) ? 0x20 : 0)
                | (finite && minus && !f.isZero(v) ? 0x40 : 0);
        return (is & imm) != 0;
    }

    // Conversions.

    /** From one format to another; MXCSR's modes for denormals leave half precision alone. */
    static SseFloat.Result converted(SseFloat.Format from, SseFloat.Format to, long v0, int mxcsr) {
        int mx = mxcsr & (to.width() == 16 ? ~SseFloat.FTZ : -1) & (from.width() == 16 ? ~SseFloat.DAZ : -1);
        long v = SseFloat.flushed(from, v0, (mx & SseFloat.DAZ) != 0);
        long sign = negative(from, v) ? to.sign() : 0;
        if (from.isNan(v)) {
            int by = from.p() - to.p();
            long fraction = v & from.fraction();
            long payload = by > 0 ? fraction >>> by : fraction << -by;
            return new SseFloat.Result(sign | to.inf() | to.quiet() | payload, from.isSignalling(v) ? IE : 0);
        }
        if (from.isInf(v)) return exact(sign | to.inf());
        if (from.isZero(v)) return exact(sign);
        return SseFloat.round(
                to,
                negative(from, v),
                SseFloat.mantissa(from, v),
                SseFloat.exponent(from, v),
                mx,
                from.isDenormal(v) ? DE : 0);
    }

    /** From an integer of 64 bits, signed or not. */
    static SseFloat.Result fromInteger(SseFloat.Format f, long v, boolean unsigned, int mx) {
        if (v == 0) return exact(0);
        boolean minus = !unsigned && v < 0;
        BigInteger m = unsigned ? SseFloat.unsigned(v) : BigInteger.valueOf(v).abs();
        return SseFloat.round(f, minus, m, 0, mx, 0);
    }

    /** To an integer of {@code bits} bits; what does not fit is the largest unsigned number, or the least signed one. */
    static SseFloat.Result toInteger(SseFloat.Format f, long v0, int bits, boolean unsigned, int rc, int mx) {
        SseFloat.Result indefinite = new SseFloat.Result(unsigned ? Avx2Table.mask(bits) : 1L << bits - 1, IE);
        if (f.isNan(v0) || f.isInf(v0)) return indefinite;
        long v = SseFloat.flushed(f, v0, (mx & SseFloat.DAZ) != 0);
        if (f.isZero(v)) return exact(0);
        int e = SseFloat.exponent(f, v);
        if (e > 64) return indefinite;
        BigInteger m = SseFloat.mantissa(f, v), r = SseFloat.roundAt(m, -e, negative(f, v), rc);
        boolean inexact = e < 0 && m.getLowestSetBit() < -e;
        if (negative(f, v)) r = r.negate();
        if (unsigned ? r.signum() < 0 || r.bitLength() > bits : r.bitLength() >= bits) return indefinite;
        return new SseFloat.Result(r.longValue() & Avx2Table.mask(bits), inexact ? PE : 0);
    }
}
