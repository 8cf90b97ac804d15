package dev.worldswitch.machine.x86;

/**
 * Floating point of AVX-512: arithmetic, FMA, comparison to opmasks and the conversions that SSE and AVX have too, with masking,
 * broadcasting, embedded rounding and suppressed exceptions (SDM vol. 2, 2.7.4 and 2.7.5). Elements that the opmask leaves out
 * raise nothing.
 */
final class Avx512FloatTable extends Avx512Table {
    private static final int ALL_MASKED = 0x1f80;

    @Override
    void fill() {
        String[] names = {"VADD", "VMUL", "VSUB", "VMIN", "VDIV", "VMAX", "VSQRT"};
        String[] opcodes = {"58", "59", "5C", "5D", "5E", "5F", "51"};
        int[] ops = {SseFloat.ADD, SseFloat.MUL, SseFloat.SUB, SseFloat.MIN, SseFloat.DIV, SseFloat.MAX, SseFloat.SQRT};
        for (int k = 0; k < names.length; k++) {
            int op = ops[k];
            EvexFloat.Element single = (d, a, b, imm, mx) -> new SseFloat.Result(
                    SseFloat.f32(op, (int) a, (int) b, mx) & 0xffffffffL, SseFloat.f32Flags(op, (int) a, (int) b, mx));
            EvexFloat.Element wide = (d, a, b, imm, mx) ->
                    new SseFloat.Result(SseFloat.f64(op, a, b, mx), SseFloat.f64Flags(op, a, b, mx));
            add(names[k] + "PS", "NP.0F.W0 " + opcodes[k], 32, 32, false, single);
            add(names[k] + "PD", "66.0F.W1 " + opcodes[k], 64, 64, false, wide);
            add(names[k] + "SS", "F3.0F.W0 " + opcodes[k], 32, 32, true, single);
            add(names[k] + "SD", "F2.0F.W1 " + opcodes[k], 64, 64, true, wide);
        }
        fma();
        comparisons();
        conversions();
        generalRegisters();
    }

    private void add(String name, String encoding, int from, int to, boolean scalar, EvexFloat.Element f) {
        row(name, encoding + " /r", "V,W", i -> new EvexFloat(i, from, to, scalar, false, f));
    }

    private void fma() {
        for (int order = 0; order < 3; order++)
            for (FmaTable.Kind k : FmaTable.KINDS)
                for (boolean wide : new boolean[] {false, true}) {
                    int width = wide ? 64 : 32, op = 0x90 + 16 * order + k.op();
                    int[] which = FmaTable.ORDERS[order];
                    String name = k.name() + FmaTable.ORDER_NAMES[order];
                    String w = "66.0F38.W" + (wide ? 1 : 0) + " ";
                    row(
                            name + (wide ? "PD" : "PS"),
                            w + IntegerTable.hex(op) + " /r",
                            "V,W",
                            i -> new Fused(i, width, false, k, which));
                    if (k.op() < 8) continue;
                    String one = k.name() + FmaTable.ORDER_NAMES[order] + (wide ? "SD" : "SS");
                    row(one, w + IntegerTable.hex(op + 1) + " /r", "V,W", i -> new Fused(i, width, true, k, which));
                }
    }

    /** FMA: the alternating forms look at an element's number. */
    static final class Fused extends EvexOp {
        private final FmaTable.Kind kind;
        private final int[] order;
        private final boolean scalar, suppressed;
        private final int rounding;

        Fused(Insn i, int width, boolean scalar, FmaTable.Kind kind, int[] order) {
            super(i, width, scalar ? width / 8 : 0);
            this.kind = kind;
            this.order = order;
            this.scalar = scalar;
            this.suppressed = i.b && !i.isMem();
            this.rounding = i.vl << 13;
            undefined = i.z && i.aaa == 0 || scalar && i.b && i.isMem() || i.vl > 2 && !suppressed && !scalar;
        }

        @Override
        void run(Interpreter m) {
            long on = active(m);
            if (scalar) on &= 1;
            long[] rm2 = scalar ? low(m, on) : operand(m, true), r = new long[8];
            long[][] v = {read(m, reg), read(m, first), rm2};
            int mx = XsaveInstructions.mxcsr(m.fp), flags = 0;
            if (suppressed) mx = mx & ~SseFloat.RC | rounding | ALL_MASKED;
            mx &= SseFloat.modes(width);
            for (int e = 0; e < (scalar ? 1 : elements()); e++) {
                if ((on >>> e & 1) == 0) continue;
                SseFloat.Result one = FmaTable.element(kind, order, v, e, width, mx);
                Avx2Table.setLane(r, e, width, one.bits());
                flags |= one.flags();
            }
            if (!suppressed) VecOp.raise(m, flags);
            if (!scalar) {
                put(m, r);
                return;
            }
            // Above the element the destination keeps its bits: it is the first operand of FMA.
            long[] d = v[0];
            Avx2Table.setLane(d, 0, width, on != 0 ? r[0] : zeroes() ? 0 : d[0]);
            write(m, reg, d, 2);
        }

