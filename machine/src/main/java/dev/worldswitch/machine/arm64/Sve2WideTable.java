package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.five;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;

/** SVE2 between element sizes, complex integers, long carries (Arm ARM C4.1 "SVE2 Widening", "Narrowing", "Accumulate"). */
final class Sve2WideTable extends SveRows {
    @Override
    void build() {
        widening();
        wide();
        shiftsLong();
        narrowing();
        carries();
        complex();
        dots();
    }

    private static final Two ADD = (f, a, b, n) -> a + b, SUB = (f, a, b, n) -> a - b;

    /** A meaning on numbers that are as wide as the result. */
    private static Three extended(Two fn, boolean unsigned) {
        return (f, d, a, b, n) -> unsigned ? fn.of(f, a, b, 2 * n) : fn.of(f, LaneFn.s(a, n), LaneFn.s(b, n), 64);
    }

    private void widening(String name, String op, Feature feature, int from, int a, int b, Three fn) {
        sized(
                name,
                "01000101ss0mmmmm" + op + "nnnnnddddd",
                feature,
                from,
                3,
                (c, w, pc) -> SveOps.widen(c, d(w), n(w), m(w), size(w), a, b, fn));
    }

    private void widening() {
        Two[] fns = {ADD, SUB, null, LaneFn::sabd};
        String[] names = {"ADDL", "SUBL", "", "ABDL"};
        for (int k : new int[] {0, 1, 3}) {
            for (int u = 0; u < 2; u++) {
                Two plain = k == 3 && u == 1 ? LaneFn::uabd : fns[k];
                Three fn = extended(plain, u == 1);
                for (int t = 0; t < 2; t++)
                    widening(
                            "SU".charAt(u) + names[k] + "BT".charAt(t),
                            "00" + two(k) + u + t,
                            Feature.SVE2,
                            1,
                            t,
                            t,
                            fn);
            }
        }
        widening("SADDLBT", "100000", Feature.SVE2, 1, 0, 1, extended(ADD, false));
        widening("SSUBLBT", "100010", Feature.SVE2, 1, 0, 1, extended(SUB, false));
        widening("SSUBLTB", "100011", Feature.SVE2, 1, 1, 0, extended(SUB, false));
        for (int t = 0; t < 2; t++) {
            char end = "BT".charAt(t);
            widening("SQDMULL" + end + " (vectors)", "01100" + t, Feature.SVE2, 1, t, t, SveMultiplyTable.SQDMULL);
            widening("SMULL" + end + " (vectors)", "01110" + t, Feature.SVE2, 1, t, t, SveMultiplyTable.SMULL);
            widening("UMULL" + end + " (vectors)", "01111" + t, Feature.SVE2, 1, t, t, SveMultiplyTable.UMULL);
            widening("SABAL" + end, "11000" + t, Feature.SVE2, 1, t, t, (f, d, a, b, n) -> d + LaneFn.sabd(f, a, b, n));
            widening("UABAL" + end, "11001" + t, Feature.SVE2, 1, t, t, (f, d, a, b, n) -> d + LaneFn.uabd(f, a, b, n));
            Three pmul = (f, d, a, b, n) -> LaneFn.pmul(f, a, b, n);
            int top = t;
            row(
                    "PMULL" + end,
                    "01000101s10mmmmm01101" + t + "nnnnnddddd",
                    Feature.SVE2,
                    (c, w, pc) -> SveOps.widen(c, d(w), n(w), m(w), size(w), top, top, pmul));
            row(
                    "PMULL" + end + " (quadwords)",
                    "01000101000mmmmm01101" + t + "nnnnnddddd",
                    Feature.SVE_PMULL,
                    (c, w, pc) -> {
                        long[] r = SveOps.vector(c);
                        for (int i = 0; i < c.vl / 8; i += 2) {
                            long a = SveOps.get(c, n(w), i + top, 8), b = SveOps.get(c, m(w), i + top, 8);
                            r[i] = LaneFn.pmul(c.fpu, a, b, 64);
                            r[i + 1] = LaneFn.pmulHigh(a, b);
                        }
                        SveOps.write(c, d(w), r);
                    });
        }
    }

