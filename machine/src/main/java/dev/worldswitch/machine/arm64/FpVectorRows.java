package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.SimdTable.constant;
import static dev.worldswitch.machine.arm64.SimdTable.five;
import static dev.worldswitch.machine.arm64.SimdTable.four;
import static dev.worldswitch.machine.arm64.SimdTable.map;
import static dev.worldswitch.machine.arm64.SimdTable.regs;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;
import dev.worldswitch.machine.arm64.SimdOps.Simd;
import java.util.List;

/** Floating-point rows of Advanced SIMD: vector, scalar, by element, half precision. */
final class FpVectorRows {
    private static final int DYNAMIC = -1;
    private final List<A64Row> rows;

    private FpVectorRows(List<A64Row> rows) {
        this.rows = rows;
    }

    static void add(List<A64Row> rows) {
        FpVectorRows r = new FpVectorRows(rows);
        r.threeSame();
        r.twoMisc();
        r.pairsAndLanes();
        r.byElement();
        r.fixed();
        r.special();
    }

    private void row(String name, String bits, Feature feature, A64Row.Maker maker) {
        rows.add(new A64Row(name, bits, feature, maker, "C7.2 " + name));
    }

    private static int count(int w, int bits) {
        int q = f(w, 30, 30);
        return bits == 64 && q == 0 ? 0 : (64 << q) / bits;
    }

    /** Three same: U, the a bit, opcode of the single and double form; the half form has its low 3 bits. */
    private void same(String name, int u, int a, int opcode, boolean scalar, Object meaning) {
        String half = "10mmmmm00" + five(opcode).substring(2) + "1nnnnnddddd",
                whole = "z1mmmmm" + five(opcode) + "1nnnnnddddd";
        row(name + " (vector)", "0q" + u + "01110" + a + whole, Feature.ASIMD, (w, pc) -> {
            int bits = 32 << f(w, 22, 22), n = count(w, bits);
            return n == 0 ? null : map(meaning, w, bits, n);
        });
        row(
                name + " (vector, half)",
                "0q" + u + "01110" + a + half,
                Feature.FP16,
                (w, pc) -> map(meaning, w, 16, count(w, 16)));
        if (!scalar) return;
        row(
                name + " (Advanced SIMD scalar)",
                "01" + u + "11110" + a + whole,
                Feature.ASIMD,
                (w, pc) -> map(meaning, w, 32 << f(w, 22, 22), 1));
        row(
                name + " (Advanced SIMD scalar, half)",
                "01" + u + "11110" + a + half,
                Feature.FP16,
                (w, pc) -> map(meaning, w, 16, 1));
    }

    private void pairs(String name, int u, int a, int opcode, Two meaning) {
        row(
                name + " (vector)",
                "0q" + u + "01110" + a + "z1mmmmm" + five(opcode) + "1nnnnnddddd",
                Feature.ASIMD,
                (w, pc) -> {
                    int bits = 32 << f(w, 22, 22), n = count(w, bits);
                    return n == 0 ? null : regs((Simd) IntegerOps.template(SimdOps.Pairs.class, meaning), w, bits, n);
                });
        row(
                name + " (vector, half)",
                "0q" + u + "01110" + a + "10mmmmm00" + five(opcode).substring(2) + "1nnnnnddddd",
                Feature.FP16,
                (w, pc) -> regs((Simd) IntegerOps.template(SimdOps.Pairs.class, meaning), w, 16, count(w, 16)));
        // Scalar pairwise: the same operations have opcodes of their own.
        int op = opcode == 0x18 ? 12 : opcode == 0x1a ? 13 : 15;
        row(
                name + " (scalar)",
                "01111110" + a + "z11000" + five(op) + "10nnnnnddddd",
                Feature.ASIMD,
                (w, pc) -> scalarPair(w, 32 << f(w, 22, 22), meaning));
        row(
                name + " (scalar, half)",
                "01011110" + a + "011000" + five(op) + "10nnnnnddddd",
                Feature.FP16,
                (w, pc) -> scalarPair(w, 16, meaning));
    }

    private static Simd scalarPair(int w, int bits, Two meaning) {
        Simd o = regs((Simd) IntegerOps.template(SimdOps.Pairs.class, meaning), w, bits, 1);
        o.a = 1;
        return o;
    }

    private static final Two ADD = Fpu::add, MAX = Fpu::max, MIN = Fpu::min, MAXNM = Fpu::maxnm, MINNM = Fpu::minnm;
    private static final Three FMLA = Fpu::mulAdd, FMLS = Fpu::negMulAdd;