        private long[] low(Interpreter m, long on) {
            if (ea == null) return read(m, rm);
            return new long[] {on == 0 ? 0 : m.ld(m.linear(ea, width / 8, false), width / 8)};
        }
    }

    // Comparisons.

    private void comparisons() {
        String[] names = {"VCMPPS", "VCMPPD", "VCMPSS", "VCMPSD"};
        String[] forms = {"NP.0F.W0", "66.0F.W1", "F3.0F.W0", "F2.0F.W1"};
        for (int k = 0; k < 4; k++) {
            int width = (k & 1) == 0 ? 32 : 64;
            boolean scalar = k > 1;
            row(names[k], forms[k] + " C2 /r", "V,W,Ib", i -> new Relates(i, width, scalar));
        }
        for (boolean wide : new boolean[] {false, true})
            for (boolean quiet : new boolean[] {true, false}) {
                String name = (quiet ? "VUCOMIS" : "VCOMIS") + (wide ? "D" : "S");
                String encoding = (wide ? "66.0F.W1 " : "NP.0F.W0 ") + (quiet ? "2E" : "2F") + " /r";
                int width = wide ? 64 : 32;
                row(name, encoding, "V,W", i -> {
                    boolean suppressed = i.b && !i.isMem();
                    EvexOp op = new EvexOp.Free(i, width, width / 8, (m, o) -> ordered(m, o, width, quiet, suppressed));
                    op.undefined = i.aaa != 0 || i.z || i.b && i.isMem();
                    return op;
                });
            }
    }

    private static int relation(long a, long b, int width, int mx) {
        return SseFloat.relation(SseFloat.Format.of(width), a & Avx2Table.mask(width), b & Avx2Table.mask(width), mx);
    }

    private static int flags(long a, long b, int width, boolean quiet, int mx) {
        return SseFloat.compareFlags(
                SseFloat.Format.of(width), a & Avx2Table.mask(width), b & Avx2Table.mask(width), quiet, mx);
    }

    static void ordered(Interpreter m, EvexOp o, int width, boolean quiet, boolean suppressed) {
        long b = o.ea != null ? m.ld(m.linear(o.ea, width / 8, false), width / 8) : EvexOp.read(m, o.rm)[0];
        long a = EvexOp.read(m, o.reg)[0];
        int mx = XsaveInstructions.mxcsr(m.fp) & SseFloat.modes(width), relation = relation(a, b, width, mx);
        if (!suppressed) VecOp.raise(m, flags(a, b, width, quiet, mx));
        long f = relation == 8
                ? X86State.ZF | X86State.PF | X86State.CF
                : relation == 1 ? X86State.CF : relation == 2 ? X86State.ZF : 0;
        m.setFlags(m.flags() & ~Flags.STATUS | f);
    }

    static final class Relates extends EvexOp {
        private final boolean scalar, suppressed;

        Relates(Insn i, int width, boolean scalar) {
            super(i, width, scalar ? width / 8 : 0);
            this.scalar = scalar;
            this.suppressed = i.b && !i.isMem();
            undefined = i.z || scalar && i.b && i.isMem() || i.vl > 2 && !suppressed && !scalar;
        }

        @Override
        void run(Interpreter m) {
            long on = scalar ? active(m) & 1 : active(m), r = 0;
            long[] a = read(m, first), b;
            if (!scalar) b = operand(m, true);
            else if (ea == null) b = read(m, rm);
            else b = new long[] {on == 0 ? 0 : m.ld(m.linear(ea, width / 8, false), width / 8)};
            int mx = XsaveInstructions.mxcsr(m.fp) & SseFloat.modes(width), flags = 0, predicate = imm & 31;
            for (int e = 0; e < (scalar ? 1 : elements()); e++) {
                if ((on >>> e & 1) == 0) continue;
                long x = Avx2Table.lane(a, e, width), y = Avx2Table.lane(b, e, width);
                if (SseFloat.holds(predicate, relation(x, y, width, mx))) r |= 1L << e;
                flags |= Avx512FloatTable.flags(x, y, width, SseFloat.quiet(predicate), mx);
            }
            if (!suppressed) VecOp.raise(m, flags);
            setOpmask(m, reg, r);
        }
    }

    // Conversions.

    private static int mode(boolean cut, int mx) {
        return cut ? SseFloat.RC : mx & SseFloat.RC;
    }

