package dev.worldswitch.machine.x86;

/** Rows of the opmask registers: moves, logic and tests of them, and the comparisons that write them (SDM vol. 2). */
final class OpmaskTable extends Avx512Table {
    private static final String[] NAMES = {"B", "W", "D", "Q"};
    /** Prefix and W of an instruction on 8, 16, 32, 64 bits: most have no prefix for 16 and 64. */
    private static final String[] FORMS = {"66.0F.W0", "NP.0F.W0", "66.0F.W1", "NP.0F.W1"};

    private interface MaskAction {
        void run(Interpreter m, Insn i, Op op);
    }

    private interface Two {
        long of(long a, long b, int bits);
    }

    @Override
    void fill() {
        move("KMOVB", 1, "66", "W0", "66", "W0");
        move("KMOVW", 2, "NP", "W0", "NP", "W0");
        move("KMOVD", 4, "66", "W1", "F2", "W0");
        move("KMOVQ", 8, "NP", "W1", "F2", "W1");
        logic("KAND", "41", (a, b, n) -> a & b);
        logic("KANDN", "42", (a, b, n) -> ~a & b);
        logic("KOR", "45", (a, b, n) -> a | b);
        logic("KXNOR", "46", (a, b, n) -> ~(a ^ b));
        logic("KXOR", "47", (a, b, n) -> a ^ b);
        logic("KADD", "4A", (a, b, n) -> a + b);
        // Twice as many bits: the second operand's below the first's.
        unpack("KUNPCKBW", "66.0F.W0", 8);
        unpack("KUNPCKWD", "NP.0F.W0", 16);
        unpack("KUNPCKDQ", "NP.0F.W1", 32);
        for (int k = 0; k < 4; k++) {
            long mask = Avx2Table.mask(8 << k);
            mask(
                    "KNOT" + NAMES[k],
                    "L0." + FORMS[k] + " 44 /r reg",
                    "V,W",
                    (m, i, op) -> EvexOp.setOpmask(m, i.reg, ~EvexOp.opmask(m, i.rm) & mask));
            flags("KORTEST" + NAMES[k], FORMS[k] + " 98", mask, (a, b, n) -> a | b, (a, b, n) -> ~(a | b));
            flags("KTEST" + NAMES[k], FORMS[k] + " 99", mask, (a, b, n) -> a & b, (a, b, n) -> ~a & b);
        }
        for (boolean left : new boolean[] {false, true})
            for (int k = 0; k < 4; k++) {
                int bits = 8 << k;
                String encoding = "L0.66.0F3A.W" + (k & 1) + " " + IntegerTable.hex(0x30 + (left ? 2 : 0) + (k >> 1));
                mask((left ? "KSHIFTL" : "KSHIFTR") + NAMES[k], encoding + " /r reg", "V,W,Ib", (m, i, op) -> {
                    long v = EvexOp.opmask(m, i.rm) & Avx2Table.mask(bits);
                    int n = (int) i.imm & 0xff;
                    long r = n >= bits ? 0 : left ? v << n : v >>> n;
                    EvexOp.setOpmask(m, i.reg, r & Avx2Table.mask(bits));
                });
            }
        comparisons();
        conversions();
    }

    private void mask(String name, String encoding, String operands, MaskAction a) {
        Row.Maker maker = i -> new XsaveTable.Simple(i, (m, op) -> {
            EvexOp.check(m);
            a.run(m, op.insn(), op);
        });
        rows.add(new Row(name, "VEX." + encoding, operands, maker, "SDM vol. 2 " + name));
    }

    private void move(String name, int bytes, String pp, String w, String gprPp, String gprW) {
        String mem = "L0." + pp + ".0F." + w + " ", gpr = "L0." + gprPp + ".0F." + gprW + " ";
        long mask = Avx2Table.mask(8 * bytes);
        mask(
                name,
                mem + "90 /r mem",
                "G,E",
                (m, i, op) -> EvexOp.setOpmask(m, i.reg, m.ld(m.linear(op.ea(), bytes, false), bytes)));
        mask(name, mem + "90 /r reg", "G,E", (m, i, op) -> EvexOp.setOpmask(m, i.reg, EvexOp.opmask(m, i.rm) & mask));
        mask(
                name,
                mem + "91 /r mem",
                "G,E",
                (m, i, op) -> m.st(m.linear(op.ea(), bytes, true), bytes, EvexOp.opmask(m, i.reg)));
        mask(name, gpr + "92 /r reg", "G,E", (m, i, op) -> EvexOp.setOpmask(m, i.reg, m.reg(i.rm, 8) & mask));
        mask(name, gpr + "93 /r reg", "G,E", (m, i, op) -> m.setReg(i.reg, 8, EvexOp.opmask(m, i.rm) & mask));
    }

    private void logic(String name, String op, Two f) {
        for (int k = 0; k < 4; k++) {
            int bits = 8 << k;
            mask(
                    name + NAMES[k],
                    "L1." + FORMS[k] + " " + op + " /r reg",
                    "V,W",
                    (m, i, o) -> EvexOp.setOpmask(
                            m,
                            i.reg,
                            f.of(EvexOp.opmask(m, i.vvvv), EvexOp.opmask(m, i.rm), bits) & Avx2Table.mask(bits)));
        }
    }

