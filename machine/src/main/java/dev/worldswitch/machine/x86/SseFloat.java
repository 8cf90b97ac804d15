package dev.worldswitch.machine.x86;

import java.math.BigInteger;

/**
 * SSE arithmetic, exact in value and in MXCSR exception flags. The host's own operation answers when operands and result
 * are normal numbers far from the ends of the range, the mode is nearest-even, and inexactness is either recorded already
 * or can be seen to be absent; everything else goes through exact integers. Each operation has two functions: the result,
 * and the flags it raises. Intel SDM vol. 1 ch. 4.8 and 11.5.
 */
public final class SseFloat {
    public static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32, DAZ = 64, RC = 0x6000, FTZ = 0x8000;
    public static final int ADD = 0, SUB = 1, MUL = 2, DIV = 3, SQRT = 4, MIN = 5, MAX = 6;
    private static final long D_INF = 0x7ffL << 52, D_QUIET = 1L << 51, D_FRAC = (1L << 52) - 1;
    private static final long F_QUIET = 1L << 22;
    private static final int MODES = RC | DAZ | FTZ;

    private SseFloat() {}

    /** A format: precision in bits (with the hidden one), exponent bias, width. */
    record Format(int p, int bias, int width) {
        static Format of(int width) {
            return width == 64 ? F64 : width == 32 ? F32 : F16;
        }

        long sign() {
            return 1L << width - 1;
        }

        long inf() {
            return (1L << width - 1) - (1L << p - 1);
        }

        long quiet() {
            return 1L << p - 2;
        }

        long defaultNan() {
            return sign() | inf() | quiet();
        }

        long fraction() {
            return (1L << p - 1) - 1;
        }

        boolean isNan(long v) {
            return (v & ~sign() & (width == 64 ? -1 : (1L << width) - 1)) > inf();
        }

        boolean isSignalling(long v) {
            return isNan(v) && (v & quiet()) == 0;
        }

        boolean isInf(long v) {
            return (v & ~sign()) == inf();
        }

        boolean isZero(long v) {
            return (v & ~sign()) == 0;
        }

        boolean isDenormal(long v) {
            return (v & inf()) == 0 && (v & fraction()) != 0;
        }
    }

    static final Format F32 = new Format(24, 127, 32), F64 = new Format(53, 1023, 64);

    // Double precision.

    private static boolean plain(long v) {
        int e = (int) (v >>> 52) & 0x7ff;
        return e > 200 && e < 1850 || v << 1 == 0;
    }

    private static boolean safe(long v) {
        int e = (int) (v >>> 52) & 0x7ff;
        return e > 200 && e < 1850;
    }

    /** The result of one scalar double operation under {@code mxcsr}. */
    public static long f64(int op, long a, long b, int mxcsr) {
        if ((mxcsr & MODES) == 0 && plain(a) && plain(b)) {
            double x = Double.longBitsToDouble(a), y = Double.longBitsToDouble(b);
            double r = host64(op, x, y);
            long bits = Double.doubleToRawLongBits(r);
            if (op <= SQRT && safe(bits)) return bits;
        }
        return slow(F64, op, a, b, mxcsr).bits;
    }

    /** The MXCSR exception flags that the operation raises; those already in {@code mxcsr} may be left out. */
    public static int f64Flags(int op, long a, long b, int mxcsr) {
        if ((mxcsr & MODES) == 0 && op <= SQRT && plain(a) && plain(b)) {
            double x = Double.longBitsToDouble(a), y = Double.longBitsToDouble(b);
            double r = host64(op, x, y);
            if (safe(Double.doubleToRawLongBits(r)) && ((mxcsr & PE) != 0 || exact64(op, x, y, r))) return 0;
        }
        return slow(F64, op, a, b, mxcsr).flags;
    }

    private static double host64(int op, double x, double y) {
        return switch (op) {
            case ADD -> x + y;
            case SUB -> x - y;
            case MUL -> x * y;
            case DIV -> x / y;
            case SQRT -> Math.sqrt(y);
            default -> Double.NaN;
        };
    }

