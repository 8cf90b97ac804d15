package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.sf;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.five;
import static dev.worldswitch.machine.arm64.SimdTable.four;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;
import dev.worldswitch.machine.arm64.SveOps.Action;
import java.util.ArrayList;
import java.util.List;

/**
 * SVE, integer and predicate part, and contiguous memory accesses: Arm ARM C4.1.2 "SVE encodings". Floating
 * point is in {@link SveFpTable}; what is missing (gathers and scatters, most of SVE2) ends the run by name, see {@link Uncovered}.
 */
final class SveTable implements A64Row.Table {
    private final List<A64Row> rows = new ArrayList<>();

    private void row(String name, String bits, Action action) {
        rows.add(new A64Row(name + " (SVE)", bits, Feature.SVE, (w, pc) -> new SveOps.Sve(action), "C8.2 " + name));
    }

    /** A row with sizes that do not exist for some. */
    private void sized(String name, String bits, int from, int to, Action action) {
        rows.add(new A64Row(
                name + " (SVE)",
                bits,
                Feature.SVE,
                (w, pc) -> f(w, 23, 22) < from || f(w, 23, 22) > to ? null : new SveOps.Sve(action),
                "C8.2 " + name));
    }

    static int size(int w) {
        return 1 << f(w, 23, 22);
    }

    static int d(int w) {
        return w & 31;
    }

    static int n(int w) {
        return f(w, 9, 5);
    }

    static int m(int w) {
        return f(w, 20, 16);
    }

    static int g(int w) {
        return f(w, 12, 10);
    }

    @Override
    public List<A64Row> rows() {
        lengths();
        predicates();
        counts();
        copies();
        arithmetic();
        comparisons();
        immediates();
        permutes();
        memory();
        return rows;
    }

    private static long sp(Arm64Interpreter c, int r) {
        return c.x[r];
    }

    private void lengths() {
        row("ADDVL", "00000100001nnnnn01010iiiiiiddddd", (c, w, pc) -> c.x[d(w)] = sp(c, m(w)) + sf(w, 10, 5) * c.vl);
        row(
                "ADDPL",
                "00000100011nnnnn01010iiiiiiddddd",
                (c, w, pc) -> c.x[d(w)] = sp(c, m(w)) + sf(w, 10, 5) * (c.vl / 8));
        row("RDVL", "000001001011111101010iiiiiiddddd", (c, w, pc) -> c.x[zw(d(w))] = sf(w, 10, 5) * c.vl);
    }

