package dev.worldswitch.machine.arm64;

/**
 * Floating point as the Arm ARM's shared pseudocode has it (FPAdd, FPMul, FPMulAdd, FPRound ...), for half, single and
 * double precision, on bit patterns in the low bits of a long. The object carries FPCR in and the cumulative flags out.
 * A finite number is {@code frac * 2^(exp - 62)} with bit 62 of frac set. Tininess is detected before rounding.
 */
final class Fpu {
    static final int IOC = 1, DZC = 2, OFC = 4, UFC = 8, IXC = 16, IDC = 128, QC = 1 << 27;
    /** FPCR.RMode; then FPRounding_TIEAWAY and FPRounding_ODD. */
    static final int RN = 0, RP = 1, RM = 2, RZ = 3, RA = 4, ODD = 5;

    static final int AHP = 1 << 26;
    private static final int DN = 1 << 25, FZ = 1 << 24, FZ16 = 1 << 19;

    /** FPCR and the flags raised. */
    int fpcr, flags;

    void begin(Arm64Interpreter c) {
        fpcr = c.fpcr();
        flags = 0;
    }

    void end(Arm64Interpreter c) {
        if (flags != 0) c.fpsr(flags);
    }

    /** All rounding is to odd (BFloat16 dot products). */
    private boolean odd;

    int mode() {
        return odd ? ODD : fpcr >>> 22 & 3;
    }

    // Formats, by their size in bits.

    static int precision(int bits) {
        return bits == 64 ? 53 : bits == 32 ? 24 : 11;
    }

    static int bias(int bits) {
        return bits == 64 ? 1023 : bits == 32 ? 127 : 15;
    }

    static long signBit(int bits) {
        return 1L << bits - 1;
    }

    static long infinity(int bits) {
        return bits == 64 ? 0x7ffL << 52 : bits == 32 ? 0x7f800000L : 0x7c00;
    }

    static long quietBit(int bits) {
        return 1L << precision(bits) - 2;
    }

    static long defaultNan(int bits) {
        return infinity(bits) | quietBit(bits);
    }

    static long fraction(long v, int bits) {
        return v & (1L << precision(bits) - 1) - 1;
    }

    static boolean sign(long v, int bits) {
        return (v >>> bits - 1 & 1) != 0;
    }

    static long abs(long v, int bits) {
        return v & signBit(bits) - 1;
    }

    static boolean isNan(long v, int bits) {
        return abs(v, bits) > infinity(bits);
    }

    static boolean isSnan(long v, int bits) {
        return isNan(v, bits) && (v & quietBit(bits)) == 0;
    }

    static boolean isInf(long v, int bits) {
        return abs(v, bits) == infinity(bits);
    }

    static boolean isZero(long v, int bits) {
        return abs(v, bits) == 0;
    }

    static boolean isDenormal(long v, int bits) {
        long a = abs(v, bits);
        return a != 0 && a < 1L << precision(bits) - 1;
    }

    boolean flushes(int bits) {
        return (fpcr & (bits == 16 ? FZ16 : FZ)) != 0;
    }

    /** FPUnpack's treatment of a denormal operand. */
    long input(long v, int bits) {
        if (!isDenormal(v, bits) || !flushes(bits)) return v;
        if (bits != 16) flags |= IDC;
        return v & signBit(bits);
    }

    /** Exponent of a finite nonzero number. */
    static int exponent(long v, int bits) {
        int p = precision(bits), e = (int) (abs(v, bits) >>> p - 1);
        if (e != 0) return e - bias(bits);
        return 1 - bias(bits) - (Long.numberOfLeadingZeros(fraction(v, bits)) - (64 - p));
    }

    /** Its fraction with the leading one at bit 62. */
    static long mantissa(long v, int bits) {
        int p = precision(bits);
        long f = fraction(v, bits);
        if (abs(v, bits) >>> p - 1 != 0) return (f | 1L << p - 1) << 63 - p;
        return f << Long.numberOfLeadingZeros(f) - 1;
    }

    /** Shifts right, the bits lost or-ed into the lowest. */
    static long jam(long v, int by) {
        if (by <= 0) return v;
        if (by > 63) return v != 0 ? 1 : 0;
        return v >>> by | ((v << 64 - by) != 0 ? 1 : 0);
    }

