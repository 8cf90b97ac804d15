package dev.worldswitch.machine.x86;

/**
 * Meaning of the integer instructions on values. A result may have garbage above the operand size; {@code *Carries} is
 * the vector of carries (borrows) out of each bit position, from which {@link Flags} takes CF, OF and AF.
 */
public final class Alu {
    private Alu() {}

    public static long add(long a, long b, long c) {
        return a + b;
    }

    public static long adc(long a, long b, long c) {
        return a + b + c;
    }

    public static long addCarries(long a, long b, long r) {
        return a & b | (a | b) & ~r;
    }

    public static long sub(long a, long b, long c) {
        return a - b;
    }

    public static long sbb(long a, long b, long c) {
        return a - b - c;
    }

    public static long subCarries(long a, long b, long r) {
        return ~a & b | (~a | b) & r;
    }

    public static long and(long a, long b, long c) {
        return a & b;
    }

    public static long or(long a, long b, long c) {
        return a | b;
    }

    public static long xor(long a, long b, long c) {
        return a ^ b;
    }

    public static long noCarries(long a, long b, long r) {
        return 0;
    }

    // Shifts: a zero-extended to the operand size, n already masked to 5 or 6 bits and not 0, w = width in bits.

    public static long shl(long a, int n, int w) {
        return a << n;
    }

    public static long shlCf(long a, int n, int w) {
        return n > w ? 0 : a >>> w - n & 1;
    }

    public static long shr(long a, int n, int w) {
        return a >>> n;
    }

    public static long shrCf(long a, int n, int w) {
        return a >>> n - 1 & 1;
    }

    public static long sar(long a, int n, int w) {
        return a << 64 - w >> 64 - w >> n;
    }

    public static long sarCf(long a, int n, int w) {
        return a << 64 - w >> 64 - w >> n - 1 & 1;
    }

    public static long rol(long a, int n, int w) {
        int k = n & w - 1;
        return k == 0 ? a : a << k | a >>> w - k;
    }

    public static long ror(long a, int n, int w) {
        int k = n & w - 1;
        return k == 0 ? a : a >>> k | a << w - k;
    }

    /** RCL by k &lt;= w positions through carry. */
    public static long rcl(long a, int k, int w, long c) {
        if (k == 0) return a;
        long high = k == 1 ? 0 : a >>> w + 1 - k;
        return (k == 64 ? 0 : a << k) | c << k - 1 | high;
    }

    public static long rclCf(long a, int k, int w, long c) {
        return k == 0 ? c : a >>> w - k & 1;
    }

    public static long rcr(long a, int k, int w, long c) {
        if (k == 0) return a;
        long low = k == 64 ? 0 : a >>> k;
        return low | c << w - k | (k == 1 ? 0 : a << w + 1 - k);
    }

    public static long rcrCf(long a, int k, int w, long c) {
        return k == 0 ? c : a >>> k - 1 & 1;
    }

    public static long shld(long a, long b, int n, int w) {
        return a << n | b >>> w - n;
    }

    public static long shrd(long a, long b, int n, int w) {
        return a >>> n | b << w - n;
    }

    /** Low half of the signed product. */
    public static long imul(long a, long b, int size) {
        return Flags.signed(a, size) * Flags.signed(b, size);
    }

    /** 1 when the signed product does not fit. */
    public static long imulOverflow(long a, long b, int size) {
        long x = Flags.signed(a, size), y = Flags.signed(b, size), low = x * y;
        boolean fits = size == 8 ? Math.multiplyHigh(x, y) == low >> 63 : Flags.signed(low, size) == low;
        return fits ? 0 : 1;
    }

    public static long not(long a) {
        return ~a;
    }

    public static long bswap(long v, int size) {
        return size == 8 ? Long.reverseBytes(v) : Integer.toUnsignedLong(Integer.reverseBytes((int) v));
    }

    /** CRC32C of one byte more (polynomial 0x11edc6f41, bit-reflected). */
    public static int crc32(int crc, int b) {
        int c = crc ^ b & 0xff;
        for (int i = 0; i < 8; i++) c = c >>> 1 ^ (0x82f63b78 & -(c & 1));
        return c;
    }

    public static int crc32(int crc, long v, int size) {
        int c = crc;
        for (int i = 0; i < size; i++) c = crc32(c, (int) (v >>> 8 * i));
        return c;
    }

    /** Quotient of a 128-bit dividend whose high half is below the divisor. */
    public static long divide(long high, long low, long by) {
        if (high == 0) return Long.divideUnsigned(low, by);
        long rest = high, q = 0;
        for (int i = 63; i >= 0; i--) {
            boolean carry = rest < 0;
            rest = rest << 1 | low >>> i & 1;
            q <<= 1;
            if (carry || Long.compareUnsigned(rest, by) >= 0) {
                rest -= by;
                q |= 1;
            }
        }
        return q;
    }
}
