package dev.worldswitch.machine.x86;

/**
 * Rows of AVX and AVX2 that look at more than the lane they write, or at a mask: wide extensions, variable blends, shifts and
 * permutations, masked moves, gathers, VTESTPS; and F16C.
 */
final class Avx2Table extends SseTable {
    @Override
    void fill() {
        extensions();
        blends();
        test("VTESTPS", "0E", 0x8000000080000000L);
        test("VTESTPD", "0F", Long.MIN_VALUE);
        permutations();
        variableShift("VPSRLVD", "W0", "45", 32, SsePacked::psrld);
        variableShift("VPSRLVQ", "W1", "45", 64, SsePacked::psrlq);
        variableShift("VPSRAVD", "W0", "46", 32, SsePacked::psrad);
        variableShift("VPSLLVD", "W0", "47", 32, SsePacked::pslld);
        variableShift("VPSLLVQ", "W1", "47", 64, SsePacked::psllq);
        maskedMove("VPMASKMOVD", "W0", "8C", "8E", 4);
        maskedMove("VPMASKMOVQ", "W1", "8C", "8E", 8);
        maskedMove("VMASKMOVPS", "W0", "2C", "2E", 4);
        maskedMove("VMASKMOVPD", "W0", "2D", "2F", 8);
        gathers();
        halfPrecision();
    }

    private void row(String name, String pp, String map, String op, String w, String operands, SseOps.Action a) {
        vex(name, pp, map, op, w, "/r", operands, i -> new SseOps.Free(i, a));
    }

    static long mask(int width) {
        return width == 64 ? -1 : (1L << width) - 1;
    }

    /** Lane {@code k} of {@code width} bits, zero-extended. */
    static long lane(long[] v, int k, int width) {
        int at = k * width;
        return v[at >> 6] >>> (at & 63) & mask(width);
    }

    static void setLane(long[] v, int k, int width, long x) {
        int at = k * width, s = at & 63;
        v[at >> 6] = v[at >> 6] & ~(mask(width) << s) | (x & mask(width)) << s;
    }

    private static void put(Interpreter m, SseOps.Free o, long[] r) {
        o.write(m, o.dst, r[0], r[1], r[2], r[3]);
    }

    // VPMOVSX, VPMOVZX of 256 bits.

    private void extensions() {
        int[] from = {8, 8, 8, 16, 16, 32}, to = {16, 32, 64, 32, 64, 64};
        String[] names = {"BW", "BD", "BQ", "WD", "WQ", "DQ"};
        for (int k = 0; k < 6; k++)
            for (boolean signed : new boolean[] {true, false}) {
                int f = from[k], t = to[k];
                row(
                        (signed ? "VPMOVSX" : "VPMOVZX") + names[k],
                        "256.66",
                        "0F38",
                        (signed ? "2" : "3") + k,
                        "WIG",
                        "V,W",
                        (m, o) -> put(m, o, extended(narrow(m, o, 32 * f / t), 256, f, t, signed)));
            }
    }

    private static long[] narrow(Interpreter m, SseOps.Free o, int bytes) {
        long[] v = new long[4];
        if (o.ea != null) m.load(m.linear(o.ea(), bytes, false), bytes, v, 0);
        else o.read(m.fp, o.b, v);
        return v;
    }

    static long[] extended(long[] v, int bits, int from, int to, boolean signed) {
        long[] r = new long[bits / 64];
        for (int k = 0; k < bits / to; k++) {
            long x = lane(v, k, from);
            setLane(r, k, to, signed ? x << 64 - from >> 64 - from : x);
        }
        return r;
    }

    // Blends by the signs of a fourth register, named by the immediate.

    private void blends() {
        blend("VBLENDVPS", "4A", 32);
        blend("VBLENDVPD", "4B", 64);
        blend("VPBLENDVB", "4C", 8);
    }

    private void blend(String name, String op, int width) {
        row(name, "66", "0F3A", op, "W0", "V,W,Lx", (m, o) -> {
            long[] a = new long[4], b = new long[4], by = new long[4], r = new long[4];
            o.read(m.fp, o.a, a);
            source(m, o, b);
            o.read(m.fp, (int) o.in.imm >> 4 & (m.code == 64 ? 15 : 7), by);
            for (int k = 0; k < 4; k++) {
                long s = spread(by[k], width);
                r[k] = a[k] & ~s | b[k] & s;
            }
            put(m, o, r);
        });
    }

