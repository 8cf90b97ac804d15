package dev.worldswitch.machine.arm64;

/**
 * Access to vector and predicate registers. Register {@code r} is {@code c.z[r * c.zs]} and the words after it; a write of
 * a V register clears the rest of the Z register. Elements are numbered from the low end, {@code size} bytes each, and are
 * handed out zero-extended.
 */
final class Vec {
    private Vec() {}

    static long low(Arm64Interpreter c, int r) {
        return c.z[r * c.zs];
    }

    static long high(Arm64Interpreter c, int r) {
        return c.z[r * c.zs + 1];
    }

    /** Writes a V register. */
    static void set(Arm64Interpreter c, int r, long low, long high) {
        long[] z = c.z;
        int at = r * c.zs;
        z[at] = low;
        z[at + 1] = high;
        for (int i = 2; i < c.zs; i++) z[at + i] = 0;
    }

    /** Element {@code e} of {@code size} bytes (1, 2, 4, 8) of register {@code r}; also beyond the low 128 bits. */
    static long get(Arm64Interpreter c, int r, int e, int size) {
        int bit = e * size * 8;
        long w = c.z[r * c.zs + (bit >>> 6)] >>> (bit & 63);
        return size == 8 ? w : w & (1L << 8 * size) - 1;
    }

    /** Changes one element and nothing else. */
    static void put(Arm64Interpreter c, int r, int e, int size, long v) {
        int bit = e * size * 8, at = r * c.zs + (bit >>> 6);
        if (size == 8) c.z[at] = v;
        else {
            long mask = (1L << 8 * size) - 1 << (bit & 63);
            c.z[at] = c.z[at] & ~mask | v << (bit & 63) & mask;
        }
    }

    /** Changes one element of a V register: the rest of the Z register is cleared. */
    static void insert(Arm64Interpreter c, int r, int e, int size, long v) {
        put(c, r, e, size, v);
        for (int i = 2; i < c.zs; i++) c.z[r * c.zs + i] = 0;
    }

    /** The low {@code size} bytes of {@code v} in every element of a word. */
    static long replicate(long v, int size) {
        return switch (size) {
            case 1 -> (v & 0xff) * 0x0101010101010101L;
            case 2 -> (v & 0xffff) * 0x0001000100010001L;
            case 4 -> (v & 0xffffffffL) * 0x0000000100000001L;
            default -> v;
        };
    }

    static long sign(long v, int bits) {
        return v << 64 - bits >> 64 - bits;
    }

    static long cut(long v, int bits) {
        return bits == 64 ? v : v & (1L << bits) - 1;
    }

    /** Predicate bit of the byte {@code at} (element number times element size). */
    static boolean active(Arm64Interpreter c, int p, int at) {
        return (c.p[p * c.pw + (at >>> 6)] >>> (at & 63) & 1) != 0;
    }
}