    private void wide() {
        for (int k = 0; k < 8; k++) {
            boolean subtract = k >= 4, unsigned = (k & 2) != 0;
            int top = k & 1;
            String name = "SU".charAt(k >> 1 & 1) + (subtract ? "SUBW" : "ADDW") + "BT".charAt(top);
            sized(name, "01000101ss0mmmmm010" + five(k).substring(2) + "nnnnnddddd", Feature.SVE2, 1, 3, (c, w, pc) -> {
                int size = size(w), half = size / 2;
                long[] r = SveOps.vector(c);
                for (int e = 0; e < SveOps.elements(c, size); e++) {
                    long b = SveOps.get(c, m(w), 2 * e + top, half), a = SveOps.get(c, n(w), e, size);
                    if (!unsigned) b = LaneFn.s(b, 4 * size);
                    SveOps.put(r, e, size, subtract ? a - b : a + b);
                }
                SveOps.write(c, d(w), r);
            });
        }
    }

    /** tsz of three bits: of the narrower elements, one hot; others with bit 23 set do not exist. */
    private static int tsz(int w) {
        return f(w, 23, 23) != 0 ? 0 : f(w, 22, 22) << 2 | f(w, 20, 19);
    }

    private void shiftsLong() {
        for (int k = 0; k < 4; k++) {
            boolean unsigned = k >= 2;
            int top = k & 1;
            String name = (unsigned ? "USHLL" : "SSHLL") + "BT".charAt(top);
            row(name, "010001010t0ttiii1010" + two(k) + "nnnnnddddd", Feature.SVE2, w -> tsz(w) != 0, (c, w, pc) -> {
                int half = Integer.highestOneBit(tsz(w)), size = 2 * half;
                int by = (tsz(w) << 3 | f(w, 18, 16)) - 8 * half;
                long[] r = SveOps.vector(c);
                for (int e = 0; e < SveOps.elements(c, size); e++) {
                    long a = SveOps.get(c, n(w), 2 * e + top, half);
                    SveOps.put(r, e, size, (unsigned ? a : LaneFn.s(a, 8 * half)) << by);
                }
                SveOps.write(c, d(w), r);
            });
        }
    }

    /** d[2e + top] = f(n[e]) of half the size; the bottom form clears the odd elements, the top form keeps the even ones. */
    private static void narrow(Arm64Interpreter c, int w, int half, int top, long by, Two fn) {
        long[] r = top != 0 ? SveOps.copy(c, d(w)) : SveOps.vector(c);
        for (int e = 0; e < SveOps.elements(c, 2 * half); e++)
            SveOps.put(r, 2 * e + top, half, fn.of(c.fpu, SveOps.get(c, n(w), e, 2 * half), by, 8 * half));
        SveOps.write(c, d(w), r);
    }

