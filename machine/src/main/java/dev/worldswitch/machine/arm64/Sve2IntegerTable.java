package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.five;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;

/** SVE2 with a predicate, shifts by immediates, bitwise operations (Arm ARM C4.1 "SVE2 Integer - Predicated" and others). */
final class Sve2IntegerTable extends SveRows {
    @Override
    void build() {
        predicated();
        pairwise();
        unary();
        shifts();
        bitwise();
        search();
    }

    private void predicated(String name, int opcode, Two fn) {
        row(
                name + " (predicated)",
                "01000100ss0" + five(opcode) + "100gggmmmmmddddd",
                Feature.SVE2,
                w -> SveLanes.merge(d(w), d(w), n(w), g(w), size(w), fn));
    }

    private void reversed(String name, int opcode, Two fn) {
        predicated(name, opcode, (f, a, b, n) -> fn.of(f, b, a, n));
    }

    private void predicated() {
        String[] shifts = {"SRSHL", "URSHL", "SQSHL", "UQSHL", "SQRSHL", "UQRSHL"};
        Two[] fns = {LaneFn::srshl, LaneFn::urshl, LaneFn::sqshl, LaneFn::uqshl, LaneFn::sqrshl, LaneFn::uqrshl};
        int[] opcodes = {2, 3, 8, 9, 10, 11};
        for (int k = 0; k < 6; k++) {
            Two fn = fns[k];
            // The amount is the whole element, not its low byte.
            Two whole = (f, a, b, n) -> fn.of(f, a, Math.clamp(LaneFn.s(b, n), -128, 127), n);
            predicated(shifts[k], opcodes[k], whole);
            reversed(shifts[k] + "R", opcodes[k] + 4, whole);
        }
        predicated("SHADD", 16, LaneFn::shadd);
        predicated("UHADD", 17, LaneFn::uhadd);
        predicated("SHSUB", 18, LaneFn::shsub);
        predicated("UHSUB", 19, LaneFn::uhsub);
        predicated("SRHADD", 20, LaneFn::srhadd);
        predicated("URHADD", 21, LaneFn::urhadd);
        reversed("SHSUBR", 22, LaneFn::shsub);
        reversed("UHSUBR", 23, LaneFn::uhsub);
        predicated("SQADD", 24, LaneFn::sqadd);
        predicated("UQADD", 25, LaneFn::uqadd);
        predicated("SQSUB", 26, LaneFn::sqsub);
        predicated("UQSUB", 27, LaneFn::uqsub);
        predicated("SUQADD", 28, (f, a, b, n) -> LaneFn.suqadd(f, a, b, 0, n));
        predicated("USQADD", 29, (f, a, b, n) -> LaneFn.usqadd(f, a, b, 0, n));
        reversed("SQSUBR", 30, LaneFn::sqsub);
        reversed("UQSUBR", 31, LaneFn::uqsub);
    }

    private void pair(String name, int opcode, Two fn) {
        row(
                name,
                "01000100ss0" + five(opcode) + "101gggmmmmmddddd",
                Feature.SVE2,
                (c, w, pc) -> SveOps.pairs(c, w, size(w), fn));
    }

    private void pairwise() {
        pair("ADDP", 17, (f, a, b, n) -> a + b);
        pair("SMAXP", 20, LaneFn::smax);
        pair("UMAXP", 21, LaneFn::umax);
        pair("SMINP", 22, LaneFn::smin);
        pair("UMINP", 23, LaneFn::umin);
        for (int u = 0; u < 2; u++) {
            boolean signed = u == 0;
            sized(
                    u == 0 ? "SADALP" : "UADALP",
                    "01000100ss00010" + u + "101gggnnnnnddddd",
                    Feature.SVE2,
                    1,
                    3,
                    (c, w, pc) -> {
                        int size = size(w), half = size / 2;
                        long[] r = SveOps.copy(c, d(w));
                        for (int e = 0; e < SveOps.elements(c, size); e++) {
                            if (!SveOps.active(c, g(w), e, size)) continue;
                            long a = SveOps.get(c, n(w), 2 * e, half), b = SveOps.get(c, n(w), 2 * e + 1, half);
                            long sum = signed ? LaneFn.s(a, 4 * size) + LaneFn.s(b, 4 * size) : a + b;
                            SveOps.put(r, e, size, SveOps.get(c, d(w), e, size) + sum);
                        }
                        SveOps.write(c, d(w), r);
                    });
        }
    }

