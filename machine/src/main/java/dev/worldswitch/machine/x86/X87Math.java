package dev.worldswitch.machine.x86;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * Arithmetic of the x87 FPU on 80-bit numbers, exact in value, in exceptions and in the rounding that C1 tells, at each precision
 * and rounding mode of the control word (SDM vol. 1, ch. 4 and 8). Numbers are given as sign with exponent, and mantissa.
 */
final class X87Math {
    static final int ADD = 0, MUL = 1, SUB = 4, SUBR = 5, DIV = 6, DIVR = 7;
    private static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32;
    private static final int BIAS = 16383, WRAP = 24576;
    private static final long INTEGER_BIT = 1L << 63, QUIET = 1L << 62;

    private X87Math() {}

    /** A number, the exceptions of the status word that it raised, and whether it was rounded away from zero. */
    record Value(long high, long low, int flags, boolean up) {
        Value with(int more) {
            return new Value(high, low, flags | more, up);
        }
    }

    static final Value NAN = new Value(X87.NAN_HIGH, X87.NAN_LOW, IE, false);

    private static Value exact(long high, long low, int flags) {
        return new Value(high, low, flags, false);
    }

    static boolean negative(Value v) {
        return (v.high & 0x8000) != 0;
    }

    private static long sign(boolean negative) {
        return negative ? 0x8000 : 0;
    }

    static int exponent(Value v) {
        return (int) v.high & 0x7fff;
    }

    static boolean isZero(Value v) {
        return exponent(v) == 0 && v.low == 0;
    }

    static boolean isDenormal(Value v) {
        return exponent(v) == 0 && v.low != 0;
    }

    static boolean isInfinite(Value v) {
        return exponent(v) == 0x7fff && v.low == INTEGER_BIT;
    }

    static boolean isNan(Value v) {
        return exponent(v) == 0x7fff && v.low < 0 && v.low != INTEGER_BIT;
    }

    private static boolean isSignalling(Value v) {
        return isNan(v) && (v.low & QUIET) == 0;
    }

    /** An encoding that the CPU no longer takes: an exponent without the integer bit. */
    static boolean isUnsupported(Value v) {
        return exponent(v) != 0 && v.low >= 0;
    }

    static BigInteger mantissa(Value v) {
        BigInteger m = BigInteger.valueOf(v.low & Long.MAX_VALUE);
        return v.low < 0 ? m.setBit(63) : m;
    }

    /** The power of two that the mantissa's lowest bit stands for. */
    static int unit(Value v) {
        return Math.max(exponent(v), 1) - BIAS - 63;
    }

    private static Value quieted(Value v, int flags) {
        return exact(v.high, v.low | QUIET, flags);
    }

    /** What an operation gives whose operands are not all numbers; null if they are. */
    static @Nullable Value special(Value a, Value b) {
        if (isUnsupported(a) || isUnsupported(b)) return NAN;
        if (!isNan(a) && !isNan(b)) return null;
        int flags = isSignalling(a) || isSignalling(b) ? IE : 0;
        if (!isNan(b)) return quieted(a, flags);
        if (!isNan(a)) return quieted(b, flags);
        // Of a signalling and a quiet NaN the quiet one; else the larger mantissa, then the positive one.
        if (isSignalling(a) != isSignalling(b)) return quieted(isSignalling(a) ? b : a, flags);
        int c = Long.compareUnsigned(a.low, b.low);
        return quieted(c > 0 || c == 0 && (a.high & 0x8000) < (b.high & 0x8000) ? a : b, flags);
    }

    static int denormals(Value a, Value b) {
        return isDenormal(a) || isDenormal(b) ? DE : 0;
    }

    /** {@code op} is the /digit of the D8 forms. */
    static Value arithmetic(int op, Value a, Value b, int fcw) {
        if (op == SUBR || op == DIVR) return arithmetic(op - 1, b, a, fcw);
        Value s = special(a, b);
        if (s != null) return s;
        return switch (op) {
            case ADD -> sum(a, b, fcw);
            case SUB -> sum(a, exact(b.high ^ 0x8000, b.low, 0), fcw);
            case MUL -> product(a, b, fcw);
            default -> quotient(a, b, fcw);
        };
    }

    private static Value infinity(boolean negative, int flags) {
        return exact(sign(negative) | 0x7fff, INTEGER_BIT, flags);
    }

    private static Value sum(Value a, Value b, int fcw) {
        int de = denormals(a, b);
        if (isInfinite(a) && isInfinite(b)) return negative(a) == negative(b) ? a.with(0) : NAN;
        if (isInfinite(a)) return infinity(negative(a), de);
        if (isInfinite(b)) return infinity(negative(b), de);
        int e = Math.min(unit(a), unit(b));
        BigInteger x = mantissa(a).shiftLeft(unit(a) - e), y = mantissa(b).shiftLeft(unit(b) - e);
        BigInteger r = (negative(a) ? x.negate() : x).add(negative(b) ? y.negate() : y);
        if (r.signum() != 0) return round(r.signum() < 0, r.abs(), e, fcw, de);
        boolean same = negative(a) == negative(b) && isZero(a);
        return exact(sign(same ? negative(a) : (fcw & 0xc00) == 0x400), 0, de);
    }