    private static boolean exact64(int op, double x, double y, double r) {
        return switch (op) {
            case ADD -> r - x == y && r - y == x;
            case SUB -> x - r == y && r + y == x;
            case MUL -> Math.fma(x, y, -r) == 0;
            case DIV -> Math.fma(r, y, -x) == 0;
            case SQRT -> Math.fma(r, r, -y) == 0;
            default -> false;
        };
    }

    // Single precision.

    private static boolean plain(int v) {
        int e = v >>> 23 & 0xff;
        return e > 40 && e < 214 || v << 1 == 0;
    }

    private static boolean safe(int v) {
        int e = v >>> 23 & 0xff;
        return e > 40 && e < 214;
    }

    private static float host32(int op, float x, float y) {
        return switch (op) {
            case ADD -> x + y;
            case SUB -> x - y;
            case MUL -> x * y;
            case DIV -> x / y;
            case SQRT -> (float) Math.sqrt(y);
            default -> Float.NaN;
        };
    }

    public static int f32(int op, int a, int b, int mxcsr) {
        if ((mxcsr & MODES) == 0 && op <= SQRT && plain(a) && plain(b)) {
            int bits = Float.floatToRawIntBits(host32(op, Float.intBitsToFloat(a), Float.intBitsToFloat(b)));
            if (safe(bits)) return bits;
        }
        return (int) slow(F32, op, a & 0xffffffffL, b & 0xffffffffL, mxcsr).bits;
    }

    public static int f32Flags(int op, int a, int b, int mxcsr) {
        if ((mxcsr & MODES) == 0 && op <= SQRT && plain(a) && plain(b)) {
            float x = Float.intBitsToFloat(a), y = Float.intBitsToFloat(b), r = host32(op, x, y);
            if (safe(Float.floatToRawIntBits(r)) && ((mxcsr & PE) != 0 || exact32(op, x, y, r))) return 0;
        }
        return slow(F32, op, a & 0xffffffffL, b & 0xffffffffL, mxcsr).flags;
    }

    private static boolean exact32(int op, float x, float y, float r) {
        return switch (op) {
            case ADD -> r - x == y && r - y == x;
            case SUB -> x - r == y && r + y == x;
            case MUL -> (double) x * y == r;
            case DIV -> (double) r * y == x;
            case SQRT -> (double) r * r == y;
            default -> false;
        };
    }

    // The exact way.

    /** A result with the flags it raised. */
    public record Result(long bits, int flags) {}

    static Result slow32(int op, int a, int b, int mxcsr) {
        return slow(F32, op, a & 0xffffffffL, b & 0xffffffffL, mxcsr);
    }

    static Result slow(Format f, int op, long a0, long b0, int mxcsr) {
        boolean unary = op == SQRT, daz = (mxcsr & DAZ) != 0;
        long a = daz && f.isDenormal(a0) ? a0 & f.sign() : a0, b = daz && f.isDenormal(b0) ? b0 & f.sign() : b0;
        if (op == MIN || op == MAX) return minMax(f, op, a, b);
        if (unary) a = b;
        if (unary && f.isNan(b)) return new Result(b | f.quiet(), f.isSignalling(b) ? IE : 0);
        if (f.isNan(a) || f.isNan(b)) {
            int flags = f.isSignalling(a) || f.isSignalling(b) ? IE : 0;
            return new Result((f.isNan(a) ? a : b) | f.quiet(), flags);
        }
        boolean sa = (a & f.sign()) != 0, sb = (b & f.sign()) != 0;
        if (op == SUB) {
            b ^= f.sign();
            sb = !sb;
        }
        int de = f.isDenormal(a) || f.isDenormal(b) ? DE : 0;
        Result invalid = new Result(f.defaultNan(), IE);
        boolean sign = sa != sb;
        long signBit = sign ? f.sign() : 0;
        switch (op) {
            case ADD, SUB -> {
                if (f.isInf(a) && f.isInf(b)) return sa == sb ? new Result(a, 0) : invalid;
                if (f.isInf(a)) return new Result(a, de);
                if (f.isInf(b)) return new Result(b, de);
                return sum(f, a, b, mxcsr, de);
            }
            case MUL -> {
                if (f.isInf(a) || f.isInf(b))
                    return f.isZero(a) || f.isZero(b) ? invalid : new Result(signBit | f.inf(), de);
                if (f.isZero(a) || f.isZero(b)) return new Result(signBit, de);
                return round(
                        f, sign, mantissa(f, a).multiply(mantissa(f, b)), exponent(f, a) + exponent(f, b), mxcsr, de);
            }
            case DIV -> {
                if (f.isInf(a)) return f.isInf(b) ? invalid : new Result(signBit | f.inf(), de);
                if (f.isInf(b)) return new Result(signBit, de);
                if (f.isZero(b)) return f.isZero(a) ? invalid : new Result(signBit | f.inf(), ZE);
                if (f.isZero(a)) return new Result(signBit, de);
                int shift = 2 * f.p + 4 + f.p;
                BigInteger[] q = mantissa(f, a).shiftLeft(shift).divideAndRemainder(mantissa(f, b));
                return round(f, sign, sticky(q[0], q[1]), exponent(f, a) - exponent(f, b) - shift - 1, mxcsr, de);
            }
            default -> {
                if (f.isZero(b)) return new Result(b, 0);
                if (sb) return invalid;
                if (f.isInf(b)) return new Result(b, 0);
                int e = exponent(f, b), shift = 2 * f.p + 8 + (e & 1);
                BigInteger[] s = mantissa(f, b).shiftLeft(shift).sqrtAndRemainder();
                return round(f, false, sticky(s[0], s[1]), (e - shift) / 2 - 1, mxcsr, de);
            }
        }
    }

