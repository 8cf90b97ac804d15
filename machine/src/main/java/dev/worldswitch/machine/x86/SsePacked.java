package dev.worldswitch.machine.x86;

/**
 * Packed integer operations on one 64-bit half of a vector: lanes of 8, 16, 32 or 64 bits that don't look at each
 * other, so that 128, 256 and 512 bits are 2, 4 and 8 applications. Intel SDM vol. 2.
 */
public final class SsePacked {
    private static final long H8 = 0x8080808080808080L, H16 = 0x8000800080008000L, H32 = 0x8000000080000000L;
    private static final long L16 = 0xffffL;

    /** One lane's operation; lanes come sign-extended. */
    interface Lane {
        long of(long a, long b);
    }

    private SsePacked() {}

    static long each8(long a, long b, Lane f) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) r |= (f.of((byte) (a >>> s), (byte) (b >>> s)) & 0xff) << s;
        return r;
    }

    static long each16(long a, long b, Lane f) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) r |= (f.of((short) (a >>> s), (short) (b >>> s)) & L16) << s;
        return r;
    }

    static long each32(long a, long b, Lane f) {
        return f.of((int) a, (int) b) & 0xffffffffL | f.of((int) (a >>> 32), (int) (b >>> 32)) << 32;
    }

    public static long and(long a, long b) {
        return a & b;
    }

    public static long andn(long a, long b) {
        return ~a & b;
    }

    public static long or(long a, long b) {
        return a | b;
    }

    public static long xor(long a, long b) {
        return a ^ b;
    }

    /** The second operand: moves. */
    public static long second(long a, long b) {
        return b;
    }

    public static long padd8(long a, long b) {
        return (a & ~H8) + (b & ~H8) ^ (a ^ b) & H8;
    }

    public static long padd16(long a, long b) {
        return (a & ~H16) + (b & ~H16) ^ (a ^ b) & H16;
    }

    public static long padd32(long a, long b) {
        return (a & ~H32) + (b & ~H32) ^ (a ^ b) & H32;
    }

    public static long padd64(long a, long b) {
        return a + b;
    }

    public static long psub8(long a, long b) {
        return (a | H8) - (b & ~H8) ^ (a ^ ~b) & H8;
    }

    public static long psub16(long a, long b) {
        return (a | H16) - (b & ~H16) ^ (a ^ ~b) & H16;
    }

    public static long psub32(long a, long b) {
        return (a | H32) - (b & ~H32) ^ (a ^ ~b) & H32;
    }

    public static long psub64(long a, long b) {
        return a - b;
    }

    static long s8(long v) {
        return Math.clamp(v, -128, 127);
    }

    static long u8(long v) {
        return Math.clamp(v, 0, 255);
    }

    static long s16(long v) {
        return Math.clamp(v, -32768, 32767);
    }

    static long u16(long v) {
        return Math.clamp(v, 0, 65535);
    }

    public static long padds8(long a, long b) {
        return each8(a, b, (x, y) -> s8(x + y));
    }

    public static long padds16(long a, long b) {
        return each16(a, b, (x, y) -> s16(x + y));
    }

    public static long paddus8(long a, long b) {
        return each8(a, b, (x, y) -> u8((x & 0xff) + (y & 0xff)));
    }

    public static long paddus16(long a, long b) {
        return each16(a, b, (x, y) -> u16((x & L16) + (y & L16)));
    }

    public static long psubs8(long a, long b) {
        return each8(a, b, (x, y) -> s8(x - y));
    }

    public static long psubs16(long a, long b) {
        return each16(a, b, (x, y) -> s16(x - y));
    }

    public static long psubus8(long a, long b) {
        return each8(a, b, (x, y) -> u8((x & 0xff) - (y & 0xff)));
    }

    public static long psubus16(long a, long b) {
        return each16(a, b, (x, y) -> u16((x & L16) - (y & L16)));
    }

    public static long pavg8(long a, long b) {
        return each8(a, b, (x, y) -> (x & 0xff) + (y & 0xff) + 1 >> 1);
    }

    public static long pavg16(long a, long b) {
        return each16(a, b, (x, y) -> (x & L16) + (y & L16) + 1 >> 1);
    }

    public static long pmullw(long a, long b) {
        return each16(a, b, (x, y) -> x * y);
    }

    public static long pmulhw(long a, long b) {
        return each16(a, b, (x, y) -> x * y >> 16);
    }

    public static long pmulhuw(long a, long b) {
        return each16(a, b, (x, y) -> (x & L16) * (y & L16) >> 16);
    }

    public static long pmulhrsw(long a, long b) {
        return each16(a, b, (x, y) -> (x * y >> 14) + 1 >> 1);
    }

    public static long pmulld(long a, long b) {
        return each32(a, b, (x, y) -> x * y);
    }

    public static long pmuludq(long a, long b) {
        return (a & 0xffffffffL) * (b & 0xffffffffL);
    }

    public static long pmuldq(long a, long b) {
        return (long) (int) a * (int) b;
    }

    private static long madd(int a, int b) {
        return (long) (short) a * (short) b + (long) (a >> 16) * (b >> 16);
    }

    public static long pmaddwd(long a, long b) {
        return madd((int) a, (int) b) & 0xffffffffL | madd((int) (a >>> 32), (int) (b >>> 32)) << 32;
    }

    public static long pmaddubsw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            long low = (a >>> s & 0xff) * (byte) (b >>> s), high = (a >>> s + 8 & 0xff) * (byte) (b >>> s + 8);
            r |= (s16(low + high) & L16) << s;
        }
        return r;
    }

    /** Sum of absolute differences of eight bytes. */
    public static long psadbw(long a, long b) {
        long sum = 0;
        for (int s = 0; s < 64; s += 8) sum += Math.abs((a >>> s & 0xff) - (b >>> s & 0xff));
        return sum;
    }

    public static long pcmpeq8(long a, long b) {
        return each8(a, b, (x, y) -> x == y ? -1 : 0);
    }

    public static long pcmpeq16(long a, long b) {
        return each16(a, b, (x, y) -> x == y ? -1 : 0);
    }

    public static long pcmpeq32(long a, long b) {
        return each32(a, b, (x, y) -> x == y ? -1 : 0);
    }

    public static long pcmpeq64(long a, long b) {
        return a == b ? -1 : 0;
    }

    public static long pcmpgt8(long a, long b) {
        return each8(a, b, (x, y) -> x > y ? -1 : 0);
    }

    public static long pcmpgt16(long a, long b) {
        return each16(a, b, (x, y) -> x > y ? -1 : 0);
    }

    public static long pcmpgt32(long a, long b) {
        return each32(a, b, (x, y) -> x > y ? -1 : 0);
    }

    public static long pcmpgt64(long a, long b) {
        return a > b ? -1 : 0;
    }

    public static long pminub(long a, long b) {
        return each8(a, b, (x, y) -> Math.min(x & 0xff, y & 0xff));
    }

    public static long pmaxub(long a, long b) {
        return each8(a, b, (x, y) -> Math.max(x & 0xff, y & 0xff));
    }

    public static long pminsb(long a, long b) {
        return each8(a, b, Math::min);
    }

    public static long pmaxsb(long a, long b) {
        return each8(a, b, Math::max);
    }

    public static long pminsw(long a, long b) {
        return each16(a, b, Math::min);
    }

    public static long pmaxsw(long a, long b) {
        return each16(a, b, Math::max);
    }

    public static long pminuw(long a, long b) {
        return each16(a, b, (x, y) -> Math.min(x & L16, y & L16));
    }

    public static long pmaxuw(long a, long b) {
        return each16(a, b, (x, y) -> Math.max(x & L16, y & L16));
    }

    public static long pminsd(long a, long b) {
        return each32(a, b, Math::min);
    }

    public static long pmaxsd(long a, long b) {
        return each32(a, b, Math::max);
    }

    public static long pminud(long a, long b) {
        return each32(a, b, (x, y) -> Math.min(x & 0xffffffffL, y & 0xffffffffL));
    }

    public static long pmaxud(long a, long b) {
        return each32(a, b, (x, y) -> Math.max(x & 0xffffffffL, y & 0xffffffffL));
    }

    public static long pabsb(long a, long b) {
        return each8(a, b, (x, y) -> Math.abs(y));
    }

    public static long pabsw(long a, long b) {
        return each16(a, b, (x, y) -> Math.abs(y));
    }

    public static long pabsd(long a, long b) {
        return each32(a, b, (x, y) -> Math.abs(y));
    }

    public static long psignb(long a, long b) {
        return each8(a, b, (x, y) -> x * Long.signum(y));
    }

    public static long psignw(long a, long b) {
        return each16(a, b, (x, y) -> x * Long.signum(y));
    }

    public static long psignd(long a, long b) {
        return each32(a, b, (x, y) -> x * Long.signum(y));
    }

    // Shifts: the count is one unsigned 64-bit number for all lanes.

    private static boolean beyond(long count, int width) {
        return Long.compareUnsigned(count, width) >= 0;
    }

    public static long psrlw(long a, long n) {
        return beyond(n, 16) ? 0 : each16(a, n, (x, c) -> (x & L16) >>> n);
    }

    public static long psrld(long a, long n) {
        return beyond(n, 32) ? 0 : each32(a, n, (x, c) -> (x & 0xffffffffL) >>> n);
    }

    public static long psrlq(long a, long n) {
        return beyond(n, 64) ? 0 : a >>> n;
    }

    public static long psllw(long a, long n) {
        return beyond(n, 16) ? 0 : each16(a, n, (x, c) -> x << n);
    }

    public static long pslld(long a, long n) {
        return beyond(n, 32) ? 0 : each32(a, n, (x, c) -> x << n);
    }

    public static long psllq(long a, long n) {
        return beyond(n, 64) ? 0 : a << n;
    }

    public static long psraw(long a, long n) {
        int c = beyond(n, 16) ? 15 : (int) n;
        return each16(a, 0, (x, y) -> x >> c);
    }

    public static long psrad(long a, long n) {
        int c = beyond(n, 32) ? 31 : (int) n;
        return each32(a, 0, (x, y) -> x >> c);
    }

    /** The sign bits of eight bytes. */
    public static int signs8(long a) {
        int r = 0;
        for (int i = 0; i < 8; i++) r |= (int) (a >>> 8 * i + 7 & 1) << i;
        return r;
    }
}
