package dev.worldswitch.machine.arm64;

/** AES, SHA, SM3 and SM4 instructions (Arm ARM, shared pseudocode "crypto"). A 128-bit value is two longs, low first. */
final class CryptoOps {
    /** The AES S-box and its inverse, computed: inversion in GF(2^8), then the affine map (FIPS 197, 5.1.1). */
    private static final int[] SBOX = new int[256], INVERSE = new int[256];

    static {
        int p = 1, q = 1;
        do {
            p = p ^ p << 1 ^ ((p & 0x80) != 0 ? 0x11b : 0);
            q ^= q << 1;
            q ^= q << 2;
            q ^= q << 4;
            q &= 0xff;
            if ((q & 0x80) != 0) q ^= 0x09;
            int x = q ^ rotl8(q, 1) ^ rotl8(q, 2) ^ rotl8(q, 3) ^ rotl8(q, 4);
            SBOX[p & 0xff] = (x ^ 0x63) & 0xff;
        } while ((p & 0xff) != 1);
        SBOX[0] = 0x63;
        for (int i = 0; i < 256; i++) INVERSE[SBOX[i]] = i;
    }

    /** The SM4 S-box (GB/T 32907-2016). */
    private static final String SM4 = "d690e9fecce13db716b614c228fb2c052b679a762abe04c3aa44132649860699"
            + "9c4250f491ef987a33540b43edcfac62e4b31ca9c908e89580df94fa758f3fa6"
            + "4707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35"
            + "1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89e"
            + "eabf8ad240c738b5a3f7f2cef96115a1e0ae5da49b341a55ad933230f58cb1e3"
            + "1df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51"
            + "8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b0"
            + "8969974a0c96777e65b9f109c56ec68418f07dec3adc4d2079ee5f3ed7cb3948";

    private static final int[] SM4_SBOX = new int[256];

    static {
        for (int i = 0; i < 256; i++) SM4_SBOX[i] = Integer.parseInt(SM4.substring(2 * i, 2 * i + 2), 16);
    }

    private CryptoOps() {}

    private static int rotl8(int v, int by) {
        return (v << by | v >>> 8 - by) & 0xff;
    }

    private static int x2(int b) {
        return (b << 1 ^ ((b & 0x80) != 0 ? 0x1b : 0)) & 0xff;
    }

    private static int mul(int b, int by) {
        int r = 0;
        for (int v = b, k = by; k != 0; k >>= 1, v = x2(v)) if ((k & 1) != 0) r ^= v;
        return r;
    }

    abstract static class Crypto extends A64Op {
        @Override
        public final int unit() {
            return FP;
        }

        static int w(Arm64Interpreter c, int r, int i) {
            return (int) (c.z[r * c.zs + i / 2] >>> 32 * (i & 1));
        }

        static void words(Arm64Interpreter c, int r, int w0, int w1, int w2, int w3) {
            Vec.set(c, r, w0 & A64.W | (long) w1 << 32, w2 & A64.W | (long) w3 << 32);
        }
    }

    private static int at(long[] z, int from, int i) {
        return (int) (z[from + i / 8] >>> 8 * (i & 7)) & 0xff;
    }

    private static final int[][] MIX = {{2, 3, 1, 1}, {14, 11, 13, 9}};

    /** AESE (0), AESD (1), AESMC (2), AESIMC (3) of the 128 bits at {@code d} and {@code n} into those at {@code to}. */
    static void aes(int which, long[] z, int d, int n, long[] r, int to) {
        long low = 0, high = 0;
        for (int i = 0; i < 16; i++) {
            int v = 0;
            if (which < 2) {
                // ShiftRows: row i & 3 of column k comes from column k + row, to the right for the inverse.
                int row = i & 3, k = i >> 2, from = 4 * (which == 0 ? k + row & 3 : k - row & 3) + row;
                v = (which == 0 ? SBOX : INVERSE)[at(z, d, from) ^ at(z, n, from)];
            } else for (int k = 0; k < 4; k++) v ^= mul(at(z, n, (i & ~3) + (i + k & 3)), MIX[which - 2][k]);
            if (i < 8) low |= (long) v << 8 * i;
            else high |= (long) v << 8 * (i - 8);
        }
        r[to] = low;
        r[to + 1] = high;
    }

