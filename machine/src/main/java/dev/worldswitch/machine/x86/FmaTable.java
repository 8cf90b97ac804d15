package dev.worldswitch.machine.x86;

/** Rows of FMA: each operation in three orders of its operands (SDM vol. 2, VFMADD132PD and the like). */
final class FmaTable extends SseTable {
    /** Operand order: which of destination, VEX.vvvv and r/m are first factor, second factor and addend. */
    static final int[][] ORDERS = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}};

    static final String[] ORDER_NAMES = {"132", "213", "231"};

    /** Name, low digit of the packed opcode, product negated, addend negated in even elements, and in odd ones. */
    record Kind(String name, int op, boolean minusProduct, boolean minusEven, boolean minusOdd) {}

    static final Kind[] KINDS = {
        new Kind("VFMADDSUB", 6, false, true, false),
        new Kind("VFMSUBADD", 7, false, false, true),
        new Kind("VFMADD", 8, false, false, false),
        new Kind("VFMSUB", 10, false, true, true),
        new Kind("VFNMADD", 12, true, false, false),
        new Kind("VFNMSUB", 14, true, true, true)
    };

    private static final int FMA = 1 << 12;

    @Override
    void fill() {
        for (int order = 0; order < 3; order++)
            for (Kind k : KINDS)
                for (boolean wide : new boolean[] {false, true}) {
                    int high = 0x90 + 16 * order, which = order;
                    String name = k.name + ORDER_NAMES[order], w = wide ? "W1" : "W0";
                    vex(
                            name + (wide ? "PD" : "PS"),
                            "66",
                            "0F38",
                            IntegerTable.hex(high + k.op),
                            w,
                            "/r",
                            "V,W",
                            i -> new SseOps.Free(i, (m, o) -> packed(m, o, k, ORDERS[which], wide)));
                    if (k.op < 8) continue;
                    vex(
                            name + (wide ? "SD" : "SS"),
                            "66",
                            "0F38",
                            IntegerTable.hex(high + k.op + 1),
                            w,
                            "/r",
                            "V,W",
                            i -> new SseOps.Free(i, (m, o) -> scalar(m, o, k, ORDERS[which], wide)));
                }
    }

    private static void check(Interpreter m) {
        if ((m.cpu.profile().leaf1Ecx() & FMA) == 0) throw m.ud();
    }

    /** {@code v} has destination, vvvv and r/m; the result of one element. */
    static SseFloat.Result element(Kind k, int[] order, long[][] v, int at, boolean wide, int mx) {
        return element(k, order, v, at, wide ? 64 : 32, mx);
    }

    static SseFloat.Result element(Kind k, int[] order, long[][] v, int at, int width, int mx) {
        long a = Avx2Table.lane(v[order[0]], at, width), b = Avx2Table.lane(v[order[1]], at, width);
        long c = Avx2Table.lane(v[order[2]], at, width);
        SseFloat.Format f = SseFloat.Format.of(width);
        return SseFloat.fma(f, a, b, c, k.minusProduct, (at & 1) == 0 ? k.minusEven : k.minusOdd, mx);
    }

    private static void packed(Interpreter m, SseOps.Free o, Kind k, int[] order, boolean wide) {
        check(m);
        long[][] v = new long[3][4];
        o.read(m.fp, o.dst, v[0]);
        o.read(m.fp, o.a, v[1]);
        source(m, o, v[2]);
        long[] r = new long[4];
        int flags = 0, mx = XsaveInstructions.mxcsr(m.fp), width = wide ? 64 : 32;
        for (int at = 0; at < 128 * o.lanes / width; at++) {
            SseFloat.Result e = element(k, order, v, at, wide, mx);
            Avx2Table.setLane(r, at, width, e.bits());
            flags |= e.flags();
        }
        VecOp.raise(m, flags);
        o.write(m, o.dst, r[0], r[1], r[2], r[3]);
    }

    private static void scalar(Interpreter m, SseOps.Free o, Kind k, int[] order, boolean wide) {
        check(m);
        int width = wide ? 64 : 32;
        long rm = o.ea != null ? m.ld(m.linear(o.ea(), width / 8, false), width / 8) : low(m, o.b);
        long[][] v = {{low(m, o.dst)}, {low(m, o.a)}, {rm}};
        SseFloat.Result e = element(k, order, v, 0, wide, XsaveInstructions.mxcsr(m.fp));
        VecOp.raise(m, e.flags());
        Avx2Table.setLane(v[0], 0, width, e.bits());
        o.writeLow(m, o.dst, v[0][0], high(m, o.dst));
    }
}