    private void unpack(String name, String form, int bits) {
        mask(
                name,
                "L1." + form + " 4B /r reg",
                "V,W",
                (m, i, o) -> EvexOp.setOpmask(
                        m,
                        i.reg,
                        (EvexOp.opmask(m, i.vvvv) & Avx2Table.mask(bits)) << bits
                                | EvexOp.opmask(m, i.rm) & Avx2Table.mask(bits)));
    }

    private void flags(String name, String form, long mask, Two zero, Two carry) {
        mask(name, "L0." + form + " /r reg", "V,W", (m, i, op) -> {
            long a = EvexOp.opmask(m, i.reg), b = EvexOp.opmask(m, i.rm);
            boolean z = (zero.of(a, b, 0) & mask) == 0, c = (carry.of(a, b, 0) & mask) == 0;
            m.setFlags(m.flags() & ~Flags.STATUS | (z ? X86State.ZF : 0) | (c ? X86State.CF : 0));
        });
    }

    // Comparisons of vectors.

    private void compare(String name, String encoding, String operands, int width, EvexOp.Relation f) {
        row(name, encoding + " /r", operands, i -> new EvexOp.Compare(i, width, f));
    }

    private void comparisons() {
        String[] equal = {"0F.WIG 74", "0F.WIG 75", "0F.W0 76", "0F38.W1 29"};
        String[] greater = {"0F.WIG 64", "0F.WIG 65", "0F.W0 66", "0F38.W1 37"};
        for (int k = 0; k < 4; k++) {
            int width = 8 << k;
            String w = "W" + (k & 1);
            compare("VPCMPEQ" + NAMES[k], "66." + equal[k], "V,W", width, (a, b, imm) -> a == b);
            compare("VPCMPGT" + NAMES[k], "66." + greater[k], "V,W", width, (a, b, imm) -> a > b);
            String op = k < 2 ? " 3" : " 1";
            compare(
                    "VPCMP" + NAMES[k],
                    "66.0F3A." + w + op + "F",
                    "V,W,Ib",
                    width,
                    (a, b, imm) -> holds(imm, Long.compare(a, b)));
            compare(
                    "VPCMPU" + NAMES[k],
                    "66.0F3A." + w + op + "E",
                    "V,W,Ib",
                    width,
                    (a, b, imm) -> holds(imm, Long.compareUnsigned(a, b)));
            compare(
                    "VPTESTM" + NAMES[k],
                    "66.0F38." + w + " 2" + (k < 2 ? 6 : 7),
                    "V,W",
                    width,
                    (a, b, imm) -> (a & b) != 0);
            compare(
                    "VPTESTNM" + NAMES[k],
                    "F3.0F38." + w + " 2" + (k < 2 ? 6 : 7),
                    "V,W",
                    width,
                    (a, b, imm) -> (a & b) == 0);
        }
    }

    /** Predicates EQ, LT, LE, FALSE, NE, NLT, NLE, TRUE. */
    private static boolean holds(int predicate, int relation) {
        boolean r = switch (predicate & 3) {
            case 0 -> relation == 0;
            case 1 -> relation < 0;
            case 2 -> relation <= 0;
            default -> false;
        };
        return r ^ (predicate & 4) != 0;
    }

    // Between opmasks and vectors.

    private void conversions() {
        for (int k = 0; k < 4; k++) {
            int width = 8 << k;
            String w = "W" + (k & 1), high = k < 2 ? "2" : "3";
            row(
                    "VPMOVM2" + NAMES[k],
                    "F3.0F38." + w + " " + high + "8 /r reg",
                    "V,W",
                    i -> new EvexOp.Free(i, width, 0, (m, o) -> {
                        long[] r = new long[8];
                        long bits = EvexOp.opmask(m, o.rm);
                        for (int e = 0; e < o.elements(); e++) Avx2Table.setLane(r, e, width, -(bits >>> e & 1));
                        EvexOp.write(m, o.reg, r, o.words);
                    }));
            row(
                    "VPMOV" + NAMES[k] + "2M",
                    "F3.0F38." + w + " " + high + "9 /r reg",
                    "V,W",
                    i -> new EvexOp.Free(i, width, 0, (m, o) -> {
                        long[] v = EvexOp.read(m, o.rm);
                        long r = 0;
                        for (int e = 0; e < o.elements(); e++) r |= (Avx2Table.lane(v, e, width) >>> width - 1) << e;
                        EvexOp.setOpmask(m, o.reg, r);
                    }));
        }
        for (boolean wide : new boolean[] {false, true}) {
            int width = wide ? 64 : 32;
            String encoding = wide ? "F3.0F38.W1 2A /r reg" : "F3.0F38.W0 3A /r reg";
            row(
                    wide ? "VPBROADCASTMB2Q" : "VPBROADCASTMW2D",
                    encoding,
                    "V,W",
                    i -> new EvexOp.Free(i, width, 0, (m, o) -> {
                        long[] r = new long[8];
                        for (int e = 0; e < o.elements(); e++)
                            Avx2Table.setLane(r, e, width, EvexOp.opmask(m, o.rm) & (wide ? 0xff : 0xffff));
                        EvexOp.write(m, o.reg, r, o.words);
                    }));
        }
    }
}
