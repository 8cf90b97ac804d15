package dev.worldswitch.machine.arm64;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** SVE's helpers of mathematical functions (Arm ARM shared pseudocode FPTrigMAD, FPTrigSMul, FPExpA, FPScale, FPLogB). */
final class FpSpecial {
    /** Coefficients of the sine (first eight) and the cosine series (FPTrigMADCoefficient). */
    private static final long[] TRIG16 = {0x3c00, 0xb155, 0x2030, 0, 0, 0, 0, 0, 0x3c00, 0xb800, 0x293a, 0, 0, 0, 0, 0};

    private static final long[] TRIG32 = {
        0x3f800000L, 0xbe2aaaabL, 0x3c088886L, 0xb95008b9L, 0x36369d6dL, 0, 0, 0,
        0x3f800000L, 0xbf000000L, 0x3d2aaaa6L, 0xbab60705L, 0x37cd37ccL, 0, 0, 0
    };
    private static final long[] TRIG64 = {
        0x3ff0000000000000L, 0xbfc5555555555543L, 0x3f8111111110f30cL, 0xbf2a01a019b92fc6L,
        0x3ec71de351f3d22bL, 0xbe5ae5e2b60f7b91L, 0x3de5d8408868552fL, 0x0000000000000000L,
        0x3ff0000000000000L, 0xbfe0000000000000L, 0x3fa5555555555536L, 0xbf56c16c16c13a0bL,
        0x3efa01a019b1e8d8L, 0xbe927e4f7282f468L, 0x3e21ee96d2641b13L, 0xbda8f76380fbb401L
    };

    /** Fractions of 2 to the power i/32 (half precision) and i/64. */
    private static final long[] EXP16 = new long[32], EXP32 = new long[64], EXP64 = new long[64];

    static {
        BigDecimal step = BigDecimal.TWO;
        for (int i = 0; i < 6; i++) step = step.sqrt(new MathContext(60));
        BigDecimal v = BigDecimal.ONE;
        for (int i = 0; i < 64; i++) {
            EXP64[i] = fraction(v, 52);
            EXP32[i] = fraction(v, 23);
            if ((i & 1) == 0) EXP16[i / 2] = fraction(v, 10);
            v = v.multiply(step, new MathContext(60));
        }
    }

    private FpSpecial() {}

    private static long fraction(BigDecimal v, int bits) {
        return v.subtract(BigDecimal.ONE)
                .multiply(BigDecimal.valueOf(1L << bits))
                .setScale(0, RoundingMode.HALF_EVEN)
                .longValueExact();
    }

    /** FEXPA. */
    static long expa(Fpu f, long a, long b, int bits) {
        return switch (bits) {
            case 16 -> (a >>> 5 & 0x1f) << 10 | EXP16[(int) a & 31];
            case 32 -> (a >>> 6 & 0xff) << 23 | EXP32[(int) a & 63];
            default -> (a >>> 6 & 0x7ff) << 52 | EXP64[(int) a & 63];
        };
    }

    /** FTSSEL. */
    static long trigSelect(Fpu f, long a, long b, int bits) {
        long v = (b & 1) != 0 ? (long) Fpu.bias(bits) << Fpu.precision(bits) - 1 : a;
        return v ^ (b >>> 1 & 1) << bits - 1;
    }

    /** FTSMUL: a square with the sign of the quadrant. */
    static long trigSquare(Fpu f, long a, long b, int bits) {
        long r = Fpu.mul(f, a, a, bits);
        return Fpu.isNan(r, bits) ? r : Fpu.abs(r, bits) | (b & 1) << bits - 1;
    }

    /** FTMAD with coefficient {@code index}. */
    static long trigStep(Fpu f, long a, long b, int index, int bits) {
        int at = index + (Fpu.sign(b, bits) ? 8 : 0);
        long coefficient = (bits == 16 ? TRIG16 : bits == 32 ? TRIG32 : TRIG64)[at];
        return Fpu.mulAdd(f, coefficient, a, Fpu.abs(b, bits), bits);
    }

    /** FSCALE: a times two to the power of the integer b. */
    static long scale(Fpu f, long a0, long b, int bits) {
        long a = f.input(a0, bits);
        if (Fpu.isNan(a, bits)) return f.quiet(a, bits);
        if (Fpu.isInf(a, bits) || Fpu.isZero(a, bits)) return a;
        int by = Math.clamp(LaneFn.s(b, bits), -10_000, 10_000);
        return f.round(Fpu.sign(a, bits), Fpu.exponent(a, bits) + by, Fpu.mantissa(a, bits), bits, f.mode());
    }

    /** FLOGB: the exponent as an integer. */
    static long logb(Fpu f, long a0, long b, int bits) {
        long a = f.input(a0, bits);
        if (Fpu.isNan(a, bits) || Fpu.isZero(a, bits)) {
            f.flags |= Fpu.IOC;
            return Fpu.signBit(bits);
        }
        return Fpu.isInf(a, bits) ? Fpu.signBit(bits) - 1 : Fpu.exponent(a, bits);
    }
}