    /** SM4E (0) and SM4EKEY (1). */
    static void sm4(int which, long[] z, int data, int key, long[] r, int to) {
        int x0 = (int) z[data], x1 = (int) (z[data] >>> 32), x2 = (int) z[data + 1], x3 = (int) (z[data + 1] >>> 32);
        for (int i = 0; i < 4; i++) {
            int v = x1 ^ x2 ^ x3 ^ (int) (z[key + i / 2] >>> 32 * (i & 1)), s = 0;
            for (int k = 0; k < 32; k += 8) s |= SM4_SBOX[v >>> k & 0xff] << k;
            int t = which == 0 ? s ^ rol(s, 2) ^ rol(s, 10) ^ rol(s, 18) ^ rol(s, 24) : s ^ rol(s, 13) ^ rol(s, 23);
            int next = x0 ^ t;
            x0 = x1;
            x1 = x2;
            x2 = x3;
            x3 = next;
        }
        r[to] = x0 & A64.W | (long) x1 << 32;
        r[to + 1] = x2 & A64.W | (long) x3 << 32;
    }

    /** {@link #aes}: {@code a} says which. */
    static final class Aes extends Crypto {
        @Override
        public void exec(Arm64Interpreter c) {
            c.scratch.begin();
            long[] r = c.scratch.vector();
            aes(a, c.z, d * c.zs, n * c.zs, r, 0);
            Vec.set(c, d, r[0], r[1]);
        }
    }

    private static int choose(int x, int y, int z) {
        return (y ^ z) & x ^ z;
    }

    private static int majority(int x, int y, int z) {
        return x & y | (x | y) & z;
    }

    private static int rol(int v, int by) {
        return Integer.rotateLeft(v, by);
    }

    private static int ror(int v, int by) {
        return Integer.rotateRight(v, by);
    }

    /** SHA1C ({@code a} 0), SHA1P (1), SHA1M (2), SHA1SU0 (3), SHA1H (4), SHA1SU1 (5). */
    static final class Sha1 extends Crypto {
        @Override
        public void exec(Arm64Interpreter c) {
            if (a == 3) {
                long low = Vec.low(c, d) ^ Vec.high(c, d) ^ Vec.low(c, m),
                        high = Vec.high(c, d) ^ Vec.low(c, n) ^ Vec.high(c, m);
                Vec.set(c, d, low, high);
                return;
            }
            if (a == 4) {
                Vec.set(c, d, rol(w(c, n, 0), 30) & A64.W, 0);
                return;
            }
            if (a == 5) {
                int t0 = w(c, d, 0) ^ w(c, n, 1),
                        t1 = w(c, d, 1) ^ w(c, n, 2),
                        t2 = w(c, d, 2) ^ w(c, n, 3),
                        t3 = w(c, d, 3);
                words(c, d, rol(t0, 1), rol(t1, 1), rol(t2, 1), rol(t3, 1) ^ rol(t0, 2));
                return;
            }
            int x0 = w(c, d, 0), x1 = w(c, d, 1), x2 = w(c, d, 2), x3 = w(c, d, 3), y = w(c, n, 0);
            for (int e = 0; e < 4; e++) {
                int t = a == 0 ? choose(x1, x2, x3) : a == 1 ? x1 ^ x2 ^ x3 : majority(x1, x2, x3);
                y += rol(x0, 5) + t + w(c, m, e);
                x1 = rol(x1, 30);
                int next = x3;
                x3 = x2;
                x2 = x1;
                x1 = x0;
                x0 = y;
                y = next;
            }
            words(c, d, x0, x1, x2, x3);
        }
    }