    /** MIN and MAX give the second operand unless the first is strictly smaller (larger): SDM vol. 2, MINSD. */
    static Result minMax(Format f, int op, long a, long b) {
        if (f.isNan(a) || f.isNan(b)) return new Result(b, IE);
        int de = f.isDenormal(a) || f.isDenormal(b) ? DE : 0;
        int c = compare(f, a, b);
        return new Result(op == MIN ? c < 0 ? a : b : c > 0 ? a : b, de);
    }

    static int compare(Format f, long a, long b) {
        if (f.isZero(a) && f.isZero(b)) return 0;
        long x = (a & f.sign()) != 0 ? -(a & ~f.sign()) : a, y = (b & f.sign()) != 0 ? -(b & ~f.sign()) : b;
        return Long.compare(x, y);
    }

    static BigInteger mantissa(Format f, long v) {
        long m = v & f.fraction();
        return BigInteger.valueOf((v & f.inf()) == 0 ? m : m | 1L << f.p - 1);
    }

    /** The power of two that the mantissa's lowest bit stands for. */
    static int exponent(Format f, long v) {
        int e = (int) ((v & f.inf()) >>> f.p - 1);
        return Math.max(e, 1) - f.bias - f.p + 1;
    }

    private static BigInteger sticky(BigInteger q, BigInteger rest) {
        BigInteger twice = q.shiftLeft(1);
        return rest.signum() == 0 ? twice : twice.setBit(0);
    }

    private static Result sum(Format f, long a, long b, int mxcsr, int flags) {
        boolean down = (mxcsr & RC) == 0x2000;
        int ea = exponent(f, a), eb = exponent(f, b), e = Math.min(ea, eb);
        BigInteger x = mantissa(f, a).shiftLeft(ea - e), y = mantissa(f, b).shiftLeft(eb - e);
        if ((a & f.sign()) != 0) x = x.negate();
        if ((b & f.sign()) != 0) y = y.negate();
        BigInteger s = x.add(y);
        if (s.signum() == 0) {
            boolean bothZero = f.isZero(a) && f.isZero(b) && (a & f.sign()) == (b & f.sign());
            return new Result(bothZero ? a : down ? f.sign() : 0, flags);
        }
        return round(f, s.signum() < 0, s.abs(), e, mxcsr, flags);
    }

