package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.constant;
import static dev.worldswitch.machine.arm64.SimdTable.five;
import static dev.worldswitch.machine.arm64.SimdTable.four;
import static dev.worldswitch.machine.arm64.SimdTable.map;
import static dev.worldswitch.machine.arm64.SimdTable.regs;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;
import dev.worldswitch.machine.arm64.SimdOps.Simd;
import java.util.ArrayList;
import java.util.List;

/** Floating point, scalar and vector: Arm ARM C4.1.96 "Data Processing -- Scalar Floating-Point and Advanced SIMD". */
final class FpTable implements A64Row.Table {
    /** FPRounding of FRINT and FCVT forms; DYNAMIC takes FPCR's. */
    private static final int DYNAMIC = -1;

    private final List<A64Row> rows = new ArrayList<>();

    private void row(String name, String bits, Feature feature, A64Row.Maker maker) {
        rows.add(new A64Row(name, bits, feature, maker, "C7.2 " + name));
    }

    /** VFPExpandImm. */
    static long expand(int imm8, int bits) {
        int e = bits == 64 ? 11 : bits == 32 ? 8 : 5, p = bits - e - 1;
        long sign = imm8 >> 7, b = imm8 >> 6 & 1, cd = imm8 >> 4 & 3;
        long exp = (1 - b) << e - 1 | (b != 0 ? (1L << e - 3) - 1 << 2 : 0) | cd;
        return sign << bits - 1 | exp << p | (long) (imm8 & 15) << p - 4;
    }

    /** ftype: 0 single, 1 double, 3 half. */
    private record Kind(String name, String type, int bits, Feature feature) {}

    private static final Kind[] KINDS = {
        new Kind("single", "00", 32, Feature.FP),
        new Kind("double", "01", 64, Feature.FP),
        new Kind("half", "11", 16, Feature.FP16)
    };

    @Override
    public List<A64Row> rows() {
        for (Kind k : KINDS) scalars(k);
        converts();
        FpVectorRows.add(rows);
        return rows;
    }

    static Two rint(int mode, boolean exact) {
        return (f, a, b, n) -> f.roundInt(a, n, mode == DYNAMIC ? f.mode() : mode, exact);
    }

    static Two rintN(int mode, int width) {
        return (f, a, b, n) -> f.roundIntN(a, n, mode == DYNAMIC ? f.mode() : mode, width);
    }

    private void one(Kind k, String name, int opcode, Two meaning) {
        row(
                name + " (" + k.name + ")",
                "00011110" + k.type + "1" + (opcode >> 5) + five(opcode) + "10000nnnnnddddd",
                k.feature,
                (w, pc) -> constant(map(meaning, w, k.bits, 1), 0));
    }

    private void twoSource(Kind k, String name, int opcode, Two meaning) {
        row(
                name + " (" + k.name + ")",
                "00011110" + k.type + "1mmmmm" + four(opcode) + "10nnnnnddddd",
                k.feature,
                (w, pc) -> map(meaning, w, k.bits, 1));
    }

    private static final Three MADD = Fpu::mulAdd, MSUB = Fpu::negMulAdd;
    private static final Three NMADD = (f, c, a, b, n) -> Fpu.mulAdd(f, c ^ Fpu.signBit(n), a ^ Fpu.signBit(n), b, n);
    private static final Three NMSUB = (f, c, a, b, n) -> Fpu.mulAdd(f, c ^ Fpu.signBit(n), a, b, n);

