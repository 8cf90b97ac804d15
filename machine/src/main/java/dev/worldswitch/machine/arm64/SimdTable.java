package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;
import dev.worldswitch.machine.arm64.SimdOps.Logic;
import dev.worldswitch.machine.arm64.SimdOps.Simd;
import java.util.ArrayList;
import java.util.List;

/** Advanced SIMD on integers, bits and permutations: Arm ARM C4.1.96 "Data Processing -- Scalar Floating-Point and Advanced SIMD". */
final class SimdTable implements A64Row.Table {
    /** Element sizes that exist: bit 0 bytes to bit 3 doublewords. */
    private static final int B = 1, H = 2, S = 4, D = 8, BHS = 7, ALL = 15, HS = 6;

    private final List<A64Row> rows = new ArrayList<>();

    private void row(String name, String bits, Feature feature, A64Row.Maker maker) {
        rows.add(new A64Row(name, bits, feature, maker, "C7.2 " + name));
    }

    private void row(String name, String bits, A64Row.Maker maker) {
        row(name, bits, Feature.ASIMD, maker);
    }

    static String five(int v) {
        return "" + (v >> 4 & 1) + (v >> 3 & 1) + (v >> 2 & 1) + two(v);
    }

    static String four(int v) {
        return five(v).substring(1);
    }

    @Override
    public List<A64Row> rows() {
        threeSame();
        twoMisc();
        acrossLanes();
        threeDifferent();
        copies();
        immediates();
        shifts();
        indexed();
        permutes();
        extras();
        return rows;
    }

    static Simd regs(Simd o, int w, int bits, int count) {
        o.bits = bits;
        o.count = count;
        o.d = w & 31;
        o.n = f(w, 9, 5);
        o.m = f(w, 20, 16);
        return o;
    }

    static Simd map(Object meaning, int w, int bits, int count) {
        Class<? extends A64Op> template = meaning instanceof Three ? SimdOps.Map3.class : SimdOps.Map2.class;
        return regs((Simd) IntegerOps.template(template, meaning), w, bits, count);
    }

    /** Elements of the vector form, 0 where size 3 has no D form. */
    private static int vectorCount(int w, int size) {
        int q = f(w, 30, 30);
        if (size == 3 && q == 0) return 0;
        return (q != 0 ? 128 : 64) / (8 << size);
    }

    private void same(String name, int u, int opcode, int sizes, int scalar, Object meaning) {
        same(name, u, opcode, sizes, scalar, Feature.ASIMD, meaning);
    }

    private void same(String name, int u, int opcode, int sizes, int scalar, Feature feature, Object meaning) {
        row(name, "0q" + u + "01110ss1mmmmm" + five(opcode) + "1nnnnnddddd", feature, (w, pc) -> {
            int size = f(w, 23, 22), count = vectorCount(w, size);
            return (sizes >> size & 1) == 0 || count == 0 ? null : map(meaning, w, 8 << size, count);
        });
        if (scalar != 0)
            row(name + " (scalar)", "01" + u + "11110ss1mmmmm" + five(opcode) + "1nnnnnddddd", feature, (w, pc) -> {
                int size = f(w, 23, 22);
                return (scalar >> size & 1) == 0 ? null : map(meaning, w, 8 << size, 1);
            });
    }