    private static boolean up(int mode, boolean sign, boolean odd, long rest, long half) {
        return switch (mode) {
            case RN -> rest > half || rest == half && odd;
            case RA -> rest >= half;
            case RP -> rest != 0 && !sign;
            case RM -> rest != 0 && sign;
            case ODD -> rest != 0 && !odd;
            default -> false;
        };
    }

    /** FPRound: {@code frac} normalised to bit 62, its lowest bit sticky. */
    long round(boolean sign, int exp, long frac, int bits, int mode) {
        return round(sign, exp, frac, bits, mode, flushes(bits), false);
    }

    private long round(boolean sign, int exp, long frac, int bits, int mode, boolean flush, boolean alternative) {
        int p = precision(bits), shift = 63 - p, e = exp + bias(bits);
        long s = sign ? signBit(bits) : 0;
        boolean tiny = e <= 0;
        if (tiny) {
            if (flush) {
                flags |= UFC;
                return s;
            }
            frac = jam(frac, 1 - e);
            e = 0;
        }
        long rest = frac & (1L << shift) - 1, r = frac >>> shift;
        if (up(mode, sign, (r & 1) != 0, rest, 1L << shift - 1)) r++;
        int before = flags;
        if (rest != 0) flags |= tiny ? UFC | IXC : IXC;
        if (tiny) return s | r;
        if (r >>> p != 0) {
            r >>>= 1;
            e++;
        }
        int max = bits == 64 ? 0x7ff : bits == 32 ? 0xff : 0x1f;
        if (alternative) {
            if (e > max) {
                // No infinities: the largest number, and invalid instead of overflow.
                flags = before | IOC;
                return s | 0x7fff;
            }
        } else if (e >= max) {
            flags |= OFC | IXC;
            boolean inf = mode == RN || mode == RA || mode == RP && !sign || mode == RM && sign || odd;
            return s | (inf ? infinity(bits) : infinity(bits) - 1);
        }
        return s | (long) e << p - 1 | fraction(r, bits);
    }

    private long rounded(boolean sign, int exp, long frac, int bits) {
        return round(sign, exp, frac, bits, mode());
    }

    /** Normalises {@code frac} (not 0, unsigned 64 bits) whose bit 62 stands for {@code 2^exp}. */
    private long normalise(boolean sign, int exp, long frac, int bits) {
        int lead = Long.numberOfLeadingZeros(frac);
        return lead == 0
                ? rounded(sign, exp + 1, jam(frac, 1), bits)
                : rounded(sign, exp + 1 - lead, frac << lead - 1, bits);
    }

    // NaNs.

    long quiet(long v, int bits) {
        if ((v & quietBit(bits)) == 0) flags |= IOC;
        return (fpcr & DN) != 0 ? defaultNan(bits) : v | quietBit(bits);
    }

    long invalid(int bits) {
        flags |= IOC;
        return defaultNan(bits);
    }

    /** FPProcessNaNs, when one of them is. */
    long nan2(long a, long b, int bits) {
        if (isSnan(a, bits)) return quiet(a, bits);
        if (isSnan(b, bits)) return quiet(b, bits);
        return quiet(isNan(a, bits) ? a : b, bits);
    }

    private long nan3(long a, long b, long c, int bits) {
        if (isSnan(a, bits)) return quiet(a, bits);
        if (isSnan(b, bits)) return quiet(b, bits);
        if (isSnan(c, bits)) return quiet(c, bits);
        return quiet(isNan(a, bits) ? a : isNan(b, bits) ? b : c, bits);
    }

    // Arithmetic.

    /** Both are normal doubles, round to nearest, nothing special: then the host's result is right. */
    private boolean plain64(long a, long b) {
        return (fpcr & 3 << 22) == 0
                && (a >>> 52 & 0x7ff) - 1 < 0x7feL
                && (a >>> 52 & 0x7ff) != 0
                && (b >>> 52 & 0x7ff) - 1 < 0x7feL
                && (b >>> 52 & 0x7ff) != 0;
    }

    /** Far enough from both ends that neither result nor rounding error is denormal. */
    private static boolean safe64(double r) {
        int e = Math.getExponent(r);
        return e > -900 && e < 1023;
    }

    static long add(Fpu f, long a, long b, int bits) {
        if (bits == 64 && f.plain64(a, b)) {
            double x = Double.longBitsToDouble(a), y = Double.longBitsToDouble(b), r = x + y;
            if (safe64(r)) {
                double t = r - x;
                if ((x - (r - t)) + (y - t) != 0) f.flags |= IXC;
                return Double.doubleToRawLongBits(r);
            }
        }
        return f.sum(f.input(a, bits), f.input(b, bits), bits);
    }

