package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.five;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;

/** Integer arithmetic, shifts, reductions and wide immediates (Arm ARM C4.1 "SVE Integer ...", "SVE Bitwise ..."). */
final class SveIntegerTable extends SveRows {
    @Override
    void build() {
        arithmetic();
        immediates();
        wideShifts();
        addresses();
        divisions();
    }

    private static final Two ADD = (f, a, b, n) -> a + b, SUB = (f, a, b, n) -> a - b, MUL = (f, a, b, n) -> a * b;
    private static final Two AND = (f, a, b, n) -> a & b,
            ORR = (f, a, b, n) -> a | b,
            EOR = (f, a, b, n) -> a ^ b,
            BIC = (f, a, b, n) -> a & ~b;

    private static long high(long a, long b, int bits, boolean signed) {
        if (bits == 64) return signed ? Math.multiplyHigh(a, b) : Math.unsignedMultiplyHigh(a, b);
        return signed ? LaneFn.s(a, bits) * LaneFn.s(b, bits) >> bits : a * b >>> bits;
    }

    static final Two SMULH = (f, a, b, n) -> high(a, b, n, true), UMULH = (f, a, b, n) -> high(a, b, n, false);

    private void unpredicated(String name, int opcode, Two fn) {
        row(
                name + " (vectors, unpredicated)",
                "00000100ss1mmmmm000" + five(opcode).substring(2) + "nnnnnddddd",
                w -> SveLanes.map(d(w), n(w), m(w), size(w), fn));
    }

    private void predicated(String name, int opcode, int from, int to, Two fn) {
        sized(
                name + " (predicated)",
                "00000100ss0" + five(opcode) + "000gggmmmmmddddd",
                from,
                to,
                w -> SveLanes.merge(d(w), d(w), n(w), g(w), size(w), fn));
    }

    private void unary(String name, int opcode, int from, Two fn) {
        sized(
                name,
                "00000100ss0" + five(opcode) + "101gggnnnnnddddd",
                from,
                3,
                w -> SveLanes.mergeConstant(d(w), n(w), g(w), 0, size(w), fn));
    }