    private void scalars(Kind k) {
        one(k, "FMOV (register)", 0, (f, a, b, n) -> a);
        one(k, "FABS (scalar)", 1, (f, a, b, n) -> Fpu.abs(a, n));
        one(k, "FNEG (scalar)", 2, (f, a, b, n) -> a ^ Fpu.signBit(n));
        one(k, "FSQRT (scalar)", 3, (f, a, b, n) -> Fpu.sqrt(f, a, n));
        one(k, "FRINTN (scalar)", 8, rint(Fpu.RN, false));
        one(k, "FRINTP (scalar)", 9, rint(Fpu.RP, false));
        one(k, "FRINTM (scalar)", 10, rint(Fpu.RM, false));
        one(k, "FRINTZ (scalar)", 11, rint(Fpu.RZ, false));
        one(k, "FRINTA (scalar)", 12, rint(Fpu.RA, false));
        one(k, "FRINTX (scalar)", 14, rint(DYNAMIC, true));
        one(k, "FRINTI (scalar)", 15, rint(DYNAMIC, false));
        if (k.bits != 16) {
            Kind r = new Kind(k.name, k.type, k.bits, Feature.FRINTTS);
            one(r, "FRINT32Z (scalar)", 16, rintN(Fpu.RZ, 32));
            one(r, "FRINT32X (scalar)", 17, rintN(DYNAMIC, 32));
            one(r, "FRINT64Z (scalar)", 18, rintN(Fpu.RZ, 64));
            one(r, "FRINT64X (scalar)", 19, rintN(DYNAMIC, 64));
        }
        twoSource(k, "FMUL (scalar)", 0, Fpu::mul);
        twoSource(k, "FDIV (scalar)", 1, Fpu::div);
        twoSource(k, "FADD (scalar)", 2, Fpu::add);
        twoSource(k, "FSUB (scalar)", 3, Fpu::sub);
        twoSource(k, "FMAX (scalar)", 4, Fpu::max);
        twoSource(k, "FMIN (scalar)", 5, Fpu::min);
        twoSource(k, "FMAXNM (scalar)", 6, Fpu::maxnm);
        twoSource(k, "FMINNM (scalar)", 7, Fpu::minnm);
        twoSource(k, "FNMUL (scalar)", 8, Fpu::nmul);
        Three[] fused = {MADD, MSUB, NMADD, NMSUB};
        String[] names = {"FMADD", "FMSUB", "FNMADD", "FNMSUB"};
        for (int i = 0; i < 4; i++) {
            Three meaning = fused[i];
            row(
                    names[i] + " (" + k.name + ")",
                    "00011111" + k.type + (i >> 1) + "mmmmm" + (i & 1) + "aaaaannnnnddddd",
                    k.feature,
                    (w, pc) -> {
                        FpOps.Fused o = new FpOps.Fused(meaning);
                        regs(o, w, k.bits, 1);
                        o.a = f(w, 14, 10);
                        return o;
                    });
        }
        for (int zero = 0; zero < 2; zero++) {
            for (int e = 0; e < 2; e++) {
                int how = zero | e << 1;
                row(
                        (e == 0 ? "FCMP" : "FCMPE") + (zero == 1 ? " zero" : "") + " (" + k.name + ")",
                        "00011110" + k.type + "1mmmmm001000nnnnn" + e + zero + "000",
                        k.feature,
                        (w, pc) -> {
                            Simd o = regs(new FpOps.Compare(), w, k.bits, 1);
                            o.a = how;
                            return o;
                        });
            }
        }
        for (int e = 0; e < 2; e++) {
            int how = e << 1;
            row(
                    (e == 0 ? "FCCMP" : "FCCMPE") + " (" + k.name + ")",
                    "00011110" + k.type + "1mmmmmcccc01nnnnn" + e + "ffff",
                    k.feature,
                    (w, pc) -> {
                        Simd o = regs(new FpOps.ConditionalCompare(), w, k.bits, 1);
                        o.a = how;
                        o.index = f(w, 15, 12);
                        o.imm = w & 15;
                        return o;
                    });
        }
        row("FCSEL (" + k.name + ")", "00011110" + k.type + "1mmmmmcccc11nnnnnddddd", k.feature, (w, pc) -> {
            Simd o = regs(new FpOps.Select(), w, k.bits, 1);
            o.index = f(w, 15, 12);
            return o;
        });
        row(
                "FMOV (scalar, immediate, " + k.name + ")",
                "00011110" + k.type + "1iiiiiiii10000000ddddd",
                k.feature,
                (w, pc) -> {
                    Simd o = regs(new SimdOps.Immediate(), w, k.bits, 1);
                    o.imm = expand(f(w, 20, 13), k.bits);
                    return o;
                });
        integers(k);
    }

    private void convert(String from, String to, int ftype, int opcode, int fromBits, int toBits) {
        row(
                "FCVT " + from + " to " + to,
                "00011110" + two(ftype) + "10001" + two(opcode) + "10000nnnnnddddd",
                Feature.FP,
                (w, pc) -> {
                    FpOps.Convert o = new FpOps.Convert();
                    regs(o, w, fromBits, 1);
                    o.to = toBits;
                    return o;
                });
    }