    private void test(String name, String op, long signs) {
        row(name, "66", "0F38", op, "W0", "V,W", (m, o) -> {
            long[] a = new long[4], b = new long[4];
            o.read(m.fp, o.dst, a);
            source(m, o, b);
            long and = 0, andn = 0;
            for (int k = 0; k < 4; k++) {
                and |= a[k] & b[k] & signs;
                andn |= ~a[k] & b[k] & signs;
            }
            m.setFlags(m.flags() & ~Flags.STATUS | (and == 0 ? X86State.ZF : 0) | (andn == 0 ? X86State.CF : 0));
        });
    }

    // Permutations.

    private void permutations() {
        for (String op : new String[] {"36", "16"})
            row(op.equals("36") ? "VPERMD" : "VPERMPS", "256.66", "0F38", op, "W0", "V,W", (m, o) -> {
                long[] at = new long[4], b = new long[4], r = new long[4];
                o.read(m.fp, o.a, at);
                source(m, o, b);
                for (int k = 0; k < 8; k++) setLane(r, k, 32, lane(b, (int) lane(at, k, 32) & 7, 32));
                put(m, o, r);
            });
        row("VPERMILPS", "66", "0F38", "0C", "W0", "V,W", (m, o) -> inLane(m, o, 32));
        row("VPERMILPD", "66", "0F38", "0D", "W0", "V,W", (m, o) -> inLane(m, o, 64));
        row("VPERMILPS", "66", "0F3A", "04", "W0", "V,W,Ib", (m, o) -> {
            long[] b = new long[4], r = new long[4];
            source(m, o, b);
            for (int k = 0; k < 8; k++) setLane(r, k, 32, lane(b, k & 4 | (int) o.in.imm >> 2 * (k & 3) & 3, 32));
            put(m, o, r);
        });
        row("VPERMILPD", "66", "0F3A", "05", "W0", "V,W,Ib", (m, o) -> {
            long[] b = new long[4], r = new long[4];
            source(m, o, b);
            for (int k = 0; k < 4; k++) r[k] = b[k & 2 | (int) o.in.imm >> k & 1];
            put(m, o, r);
        });
    }

    /** Each element comes from its own 128 bits of the first source, chosen by the second. */
    private static void inLane(Interpreter m, SseOps.Free o, int width) {
        long[] a = new long[4], by = new long[4], r = new long[4];
        o.read(m.fp, o.a, a);
        source(m, o, by);
        int per = 128 / width;
        for (int k = 0; k < 2 * per; k++) {
            long c = lane(by, k, width);
            setLane(r, k, width, lane(a, (k & -per) + (int) (width == 32 ? c & 3 : c >>> 1 & 1), width));
        }
        put(m, o, r);
    }

    private void variableShift(String name, String w, String op, int width, SseOps.Lane f) {
        row(name, "66", "0F38", op, w, "V,W", (m, o) -> {
            long[] a = new long[4], by = new long[4], r = new long[4];
            o.read(m.fp, o.a, a);
            source(m, o, by);
            for (int k = 0; k < 256 / width; k++) setLane(r, k, width, f.of(lane(a, k, width), lane(by, k, width)));
            put(m, o, r);
        });
    }

    // Masked moves: elements whose mask is positive are not accessed.

    private void maskedMove(String name, String w, String load, String store, int bytes) {
        vex(
                name,
                "66",
                "0F38",
                load,
                w,
                "/r mem",
                "V,M",
                i -> new SseOps.Free(i, (m, o) -> {
                    long[] by = new long[4], r = new long[4];
                    o.read(m.fp, o.a, by);
                    for (int k = 0; k < 16 * o.lanes / bytes; k++)
                        if (lane(by, k, 8 * bytes) >>> 8 * bytes - 1 != 0)
                            setLane(
                                    r,
                                    k,
                                    8 * bytes,
                                    m.ld(m.linear(o.ea().plus((long) k * bytes), bytes, false), bytes));
                    put(m, o, r);
                }));
        vex(
                name,
                "66",
                "0F38",
                store,
                w,
                "/r mem",
                "M,V",
                i -> new SseOps.Free(i, (m, o) -> {
                    long[] by = new long[4], v = new long[4];
                    o.read(m.fp, o.a, by);
                    o.read(m.fp, o.dst, v);
                    // All that may fault comes before the first store.
                    for (int pass = 0; pass < 2; pass++)
                        for (int k = 0; k < 16 * o.lanes / bytes; k++) {
                            if (lane(by, k, 8 * bytes) >>> 8 * bytes - 1 == 0) continue;
                            long la = m.linear(o.ea().plus((long) k * bytes), bytes, true);
                            if (pass == 0) m.checkWrite(la, bytes);
                            else m.st(la, bytes, lane(v, k, 8 * bytes));
                        }
                }));
    }

