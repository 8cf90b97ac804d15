package dev.worldswitch.machine.x86;

/**
 * The AMX tiles in a register file: tile configuration (palette 1: 8 tiles of up to 16 rows of 64 bytes) and the tile
 * operations. Intel SDM vol. 1 ch. 18 and vol. 2. {@code cfg} and {@code data} are the word positions of TILECFG and
 * TILEDATA in the register file {@code fp}.
 */
public final class Amx {
    public static final int TILES = 8, MAX_ROWS = 16, MAX_COLSB = 64, TILE_WORDS = 128, ROW_WORDS = 8;

    private Amx() {}

    private static int byteAt(long[] w, int word, int offset) {
        return (int) (w[word + (offset >> 3)] >>> ((offset & 7) << 3)) & 0xff;
    }

    public static int palette(long[] fp, int cfg) {
        return byteAt(fp, cfg, 0);
    }

    public static int startRow(long[] fp, int cfg) {
        return byteAt(fp, cfg, 1);
    }

    /** Bytes per row of tile {@code t}. */
    public static int colsb(long[] fp, int cfg, int t) {
        return byteAt(fp, cfg, 16 + 2 * t) | byteAt(fp, cfg, 17 + 2 * t) << 8;
    }

    public static int rows(long[] fp, int cfg, int t) {
        return byteAt(fp, cfg, 48 + t);
    }

    /** False where LDTILECFG raises #GP. */
    public static boolean legal(long[] m, int at) {
        int palette = palette(m, at);
        if (palette == 0) return true;
        if (palette > 1) return false;
        for (int i = 2; i < 16; i++) if (byteAt(m, at, i) != 0) return false;
        for (int t = 0; t < 16; t++) {
            int cols = colsb(m, at, t), rows = rows(m, at, t);
            if (t >= TILES ? cols != 0 || rows != 0 : cols > MAX_COLSB || rows > MAX_ROWS) return false;
            if ((cols == 0) != (rows == 0)) return false;
        }
        return true;
    }

    /** True when tile {@code t} may be used: configured under palette 1. */
    public static boolean configured(long[] fp, int cfg, int t) {
        return t < TILES && palette(fp, cfg) == 1 && rows(fp, cfg, t) != 0;
    }

    /** LDTILECFG of a legal configuration; palette 0 is TILERELEASE. Tiles become zero. */
    public static void load(long[] fp, int cfg, int data, long[] image) {
        java.util.Arrays.fill(fp, data, data + TILES * TILE_WORDS, 0);
        fp[XsaveInstructions.BV] &= ~XsaveLayout.XFEATURE_TILE;
        if (palette(image, 0) == 0) {
            java.util.Arrays.fill(fp, cfg, cfg + 8, 0);
            return;
        }
        System.arraycopy(image, 0, fp, cfg, 8);
        fp[XsaveInstructions.BV] |= 1L << XsaveLayout.TILECFG;
    }

    /** The end of every tile operation: start_row becomes 0, and TILEDATA is in use. */
    public static void done(long[] fp, int cfg) {
        fp[cfg] &= ~0xff00L;
        fp[XsaveInstructions.BV] |= 1L << XsaveLayout.TILEDATA;
    }

    public static int row(int data, int t, int r) {
        return data + t * TILE_WORDS + r * ROW_WORDS;
    }

    public static void zero(long[] fp, int data, int t) {
        java.util.Arrays.fill(fp, row(data, t, 0), row(data, t, MAX_ROWS), 0);
    }

    /** Clears the bytes of a row from {@code colsb} on. */
    public static void zeroTail(long[] fp, int row, int colsb) {
        for (int i = 0; i < ROW_WORDS; i++) {
            int keep = Math.clamp(colsb - 8L * i, 0, 8);
            if (keep < 8) fp[row + i] &= (1L << 8 * keep) - 1;
        }
    }

    public static void zeroRowsFrom(long[] fp, int data, int t, int rows) {
        java.util.Arrays.fill(fp, row(data, t, rows), row(data, t, MAX_ROWS), 0);
    }

    /** False where a tile dot product raises #UD for the shapes of its tiles. */
    public static boolean shapesFit(long[] fp, int cfg, int d, int a, int b) {
        int cd = colsb(fp, cfg, d), ca = colsb(fp, cfg, a), cb = colsb(fp, cfg, b);
        return d != a
                && d != b
                && a != b
                && ((cd | ca | cb) & 3) == 0
                && rows(fp, cfg, d) == rows(fp, cfg, a)
                && ca / 4 == rows(fp, cfg, b)
                && cd == cb;
    }

    private static int dword(long[] fp, int row, int n) {
        return (int) (fp[row + (n >> 1)] >>> ((n & 1) << 5));
    }

    private static void dword(long[] fp, int row, int n, int v) {
        int sh = (n & 1) << 5, at = row + (n >> 1);
        fp[at] = fp[at] & ~(0xffffffffL << sh) | (v & 0xffffffffL) << sh;
    }

    /** c + the sum of four byte products. */
    public static int dot4(int c, int x, int y, boolean xSigned, boolean ySigned) {
        int sum = c;
        for (int sh = 0; sh < 32; sh += 8) {
            int a = xSigned ? (byte) (x >> sh) : x >> sh & 0xff;
            int b = ySigned ? (byte) (y >> sh) : y >> sh & 0xff;
            sum += a * b;
        }
        return sum;
    }

    /** TDPBSSD, TDPBSUD, TDPBUSD, TDPBUUD: d += a . b. */
    public static void dotBytes(long[] fp, int cfg, int data, int d, int a, int b, boolean aSigned, boolean bSigned) {
        int rows = rows(fp, cfg, d), cols = colsb(fp, cfg, d) / 4, inner = colsb(fp, cfg, a) / 4;
        for (int m = 0; m < rows; m++) {
            int dr = row(data, d, m), ar = row(data, a, m);
            for (int k = 0; k < inner; k++) {
                int x = dword(fp, ar, k), br = row(data, b, k);
                for (int n = 0; n < cols; n++)
                    dword(fp, dr, n, dot4(dword(fp, dr, n), x, dword(fp, br, n), aSigned, bSigned));
            }
            zeroTail(fp, dr, 4 * cols);
        }
        zeroRowsFrom(fp, data, d, rows);
    }

    /** TDPBF16PS: pairs of BF16 into FP32; nearest-even, denormals are zero on both sides, MXCSR has no part in it. */
    public static void dotBf16(long[] fp, int cfg, int data, int d, int a, int b) {
        int rows = rows(fp, cfg, d), cols = colsb(fp, cfg, d) / 4, inner = colsb(fp, cfg, a) / 4;
        int[] even = new int[16], odd = new int[16];
        for (int m = 0; m < rows; m++) {
            int dr = row(data, d, m), ar = row(data, a, m);
            java.util.Arrays.fill(even, 0);
            java.util.Arrays.fill(odd, 0);
            for (int k = 0; k < inner; k++) {
                int x = dword(fp, ar, k), br = row(data, b, k);
                for (int n = 0; n < cols; n++) {
                    int y = dword(fp, br, n);
                    even[n] = Bf16.multiplyAdd(x << 16, y << 16, even[n]);
                    odd[n] = Bf16.multiplyAdd(x & 0xffff0000, y & 0xffff0000, odd[n]);
                }
            }
            for (int n = 0; n < cols; n++) dword(fp, dr, n, Bf16.add(dword(fp, dr, n), Bf16.add(even[n], odd[n])));
            zeroTail(fp, dr, 4 * cols);
        }
        zeroRowsFrom(fp, data, d, rows);
    }
}