    static long sub(Fpu f, long a, long b, int bits) {
        if (isNan(b, bits) || isNan(a, bits)) return f.nan2(f.input(a, bits), f.input(b, bits), bits);
        return add(f, a, b ^ signBit(bits), bits);
    }

    private long sum(long a, long b, int bits) {
        if (isNan(a, bits) || isNan(b, bits)) return nan2(a, b, bits);
        boolean sa = sign(a, bits), sb = sign(b, bits);
        if (isInf(a, bits)) return isInf(b, bits) && sa != sb ? invalid(bits) : a;
        if (isInf(b, bits)) return b;
        if (isZero(a, bits) && isZero(b, bits)) return sa == sb ? a : mode() == RM ? signBit(bits) : 0;
        // A flushed or true zero leaves the other as it is, but for its own flushing.
        if (isZero(a, bits)) return rounded(sb, exponent(b, bits), mantissa(b, bits), bits);
        if (isZero(b, bits)) return rounded(sa, exponent(a, bits), mantissa(a, bits), bits);
        return sumFinite(sa, exponent(a, bits), mantissa(a, bits), sb, exponent(b, bits), mantissa(b, bits), bits);
    }

    private long sumFinite(boolean sa, int ea, long fa, boolean sb, int eb, long fb, int bits) {
        int d = ea - eb;
        int e = Math.max(ea, eb);
        if (sa == sb) return normalise(sa, e, jam(fa, -d) + jam(fb, d), bits);
        // Two guard positions below are enough for a difference: operands have zeros there.
        long x = jam(fa, -d), y = jam(fb, d);
        long r = x - y;
        if (r == 0) return mode() == RM ? signBit(bits) : 0;
        return r > 0 ? normalise(sa, e, r, bits) : normalise(sb, e, -r, bits);
    }

    static long mul(Fpu f, long a, long b, int bits) {
        if (bits == 64 && f.plain64(a, b)) {
            double x = Double.longBitsToDouble(a), y = Double.longBitsToDouble(b), r = x * y;
            if (safe64(r)) {
                if (Math.fma(x, y, -r) != 0) f.flags |= IXC;
                return Double.doubleToRawLongBits(r);
            }
        }
        return f.product(f.input(a, bits), f.input(b, bits), bits, false);
    }

    static long mulx(Fpu f, long a, long b, int bits) {
        return f.product(f.input(a, bits), f.input(b, bits), bits, true);
    }

    static long nmul(Fpu f, long a, long b, int bits) {
        return mul(f, a, b, bits) ^ signBit(bits);
    }

    private long product(long a, long b, int bits, boolean extended) {
        if (isNan(a, bits) || isNan(b, bits)) return nan2(a, b, bits);
        boolean s = sign(a, bits) != sign(b, bits);
        long sb = s ? signBit(bits) : 0;
        if (isInf(a, bits) || isInf(b, bits)) {
            if (isZero(a, bits) || isZero(b, bits)) {
                if (extended) return sb | (long) bias(bits) + 1 << precision(bits) - 1;
                return invalid(bits);
            }
            return sb | infinity(bits);
        }
        if (isZero(a, bits) || isZero(b, bits)) return sb;
        long p = mantissa(a, bits), q = mantissa(b, bits);
        long high = Math.multiplyHigh(p, q), low = p * q;
        // The product of two numbers with bit 62 has bit 124 or 125: 60 or 61 of the high word.
        long frac = high << 2 | low >>> 62 | ((low << 2) != 0 ? 1 : 0);
        return normalise(s, exponent(a, bits) + exponent(b, bits), frac, bits);
    }

    static long div(Fpu f, long a0, long b0, int bits) {
        long a = f.input(a0, bits), b = f.input(b0, bits);
        if (isNan(a, bits) || isNan(b, bits)) return f.nan2(a, b, bits);
        boolean s = sign(a, bits) != sign(b, bits);
        long sb = s ? signBit(bits) : 0;
        if (isInf(a, bits)) return isInf(b, bits) ? f.invalid(bits) : sb | infinity(bits);
        if (isInf(b, bits)) return sb;
        if (isZero(b, bits)) {
            if (isZero(a, bits)) return f.invalid(bits);
            f.flags |= DZC;
            return sb | infinity(bits);
        }
        if (isZero(a, bits)) return sb;
        long p = mantissa(a, bits), q = mantissa(b, bits);
        // (p * 2^62) / q has 62 or 63 bits.
        long n1 = p >>> 2, n0 = p << 62;
        long[] qr = divide128(n1, n0, q);
        long frac = qr[0] | (qr[1] != 0 ? 1 : 0);
        return f.normalise(s, exponent(a, bits) - exponent(b, bits), frac, bits);
    }