    // Gathers.

    private void gathers() {
        for (boolean wideIndex : new boolean[] {false, true})
            for (boolean wide : new boolean[] {false, true}) {
                String index = wideIndex ? "Q" : "D", w = wide ? "W1" : "W0";
                gather("VPGATHER" + index + (wide ? "Q" : "D"), wideIndex ? "91" : "90", w, wideIndex, wide);
                gather("VGATHER" + index + (wide ? "PD" : "PS"), wideIndex ? "93" : "92", w, wideIndex, wide);
            }
    }

    private void gather(String name, String op, String w, boolean wideIndex, boolean wide) {
        vex(
                name,
                "66",
                "0F38",
                op,
                w,
                "/r mem",
                "V,X",
                i -> new SseOps.Free(i, (m, o) -> gather(m, o, wideIndex ? 64 : 32, wide ? 64 : 32)));
    }

    /** Elements are complete one after the other: a fault leaves the mask of those that are still to come. */
    private static void gather(Interpreter m, SseOps.Free o, int indexWidth, int width) {
        Insn in = o.in;
        if (in.vectorIndex < 0 || o.dst == o.a || o.dst == in.vectorIndex || o.a == in.vectorIndex) throw m.ud();
        long[] r = new long[4], by = new long[4], at = new long[4];
        o.read(m.fp, o.dst, r);
        o.read(m.fp, o.a, by);
        o.read(m.fp, in.vectorIndex, at);
        int n = Math.min(128 * o.lanes / width, 128 * o.lanes / indexWidth);
        for (int k = 0; k < n; k++) setLane(by, k, width, -(lane(by, k, width) >>> width - 1));
        Signal stopped = null;
        for (int k = 0; k < n && stopped == null; k++) {
            if (lane(by, k, width) == 0) continue;
            try {
                setLane(
                        r,
                        k,
                        width,
                        m.ld(element(m, o.ea(), in, lane(at, k, indexWidth), indexWidth, width / 8), width / 8));
                setLane(by, k, width, 0);
            } catch (Signal s) {
                stopped = s;
            }
        }
        int used = n * width / 64;
        if (stopped == null) {
            java.util.Arrays.fill(by, 0);
            for (int k = used; k < 4; k++) r[k] = 0;
        }
        o.write(m, o.dst, r[0], r[1], r[2], r[3]);
        o.write(m, o.a, by[0], by[1], by[2], by[3]);
        if (stopped != null) throw stopped;
    }

    /** Linear address of an element: base, displacement and a scaled index out of a vector. */
    static long element(Interpreter m, Ea ea, Insn in, long index, int indexWidth, int bytes) {
        long signed = indexWidth == 32 ? (int) index : index;
        return m.linear(ea.plus(signed << in.vectorScale), bytes, false);
    }

    // F16C.

    private void halfPrecision() {
        row("VCVTPH2PS", "66", "0F38", "13", "W0", "V,W", (m, o) -> {
            long[] b = narrow(m, o, 8 * o.lanes), r = new long[4];
            int flags = 0;
            for (int k = 0; k < 4 * o.lanes; k++) {
                SseFloat.Result v = SseFloat.fromHalf((int) lane(b, k, 16));
                setLane(r, k, 32, v.bits());
                flags |= v.flags();
            }
            VecOp.raise(m, flags);
            put(m, o, r);
        });
        row("VCVTPS2PH", "66", "0F3A", "1D", "W0", "W,V,Ib", (m, o) -> {
            long[] a = new long[4], r = new long[4];
            o.read(m.fp, o.dst, a);
            int flags = 0, mx = XsaveInstructions.mxcsr(m.fp);
            for (int k = 0; k < 4 * o.lanes; k++) {
                SseFloat.Result v = SseFloat.toHalf((int) lane(a, k, 32), (int) o.in.imm, mx);
                setLane(r, k, 16, v.bits());
                flags |= v.flags();
            }
            if (o.ea == null) {
                VecOp.raise(m, flags);
                o.writeLow(m, o.b, r[0], r[1]);
                return;
            }
            long la = m.linear(o.ea(), 8 * o.lanes, true);
            m.checkWrite(la, 8 * o.lanes);
            VecOp.raise(m, flags);
            m.store(la, 8 * o.lanes, r, 0);
        });
    }
}
