package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;

/** Predicates: initialise, combine, compare scalars, unpack (Arm ARM C4.1 "SVE Predicate ...", "SVE Integer Compare - Scalars"). */
final class SvePredicateTable extends SveRows {
    @Override
    void build() {
        predicates();
    }

    private void predicates() {
        for (int s = 0; s < 2; s++) {
            boolean flags = s == 1;
            row(s == 0 ? "PTRUE" : "PTRUES", "00100101ss01100" + s + "111000ppppp0dddd", (c, w, pc) -> {
                int size = size(w);
                long[] r = SveOps.first(c, SveOps.pattern(n(w), SveOps.elements(c, size)), size);
                SveOps.writePredicate(c, w & 15, r);
                if (flags) SveOps.flags(c, r, r, size);
            });
        }
        row(
                "PFALSE",
                "0010010100011000111001000000dddd",
                (c, w, pc) -> SveOps.writePredicate(c, w & 15, SveOps.predicate(c)));
        row("SETFFR", "00100101001011001001000000000000", (c, w, pc) -> {
            SveOps.writePredicate(c, Arm64Cpu.FFR, SveOps.all(c, 1));
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
            int k = unsigned ? Long.compareUnsigned(a, b) : Long.compare(a, b);
            // The counter that is compared wraps: below or at the largest number are all.
            boolean always = equal && b == (unsigned ? wide ? -1 : A64.W : wide ? Long.MAX_VALUE : Integer.MAX_VALUE);
            int count = n;
            if (equal ? k > 0 : k >= 0) count = 0;
            else if (!always && Long.compareUnsigned(b - a, n) < 0) count = (int) (b - a) + (equal ? 1 : 0);
            long[] r = SveOps.first(c, Math.min(count, n), size), all = SveOps.all(c, size);
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
}