    /** Quotient and remainder of a 128-bit number by a 64-bit one with bit 62 set; the quotient fits. */
    private static long[] divide128(long high, long low, long by) {
        long r = high, q = 0;
        for (int i = 63; i >= 0; i--) {
            r = r << 1 | low >>> i & 1;
            q <<= 1;
            if (Long.compareUnsigned(r, by) >= 0) {
                r -= by;
                q |= 1;
            }
        }
        return new long[] {q, r};
    }

    static long sqrt(Fpu f, long a0, int bits) {
        long a = f.input(a0, bits);
        if (isNan(a, bits)) return f.quiet(a, bits);
        if (isZero(a, bits)) return a;
        if (sign(a, bits)) return f.invalid(bits);
        if (isInf(a, bits)) return a;
        int e = exponent(a, bits);
        long m = mantissa(a, bits);
        // value = m * 2^(e-62); make the exponent even, then root of m * 2^62 (or 2^63), bit by bit.
        boolean odd = (e & 1) != 0;
        long high = odd ? m >>> 1 : m >>> 2, low = odd ? m << 63 : m << 62;
        long root = 0, rem = 0;
        for (int i = 63; i >= 0; i--) {
            long two = i >= 32 ? high >>> 2 * (i - 32) & 3 : low >>> 2 * i & 3;
            // The remainder stays below 2 * root + 1, which is below 2^64.
            boolean over = rem >>> 62 != 0;
            long next = rem << 2 | two, t = root << 2 | 1;
            root <<= 1;
            if (over || Long.compareUnsigned(next, t) >= 0) {
                rem = next - t;
                root |= 1;
            } else rem = next;
        }
        return f.rounded(false, odd ? e - 1 >> 1 : e >> 1, root | (rem != 0 ? 1 : 0), bits);
    }

    /** FPMulAdd: {@code c + a * b}. */
    static long mulAdd(Fpu f, long c0, long a0, long b0, int bits) {
        long c = f.input(c0, bits), a = f.input(a0, bits), b = f.input(b0, bits);
        boolean infTimesZero = isInf(a, bits) && isZero(b, bits) || isZero(a, bits) && isInf(b, bits);
        if (isNan(a, bits) || isNan(b, bits) || isNan(c, bits)) {
            long r = f.nan3(c, a, b, bits);
            if (infTimesZero && isNan(c, bits) && !isSnan(c, bits)) return f.invalid(bits);
            return r;
        }
        boolean sp = sign(a, bits) != sign(b, bits), sc = sign(c, bits);
        if (infTimesZero) return f.invalid(bits);
        if (isInf(a, bits) || isInf(b, bits)) {
            if (isInf(c, bits) && sc != sp) return f.invalid(bits);
            return (sp ? signBit(bits) : 0) | infinity(bits);
        }
        if (isInf(c, bits)) return c;
        if (isZero(a, bits) || isZero(b, bits)) {
            if (isZero(c, bits)) return sp == sc ? c : f.mode() == RM ? signBit(bits) : 0;
            return f.rounded(sc, exponent(c, bits), mantissa(c, bits), bits);
        }
        if (isZero(c, bits)) return f.product(a, b, bits, false);
        return f.fused(
                sp,
                exponent(a, bits) + exponent(b, bits),
                mantissa(a, bits),
                mantissa(b, bits),
                sc,
                exponent(c, bits),
                mantissa(c, bits),
                bits,
                0);
    }

