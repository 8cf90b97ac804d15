package dev.worldswitch.machine.arm64;

/** Reciprocals and square roots by estimates and steps (Arm ARM shared pseudocode FPRecipEstimate, FPRSqrtStepFused ...). */
final class FpEstimates {
    private FpEstimates() {}

    static int recipEstimate(int a) {
        return (1 << 19) / (2 * a + 1) + 1 >> 1;
    }

    static int rsqrtEstimate(int v) {
        int a = v < 256 ? 2 * v + 1 : ((v >> 1 << 1) + 1) * 2;
        int b = 512;
        while ((long) a * (b + 1) * (b + 1) < 1 << 28) b++;
        return b + 1 >> 1;
    }

    private static long fraction52(long v, int bits) {
        return Fpu.fraction(v, bits) << 53 - Fpu.precision(bits);
    }

    private static final long F52 = (1L << 52) - 1;

    static long recpe(Fpu f, long a0, long b, int bits) {
        long a = f.input(a0, bits);
        if (Fpu.isNan(a, bits)) return f.quiet(a, bits);
        long s = a & Fpu.signBit(bits);
        if (Fpu.isInf(a, bits)) return s;
        if (Fpu.isZero(a, bits)) {
            f.flags |= Fpu.DZC;
            return s | Fpu.infinity(bits);
        }
        int e = (int) (Fpu.abs(a, bits) >>> Fpu.precision(bits) - 1);
        long fr = fraction52(a, bits);
        if (Fpu.exponent(a, bits) < -Fpu.bias(bits) - 1) {
            f.flags |= Fpu.OFC | Fpu.IXC;
            int m = f.mode();
            boolean inf = m == Fpu.RN || m == Fpu.RP && s == 0 || m == Fpu.RM && s != 0;
            return s | (inf ? Fpu.infinity(bits) : Fpu.infinity(bits) - 1);
        }
        if (f.flushes(bits) && Fpu.exponent(a, bits) >= Fpu.bias(bits) - 1) {
            f.flags |= Fpu.UFC;
            return s;
        }
        if (e == 0) {
            if (fr >>> 51 == 0) {
                e = -1;
                fr = fr << 2 & F52;
            } else fr = fr << 1 & F52;
        }
        int est = recipEstimate(256 | (int) (fr >>> 44));
        int re = 2 * Fpu.bias(bits) - 1 - e;
        long rf = (est & 0xffL) << 44;
        if (re == 0) rf = 1L << 51 | rf >>> 1;
        else if (re == -1) {
            rf = 1L << 50 | rf >>> 2;
            re = 0;
        }
        return s | (long) re << Fpu.precision(bits) - 1 | rf >>> 53 - Fpu.precision(bits);
    }

    static long rsqrte(Fpu f, long a0, long b, int bits) {
        long a = f.input(a0, bits);
        if (Fpu.isNan(a, bits)) return f.quiet(a, bits);
        long s = a & Fpu.signBit(bits);
        if (Fpu.isZero(a, bits)) {
            f.flags |= Fpu.DZC;
            return s | Fpu.infinity(bits);
        }
        if (s != 0) return f.invalid(bits);
        if (Fpu.isInf(a, bits)) return 0;
        int e = (int) (Fpu.abs(a, bits) >>> Fpu.precision(bits) - 1);
        long fr = fraction52(a, bits);
        if (e == 0) {
            while (fr >>> 51 == 0) {
                fr = fr << 1 & F52;
                e--;
            }
            fr = fr << 1 & F52;
        }
        int scaled = (e & 1) == 0 ? 256 | (int) (fr >>> 44) : 128 | (int) (fr >>> 45);
        int re = 3 * Fpu.bias(bits) - 1 - e >> 1;
        return (long) re << Fpu.precision(bits) - 1 | (rsqrtEstimate(scaled) & 0xffL) << Fpu.precision(bits) - 9;
    }

    static long recpx(Fpu f, long a0, long b, int bits) {
        long a = f.input(a0, bits);
        if (Fpu.isNan(a, bits)) return f.quiet(a, bits);
        long s = a & Fpu.signBit(bits), e = Fpu.infinity(bits) & a;
        return s | (e == 0 ? Fpu.infinity(bits) - (1L << Fpu.precision(bits) - 1) : Fpu.infinity(bits) & ~e);
    }

    static long urecpe(Fpu f, long a, long b, int bits) {
        return a >>> 31 == 0 ? A64.W : (long) recipEstimate((int) (a >>> 23) & 511) << 23 & A64.W;
    }

    static long ursqrte(Fpu f, long a, long b, int bits) {
        return a >>> 30 == 0 ? A64.W : (long) rsqrtEstimate((int) (a >>> 23) & 511) << 23 & A64.W;
    }

    private static long power(int e, int bits) {
        return (long) (Fpu.bias(bits) + e) << Fpu.precision(bits) - 1;
    }

    /** FRECPS: {@code 2 - a * b}, fused. */
    static long recps(Fpu f, long a0, long b0, int bits) {
        long a = f.input(a0, bits) ^ Fpu.signBit(bits), b = f.input(b0, bits);
        if (!Fpu.isNan(a, bits)
                && !Fpu.isNan(b, bits)
                && (Fpu.isInf(a, bits) && Fpu.isZero(b, bits) || Fpu.isZero(a, bits) && Fpu.isInf(b, bits)))
            return power(1, bits);
        return Fpu.mulAdd(f, power(1, bits), a, b, bits);
    }

    /** FRSQRTS: {@code (3 - a * b) / 2}, fused. */
    static long rsqrts(Fpu f, long a0, long b0, int bits) {
        long a = f.input(a0, bits) ^ Fpu.signBit(bits), b = f.input(b0, bits);
        if (Fpu.isNan(a, bits) || Fpu.isNan(b, bits)) return f.nan2(a, b, bits);
        long oneAndHalf = power(0, bits) | 1L << Fpu.precision(bits) - 2;
        if (Fpu.isZero(a, bits) || Fpu.isZero(b, bits)) return oneAndHalf;
        boolean s = Fpu.sign(a, bits) != Fpu.sign(b, bits);
        if (Fpu.isInf(a, bits) || Fpu.isInf(b, bits)) return (s ? Fpu.signBit(bits) : 0) | Fpu.infinity(bits);
        return f.fused(
                s,
                Fpu.exponent(a, bits) + Fpu.exponent(b, bits),
                Fpu.mantissa(a, bits),
                Fpu.mantissa(b, bits),
                false,
                1,
                3L << 61,
                bits,
                -1);
    }
}