    private void narrowing() {
        Two[] extracts = {LaneFn::sqxtn, LaneFn::uqxtn, LaneFn::sqxtun};
        String[] extractNames = {"SQXTN", "UQXTN", "SQXTUN"};
        Two[] shifts = {
            LaneFn::sqshrun, LaneFn::sqrshrun, LaneFn::shrn, LaneFn::rshrn,
            LaneFn::sqshrn, LaneFn::sqrshrn, LaneFn::uqshrn, LaneFn::uqrshrn
        };
        String[] shiftNames = {"SQSHRUN", "SQRSHRUN", "SHRN", "RSHRN", "SQSHRN", "SQRSHRN", "UQSHRN", "UQRSHRN"};
        for (int t = 0; t < 2; t++) {
            int top = t;
            char end = "BT".charAt(t);
            for (int k = 0; k < 3; k++) {
                Two fn = extracts[k];
                row(
                        extractNames[k] + end,
                        "010001010t1tt000010" + two(k) + t + "nnnnnddddd",
                        Feature.SVE2,
                        w -> Integer.bitCount(tsz(w)) == 1,
                        (c, w, pc) -> narrow(c, w, tsz(w), top, 0, fn));
            }
            for (int k = 0; k < 8; k++) {
                Two fn = shifts[k];
                row(
                        shiftNames[k] + end,
                        "010001010t1ttiii00" + five(k).substring(2) + t + "nnnnnddddd",
                        Feature.SVE2,
                        w -> tsz(w) != 0,
                        (c, w, pc) -> {
                            int half = Integer.highestOneBit(tsz(w));
                            narrow(c, w, half, top, (tsz(w) << 3 | f(w, 18, 16)) - 16 * half, fn);
                        });
            }
            for (int k = 0; k < 4; k++) {
                boolean subtract = k >= 2, round = (k & 1) != 0;
                String name = (round ? "R" : "") + (subtract ? "SUBHN" : "ADDHN") + end;
                sized(name, "01000101ss1mmmmm011" + two(k) + t + "nnnnnddddd", Feature.SVE2, 1, 3, (c, w, pc) -> {
                    int size = size(w), half = size / 2;
                    long[] r = top != 0 ? SveOps.copy(c, d(w)) : SveOps.vector(c);
                    for (int e = 0; e < SveOps.elements(c, size); e++) {
                        long a = SveOps.get(c, n(w), e, size), b = SveOps.get(c, m(w), e, size);
                        long sum = (subtract ? a - b : a + b) + (round ? 1L << 4 * size - 1 : 0);
                        SveOps.put(r, 2 * e + top, half, sum >>> 4 * size);
                    }
                    SveOps.write(c, d(w), r);
                });
            }
        }
    }

    private void carries() {
        for (int t = 0; t < 2; t++) {
            int top = t;
            row(
                    "ADCL, SBCL " + "BT".charAt(t),
                    "01000101sz0mmmmm11010" + t + "nnnnnddddd",
                    Feature.SVE2,
                    (c, w, pc) -> {
                        int size = f(w, 22, 22) != 0 ? 8 : 4, bits = 8 * size;
                        boolean inverted = f(w, 23, 23) != 0;
                        long[] r = SveOps.vector(c);
                        for (int e = 0; e < SveOps.elements(c, size); e += 2) {
                            long a = SveOps.get(c, d(w), e, size), b = SveOps.get(c, n(w), e + top, size);
                            if (inverted) b = Vec.cut(~b, bits);
                            int carry = (int) SveOps.get(c, m(w), e + 1, size) & 1;
                            SveOps.put(r, e, size, a + b + carry);
                            SveOps.put(r, e + 1, size, bits == 64 ? A64.adcC64(a, b, carry) : a + b + carry >>> 32);
                        }
                        SveOps.write(c, d(w), r);
                    });
        }
    }

    private void complex() {
        for (int k = 0; k < 4; k++) {
            boolean saturating = k >= 2, minus = (k & 1) != 0;
            Two add = saturating ? LaneFn::sqadd : ADD, sub = saturating ? LaneFn::sqsub : SUB;
            row(
                    (saturating ? "SQCADD #" : "CADD #") + (minus ? 270 : 90),
                    "01000101ss00000" + (k >> 1) + "11011" + (k & 1) + "mmmmmddddd",
                    Feature.SVE2,
                    (c, w, pc) -> {
                        int size = size(w), bits = 8 * size;
                        long[] r = SveOps.vector(c);
                        for (int e = 0; e < SveOps.elements(c, size); e += 2) {
                            long re = SveOps.get(c, d(w), e, size), im = SveOps.get(c, d(w), e + 1, size);
                            long mr = SveOps.get(c, n(w), e, size), mi = SveOps.get(c, n(w), e + 1, size);
                            SveOps.put(r, e, size, (minus ? add : sub).of(c.fpu, re, mi, bits));
                            SveOps.put(r, e + 1, size, (minus ? sub : add).of(c.fpu, im, mr, bits));
                        }
                        SveOps.write(c, d(w), r);
                    });
        }
        Three mla = (f, d, a, b, n) -> d + a * b, mls = (f, d, a, b, n) -> d - a * b;
        for (int k = 0; k < 2; k++) {
            Three plus = k == 0 ? mla : LaneFn::sqrdmlah, minus = k == 0 ? mls : LaneFn::sqrdmlsh;
            String name = k == 0 ? "CMLA" : "SQRDCMLAH";
            row(
                    name + " (vectors)",
                    "01000100ss0mmmmm001" + k + "rrnnnnnddddd",
                    Feature.SVE2,
                    (c, w, pc) -> multiply(c, w, m(w), -1, size(w), plus, minus));
            row(name + " (indexed)", "010001001z1mmmmm011" + k + "rrnnnnnddddd", Feature.SVE2, (c, w, pc) -> {
                boolean words = f(w, 22, 22) != 0;
                int reg = words ? f(w, 19, 16) : f(w, 18, 16);
                multiply(c, w, reg, words ? f(w, 20, 20) : f(w, 20, 19), words ? 4 : 2, plus, minus);
            });
        }
    }