    long fused(boolean sp, int ep, long p, long q, boolean sc, int ec, long m, int bits, int scale) {
        // Product as 128 bits with its leading one at bit 125 or 124; bit 124 stands for 2^ep.
        long ph = Math.multiplyHigh(p, q), pl = p * q;
        // The addend at the same scale: bit 124 stands for 2^ec.
        long ch = m >>> 2, cl = m << 62;
        int d = ep - ec;
        int e = Math.max(ep, ec);
        if (d > 0) {
            long h = jamHigh(ch, d), l = jamLow(ch, cl, d);
            ch = h;
            cl = l;
        } else if (d < 0) {
            long h = jamHigh(ph, -d), l = jamLow(ph, pl, -d);
            ph = h;
            pl = l;
        }
        boolean s = sp;
        long h, l;
        if (sp == sc) {
            l = pl + cl;
            h = ph + ch + (Long.compareUnsigned(l, pl) < 0 ? 1 : 0);
        } else {
            l = pl - cl;
            h = ph - ch - (Long.compareUnsigned(pl, cl) < 0 ? 1 : 0);
            if (h < 0) {
                s = sc;
                l = -l;
                h = ~h + (l == 0 ? 1 : 0);
            }
            if ((h | l) == 0) return mode() == RM ? signBit(bits) : 0;
        }
        int lead = h != 0 ? Long.numberOfLeadingZeros(h) : 64 + Long.numberOfLeadingZeros(l);
        // Move the leading one (bit 127 - lead) to bit 126, that is bit 62 of the high word.
        int left = lead - 1;
        long frac;
        if (left < 0) frac = jam(h, 1) | (l != 0 ? 1 : 0);
        else if (left == 0) frac = h | (l != 0 ? 1 : 0);
        else if (left < 64) frac = h << left | l >>> 64 - left | ((l << left) != 0 ? 1 : 0);
        else frac = l << left - 64;
        return rounded(s, e + scale + 127 - lead - 124, frac, bits);
    }

    private static long jamHigh(long h, int by) {
        return by >= 64 ? 0 : h >>> by;
    }

    private static long jamLow(long h, long l, int by) {
        if (by >= 128) return (h | l) != 0 ? 1 : 0;
        if (by >= 64) return (by == 64 ? h : h >>> by - 64) | (l != 0 || by > 64 && h << 128 - by != 0 ? 1 : 0);
        return l >>> by | h << 64 - by | (l << 64 - by != 0 ? 1 : 0);
    }

    static long negMulAdd(Fpu f, long c, long a, long b, int bits) {
        return mulAdd(f, c, a ^ signBit(bits), b, bits);
    }

    // Comparison: NZCV as FPCompare gives it.

    int compare(long a0, long b0, int bits, boolean signalAll) {
        long a = input(a0, bits), b = input(b0, bits);
        if (isNan(a, bits) || isNan(b, bits)) {
            if (signalAll || isSnan(a, bits) || isSnan(b, bits)) flags |= IOC;
            return 3;
        }
        int r = order(a, b, bits);
        return r == 0 ? 6 : r < 0 ? 8 : 2;
    }

    static int order(long a, long b, int bits) {
        if (isZero(a, bits) && isZero(b, bits)) return 0;
        long x = sign(a, bits) ? -abs(a, bits) : abs(a, bits), y = sign(b, bits) ? -abs(b, bits) : abs(b, bits);
        return Long.compare(x, y);
    }

    private static long all(boolean v, int bits) {
        return v ? -1L >>> 64 - bits : 0;
    }

    static long cmeq(Fpu f, long a, long b, int bits) {
        return all((f.compare(a, b, bits, false) & 4) != 0, bits);
    }

    static long cmge(Fpu f, long a, long b, int bits) {
        int r = f.compare(a, b, bits, true);
        return all(r == 6 || r == 2, bits);
    }

    static long cmgt(Fpu f, long a, long b, int bits) {
        return all(f.compare(a, b, bits, true) == 2, bits);
    }

    static long acge(Fpu f, long a, long b, int bits) {
        return cmge(f, abs(a, bits), abs(b, bits), bits);
    }

    static long acgt(Fpu f, long a, long b, int bits) {
        return cmgt(f, abs(a, bits), abs(b, bits), bits);
    }

    // Minimum and maximum.

    private long minMax(long a0, long b0, int bits, boolean max) {
        long a = input(a0, bits), b = input(b0, bits);
        if (isNan(a, bits) || isNan(b, bits)) return nan2(a, b, bits);
        int r = order(a, b, bits);
        if (r == 0) return max ? a & b : a | b;
        return r > 0 == max ? a : b;
    }

    static long max(Fpu f, long a, long b, int bits) {
        return f.minMax(a, b, bits, true);
    }

    static long min(Fpu f, long a, long b, int bits) {
        return f.minMax(a, b, bits, false);
    }

