package dev.worldswitch.machine.x86;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Rows of the x87 instructions for angles, powers and logarithms, and of packed decimal numbers (SDM vol. 2). */
final class X87FunctionTable implements OpTableSource {
    private static final int C2 = 0x400;
    private static final BigInteger TEN_18 = BigInteger.TEN.pow(18);
    private final List<Row> rows = new ArrayList<>();

    private interface Two {
        X87Math.Value of(X87Math.Value y, X87Math.Value x, int fcw);
    }

    @Override
    public List<Row> rows() {
        if (rows.isEmpty()) {
            trigonometric();
            row("F2XM1", "D9 /6 reg m0", "E", (m, op) -> {
                if (!X87ArithmeticTable.missing(m, X87.empty(m.fp, 0), 0, false))
                    X87ArithmeticTable.put(m, 0, X87Functions.powerLess1(st(m, 0), X87.fcw(m.fp)));
            });
            two("FYL2X", "D9 /6 reg m1", X87Functions::logarithm);
            two("FPATAN", "D9 /6 reg m3", X87Functions::arctangent);
            two("FYL2XP1", "D9 /7 reg m1", X87Functions::logarithmOf1Plus);
            row("FBLD", "DF /4 mem", "M", X87FunctionTable::load);
            row("FBSTP", "DF /6 mem", "M", X87FunctionTable::store);
        }
        return rows;
    }

    private void row(String name, String encoding, String operands, XsaveTable.Action a) {
        rows.add(X87Table.computing(name, encoding, operands, a));
    }

    private static X87Math.Value st(Interpreter m, int i) {
        return X87ArithmeticTable.st(m, i);
    }

    /** ST(1) gets the result and becomes the top. */
    private void two(String name, String encoding, Two f) {
        row(name, encoding, "E", (m, op) -> {
            boolean none = X87.empty(m.fp, 0) || X87.empty(m.fp, 1);
            if (X87ArithmeticTable.missing(m, none, 1, true)) return;
            if (X87ArithmeticTable.put(m, 1, f.of(st(m, 1), st(m, 0), X87.fcw(m.fp)))) X87.pop(m.fp);
        });
    }

    /** True when ST(0) can be reduced; C2 tells. */
    private static boolean inRange(Interpreter m) {
        boolean large = X87Functions.isTooLarge(st(m, 0));
        X87.fsw(m.fp, large ? X87.fsw(m.fp) & ~X87.C1 | C2 : X87.fsw(m.fp) & ~C2);
        return !large;
    }

    private static X87Math.Value angle(Interpreter m, int which) {
        return X87Functions.trigonometric(which, st(m, 0), X87.fcw(m.fp));
    }

    private void trigonometric() {
        for (int which : new int[] {X87Functions.SIN, X87Functions.COS})
            row(
                    which == X87Functions.SIN ? "FSIN" : "FCOS",
                    "D9 /7 reg m" + (which == X87Functions.SIN ? 6 : 7),
                    "E",
                    (m, op) -> {
                        if (X87ArithmeticTable.missing(m, X87.empty(m.fp, 0), 0, false)) return;
                        if (inRange(m)) X87ArithmeticTable.put(m, 0, angle(m, which));
                    });
        row("FSINCOS", "D9 /7 reg m3", "E", (m, op) -> pushing(m, X87Functions.SIN, X87Functions.COS));
        row("FPTAN", "D9 /6 reg m2", "E", (m, op) -> pushing(m, X87Functions.TAN, -1));
    }

    /** ST(0) gets one function of itself; on top comes another, or the number one. */
    private static void pushing(Interpreter m, int which, int above) {
        if (X87.empty(m.fp, 0)) {
            if (X87ArithmeticTable.missing(m, true, 0, false) && (X87.fcw(m.fp) & X87.IE) != 0)
                X87.push(m.fp, X87.NAN_HIGH, X87.NAN_LOW);
            return;
        }
        if (!X87.empty(m.fp, 7)) {
            X87.c1(m.fp, true);
            X87.flags(m.fp, X87.IE | X87.STACK_FAULT);
            if ((X87.fcw(m.fp) & X87.IE) == 0) return;
            X87.set(m.fp, 0, X87.NAN_HIGH, X87.NAN_LOW);
            X87.rotate(m.fp, 7);
            X87.set(m.fp, 0, X87.NAN_HIGH, X87.NAN_LOW);
            return;
        }
        if (!inRange(m)) return;
        X87Math.Value first = angle(m, which);
        X87Math.Value second = above >= 0
                ? angle(m, above)
                : X87Math.isNan(first) ? first : new X87Math.Value(16383, 1L << 63, 0, false);
        if (!X87ArithmeticTable.put(m, 0, first)) return;
        boolean up = second.up();
        X87.flags(m.fp, second.flags());
        X87.push(m.fp, second.high(), second.low());
        if (above >= 0) X87.c1(m.fp, up);
    }

    // Packed decimal numbers: 18 digits, a byte with the sign.

    private static void load(Interpreter m, Op op) {
        long[] w = new long[2];
        m.load(m.linear(op.ea(), 10, false), 10, w, 0);
        long v = 0;
        for (int k = 17; k >= 0; k--) v = 10 * v + (k < 16 ? w[0] >>> 4 * k & 15 : w[1] >>> 4 * (k - 16) & 15);
        X87.push(m.fp, X87.highOfInt(v) | w[1] & 0x8000, X87.lowOfInt(v));
    }

    private static void store(Interpreter m, Op op) {
        long la = m.linear(op.ea(), 10, true);
        boolean none = X87.empty(m.fp, 0);
        X87Math.Value v = none ? X87Math.NAN : st(m, 0);
        int flags = SseFloat.IE;
        boolean up = false;
        // The indefinite number.
        long[] w = {0xc000000000000000L, 0xffff};
        if (!X87Math.isUnsupported(v) && X87Math.exponent(v) < 16383 + 60) {
            X87Math.Value r = X87Math.integral(v, X87.fcw(m.fp));
            BigInteger n = X87Math.unit(r) > 0
                    ? X87Math.mantissa(r).shiftLeft(X87Math.unit(r))
                    : X87Math.mantissa(r).shiftRight(-X87Math.unit(r));
            if (n.compareTo(TEN_18) < 0) {
                flags = r.flags() & SseFloat.PE;
                up = r.up();
                long left = n.longValue();
                w = new long[] {0, X87Math.negative(v) ? 0x8000 : 0};
                for (int k = 0; k < 18; k++, left /= 10) w[k >> 4] |= left % 10 << 4 * (k & 15);
            }
        }
        boolean held = (flags & ~X87.fcw(m.fp) & SseFloat.IE) != 0;
        if (!held) m.store(la, 10, w, 0);
        if (none) X87Table.underflow(m);
        else {
            X87.c1(m.fp, up);
            X87.flags(m.fp, flags);
        }
        if (!held) X87.pop(m.fp);
    }
}