    private static Value product(Value a, Value b, int fcw) {
        boolean minus = negative(a) != negative(b);
        int de = denormals(a, b);
        if (isInfinite(a) || isInfinite(b)) return isZero(a) || isZero(b) ? NAN : infinity(minus, de);
        if (isZero(a) || isZero(b)) return exact(sign(minus), 0, de);
        return round(minus, mantissa(a).multiply(mantissa(b)), unit(a) + unit(b), fcw, de);
    }

    private static Value quotient(Value a, Value b, int fcw) {
        boolean minus = negative(a) != negative(b);
        int de = denormals(a, b);
        if (isInfinite(a)) return isInfinite(b) ? NAN : infinity(minus, de);
        if (isInfinite(b)) return exact(sign(minus), 0, de);
        if (isZero(b)) return isZero(a) ? NAN : infinity(minus, ZE);
        if (isZero(a)) return exact(sign(minus), 0, de);
        BigInteger[] q = mantissa(a).shiftLeft(192).divideAndRemainder(mantissa(b));
        return round(minus, sticky(q), unit(a) - unit(b) - 193, fcw, de);
    }

    private static BigInteger sticky(BigInteger[] valueAndRest) {
        BigInteger twice = valueAndRest[0].shiftLeft(1);
        return valueAndRest[1].signum() == 0 ? twice : twice.setBit(0);
    }

    static Value squareRoot(Value a, int fcw) {
        Value s = special(a, a);
        if (s != null) return s;
        if (isZero(a)) return a.with(0);
        if (negative(a)) return NAN;
        int de = denormals(a, a);
        if (isInfinite(a)) return a.with(0);
        int shift = 200 + (unit(a) & 1);
        return round(
                false, sticky(mantissa(a).shiftLeft(shift).sqrtAndRemainder()), (unit(a) - shift) / 2 - 1, fcw, de);
    }

    /** FRNDINT. */
    static Value integral(Value a, int fcw) {
        Value s = special(a, a);
        if (s != null) return s;
        int de = denormals(a, a);
        if (isInfinite(a) || isZero(a) || unit(a) >= 0) return a.with(de);
        BigInteger m = mantissa(a), r = SseFloat.roundAt(m, -unit(a), negative(a), (fcw & 0xc00) << 3);
        boolean inexact = m.getLowestSetBit() < -unit(a),
                up = r.shiftLeft(-unit(a)).compareTo(m) > 0;
        int flags = de | (inexact ? PE : 0);
        if (r.signum() == 0) return new Value(sign(negative(a)), 0, flags, up);
        Value v = round(negative(a), r, 0, fcw | 0x300, 0);
        return new Value(v.high, v.low, flags, up);
    }

    /** FSCALE: the first times two to the power of the second, which is cut to an integer. */
    static Value scaled(Value a, Value by, int fcw) {
        Value s = special(a, by);
        if (s != null) return s;
        int de = denormals(a, by);
        if (isInfinite(by)) {
            if (negative(by)) return isInfinite(a) ? NAN : exact(sign(negative(a)), 0, de);
            return isZero(a) ? NAN : infinity(negative(a), de);
        }
        if (isInfinite(a) || isZero(a)) return a.with(de);
        BigInteger n = unit(by) >= 0
                ? mantissa(by).shiftLeft(Math.min(unit(by), 64))
                : mantissa(by).shiftRight(-unit(by));
        int k = n.bitLength() > 17 ? 1 << 17 : n.intValue();
        return round(negative(a), mantissa(a), unit(a) + (negative(by) ? -k : k), fcw | 0x300, de);
    }

    /** Relation: 1 less, 2 equal, 4 greater, 8 unordered; {@link Value#flags} of the second. */
    static int relation(Value a, Value b) {
        if (isUnsupported(a) || isUnsupported(b) || isNan(a) || isNan(b)) return 8;
        if (isZero(a) && isZero(b)) return 2;
        if (negative(a) != negative(b)) return negative(a) ? 1 : 4;
        int e = Integer.compare(Math.max(exponent(a), 1), Math.max(exponent(b), 1));
        int c = e != 0 ? e : Long.compareUnsigned(a.low, b.low);
        if (c == 0) return 2;
        return c < 0 == negative(a) ? 4 : 1;
    }

    static int compareFlags(Value a, Value b, boolean quiet) {
        if (relation(a, b) == 8) {
            boolean invalid = isUnsupported(a) || isUnsupported(b) || isSignalling(a) || isSignalling(b);
            return !quiet || invalid ? IE : 0;
        }
        return denormals(a, b);
    }