    private void arithmetic() {
        unpredicated("ADD", 0, ADD);
        unpredicated("SUB", 1, SUB);
        unpredicated("SQADD", 4, LaneFn::sqadd);
        unpredicated("UQADD", 5, LaneFn::uqadd);
        unpredicated("SQSUB", 6, LaneFn::sqsub);
        unpredicated("UQSUB", 7, LaneFn::uqsub);
        Two[] logic = {AND, ORR, EOR, BIC};
        String[] names = {"AND", "ORR", "EOR", "BIC"};
        for (int k = 0; k < 4; k++) {
            Two fn = logic[k];
            row(
                    names[k] + " (vectors, unpredicated)",
                    "00000100" + two(k) + "1mmmmm001100nnnnnddddd",
                    w -> SveLanes.map(d(w), n(w), m(w), 8, fn));
        }
        predicated("ADD", 0, 0, 3, ADD);
        predicated("SUB", 1, 0, 3, SUB);
        predicated("SUBR", 3, 0, 3, (f, a, b, n) -> b - a);
        predicated("SMAX", 8, 0, 3, LaneFn::smax);
        predicated("UMAX", 9, 0, 3, LaneFn::umax);
        predicated("SMIN", 10, 0, 3, LaneFn::smin);
        predicated("UMIN", 11, 0, 3, LaneFn::umin);
        predicated("SABD", 12, 0, 3, LaneFn::sabd);
        predicated("UABD", 13, 0, 3, LaneFn::uabd);
        predicated("MUL", 16, 0, 3, MUL);
        predicated("SMULH", 18, 0, 3, SMULH);
        predicated("UMULH", 19, 0, 3, UMULH);
        Two sdiv = (f, a, b, n) -> n == 64 ? A64.sdiv64(a, b) : A64.sdiv32(a, b),
                udiv = (f, a, b, n) -> n == 64 ? A64.udiv64(a, b) : A64.udiv32(a, b);
        predicated("SDIV", 20, 2, 3, sdiv);
        predicated("UDIV", 21, 2, 3, udiv);
        predicated("SDIVR", 22, 2, 3, (f, a, b, n) -> sdiv.of(f, b, a, n));
        predicated("UDIVR", 23, 2, 3, (f, a, b, n) -> udiv.of(f, b, a, n));
        predicated("ORR", 24, 0, 3, ORR);
        predicated("EOR", 25, 0, 3, EOR);
        predicated("AND", 26, 0, 3, AND);
        predicated("BIC", 27, 0, 3, BIC);
        unary("SXTB", 16, 1, (f, a, b, n) -> (byte) a);
        unary("UXTB", 17, 1, (f, a, b, n) -> a & 0xff);
        unary("SXTH", 18, 2, (f, a, b, n) -> (short) a);
        unary("UXTH", 19, 2, (f, a, b, n) -> a & 0xffff);
        unary("SXTW", 20, 3, (f, a, b, n) -> (int) a);
        unary("UXTW", 21, 3, (f, a, b, n) -> a & A64.W);
        unary("ABS", 22, 0, LaneFn::abs);
        unary("NEG", 23, 0, LaneFn::neg);
        unary("CLS", 24, 0, LaneFn::cls);
        unary("CLZ", 25, 0, LaneFn::clz);
        unary("CNT", 26, 0, LaneFn::cnt);
        unary("CNOT", 27, 0, (f, a, b, n) -> a == 0 ? 1 : 0);
        unary("FABS", 28, 1, (f, a, b, n) -> Fpu.abs(a, n));
        unary("FNEG", 29, 1, (f, a, b, n) -> a ^ Fpu.signBit(n));
        unary("NOT", 30, 0, (f, a, b, n) -> ~a);
        Three mla = (f, d, a, b, n) -> d + a * b, mls = (f, d, a, b, n) -> d - a * b;
        row(
                "MLA (predicated)",
                "00000100ss0mmmmm010gggnnnnnddddd",
                w -> SveLanes.merge3(d(w), d(w), n(w), m(w), g(w), size(w), mla));
        row(
                "MLS (predicated)",
                "00000100ss0mmmmm011gggnnnnnddddd",
                w -> SveLanes.merge3(d(w), d(w), n(w), m(w), g(w), size(w), mls));
        row(
                "MAD",
                "00000100ss0mmmmm110gggaaaaaddddd",
                w -> SveLanes.merge3(d(w), n(w), d(w), m(w), g(w), size(w), mla));
        row(
                "MSB",
                "00000100ss0mmmmm111gggaaaaaddddd",
                w -> SveLanes.merge3(d(w), n(w), d(w), m(w), g(w), size(w), mls));
        shifts();
        reductions();
    }

    /** ASR, LSR, LSL with amounts up to the width: as USHL and SSHL with the sign of the direction. */
    private static final Two ASR = (f, a, b, n) -> LaneFn.s(a, n) >> (Long.compareUnsigned(b, 63) > 0 ? 63 : b);

    private static final Two LSR = (f, a, b, n) -> Long.compareUnsigned(b, n) >= 0 ? 0 : a >>> b,
            LSL = (f, a, b, n) -> Long.compareUnsigned(b, n) >= 0 ? 0 : a << b;

    private void shifts() {
        Two[] fns = {ASR, LSR, LSL, LSL};
        String[] names = {"ASR", "LSR", "", "LSL"};
        for (int k : new int[] {0, 1, 3}) {
            Two fn = fns[k];
            predicatedShift(names[k], 16 + k, fn);
            predicatedShift(names[k] + "R", 20 + k, (f, a, b, n) -> fn.of(f, b, a, n));
            boolean left = k == 3;
            row(
                    names[k] + " (immediate, predicated)",
                    "00000100tt0000" + two(k) + "100gggttiiiddddd",
                    Feature.SVE,
                    w -> f(w, 23, 22) != 0 || f(w, 9, 8) != 0,
                    w -> {
                        int t = f(w, 23, 22) << 2 | f(w, 9, 8);
                        int size = Integer.highestOneBit(t);
                        int imm = t << 3 | f(w, 7, 5);
                        return SveLanes.mergeConstant(
                                d(w), d(w), g(w), left ? imm - 8 * size : 16 * size - imm, size, fn);
                    });
            row(
                    names[k] + " (immediate, unpredicated)",
                    "00000100tt1ttiii1001" + two(k) + "nnnnnddddd",
                    Feature.SVE,
                    w -> f(w, 23, 22) != 0 || f(w, 20, 19) != 0,
                    w -> {
                        int t = f(w, 23, 22) << 2 | f(w, 20, 19);
                        int size = Integer.highestOneBit(t);
                        int imm = t << 3 | f(w, 18, 16);
                        return SveLanes.mapConstant(d(w), n(w), left ? imm - 8 * size : 16 * size - imm, size, fn);
                    });
        }
    }

