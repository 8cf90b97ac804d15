package dev.worldswitch.machine.x86;

/**
 * The x87 registers in a register file, in FXSAVE's form: ST(i) at its number, tags one bit for each physical register.
 * Arithmetic is in {@link X87Math}. Intel SDM vol. 1 ch. 8.
 */
final class X87 {
    static final int IE = 1, STACK_FAULT = 0x40, ES = 0x80, C1 = 0x200, BUSY = 0x8000;
    private static final int ST = XsaveLayout.ST0 / 8;
    private static final long INTEGER_BIT = 1L << 63;
    /** The default NaN: sign, exponent and mantissa. */
    static final long NAN_HIGH = 0xffff, NAN_LOW = 0xc000000000000000L;

    private X87() {}

    static int fcw(long[] fp) {
        return (int) fp[0] & 0xffff;
    }

    static void fcw(long[] fp, int v) {
        fp[0] = fp[0] & ~0xffffL | v & 0xffff;
        used(fp);
        summary(fp);
    }

    static int fsw(long[] fp) {
        return (int) (fp[0] >>> 16) & 0xffff;
    }

    static void fsw(long[] fp, int v) {
        fp[0] = fp[0] & ~0xffff0000L | (v & 0xffffL) << 16;
        used(fp);
    }

    private static void used(long[] fp) {
        fp[XsaveInstructions.BV] |= 1;
    }

    static int top(long[] fp) {
        return fsw(fp) >> 11 & 7;
    }

    static void top(long[] fp, int t) {
        fsw(fp, fsw(fp) & ~0x3800 | (t & 7) << 11);
    }

    private static long tagBit(long[] fp, int i) {
        return 1L << 32 + (top(fp) + i & 7);
    }

    static boolean empty(long[] fp, int i) {
        return (fp[0] & tagBit(fp, i)) == 0;
    }

    static void tag(long[] fp, int i, boolean full) {
        fp[0] = full ? fp[0] | tagBit(fp, i) : fp[0] & ~tagBit(fp, i);
    }

    static long low(long[] fp, int i) {
        return fp[ST + 2 * i];
    }

    static long high(long[] fp, int i) {
        return fp[ST + 2 * i + 1];
    }

    static void set(long[] fp, int i, long high, long low) {
        fp[ST + 2 * i] = low;
        fp[ST + 2 * i + 1] = high & 0xffff;
        tag(fp, i, true);
        used(fp);
    }

    /** FNINIT: control, status and tags; the data registers stay. */
    static void init(long[] fp) {
        fp[0] = XsaveLayout.FCW_INIT;
        fp[1] = 0;
        fp[2] = 0;
        rotate(fp, 0);
        used(fp);
    }

    /** Records exception flags; an unmasked one becomes pending. */
    static void flags(long[] fp, int flags) {
        fsw(fp, fsw(fp) | flags);
        summary(fp);
    }

    /** C1: whether the last result was rounded up (SDM vol. 1, 8.1.3.2); a stack fault sets it by itself. */
    static void c1(long[] fp, boolean up) {
        fsw(fp, up ? fsw(fp) | C1 : fsw(fp) & ~C1);
    }

    /** True when the magnitude of a stored value is above that of ST(0), which it came from. */
    static boolean above(long[] fp, long high, long low) {
        int e = exponent(high) - exponent(high(fp, 0));
        return e > 0 || e == 0 && Long.compareUnsigned(low, low(fp, 0)) > 0;
    }

    private static void summary(long[] fp) {
        boolean pending = (fsw(fp) & ~fcw(fp) & 0x3f) != 0;
        fsw(fp, pending ? fsw(fp) | ES | BUSY : fsw(fp) & ~(ES | BUSY));
    }

    /** Turns the stack: the register that was ST({@code by}) becomes ST(0). */
    static void rotate(long[] fp, int by) {
        if ((by & 7) == 0) return;
        long[] old = java.util.Arrays.copyOfRange(fp, ST, ST + 16);
        for (int i = 0; i < 8; i++) {
            fp[ST + 2 * i] = old[2 * (i + by & 7)];
            fp[ST + 2 * i + 1] = old[2 * (i + by & 7) + 1];
        }
        top(fp, top(fp) + by);
    }

    static void push(long[] fp, long high, long low) {
        boolean full = !empty(fp, 7);
        c1(fp, false);
        if (full) flags(fp, IE | STACK_FAULT | C1);
        // Unmasked, the stack stays as it is and the fault becomes pending.
        if (full && (fcw(fp) & IE) == 0) return;
        rotate(fp, 7);
        if (full) set(fp, 0, NAN_HIGH, NAN_LOW);
        else set(fp, 0, high, low);
    }

    static void pop(long[] fp) {
        tag(fp, 0, false);
        rotate(fp, 1);
    }

    static int exponent(long high) {
        return (int) high & 0x7fff;
    }

    // Between formats. Loading is exact.

    static long highOf64(long v) {
        int e = (int) (v >>> 52) & 0x7ff;
        long frac = v & (1L << 52) - 1, sign = v >>> 63 << 15;
        if (e == 0x7ff) return sign | 0x7fff;
        if (e != 0) return sign | e - 1023 + 16383;
        return frac == 0 ? sign : sign | 16383 - 1022 - (Long.numberOfLeadingZeros(frac) - 11);
    }

    static long lowOf64(long v) {
        int e = (int) (v >>> 52) & 0x7ff;
        long frac = v & (1L << 52) - 1;
        if (e != 0) return INTEGER_BIT | frac << 11;
        return frac == 0 ? 0 : frac << Long.numberOfLeadingZeros(frac);
    }

    static long highOfInt(long v) {
        if (v == 0) return 0;
        return (v < 0 ? 0x8000 : 0) | 16383 + 63 - Long.numberOfLeadingZeros(Math.abs(v));
    }

    static long lowOfInt(long v) {
        long a = Math.abs(v);
        return v == 0 ? 0 : a << Long.numberOfLeadingZeros(a);
    }
}
