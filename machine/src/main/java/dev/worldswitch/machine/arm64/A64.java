package dev.worldswitch.machine.arm64;

import java.util.List;

/**
 * Meanings of the base instructions: pure functions on values (Arm ARM, chapter C6). W registers are values below 2^32.
 * Flags: N is a sign bit, Z "the value is zero", C 0 or 1, V a sign bit.
 */
final class A64 {
    static final long W = 0xffffffffL;

    private A64() {}

    static long add64(long a, long b) {
        return a + b;
    }

    static long add32(long a, long b) {
        return a + b & W;
    }

    static long sub64(long a, long b) {
        return a - b;
    }

    static long sub32(long a, long b) {
        return a - b & W;
    }

    static long and(long a, long b) {
        return a & b;
    }

    static long bic64(long a, long b) {
        return a & ~b;
    }

    static long orr(long a, long b) {
        return a | b;
    }

    static long orn64(long a, long b) {
        return a | ~b;
    }

    static long orn32(long a, long b) {
        return (a | ~b) & W;
    }

    static long eor(long a, long b) {
        return a ^ b;
    }

    static long eon64(long a, long b) {
        return a ^ ~b;
    }

    static long eon32(long a, long b) {
        return (a ^ ~b) & W;
    }

    static long udiv64(long a, long b) {
        return b == 0 ? 0 : Long.divideUnsigned(a, b);
    }

    static long udiv32(long a, long b) {
        return (b & W) == 0 ? 0 : (a & W) / (b & W);
    }

    static long sdiv64(long a, long b) {
        return b == 0 ? 0 : a / b;
    }

    static long sdiv32(long a, long b) {
        return (int) b == 0 ? 0 : (int) a / (int) b & W;
    }

    static long lsl64(long a, long b) {
        return a << b;
    }

    static long lsl32(long a, long b) {
        return (long) ((int) a << (int) b) & W;
    }

    static long lsr64(long a, long b) {
        return a >>> b;
    }

    static long lsr32(long a, long b) {
        return (a & W) >>> (b & 31);
    }

    static long asr64(long a, long b) {
        return a >> b;
    }

    static long asr32(long a, long b) {
        return (int) a >> (int) b & W;
    }

    static long ror64(long a, long b) {
        return Long.rotateRight(a, (int) b);
    }

    static long ror32(long a, long b) {
        return Integer.rotateRight((int) a, (int) b) & W;
    }

    /** The shift of a shifted register: 0 LSL, 1 LSR, 2 ASR, 3 ROR. */
    static long shift64(long v, int kind, int by) {
        return switch (kind) {
            case 0 -> lsl64(v, by);
            case 1 -> lsr64(v, by);
            case 2 -> asr64(v, by);
            default -> ror64(v, by);
        };
    }

    static long shift32(long v, int kind, int by) {
        return switch (kind) {
            case 0 -> lsl32(v, by);
            case 1 -> lsr32(v, by);
            case 2 -> asr32(v, by);
            default -> ror32(v, by);
        };
    }

    /** The extension of an extended register: UXTB UXTH UXTW UXTX SXTB SXTH SXTW SXTX. */
    static long extend(long v, int option) {
        return switch (option) {
            case 0 -> v & 0xff;
            case 1 -> v & 0xffff;
            case 2 -> v & W;
            case 4 -> (byte) v;
            case 5 -> (short) v;
            case 6 -> (int) v;
            default -> v;
        };
    }

    /** CSINC ({@code how} bit 0), CSINV (bit 1) and CSNEG (both) where the condition fails. */
    static long otherwise(long v, int how) {
        return ((how & 2) != 0 ? ~v : v) + (how & 1);
    }

    /** CSEL: {@code a} if {@code cond}; without a branch, for most conditions selected by are hard to predict. */
    static long select(boolean cond, long a, long b) {
        return b ^ (a ^ b) & -(cond ? 1L : 0L);
    }

    // Fields.

    static long keep(long old, long mask, long v) {
        return old & mask | v;
    }

    /** UBFM: right, masked, left. */
    static long ubfm(long v, int right, long mask, int left) {
        return (v >>> right & mask) << left;
    }

    /** BFM: as {@link #ubfm}, into the old value. */
    static long bfm(long old, long v, int right, long mask, int left) {
        return old & ~(mask << left) | ubfm(v, right, mask, left);
    }

    /** SBFM: left, arithmetic right, left. */
    static long sbfm64(long v, int up, int right, int left) {
        return v << up >> right << left;
    }

    static long sbfm32(long v, int up, int right, int left) {
        return sbfm64(v, up, right, left) & W;
    }

    static long extr64(long n, long m, int by) {
        return by == 0 ? m : m >>> by | n << 64 - by;
    }

    static long extr32(long n, long m, int by) {
        return (n << 32 | m & W) >>> by & W;
    }