    private void converts() {
        convert("single", "double", 0, 1, 32, 64);
        convert("single", "half", 0, 3, 32, 16);
        convert("double", "single", 1, 0, 64, 32);
        convert("double", "half", 1, 3, 64, 16);
        convert("half", "single", 3, 0, 16, 32);
        convert("half", "double", 3, 1, 16, 64);
        row("BFCVT", "0001111001100011010000nnnnnddddd", Feature.BF16, (w, pc) -> constant(map(BFCVT, w, 32, 1), 0));
        row(
                "FMOV (top half of 128 bits to general)",
                "1001111010101110000000nnnnnddddd",
                Feature.FP,
                (w, pc) -> move(w, 64, 1, true));
        row(
                "FMOV (general to top half of 128 bits)",
                "1001111010101111000000nnnnnddddd",
                Feature.FP,
                (w, pc) -> move(w, 64, 1, false));
        row("FJCVTZS", "0001111001111110000000nnnnnddddd", Feature.JSCVT, (w, pc) -> {
            Simd o = regs(new FpOps.JavaScript(), w, 64, 1);
            o.d = zw(o.d);
            return o;
        });
    }

    private static final Two BFCVT = FpOps::toBf16;

    private static Simd move(int w, int bits, int element, boolean toGeneral) {
        if (toGeneral) {
            Simd o = regs(new SimdOps.ToGeneral(), w, bits, 1);
            o.a = element;
            o.d = zw(o.d);
            return o;
        }
        Simd o = element == 1 ? regs(new SimdOps.Ins(), w, bits, 1) : regs(new FpOps.FromGeneral(), w, bits, 1);
        o.index = element;
        o.a = -1;
        o.n = zr(o.n);
        return o;
    }

    private void integers(Kind k) {
        int[] modes = {Fpu.RN, Fpu.RP, Fpu.RM, Fpu.RZ};
        String[] names = {"FCVTN", "FCVTP", "FCVTM", "FCVTZ"};
        for (int u = 0; u < 2; u++) {
            boolean unsigned = u == 1;
            String su = u == 0 ? "S" : "U", end = " (scalar, " + k.name + ")";
            for (int r = 0; r < 4; r++) toInteger(k, names[r] + su + end, two(r) + "00" + u, modes[r], unsigned);
            toInteger(k, "FCVTA" + su + end, "0010" + u, Fpu.RA, unsigned);
            fromInteger(k, su + "CVTF" + end, "0001" + u, unsigned);
            row(
                    "FCVTZ" + su + " (scalar, fixed-point, " + k.name + ")",
                    "s0011110" + k.type + "01100" + u + "iiiiiinnnnnddddd",
                    k.feature,
                    (w, pc) -> fixed(w)
                            ? integer(w, k, new FpOps.ToInteger(), Fpu.RZ, unsigned, 64 - f(w, 15, 10), true)
                            : null);
            row(
                    su + "CVTF (scalar, fixed-point, " + k.name + ")",
                    "s0011110" + k.type + "00001" + u + "iiiiiinnnnnddddd",
                    k.feature,
                    (w, pc) -> fixed(w)
                            ? integer(w, k, new FpOps.FromInteger(), DYNAMIC, unsigned, 64 - f(w, 15, 10), false)
                            : null);
        }
        int sf = k.bits == 64 ? 1 : 0;
        for (int s = 0; s < 2; s++) {
            if (k.bits != 16 && s != sf) continue;
            row(
                    "FMOV (" + k.name + " to general " + s + ")",
                    s + "0011110" + k.type + "100110000000nnnnnddddd",
                    k.feature,
                    (w, pc) -> move(w, k.bits, 0, true));
            row(
                    "FMOV (general to " + k.name + " " + s + ")",
                    s + "0011110" + k.type + "100111000000nnnnnddddd",
                    k.feature,
                    (w, pc) -> move(w, k.bits, 0, false));
        }
    }

    private static boolean fixed(int w) {
        return w < 0 || f(w, 15, 15) != 0;
    }

    private void toInteger(Kind k, String name, String code, int mode, boolean unsigned) {
        row(
                name,
                "s0011110" + k.type + "1" + code + "000000nnnnnddddd",
                k.feature,
                (w, pc) -> integer(w, k, new FpOps.ToInteger(), mode, unsigned, 0, true));
    }

    private void fromInteger(Kind k, String name, String code, boolean unsigned) {
        row(
                name,
                "s0011110" + k.type + "1" + code + "000000nnnnnddddd",
                k.feature,
                (w, pc) -> integer(w, k, new FpOps.FromInteger(), DYNAMIC, unsigned, 0, false));
    }

    private static Simd integer(
            int w, Kind k, FpOps.IntegerForm o, int mode, boolean unsigned, int fbits, boolean toGeneral) {
        regs(o, w, k.bits, 1);
        o.mode = mode;
        o.unsigned = unsigned;
        o.fbits = fbits;
        o.width = w < 0 ? 64 : 32;
        if (toGeneral) o.d = zw(o.d);
        else o.n = zr(o.n);
        return o;
    }
}