    private void threeSame() {
        same("FMAXNM", 0, 0, 0x18, false, MAXNM);
        same("FMINNM", 0, 1, 0x18, false, MINNM);
        same("FMLA", 0, 0, 0x19, false, FMLA);
        same("FMLS", 0, 1, 0x19, false, FMLS);
        same("FADD", 0, 0, 0x1a, false, ADD);
        same("FSUB", 0, 1, 0x1a, false, (Two) Fpu::sub);
        same("FABD", 1, 1, 0x1a, true, (Two) Fpu::abd);
        same("FMULX", 0, 0, 0x1b, true, (Two) Fpu::mulx);
        same("FMUL", 1, 0, 0x1b, false, (Two) Fpu::mul);
        same("FCMEQ (register)", 0, 0, 0x1c, true, (Two) Fpu::cmeq);
        same("FCMGE (register)", 1, 0, 0x1c, true, (Two) Fpu::cmge);
        same("FCMGT (register)", 1, 1, 0x1c, true, (Two) Fpu::cmgt);
        same("FACGE", 1, 0, 0x1d, true, (Two) Fpu::acge);
        same("FACGT", 1, 1, 0x1d, true, (Two) Fpu::acgt);
        same("FMAX", 0, 0, 0x1e, false, MAX);
        same("FMIN", 0, 1, 0x1e, false, MIN);
        same("FRECPS", 0, 0, 0x1f, true, (Two) FpEstimates::recps);
        same("FRSQRTS", 0, 1, 0x1f, true, (Two) FpEstimates::rsqrts);
        same("FDIV", 1, 0, 0x1f, false, (Two) Fpu::div);
        pairs("FMAXNMP", 1, 0, 0x18, MAXNM);
        pairs("FMINNMP", 1, 1, 0x18, MINNM);
        pairs("FADDP", 1, 0, 0x1a, ADD);
        pairs("FMAXP", 1, 0, 0x1e, MAX);
        pairs("FMINP", 1, 1, 0x1e, MIN);
    }

    private void misc(
            String name, int u, int a, int opcode, boolean half, boolean scalar, Feature feature, Two meaning) {
        row(name + " (vector)", "0q" + u + "01110" + a + "z10000" + five(opcode) + "10nnnnnddddd", feature, (w, pc) -> {
            int bits = 32 << f(w, 22, 22), n = count(w, bits);
            return n == 0 ? null : constant(map(meaning, w, bits, n), 0);
        });
        if (half)
            row(
                    name + " (vector, half)",
                    "0q" + u + "01110" + a + "111100" + five(opcode) + "10nnnnnddddd",
                    Feature.FP16,
                    (w, pc) -> constant(map(meaning, w, 16, count(w, 16)), 0));
        if (!scalar) return;
        row(
                name + " (Advanced SIMD scalar)",
                "01" + u + "11110" + a + "z10000" + five(opcode) + "10nnnnnddddd",
                feature,
                (w, pc) -> constant(map(meaning, w, 32 << f(w, 22, 22), 1), 0));
        if (half)
            row(
                    name + " (Advanced SIMD scalar, half)",
                    "01" + u + "11110" + a + "111100" + five(opcode) + "10nnnnnddddd",
                    Feature.FP16,
                    (w, pc) -> constant(map(meaning, w, 16, 1), 0));
    }

    private void misc(String name, int u, int a, int opcode, boolean scalar, Two meaning) {
        misc(name, u, a, opcode, true, scalar, Feature.ASIMD, meaning);
    }

    private static Two toInt(int mode, boolean unsigned) {
        return (f, x, b, n) -> f.toFixed(x, n, (int) b, unsigned, n, mode);
    }

    private static Two fromInt(boolean unsigned) {
        return (f, x, b, n) -> f.fromFixed(x, (int) b, unsigned, n, n, f.mode());
    }

    private static final Two FCVTZS = toInt(Fpu.RZ, false),
            FCVTZU = toInt(Fpu.RZ, true),
            SCVTF = fromInt(false),
            UCVTF = fromInt(true);