    /** Rounds {@code m * 2^e}; tininess is detected after rounding, as x86 does. */
    static Result round(Format f, boolean sign, BigInteger m, int e, int mxcsr, int flags) {
        long signBit = sign ? f.sign() : 0;
        int emin = 1 - f.bias - f.p + 1;
        int cut = m.bitLength() - f.p;
        // As if the exponent range had no lower end: tells whether the rounded result is tiny.
        BigInteger free = roundAt(m, cut, sign, mxcsr);
        int freeLow = e + cut;
        boolean tiny = free.bitLength() + freeLow < emin + f.p;
        int need = Math.max(cut, emin - e);
        BigInteger r = roundAt(m, need, sign, mxcsr);
        boolean inexact = need > 0 && m.getLowestSetBit() < need;
        int low = e + need;
        if (tiny) {
            boolean masked = (mxcsr & UE << 7) != 0;
            if (masked && (mxcsr & FTZ) != 0) return new Result(signBit, flags | UE | PE);
            if (inexact || !masked) flags |= UE;
        }
        if (inexact) flags |= PE;
        if (r.bitLength() > f.p) {
            r = r.shiftRight(1);
            low++;
        }
        if (r.signum() == 0) return new Result(signBit, flags);
        // A bit length below p happens only at the lowest exponent: a denormal, whose exponent field is 0.
        int field = r.bitLength() < f.p ? 0 : low + f.p - 1 + f.bias;
        if (field >= 2 * f.bias + 1) {
            boolean up = switch (mxcsr & RC) {
                case 0x2000 -> sign;
                case 0x4000 -> !sign;
                case 0x6000 -> false;
                default -> true;
            };
            return new Result(signBit | (up ? f.inf() : f.inf() - 1), flags | OE | PE);
        }
        return new Result(signBit | (long) field << f.p - 1 | r.longValue() & f.fraction(), flags);
    }

    /** {@code m / 2^cut} as an integer, rounded; a negative cut shifts left. */
    static BigInteger roundAt(BigInteger m, int cut, boolean sign, int mxcsr) {
        if (cut <= 0) return m.shiftLeft(-cut);
        BigInteger q = m.shiftRight(cut);
        boolean half = m.testBit(cut - 1), rest = m.getLowestSetBit() < cut - 1;
        boolean any = half || rest;
        boolean up = switch (mxcsr & RC) {
            case 0x2000 -> sign && any;
            case 0x4000 -> !sign && any;
            case 0x6000 -> false;
            default -> half && (rest || q.testBit(0));
        };
        return up ? q.add(BigInteger.ONE) : q;
    }

    // Fused multiplication and addition.

    /**
     * {@code a * b + c} rounded once, the product or the addend negated before. Of several NaNs the first counts; infinity
     * times zero plus a NaN is that NaN.
     */
    static Result fma(boolean isDouble, long a0, long b0, long c0, boolean minusProduct, boolean minusC, int mxcsr) {
        return fma(isDouble ? F64 : F32, a0, b0, c0, minusProduct, minusC, mxcsr);
    }

    static Result fma(Format f, long a0, long b0, long c0, boolean minusProduct, boolean minusC, int mxcsr) {
        boolean daz = (mxcsr & DAZ) != 0;
        long a = flushed(f, a0, daz), b = flushed(f, b0, daz), c = flushed(f, c0, daz);
        if (f.isNan(a) || f.isNan(b) || f.isNan(c)) {
            int flags = f.isSignalling(a) || f.isSignalling(b) || f.isSignalling(c) ? IE : 0;
            return new Result((f.isNan(a) ? a : f.isNan(b) ? b : c) | f.quiet(), flags);
        }
        boolean infinite = f.isInf(a) || f.isInf(b);
        boolean sp = (a & f.sign()) != 0 ^ (b & f.sign()) != 0 ^ minusProduct, sc = (c & f.sign()) != 0 ^ minusC;
        if (infinite && (f.isZero(a) || f.isZero(b)) || infinite && f.isInf(c) && sp != sc)
            return new Result(f.defaultNan(), IE);
        int de = f.isDenormal(a) || f.isDenormal(b) || f.isDenormal(c) ? DE : 0;
        if (infinite) return new Result((sp ? f.sign() : 0) | f.inf(), de);
        if (f.isInf(c)) return new Result((sc ? f.sign() : 0) | f.inf(), de);
        int ep = exponent(f, a) + exponent(f, b), ec = exponent(f, c), e = Math.min(ep, ec);
        BigInteger p = mantissa(f, a).multiply(mantissa(f, b)), m = mantissa(f, c);
        BigInteger s = (sp ? p.negate() : p).shiftLeft(ep - e).add((sc ? m.negate() : m).shiftLeft(ec - e));
        if (s.signum() == 0) {
            boolean zeros = p.signum() == 0 && sp == sc;
            boolean negative = zeros ? sp : (mxcsr & RC) == 0x2000;
            return new Result(negative ? f.sign() : 0, de);
        }
        return round(f, s.signum() < 0, s.abs(), e, mxcsr, de);
    }