    private void predicates() {
        for (int s = 0; s < 2; s++) {
            boolean flags = s == 1;
            row(s == 0 ? "PTRUE" : "PTRUES", "00100101ss01100" + s + "111000ppppp0dddd", (c, w, pc) -> {
                long[] r = SveOps.predicate(c);
                int size = size(w), n = SveOps.pattern(n(w), SveOps.elements(c, size));
                for (int e = 0; e < n; e++) SveOps.set(r, e, size);
                SveOps.writePredicate(c, w & 15, r);
                if (flags) SveOps.flags(c, r, r, size);
            });
        }
        row(
                "PFALSE",
                "0010010100011000111001000000dddd",
                (c, w, pc) -> SveOps.writePredicate(c, w & 15, SveOps.predicate(c)));
        row("SETFFR", "00100101001011001001000000000000", (c, w, pc) -> {
            long[] r = SveOps.predicate(c);
            for (int e = 0; e < c.vl; e++) SveOps.set(r, e, 1);
            SveOps.writePredicate(c, Arm64Cpu.FFR, r);
        });
        row(
                "WRFFR",
                "00100101001010001001000nnnn00000",
                (c, w, pc) -> SveOps.writePredicate(c, Arm64Cpu.FFR, SveOps.copyPredicate(c, f(w, 8, 5))));
        row(
                "RDFFR (unpredicated)",
                "0010010100011001111100000000dddd",
                (c, w, pc) -> SveOps.writePredicate(c, w & 15, SveOps.copyPredicate(c, Arm64Cpu.FFR)));
        for (int s = 0; s < 2; s++) {
            boolean flags = s == 1;
            row(s == 0 ? "RDFFR" : "RDFFRS", "001001010" + s + "0110001111000gggg0dddd", (c, w, pc) -> {
                long[] mask = SveOps.copyPredicate(c, f(w, 8, 5)), r = SveOps.copyPredicate(c, Arm64Cpu.FFR);
                for (int i = 0; i < r.length; i++) r[i] &= mask[i];
                SveOps.writePredicate(c, w & 15, r);
                if (flags) SveOps.flags(c, mask, r, 1);
            });
        }
        row(
                "PTEST",
                "001001010101000011gggg0nnnn00000",
                (c, w, pc) ->
                        SveOps.flags(c, SveOps.copyPredicate(c, f(w, 13, 10)), SveOps.copyPredicate(c, f(w, 8, 5)), 1));
        row("PFIRST", "00100101010110001100000gggg0dddd", (c, w, pc) -> {
            long[] mask = SveOps.copyPredicate(c, f(w, 8, 5)), r = SveOps.copyPredicate(c, w & 15);
            for (int e = 0; e < c.vl; e++)
                if (SveOps.test(mask, e, 1)) {
                    SveOps.set(r, e, 1);
                    break;
                }
            SveOps.writePredicate(c, w & 15, r);
            SveOps.flags(c, mask, r, 1);
        });
        row("PNEXT", "00100101ss0110011100010gggg0dddd", (c, w, pc) -> {
            long[] mask = SveOps.copyPredicate(c, f(w, 8, 5)),
                    old = SveOps.copyPredicate(c, w & 15),
                    r = SveOps.predicate(c);
            int size = size(w), n = SveOps.elements(c, size), next = 0;
            for (int e = n - 1; e >= 0; e--)
                if (SveOps.test(old, e, size)) {
                    next = e + 1;
                    break;
                }
            for (int e = next; e < n; e++)
                if (SveOps.test(mask, e, size)) {
                    SveOps.set(r, e, size);
                    break;
                }
            SveOps.writePredicate(c, w & 15, r);
            SveOps.flags(c, mask, r, size);
        });
        SimdOps.Logic[] logic = {
            (g, a, b) -> a & b & g, (g, a, b) -> a & ~b & g, (g, a, b) -> (a ^ b) & g, (g, a, b) -> g & a | ~g & b,
            (g, a, b) -> (a | b) & g, (g, a, b) -> (a | ~b) & g, (g, a, b) -> ~(a | b) & g, (g, a, b) -> ~(a & b) & g
        };
        String[] names = {"AND", "BIC", "EOR", "SEL", "ORR", "ORN", "NOR", "NAND"};
        for (int k = 0; k < 8; k++) {
            for (int s = 0; s < (k == 3 ? 1 : 2); s++) {
                SimdOps.Logic fn = logic[k];
                boolean flags = s == 1;
                row(
                        names[k] + (s == 1 ? "S" : "") + " (predicates)",
                        "00100101" + (k >> 2) + s + "00mmmm01gggg" + (k >> 1 & 1) + "nnnn" + (k & 1) + "dddd",
                        (c, w, pc) -> {
                            long[] mask = SveOps.copyPredicate(c, f(w, 13, 10)),
                                    a = SveOps.copyPredicate(c, f(w, 8, 5)),
                                    b = SveOps.copyPredicate(c, f(w, 19, 16));
                            long[] r = SveOps.predicate(c);
                            for (int i = 0; i < r.length; i++) r[i] = fn.of(mask[i], a[i], b[i]);
                            SveOps.writePredicate(c, w & 15, r);
                            if (flags) SveOps.flags(c, mask, r, 1);
                        });
            }
        }
        row("WHILE", "00100101ss1mmmmm000su1nnnnnedddd", (c, w, pc) -> {
            int size = size(w), n = SveOps.elements(c, size);
            boolean wide = f(w, 12, 12) != 0, unsigned = f(w, 11, 11) != 0, equal = f(w, 4, 4) != 0;
            long a = c.x[zr(n(w))], b = c.x[zr(m(w))];
            if (!wide) {
                a = unsigned ? a & A64.W : (int) a;
                b = unsigned ? b & A64.W : (int) b;
            }
            long[] r = SveOps.predicate(c), all = SveOps.predicate(c);
            boolean on = true;
            for (int e = 0; e < n; e++) {
                int k = unsigned ? Long.compareUnsigned(a, b) : Long.compare(a, b);
                on &= equal ? k <= 0 : k < 0;
                if (on) SveOps.set(r, e, size);
                SveOps.set(all, e, size);
                a = wide ? a + 1 : unsigned ? a + 1 & A64.W : (int) (a + 1);
            }
            SveOps.writePredicate(c, w & 15, r);
            SveOps.flags(c, all, r, size);
        });
        for (int h = 0; h < 2; h++) {
            int half = h;
            row(h == 0 ? "PUNPKLO" : "PUNPKHI", "000001010011000" + h + "0100000nnnn0dddd", (c, w, pc) -> {
                long[] a = SveOps.copyPredicate(c, f(w, 8, 5)), r = SveOps.predicate(c);
                int n = c.vl / 2;
                for (int e = 0; e < n; e++) if (SveOps.test(a, e + half * n, 1)) SveOps.set(r, e, 2);
                SveOps.writePredicate(c, w & 15, r);
            });
        }
    }

