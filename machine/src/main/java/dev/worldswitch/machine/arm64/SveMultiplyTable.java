package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.five;

import dev.worldswitch.machine.arm64.LaneFn.Three;
import dev.worldswitch.machine.arm64.LaneFn.Two;

/**
 * Multiplications without predicate, most of them SVE2's, with a vector or with one element of each 128 bits (Arm ARM C4.1
 * "SVE Integer Multiply-Add - Unpredicated", "SVE Multiply - Indexed", "SVE2 Integer Multiply - Unpredicated").
 */
final class SveMultiplyTable extends SveRows {
    private static final Two MUL = (f, a, b, n) -> a * b;
    private static final Three MLA = (f, d, a, b, n) -> d + a * b, MLS = (f, d, a, b, n) -> d - a * b;
    /** Of elements of {@code n} bits, into twice as many. */
    static final Three SMLAL = (f, d, a, b, n) -> d + LaneFn.s(a, n) * LaneFn.s(b, n),
            UMLAL = (f, d, a, b, n) -> d + a * b,
            SMLSL = (f, d, a, b, n) -> d - LaneFn.s(a, n) * LaneFn.s(b, n),
            UMLSL = (f, d, a, b, n) -> d - a * b,
            SMULL = (f, d, a, b, n) -> LaneFn.s(a, n) * LaneFn.s(b, n),
            UMULL = (f, d, a, b, n) -> a * b,
            SQDMULL = (f, d, a, b, n) -> LaneFn.sqdmull(f, a, b, n);

    @Override
    void build() {
        high();
        same("MLA", "00001", 0, MLA);
        same("MLS", "00001", 1, MLS);
        same("SQRDMLAH", "00010", 0, LaneFn::sqrdmlah);
        same("SQRDMLSH", "00010", 1, LaneFn::sqrdmlsh);
        same("SQDMULH", "11110", 0, (f, d, a, b, n) -> LaneFn.sqdmulh(f, a, b, n));
        same("SQRDMULH", "11110", 1, (f, d, a, b, n) -> LaneFn.sqrdmulh(f, a, b, n));
        same("MUL", "11111", 0, (f, d, a, b, n) -> a * b);
        for (int k = 0; k < 2; k++) {
            Three fn = k == 0 ? LaneFn::sqrdmlah : LaneFn::sqrdmlsh;
            row(
                    k == 0 ? "SQRDMLAH (vectors)" : "SQRDMLSH (vectors)",
                    "01000100ss0mmmmm01110" + k + "nnnnnddddd",
                    Feature.SVE2,
                    w -> SveLanes.map3(d(w), d(w), n(w), m(w), size(w), fn));
        }
        Three[] longs = {SMLAL, UMLAL, SMLSL, UMLSL, SMULL, UMULL};
        String[] names = {"SMLAL", "UMLAL", "SMLSL", "UMLSL", "SMULL", "UMULL"};
        for (int k = 0; k < 6; k++) {
            if (k < 4) widening(names[k], "010" + two(k), longs[k]);
            wideningIndexed(names[k], "1" + five(k).substring(2), longs[k]);
        }
        widening("SQDMLAL", "01100", LaneFn::sqdmlal);
        widening("SQDMLSL", "01101", LaneFn::sqdmlsl);
        wideningIndexed("SQDMLAL", "0010", LaneFn::sqdmlal);
        wideningIndexed("SQDMLSL", "0011", LaneFn::sqdmlsl);
        wideningIndexed("SQDMULL", "1110", SQDMULL);
        for (int k = 0; k < 2; k++) {
            Three fn = k == 0 ? LaneFn::sqdmlal : LaneFn::sqdmlsl;
            sized(
                    k == 0 ? "SQDMLALBT" : "SQDMLSLBT",
                    "01000100ss0mmmmm00001" + k + "nnnnnddddd",
                    Feature.SVE2,
                    1,
                    3,
                    (c, w, pc) -> SveOps.widen(c, d(w), n(w), m(w), size(w), 0, 1, fn));
        }
        dots();
    }

    /** MUL, PMUL and the high halves, into a third register. */
    private void high() {
        Two[] fns = {MUL, LaneFn::pmul, SveIntegerTable.SMULH, SveIntegerTable.UMULH, LaneFn::sqdmulh, LaneFn::sqrdmulh
        };
        String[] names = {"MUL", "PMUL", "SMULH", "UMULH", "SQDMULH", "SQRDMULH"};
        for (int k = 0; k < 6; k++) {
            Two fn = fns[k];
            sized(
                    names[k] + " (vectors, unpredicated)",
                    "00000100ss1mmmmm011" + five(k).substring(2) + "nnnnnddddd",
                    Feature.SVE2,
                    0,
                    k == 1 ? 0 : 3,
                    w -> SveLanes.map(d(w), n(w), m(w), size(w), fn));
        }
    }