    private void twoMisc() {
        misc("FRINTN", 0, 0, 0x18, false, FpTable.rint(Fpu.RN, false));
        misc("FRINTM", 0, 0, 0x19, false, FpTable.rint(Fpu.RM, false));
        misc("FRINTP", 0, 1, 0x18, false, FpTable.rint(Fpu.RP, false));
        misc("FRINTZ", 0, 1, 0x19, false, FpTable.rint(Fpu.RZ, false));
        misc("FRINTA", 1, 0, 0x18, false, FpTable.rint(Fpu.RA, false));
        misc("FRINTX", 1, 0, 0x19, false, FpTable.rint(DYNAMIC, true));
        misc("FRINTI", 1, 1, 0x19, false, FpTable.rint(DYNAMIC, false));
        misc("FRINT32Z", 0, 0, 0x1e, false, false, Feature.FRINTTS, FpTable.rintN(Fpu.RZ, 32));
        misc("FRINT64Z", 0, 0, 0x1f, false, false, Feature.FRINTTS, FpTable.rintN(Fpu.RZ, 64));
        misc("FRINT32X", 1, 0, 0x1e, false, false, Feature.FRINTTS, FpTable.rintN(DYNAMIC, 32));
        misc("FRINT64X", 1, 0, 0x1f, false, false, Feature.FRINTTS, FpTable.rintN(DYNAMIC, 64));
        misc("FCVTNS", 0, 0, 0x1a, true, toInt(Fpu.RN, false));
        misc("FCVTMS", 0, 0, 0x1b, true, toInt(Fpu.RM, false));
        misc("FCVTAS", 0, 0, 0x1c, true, toInt(Fpu.RA, false));
        misc("FCVTPS", 0, 1, 0x1a, true, toInt(Fpu.RP, false));
        misc("FCVTZS (integer)", 0, 1, 0x1b, true, FCVTZS);
        misc("FCVTNU", 1, 0, 0x1a, true, toInt(Fpu.RN, true));
        misc("FCVTMU", 1, 0, 0x1b, true, toInt(Fpu.RM, true));
        misc("FCVTAU", 1, 0, 0x1c, true, toInt(Fpu.RA, true));
        misc("FCVTPU", 1, 1, 0x1a, true, toInt(Fpu.RP, true));
        misc("FCVTZU (integer)", 1, 1, 0x1b, true, FCVTZU);
        misc("SCVTF (integer)", 0, 0, 0x1d, true, SCVTF);
        misc("UCVTF (integer)", 1, 0, 0x1d, true, UCVTF);
        misc("FCMGT (zero)", 0, 1, 0x0c, true, Fpu::cmgt);
        misc("FCMEQ (zero)", 0, 1, 0x0d, true, Fpu::cmeq);
        misc("FCMLT (zero)", 0, 1, 0x0e, true, (f, x, b, n) -> Fpu.cmgt(f, b, x, n));
        misc("FCMGE (zero)", 1, 1, 0x0c, true, Fpu::cmge);
        misc("FCMLE (zero)", 1, 1, 0x0d, true, (f, x, b, n) -> Fpu.cmge(f, b, x, n));
        misc("FABS", 0, 1, 0x0f, false, (f, x, b, n) -> Fpu.abs(x, n));
        misc("FNEG", 1, 1, 0x0f, false, (f, x, b, n) -> x ^ Fpu.signBit(n));
        misc("FRECPE", 0, 1, 0x1d, true, FpEstimates::recpe);
        misc("FRSQRTE", 1, 1, 0x1d, true, FpEstimates::rsqrte);
        misc("FSQRT", 1, 1, 0x1f, false, (f, x, b, n) -> Fpu.sqrt(f, x, n));
        row(
                "FRECPX",
                "010111101z100001111110nnnnnddddd",
                Feature.ASIMD,
                (w, pc) -> constant(map(RECPX, w, 32 << f(w, 22, 22), 1), 0));
        row(
                "FRECPX (half)",
                "0101111011111001111110nnnnnddddd",
                Feature.FP16,
                (w, pc) -> constant(map(RECPX, w, 16, 1), 0));
        row(
                "URECPE",
                "0q00111010100001110010nnnnnddddd",
                Feature.ASIMD,
                (w, pc) -> constant(map(URECPE, w, 32, count(w, 32)), 0));
        row(
                "URSQRTE",
                "0q10111010100001110010nnnnnddddd",
                Feature.ASIMD,
                (w, pc) -> constant(map(URSQRTE, w, 32, count(w, 32)), 0));
    }

    private static final Two RECPX = FpEstimates::recpx, URECPE = FpEstimates::urecpe, URSQRTE = FpEstimates::ursqrte;

    private void lanes(String name, int a, int opcode, Two meaning) {
        row(
                name,
                "01101110" + a + "0110000" + four(opcode) + "10nnnnnddddd",
                Feature.ASIMD,
                (w, pc) -> reduce(w, 32, 4, meaning));
        row(
                name + " (half)",
                "0q001110" + a + "0110000" + four(opcode) + "10nnnnnddddd",
                Feature.FP16,
                (w, pc) -> reduce(w, 16, count(w, 16), meaning));
    }