    /** The rotation in bits 11 and 10 says which part of the first factor is taken and what is subtracted. */
    private static void multiply(Arm64Interpreter c, int w, int m, int index, int size, Three plus, Three minus) {
        int rotation = f(w, 11, 10), part = rotation & 1, pairs = 16 / size;
        boolean subR = rotation == 1 || rotation == 2, subI = rotation >= 2;
        long[] r = SveOps.vector(c);
        for (int e = 0; e < SveOps.elements(c, size); e += 2) {
            int p = index < 0 ? e : (e & -pairs) + 2 * index;
            long a = SveOps.get(c, n(w), e + part, size);
            long x = SveOps.get(c, m, p + part, size), y = SveOps.get(c, m, p + 1 - part, size);
            SveOps.put(r, e, size, (subR ? minus : plus).of(c.fpu, SveOps.get(c, d(w), e, size), a, x, 8 * size));
            SveOps.put(
                    r, e + 1, size, (subI ? minus : plus).of(c.fpu, SveOps.get(c, d(w), e + 1, size), a, y, 8 * size));
        }
        SveOps.write(c, d(w), r);
    }

    private void dots() {
        sized(
                "CDOT (vectors)",
                "01000100ss0mmmmm0001rrnnnnnddddd",
                Feature.SVE2,
                2,
                3,
                (c, w, pc) -> dot(c, w, m(w), -1));
        sized("CDOT (indexed)", "01000100ss1mmmmm0100rrnnnnnddddd", Feature.SVE2, 2, 3, (c, w, pc) -> {
            boolean wide = size(w) == 8;
            dot(c, w, wide ? f(w, 19, 16) : f(w, 18, 16), wide ? f(w, 20, 20) : f(w, 20, 19));
        });
    }

    private static void dot(Arm64Interpreter c, int w, int m, int index) {
        int size = size(w), quarter = size / 4, rotation = f(w, 11, 10), part = rotation & 1, group = 16 / size;
        boolean subtract = rotation == 0 || rotation == 3;
        long[] r = SveOps.vector(c);
        for (int e = 0; e < SveOps.elements(c, size); e++) {
            int p = index < 0 ? e : (e & -group) + index;
            long sum = SveOps.get(c, d(w), e, size);
            for (int i = 0; i < 4; i += 2) {
                long re = LaneFn.s(SveOps.get(c, n(w), 4 * e + i, quarter), 2 * size),
                        im = LaneFn.s(SveOps.get(c, n(w), 4 * e + i + 1, quarter), 2 * size);
                long x = LaneFn.s(SveOps.get(c, m, 4 * p + i + part, quarter), 2 * size),
                        y = LaneFn.s(SveOps.get(c, m, 4 * p + i + 1 - part, quarter), 2 * size);
                sum += re * x + (subtract ? -im * y : im * y);
            }
            SveOps.put(r, e, size, sum);
        }
        SveOps.write(c, d(w), r);
    }
}