    /** ANDS and BICS of a shifted register: {@code how} is the shift, bit 2 inverts. */
    static long ands64(long n, long m, int how, int by) {
        long b = shift64(m, how & 3, by);
        return n & ((how & 4) != 0 ? ~b : b);
    }

    static long ands32(long n, long m, int how, int by) {
        long b = shift32(m, how & 3, by);
        return n & ((how & 4) != 0 ? ~b : b) & W;
    }

    // Flags of additions and subtractions.

    static int addC64(long a, long r) {
        return Long.compareUnsigned(r, a) < 0 ? 1 : 0;
    }

    static long addV64(long a, long b, long r) {
        return (a ^ r) & (b ^ r);
    }

    static int subC64(long a, long b) {
        return Long.compareUnsigned(a, b) >= 0 ? 1 : 0;
    }

    static long subV64(long a, long b, long r) {
        return (a ^ b) & (a ^ r);
    }

    /** Carry out of a + b + c, where c is 0 or 1. */
    static int adcC64(long a, long b, int c) {
        long r = a + b + c;
        return ((a & b | (a | b) & ~r) >>> 63) != 0 ? 1 : 0;
    }

    // Bits.

    static int bit(long v, int n) {
        return (int) (v >>> n) & 1;
    }

    static long cls64(long a) {
        return Long.numberOfLeadingZeros(a ^ a >> 1) == 64 ? 63 : Long.numberOfLeadingZeros(a ^ a >> 1) - 1;
    }

    static long cls32(long a) {
        return Integer.numberOfLeadingZeros((int) a ^ (int) a >> 1) - 1;
    }

    static long clz32(long a) {
        return Integer.numberOfLeadingZeros((int) a);
    }

    static long rbit32(long a) {
        return Integer.reverse((int) a) & W;
    }

    static long rev32(long a) {
        return Integer.reverseBytes((int) a) & W;
    }

    static long rev16of64(long a) {
        return (a & 0x00ff00ff00ff00ffL) << 8 | a >>> 8 & 0x00ff00ff00ff00ffL;
    }

    static long rev32of64(long a) {
        return Long.rotateLeft(Long.reverseBytes(a), 32);
    }

    /** The wmask of DecodeBitMasks, or 0 where it is reserved (no valid mask is 0). */
    static long bitmask(int n, int imms, int immr, boolean is64) {
        int len = 31 - Integer.numberOfLeadingZeros(n << 6 | ~imms & 0x3f);
        if (len < 1 || (!is64 && n == 1)) return 0;
        int size = 1 << len, s = imms & size - 1, r = immr & size - 1;
        if (s == size - 1) return 0;
        long ones = -1L >>> 63 - s;
        long elem = size == 64 ? Long.rotateRight(ones, r) : (ones >>> r | ones << size - r) & (1L << size) - 1;
        for (int w = size; w < 64; w *= 2) elem |= elem << w;
        return is64 ? elem : elem & W;
    }

    // CRC32: Arm ARM shared pseudocode Poly32Mod2, here bit by bit on the reflected polynomial.

    static long crc32(long acc, long v, int bits, boolean castagnoli) {
        int poly = castagnoli ? 0x82f63b78 : 0xedb88320;
        int c = (int) acc;
        for (int at = 0; at < bits; at += 8) {
            c ^= (int) (v >>> at & 0xff);
            for (int k = 0; k < 8; k++) c = (c & 1) != 0 ? c >>> 1 ^ poly : c >>> 1;
        }
        return c & W;
    }

    /** ConditionHolds of the Arm ARM's shared pseudocode, by condition code. */
    interface Cond {
        boolean of(long n, long z, int c, long v);
    }

    static final List<Cond> CONDS = List.of(
            (n, z, c, v) -> z == 0,
            (n, z, c, v) -> z != 0,
            (n, z, c, v) -> c != 0,
            (n, z, c, v) -> c == 0,
            (n, z, c, v) -> n < 0,
            (n, z, c, v) -> n >= 0,
            (n, z, c, v) -> v < 0,
            (n, z, c, v) -> v >= 0,
            (n, z, c, v) -> c != 0 && z != 0,
            (n, z, c, v) -> c == 0 || z == 0,
            (n, z, c, v) -> (n ^ v) >= 0,
            (n, z, c, v) -> (n ^ v) < 0,
            (n, z, c, v) -> (n ^ v) >= 0 && z != 0,
            (n, z, c, v) -> (n ^ v) < 0 || z == 0,
            (n, z, c, v) -> true,
            (n, z, c, v) -> true);

    static boolean holds(int cond, long n, long z, int c, long v) {
        return CONDS.get(cond).of(n, z, c, v);
    }

    // The flags of a packed NZCV.

    static long nOf(int nzcv) {
        return (long) nzcv << 60;
    }

    static long zOf(int nzcv) {
        return ~nzcv & 4;
    }

    static int cOf(int nzcv) {
        return nzcv >> 1 & 1;
    }

    static long vOf(int nzcv) {
        return (long) nzcv << 63;
    }
}
