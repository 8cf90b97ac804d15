package dev.worldswitch.machine.x86;

/** The comparison of PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM (SDM vol. 2, 4.1). */
final class StringCompare {
    private StringCompare() {}

    /** Number of elements of 128 bits. */
    static int elements(int imm) {
        return (imm & 1) == 0 ? 16 : 8;
    }

    private static int element(long lo, long hi, int i, int imm) {
        boolean words = (imm & 1) != 0, signed = (imm & 2) != 0;
        int per = words ? 4 : 8, width = 64 / per;
        long v = (i < per ? lo : hi) >>> width * (i & per - 1);
        if (words) return signed ? (short) v : (int) v & 0xffff;
        return signed ? (byte) v : (int) v & 0xff;
    }

    /** Elements before the first that is zero. */
    static int implicitLength(long lo, long hi, int imm) {
        int n = elements(imm);
        for (int i = 0; i < n; i++) if (element(lo, hi, i, imm) == 0) return i;
        return n;
    }

    static int explicitLength(long v, int imm) {
        int n = elements(imm);
        return v == Long.MIN_VALUE ? n : (int) Math.min(Math.abs(v), n);
    }

    /** IntRes2: a bit for each element of the second operand, of which the operands have so many valid elements. */
    static int result(long aLo, long aHi, int aLength, long bLo, long bHi, int bLength, int imm) {
        int n = elements(imm), r = 0;
        int[] a = new int[n], b = new int[n];
        for (int i = 0; i < n; i++) {
            a[i] = element(aLo, aHi, i, imm);
            b[i] = element(bLo, bHi, i, imm);
        }
        for (int j = 0; j < n; j++) if (holds(a, aLength, b, bLength, j, imm >> 2 & 3)) r |= 1 << j;
        int all = (1 << n) - 1;
        return switch (imm >> 4 & 3) {
            case 1 -> ~r & all;
            case 3 -> r ^ (1 << bLength) - 1;
            default -> r;
        };
    }

    private static boolean holds(int[] a, int aLength, int[] b, int bLength, int j, int kind) {
        boolean valid = j < bLength;
        switch (kind) {
            case 0 -> {
                for (int i = 0; i < aLength && valid; i++) if (a[i] == b[j]) return true;
                return false;
            }
            case 1 -> {
                for (int i = 0; i + 1 < aLength && valid; i += 2) if (a[i] <= b[j] && b[j] <= a[i + 1]) return true;
                return false;
            }
            case 2 -> {
                return valid == j < aLength && (!valid || a[j] == b[j]);
            }
            default -> {
                for (int i = 0; i < aLength && i + j < b.length; i++)
                    if (i + j >= bLength || a[i] != b[i + j]) return false;
                return true;
            }
        }
    }
}
