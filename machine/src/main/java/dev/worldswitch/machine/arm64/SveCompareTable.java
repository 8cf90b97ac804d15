package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.sf;

import dev.worldswitch.machine.arm64.LaneFn.Two;

/** Integer comparisons (Arm ARM C4.1 "SVE Integer Compare - Vectors", "- Unsigned Immediate", "- Signed Immediate"). */
final class SveCompareTable extends SveRows {
    @Override
    void build() {
        comparisons();
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
}