    static long maxnm(Fpu f, long a, long b, int bits) {
        return f.minMaxNumber(a, b, bits, true);
    }

    static long minnm(Fpu f, long a, long b, int bits) {
        return f.minMaxNumber(a, b, bits, false);
    }

    /** A quiet NaN beside a number counts as the infinity that loses. */
    private long minMaxNumber(long a, long b, int bits, boolean max) {
        boolean qa = isNan(a, bits) && !isSnan(a, bits), qb = isNan(b, bits) && !isSnan(b, bits);
        long loser = max ? signBit(bits) | infinity(bits) : infinity(bits);
        if (qa && !qb) return minMax(isNan(b, bits) ? a : loser, b, bits, max);
        if (qb && !qa) return minMax(a, isNan(a, bits) ? b : loser, bits, max);
        return minMax(a, b, bits, max);
    }

    static long neg(Fpu f, long a, int bits) {
        return a ^ signBit(bits);
    }

    static long absolute(Fpu f, long a, int bits) {
        return abs(a, bits);
    }

    static long abd(Fpu f, long a, long b, int bits) {
        return abs(sub(f, a, b, bits), bits);
    }

    // Conversions.

    /** FCVT between precisions; {@code mode} {@link #ODD} for FCVTXN. */
    long convert(long a0, int from, int to, int mode) {
        boolean alternative = (fpcr & AHP) != 0;
        long a = from == 16 ? a0 : input(a0, from);
        boolean s = sign(a, from);
        if (from == 16 && alternative) {
            // No infinities and NaNs: exponent 31 is a number.
            if (isZero(a, 16)) return s ? signBit(to) : 0;
            int e = (int) (a >>> 10 & 31);
            if (e == 31) return round(s, 16, (a & 0x3ff | 0x400) << 52, to, mode);
        } else if (isNan(a, from)) {
            if (to == 16 && alternative) {
                flags |= IOC;
                return s ? signBit(16) : 0;
            }
            if (isSnan(a, from)) flags |= IOC;
            if ((fpcr & DN) != 0) return defaultNan(to);
            long payload = fraction(a, from) << 64 - precision(from) + 1 >>> 64 - precision(to) + 1;
            return (s ? signBit(to) : 0) | infinity(to) | quietBit(to) | payload;
        } else if (isInf(a, from)) {
            if (to == 16 && alternative) {
                flags |= IOC;
                return (s ? signBit(16) : 0) | 0x7fff;
            }
            return (s ? signBit(to) : 0) | infinity(to);
        }
        if (isZero(a, from)) return s ? signBit(to) : 0;
        // FZ16 does not act on conversions to or from half precision.
        boolean flush = to != 16 && flushes(to);
        return round(s, exponent(a, from), mantissa(a, from), to, mode, flush, to == 16 && alternative);
    }

    /** FPToFixed: to a {@code width}-bit integer of {@code value * 2^fbits}. */
    long toFixed(long a0, int bits, int fbits, boolean unsigned, int width, int mode) {
        long a = input(a0, bits);
        long min = unsigned ? 0 : width == 64 ? Long.MIN_VALUE : -(1L << width - 1);
        long max = unsigned ? -1L >>> 64 - width : (1L << width - 1) - 1;
        long mask = -1L >>> 64 - width;
        boolean s = sign(a, bits);
        if (isNan(a, bits)) {
            flags |= IOC;
            return 0;
        }
        if (isInf(a, bits)) {
            flags |= IOC;
            return (s ? min : max) & mask;
        }
        if (isZero(a, bits)) return 0;
        int e = exponent(a, bits) + fbits;
        if (e >= 64) {
            flags |= IOC;
            return (s ? min : max) & mask;
        }
        long m = mantissa(a, bits), r, rest, half;
        if (e >= 62) {
            r = m << e - 62;
            rest = 0;
            half = 1;
        } else {
            int by = 62 - e;
            if (by > 63) {
                r = 0;
                rest = 1;
                half = by == 63 ? m : 2;
            } else {
                r = by == 63 ? 0 : m >>> by;
                rest = by == 63 ? m : m & (1L << by) - 1;
                half = 1L << by - 1;
            }
        }
        if (up(mode, s, (r & 1) != 0, rest, half)) r++;
        boolean bad;
        if (unsigned) bad = s ? r != 0 : Long.compareUnsigned(r, max) > 0;
        else bad = Long.compareUnsigned(r, s ? -min : max) > 0;
        if (bad) {
            flags |= IOC;
            return (s ? min : max) & mask;
        }
        if (rest != 0) flags |= IXC;
        return (s ? -r : r) & mask;
    }