    private void conversions() {
        add("VCVTSD2SS", "F2.0F.W1 5A", 64, 32, true, (d, a, b, imm, mx) -> SseFloat.toF32(b, mx));
        add("VCVTSS2SD", "F3.0F.W0 5A", 32, 64, true, (d, a, b, imm, mx) -> SseFloat.toF64((int) b, mx));
        add("VCVTPD2PS", "66.0F.W1 5A", 64, 32, false, (d, a, b, imm, mx) -> SseFloat.toF32(b, mx));
        add("VCVTPS2PD", "NP.0F.W0 5A", 32, 64, false, (d, a, b, imm, mx) -> SseFloat.toF64((int) b, mx));
        add("VCVTDQ2PS", "NP.0F.W0 5B", 32, 32, false, (d, a, b, imm, mx) -> SseFloat.fromInt((int) b, false, mx));
        add("VCVTDQ2PD", "F3.0F.W0 E6", 32, 64, false, (d, a, b, imm, mx) -> SseFloat.fromInt((int) b, true, mx));
        add("VCVTQQ2PD", "F3.0F.W1 E6", 64, 64, false, (d, a, b, imm, mx) -> SseFloat.fromInt(b, true, mx));
        add("VCVTQQ2PS", "NP.0F.W1 5B", 64, 32, false, (d, a, b, imm, mx) -> SseFloat.fromInt(b, false, mx));
        for (boolean cut : new boolean[] {false, true}) {
            String t = cut ? "VCVTT" : "VCVT";
            add(
                    t + "PS2DQ",
                    (cut ? "F3" : "66") + ".0F.W0 5B",
                    32,
                    32,
                    false,
                    (d, a, b, imm, mx) -> integer(b, false, 32, cut, mx));
            add(
                    t + "PD2DQ",
                    (cut ? "66" : "F2") + ".0F.W1 E6",
                    64,
                    32,
                    false,
                    (d, a, b, imm, mx) -> integer(b, true, 32, cut, mx));
            add(
                    t + "PD2QQ",
                    "66.0F.W1 7" + (cut ? "A" : "B"),
                    64,
                    64,
                    false,
                    (d, a, b, imm, mx) -> integer(b, true, 64, cut, mx));
            add(
                    t + "PS2QQ",
                    "66.0F.W0 7" + (cut ? "A" : "B"),
                    32,
                    64,
                    false,
                    (d, a, b, imm, mx) -> integer(b, false, 64, cut, mx));
        }
    }

    private static SseFloat.Result integer(long v, boolean wide, int bits, boolean cut, int mx) {
        return SseFloat.toInt(v, wide, bits, mode(cut, mx), mx);
    }

    private void generalRegisters() {
        for (boolean wide : new boolean[] {false, true}) {
            String pp = wide ? "F2.0F.WIG " : "F3.0F.WIG ", s = wide ? "SD" : "SS";
            int width = wide ? 64 : 32;
            row("VCVTSI2" + s, pp + "2A /r", "V,E", i -> {
                int bytes = i.w ? 8 : 4, rounding = i.vl << 13;
                boolean suppressed = i.b && !i.isMem();
                EvexOp op = new EvexOp.Free(i, width, bytes, (m, o) -> {
                    long v = o.ea != null ? m.ld(m.linear(o.ea(), bytes, false), bytes) : m.reg(o.rm & 15, bytes);
                    int mx = XsaveInstructions.mxcsr(m.fp);
                    if (suppressed) mx = mx & ~SseFloat.RC | rounding | ALL_MASKED;
                    SseFloat.Result r = SseFloat.fromInt(bytes == 4 ? (int) v : v, wide, mx);
                    if (!suppressed) VecOp.raise(m, r.flags());
                    merge(m, o, o.reg, new long[] {r.bits()}, width);
                });
                op.undefined = i.aaa != 0 || i.z || i.b && i.isMem();
                return op;
            });
            for (boolean cut : new boolean[] {false, true})
                row((cut ? "VCVTT" : "VCVT") + s + "2SI", pp + (cut ? "2C" : "2D") + " /r", "G,W", i -> {
                    int bytes = i.w ? 8 : 4, rounding = i.vl << 13;
                    boolean suppressed = i.b && !i.isMem();
                    EvexOp op = new EvexOp.Free(i, width, width / 8, (m, o) -> {
                        int n = width / 8;
                        long v = o.ea != null ? m.ld(m.linear(o.ea(), n, false), n) : EvexOp.read(m, o.rm)[0];
                        int mx = XsaveInstructions.mxcsr(m.fp);
                        if (suppressed) mx = mx & ~SseFloat.RC | rounding | ALL_MASKED;
                        SseFloat.Result r = integer(v & Avx2Table.mask(width), wide, 8 * bytes, cut, mx);
                        if (!suppressed) VecOp.raise(m, r.flags());
                        m.setReg(o.reg & 15, bytes, r.bits());
                    });
                    op.undefined = i.aaa != 0 || i.z || i.b && i.isMem();
                    return op;
                });
        }
    }
}