    private void counts() {
        row(
                "CNTB, CNTH, CNTW, CNTD",
                "00000100ss10iiii111000pppppddddd",
                (c, w, pc) ->
                        c.x[zw(d(w))] = (long) SveOps.pattern(n(w), SveOps.elements(c, size(w))) * (1 + f(w, 19, 16)));
        for (int s = 0; s < 2; s++) {
            int sign = s == 0 ? 1 : -1;
            row(
                    (s == 0 ? "INC" : "DEC") + "B, H, W, D (scalar)",
                    "00000100ss11iiii11100" + s + "pppppddddd",
                    (c, w, pc) -> c.x[zw(d(w))] = c.x[zr(d(w))]
                            + (long) sign * SveOps.pattern(n(w), SveOps.elements(c, size(w))) * (1 + f(w, 19, 16)));
            sized(
                    (s == 0 ? "INC" : "DEC") + "H, W, D (vector)",
                    "00000100ss11iiii11000" + s + "pppppddddd",
                    1,
                    3,
                    (c, w, pc) -> {
                        long by = (long) sign * SveOps.pattern(n(w), SveOps.elements(c, size(w))) * (1 + f(w, 19, 16));
                        SveOps.mapConstant(c, d(w), d(w), by, size(w), (f, a, b, bits) -> a + b);
                    });
            row(
                    (s == 0 ? "INCP" : "DECP") + " (scalar)",
                    "00100101ss10110" + s + "1000100mmmmddddd",
                    (c, w, pc) -> c.x[zw(d(w))] = c.x[zr(d(w))] + sign * count(c, f(w, 8, 5), f(w, 8, 5), size(w)));
        }
        row(
                "CNTP",
                "00100101ss10000010gggg0nnnnddddd",
                (c, w, pc) -> c.x[zw(d(w))] = count(c, f(w, 13, 10), f(w, 8, 5), size(w)));
    }

    private static long count(Arm64Interpreter c, int mask, int p, int size) {
        long r = 0;
        for (int e = 0; e < SveOps.elements(c, size); e++)
            if (SveOps.active(c, mask, e, size) && SveOps.active(c, p, e, size)) r++;
        return r;
    }

    /** imm8, shifted left by 8 when {@code sh}. */
    private static long imm8(int w) {
        return (long) (byte) f(w, 12, 5) << (f(w, 13, 13) != 0 ? 8 : 0);
    }

    private static void fill(Arm64Interpreter c, int d, long v, int size) {
        SveOps.mapConstant(c, d, d, v, size, (f, a, b, bits) -> b);
    }

    private void shiftable(String name, String bits, Action action) {
        // A byte can't be shifted by 8.
        rows.add(new A64Row(
                name + " (SVE)",
                bits,
                Feature.SVE,
                (w, pc) -> f(w, 23, 22) == 0 && f(w, 13, 13) != 0 ? null : new SveOps.Sve(action),
                "C8.2 " + name));
    }

