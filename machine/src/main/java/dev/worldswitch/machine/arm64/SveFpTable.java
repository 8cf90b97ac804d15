package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.five;
import static dev.worldswitch.machine.arm64.SimdTable.four;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;
import dev.worldswitch.machine.arm64.SveOps.Action;

/** SVE floating point: Arm ARM C4.1.2 "SVE encodings". Sizes are half, single and double; 0 is unallocated. */
final class SveFpTable extends SveRows {
    private void fp(String name, String bits, Action action) {
        sized(name, bits, 1, 3, action);
    }

    private void fp(String name, String bits, Shape shape) {
        sized(name, bits, 1, 3, shape);
    }

    @Override
    void build() {
        arithmetic();
        fused();
        comparisons();
        unary();
        conversions();
        reductions();
    }

    private void arithmetic() {
        unpredicated("FADD", 0, Fpu::add);
        unpredicated("FSUB", 1, Fpu::sub);
        unpredicated("FMUL", 2, Fpu::mul);
        unpredicated("FRECPS", 6, FpEstimates::recps);
        unpredicated("FRSQRTS", 7, FpEstimates::rsqrts);
        predicated("FADD", 0, Fpu::add);
        predicated("FSUB", 1, Fpu::sub);
        predicated("FMUL", 2, Fpu::mul);
        predicated("FSUBR", 3, (f, a, b, n) -> Fpu.sub(f, b, a, n));
        predicated("FMAXNM", 4, Fpu::maxnm);
        predicated("FMINNM", 5, Fpu::minnm);
        predicated("FMAX", 6, Fpu::max);
        predicated("FMIN", 7, Fpu::min);
        predicated("FABD", 8, Fpu::abd);
        predicated("FMULX", 10, Fpu::mulx);
        predicated("FDIVR", 12, (f, a, b, n) -> Fpu.div(f, b, a, n));
        predicated("FDIV", 13, Fpu::div);
        fp(
                "FRECPE",
                "01100101ss001110001100nnnnnddddd",
                w -> SveLanes.mapConstant(d(w), n(w), 0, size(w), FpEstimates::recpe));
        fp(
                "FRSQRTE",
                "01100101ss001111001100nnnnnddddd",
                w -> SveLanes.mapConstant(d(w), n(w), 0, size(w), FpEstimates::rsqrte));
    }

    private void unpredicated(String name, int opcode, Two fn) {
        fp(
                name + " (vectors, unpredicated)",
                "01100101ss0mmmmm000" + five(opcode).substring(2) + "nnnnnddddd",
                w -> SveLanes.map(d(w), n(w), m(w), size(w), fn));
    }

    private void predicated(String name, int opcode, Two fn) {
        fp(
                name + " (predicated)",
                "01100101ss00" + four(opcode) + "100gggmmmmmddddd",
                w -> SveLanes.merge(d(w), d(w), n(w), g(w), size(w), fn));
    }

    private void fused() {
        Three[] fns = {
            Fpu::mulAdd,
            Fpu::negMulAdd,
            (f, c, a, b, n) -> Fpu.mulAdd(f, c ^ Fpu.signBit(n), a ^ Fpu.signBit(n), b, n),
            (f, c, a, b, n) -> Fpu.mulAdd(f, c ^ Fpu.signBit(n), a, b, n)
        };
        String[] names = {"FMLA", "FMLS", "FNMLA", "FNMLS"}, other = {"FMAD", "FMSB", "FNMAD", "FNMSB"};
        for (int k = 0; k < 4; k++) {
            Three fn = fns[k];
            fp(
                    names[k],
                    "01100101ss1mmmmm0" + two(k) + "gggnnnnnddddd",
                    w -> SveLanes.merge3(d(w), d(w), n(w), m(w), g(w), size(w), fn));
            // Zdn is multiplied by Zm (9:5) and Za (20:16) is added.
            fp(
                    other[k],
                    "01100101ss1aaaaa1" + two(k) + "gggmmmmmddddd",
                    w -> SveLanes.merge3(d(w), m(w), d(w), n(w), g(w), size(w), fn));
        }
    }

    private void compare(String name, String op, int bit, Two fn) {
        fp(
                name + " (vectors)",
                "01100101ss0mmmmm" + op + "gggnnnnn" + bit + "dddd",
                (c, w, pc) -> SveOps.compare(
                        c, w & 15, g(w), n(w), size(w), e -> SveOps.get(c, m(w), e, size(w)), fn, false));
    }

    private void zero(String name, String op, int bit, Two fn) {
        fp(
                name + " (zero)",
                "01100101ss0100" + op + "001gggnnnnn" + bit + "dddd",
                (c, w, pc) -> SveOps.compare(c, w & 15, g(w), n(w), size(w), e -> 0, fn, false));
    }