    static long flushed(Format f, long v, boolean daz) {
        return daz && f.isDenormal(v) ? v & f.sign() : v;
    }

    /** The bits of MXCSR that count for numbers of {@code width} bits: denormals of half precision are always numbers. */
    static int modes(int width) {
        return width == 16 ? ~(DAZ | FTZ) : -1;
    }

    // Half precision: F16C.

    static final Format F16 = new Format(11, 15, 16);

    /** VCVTPH2PS of one element: exact, denormals are numbers whatever MXCSR says. */
    static Result fromHalf(int h) {
        long sign = (h & 0x8000L) << 16, frac = h & 0x3ff;
        int e = h >> 10 & 31;
        if (e == 31 && frac != 0) return new Result(sign | F32.inf() | frac << 13 | F_QUIET, (h & 0x200) == 0 ? IE : 0);
        if (e == 31) return new Result(sign | F32.inf(), 0);
        float v = e == 0 ? frac * 0x1p-24f : (1024 + frac) * (float) Math.pow(2, e - 25);
        return new Result(sign | Float.floatToRawIntBits(v), 0);
    }

    /** VCVTPS2PH of one element: {@code imm} has the rounding, or says that MXCSR has it; FTZ does not count. */
    static Result toHalf(int a, int imm, int mxcsr) {
        long v = a & 0xffffffffL, sign = v >>> 16 & 0x8000;
        if (F32.isNan(v))
            return new Result(
                    sign | F16.inf() | F16.quiet() | (v & F32.fraction()) >>> 13, F32.isSignalling(v) ? IE : 0);
        if (F32.isInf(v)) return new Result(sign | F16.inf(), 0);
        boolean denormal = F32.isDenormal(v);
        if (F32.isZero(v) || denormal && (mxcsr & DAZ) != 0) return new Result(sign, 0);
        int modes = (imm & 4) != 0 ? mxcsr & ~FTZ : mxcsr & ~(FTZ | RC) | (imm & 3) << 13;
        return round(F16, sign != 0, mantissa(F32, v), exponent(F32, v), modes, denormal ? DE : 0);
    }

    // Comparisons. Predicates 0 to 31 of CMPPD: SDM vol. 2, table "comparison predicate".

    /** Relation of a and b: 1 less, 2 equal, 4 greater, 8 unordered. */
    public static int relation64(long a, long b, int mxcsr) {
        return relation(F64, a, b, mxcsr);
    }

    public static int relation32(int a, int b, int mxcsr) {
        return relation(F32, a & 0xffffffffL, b & 0xffffffffL, mxcsr);
    }

    static int relation(Format f, long a0, long b0, int mxcsr) {
        boolean daz = (mxcsr & DAZ) != 0;
        long a = daz && f.isDenormal(a0) ? a0 & f.sign() : a0, b = daz && f.isDenormal(b0) ? b0 & f.sign() : b0;
        if (f.isNan(a) || f.isNan(b)) return 8;
        int c = compare(f, a, b);
        return c < 0 ? 1 : c == 0 ? 2 : 4;
    }

    public static int compareFlags64(long a, long b, boolean quietNan, int mxcsr) {
        return compareFlags(F64, a, b, quietNan, mxcsr);
    }

    public static int compareFlags32(int a, int b, boolean quietNan, int mxcsr) {
        return compareFlags(F32, a & 0xffffffffL, b & 0xffffffffL, quietNan, mxcsr);
    }

