package dev.worldswitch.machine.x86;

/**
 * Rounds of AES, carry-less products and the affine maps of GFNI on 128 bits as two words, low byte first (FIPS 197; SDM vol.
 * 1, 12.13). Functions come in pairs, for the low and the high word of a result.
 */
public final class Aes {
    private static final byte[] BOX = new byte[256], INVERSE_BOX = new byte[256];

    static {
        for (int v = 0; v < 256; v++) {
            int i = inverse(v);
            int s = (i ^ rol(i, 1) ^ rol(i, 2) ^ rol(i, 3) ^ rol(i, 4) ^ 0x63) & 0xff;
            BOX[v] = (byte) s;
            INVERSE_BOX[s] = (byte) v;
        }
    }

    private Aes() {}

    private static int rol(int v, int n) {
        return (v << n | v >> 8 - n) & 0xff;
    }

    /** Product in the field of x^8 + x^4 + x^3 + x + 1. */
    static int product(int a, int b) {
        int r = 0;
        for (int k = 0, x = a; k < 8; k++) {
            if ((b >> k & 1) != 0) r ^= x;
            x = x << 1 ^ ((x & 0x80) != 0 ? 0x11b : 0);
        }
        return r & 0xff;
    }

    /** The number whose product with {@code v} is 1; of 0, 0. */
    static int inverse(int v) {
        // v^254, as v^255 is 1.
        int r = 1;
        for (int k = 0; k < 254; k++) r = product(r, v);
        return r;
    }

    private static int at(long lo, long hi, int i) {
        return (int) ((i < 8 ? lo : hi) >>> 8 * (i & 7)) & 0xff;
    }

    /** A word of SubBytes(ShiftRows(state)); byte {@code i} is row {@code i & 3} of column {@code i >> 2}. */
    private static long substituted(long lo, long hi, int from) {
        long r = 0;
        for (int k = 0; k < 8; k++) {
            int i = from + k, row = i & 3, column = i >> 2;
            r |= (BOX[at(lo, hi, row + 4 * (column + row & 3))] & 0xffL) << 8 * k;
        }
        return r;
    }

    private static long unsubstituted(long lo, long hi, int from) {
        long r = 0;
        for (int k = 0; k < 8; k++) {
            int i = from + k, row = i & 3, column = i >> 2;
            r |= (INVERSE_BOX[at(lo, hi, row + 4 * (column - row & 3))] & 0xffL) << 8 * k;
        }
        return r;
    }

    /** Two columns multiplied by the circulant matrix whose first row is {@code m0 m1 m2 m3}. */
    private static long mixed(long v, int m0, int m1, int m2, int m3) {
        int[] m = {m0, m1, m2, m3};
        long r = 0;
        for (int k = 0; k < 8; k++) {
            int sum = 0;
            for (int j = 0; j < 4; j++) sum ^= product((int) (v >>> 8 * (k & 4 | j)) & 0xff, m[j - k & 3]);
            r |= (long) sum << 8 * k;
        }
        return r;
    }

    public static long encLo(long al, long ah, long bl, long bh, int i) {
        return mixed(substituted(al, ah, 0), 2, 3, 1, 1) ^ bl;
    }

    public static long encHi(long al, long ah, long bl, long bh, int i) {
        return mixed(substituted(al, ah, 8), 2, 3, 1, 1) ^ bh;
    }

    public static long encLastLo(long al, long ah, long bl, long bh, int i) {
        return substituted(al, ah, 0) ^ bl;
    }

    public static long encLastHi(long al, long ah, long bl, long bh, int i) {
        return substituted(al, ah, 8) ^ bh;
    }

    public static long decLo(long al, long ah, long bl, long bh, int i) {
        return mixed(unsubstituted(al, ah, 0), 14, 11, 13, 9) ^ bl;
    }

    public static long decHi(long al, long ah, long bl, long bh, int i) {
        return mixed(unsubstituted(al, ah, 8), 14, 11, 13, 9) ^ bh;
    }

    public static long decLastLo(long al, long ah, long bl, long bh, int i) {
        return unsubstituted(al, ah, 0) ^ bl;
    }

    public static long decLastHi(long al, long ah, long bl, long bh, int i) {
        return unsubstituted(al, ah, 8) ^ bh;
    }

    public static long imcLo(long al, long ah, long bl, long bh, int i) {
        return mixed(bl, 14, 11, 13, 9);
    }

    public static long imcHi(long al, long ah, long bl, long bh, int i) {
        return mixed(bh, 14, 11, 13, 9);
    }

    private static long box(int v) {
        long r = 0;
        for (int s = 0; s < 32; s += 8) r |= (BOX[v >>> s & 0xff] & 0xffL) << s;
        return r;
    }

    /** AESKEYGENASSIST of the upper dword of a word: SubWord, and its rotation with the round constant. */
    private static long assist(long v, int rcon) {
        int s = (int) box((int) (v >>> 32));
        return s & 0xffffffffL | (long) (Integer.rotateRight(s, 8) ^ rcon & 0xff) << 32;
    }

    public static long assistLo(long al, long ah, long bl, long bh, int i) {
        return assist(bl, i);
    }

    public static long assistHi(long al, long ah, long bl, long bh, int i) {
        return assist(bh, i);
    }

    private static long pick(long lo, long hi, int bit) {
        return (bit & 1) != 0 ? hi : lo;
    }

    public static long clmulLo(long al, long ah, long bl, long bh, int i) {
        long a = pick(al, ah, i), b = pick(bl, bh, i >> 4), r = 0;
        for (int k = 0; k < 64; k++) if ((b >>> k & 1) != 0) r ^= a << k;
        return r;
    }

    public static long clmulHi(long al, long ah, long bl, long bh, int i) {
        long a = pick(al, ah, i), b = pick(bl, bh, i >> 4), r = 0;
        for (int k = 1; k < 64; k++) if ((b >>> k & 1) != 0) r ^= a >>> 64 - k;
        return r;
    }

    // GFNI, of eight bytes.

    public static long gf2p8mul(long a, long b) {
        return SsePacked.each8(a, b, (x, y) -> product((int) x & 0xff, (int) y & 0xff));
    }

    /** Each byte of {@code a}, or its inverse, multiplied by the bit matrix {@code b}, plus a constant. */
    public static long affine(long a, long b, int constant, boolean inverted) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            int v = (int) (a >>> s) & 0xff;
            if (inverted) v = inverse(v);
            int out = 0;
            for (int k = 0; k < 8; k++) out |= (Long.bitCount(b >>> 8 * (7 - k) & 0xff & v) & 1) << k;
            r |= (out ^ constant & 0xffL) << s;
        }
        return r;
    }
}