    private void copies() {
        shiftable("DUP (immediate)", "00100101ss11100011hiiiiiiiiddddd", (c, w, pc) -> fill(c, d(w), imm8(w), size(w)));
        row("DUP (scalar)", "00000101ss100000001110nnnnnddddd", (c, w, pc) -> fill(c, d(w), c.x[n(w)], size(w)));
        row("DUP (indexed)", "00000101ii1ttttt001000nnnnnddddd", (c, w, pc) -> {
            int tsz = m(w), log = Integer.numberOfTrailingZeros(tsz | 32);
            if (tsz == 0) throw c.undefined();
            int index = (f(w, 23, 22) << 5 | tsz) >> log + 1;
            if (log == 4) {
                long low = index * 16 < c.vl ? SveOps.get(c, n(w), 2 * index, 8) : 0,
                        high = index * 16 < c.vl ? SveOps.get(c, n(w), 2 * index + 1, 8) : 0;
                long[] r = SveOps.vector(c);
                for (int k = 0; k < c.vl / 8; k++) r[k] = (k & 1) == 0 ? low : high;
                SveOps.write(c, d(w), r);
            } else
                fill(
                        c,
                        d(w),
                        index < SveOps.elements(c, 1 << log) ? SveOps.get(c, n(w), index, 1 << log) : 0,
                        1 << log);
        });
        sized(
                "FDUP",
                "00100101ss111001110iiiiiiiiddddd",
                1,
                3,
                (c, w, pc) -> fill(c, d(w), FpTable.expand(f(w, 12, 5), 8 * size(w)), size(w)));
        for (int mm = 0; mm < 2; mm++) {
            boolean merging = mm == 1;
            shiftable(
                    merging ? "CPY (immediate, merging)" : "CPY (immediate, zeroing)",
                    "00000101ss01gggg0" + mm + "hiiiiiiiiddddd",
                    (c, w, pc) -> {
                        int size = size(w), p = f(w, 19, 16);
                        long[] r = merging ? SveOps.copy(c, d(w)) : SveOps.vector(c);
                        for (int e = 0; e < SveOps.elements(c, size); e++)
                            if (SveOps.active(c, p, e, size)) SveOps.put(r, e, size, imm8(w));
                        SveOps.write(c, d(w), r);
                    });
        }
        row(
                "CPY (scalar)",
                "00000101ss101000101gggnnnnnddddd",
                (c, w, pc) -> SveOps.mergeConstant(c, d(w), d(w), g(w), c.base(n(w)), size(w), (f, a, b, bits) -> b));
        row(
                "CPY (SIMD&FP scalar)",
                "00000101ss100000100gggnnnnnddddd",
                (c, w, pc) -> SveOps.mergeConstant(
                        c, d(w), d(w), g(w), SveOps.get(c, n(w), 0, size(w)), size(w), (f, a, b, bits) -> b));
        row("SEL", "00000101ss1mmmmm11ggggnnnnnddddd", (c, w, pc) -> {
            int size = size(w), p = f(w, 13, 10);
            long[] r = SveOps.copy(c, m(w));
            for (int e = 0; e < SveOps.elements(c, size); e++)
                if (SveOps.active(c, p, e, size)) SveOps.put(r, e, size, SveOps.get(c, n(w), e, size));
            SveOps.write(c, d(w), r);
        });
        row(
                "MOVPRFX (unpredicated)",
                "0000010000100000101111nnnnnddddd",
                (c, w, pc) -> SveOps.write(c, d(w), SveOps.copy(c, n(w))));
        row("MOVPRFX (predicated)", "00000100ss01000z001gggnnnnnddddd", (c, w, pc) -> {
            int size = size(w);
            long[] r = f(w, 16, 16) != 0 ? SveOps.copy(c, d(w)) : SveOps.vector(c);
            for (int e = 0; e < SveOps.elements(c, size); e++)
                if (SveOps.active(c, g(w), e, size)) SveOps.put(r, e, size, SveOps.get(c, n(w), e, size));
            SveOps.write(c, d(w), r);
        });
        row(
                "INDEX (immediates)",
                "00000100ss1jjjjj010000iiiiiddddd",
                (c, w, pc) -> index(c, w, sf(w, 9, 5), sf(w, 20, 16)));
        row(
                "INDEX (scalar, immediate)",
                "00000100ss1jjjjj010001nnnnnddddd",
                (c, w, pc) -> index(c, w, c.x[zr(n(w))], sf(w, 20, 16)));
        row(
                "INDEX (immediate, scalar)",
                "00000100ss1mmmmm010010iiiiiddddd",
                (c, w, pc) -> index(c, w, sf(w, 9, 5), c.x[zr(m(w))]));
        row(
                "INDEX (scalars)",
                "00000100ss1mmmmm010011nnnnnddddd",
                (c, w, pc) -> index(c, w, c.x[zr(n(w))], c.x[zr(m(w))]));
    }