    /** FPREM or, to the nearest multiple, FPREM1. The quotient's lowest bits are the second result, -1 when not complete. */
    static Value remainder(Value a, Value b, boolean nearest, int fcw, int[] quotient) {
        quotient[0] = 0;
        Value s = special(a, b);
        if (s != null) return s;
        if (isInfinite(a) || isZero(b)) return NAN;
        int de = denormals(a, b);
        if (isZero(a)) return a.with(de);
        if (isInfinite(b)) return round(negative(a), mantissa(a), unit(a), fcw | 0x300, de);
        int d = magnitude(a) - magnitude(b);
        BigInteger x = mantissa(a), y = mantissa(b);
        int e = Math.min(unit(a), unit(b));
        if (d >= 64) {
            // Part of the way: the difference of exponents gets smaller by 32 to 63.
            int n = 32 + (d & 31);
            BigInteger by = y.shiftLeft(unit(b) - e + d - n), from = x.shiftLeft(unit(a) - e);
            quotient[0] = -1;
            return round(negative(a), from.mod(by), e, fcw | 0x300, de);
        }
        x = x.shiftLeft(unit(a) - e);
        y = y.shiftLeft(unit(b) - e);
        BigInteger[] q = x.divideAndRemainder(y);
        BigInteger r = q[1];
        boolean minus = negative(a);
        int c = r.shiftLeft(1).compareTo(y);
        if (nearest && (c > 0 || c == 0 && q[0].testBit(0))) {
            q[0] = q[0].add(BigInteger.ONE);
            r = y.subtract(r);
            minus = !minus;
        }
        quotient[0] = q[0].intValue() & 7;
        if (r.signum() == 0) return exact(sign(negative(a)), 0, de);
        return round(minus, r, e, fcw | 0x300, de);
    }

    private static int magnitude(Value v) {
        return unit(v) + mantissa(v).bitLength();
    }

    /** FXTRACT's exponent, as a number; the other result is {@link #significand}. */
    static Value exponentOf(Value a) {
        Value s = special(a, a);
        if (s != null) return s;
        if (isInfinite(a)) return infinity(false, 0);
        if (isZero(a)) return infinity(true, ZE);
        long n = magnitude(a) - 1;
        return exact(X87.highOfInt(n), X87.lowOfInt(n), denormals(a, a));
    }

    static Value significand(Value a) {
        Value s = special(a, a);
        if (s != null) return s;
        if (isInfinite(a) || isZero(a)) return a.with(0);
        return exact(sign(negative(a)) | BIAS, a.low << Long.numberOfLeadingZeros(a.low), 0);
    }

    /** Rounds {@code m * 2^e} to the precision and by the mode of the control word. Tininess is detected after rounding. */
    static Value round(boolean minus, BigInteger m, int e, int fcw, int flags) {
        int p = switch (fcw & 0x300) {
            case 0 -> 24;
            case 0x200 -> 53;
            default -> 64;
        };
        if (m.signum() == 0) return exact(sign(minus), 0, flags);
        int rc = (fcw & 0xc00) << 3, lowest = 1 - BIAS - (p - 1), cut = m.bitLength() - p;
        BigInteger free = SseFloat.roundAt(m, cut, minus, rc);
        boolean tiny = free.bitLength() - 1 + e + cut < 1 - BIAS;
        if (tiny && (fcw & UE) == 0) return packed(minus, m, e + WRAP, cut, p, rc, fcw, flags | UE);
        int need = Math.max(cut, lowest - e);
        boolean inexact = need > 0 && m.getLowestSetBit() < need;
        return packed(minus, m, e, need, p, rc, fcw, flags | (tiny && inexact ? UE : 0));
    }

    private static Value packed(boolean minus, BigInteger m, int e, int cut, int p, int rc, int fcw, int flags) {
        BigInteger r = SseFloat.roundAt(m, cut, minus, rc);
        boolean inexact = cut > 0 && m.getLowestSetBit() < cut;
        boolean up = inexact && r.shiftLeft(cut).compareTo(m) > 0;
        int f = flags | (inexact ? PE : 0);
        if (r.signum() == 0) return new Value(sign(minus), 0, f, up);
        int low = e + cut, top = low + r.bitLength() - 1;
        if (top > BIAS) {
            if ((fcw & OE) == 0) return packed(minus, m, e - WRAP, cut, p, rc, fcw, f | OE);
            boolean away = switch (rc) {
                case 0x2000 -> minus;
                case 0x4000 -> !minus;
                case 0x6000 -> false;
                default -> true;
            };
            if (away) return new Value(sign(minus) | 0x7fff, INTEGER_BIT, f | OE | PE, true);
            return new Value(sign(minus) | 0x7ffe, -1L << 64 - p, f | OE | PE, false);
        }
        if (top < 1 - BIAS) {
            long bits = r.shiftLeft(low - (1 - BIAS - 63)).longValue();
            return new Value(sign(minus), bits, f, up);
        }
        return new Value(
                sign(minus) | top + BIAS, r.shiftLeft(64 - r.bitLength()).longValue(), f, up);
    }
}