    private void unary(String name, int opcode, int from, int to, Two fn) {
        sized(
                name,
                "01000100ss0" + five(opcode) + "101gggnnnnnddddd",
                Feature.SVE2,
                from,
                to,
                w -> SveLanes.mergeConstant(d(w), n(w), g(w), 0, size(w), fn));
    }

    private void unary() {
        unary("URECPE", 0, 2, 2, FpEstimates::urecpe);
        unary("URSQRTE", 1, 2, 2, FpEstimates::ursqrte);
        unary("SQABS", 8, 0, 3, LaneFn::sqabs);
        unary("SQNEG", 9, 0, 3, LaneFn::sqneg);
    }

    /** tszh, tszl and imm3 of a shift without predicate; 0 is unallocated. */
    static int tsz(int w) {
        return f(w, 23, 22) << 2 | f(w, 20, 19);
    }

    /** The amount as {@link LaneFn} shifts take it: negative to the right. */
    static int amount(int w, boolean left) {
        int size = Integer.highestOneBit(tsz(w)), imm = tsz(w) << 3 | f(w, 18, 16);
        return left ? imm - 8 * size : imm - 16 * size;
    }

    private void predicatedShift(String name, String op, boolean left, Two fn) {
        row(
                name + " (immediate)",
                "00000100tt00" + op + "100gggttiiiddddd",
                Feature.SVE2,
                w -> f(w, 23, 22) != 0 || f(w, 9, 8) != 0,
                w -> {
                    int t = f(w, 23, 22) << 2 | f(w, 9, 8), size = Integer.highestOneBit(t);
                    int imm = t << 3 | f(w, 7, 5);
                    return SveLanes.mergeConstant(d(w), d(w), g(w), left ? imm - 8 * size : imm - 16 * size, size, fn);
                });
    }

    private void accumulate(String name, String op, boolean left, Three fn) {
        row(name, "01000101tt0ttiii111" + op + "nnnnnddddd", Feature.SVE2, w -> tsz(w) != 0, (c, w, pc) -> {
            int size = Integer.highestOneBit(tsz(w)), by = amount(w, left);
            long[] r = SveOps.vector(c);
            for (int e = 0; e < SveOps.elements(c, size); e++)
                SveOps.put(
                        r,
                        e,
                        size,
                        fn.of(c.fpu, SveOps.get(c, d(w), e, size), SveOps.get(c, n(w), e, size), by, 8 * size));
            SveOps.write(c, d(w), r);
        });
    }

    private void shifts() {
        predicatedShift("SQSHL", "0110", true, LaneFn::sqshl);
        predicatedShift("UQSHL", "0111", true, LaneFn::uqshl);
        predicatedShift("SRSHR", "1100", false, LaneFn::srshl);
        predicatedShift("URSHR", "1101", false, LaneFn::urshl);
        predicatedShift("SQSHLU", "1111", true, LaneFn::sqshlu);
        accumulate("SSRA", "000", false, (f, d, a, b, n) -> d + LaneFn.sshl(f, a, b, n));
        accumulate("USRA", "001", false, (f, d, a, b, n) -> d + LaneFn.ushl(f, a, b, n));
        accumulate("SRSRA", "010", false, (f, d, a, b, n) -> d + LaneFn.srshl(f, a, b, n));
        accumulate("URSRA", "011", false, (f, d, a, b, n) -> d + LaneFn.urshl(f, a, b, n));
        accumulate("SRI", "100", false, LaneFn::sri);
        accumulate("SLI", "101", true, LaneFn::sli);
        for (int u = 0; u < 2; u++) {
            Two distance = u == 0 ? LaneFn::sabd : LaneFn::uabd;
            Three fn = (f, d, a, b, n) -> d + distance.of(f, a, b, n);
            row(
                    u == 0 ? "SABA" : "UABA",
                    "01000101ss0mmmmm11111" + u + "nnnnnddddd",
                    Feature.SVE2,
                    w -> SveLanes.map3(d(w), d(w), n(w), m(w), size(w), fn));
        }
        Two[] xar = new Two[65];
        for (int k = 0; k < 65; k++) {
            int by = k;
            xar[k] = (f, a, b, n) -> {
                long x = a ^ b;
                return n == 64 ? Long.rotateRight(x, by) : x >>> by | x << n - by;
            };
        }
        row("XAR", "00000100tt1ttiii001101mmmmmddddd", Feature.SVE2, w -> tsz(w) != 0, w -> {
            int size = Integer.highestOneBit(tsz(w)), by = -amount(w, false);
            return SveLanes.map(d(w), d(w), n(w), size, xar[by]);
        });
    }