    /** Register and index of an element of 16 (sizes 0 and 1), 32 or 64 bits. */
    private static int register(int w, int size) {
        return size == 8 ? f(w, 19, 16) : f(w, 18, 16);
    }

    private static int index(int w, int size) {
        return size == 8 ? f(w, 20, 20) : size == 4 ? f(w, 20, 19) : f(w, 22, 22) << 2 | f(w, 20, 19);
    }

    private static int indexedSize(int w) {
        return Math.max(size(w), 2);
    }

    private void same(String name, String op, int low, Three fn) {
        row(name + " (indexed)", "01000100ss1mmmmm" + op + low + "nnnnnddddd", Feature.SVE2, (c, w, pc) -> {
            int size = indexedSize(w);
            SveOps.mapIndexed(c, d(w), n(w), register(w, size), index(w, size), size, fn);
        });
    }

    private void widening(String name, String op, Three fn) {
        for (int t = 0; t < 2; t++) {
            int top = t;
            sized(
                    name + (t == 0 ? "B" : "T") + " (vectors)",
                    "01000100ss0mmmmm" + op + t + "nnnnnddddd",
                    Feature.SVE2,
                    1,
                    3,
                    (c, w, pc) -> SveOps.widen(c, d(w), n(w), m(w), size(w), top, top, fn));
        }
    }

    private void wideningIndexed(String name, String op, Three fn) {
        for (int t = 0; t < 2; t++) {
            int top = t;
            sized(
                    name + (t == 0 ? "B" : "T") + " (indexed)",
                    "01000100ss1mmmmm" + op + "i" + t + "nnnnnddddd",
                    Feature.SVE2,
                    2,
                    3,
                    (c, w, pc) -> {
                        boolean words = size(w) == 8;
                        int reg = words ? f(w, 19, 16) : f(w, 18, 16);
                        int index = words ? f(w, 20, 20) << 1 | f(w, 11, 11) : f(w, 20, 19) << 1 | f(w, 11, 11);
                        SveOps.widenIndexed(c, d(w), n(w), reg, index, size(w), top, fn);
                    });
        }
    }

    private void dot(String name, String op, Feature feature, int from, int to, Three fn) {
        sized(
                name + " (vectors)",
                "01000100ss0mmmmm" + op + "nnnnnddddd",
                feature,
                from,
                to,
                w -> SveLanes.map3(d(w), d(w), n(w), m(w), size(w), fn));
    }

    private void dotIndexed(String name, String op, Feature feature, int to, Three fn) {
        sized(name + " (indexed)", "01000100ss1mmmmm" + op + "nnnnnddddd", feature, 2, to, (c, w, pc) -> {
            int size = size(w);
            SveOps.mapIndexed(c, d(w), n(w), register(w, size), index(w, size), size, fn);
        });
    }

    private void dots() {
        dot("SDOT", "000000", Feature.SVE, 2, 3, LaneFn::sdot);
        dot("UDOT", "000001", Feature.SVE, 2, 3, LaneFn::udot);
        dot("USDOT", "011110", Feature.SVE_I8MM, 2, 2, LaneFn::usdot);
        dotIndexed("SDOT", "000000", Feature.SVE, 3, LaneFn::sdot);
        dotIndexed("UDOT", "000001", Feature.SVE, 3, LaneFn::udot);
        dotIndexed("USDOT", "000110", Feature.SVE_I8MM, 2, LaneFn::usdot);
        dotIndexed("SUDOT", "000111", Feature.SVE_I8MM, 2, LaneFn::sudot);
        String[] names = {"SMMLA", "", "USMMLA", "UMMLA"};
        for (int k : new int[] {0, 2, 3}) {
            boolean signedA = k == 0, signedB = k < 3;
            row(
                    names[k],
                    "01000101" + two(k) + "0mmmmm100110nnnnnddddd",
                    Feature.SVE_I8MM,
                    (c, w, pc) -> matrix(c, w, signedA, signedB));
        }
    }

    private static void matrix(Arm64Interpreter c, int w, boolean signedA, boolean signedB) {
        long[] r = SveOps.vector(c);
        for (int e = 0; e < c.vl / 4; e++) {
            int segment = e & ~3, i = e >> 1 & 1, j = e & 1;
            long sum = SveOps.get(c, d(w), e, 4);
            for (int k = 0; k < 8; k++) {
                long x = SveOps.get(c, n(w), 4 * segment + 8 * i + k, 1),
                        y = SveOps.get(c, m(w), 4 * segment + 8 * j + k, 1);
                sum += (signedA ? (byte) x : x) * (signedB ? (byte) y : y);
            }
            SveOps.put(r, e, 4, sum);
        }
        SveOps.write(c, d(w), r);
    }
}