    /** SHA256H ({@code a} 0), SHA256H2 (1), SHA256SU0 (2), SHA256SU1 (3). */
    static final class Sha256 extends Crypto {
        @Override
        public void exec(Arm64Interpreter c) {
            if (a == 2) {
                int[] t = {w(c, d, 1), w(c, d, 2), w(c, d, 3), w(c, n, 0)}, r = new int[4];
                for (int e = 0; e < 4; e++) r[e] = (ror(t[e], 7) ^ ror(t[e], 18) ^ t[e] >>> 3) + w(c, d, e);
                words(c, d, r[0], r[1], r[2], r[3]);
            } else if (a == 3) {
                int[] t0 = {w(c, n, 1), w(c, n, 2), w(c, n, 3), w(c, m, 0)}, r = new int[4];
                for (int e = 0; e < 4; e++) {
                    int v = e < 2 ? w(c, m, e + 2) : r[e - 2];
                    r[e] = (ror(v, 17) ^ ror(v, 19) ^ v >>> 10) + w(c, d, e) + t0[e];
                }
                words(c, d, r[0], r[1], r[2], r[3]);
            } else hash(c);
        }

        private void hash(Arm64Interpreter c) {
            int x = a == 0 ? d : n, y = a == 0 ? n : d;
            int x0 = w(c, x, 0), x1 = w(c, x, 1), x2 = w(c, x, 2), x3 = w(c, x, 3);
            int y0 = w(c, y, 0), y1 = w(c, y, 1), y2 = w(c, y, 2), y3 = w(c, y, 3);
            for (int e = 0; e < 4; e++) {
                int t = y3 + (ror(y0, 6) ^ ror(y0, 11) ^ ror(y0, 25)) + choose(y0, y1, y2) + w(c, m, e);
                int nx3 = t + x3, ny3 = t + (ror(x0, 2) ^ ror(x0, 13) ^ ror(x0, 22)) + majority(x0, x1, x2);
                x3 = x2;
                x2 = x1;
                x1 = x0;
                x0 = ny3;
                y3 = y2;
                y2 = y1;
                y1 = y0;
                y0 = nx3;
            }
            if (a == 0) words(c, d, x0, x1, x2, x3);
            else words(c, d, y0, y1, y2, y3);
        }
    }

    private static long ror(long v, int by) {
        return Long.rotateRight(v, by);
    }

    /** SHA512H ({@code a} 0), SHA512H2 (1), SHA512SU0 (2), SHA512SU1 (3). */
    static final class Sha512 extends Crypto {
        @Override
        public void exec(Arm64Interpreter c) {
            long w0 = Vec.low(c, d),
                    w1 = Vec.high(c, d),
                    x0 = Vec.low(c, n),
                    x1 = Vec.high(c, n),
                    y0 = Vec.low(c, m),
                    y1 = Vec.high(c, m);
            switch (a) {
                case 0 -> {
                    long s1 = ror(y1, 14) ^ ror(y1, 18) ^ ror(y1, 41),
                            high = w1 + (y1 & x0 ^ ~y1 & x1) + s1,
                            t = high + y0;
                    long low = (ror(t, 14) ^ ror(t, 18) ^ ror(t, 41)) + (t & y1 ^ ~t & x0) + w0;
                    Vec.set(c, d, low, high);
                }
                case 1 -> {
                    long s0 = ror(y0, 28) ^ ror(y0, 34) ^ ror(y0, 39), high = (x0 & y1 ^ x0 & y0 ^ y1 & y0) + s0 + w1;
                    long low = (high & y0 ^ high & y1 ^ y1 & y0) + (ror(high, 28) ^ ror(high, 34) ^ ror(high, 39)) + w0;
                    Vec.set(c, d, low, high);
                }
                case 2 ->
                    Vec.set(c, d, w0 + (ror(w1, 1) ^ ror(w1, 8) ^ w1 >>> 7), w1 + (ror(x0, 1) ^ ror(x0, 8) ^ x0 >>> 7));
                default ->
                    Vec.set(
                            c,
                            d,
                            w0 + y0 + (ror(x0, 19) ^ ror(x0, 61) ^ x0 >>> 6),
                            w1 + y1 + (ror(x1, 19) ^ ror(x1, 61) ^ x1 >>> 6));
            }
        }
    }