    private void ternary(String name, String op, Three fn) {
        row(
                name,
                "00000100" + op.substring(0, 2) + "1mmmmm00111" + op.charAt(2) + "kkkkkddddd",
                Feature.SVE2,
                w -> SveLanes.map3(d(w), d(w), m(w), n(w), 8, fn));
    }

    private void bitwise() {
        ternary("EOR3", "000", (f, d, m, k, n) -> d ^ m ^ k);
        ternary("BCAX", "010", (f, d, m, k, n) -> d ^ m & ~k);
        ternary("BSL", "001", (f, d, m, k, n) -> d & k | m & ~k);
        ternary("BSL1N", "011", (f, d, m, k, n) -> ~d & k | m & ~k);
        ternary("BSL2N", "101", (f, d, m, k, n) -> d & k | ~m & ~k);
        ternary("NBSL", "111", (f, d, m, k, n) -> ~(d & k | m & ~k));
        Two[] fns = {LaneFn::bext, LaneFn::bdep, LaneFn::bgrp};
        String[] names = {"BEXT", "BDEP", "BGRP"};
        for (int k = 0; k < 3; k++) {
            Two fn = fns[k];
            row(
                    names[k],
                    "01000101ss0mmmmm1011" + two(k) + "nnnnnddddd",
                    Feature.SVE_BITPERM,
                    w -> SveLanes.map(d(w), n(w), m(w), size(w), fn));
        }
        for (int k = 0; k < 2; k++) {
            int tb = k;
            row(k == 0 ? "EORBT" : "EORTB", "01000101ss0mmmmm10010" + k + "nnnnnddddd", Feature.SVE2, (c, w, pc) -> {
                int size = size(w);
                long[] r = SveOps.copy(c, d(w));
                for (int e = 0; e < SveOps.elements(c, size); e += 2)
                    SveOps.put(
                            r, e + tb, size, SveOps.get(c, n(w), e + tb, size) ^ SveOps.get(c, m(w), e + 1 - tb, size));
                SveOps.write(c, d(w), r);
            });
        }
    }

    private void search() {
        for (int k = 0; k < 2; k++) {
            boolean match = k == 0;
            sized(
                    match ? "MATCH" : "NMATCH",
                    "01000101ss1mmmmm100gggnnnnn" + k + "dddd",
                    Feature.SVE2,
                    0,
                    1,
                    (c, w, pc) -> {
                        int size = size(w), mask = 16 / size - 1;
                        long[] active = SveOps.copyPredicate(c, g(w)), r = SveOps.predicate(c);
                        for (int e = 0; e < SveOps.elements(c, size); e++)
                            if (SveOps.test(active, e, size)
                                    && (count(c, m(w), SveOps.get(c, n(w), e, size), e & ~mask, mask + 1, size) != 0)
                                            == match) SveOps.set(r, e, size);
                        SveOps.writePredicate(c, w & 15, r);
                        SveOps.flags(c, active, r, size);
                    });
        }
        sized("HISTCNT", "01000101ss1mmmmm110gggnnnnnddddd", Feature.SVE2, 2, 3, (c, w, pc) -> {
            int size = size(w);
            long[] r = SveOps.vector(c);
            for (int e = 0; e < SveOps.elements(c, size); e++) {
                if (!SveOps.active(c, g(w), e, size)) continue;
                long v = SveOps.get(c, n(w), e, size);
                int count = 0;
                for (int i = 0; i <= e; i++)
                    if (SveOps.active(c, g(w), i, size) && SveOps.get(c, m(w), i, size) == v) count++;
                SveOps.put(r, e, size, count);
            }
            SveOps.write(c, d(w), r);
        });
        sized("HISTSEG", "01000101ss1mmmmm101000nnnnnddddd", Feature.SVE2, 0, 0, (c, w, pc) -> {
            long[] r = SveOps.vector(c);
            for (int e = 0; e < c.vl; e++)
                SveOps.put(r, e, 1, count(c, m(w), SveOps.get(c, n(w), e, 1), e & ~15, 16, 1));
            SveOps.write(c, d(w), r);
        });
    }

    private static int count(Arm64Interpreter c, int r, long v, int from, int n, int size) {
        int count = 0;
        for (int e = from; e < from + n; e++) if (SveOps.get(c, r, e, size) == v) count++;
        return count;
    }
}
