package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.SimdTable.five;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;

/**
 * Floating point with constants, elements and complex numbers, wider accumulators and matrices (Arm ARM C4.1 "SVE Floating
 * Point Multiply-Add - Indexed", "... Complex", "... Widening Multiply-Add", "SVE floating point matrix multiply").
 */
final class SveFpMultiplyTable extends SveRows {
    @Override
    void build() {
        constants();
        helpers();
        indexed();
        complex();
        longs();
        matrices();
    }

    private void constant(String name, int opcode, double zero, double one, Two fn) {
        sized(name + " (immediate)", "01100101ss011" + five(opcode).substring(2) + "100ggg0000iddddd", 1, 3, w -> {
            int size = size(w);
            long v = value(f(w, 5, 5) == 0 ? zero : one, 8 * size);
            return SveLanes.mergeConstant(d(w), d(w), g(w), v, size, fn);
        });
    }

    /** 0, 1/2, 1 or 2. */
    private static long value(double v, int bits) {
        return v == 0 ? 0 : (long) (Fpu.bias(bits) + Math.getExponent(v)) << Fpu.precision(bits) - 1;
    }

    private void constants() {
        constant("FADD", 0, 0.5, 1, Fpu::add);
        constant("FSUB", 1, 0.5, 1, Fpu::sub);
        constant("FMUL", 2, 0.5, 2, Fpu::mul);
        constant("FSUBR", 3, 0.5, 1, (f, a, b, n) -> Fpu.sub(f, b, a, n));
        constant("FMAXNM", 4, 0, 1, Fpu::maxnm);
        constant("FMINNM", 5, 0, 1, Fpu::minnm);
        constant("FMAX", 6, 0, 1, Fpu::max);
        constant("FMIN", 7, 0, 1, Fpu::min);
    }

    private void helpers() {
        sized(
                "FEXPA",
                "00000100ss100000101110nnnnnddddd",
                1,
                3,
                w -> SveLanes.mapConstant(d(w), n(w), 0, size(w), FpSpecial::expa));
        sized(
                "FTSSEL",
                "00000100ss1mmmmm101100nnnnnddddd",
                1,
                3,
                w -> SveLanes.map(d(w), n(w), m(w), size(w), FpSpecial::trigSelect));
        sized(
                "FTSMUL",
                "01100101ss0mmmmm000011nnnnnddddd",
                1,
                3,
                w -> SveLanes.map(d(w), n(w), m(w), size(w), FpSpecial::trigSquare));
        Two[] steps = new Two[8];
        for (int k = 0; k < 8; k++) {
            int index = k;
            steps[k] = (f, a, b, n) -> FpSpecial.trigStep(f, a, b, index, n);
        }
        sized(
                "FTMAD",
                "01100101ss010iii100000mmmmmddddd",
                1,
                3,
                w -> SveLanes.map(d(w), d(w), n(w), size(w), steps[f(w, 18, 16)]));
        sized(
                "FSCALE",
                "01100101ss001001100gggmmmmmddddd",
                1,
                3,
                w -> SveLanes.merge(d(w), d(w), n(w), g(w), size(w), FpSpecial::scale));
    }

    private void indexed() {
        Three[] fns = {Fpu::mulAdd, Fpu::negMulAdd, (f, d, a, b, n) -> Fpu.mul(f, a, b, n)};
        String[] names = {"FMLA", "FMLS", "FMUL"}, ops = {"000000", "000001", "001000"};
        for (int k = 0; k < 3; k++) {
            Three fn = fns[k];
            row(names[k] + " (indexed)", "01100100ss1mmmmm" + ops[k] + "nnnnnddddd", (c, w, pc) -> {
                int size = Math.max(size(w), 2), m = size == 8 ? f(w, 19, 16) : f(w, 18, 16);
                int index = size == 8 ? f(w, 20, 20) : size == 4 ? f(w, 20, 19) : f(w, 22, 22) << 2 | f(w, 20, 19);
                SveOps.mapIndexed(c, d(w), n(w), m, index, size, fn);
            });
        }
    }

    private void complex() {
        sized("FCADD", "01100100ss00000r100gggmmmmmddddd", 1, 3, (c, w, pc) -> {
            int size = size(w), bits = 8 * size;
            boolean minus = f(w, 16, 16) != 0;
            long sign = Fpu.signBit(bits);
            long[] r = SveOps.copy(c, d(w));
            for (int e = 0; e < SveOps.elements(c, size); e++) {
                if (!SveOps.active(c, g(w), e, size)) continue;
                long b = SveOps.get(c, n(w), e ^ 1, size);
                // The even elements get minus the imaginary parts at 90 degrees, the odd ones minus the real parts at
                // 270.
                if (((e & 1) == 0) != minus) b ^= sign;
                SveOps.put(r, e, size, Fpu.add(c.fpu, SveOps.get(c, d(w), e, size), b, bits));
            }
            SveOps.write(c, d(w), r);
        });
        sized(
                "FCMLA (vectors)",
                "01100100ss0mmmmm0rrgggnnnnnddddd",
                1,
                3,
                (c, w, pc) -> multiply(c, w, m(w), -1, size(w), f(w, 14, 13), g(w)));
        row("FCMLA (indexed)", "011001001z1mmmmm0001rrnnnnnddddd", (c, w, pc) -> {
            boolean single = f(w, 22, 22) != 0;
            int m = single ? f(w, 19, 16) : f(w, 18, 16), index = single ? f(w, 20, 20) : f(w, 20, 19);
            multiply(c, w, m, index, single ? 4 : 2, f(w, 11, 10), -1);
        });
    }