    /** EOR3 ({@code a} 0), BCAX (1), RAX1 (2), XAR (3, by {@code imm}); {@code third} the fourth register. */
    static final class Sha3 extends Crypto {
        int third;

        @Override
        public void exec(Arm64Interpreter c) {
            Vec.set(c, d, one(c, 0), one(c, 1));
        }

        private long one(Arm64Interpreter c, int i) {
            long x = c.z[n * c.zs + i], y = c.z[m * c.zs + i], z = c.z[third * c.zs + i];
            return switch (a) {
                case 0 -> x ^ y ^ z;
                case 1 -> x ^ y & ~z;
                case 2 -> x ^ Long.rotateLeft(y, 1);
                default -> ror(x ^ y, (int) imm);
            };
        }
    }

    private static int p0(int x) {
        return x ^ rol(x, 9) ^ rol(x, 17);
    }

    private static int p1(int x) {
        return x ^ rol(x, 15) ^ rol(x, 23);
    }

    /** SM3SS1 ({@code a} 0), SM3TT1A (1), TT1B (2), TT2A (3), TT2B (4), SM3PARTW1 (5), PARTW2 (6); {@code imm} the index. */
    static final class Sm3 extends Crypto {
        int third;

        @Override
        public void exec(Arm64Interpreter c) {
            if (a == 0) {
                words(c, d, 0, 0, 0, rol(rol(w(c, n, 3), 12) + w(c, m, 3) + w(c, third, 3), 7));
                return;
            }
            if (a >= 5) {
                schedule(c);
                return;
            }
            int d0 = w(c, d, 0),
                    d1 = w(c, d, 1),
                    d2 = w(c, d, 2),
                    d3 = w(c, d, 3),
                    n3 = w(c, n, 3),
                    wj = w(c, m, (int) imm);
            boolean first = a <= 2, x = a == 1 || a == 3;
            int f = x ? d1 ^ d3 ^ d2 : first ? d3 & d1 | d3 & d2 | d1 & d2 : choose(d3, d2, d1);
            if (first) words(c, d, d1, rol(d2, 9), d3, f + d0 + (n3 ^ rol(d3, 12)) + wj);
            else words(c, d, d1, rol(d2, 19), d3, p0(f + d0 + n3 + wj));
        }

        private void schedule(Arm64Interpreter c) {
            int[] r = new int[4];
            if (a == 5) {
                for (int i = 0; i < 4; i++) r[i] = w(c, d, i) ^ w(c, n, i);
                for (int i = 0; i < 3; i++) r[i] = p1(r[i] ^ rol(w(c, m, i + 1), 15));
                r[3] = p1(r[3] ^ rol(r[0], 15));
            } else {
                int[] t = new int[4];
                for (int i = 0; i < 4; i++) {
                    t[i] = w(c, n, i) ^ rol(w(c, m, i), 7);
                    r[i] = w(c, d, i) ^ t[i];
                }
                r[3] ^= p1(rol(t[0], 15));
            }
            words(c, d, r[0], r[1], r[2], r[3]);
        }
    }

    /** SM4E ({@code a} 0), SM4EKEY (1). */
    static final class Sm4 extends Crypto {
        @Override
        public void exec(Arm64Interpreter c) {
            c.scratch.begin();
            long[] r = c.scratch.vector();
            sm4(a, c.z, (a == 0 ? d : n) * c.zs, (a == 0 ? n : m) * c.zs, r, 0);
            Vec.set(c, d, r[0], r[1]);
        }
    }
}
