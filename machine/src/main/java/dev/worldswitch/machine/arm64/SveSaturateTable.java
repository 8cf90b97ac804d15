package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;

import dev.worldswitch.machine.arm64.LaneFn.Two;

/** Saturating counts, counts into vectors (Arm ARM C4.1 "SVE Element Count", "SVE Predicate Count"). */
final class SveSaturateTable extends SveRows {
    /** By "decrement, unsigned". */
    private static final Two[] FNS = {LaneFn::sqadd, LaneFn::uqadd, LaneFn::sqsub, LaneFn::uqsub};

    private static final String[] NAMES = {"SQINC", "UQINC", "SQDEC", "UQDEC"};

    @Override
    void build() {
        for (int k = 0; k < 4; k++) {
            Two fn = FNS[k];
            boolean unsigned = (k & 1) != 0;
            row(
                    NAMES[k] + "B, H, W, D (32 bits)",
                    "00000100ss10iiii1111" + two(k) + "pppppddddd",
                    (c, w, pc) -> narrow(c, d(w), fn, elements(c, w), unsigned));
            row(
                    NAMES[k] + "B, H, W, D (64 bits)",
                    "00000100ss11iiii1111" + two(k) + "pppppddddd",
                    (c, w, pc) -> wide(c, d(w), fn, elements(c, w)));
            sized(
                    NAMES[k] + "H, W, D (vector)",
                    "00000100ss10iiii1100" + two(k) + "pppppddddd",
                    1,
                    3,
                    w -> SveLanes.mergeScalar(d(w), d(w), -1, c -> elements(c, w), size(w), fn));
            row(
                    NAMES[k] + "P (32 bits)",
                    "00100101ss1010" + two(k) + "1000100mmmmddddd",
                    (c, w, pc) -> narrow(c, d(w), fn, active(c, w), unsigned));
            row(
                    NAMES[k] + "P (64 bits)",
                    "00100101ss1010" + two(k) + "1000110mmmmddddd",
                    (c, w, pc) -> wide(c, d(w), fn, active(c, w)));
            vector(NAMES[k] + "P (vector)", "1010" + two(k), fn);
        }
        vector("INCP (vector)", "101100", (f, a, b, n) -> a + b);
        vector("DECP (vector)", "101101", (f, a, b, n) -> a - b);
    }

    private void vector(String name, String op, Two fn) {
        sized(
                name,
                "00100101ss" + op + "1000000mmmmddddd",
                1,
                3,
                w -> SveLanes.mergeScalar(d(w), d(w), -1, c -> active(c, w), size(w), fn));
    }

    private static long elements(Arm64Interpreter c, int w) {
        return (long) SveOps.pattern(n(w), SveOps.elements(c, size(w))) * (1 + f(w, 19, 16));
    }

    private static long active(Arm64Interpreter c, int w) {
        return SveCountTable.count(c, f(w, 8, 5), f(w, 8, 5), size(w));
    }

    private static void narrow(Arm64Interpreter c, int d, Two fn, long by, boolean unsigned) {
        long r = fn.of(c.fpu, c.x[zr(d)] & A64.W, by, 32);
        c.x[zw(d)] = unsigned ? r & A64.W : (int) r;
    }

    private static void wide(Arm64Interpreter c, int d, Two fn, long by) {
        c.x[zw(d)] = fn.of(c.fpu, c.x[zr(d)], by, 64);
    }
}