    private static Simd reduce(int w, int bits, int n, Two meaning) {
        Simd o = regs((Simd) IntegerOps.template(SimdOps.Reduce.class, meaning), w, bits, n);
        o.a = bits;
        o.imm = 2;
        return o;
    }

    private void pairsAndLanes() {
        lanes("FMAXNMV", 0, 12, MAXNM);
        lanes("FMINNMV", 1, 12, MINNM);
        lanes("FMAXV", 0, 15, MAX);
        lanes("FMINV", 1, 15, MIN);
    }

    private void element(String name, int u, int opcode, Object meaning) {
        for (int scalar = 0; scalar < 2; scalar++) {
            String head = scalar == 1 ? "01" + u + "11111" : "0q" + u + "01111",
                    end = scalar == 1 ? " (scalar, by element)" : " (by element)";
            boolean one = scalar == 1;
            row(name + end, head + "1zlmmmmm" + four(opcode) + "h0nnnnnddddd", Feature.ASIMD, (w, pc) -> {
                int bits = 32 << f(w, 22, 22), n = one ? 1 : count(w, bits);
                if (n == 0 || bits == 64 && f(w, 21, 21) != 0) return null;
                Simd o = map(meaning, w, bits, n);
                SimdTable.element(o, w, bits == 64 ? 3 : 2);
                return o;
            });
            row(name + end + " (half)", head + "00lmmmmm" + four(opcode) + "h0nnnnnddddd", Feature.FP16, (w, pc) -> {
                Simd o = map(meaning, w, 16, one ? 1 : count(w, 16));
                SimdTable.element(o, w, 1);
                return o;
            });
        }
    }

    private void byElement() {
        element("FMLA", 0, 1, FMLA);
        element("FMLS", 0, 5, FMLS);
        element("FMUL", 0, 9, (Two) Fpu::mul);
        element("FMULX", 1, 9, (Two) Fpu::mulx);
    }

    /** Fixed-point forms among the shifts by immediate. */
    private void fixed(String name, int u, int opcode, Two meaning) {
        for (int scalar = 0; scalar < 2; scalar++) {
            String head = scalar == 1 ? "01" + u + "111110" : "0q" + u + "011110";
            boolean one = scalar == 1;
            row(
                    name + " (fixed-point" + (one ? ", scalar)" : ")"),
                    head + "hhhhbbb" + five(opcode) + "1nnnnnddddd",
                    Feature.ASIMD,
                    (w, pc) -> {
                        int immh = f(w, 22, 19);
                        if (immh < 2) return null;
                        int bits = 8 << 31 - Integer.numberOfLeadingZeros(immh), n = one ? 1 : count(w, bits);
                        if (n == 0) return null;
                        return constant(map(meaning, w, bits, n), 2L * bits - f(w, 22, 16));
                    });
        }
    }

    private void fixed() {
        fixed("SCVTF", 0, 0x1c, SCVTF);
        fixed("UCVTF", 1, 0x1c, UCVTF);
        fixed("FCVTZS", 0, 0x1f, FCVTZS);
        fixed("FCVTZU", 1, 0x1f, FCVTZU);
    }

    private void vectorConvert(String name, String bits, Feature feature, int from, int to, boolean odd, int elements) {
        row(name, bits, feature, (w, pc) -> {
            FpOps.VectorConvert o = new FpOps.VectorConvert();
            regs(o, w, from, elements);
            o.to = to;
            o.odd = odd;
            o.from = elements == 1 ? 0 : f(w, 30, 30);
            return o;
        });
    }

    private void halfLong(String name, String bits, int part, boolean subtract, boolean byElement) {
        row(name + (byElement ? " (by element)" : ""), bits, Feature.FHM, (w, pc) -> {
            Simd o = regs(new FpOps.HalfMulAddLong(), w, 32, 2 << f(w, 30, 30));
            o.from = part;
            o.a = subtract ? 1 : 0;
            if (byElement) SimdTable.element(o, w, 1);
            return o;
        });
    }

