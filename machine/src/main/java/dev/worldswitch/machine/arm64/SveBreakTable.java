package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.SimdTable.five;

/**
 * Partition breaks, permuted predicates, comparisons of scalars that end loops (Arm ARM C4.1 "SVE Partition Break", "SVE
 * Permute Predicate", "SVE Integer Compare - Scalars").
 */
final class SveBreakTable extends SveRows {
    @Override
    void build() {
        breaks();
        permutes();
        scalars();
    }

    private static int p(int w) {
        return f(w, 13, 10);
    }

    private void breaks() {
        for (int k = 0; k < 2; k++) {
            boolean before = k == 1;
            String name = before ? "BRKB" : "BRKA";
            for (int s = 0; s < 2; s++) {
                boolean flags = s == 1;
                row(
                        name + (flags ? "S" : "") + " (zeroing)",
                        "00100101" + k + s + "01000001gggg0nnnn0dddd",
                        (c, w, pc) -> breakAt(c, w, before, false, flags));
                row(
                        (before ? "BRKPB" : "BRKPA") + (flags ? "S" : ""),
                        "001001010" + s + "00mmmm11gggg0nnnn" + k + "dddd",
                        (c, w, pc) -> propagate(c, w, before, flags));
            }
            row(
                    name + " (merging)",
                    "00100101" + k + "001000001gggg0nnnn1dddd",
                    (c, w, pc) -> breakAt(c, w, before, true, false));
        }
        for (int s = 0; s < 2; s++) {
            boolean flags = s == 1;
            row("BRKN" + (flags ? "S" : ""), "001001010" + s + "01100001gggg0nnnn0dddd", (c, w, pc) -> {
                long[] mask = SveOps.copyPredicate(c, p(w)), a = SveOps.copyPredicate(c, f(w, 8, 5));
                long[] r = lastActive(c, mask, a) ? SveOps.copyPredicate(c, w & 15) : SveOps.predicate(c);
                SveOps.writePredicate(c, w & 15, r);
                if (flags) SveOps.flags(c, SveOps.all(c, 1), r, 1);
            });
        }
    }

    private static void breakAt(Arm64Interpreter c, int w, boolean before, boolean merging, boolean flags) {
        long[] mask = SveOps.copyPredicate(c, p(w)), a = SveOps.copyPredicate(c, f(w, 8, 5));
        long[] r = merging ? SveOps.copyPredicate(c, w & 15) : SveOps.predicate(c);
        boolean broken = false;
        for (int e = 0; e < c.vl; e++) {
            if (!SveOps.test(mask, e, 1)) continue;
            boolean on = SveOps.test(a, e, 1);
            if (before) broken |= on;
            SveOps.change(r, e, !broken);
            broken |= on;
        }
        SveOps.writePredicate(c, w & 15, r);
        if (flags) SveOps.flags(c, mask, r, 1);
    }

    private static void propagate(Arm64Interpreter c, int w, boolean before, boolean flags) {
        long[] mask = SveOps.copyPredicate(c, p(w)),
                a = SveOps.copyPredicate(c, f(w, 8, 5)),
                b = SveOps.copyPredicate(c, f(w, 19, 16));
        long[] r = SveOps.predicate(c);
        boolean on = lastActive(c, mask, a);
        for (int e = 0; e < c.vl; e++) {
            if (!SveOps.test(mask, e, 1)) continue;
            boolean stop = SveOps.test(b, e, 1);
            if (before) on &= !stop;
            SveOps.change(r, e, on);
            on &= !stop;
        }
        SveOps.writePredicate(c, w & 15, r);
        if (flags) SveOps.flags(c, mask, r, 1);
    }

    private static boolean lastActive(Arm64Interpreter c, long[] mask, long[] p) {
        for (int e = c.vl - 1; e >= 0; e--) if (SveOps.test(mask, e, 1)) return SveOps.test(p, e, 1);
        return false;
    }

    /** The {@code size} bits of a predicate element. */
    private static long bits(long[] p, int e, int size) {
        int at = e * size;
        return p[at >>> 6] >>> (at & 63) & (1L << size) - 1;
    }

    private static void put(long[] p, int e, int size, long v) {
        int at = e * size;
        p[at >>> 6] |= v << (at & 63);
    }

