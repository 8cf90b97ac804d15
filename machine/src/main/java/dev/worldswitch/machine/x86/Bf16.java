package dev.worldswitch.machine.x86;

/** Conversion to BF16 and dot products of it: nearest-even, denormals are zeros, MXCSR has no part in it (SDM vol. 2, VDPBF16PS). */
final class Bf16 {
    private static final int QUIET = 1 << 22;

    private Bf16() {}

    static boolean isNan(int f) {
        return (f & 0x7fffffff) > 0x7f800000;
    }

    static int flushed(int f) {
        return (f & 0x7f800000) == 0 ? f & 0x80000000 : f;
    }

    /** A single-precision number as BF16. */
    static int of(int f) {
        if (isNan(f)) return (f | QUIET) >>> 16;
        int v = flushed(f);
        return v + 0x7fff + (v >>> 16 & 1) >>> 16;
    }

    /** {@code d} plus the products of both halves, odd one first; each step is rounded. */
    static long dot(int d, int a, int b) {
        int odd = multiplyAdd(a & 0xffff0000, b & 0xffff0000, d);
        return multiplyAdd(a << 16, b << 16, odd) & 0xffffffffL;
    }

    private static final int MODES = 0x1f80 | SseFloat.DAZ | SseFloat.FTZ;

    /** {@code x * y + z}; a NaN among them is the result, made quiet. */
    static int multiplyAdd(int x, int y, int z) {
        float r = Math.fma(number(x), number(y), number(z));
        // Near the least normal number what is rounded first and flushed then decides.
        if (Math.abs(r) > 2 * Float.MIN_NORMAL && Math.abs(r) <= Float.MAX_VALUE) return Float.floatToRawIntBits(r);
        return (int) SseFloat.fma(false, x & 0xffffffffL, y & 0xffffffffL, z & 0xffffffffL, false, false, MODES)
                .bits();
    }

    static int add(int x, int y) {
        return SseFloat.f32(SseFloat.ADD, x, y, MODES);
    }

    private static float number(int bits) {
        return Float.intBitsToFloat(flushed(bits));
    }
}