    static int compareFlags(Format f, long a, long b, boolean quietNan, int mxcsr) {
        if (f.isSignalling(a) || f.isSignalling(b)) return IE;
        if (f.isNan(a) || f.isNan(b)) return quietNan ? 0 : IE;
        return (mxcsr & DAZ) == 0 && (f.isDenormal(a) || f.isDenormal(b)) ? DE : 0;
    }

    private static final int[] TRUE_FOR = {2, 1, 3, 8, 13, 14, 12, 7};

    /** True when predicate {@code imm} holds for the relation. */
    public static boolean holds(int imm, int relation) {
        int p = imm & 7;
        // 8 to 15 (and 24 to 31): EQ_UQ NGE NGT FALSE NEQ_OQ GE GT TRUE.
        int set = (imm & 8) == 0
                ? TRUE_FOR[p]
                : switch (p) {
                    case 0 -> 10;
                    case 1 -> 9;
                    case 2 -> 11;
                    case 3 -> 0;
                    case 4 -> 5;
                    case 5 -> 6;
                    case 6 -> 4;
                    default -> 15;
                };
        return (set & relation) != 0;
    }

    /** True when the predicate leaves a quiet NaN without invalid. */
    public static boolean quiet(int imm) {
        boolean even = switch (imm & 7) {
            case 0, 3, 4, 7 -> true;
            default -> false;
        };
        return even == ((imm & 16) == 0);
    }

    // Conversions.

    public static Result toF64(int a, int mxcsr) {
        long v = a & 0xffffffffL;
        if (F32.isNan(v)) {
            long frac = (v & F32.fraction()) << 29;
            return new Result((v & F32.sign()) << 32 | D_INF | frac | D_QUIET, F32.isSignalling(v) ? IE : 0);
        }
        if (F32.isDenormal(v)) {
            if ((mxcsr & DAZ) != 0) return new Result((v & F32.sign()) << 32, 0);
            return new Result(Double.doubleToRawLongBits(Float.intBitsToFloat(a)), DE);
        }
        return new Result(Double.doubleToRawLongBits(Float.intBitsToFloat(a)), 0);
    }

    public static Result toF32(long a, int mxcsr) {
        boolean sign = a < 0;
        long signBit = sign ? F32.sign() : 0;
        if (F64.isNan(a))
            return new Result(signBit | F32.inf() | (a & D_FRAC) >>> 29 | F_QUIET, F64.isSignalling(a) ? IE : 0);
        if (F64.isInf(a)) return new Result(signBit | F32.inf(), 0);
        if (F64.isZero(a) || F64.isDenormal(a) && (mxcsr & DAZ) != 0) return new Result(signBit, 0);
        int near = Float.floatToRawIntBits((float) Double.longBitsToDouble(a));
        if ((mxcsr & MODES) == 0 && safe(near))
            return new Result(near & 0xffffffffL, Float.intBitsToFloat(near) == Double.longBitsToDouble(a) ? 0 : PE);
        return round(F32, sign, mantissa(F64, a), exponent(F64, a), mxcsr, F64.isDenormal(a) ? DE : 0);
    }

    /** CVTSI2SD, CVTDQ2PD, CVTSI2SS, CVTDQ2PS. */
    public static Result fromInt(long v, boolean isDouble, int mxcsr) {
        if (v == 0) return new Result(0, 0);
        if (Math.abs(v) < (isDouble ? 1L << 53 : 1L << 24))
            return new Result(isDouble ? Double.doubleToRawLongBits(v) : Float.floatToRawIntBits(v) & 0xffffffffL, 0);
        return round(isDouble ? F64 : F32, v < 0, BigInteger.valueOf(v).abs(), 0, mxcsr, 0);
    }