    /** FixedToFP. */
    long fromFixed(long v, int fbits, boolean unsigned, int width, int bits, int mode) {
        long x = unsigned ? Vec.cut(v, width) : Vec.sign(v, width);
        if (x == 0) return 0;
        boolean s = !unsigned && x < 0;
        long m = s ? -x : x;
        int lead = Long.numberOfLeadingZeros(m);
        long frac = lead == 0 ? jam(m, 1) : m << lead - 1;
        return round(s, 63 - lead - fbits, frac, bits, mode);
    }

    /** FPRoundInt; {@code exact} raises Inexact. */
    long roundInt(long a0, int bits, int mode, boolean exact) {
        long a = input(a0, bits);
        if (isNan(a, bits)) return quiet(a, bits);
        if (isInf(a, bits) || isZero(a, bits)) return a;
        int p = precision(bits), e = exponent(a, bits);
        if (e >= p - 1) return a;
        boolean s = sign(a, bits);
        long m = mantissa(a, bits), r, rest, half;
        if (e < -1) {
            r = 0;
            rest = 1;
            half = 2;
        } else {
            int by = 62 - e;
            r = by == 63 ? 0 : m >>> by;
            rest = by == 63 ? m : m & (1L << by) - 1;
            half = 1L << by - 1;
        }
        if (up(mode, s, (r & 1) != 0, rest, half)) r++;
        if (rest != 0 && exact) flags |= IXC;
        long sb = s ? signBit(bits) : 0;
        if (r == 0) return sb;
        int lead = Long.numberOfLeadingZeros(r), before = flags;
        long v = round(s, 63 - lead, r << lead - 1, bits, RZ);
        flags = before;
        return v;
    }

    /** FRINT32X and the like (FPRoundIntN): out of range gives the most negative integer. */
    long roundIntN(long a0, int bits, int mode, int width) {
        long a = input(a0, bits);
        long low = Vec.cut(fromFixed(width == 64 ? Long.MIN_VALUE : -(1L << width - 1), 0, false, 64, bits, RN), bits);
        if (isNan(a, bits) || isInf(a, bits)) {
            flags |= IOC;
            return low;
        }
        int before = flags;
        long r = roundInt(a, bits, mode, true);
        if (isZero(r, bits)) return r;
        int e = exponent(r, bits);
        boolean fits = e < width - 1 || sign(r, bits) && e == width - 1 && mantissa(r, bits) == 1L << 62;
        if (fits) return r;
        flags = before | IOC;
        return low;
    }

    // Mixed precision.

    /** FPMulAddH: a single addend, half operands, one rounding. */
    static long mulAddHalf(Fpu f, long c, long a, long b) {
        // Half-precision values, NaNs and infinities too, are exactly single ones; a signalling NaN stays one.
        return mulAdd(f, c, f.widenHalf(a), f.widenHalf(b), 32);
    }

    private long widenHalf(long v) {
        long a = input(v, 16);
        long s = (a & 0x8000) << 16;
        if (isZero(a, 16)) return s;
        if (isInf(a, 16) || isNan(a, 16)) return s | 0x7f800000L | (a & 0x3ff) << 13;
        return s | (long) (exponent(a, 16) + 127) << 23 | mantissa(a, 16) >>> 39 & 0x7fffff;
    }

    /** BFDotAdd: {@code sum + a0 * b0 + a1 * b1}, products and sums each rounded to odd. */
    static long bfDotAdd(long sum, long a, long b) {
        Fpu f = new Fpu();
        f.fpcr = DN | FZ;
        long p = f.productOdd((a & 0xffff) << 16, (b & 0xffff) << 16),
                q = f.productOdd(a & 0xffff0000L, b & 0xffff0000L);
        return f.sumOdd(f.input(sum, 32), f.sumOdd(p, q));
    }

    private long productOdd(long a, long b) {
        return withOdd(() -> product(input(a, 32), input(b, 32), 32, false));
    }

    private long sumOdd(long a, long b) {
        return withOdd(() -> sum(a, b, 32));
    }

    private long withOdd(java.util.function.LongSupplier what) {
        odd = true;
        long r = what.getAsLong();
        odd = false;
        return r;
    }
}
