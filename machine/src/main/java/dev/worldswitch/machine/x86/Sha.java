package dev.worldswitch.machine.x86;

/** Steps of SHA-1 and SHA-256 on four dwords (FIPS 180-4; SDM vol. 2, SHA1RNDS4 to SHA256MSG2). Dword 0 is the lowest. */
final class Sha {
    private static final int[] K1 = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};

    private Sha() {}

    private static int rol(int v, int n) {
        return Integer.rotateLeft(v, n);
    }

    private static int f(int kind, int b, int c, int d) {
        return switch (kind) {
            case 0 -> b & c ^ ~b & d;
            case 2 -> b & c ^ b & d ^ c & d;
            default -> b ^ c ^ d;
        };
    }

    /** Four rounds: {@code a} is A B C D from the top, {@code b} the four message dwords with E in the first. */
    static void sha1rnds4(int[] s, int[] w, int kind) {
        int a = s[3], b = s[2], c = s[1], d = s[0], e = 0;
        for (int k = 0; k < 4; k++) {
            int next = f(kind, b, c, d) + rol(a, 5) + w[3 - k] + e + K1[kind];
            e = d;
            d = c;
            c = rol(b, 30);
            b = a;
            a = next;
        }
        set(s, d, c, b, a);
    }

    private static void set(int[] s, int d0, int d1, int d2, int d3) {
        s[0] = d0;
        s[1] = d1;
        s[2] = d2;
        s[3] = d3;
    }

    static void sha1nexte(int[] s, int[] w, int imm) {
        set(s, w[0], w[1], w[2], w[3] + rol(s[3], 30));
    }

    static void sha1msg1(int[] s, int[] w, int imm) {
        set(s, w[2] ^ s[0], w[3] ^ s[1], s[0] ^ s[2], s[1] ^ s[3]);
    }

    static void sha1msg2(int[] s, int[] w, int imm) {
        int w16 = rol(s[3] ^ w[2], 1), w17 = rol(s[2] ^ w[1], 1), w18 = rol(s[1] ^ w[0], 1);
        set(s, rol(s[0] ^ w16, 1), w18, w17, w16);
    }

    private static int sigma(int v, int x, int y, int shift) {
        return Integer.rotateRight(v, x) ^ Integer.rotateRight(v, y) ^ v >>> shift;
    }

    private static int sum(int v, int x, int y, int z) {
        return Integer.rotateRight(v, x) ^ Integer.rotateRight(v, y) ^ Integer.rotateRight(v, z);
    }

    /** Two rounds: {@code s} is C D G H from the top, {@code w} is A B E F, {@code wk} has message plus constant. */
    static void sha256rnds2(int[] s, int[] w, int[] wk) {
        int a = w[3], b = w[2], c = s[3], d = s[2], e = w[1], f = w[0], g = s[1], h = s[0];
        for (int k = 0; k < 2; k++) {
            int t = (e & f ^ ~e & g) + sum(e, 6, 11, 25) + wk[k] + h;
            int next = t + (a & b ^ a & c ^ b & c) + sum(a, 2, 13, 22);
            h = g;
            g = f;
            f = e;
            e = t + d;
            d = c;
            c = b;
            b = a;
            a = next;
        }
        set(s, f, e, b, a);
    }

    static void sha256msg1(int[] s, int[] w, int imm) {
        int[] next = {s[1], s[2], s[3], w[0]};
        for (int k = 0; k < 4; k++) s[k] += sigma(next[k], 7, 18, 3);
    }

    static void sha256msg2(int[] s, int[] w, int imm) {
        int w16 = s[0] + sigma(w[2], 17, 19, 10), w17 = s[1] + sigma(w[3], 17, 19, 10);
        set(s, w16, w17, s[2] + sigma(w16, 17, 19, 10), s[3] + sigma(w17, 17, 19, 10));
    }
}
