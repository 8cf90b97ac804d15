package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.sf;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;

/** Vector lengths and element counts (Arm ARM C4.1 "SVE Element Count", "SVE Stack Allocation", "SVE Predicate Count"). */
final class SveCountTable extends SveRows {
    @Override
    void build() {
        lengths();
        counts();
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
                    w -> SveLanes.mergeScalar(
                            d(w),
                            d(w),
                            -1,
                            c -> (long) sign * SveOps.pattern(n(w), SveOps.elements(c, size(w))) * (1 + f(w, 19, 16)),
                            size(w),
                            (f, a, b, bits) -> a + b));
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

    static long count(Arm64Interpreter c, int mask, int p, int size) {
        long r = 0;
        for (int i = 0, left = c.vl; left > 0; i++, left -= 64) {
            long on = c.p[mask * c.pw + i] & c.p[p * c.pw + i] & SveOps.EVERY[size];
            r += Long.bitCount(left < 64 ? on & (1L << left) - 1 : on);
        }
        return r;
    }
}