    /** CVT(T)SD2SI and the like: {@code bits} 32 or 64; {@code rc} rounding control, 0x6000 truncates. */
    public static Result toInt(long a, boolean isDouble, int bits, int rc, int mxcsr) {
        Format f = isDouble ? F64 : F32;
        long indefinite = bits == 64 ? Long.MIN_VALUE : 0x80000000L;
        if (f.isNan(a) || f.isInf(a)) return new Result(indefinite, IE);
        if (f.isZero(a) || f.isDenormal(a) && (mxcsr & DAZ) != 0) return new Result(0, 0);
        boolean sign = (a & f.sign()) != 0;
        int e = exponent(f, a);
        if (rc == RC && e < 62 - f.p) {
            double v = isDouble ? Double.longBitsToDouble(a) : Float.intBitsToFloat((int) a);
            long t = (long) v;
            if (bits == 32 && t != (int) t) return new Result(indefinite, IE);
            return new Result(bits == 64 ? t : t & 0xffffffffL, t == v ? 0 : PE);
        }
        if (e > 64) return new Result(indefinite, IE);
        BigInteger m = mantissa(f, a);
        BigInteger r = roundAt(m, -e, sign, rc);
        if (sign) r = r.negate();
        if (r.bitLength() >= bits) return new Result(indefinite, IE);
        boolean inexact = e < 0 && m.getLowestSetBit() < -e;
        return new Result(bits == 64 ? r.longValue() : r.longValue() & 0xffffffffL, inexact ? PE : 0);
    }

    /** ROUNDSD, ROUNDSS: {@code imm} 0-1 mode, 2 mode of MXCSR, 3 no precision exception. */
    public static Result roundToIntegral(long a, boolean isDouble, int imm, int mxcsr) {
        Format f = isDouble ? F64 : F32;
        if (f.isNan(a)) return new Result(a | f.quiet(), f.isSignalling(a) ? IE : 0);
        boolean sign = (a & f.sign()) != 0;
        long signBit = sign ? f.sign() : 0;
        if (f.isInf(a)) return new Result(a, 0);
        if (f.isZero(a) || f.isDenormal(a) && (mxcsr & DAZ) != 0) return new Result(signBit, 0);
        int e = exponent(f, a);
        if (e >= 0) return new Result(a, 0);
        int rc = (imm & 4) != 0 ? mxcsr & RC : (imm & 3) << 13;
        BigInteger m = mantissa(f, a);
        BigInteger r = roundAt(m, -e, sign, rc);
        int flags = m.getLowestSetBit() < -e && (imm & 8) == 0 ? PE : 0;
        if (r.signum() == 0) return new Result(signBit, flags);
        return new Result(round(f, sign, r, 0, 0, 0).bits, flags);
    }

    // x87: from the extended format, given as sign, 64-bit mantissa and its exponent. Flags as in the status word.

    /** FST to single or double; {@code fcw} gives rounding. */
    static Result fromExtended(long high, long low, boolean isDouble, int fcw) {
        Format f = isDouble ? F64 : F32;
        boolean sign = (high & 0x8000) != 0;
        long signBit = sign ? f.sign() : 0;
        int e = X87.exponent(high);
        if (e != 0 && low >= 0) return new Result(f.defaultNan(), IE);
        if (e == 0x7fff) {
            if (low << 1 == 0) return new Result(signBit | f.inf(), 0);
            boolean signalling = (low & 1L << 62) == 0;
            return new Result(signBit | f.inf() | f.quiet() | (low << 1 >>> 1) >>> 64 - f.p, signalling ? IE : 0);
        }
        if (low == 0) return new Result(signBit, 0);
        return round(f, sign, unsigned(low), Math.max(e, 1) - 16383 - 63, (fcw & 0xc00) << 3 | 0x1f80, 0);
    }

    /** FIST: {@code bits} 16, 32 or 64. */
    static Result extendedToInt(long high, long low, int bits, int fcw) {
        long indefinite = 1L << bits - 1;
        int e = X87.exponent(high);
        if (e >= 16383 + 64 || e != 0 && low >= 0) return new Result(indefinite, IE);
        if (low == 0) return new Result(0, 0);
        boolean sign = (high & 0x8000) != 0;
        int shift = Math.max(e, 1) - 16383 - 63;
        BigInteger m = unsigned(low), r = roundAt(m, -shift, sign, (fcw & 0xc00) << 3);
        if (sign) r = r.negate();
        if (r.bitLength() >= bits) return new Result(indefinite, IE);
        return new Result(r.longValue(), shift < 0 && m.getLowestSetBit() < -shift ? PE : 0);
    }

    static BigInteger unsigned(long v) {
        return new BigInteger(Long.toUnsignedString(v, 16), 16);
    }
}