    private void comparisons() {
        Two ne = (f, a, b, n) -> Fpu.cmeq(f, a, b, n) == 0 ? 1 : 0;
        compare("FCMGE", "010", 0, Fpu::cmge);
        compare("FCMGT", "010", 1, Fpu::cmgt);
        compare("FCMEQ", "011", 0, Fpu::cmeq);
        compare("FCMNE", "011", 1, ne);
        compare("FCMUO", "110", 0, (f, a, b, n) -> f.compare(a, b, n, false) == 3 ? 1 : 0);
        compare("FACGE", "110", 1, Fpu::acge);
        compare("FACGT", "111", 1, Fpu::acgt);
        zero("FCMGE", "00", 0, Fpu::cmge);
        zero("FCMGT", "00", 1, Fpu::cmgt);
        zero("FCMLT", "01", 0, (f, a, b, n) -> Fpu.cmgt(f, b, a, n));
        zero("FCMLE", "01", 1, (f, a, b, n) -> Fpu.cmge(f, b, a, n));
        zero("FCMEQ", "10", 0, Fpu::cmeq);
        zero("FCMNE", "11", 0, ne);
    }

    private void unary(String name, int opcode, Two fn) {
        fp(
                name,
                "01100101ss0" + five(opcode) + "101gggnnnnnddddd",
                w -> SveLanes.mergeConstant(d(w), n(w), g(w), 0, size(w), fn));
    }

    private void unary() {
        unary("FRINTN", 0, FpTable.rint(Fpu.RN, false));
        unary("FRINTP", 1, FpTable.rint(Fpu.RP, false));
        unary("FRINTM", 2, FpTable.rint(Fpu.RM, false));
        unary("FRINTZ", 3, FpTable.rint(Fpu.RZ, false));
        unary("FRINTA", 4, FpTable.rint(Fpu.RA, false));
        unary("FRINTX", 6, FpTable.rint(-1, true));
        unary("FRINTI", 7, FpTable.rint(-1, false));
        unary("FRECPX", 12, FpEstimates::recpx);
        unary("FSQRT", 13, (f, a, b, n) -> Fpu.sqrt(f, a, n));
    }

    /** Conversion in containers of the wider of the two sizes. */
    private void convert(String name, String opc, String rest, int from, int to, Two fn) {
        int size = Math.max(from, to) / 8;
        Two contained = (f, a, b, n) -> Vec.cut(fn.of(f, Vec.cut(a, from), b, n), 8 * size);
        fp(
                name + " " + from + " to " + to,
                "01100101" + opc + rest + "101gggnnnnnddddd",
                w -> SveLanes.mergeConstant(d(w), n(w), g(w), 0, size, contained));
    }

    private void conversions() {
        Object[][] forms = {
            {"01", "01", 16, 16},
            {"01", "10", 16, 32},
            {"01", "11", 16, 64},
            {"10", "10", 32, 32},
            {"11", "00", 64, 32},
            {"11", "10", 32, 64},
            {"11", "11", 64, 64}
        };
        for (Object[] k : forms) {
            int fp = (int) k[2], integer = (int) k[3];
            for (int u = 0; u < 2; u++) {
                boolean unsigned = u == 1;
                convert(
                        (u == 0 ? "S" : "U") + "CVTF",
                        (String) k[0],
                        "010" + k[1] + u,
                        integer,
                        fp,
                        (f, a, b, n) -> f.fromFixed(a, 0, unsigned, integer, fp, f.mode()));
                // A narrower signed integer fills its container with its sign.
                convert("FCVTZ" + (u == 0 ? "S" : "U"), (String) k[0], "011" + k[1] + u, fp, integer, (f, a, b, n) -> {
                    long r = f.toFixed(a, fp, 0, unsigned, integer, Fpu.RZ);
                    return unsigned ? r : LaneFn.s(r, integer);
                });
            }
        }
        int[][] precisions = {
            {2, 0, 32, 16}, {2, 1, 16, 32}, {3, 0, 64, 16}, {3, 1, 16, 64}, {3, 2, 64, 32}, {3, 3, 32, 64}
        };
        for (int[] k : precisions)
            convert("FCVT", two(k[0]), "0010" + two(k[1]), k[2], k[3], (f, a, b, n) -> {
                // FPConvertSVE: FPCR.AHP does not act.
                f.fpcr &= ~Fpu.AHP;
                return f.convert(a, k[2], k[3], f.mode());
            });
    }

    private interface Identity {
        long of(int bits);
    }

    private void reduce(String name, String op, Identity identity, Two fn) {
        fp(
                name,
                "01100101ss000" + op + "001gggnnnnnddddd",
                (c, w, pc) -> Vec.set(c, d(w), SveOps.reduce(c, n(w), g(w), size(w), identity.of(8 * size(w)), fn), 0));
    }

    private void reductions() {
        reduce("FADDV", "000", b -> 0, Fpu::add);
        reduce("FMAXNMV", "100", Fpu::defaultNan, Fpu::maxnm);
        reduce("FMINNMV", "101", Fpu::defaultNan, Fpu::minnm);
        reduce("FMAXV", "110", b -> Fpu.signBit(b) | Fpu.infinity(b), Fpu::max);
        reduce("FMINV", "111", Fpu::infinity, Fpu::min);
        fp("FADDA", "01100101ss011000001gggmmmmmddddd", (c, w, pc) -> {
            int size = size(w);
            long r = SveOps.get(c, d(w), 0, size);
            for (int e = 0; e < SveOps.elements(c, size); e++)
                if (SveOps.active(c, g(w), e, size)) r = Fpu.add(c.fpu, r, SveOps.get(c, n(w), e, size), 8 * size);
            Vec.set(c, d(w), r, 0);
        });
    }
}