    private void predicatedShift(String name, int opcode, Two fn) {
        row(
                name + " (vectors)",
                "00000100ss0" + five(opcode) + "100gggmmmmmddddd",
                w -> SveLanes.merge(d(w), d(w), n(w), g(w), size(w), fn));
    }

    private interface Identity {
        long of(int bits);
    }

    private void reduction(String name, int opcode, Identity identity, Two fn) {
        row(name, "00000100ss0" + five(opcode) + "001gggnnnnnddddd", (c, w, pc) -> {
            int size = size(w);
            Vec.set(c, d(w), SveOps.reduce(c, n(w), g(w), size, Vec.cut(identity.of(8 * size), 8 * size), fn), 0);
        });
    }

    private void reductions() {
        for (int u = 0; u < 2; u++) {
            boolean signed = u == 0;
            sized(
                    u == 0 ? "SADDV" : "UADDV",
                    "00000100ss00000" + u + "001gggnnnnnddddd",
                    0,
                    u == 0 ? 2 : 3,
                    (c, w, pc) -> {
                        int size = size(w);
                        long sum = 0;
                        for (int e = 0; e < SveOps.elements(c, size); e++) {
                            if (!SveOps.active(c, g(w), e, size)) continue;
                            long v = SveOps.get(c, n(w), e, size);
                            sum += signed ? LaneFn.s(v, 8 * size) : v;
                        }
                        Vec.set(c, d(w), sum, 0);
                    });
        }
        reduction("SMAXV", 8, b -> 1L << b - 1, LaneFn::smax);
        reduction("UMAXV", 9, b -> 0, LaneFn::umax);
        reduction("SMINV", 10, b -> (1L << b - 1) - 1, LaneFn::smin);
        reduction("UMINV", 11, b -> -1, LaneFn::umin);
        reduction("ORV", 24, b -> 0, ORR);
        reduction("EORV", 25, b -> 0, EOR);
        reduction("ANDV", 26, b -> -1, AND);
    }

    private void immediate(String name, int opcode, Two fn) {
        shiftable(
                name + " (immediate)",
                "00100101ss100" + five(opcode).substring(2) + "11hiiiiiiiiddddd",
                w -> SveLanes.mapConstant(d(w), d(w), (long) f(w, 12, 5) << (f(w, 13, 13) != 0 ? 8 : 0), size(w), fn));
    }

    private void immediates() {
        immediate("ADD", 0, ADD);
        immediate("SUB", 1, SUB);
        immediate("SUBR", 3, (f, a, b, n) -> b - a);
        immediate("SQADD", 4, LaneFn::uqaddSigned);
        immediate("UQADD", 5, LaneFn::uqadd);
        immediate("SQSUB", 6, LaneFn::sqsubUnsigned);
        immediate("UQSUB", 7, LaneFn::uqsub);
        Two[] fns = {LaneFn::smax, LaneFn::umax, LaneFn::smin, LaneFn::umin, MUL};
        String[] names = {"SMAX", "UMAX", "SMIN", "UMIN", "MUL"},
                ops = {"101000", "101001", "101010", "101011", "110000"};
        for (int k = 0; k < 5; k++) {
            Two fn = fns[k];
            boolean unsigned = k == 1 || k == 3;
            row(
                    names[k] + " (immediate)",
                    "00100101ss" + ops[k] + "110iiiiiiiiddddd",
                    w -> SveLanes.mapConstant(
                            d(w),
                            d(w),
                            unsigned ? f(w, 12, 5) : Vec.cut((byte) f(w, 12, 5), 8 * size(w)),
                            size(w),
                            fn));
        }
        Two[] logic = {ORR, EOR, AND};
        String[] logicNames = {"ORR", "EOR", "AND"};
        for (int k = 0; k < 3; k++) {
            Two fn = logic[k];
            row(
                    logicNames[k] + " (immediate)",
                    "00000101" + two(k) + "0000iiiiiiiiiiiiiddddd",
                    Feature.SVE,
                    w -> mask(w) != 0,
                    w -> SveLanes.mapConstant(d(w), d(w), mask(w), 8, fn));
        }
        row(
                "DUPM",
                "00000101110000iiiiiiiiiiiiiddddd",
                Feature.SVE,
                w -> mask(w) != 0,
                (c, w, pc) -> SveOps.fill(c, d(w), mask(w), 8));
    }