    private void pairs(String name, int u, int opcode, int sizes, Two meaning) {
        row(name, "0q" + u + "01110ss1mmmmm" + five(opcode) + "1nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22), count = vectorCount(w, size);
            if ((sizes >> size & 1) == 0 || count == 0) return null;
            return regs((Simd) IntegerOps.template(SimdOps.Pairs.class, meaning), w, 8 << size, count);
        });
    }

    private static final Two ADD = (f, a, b, n) -> a + b, SUB = (f, a, b, n) -> a - b, MUL = (f, a, b, n) -> a * b;

    private void threeSame() {
        same("SHADD", 0, 0, BHS, 0, (Two) LaneFn::shadd);
        same("UHADD", 1, 0, BHS, 0, (Two) LaneFn::uhadd);
        same("SQADD", 0, 1, ALL, ALL, (Two) LaneFn::sqadd);
        same("UQADD", 1, 1, ALL, ALL, (Two) LaneFn::uqadd);
        same("SRHADD", 0, 2, BHS, 0, (Two) LaneFn::srhadd);
        same("URHADD", 1, 2, BHS, 0, (Two) LaneFn::urhadd);
        same("SHSUB", 0, 4, BHS, 0, (Two) LaneFn::shsub);
        same("UHSUB", 1, 4, BHS, 0, (Two) LaneFn::uhsub);
        same("SQSUB", 0, 5, ALL, ALL, (Two) LaneFn::sqsub);
        same("UQSUB", 1, 5, ALL, ALL, (Two) LaneFn::uqsub);
        same("CMGT (register)", 0, 6, ALL, D, (Two) LaneFn::cmgt);
        same("CMHI", 1, 6, ALL, D, (Two) LaneFn::cmhi);
        same("CMGE (register)", 0, 7, ALL, D, (Two) LaneFn::cmge);
        same("CMHS", 1, 7, ALL, D, (Two) LaneFn::cmhs);
        same("SSHL", 0, 8, ALL, D, (Two) LaneFn::sshl);
        same("USHL", 1, 8, ALL, D, (Two) LaneFn::ushl);
        same("SQSHL (register)", 0, 9, ALL, ALL, (Two) LaneFn::sqshl);
        same("UQSHL (register)", 1, 9, ALL, ALL, (Two) LaneFn::uqshl);
        same("SRSHL", 0, 10, ALL, D, (Two) LaneFn::srshl);
        same("URSHL", 1, 10, ALL, D, (Two) LaneFn::urshl);
        same("SQRSHL", 0, 11, ALL, ALL, (Two) LaneFn::sqrshl);
        same("UQRSHL", 1, 11, ALL, ALL, (Two) LaneFn::uqrshl);
        same("SMAX", 0, 12, BHS, 0, (Two) LaneFn::smax);
        same("UMAX", 1, 12, BHS, 0, (Two) LaneFn::umax);
        same("SMIN", 0, 13, BHS, 0, (Two) LaneFn::smin);
        same("UMIN", 1, 13, BHS, 0, (Two) LaneFn::umin);
        same("SABD", 0, 14, BHS, 0, (Two) LaneFn::sabd);
        same("UABD", 1, 14, BHS, 0, (Two) LaneFn::uabd);
        same("SABA", 0, 15, BHS, 0, (Three) (f, d, a, b, n) -> d + LaneFn.sabd(f, a, b, n));
        same("UABA", 1, 15, BHS, 0, (Three) (f, d, a, b, n) -> d + LaneFn.uabd(f, a, b, n));
        same("ADD (vector)", 0, 16, ALL, D, ADD);
        same("SUB (vector)", 1, 16, ALL, D, SUB);
        same("CMTST", 0, 17, ALL, D, (Two) LaneFn::cmtst);
        same("CMEQ (register)", 1, 17, ALL, D, (Two) LaneFn::cmeq);
        same("MLA (vector)", 0, 18, BHS, 0, MLA);
        same("MLS (vector)", 1, 18, BHS, 0, MLS);
        same("MUL (vector)", 0, 19, BHS, 0, MUL);
        same("PMUL", 1, 19, B, 0, (Two) LaneFn::pmul);
        pairs("SMAXP", 0, 20, BHS, LaneFn::smax);
        pairs("UMAXP", 1, 20, BHS, LaneFn::umax);
        pairs("SMINP", 0, 21, BHS, LaneFn::smin);
        pairs("UMINP", 1, 21, BHS, LaneFn::umin);
        same("SQDMULH (vector)", 0, 22, HS, HS, (Two) LaneFn::sqdmulh);
        same("SQRDMULH (vector)", 1, 22, HS, HS, (Two) LaneFn::sqrdmulh);
        pairs("ADDP (vector)", 0, 23, ALL, ADD);
        logic("AND", 0, 0, (d, a, b) -> a & b);
        logic("BIC", 0, 1, (d, a, b) -> a & ~b);
        logic("ORR", 0, 2, (d, a, b) -> a | b);
        logic("ORN", 0, 3, (d, a, b) -> a | ~b);
        logic("EOR", 1, 0, (d, a, b) -> a ^ b);
        logic("BSL", 1, 1, (d, a, b) -> a & d | b & ~d);
        logic("BIT", 1, 2, (d, a, b) -> d & ~b | a & b);
        logic("BIF", 1, 3, (d, a, b) -> d & b | a & ~b);
    }

    private static final Three MLA = (f, d, a, b, n) -> d + a * b, MLS = (f, d, a, b, n) -> d - a * b;

    private void logic(String name, int u, int size, Logic meaning) {
        row(
                name + " (vector)",
                "0q" + u + "01110" + two(size) + "1mmmmm000111nnnnnddddd",
                (w, pc) -> regs((Simd) IntegerOps.template(SimdOps.Bits.class, meaning), w, 64, 1 + f(w, 30, 30)));
    }

    private void misc(String name, int u, int opcode, int sizes, int scalar, Object meaning) {
        row(name, "0q" + u + "01110ss10000" + five(opcode) + "10nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22), count = vectorCount(w, size);
            return (sizes >> size & 1) == 0 || count == 0 ? null : constant(map(meaning, w, 8 << size, count), 0);
        });
        if (scalar != 0)
            row(name + " (scalar)", "01" + u + "11110ss10000" + five(opcode) + "10nnnnnddddd", (w, pc) -> {
                int size = f(w, 23, 22);
                return (scalar >> size & 1) == 0 ? null : constant(map(meaning, w, 8 << size, 1), 0);
            });
    }

    static Simd constant(Simd o, long imm) {
        o.index = -2;
        o.imm = imm;
        return o;
    }

    private void rev(String name, int u, int opcode, int sizes, int container) {
        row(name + " (vector)", "0q" + u + "01110ss10000" + five(opcode) + "10nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22);
            if ((sizes >> size & 1) == 0) return null;
            Simd o = regs(new SimdOps.Rev(), w, 8 << size, 1 + f(w, 30, 30));
            o.a = container;
            return o;
        });
    }

    private void narrow(String name, int u, int opcode, boolean scalar, Two meaning) {
        row(name, "0q" + u + "01110ss10000" + five(opcode) + "10nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22);
            return size == 3 ? null : constant(narrowing(w, meaning, 8 << size, 64 / (8 << size)), 0);
        });
        if (scalar)
            row(name + " (scalar)", "01" + u + "11110ss10000" + five(opcode) + "10nnnnnddddd", (w, pc) -> {
                int size = f(w, 23, 22);
                if (size == 3) return null;
                Simd o = constant(narrowing(w, meaning, 8 << size, 1), 0);
                o.from = 0;
                return o;
            });
    }

    private static Simd narrowing(int w, Two meaning, int bits, int count) {
        Simd o = regs((Simd) IntegerOps.template(SimdOps.Narrow.class, meaning), w, bits, count);
        o.from = f(w, 30, 30);
        return o;
    }

    private void pairsLong(String name, int u, int opcode, Three meaning) {
        row(name, "0q" + u + "01110ss10000" + five(opcode) + "10nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22);
            if (size == 3) return null;
            return regs(
                    (Simd) IntegerOps.template(SimdOps.PairsLong.class, meaning),
                    w,
                    8 << size,
                    (64 << f(w, 30, 30)) / (16 << size));
        });
    }

    private void twoMisc() {
        rev("REV64", 0, 0, BHS, 64);
        rev("REV16", 0, 1, B, 16);
        rev("REV32", 1, 0, B | H, 32);
        pairsLong("SADDLP", 0, 2, (f, d, a, b, n) -> LaneFn.s(a, n) + LaneFn.s(b, n));
        pairsLong("UADDLP", 1, 2, (f, d, a, b, n) -> a + b);
        pairsLong("SADALP", 0, 6, (f, d, a, b, n) -> d + LaneFn.s(a, n) + LaneFn.s(b, n));
        pairsLong("UADALP", 1, 6, (f, d, a, b, n) -> d + a + b);
        misc("SUQADD", 0, 3, ALL, ALL, (Three) LaneFn::suqadd);
        misc("USQADD", 1, 3, ALL, ALL, (Three) LaneFn::usqadd);
        misc("CLS (vector)", 0, 4, BHS, 0, (Two) LaneFn::cls);
        misc("CLZ (vector)", 1, 4, BHS, 0, (Two) LaneFn::clz);
        misc("CNT (vector)", 0, 5, B, 0, (Two) LaneFn::cnt);
        row("NOT", "0q10111000100000010110nnnnnddddd", (w, pc) -> constant(map(NOT, w, 64, 1 + f(w, 30, 30)), 0));
        row(
                "RBIT (vector)",
                "0q10111001100000010110nnnnnddddd",
                (w, pc) -> constant(map(RBIT, w, 8, 8 << f(w, 30, 30)), 0));
        misc("SQABS", 0, 7, ALL, ALL, (Two) LaneFn::sqabs);
        misc("SQNEG", 1, 7, ALL, ALL, (Two) LaneFn::sqneg);
        misc("CMGT (zero)", 0, 8, ALL, D, (Two) LaneFn::cmgt);
        misc("CMGE (zero)", 1, 8, ALL, D, (Two) LaneFn::cmge);
        misc("CMEQ (zero)", 0, 9, ALL, D, (Two) LaneFn::cmeq);
        misc("CMLE (zero)", 1, 9, ALL, D, (Two) (f, a, b, n) -> LaneFn.cmge(f, b, a, n));
        misc("CMLT (zero)", 0, 10, ALL, D, (Two) (f, a, b, n) -> LaneFn.cmgt(f, b, a, n));
        misc("ABS (vector)", 0, 11, ALL, D, (Two) LaneFn::abs);
        misc("NEG (vector)", 1, 11, ALL, D, (Two) LaneFn::neg);
        narrow("XTN", 0, 18, false, LaneFn::xtn);
        narrow("SQXTUN", 1, 18, true, LaneFn::sqxtun);
        narrow("SQXTN", 0, 20, true, LaneFn::sqxtn);
        narrow("UQXTN", 1, 20, true, LaneFn::uqxtn);
        row("SHLL", "0q101110ss100001001110nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22);
            return size == 3 ? null : constant(widening(w, SHLL, 8 << size), 8 << size);
        });
        row("ADDP (scalar)", "0101111011110001101110nnnnnddddd", (w, pc) -> {
            Simd o = regs((Simd) IntegerOps.template(SimdOps.Pairs.class, ADD), w, 64, 1);
            o.a = 1;
            return o;
        });
    }

    private static final Two NOT = (f, a, b, n) -> ~a, RBIT = LaneFn::rbit;
    private static final Three SHLL = (f, d, a, b, n) -> a << b, SSHLL = (f, d, a, b, n) -> LaneFn.s(a, n) << b;

    private void across(String name, int u, int opcode, boolean wide, boolean signed, Two meaning) {
        row(name, "0q" + u + "01110ss11000" + five(opcode) + "10nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22), q = f(w, 30, 30);
            if (size == 3 || size == 2 && q == 0) return null;
            Simd o = regs(
                    (Simd) IntegerOps.template(SimdOps.Reduce.class, meaning), w, 8 << size, (64 << q) / (8 << size));
            o.a = wide ? 16 << size : 8 << size;
            o.imm = wide ? signed ? 1 : 0 : 2;
            return o;
        });
    }

    private void acrossLanes() {
        across("SADDLV", 0, 3, true, true, ADD);
        across("UADDLV", 1, 3, true, false, ADD);
        across("SMAXV", 0, 10, false, true, LaneFn::smax);
        across("UMAXV", 1, 10, false, false, LaneFn::umax);
        across("SMINV", 0, 26, false, true, LaneFn::smin);
        across("UMINV", 1, 26, false, false, LaneFn::umin);
        across("ADDV", 0, 27, false, false, ADD);
    }

    /** Q chooses the half of the source. */
    private static Simd widening(int w, Three meaning, int bits) {
        Simd o = regs((Simd) IntegerOps.template(SimdOps.Widen.class, meaning), w, bits, 64 / bits);
        o.from = f(w, 30, 30) * 64 / bits;
        return o;
    }

    private void different(String name, int u, int opcode, int sizes, boolean wide, boolean scalar, Three meaning) {
        row(name, "0q" + u + "01110ss1mmmmm" + four(opcode) + "00nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22);
            if ((sizes >> size & 1) == 0) return null;
            Simd o = widening(w, meaning, 8 << size);
            o.a = wide ? 1 : 0;
            return o;
        });
        if (scalar)
            row(name + " (scalar)", "01" + u + "11110ss1mmmmm" + four(opcode) + "00nnnnnddddd", (w, pc) -> {
                int size = f(w, 23, 22);
                if ((sizes >> size & 1) == 0) return null;
                Simd o = widening(w, meaning, 8 << size);
                o.count = 1;
                o.from = 0;
                return o;
            });
    }

    private void highNarrow(String name, int u, int opcode, Two meaning) {
        row(name, "0q" + u + "01110ss1mmmmm" + four(opcode) + "00nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22);
            return size == 3 ? null : narrowing(w, meaning, 8 << size, 64 / (8 << size));
        });
    }

    private static final Three SQDMULL = (f, d, a, b, n) -> LaneFn.sqdmull(f, a, b, n),
            SQDMLAL = LaneFn::sqdmlal,
            SQDMLSL = LaneFn::sqdmlsl;
    private static final Three SMLAL = (f, d, a, b, n) -> d + LaneFn.s(a, n) * LaneFn.s(b, n),
            UMLAL = (f, d, a, b, n) -> d + a * b;
    private static final Three SMLSL = (f, d, a, b, n) -> d - LaneFn.s(a, n) * LaneFn.s(b, n),
            UMLSL = (f, d, a, b, n) -> d - a * b;
    private static final Three SMULL = (f, d, a, b, n) -> LaneFn.s(a, n) * LaneFn.s(b, n),
            UMULL = (f, d, a, b, n) -> a * b;

    private void threeDifferent() {
        different("SADDL", 0, 0, BHS, false, false, (f, d, a, b, n) -> LaneFn.s(a, n) + LaneFn.s(b, n));
        different("UADDL", 1, 0, BHS, false, false, (f, d, a, b, n) -> a + b);
        different("SADDW", 0, 1, BHS, true, false, (f, d, a, b, n) -> a + LaneFn.s(b, n));
        different("UADDW", 1, 1, BHS, true, false, (f, d, a, b, n) -> a + b);
        different("SSUBL", 0, 2, BHS, false, false, (f, d, a, b, n) -> LaneFn.s(a, n) - LaneFn.s(b, n));
        different("USUBL", 1, 2, BHS, false, false, (f, d, a, b, n) -> a - b);
        different("SSUBW", 0, 3, BHS, true, false, (f, d, a, b, n) -> a - LaneFn.s(b, n));
        different("USUBW", 1, 3, BHS, true, false, (f, d, a, b, n) -> a - b);
        highNarrow("ADDHN", 0, 4, (f, a, b, n) -> Vec.cut(a + b, 2 * n) >>> n);
        highNarrow("RADDHN", 1, 4, (f, a, b, n) -> Vec.cut(a + b + (1L << n - 1), 2 * n) >>> n);
        different("SABAL", 0, 5, BHS, false, false, (f, d, a, b, n) -> d + LaneFn.sabd(f, a, b, n));
        different("UABAL", 1, 5, BHS, false, false, (f, d, a, b, n) -> d + LaneFn.uabd(f, a, b, n));
        highNarrow("SUBHN", 0, 6, (f, a, b, n) -> Vec.cut(a - b, 2 * n) >>> n);
        highNarrow("RSUBHN", 1, 6, (f, a, b, n) -> Vec.cut(a - b + (1L << n - 1), 2 * n) >>> n);
        different("SABDL", 0, 7, BHS, false, false, (f, d, a, b, n) -> LaneFn.sabd(f, a, b, n));
        different("UABDL", 1, 7, BHS, false, false, (f, d, a, b, n) -> LaneFn.uabd(f, a, b, n));
        different("SMLAL (vector)", 0, 8, BHS, false, false, SMLAL);
        different("UMLAL (vector)", 1, 8, BHS, false, false, UMLAL);
        different("SQDMLAL (vector)", 0, 9, HS, false, true, SQDMLAL);
        different("SMLSL (vector)", 0, 10, BHS, false, false, SMLSL);
        different("UMLSL (vector)", 1, 10, BHS, false, false, UMLSL);
        different("SQDMLSL (vector)", 0, 11, HS, false, true, SQDMLSL);
        different("SMULL (vector)", 0, 12, BHS, false, false, SMULL);
        different("UMULL (vector)", 1, 12, BHS, false, false, UMULL);
        different("SQDMULL (vector)", 0, 13, HS, false, true, SQDMULL);
        different("PMULL", 0, 14, B, false, false, (f, d, a, b, n) -> LaneFn.pmul(f, a, b, n));
        row("PMULL (64-bit)", "0q001110111mmmmm111000nnnnnddddd", Feature.PMULL, (w, pc) -> {
            Simd o = regs(new SimdOps.Pmull64(), w, 64, 1);
            o.from = f(w, 30, 30);
            return o;
        });
    }

    private static int lowestBit(int imm5) {
        return Integer.numberOfTrailingZeros(imm5 | 32);
    }

    private void copies() {
        row("DUP (element)", "0q001110000iiiii000001nnnnnddddd", (w, pc) -> {
            int log = lowestBit(f(w, 20, 16));
            if (log > 3 || log == 3 && f(w, 30, 30) == 0) return null;
            Simd o = regs(new SimdOps.Dup(), w, 8 << log, 1 + f(w, 30, 30));
            o.a = f(w, 20, 16) >> log + 1;
            return o;
        });
        row("DUP (scalar)", "01011110000iiiii000001nnnnnddddd", (w, pc) -> {
            int log = lowestBit(f(w, 20, 16));
            if (log > 3) return null;
            Simd o = regs(new SimdOps.ScalarFromElement(), w, 8 << log, 1);
            o.a = f(w, 20, 16) >> log + 1;
            return o;
        });
        row("DUP (general)", "0q001110000iiiii000011nnnnnddddd", (w, pc) -> {
            int log = lowestBit(f(w, 20, 16));
            if (log > 3 || log == 3 && f(w, 30, 30) == 0) return null;
            Simd o = regs(new SimdOps.Dup(), w, 8 << log, 1 + f(w, 30, 30));
            o.a = -1;
            o.n = zr(o.n);
            return o;
        });
        row("INS (general)", "01001110000iiiii000111nnnnnddddd", (w, pc) -> {
            int log = lowestBit(f(w, 20, 16));
            if (log > 3) return null;
            Simd o = regs(new SimdOps.Ins(), w, 8 << log, 1);
            o.index = f(w, 20, 16) >> log + 1;
            o.a = -1;
            o.n = zr(o.n);
            return o;
        });
        row("INS (element)", "01101110000iiiii0jjjj1nnnnnddddd", (w, pc) -> {
            int log = lowestBit(f(w, 20, 16));
            if (log > 3) return null;
            Simd o = regs(new SimdOps.Ins(), w, 8 << log, 1);
            o.index = f(w, 20, 16) >> log + 1;
            o.a = f(w, 14, 11) >> log;
            return o;
        });
        row("SMOV", "0q001110000iiiii001011nnnnnddddd", (w, pc) -> {
            int log = lowestBit(f(w, 20, 16)), q = f(w, 30, 30);
            return log > 2 || log == 2 && q == 0 ? null : toGeneral(w, log, 1 + q);
        });
        row("UMOV", "0q001110000iiiii001111nnnnnddddd", (w, pc) -> {
            int log = lowestBit(f(w, 20, 16)), q = f(w, 30, 30);
            return log > 3 || (log == 3) != (q == 1) ? null : toGeneral(w, log, 0);
        });
    }

    private static Simd toGeneral(int w, int log, int how) {
        Simd o = regs(new SimdOps.ToGeneral(), w, 8 << log, 1);
        o.a = f(w, 20, 16) >> log + 1;
        o.imm = how;
        o.d = zw(o.d);
        return o;
    }

    /** AdvSIMDExpandImm. */
    private static long expand(int op, int cmode, int imm8) {
        long v = imm8;
        switch (cmode >> 1) {
            case 0, 1, 2, 3 -> v = Vec.replicate(v << 8 * (cmode >> 1), 4);
            case 4, 5 -> v = Vec.replicate(v << 8 * (cmode >> 1 & 1), 2);
            case 6 -> v = Vec.replicate((cmode & 1) == 0 ? v << 8 | 0xff : v << 16 | 0xffff, 4);
            default -> {
                if ((cmode & 1) == 0 && op == 0) v = Vec.replicate(v, 1);
                else if ((cmode & 1) == 0) {
                    long r = 0;
                    for (int i = 0; i < 8; i++) if ((imm8 >> i & 1) != 0) r |= 0xffL << 8 * i;
                    v = r;
                } else v = op == 0 ? Vec.replicate(FpTable.expand(imm8, 32), 4) : FpTable.expand(imm8, 64);
            }
        }
        return v;
    }

    private void immediates() {
        for (int k = 0; k < 16; k++) modified(k);
        row("FMOV (vector, immediate, half)", "0q00111100000aaa111111bbbbbddddd", Feature.FP16, (w, pc) -> {
            Simd o = regs(new SimdOps.Immediate(), w, 64, 1 + f(w, 30, 30));
            o.imm = Vec.replicate(FpTable.expand(f(w, 18, 16) << 5 | f(w, 9, 5), 16), 2);
            return o;
        });
    }

    private void modified(int k) {
        row(
                "MOVI, MVNI, ORR, BIC, FMOV (vector, immediate, cmode " + k + ")",
                "0qo0111100000aaa" + four(k) + "01bbbbbddddd",
                (w, pc) -> {
                    int op = f(w, 29, 29),
                            cmode = f(w, 15, 12),
                            imm8 = f(w, 18, 16) << 5 | f(w, 9, 5),
                            q = f(w, 30, 30);
                    if (cmode == 15 && op == 1 && q == 0) return null;
                    Simd o = regs(new SimdOps.Immediate(), w, 64, 1 + q);
                    long v = expand(op, cmode, imm8);
                    boolean modify = (cmode & 1) != 0 && cmode < 12;
                    o.a = modify ? 1 + op : 0;
                    o.imm = !modify && op == 1 && cmode < 14 ? ~v : v;
                    return o;
                });
    }

    private static int log2(int immh) {
        return 31 - Integer.numberOfLeadingZeros(immh);
    }

    /** Amount of a right shift as negative number, or of a left shift. */
    private static long amount(int w, boolean left) {
        int bits = 8 << log2(f(w, 22, 19));
        return left ? f(w, 22, 16) - bits : f(w, 22, 16) - 2 * bits;
    }

    private void shift(String name, int u, int opcode, boolean left, int scalar, Object meaning) {
        row(name, "0q" + u + "011110hhhhbbb" + five(opcode) + "1nnnnnddddd", (w, pc) -> {
            if (f(w, 22, 19) == 0) return null;
            int size = log2(f(w, 22, 19)), count = vectorCount(w, size);
            return count == 0 ? null : constant(map(meaning, w, 8 << size, count), amount(w, left));
        });
        if (scalar != 0)
            row(name + " (scalar)", "01" + u + "111110hhhhbbb" + five(opcode) + "1nnnnnddddd", (w, pc) -> {
                if (f(w, 22, 19) == 0) return null;
                int size = log2(f(w, 22, 19));
                return (scalar >> size & 1) == 0 ? null : constant(map(meaning, w, 8 << size, 1), amount(w, left));
            });
    }

    private void shiftNarrow(String name, int u, int opcode, boolean scalar, Two meaning) {
        row(name, "0q" + u + "011110hhhhbbb" + five(opcode) + "1nnnnnddddd", (w, pc) -> {
            int immh = f(w, 22, 19);
            if (immh == 0 || immh > 7) return null;
            int bits = 8 << log2(immh);
            return constant(narrowing(w, meaning, bits, 64 / bits), f(w, 22, 16) - 2 * bits);
        });
        if (scalar)
            row(name + " (scalar)", "01" + u + "111110hhhhbbb" + five(opcode) + "1nnnnnddddd", (w, pc) -> {
                int immh = f(w, 22, 19);
                if (immh == 0 || immh > 7) return null;
                int bits = 8 << log2(immh);
                Simd o = constant(narrowing(w, meaning, bits, 1), f(w, 22, 16) - 2 * bits);
                o.from = 0;
                return o;
            });
    }

    private void shifts() {
        shift("SSHR", 0, 0, false, D, (Two) LaneFn::sshl);
        shift("USHR", 1, 0, false, D, (Two) LaneFn::ushl);
        shift("SSRA", 0, 2, false, D, (Three) (f, d, a, b, n) -> d + LaneFn.sshl(f, a, b, n));
        shift("USRA", 1, 2, false, D, (Three) (f, d, a, b, n) -> d + LaneFn.ushl(f, a, b, n));
        shift("SRSHR", 0, 4, false, D, (Two) LaneFn::srshl);
        shift("URSHR", 1, 4, false, D, (Two) LaneFn::urshl);
        shift("SRSRA", 0, 6, false, D, (Three) (f, d, a, b, n) -> d + LaneFn.srshl(f, a, b, n));
        shift("URSRA", 1, 6, false, D, (Three) (f, d, a, b, n) -> d + LaneFn.urshl(f, a, b, n));
        shift("SRI", 1, 8, false, D, (Three) LaneFn::sri);
        shift("SHL", 0, 10, true, D, (Two) LaneFn::ushl);
        shift("SLI", 1, 10, true, D, (Three) LaneFn::sli);
        shift("SQSHLU", 1, 12, true, ALL, (Two) LaneFn::sqshlu);
        shift("SQSHL (immediate)", 0, 14, true, ALL, (Two) LaneFn::sqshl);
        shift("UQSHL (immediate)", 1, 14, true, ALL, (Two) LaneFn::uqshl);
        shiftNarrow("SHRN", 0, 16, false, LaneFn::shrn);
        shiftNarrow("SQSHRUN", 1, 16, true, LaneFn::sqshrun);
        shiftNarrow("RSHRN", 0, 17, false, LaneFn::rshrn);
        shiftNarrow("SQRSHRUN", 1, 17, true, LaneFn::sqrshrun);
        shiftNarrow("SQSHRN", 0, 18, true, LaneFn::sqshrn);
        shiftNarrow("UQSHRN", 1, 18, true, LaneFn::uqshrn);
        shiftNarrow("SQRSHRN", 0, 19, true, LaneFn::sqrshrn);
        shiftNarrow("UQRSHRN", 1, 19, true, LaneFn::uqrshrn);
        for (int u = 0; u < 2; u++) {
            Three meaning = u == 0 ? SSHLL : SHLL;
            row(u == 0 ? "SSHLL" : "USHLL", "0q" + u + "011110hhhhbbb101001nnnnnddddd", (w, pc) -> {
                int immh = f(w, 22, 19);
                if (immh == 0 || immh > 7) return null;
                return constant(widening(w, meaning, 8 << log2(immh)), amount(w, true));
            });
        }
    }

    /** The element of a "by element" form: number of the register and the index. */
    static void element(Simd o, int w, int size) {
        int l = f(w, 21, 21), m = f(w, 20, 20), h = f(w, 11, 11);
        if (size == 1) {
            o.m = f(w, 19, 16);
            o.index = h << 2 | l << 1 | m;
        } else {
            o.m = m << 4 | f(w, 19, 16);
            o.index = size == 2 ? h << 1 | l : h;
        }
    }

    private void byElement(String name, int u, int opcode, boolean scalar, Feature feature, Object meaning) {
        row(name + " (by element)", "0q" + u + "01111sslmmmmm" + four(opcode) + "h0nnnnnddddd", feature, (w, pc) -> {
            int size = f(w, 23, 22);
            if (size != 1 && size != 2) return null;
            Simd o = map(meaning, w, 8 << size, (64 << f(w, 30, 30)) / (8 << size));
            element(o, w, size);
            return o;
        });
        if (scalar)
            row(
                    name + " (scalar, by element)",
                    "01" + u + "11111sslmmmmm" + four(opcode) + "h0nnnnnddddd",
                    feature,
                    (w, pc) -> {
                        int size = f(w, 23, 22);
                        if (size != 1 && size != 2) return null;
                        Simd o = map(meaning, w, 8 << size, 1);
                        element(o, w, size);
                        return o;
                    });
    }

    private void longByElement(String name, int u, int opcode, boolean scalar, Three meaning) {
        row(name + " (by element)", "0q" + u + "01111sslmmmmm" + four(opcode) + "h0nnnnnddddd", (w, pc) -> {
            int size = f(w, 23, 22);
            if (size != 1 && size != 2) return null;
            Simd o = widening(w, meaning, 8 << size);
            element(o, w, size);
            return o;
        });
        if (scalar)
            row(name + " (scalar, by element)", "01" + u + "11111sslmmmmm" + four(opcode) + "h0nnnnnddddd", (w, pc) -> {
                int size = f(w, 23, 22);
                if (size != 1 && size != 2) return null;
                Simd o = widening(w, meaning, 8 << size);
                element(o, w, size);
                o.count = 1;
                o.from = 0;
                return o;
            });
    }

    private void dotByElement(String name, int u, int opcode, int size, Feature feature, Three meaning) {
        row(
                name + " (by element)",
                "0q" + u + "01111" + two(size) + "lmmmmm" + four(opcode) + "h0nnnnnddddd",
                feature,
                (w, pc) -> {
                    Simd o = map(meaning, w, 32, 2 << f(w, 30, 30));
                    element(o, w, 2);
                    return o;
                });
    }

    private void indexed() {
        byElement("MUL", 0, 8, false, Feature.ASIMD, MUL);
        byElement("MLA", 1, 0, false, Feature.ASIMD, MLA);
        byElement("MLS", 1, 4, false, Feature.ASIMD, MLS);
        byElement("SQDMULH", 0, 12, true, Feature.ASIMD, (Two) LaneFn::sqdmulh);
        byElement("SQRDMULH", 0, 13, true, Feature.ASIMD, (Two) LaneFn::sqrdmulh);
        byElement("SQRDMLAH", 1, 13, true, Feature.RDM, (Three) LaneFn::sqrdmlah);
        byElement("SQRDMLSH", 1, 15, true, Feature.RDM, (Three) LaneFn::sqrdmlsh);
        longByElement("SMLAL", 0, 2, false, SMLAL);
        longByElement("UMLAL", 1, 2, false, UMLAL);
        longByElement("SMLSL", 0, 6, false, SMLSL);
        longByElement("UMLSL", 1, 6, false, UMLSL);
        longByElement("SMULL", 0, 10, false, SMULL);
        longByElement("UMULL", 1, 10, false, UMULL);
        longByElement("SQDMLAL", 0, 3, true, SQDMLAL);
        longByElement("SQDMLSL", 0, 7, true, SQDMLSL);
        longByElement("SQDMULL", 0, 11, true, SQDMULL);
        dotByElement("SDOT", 0, 14, 2, Feature.DOTPROD, LaneFn::sdot);
        dotByElement("UDOT", 1, 14, 2, Feature.DOTPROD, LaneFn::udot);
        dotByElement("SUDOT", 0, 15, 0, Feature.I8MM, LaneFn::sudot);
        dotByElement("USDOT", 0, 15, 2, Feature.I8MM, LaneFn::usdot);
    }

    private void permutes() {
        String[] names = {"UZP", "TRN", "ZIP"};
        for (int k = 1; k < 4; k++) {
            for (int part = 0; part < 2; part++) {
                int how = k | part << 2;
                row(names[k - 1] + (part + 1), "0q001110ss0mmmmm0" + part + two(k) + "10nnnnnddddd", (w, pc) -> {
                    int size = f(w, 23, 22), count = vectorCount(w, size);
                    if (count == 0) return null;
                    Simd o = regs(new SimdOps.Permute(), w, 8 << size, count);
                    o.a = how;
                    return o;
                });
            }
        }
        row("EXT", "0q101110000mmmmm0iiii0nnnnnddddd", (w, pc) -> {
            int q = f(w, 30, 30);
            if (q == 0 && f(w, 14, 14) != 0) return null;
            Simd o = regs(new SimdOps.Ext(), w, 8, 1 + q);
            o.imm = f(w, 14, 11);
            return o;
        });
        for (int op = 0; op < 2; op++) {
            int x = op;
            row(op == 0 ? "TBL" : "TBX", "0q001110000mmmmm0ll" + op + "00nnnnnddddd", (w, pc) -> {
                Simd o = regs(new SimdOps.Table(), w, 8, 8 << f(w, 30, 30));
                o.a = 1 + f(w, 14, 13);
                o.imm = x;
                return o;
            });
        }
    }

    private void extra(String name, int u, int opcode, int sizes, boolean scalar, Feature feature, Object meaning) {
        row(name + " (vector)", "0q" + u + "01110ss0mmmmm1" + four(opcode) + "1nnnnnddddd", feature, (w, pc) -> {
            int size = f(w, 23, 22);
            return (sizes >> size & 1) == 0 ? null : map(meaning, w, 8 << size, (64 << f(w, 30, 30)) / (8 << size));
        });
        if (scalar)
            row(name + " (scalar)", "01" + u + "11110ss0mmmmm1" + four(opcode) + "1nnnnnddddd", feature, (w, pc) -> {
                int size = f(w, 23, 22);
                return (sizes >> size & 1) == 0 ? null : map(meaning, w, 8 << size, 1);
            });
    }

    private void matrix(String name, int u, int opcode, int signs) {
        row(name, "01" + u + "01110100mmmmm1" + four(opcode) + "1nnnnnddddd", Feature.I8MM, (w, pc) -> {
            Simd o = regs(new SimdOps.MatrixMultiply(), w, 32, 4);
            o.a = signs;
            return o;
        });
    }

    private void extras() {
        extra("SDOT", 0, 2, S, false, Feature.DOTPROD, (Three) LaneFn::sdot);
        extra("UDOT", 1, 2, S, false, Feature.DOTPROD, (Three) LaneFn::udot);
        extra("USDOT", 0, 3, S, false, Feature.I8MM, (Three) LaneFn::usdot);
        extra("SQRDMLAH", 1, 0, HS, true, Feature.RDM, (Three) LaneFn::sqrdmlah);
        extra("SQRDMLSH", 1, 1, HS, true, Feature.RDM, (Three) LaneFn::sqrdmlsh);
        matrix("SMMLA", 0, 4, 3);
        matrix("UMMLA", 1, 4, 0);
        matrix("USMMLA", 0, 5, 2);
    }
}