    private void permutes() {
        String[] names = {"ZIP1", "ZIP2", "UZP1", "UZP2", "TRN1", "TRN2"};
        for (int k = 0; k < 6; k++) {
            int kind = k / 2, part = k & 1;
            row(names[k] + " (predicates)", "00000101ss10mmmm010" + five(k).substring(2) + "0nnnn0dddd", (c, w, pc) -> {
                long[] a = SveOps.copyPredicate(c, f(w, 8, 5)), b = SveOps.copyPredicate(c, f(w, 19, 16));
                long[] r = SveOps.predicate(c);
                int size = size(w), n = SveOps.elements(c, size);
                for (int e = 0; e < n; e++) {
                    int from = SveOps.permuted(kind, part, e, n);
                    put(r, e, size, from < n ? bits(a, from, size) : bits(b, from - n, size));
                }
                SveOps.writePredicate(c, w & 15, r);
            });
        }
        row("REV (predicate)", "00000101ss1101000100000nnnn0dddd", (c, w, pc) -> {
            long[] a = SveOps.copyPredicate(c, f(w, 8, 5)), r = SveOps.predicate(c);
            int size = size(w), n = SveOps.elements(c, size);
            for (int e = 0; e < n; e++) put(r, e, size, bits(a, n - 1 - e, size));
            SveOps.writePredicate(c, w & 15, r);
        });
    }

    private void scalars() {
        for (int k = 0; k < 2; k++) {
            boolean ne = k == 1;
            row(ne ? "CTERMNE" : "CTERMEQ", "001001011z1mmmmm001000nnnnn" + k + "0000", (c, w, pc) -> {
                long a = c.x[zr(n(w))] ^ c.x[zr(m(w))];
                boolean equal = (f(w, 22, 22) != 0 ? a : a & A64.W) == 0, end = equal != ne;
                // N says that the loop ends, V that it does not and that the carry is clear.
                c.setNzcv((end ? 8 : 0) | (c.fz == 0 ? 4 : 0) | c.fc << 1 | (!end && c.fc == 0 ? 1 : 0));
            });
        }
        row("WHILEGE, WHILEGT, WHILEHS, WHILEHI", "00100101ss1mmmmm000su0nnnnnedddd", Feature.SVE2, (c, w, pc) -> {
            int size = size(w), n = SveOps.elements(c, size);
            boolean wide = f(w, 12, 12) != 0, unsigned = f(w, 11, 11) != 0, strict = f(w, 4, 4) != 0;
            long a = c.x[zr(n(w))], b = c.x[zr(m(w))];
            if (!wide) {
                a = unsigned ? a & A64.W : (int) a;
                b = unsigned ? b & A64.W : (int) b;
            }
            long[] r = SveOps.predicate(c);
            boolean on = true;
            for (int e = n - 1; e >= 0; e--) {
                int k = unsigned ? Long.compareUnsigned(a, b) : Long.compare(a, b);
                on &= strict ? k > 0 : k >= 0;
                if (on) SveOps.set(r, e, size);
                a = wide ? a - 1 : unsigned ? a - 1 & A64.W : (int) (a - 1);
            }
            SveOps.writePredicate(c, w & 15, r);
            SveOps.flags(c, SveOps.all(c, size), r, size);
        });
        for (int k = 0; k < 2; k++) {
            boolean readAfterWrite = k == 1;
            row(
                    readAfterWrite ? "WHILERW" : "WHILEWR",
                    "00100101ss1mmmmm001100nnnnn" + k + "dddd",
                    Feature.SVE2,
                    (c, w, pc) -> {
                        int size = size(w), n = SveOps.elements(c, size);
                        long a = c.x[zr(n(w))], b = c.x[zr(m(w))];
                        boolean above = Long.compareUnsigned(b, a) >= 0;
                        long distance = Long.divideUnsigned(above ? b - a : readAfterWrite ? a - b : 0, size);
                        long[] r = SveOps.predicate(c);
                        for (int e = 0; e < n; e++)
                            if (distance == 0 || Long.compareUnsigned(e, distance) < 0) SveOps.set(r, e, size);
                        SveOps.writePredicate(c, w & 15, r);
                        SveOps.flags(c, SveOps.all(c, size), r, size);
                    });
        }
    }
}