    /** The bit mask of a logical immediate; 0 where there is none. */
    private static long mask(int w) {
        return A64.bitmask(f(w, 17, 17), f(w, 10, 5), f(w, 16, 11), true);
    }

    /** Shifts by the 64-bit element that an element lies in. */
    private void wideShifts() {
        Two[] fns = {ASR, LSR, LSL, LSL};
        String[] names = {"ASR", "LSR", "", "LSL"};
        for (int k : new int[] {0, 1, 3}) {
            Two fn = fns[k];
            sized(
                    names[k] + " (wide elements, predicated)",
                    "00000100ss0110" + two(k) + "100gggmmmmmddddd",
                    0,
                    2,
                    (c, w, pc) -> {
                        int size = size(w);
                        long[] r = SveOps.copy(c, d(w));
                        for (int e = 0; e < SveOps.elements(c, size); e++)
                            if (SveOps.active(c, g(w), e, size))
                                SveOps.put(
                                        r,
                                        e,
                                        size,
                                        fn.of(
                                                c.fpu,
                                                SveOps.get(c, d(w), e, size),
                                                SveOps.get(c, n(w), e * size / 8, 8),
                                                8 * size));
                        SveOps.write(c, d(w), r);
                    });
            sized(
                    names[k] + " (wide elements, unpredicated)",
                    "00000100ss1mmmmm1000" + two(k) + "nnnnnddddd",
                    0,
                    2,
                    (c, w, pc) -> {
                        int size = size(w);
                        long[] r = SveOps.vector(c);
                        for (int e = 0; e < SveOps.elements(c, size); e++)
                            SveOps.put(
                                    r,
                                    e,
                                    size,
                                    fn.of(
                                            c.fpu,
                                            SveOps.get(c, n(w), e, size),
                                            SveOps.get(c, m(w), e * size / 8, 8),
                                            8 * size));
                        SveOps.write(c, d(w), r);
                    });
        }
    }

    private void addresses() {
        String[] names = {"unpacked 32-bit signed", "unpacked 32-bit unsigned", "packed 32-bit", "packed 64-bit"};
        for (int k = 0; k < 4; k++) {
            int kind = k;
            Two[] fns = new Two[4];
            for (int z = 0; z < 4; z++) {
                int by = z;
                fns[z] = (f, a, b, n) -> a + ((kind == 0 ? (int) b : kind == 1 ? b & A64.W : b) << by);
            }
            row(
                    "ADR (" + names[k] + " offsets)",
                    "00000100" + two(k) + "1mmmmm1010zznnnnnddddd",
                    w -> SveLanes.map(d(w), n(w), m(w), kind == 2 ? 4 : 8, fns[f(w, 11, 10)]));
        }
    }

    private void divisions() {
        row("ASRD", "00000100tt000100100gggttiiiddddd", Feature.SVE, w -> f(w, 23, 22) != 0 || f(w, 9, 8) != 0, w -> {
            int t = f(w, 23, 22) << 2 | f(w, 9, 8), size = Integer.highestOneBit(t);
            return SveLanes.mergeConstant(d(w), d(w), g(w), 16 * size - (t << 3 | f(w, 7, 5)), size, LaneFn::asrd);
        });
    }
}
