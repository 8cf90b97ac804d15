package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.SimdTable.five;

import dev.worldswitch.machine.arm64.LaneFn.Two;

/** Pairs and conversions that SVE2 and BFloat16 add (Arm ARM C4.1 "SVE2 floating-point ..."). */
final class Sve2FpTable extends SveRows {
    @Override
    void build() {
        pair("FADDP", 0, Fpu::add);
        pair("FMAXNMP", 4, Fpu::maxnm);
        pair("FMINNMP", 5, Fpu::minnm);
        pair("FMAXP", 6, Fpu::max);
        pair("FMINP", 7, Fpu::min);
        row(
                "FLOGB",
                "0110010100011ss0101gggnnnnnddddd",
                Feature.SVE2,
                w -> f(w, 18, 17) != 0,
                w -> SveLanes.mergeConstant(d(w), n(w), g(w), 0, 1 << f(w, 18, 17), FpSpecial::logb));
        Two toBf16 = FpOps::toBf16;
        Two toOdd = to(64, 32, true);
        row(
                "FCVTX",
                "0110010100001010101gggnnnnnddddd",
                Feature.SVE2,
                w -> SveLanes.mergeConstant(d(w), n(w), g(w), 0, 8, toOdd));
        row(
                "BFCVT",
                "0110010110001010101gggnnnnnddddd",
                Feature.SVE_BF16,
                w -> SveLanes.mergeConstant(d(w), n(w), g(w), 0, 4, toBf16));
        top("FCVTXNT", "00001010", Feature.SVE2, 8, toOdd);
        top("FCVTNT 32 to 16", "10001000", Feature.SVE2, 4, to(32, 16, false));
        top("FCVTNT 64 to 32", "11001010", Feature.SVE2, 8, to(64, 32, false));
        top("BFCVTNT", "10001010", Feature.SVE_BF16, 4, toBf16);
        fromTop("FCVTLT 16 to 32", "10001001", 4, to(16, 32, false));
        fromTop("FCVTLT 32 to 64", "11001011", 8, to(32, 64, false));
    }

    private void pair(String name, int opcode, Two fn) {
        sized(
                name,
                "01100100ss010" + five(opcode).substring(2) + "100gggmmmmmddddd",
                Feature.SVE2,
                1,
                3,
                (c, w, pc) -> SveOps.pairs(c, w, size(w), fn));
    }

    private static Two to(int from, int to, boolean odd) {
        return (f, a, b, n) -> {
            // FPConvertSVE: FPCR.AHP does not act.
            f.fpcr &= ~Fpu.AHP;
            return f.convert(a, from, to, odd ? Fpu.ODD : f.mode());
        };
    }

    /** Into the odd elements of half of {@code size}; the even ones stay. */
    private void top(String name, String op, Feature feature, int size, Two fn) {
        row(name, "01100100" + op + "101gggnnnnnddddd", feature, (c, w, pc) -> {
            long[] r = SveOps.copy(c, d(w));
            for (int e = 0; e < SveOps.elements(c, size); e++)
                if (SveOps.active(c, g(w), e, size))
                    SveOps.put(r, 2 * e + 1, size / 2, fn.of(c.fpu, SveOps.get(c, n(w), e, size), 0, 8 * size));
            SveOps.write(c, d(w), r);
        });
    }

    /** From the odd elements of half of {@code size}. */
    private void fromTop(String name, String op, int size, Two fn) {
        row(name, "01100100" + op + "101gggnnnnnddddd", Feature.SVE2, (c, w, pc) -> {
            long[] r = SveOps.copy(c, d(w));
            for (int e = 0; e < SveOps.elements(c, size); e++)
                if (SveOps.active(c, g(w), e, size))
                    SveOps.put(r, e, size, fn.of(c.fpu, SveOps.get(c, n(w), 2 * e + 1, size / 2), 0, 8 * size));
            SveOps.write(c, d(w), r);
        });
    }
}