    private static void multiply(Arm64Interpreter c, int w, int m, int index, int size, int rotation, int p) {
        int part = rotation & 1, pairs = 16 / size, bits = 8 * size;
        boolean subR = rotation == 1 || rotation == 2, subI = rotation >= 2;
        long[] r = SveOps.copy(c, d(w));
        for (int e = 0; e < SveOps.elements(c, size); e++) {
            if (p >= 0 && !SveOps.active(c, p, e, size)) continue;
            int from = (index < 0 ? e & ~1 : (e & -pairs) + 2 * index), odd = e & 1;
            long a = SveOps.get(c, n(w), (e & ~1) + part, size), b = SveOps.get(c, m, from + (part ^ odd), size);
            if (odd == 0 ? subR : subI) b ^= Fpu.signBit(bits);
            SveOps.put(r, e, size, Fpu.mulAdd(c.fpu, SveOps.get(c, d(w), e, size), a, b, bits));
        }
        SveOps.write(c, d(w), r);
    }

    /** Products of the even or odd half precision or BFloat16 elements, added to single precision. */
    private void longs() {
        for (int k = 0; k < 2; k++) {
            boolean subtract = k == 1;
            Three fn = (f, d, a, b, n) -> Fpu.mulAddHalf(f, d, subtract ? a ^ 0x8000 : a, b);
            longs(subtract ? "FMLSL" : "FMLAL", "10", k, Feature.SVE2, fn);
        }
        longs("BFMLAL", "11", 0, Feature.SVE_BF16, (f, d, a, b, n) -> Fpu.mulAdd(f, d, a << 16, b << 16, 32));
        Three dot = (f, d, a, b, n) -> Fpu.bfDotAdd(d, a, b);
        row(
                "BFDOT (vectors)",
                "01100100011mmmmm100000nnnnnddddd",
                Feature.SVE_BF16,
                w -> SveLanes.map3(d(w), d(w), n(w), m(w), 4, dot));
        row(
                "BFDOT (indexed)",
                "01100100011iimmm010000nnnnnddddd",
                Feature.SVE_BF16,
                (c, w, pc) -> SveOps.mapIndexed(c, d(w), n(w), f(w, 18, 16), f(w, 20, 19), 4, dot));
    }

    private void longs(String name, String size, int o, Feature feature, Three fn) {
        for (int t = 0; t < 2; t++) {
            int top = t;
            String end = t == 0 ? "B" : "T";
            row(
                    name + end + " (vectors)",
                    "01100100" + size + "1mmmmm10" + o + "00" + t + "nnnnnddddd",
                    feature,
                    (c, w, pc) -> SveOps.widen(c, d(w), n(w), m(w), 4, top, top, fn));
            row(
                    name + end + " (indexed)",
                    "01100100" + size + "1iimmm01" + o + "0i" + t + "nnnnnddddd",
                    feature,
                    (c, w, pc) -> SveOps.widenIndexed(
                            c, d(w), n(w), f(w, 18, 16), f(w, 20, 19) << 1 | f(w, 11, 11), 4, top, fn));
        }
    }

    private void matrices() {
        row("FMMLA (single)", "01100100101mmmmm111001nnnnnddddd", Feature.SVE_F32MM, (c, w, pc) -> matrix(c, w, 4));
        row("FMMLA (double)", "01100100111mmmmm111001nnnnnddddd", Feature.SVE_F64MM, (c, w, pc) -> matrix(c, w, 8));
        row("BFMMLA", "01100100011mmmmm111001nnnnnddddd", Feature.SVE_BF16, (c, w, pc) -> {
            long[] r = SveOps.vector(c);
            for (int e = 0; e < c.vl / 4; e++) {
                int segment = e & ~3, i = segment + (e & 2), j = segment + 2 * (e & 1);
                long sum = SveOps.get(c, d(w), e, 4);
                for (int k = 0; k < 2; k++)
                    sum = Fpu.bfDotAdd(sum, SveOps.get(c, n(w), i + k, 4), SveOps.get(c, m(w), j + k, 4));
                SveOps.put(r, e, 4, sum);
            }
            SveOps.write(c, d(w), r);
        });
    }

    /** Two by two matrices of four elements each. */
    private static void matrix(Arm64Interpreter c, int w, int size) {
        if (c.vl < 4 * size) throw c.undefined();
        Fpu f = c.fpu;
        int bits = 8 * size;
        long[] r = SveOps.vector(c);
        for (int e = 0; e < c.vl / (4 * size) * 4; e++) {
            int segment = e & ~3, i = segment + (e & 2), j = segment + 2 * (e & 1);
            long p = Fpu.mul(f, SveOps.get(c, n(w), i, size), SveOps.get(c, m(w), j, size), bits),
                    q = Fpu.mul(f, SveOps.get(c, n(w), i + 1, size), SveOps.get(c, m(w), j + 1, size), bits);
            SveOps.put(r, e, size, Fpu.add(f, SveOps.get(c, d(w), e, size), Fpu.add(f, p, q, bits), bits));
        }
        SveOps.write(c, d(w), r);
    }
}