    private void special() {
        vectorConvert("FCVTL (half)", "0q00111000100001011110nnnnnddddd", Feature.ASIMD, 16, 32, false, 2);
        vectorConvert("FCVTL (single)", "0q00111001100001011110nnnnnddddd", Feature.ASIMD, 32, 64, false, 2);
        vectorConvert("FCVTN (half)", "0q00111000100001011010nnnnnddddd", Feature.ASIMD, 32, 16, false, 2);
        vectorConvert("FCVTN (single)", "0q00111001100001011010nnnnnddddd", Feature.ASIMD, 64, 32, false, 2);
        vectorConvert("FCVTXN", "0q10111001100001011010nnnnnddddd", Feature.ASIMD, 64, 32, true, 2);
        vectorConvert("FCVTXN (scalar)", "0111111001100001011010nnnnnddddd", Feature.ASIMD, 64, 32, true, 1);
        vectorConvert("BFCVTN", "0q00111010100001011010nnnnnddddd", Feature.BF16, 32, 15, false, 2);
        halfLong("FMLAL", "0q001110001mmmmm111011nnnnnddddd", 0, false, false);
        halfLong("FMLSL", "0q001110101mmmmm111011nnnnnddddd", 0, true, false);
        halfLong("FMLAL2", "0q101110001mmmmm110011nnnnnddddd", 1, false, false);
        halfLong("FMLSL2", "0q101110101mmmmm110011nnnnnddddd", 1, true, false);
        halfLong("FMLAL", "0q00111110lmmmmm0000h0nnnnnddddd", 0, false, true);
        halfLong("FMLSL", "0q00111110lmmmmm0100h0nnnnnddddd", 0, true, true);
        halfLong("FMLAL2", "0q10111110lmmmmm1000h0nnnnnddddd", 1, false, true);
        halfLong("FMLSL2", "0q10111110lmmmmm1100h0nnnnnddddd", 1, true, true);
        complex();
        bfloat();
    }

    private void complex() {
        row("FCADD", "0q101110ss0mmmmm111r01nnnnnddddd", Feature.FCMA, (w, pc) -> {
            int size = f(w, 23, 22), n = count(w, 8 << size);
            if (size == 0 || n == 0) return null;
            Simd o = regs(new SimdOps.ComplexAdd(), w, 8 << size, n);
            o.a = f(w, 12, 12);
            return o;
        });
        row("FCMLA", "0q101110ss0mmmmm110rr1nnnnnddddd", Feature.FCMA, (w, pc) -> {
            int size = f(w, 23, 22), n = count(w, 8 << size);
            if (size == 0 || n == 0) return null;
            Simd o = regs(new SimdOps.ComplexMulAdd(), w, 8 << size, n);
            o.a = f(w, 12, 11);
            return o;
        });
        row("FCMLA (by element)", "0q101111sslmmmmm0rr1h0nnnnnddddd", Feature.FCMA, (w, pc) -> {
            int size = f(w, 23, 22), q = f(w, 30, 30), h = f(w, 11, 11), l = f(w, 21, 21);
            if (size != 1 && size != 2 || size == 1 && h == 1 && q == 0 || size == 2 && (l == 1 || q == 0)) return null;
            Simd o = regs(new SimdOps.ComplexMulAdd(), w, 8 << size, count(w, 8 << size));
            o.a = f(w, 14, 13);
            o.index = size == 1 ? h << 1 | l : h;
            return o;
        });
    }

    private void bfloat() {
        row(
                "BFDOT (vector)",
                "0q101110010mmmmm111111nnnnnddddd",
                Feature.BF16,
                (w, pc) -> regs(new FpOps.BfDot(), w, 32, count(w, 32)));
        row("BFDOT (by element)", "0q00111101lmmmmm1111h0nnnnnddddd", Feature.BF16, (w, pc) -> {
            Simd o = regs(new FpOps.BfDot(), w, 32, count(w, 32));
            SimdTable.element(o, w, 2);
            return o;
        });
        row("BFMMLA", "01101110010mmmmm111011nnnnnddddd", Feature.BF16, (w, pc) -> {
            Simd o = regs(new FpOps.BfDot(), w, 32, 4);
            o.a = 1;
            return o;
        });
        row("BFMLALB, BFMLALT (vector)", "0t101110110mmmmm111111nnnnnddddd", Feature.BF16, (w, pc) -> {
            Simd o = regs(new FpOps.BfMulAddLong(), w, 32, 4);
            o.from = f(w, 30, 30);
            return o;
        });
        row("BFMLALB, BFMLALT (by element)", "0t00111111lmmmmm1111h0nnnnnddddd", Feature.BF16, (w, pc) -> {
            Simd o = regs(new FpOps.BfMulAddLong(), w, 32, 4);
            o.from = f(w, 30, 30);
            SimdTable.element(o, w, 1);
            return o;
        });
    }
}
