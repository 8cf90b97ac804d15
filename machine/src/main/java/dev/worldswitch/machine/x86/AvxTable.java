package dev.worldswitch.machine.x86;

import static dev.worldswitch.machine.x86.VecOp.BV;
import static dev.worldswitch.machine.x86.VecOp.XMM;
import static dev.worldswitch.machine.x86.VecOp.YMM_HI;

/**
 * Rows that exist with VEX only: clearing, broadcasting, moving 128-bit lanes. The VEX forms of SSE instructions are in
 * their tables, what looks at more than one lane in {@link Avx2Table}.
 */
final class AvxTable extends SseTable {
    @Override
    void fill() {
        vex("VZEROUPPER", "128.NP", "0F", "77", "WIG", "", "", i -> new SseOps.Free(i, (m, o) -> zeroUpper(m)));
        vex(
                "VZEROALL",
                "256.NP",
                "0F",
                "77",
                "WIG",
                "",
                "",
                i -> new SseOps.Free(i, (m, o) -> {
                    zeroUpper(m);
                    java.util.Arrays.fill(m.fp, XMM, XMM + 2 * registers(m), 0);
                }));
        broadcast("VBROADCASTSS", "18", 4);
        broadcast("VPBROADCASTB", "78", 1);
        broadcast("VPBROADCASTW", "79", 2);
        broadcast("VPBROADCASTD", "58", 4);
        broadcast("VPBROADCASTQ", "59", 8);
        vex(
                "VBROADCASTSD",
                "256.66",
                "0F38",
                "19",
                "W0",
                "/r",
                "V,W",
                i -> new SseOps.Free(i, (m, o) -> spread(m, o, 8)));
        for (String op : new String[] {"1A", "5A"})
            vex(
                    "VBROADCASTF128",
                    "256.66",
                    "0F38",
                    op,
                    "W0",
                    "/r mem",
                    "V,M",
                    i -> new SseOps.Free(i, (m, o) -> {
                        long[] v = new long[2];
                        m.load(m.linear(o.ea(), 16, false), 16, v, 0);
                        o.write(m, o.dst, v[0], v[1], v[0], v[1]);
                    }));
        for (String op : new String[] {"18", "38"})
            vex("VINSERTF128", "256.66", "0F3A", op, "W0", "/r", "V,W,Ib", i -> new SseOps.Free(i, AvxTable::insert));
        for (String op : new String[] {"19", "39"})
            vex("VEXTRACTF128", "256.66", "0F3A", op, "W0", "/r", "W,V,Ib", i -> new SseOps.Free(i, AvxTable::extract));
        for (String op : new String[] {"06", "46"})
            vex("VPERM2F128", "256.66", "0F3A", op, "W0", "/r", "V,W,Ib", i -> new SseOps.Free(i, AvxTable::permute));
        for (String op : new String[] {"00", "01"})
            vex("VPERMQ", "256.66", "0F3A", op, "W1", "/r", "V,W,Ib", i -> new SseOps.Free(i, AvxTable::permuteWords));
        vex("VBLENDPS", "66", "0F3A", "0C", "WIG", "/r", "V,W,Ib", i -> new SseOps.Free(i, (m, o) -> blend(m, o, 32)));
        vex("VBLENDPD", "66", "0F3A", "0D", "WIG", "/r", "V,W,Ib", i -> new SseOps.Free(i, (m, o) -> blend(m, o, 64)));
        vex("VPBLENDD", "66", "0F3A", "02", "W0", "/r", "V,W,Ib", i -> new SseOps.Free(i, (m, o) -> blend(m, o, 32)));
    }

    private static int registers(Interpreter m) {
        return m.code == 64 ? 16 : 8;
    }

    /** In 64-bit mode all of AVX is in its initial state afterwards. */
    private static void zeroUpper(Interpreter m) {
        int n = registers(m);
        java.util.Arrays.fill(m.fp, YMM_HI, YMM_HI + 2 * n, 0);
        if (n == 16) m.fp[BV] &= ~4L;
        for (int r = 0; r < n; r++) VecOp.clearZmmHigh(m, r);
    }

    private void broadcast(String name, String op, int bytes) {
        vex(name, "66", "0F38", op, "W0", "/r", "V,W", i -> new SseOps.Free(i, (m, o) -> spread(m, o, bytes)));
    }

    private static void spread(Interpreter m, SseOps.Free o, int bytes) {
        long v = o.ea != null ? m.ld(m.linear(o.ea(), bytes, false), bytes) : low(m, o.b);
        long mask = bytes == 8 ? -1 : (1L << 8 * bytes) - 1, r = 0;
        for (int s = 0; s < 64; s += 8 * bytes) r |= (v & mask) << s;
        o.write(m, o.dst, r, r, r, r);
    }

    private static long[] source(Interpreter m, SseOps.Free o, int bytes) {
        long[] v = new long[4];
        if (o.ea != null) m.load(m.linear(o.ea(), bytes, false), bytes, v, 0);
        else o.read(m.fp, o.b, v);
        return v;
    }

    private static void insert(Interpreter m, SseOps.Free o) {
        long[] a = new long[4], b = source(m, o, 16);
        o.read(m.fp, o.a, a);
        if ((o.in.imm & 1) != 0) o.write(m, o.dst, a[0], a[1], b[0], b[1]);
        else o.write(m, o.dst, b[0], b[1], a[2], a[3]);
    }

    private static void extract(Interpreter m, SseOps.Free o) {
        long[] v = new long[4];
        o.read(m.fp, o.dst, v);
        int at = (o.in.imm & 1) != 0 ? 2 : 0;
        if (o.ea != null) m.store(m.linear(o.ea(), 16, true), 16, v, at);
        else o.writeLow(m, o.b, v[at], v[at + 1]);
    }

    private static void permute(Interpreter m, SseOps.Free o) {
        long[] b = source(m, o, 32), all = new long[8], r = new long[4];
        o.read(m.fp, o.a, all);
        System.arraycopy(b, 0, all, 4, 4);
        for (int k = 0; k < 2; k++) {
            int sel = (int) o.in.imm >> 4 * k;
            if ((sel & 8) != 0) continue;
            r[2 * k] = all[2 * (sel & 3)];
            r[2 * k + 1] = all[2 * (sel & 3) + 1];
        }
        o.write(m, o.dst, r[0], r[1], r[2], r[3]);
    }

    private static void permuteWords(Interpreter m, SseOps.Free o) {
        long[] b = source(m, o, 32);
        int i = (int) o.in.imm;
        o.write(m, o.dst, b[i & 3], b[i >> 2 & 3], b[i >> 4 & 3], b[i >> 6 & 3]);
    }

    private static void blend(Interpreter m, SseOps.Free o, int width) {
        long[] a = new long[4], b = source(m, o, 16 * o.lanes), r = new long[4];
        o.read(m.fp, o.a, a);
        int per = 64 / width;
        for (int k = 0; k < 4; k++) {
            long lane = width == 64 ? -1 : (1L << width) - 1;
            for (int j = 0; j < per; j++)
                r[k] |= ((o.in.imm >> k * per + j & 1) != 0 ? b[k] : a[k]) & lane << j * width;
        }
        o.write(m, o.dst, r[0], r[1], r[2], r[3]);
    }
}