    private static void index(Arm64Interpreter c, int w, long from, long step) {
        long[] r = SveOps.vector(c);
        for (int e = 0; e < SveOps.elements(c, size(w)); e++) SveOps.put(r, e, size(w), from + e * step);
        SveOps.write(c, d(w), r);
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

    private static final Two SMULH = (f, a, b, n) -> high(a, b, n, true), UMULH = (f, a, b, n) -> high(a, b, n, false);

    private void unpredicated(String name, int opcode, Two fn) {
        row(
                name + " (vectors, unpredicated)",
                "00000100ss1mmmmm000" + five(opcode).substring(2) + "nnnnnddddd",
                (c, w, pc) -> SveOps.map(c, d(w), n(w), m(w), size(w), fn));
    }

    private void predicated(String name, int opcode, int from, int to, Two fn) {
        sized(
                name + " (predicated)",
                "00000100ss0" + five(opcode) + "000gggmmmmmddddd",
                from,
                to,
                (c, w, pc) -> SveOps.merge(c, d(w), n(w), g(w), size(w), fn));
    }

    private void unary(String name, int opcode, int from, Two fn) {
        sized(
                name,
                "00000100ss0" + five(opcode) + "101gggnnnnnddddd",
                from,
                3,
                (c, w, pc) -> SveOps.mergeConstant(c, d(w), n(w), g(w), 0, size(w), fn));
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
                    (c, w, pc) -> SveOps.map(c, d(w), n(w), m(w), 8, fn));
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
                (c, w, pc) -> SveOps.merge3(c, d(w), d(w), n(w), m(w), g(w), size(w), mla));
        row(
                "MLS (predicated)",
                "00000100ss0mmmmm011gggnnnnnddddd",
                (c, w, pc) -> SveOps.merge3(c, d(w), d(w), n(w), m(w), g(w), size(w), mls));
        row(
                "MAD",
                "00000100ss0mmmmm110gggaaaaaddddd",
                (c, w, pc) -> SveOps.merge3(c, d(w), n(w), d(w), m(w), g(w), size(w), mla));
        row(
                "MSB",
                "00000100ss0mmmmm111gggaaaaaddddd",
                (c, w, pc) -> SveOps.merge3(c, d(w), n(w), d(w), m(w), g(w), size(w), mls));
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
            row(names[k] + " (immediate, predicated)", "00000100tt0000" + two(k) + "100gggttiiiddddd", (c, w, pc) -> {
                int t = f(w, 23, 22) << 2 | f(w, 9, 8);
                if (t == 0) throw c.undefined();
                int size = Integer.highestOneBit(t);
                int imm = t << 3 | f(w, 7, 5);
                SveOps.mergeConstant(c, d(w), d(w), g(w), left ? imm - 8 * size : 16 * size - imm, size, fn);
            });
            row(names[k] + " (immediate, unpredicated)", "00000100tt1ttiii1001" + two(k) + "nnnnnddddd", (c, w, pc) -> {
                int t = f(w, 23, 22) << 2 | f(w, 20, 19);
                if (t == 0) throw c.undefined();
                int size = Integer.highestOneBit(t);
                int imm = t << 3 | f(w, 18, 16);
                SveOps.mapConstant(c, d(w), n(w), left ? imm - 8 * size : 16 * size - imm, size, fn);
            });
        }
    }

    private void predicatedShift(String name, int opcode, Two fn) {
        row(
                name + " (vectors)",
                "00000100ss0" + five(opcode) + "100gggmmmmmddddd",
                (c, w, pc) -> SveOps.merge(c, d(w), n(w), g(w), size(w), fn));
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

    private void comparison(String name, String op, int ne, Two fn) {
        row(
                name + " (vectors)",
                "00100100ss0mmmmm" + op + "gggnnnnn" + ne + "dddd",
                (c, w, pc) ->
                        SveOps.compare(c, w & 15, g(w), n(w), size(w), e -> SveOps.get(c, m(w), e, size(w)), fn, true));
    }

    private void wide(String name, String op, int ne, boolean signed, Two fn) {
        sized(name + " (wide elements)", "00100100ss0mmmmm" + op + "gggnnnnn" + ne + "dddd", 0, 2, (c, w, pc) -> {
            int size = size(w);
            // Elements are compared as 64-bit numbers.
            Two extended = (f, a, b, n) -> fn.of(f, signed ? LaneFn.s(a, n) : a, b, 64);
            SveOps.compare(c, w & 15, g(w), n(w), size, e -> SveOps.get(c, m(w), e * size / 8, 8), extended, true);
        });
    }

    private static final Two NE = (f, a, b, n) -> a != b ? 1 : 0,
            EQ = LaneFn::cmeq,
            GT = LaneFn::cmgt,
            GE = LaneFn::cmge,
            HI = LaneFn::cmhi,
            HS = LaneFn::cmhs;
    private static final Two LT = (f, a, b, n) -> LaneFn.cmgt(f, b, a, n), LE = (f, a, b, n) -> LaneFn.cmge(f, b, a, n);
    private static final Two LO = (f, a, b, n) -> LaneFn.cmhi(f, b, a, n), LS = (f, a, b, n) -> LaneFn.cmhs(f, b, a, n);

    private void comparisons() {
        comparison("CMPHS", "000", 0, HS);
        comparison("CMPHI", "000", 1, HI);
        comparison("CMPGE", "100", 0, GE);
        comparison("CMPGT", "100", 1, GT);
        comparison("CMPEQ", "101", 0, EQ);
        comparison("CMPNE", "101", 1, NE);
        wide("CMPEQ", "001", 0, true, EQ);
        wide("CMPNE", "001", 1, true, NE);
        wide("CMPGE", "010", 0, true, GE);
        wide("CMPGT", "010", 1, true, GT);
        wide("CMPLT", "011", 0, true, LT);
        wide("CMPLE", "011", 1, true, LE);
        wide("CMPHS", "110", 0, false, HS);
        wide("CMPHI", "110", 1, false, HI);
        wide("CMPLO", "111", 0, false, LO);
        wide("CMPLS", "111", 1, false, LS);
        Two[] signed = {GE, GT, LT, LE, EQ, NE};
        String[] names = {"CMPGE", "CMPGT", "CMPLT", "CMPLE", "CMPEQ", "CMPNE"}, ops = {"000", "001", "100"};
        for (int k = 0; k < 6; k++) {
            Two fn = signed[k];
            row(
                    names[k] + " (immediate)",
                    "00100101ss0iiiii" + ops[k / 2] + "gggnnnnn" + (k & 1) + "dddd",
                    (c, w, pc) -> SveOps.compare(
                            c, w & 15, g(w), n(w), size(w), e -> Vec.cut(sf(w, 20, 16), 8 * size(w)), fn, true));
        }
        Two[] unsigned = {HS, HI, LO, LS};
        String[] unsignedNames = {"CMPHS", "CMPHI", "CMPLO", "CMPLS"};
        for (int k = 0; k < 4; k++) {
            Two fn = unsigned[k];
            row(
                    unsignedNames[k] + " (immediate)",
                    "00100100ss1iiiiiii" + (k >> 1) + "gggnnnnn" + (k & 1) + "dddd",
                    (c, w, pc) -> SveOps.compare(c, w & 15, g(w), n(w), size(w), e -> f(w, 20, 14), fn, true));
        }
    }

    private void immediate(String name, int opcode, Two fn) {
        shiftable(
                name + " (immediate)",
                "00100101ss100" + five(opcode).substring(2) + "11hiiiiiiiiddddd",
                (c, w, pc) -> SveOps.mapConstant(
                        c, d(w), d(w), (long) f(w, 12, 5) << (f(w, 13, 13) != 0 ? 8 : 0), size(w), fn));
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
                    (c, w, pc) -> SveOps.mapConstant(
                            c,
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
                    (c, w, pc) -> SveOps.mapConstant(c, d(w), d(w), mask(c, w), 8, fn));
        }
        row("DUPM", "00000101110000iiiiiiiiiiiiiddddd", (c, w, pc) -> fill(c, d(w), mask(c, w), 8));
    }

    private static long mask(Arm64Interpreter c, int w) {
        long v = A64.bitmask(f(w, 17, 17), f(w, 10, 5), f(w, 16, 11), true);
        if (v == 0) throw c.undefined();
        return v;
    }

    private void permutes() {
        String[] names = {"ZIP1", "ZIP2", "UZP1", "UZP2", "TRN1", "TRN2"};
        for (int k = 0; k < 6; k++) {
            int kind = k / 2, part = k & 1;
            row(names[k] + " (vectors)", "00000101ss1mmmmm011" + five(k).substring(2) + "nnnnnddddd", (c, w, pc) -> {
                int size = size(w), n = SveOps.elements(c, size);
                long[] r = SveOps.vector(c);
                int pairs = n / 2;
                for (int e = 0; e < pairs * 2; e++) {
                    long v;
                    if (kind == 1) {
                        int at = 2 * e + part;
                        v = at < 2 * pairs ? SveOps.get(c, n(w), at, size) : SveOps.get(c, m(w), at - 2 * pairs, size);
                    } else
                        v = SveOps.get(
                                c,
                                (e & 1) == 0 ? n(w) : m(w),
                                kind == 0 ? e / 2 + part * pairs : (e & ~1) + part,
                                size);
                    SveOps.put(r, e, size, v);
                }
                SveOps.write(c, d(w), r);
            });
        }
        row("REV (vector)", "00000101ss111000001110nnnnnddddd", (c, w, pc) -> {
            int size = size(w), n = SveOps.elements(c, size);
            long[] r = SveOps.vector(c);
            for (int e = 0; e < n; e++) SveOps.put(r, e, size, SveOps.get(c, n(w), n - 1 - e, size));
            SveOps.write(c, d(w), r);
        });
        row("TBL (one register)", "00000101ss1mmmmm001100nnnnnddddd", (c, w, pc) -> {
            int size = size(w), n = SveOps.elements(c, size);
            long[] r = SveOps.vector(c);
            for (int e = 0; e < n; e++) {
                long i = SveOps.get(c, m(w), e, size);
                if (Long.compareUnsigned(i, n) < 0) SveOps.put(r, e, size, SveOps.get(c, n(w), (int) i, size));
            }
            SveOps.write(c, d(w), r);
        });
        row("EXT (destructive)", "00000101001iiiii000iiinnnnnddddd", (c, w, pc) -> {
            int at = m(w) << 3 | g(w);
            if (at >= c.vl) at = 0;
            long[] r = SveOps.vector(c);
            for (int e = 0; e < c.vl; e++)
                SveOps.put(
                        r,
                        e,
                        1,
                        e + at < c.vl ? SveOps.get(c, d(w), e + at, 1) : SveOps.get(c, n(w), e + at - c.vl, 1));
            SveOps.write(c, d(w), r);
        });
        row("INSR (scalar)", "00000101ss100100001110nnnnnddddd", (c, w, pc) -> {
            int size = size(w);
            long[] r = SveOps.vector(c);
            for (int e = SveOps.elements(c, size) - 1; e > 0; e--)
                SveOps.put(r, e, size, SveOps.get(c, d(w), e - 1, size));
            SveOps.put(r, 0, size, c.x[zr(n(w))]);
            SveOps.write(c, d(w), r);
        });
        for (int k = 0; k < 4; k++) {
            boolean unsigned = k >= 2, upper = (k & 1) != 0;
            sized(
                    (unsigned ? "U" : "S") + "UNPK" + (upper ? "HI" : "LO"),
                    "00000101ss1100" + two(k) + "001110nnnnnddddd",
                    1,
                    3,
                    (c, w, pc) -> {
                        int size = size(w), n = SveOps.elements(c, size);
                        long[] r = SveOps.vector(c);
                        for (int e = 0; e < n; e++) {
                            long v = SveOps.get(c, n(w), upper ? e + n : e, size / 2);
                            SveOps.put(r, e, size, unsigned ? v : LaneFn.s(v, 4 * size));
                        }
                        SveOps.write(c, d(w), r);
                    });
        }
        for (int k = 0; k < 2; k++) {
            boolean before = k == 1;
            row(
                    before ? "LASTB (scalar)" : "LASTA (scalar)",
                    "00000101ss10000" + k + "101gggnnnnnddddd",
                    (c, w, pc) -> {
                        int size = size(w), n = SveOps.elements(c, size), last = -1;
                        for (int e = 0; e < n; e++) if (SveOps.active(c, g(w), e, size)) last = e;
                        int at = before ? last < 0 ? n - 1 : last : last + 1 >= n ? 0 : last + 1;
                        c.x[zw(d(w))] = SveOps.get(c, n(w), at, size);
                    });
        }
    }

    /** dtype of contiguous loads: memory size, element size, sign extension. */
    private static final int[][] DTYPE = {
        {1, 1, 0}, {1, 2, 0}, {1, 4, 0}, {1, 8, 0}, {4, 8, 1}, {2, 2, 0}, {2, 4, 0}, {2, 8, 0},
        {2, 8, 1}, {2, 4, 1}, {4, 4, 0}, {4, 8, 0}, {1, 8, 1}, {1, 4, 1}, {1, 2, 1}, {8, 8, 0}
    };

    private static long scalars(Arm64Interpreter c, int w, int msize) {
        return c.base(n(w)) + c.x[zr(m(w))] * msize;
    }

    private void memory() {
        row("LDR (vector)", "1000010110iiiiii010iiinnnnnttttt", (c, w, pc) -> {
            long at = c.base(n(w)) + offset9(w) * c.vl;
            long[] r = SveOps.vector(c);
            for (int k = 0; k < c.vl; k += 8) r[k / 8] = little(c, c.ld64(at + k));
            SveOps.write(c, d(w), r);
        });
        row("STR (vector)", "1110010110iiiiii010iiinnnnnttttt", (c, w, pc) -> {
            long at = c.base(n(w)) + offset9(w) * c.vl;
            c.checkWrite(at, c.vl);
            for (int k = 0; k < c.vl; k += 8) c.st64(at + k, little(c, SveOps.get(c, d(w), k / 8, 8)));
        });
        row("LDR (predicate)", "1000010110iiiiii000iiinnnnn0tttt", (c, w, pc) -> {
            long at = c.base(n(w)) + offset9(w) * (c.vl / 8);
            long[] r = SveOps.predicate(c);
            for (int k = 0; k < c.vl / 8; k++) r[k / 8] |= c.ld8(at + k) << 8 * (k & 7);
            SveOps.writePredicate(c, w & 15, r);
        });
        row("STR (predicate)", "1110010110iiiiii000iiinnnnn0tttt", (c, w, pc) -> {
            long at = c.base(n(w)) + offset9(w) * (c.vl / 8);
            c.checkWrite(at, c.vl / 8);
            for (int k = 0; k < c.vl / 8; k++) c.st8(at + k, c.p[(w & 15) * c.pw + k / 8] >>> 8 * (k & 7));
        });
        for (int t = 0; t < 16; t++) {
            int[] k = DTYPE[t];
            String dt = four(t);
            row(
                    "LD1 " + dt + " (scalar plus immediate)",
                    "1010010" + dt + "0iiii101gggnnnnnttttt",
                    (c, w, pc) -> SveOps.load(
                            c,
                            d(w),
                            1,
                            c.base(n(w)) + sf(w, 19, 16) * (c.vl / k[1]) * k[0],
                            g(w),
                            k[1],
                            k[0],
                            k[2] != 0));
            row("LD1 " + dt + " (scalar plus scalar)", "1010010" + dt + "mmmmm010gggnnnnnttttt", (c, w, pc) -> {
                if (m(w) == 31) throw c.undefined();
                SveOps.load(c, d(w), 1, scalars(c, w, k[0]), g(w), k[1], k[0], k[2] != 0);
            });
            row(
                    "LDFF1 " + dt + " (scalar plus scalar)",
                    "1010010" + dt + "mmmmm011gggnnnnnttttt",
                    (c, w, pc) ->
                            SveOps.loadFirstFault(c, d(w), scalars(c, w, k[0]), g(w), k[1], k[0], k[2] != 0, true));
            row(
                    "LDNF1 " + dt,
                    "1010010" + dt + "1iiii101gggnnnnnttttt",
                    (c, w, pc) -> SveOps.loadFirstFault(
                            c,
                            d(w),
                            c.base(n(w)) + sf(w, 19, 16) * (c.vl / k[1]) * k[0],
                            g(w),
                            k[1],
                            k[0],
                            k[2] != 0,
                            false));
            row("LD1R " + dt, "1000010" + two(t >> 2) + "1iiiiii1" + two(t) + "gggnnnnnttttt", (c, w, pc) -> {
                boolean any = false;
                for (int e = 0; e < c.vl / k[1]; e++) any |= SveOps.active(c, g(w), e, k[1]);
                long[] r = SveOps.vector(c);
                if (any) {
                    long v = c.ld(c.base(n(w)) + (long) f(w, 21, 16) * k[0], k[0]);
                    if (k[2] != 0) v = LaneFn.s(v, 8 * k[0]);
                    for (int e = 0; e < c.vl / k[1]; e++)
                        if (SveOps.active(c, g(w), e, k[1])) SveOps.put(r, e, k[1], v);
                }
                SveOps.write(c, d(w), r);
            });
        }
        for (int msz = 0; msz < 4; msz++) {
            int mem = 1 << msz;
            for (int sz = msz; sz < 4; sz++) {
                int size = 1 << sz;
                String head = "1110010" + two(msz) + two(sz);
                row(
                        "ST1 " + two(msz) + two(sz) + " (scalar plus immediate)",
                        head + "0iiii111gggnnnnnttttt",
                        (c, w, pc) -> SveOps.store(
                                c, d(w), 1, c.base(n(w)) + sf(w, 19, 16) * (c.vl / size) * mem, g(w), size, mem));
                row(
                        "ST1 " + two(msz) + two(sz) + " (scalar plus scalar)",
                        head + "mmmmm010gggnnnnnttttt",
                        (c, w, pc) -> {
                            if (m(w) == 31) throw c.undefined();
                            SveOps.store(c, d(w), 1, scalars(c, w, mem), g(w), size, mem);
                        });
            }
            for (int regs = 2; regs < 5; regs++) {
                int count = regs;
                String opc = two(regs - 1);
                row(
                        "LD" + regs + " " + mem + " (scalar plus immediate)",
                        "1010010" + two(msz) + opc + "0iiii111gggnnnnnttttt",
                        (c, w, pc) -> SveOps.load(
                                c, d(w), count, c.base(n(w)) + sf(w, 19, 16) * c.vl * count, g(w), mem, mem, false));
                row(
                        "LD" + regs + " " + mem + " (scalar plus scalar)",
                        "1010010" + two(msz) + opc + "mmmmm110gggnnnnnttttt",
                        (c, w, pc) -> {
                            if (m(w) == 31) throw c.undefined();
                            SveOps.load(c, d(w), count, scalars(c, w, mem), g(w), mem, mem, false);
                        });
                row(
                        "ST" + regs + " " + mem + " (scalar plus immediate)",
                        "1110010" + two(msz) + opc + "1iiii111gggnnnnnttttt",
                        (c, w, pc) -> SveOps.store(
                                c, d(w), count, c.base(n(w)) + sf(w, 19, 16) * c.vl * count, g(w), mem, mem));
                row(
                        "ST" + regs + " " + mem + " (scalar plus scalar)",
                        "1110010" + two(msz) + opc + "mmmmm011gggnnnnnttttt",
                        (c, w, pc) -> {
                            if (m(w) == 31) throw c.undefined();
                            SveOps.store(c, d(w), count, scalars(c, w, mem), g(w), mem, mem);
                        });
            }
        }
    }

    /** The whole register is bytes: little-endian whatever the data endianness. */
    private static long little(Arm64Interpreter c, long v) {
        return c.bigEndian ? Long.reverseBytes(v) : v;
    }

    private static long offset9(int w) {
        return sf(w, 21, 16) << 3 | g(w);
    }
}
