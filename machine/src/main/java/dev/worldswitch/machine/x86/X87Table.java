package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/** Rows of the x87 instructions that move, convert and control; what computes is in {@link X87ArithmeticTable}. */
final class X87Table implements OpTableSource {
    private static final int MF = 16;
    private final List<Row> rows = new ArrayList<>();

    /** A value to store with the flags that its conversion raises. */
    private interface Convert {
        SseFloat.Result of(long[] fp);
    }

    @Override
    public List<Row> rows() {
        if (rows.isEmpty()) {
            control();
            loads();
            stores();
            registers();
        }
        return rows;
    }

    private void row(String name, String encoding, String operands, XsaveTable.Action a) {
        rows.add(new Row(name, encoding, operands, i -> new XsaveTable.Simple(i, a), "SDM vol. 2 " + name));
    }

    /** An instruction that waits: a pending unmasked exception is raised first. It becomes the last one of the environment. */
    private void waiting(String name, String encoding, String operands, XsaveTable.Action a) {
        rows.add(computing(name, encoding, operands, a));
    }

    static Row computing(String name, String encoding, String operands, XsaveTable.Action a) {
        XsaveTable.Action recorded = (m, op) -> {
            waits(m);
            a.run(m, op);
            X87Last.record(m, op);
        };
        return new Row(name, encoding, operands, i -> new XsaveTable.Simple(i, recorded), "SDM vol. 2 " + name);
    }

    static void waits(Interpreter m) {
        VecOp.x87(m);
        if ((X87.fsw(m.fp) & X87.ES) != 0) throw m.fault(MF);
    }

    private void direct(String name, String encoding, String operands, XsaveTable.Action a) {
        row(name, encoding, operands, (m, op) -> {
            VecOp.x87(m);
            a.run(m, op);
        });
    }

    private static long ld(Interpreter m, Op op, int bytes) {
        return m.ld(m.linear(op.ea(), bytes, false), bytes);
    }

    private static void st(Interpreter m, Op op, int bytes, long v) {
        m.st(m.linear(op.ea(), bytes, true), bytes, v);
    }

    private void control() {
        direct("FNINIT", "DB /4 reg m3", "E", (m, op) -> {
            // Tags and TOP move the registers that ST(i) names, so the stack is turned back first.
            X87.rotate(m.fp, -X87.top(m.fp) & 7);
            X87.init(m.fp);
        });
        direct("FNCLEX", "DB /4 reg m2", "E", (m, op) -> X87.fsw(m.fp, X87.fsw(m.fp) & 0x7f00));
        direct("FNSTCW", "D9 /7 mem", "M", (m, op) -> st(m, op, 2, X87.fcw(m.fp)));
        row("FLDCW", "D9 /5 mem", "M", (m, op) -> {
            waits(m);
            X87.fcw(m.fp, (int) ld(m, op, 2) | 0x40);
        });
        direct("FNSTSW", "DD /7 mem", "M", (m, op) -> st(m, op, 2, X87.fsw(m.fp)));
        direct("FNSTSW", "DF /4 reg m0", "E", (m, op) -> m.setReg(X86State.RAX, 2, X87.fsw(m.fp)));
        row("EMMS", "NP 0F 77", "", (m, op) -> {
            long cr0 = m.state.cr.get(0);
            if ((cr0 & X86State.CR0_EM) != 0) throw m.ud();
            waits(m);
            for (int i = 0; i < 8; i++) X87.tag(m.fp, i, false);
        });
        row("FWAIT", "9B", "", (m, op) -> {
            long both = X86State.CR0_MP | X86State.CR0_TS;
            if ((m.state.cr.get(0) & both) == both) throw m.nm();
            if ((X87.fsw(m.fp) & X87.ES) != 0) throw m.fault(MF);
        });
    }

    private void loads() {
        waiting("FLD", "D9 /0 mem", "M", (m, op) -> {
            long raw = ld(m, op, 4);
            SseFloat.Result v = SseFloat.toF64((int) raw, 0);
            push(m, v.bits(), v.flags());
        });
        waiting("FLD", "DD /0 mem", "M", (m, op) -> {
            long v = ld(m, op, 8), frac = v & (1L << 52) - 1;
            int e = (int) (v >>> 52) & 0x7ff;
            boolean signalling = e == 0x7ff && frac != 0 && (frac & 1L << 51) == 0;
            push(m, signalling ? v | 1L << 51 : v, signalling ? SseFloat.IE : e == 0 && frac != 0 ? SseFloat.DE : 0);
        });
        waiting("FLD", "DB /5 mem", "M", (m, op) -> {
            long[] w = new long[2];
            m.load(m.linear(op.ea(), 10, false), 10, w, 0);
            X87.push(m.fp, w[1] & 0xffff, w[0]);
        });
        integerLoad("DF /0 mem", 2);
        integerLoad("DB /0 mem", 4);
        integerLoad("DF /5 mem", 8);
        waiting("FLD1", "D9 /5 reg m0", "E", (m, op) -> X87.push(m.fp, 16383, 1L << 63));
        waiting("FLDZ", "D9 /5 reg m6", "E", (m, op) -> X87.push(m.fp, 0, 0));
    }

    private static void push(Interpreter m, long f64, int flags) {
        X87.flags(m.fp, flags);
        if ((flags & ~X87.fcw(m.fp) & SseFloat.IE) == 0) X87.push(m.fp, X87.highOf64(f64), X87.lowOf64(f64));
    }

    private void integerLoad(String encoding, int bytes) {
        waiting("FILD", encoding, "M", (m, op) -> {
            long v = ld(m, op, bytes) << 64 - 8 * bytes >> 64 - 8 * bytes;
            X87.push(m.fp, X87.highOfInt(v), X87.lowOfInt(v));
        });
    }

    private void stores() {
        Convert single = fp -> float80(fp, false), wide = fp -> float80(fp, true);
        Rounded singleUp = (fp, v) -> above64(fp, SseFloat.toF64((int) v, 0).bits());
        Rounded wideUp = X87Table::above64;
        store("FST", "D9 /2 mem", 4, false, single, singleUp, 0xffc00000L);
        store("FSTP", "D9 /3 mem", 4, true, single, singleUp, 0xffc00000L);
        store("FST", "DD /2 mem", 8, false, wide, wideUp, 0xfff8000000000000L);
        store("FSTP", "DD /3 mem", 8, true, wide, wideUp, 0xfff8000000000000L);
        waiting("FSTP", "DB /7 mem", "M", (m, op) -> {
            long[] w = {X87.low(m.fp, 0), X87.high(m.fp, 0)};
            if (X87.empty(m.fp, 0)) {
                underflow(m);
                if ((X87.fcw(m.fp) & X87.IE) == 0) return;
                w = new long[] {X87.NAN_LOW, X87.NAN_HIGH};
            }
            m.store(m.linear(op.ea(), 10, true), 10, w, 0);
            X87.pop(m.fp);
        });
        integerStore("FIST", "DF /2 mem", 2, false);
        integerStore("FISTP", "DF /3 mem", 2, true);
        integerStore("FIST", "DB /2 mem", 4, false);
        integerStore("FISTP", "DB /3 mem", 4, true);
        integerStore("FISTP", "DF /7 mem", 8, true);
    }

    private static SseFloat.Result float80(long[] fp, boolean isDouble) {
        return SseFloat.fromExtended(X87.high(fp, 0), X87.low(fp, 0), isDouble, X87.fcw(fp));
    }

    private void integerStore(String name, String encoding, int bytes, boolean pop) {
        Convert c = fp -> SseFloat.extendedToInt(X87.high(fp, 0), X87.low(fp, 0), 8 * bytes, X87.fcw(fp));
        Rounded up =
                (fp, v) -> X87.above(fp, X87.highOfInt(Flags.signed(v, bytes)), X87.lowOfInt(Flags.signed(v, bytes)));
        store(name, encoding, bytes, pop, c, up, 1L << 8 * bytes - 1);
    }

    /** Whether a stored value is further from zero than ST(0). */
    private interface Rounded {
        boolean up(long[] fp, long stored);
    }

    private static boolean above64(long[] fp, long v) {
        return X87.above(fp, X87.highOf64(v), X87.lowOf64(v));
    }

    private void store(
            String name, String encoding, int bytes, boolean pop, Convert c, Rounded rounded, long indefinite) {
        waiting(name, encoding, "M", (m, op) -> {
            long la = m.linear(op.ea(), bytes, true);
            boolean none = X87.empty(m.fp, 0);
            SseFloat.Result v = none ? new SseFloat.Result(indefinite, X87.IE) : c.of(m.fp);
            boolean held = (v.flags() & ~X87.fcw(m.fp) & (X87.IE | SseFloat.OE | SseFloat.UE)) != 0;
            if (!held) m.st(la, bytes, v.bits());
            if (none) underflow(m);
            else {
                X87.c1(m.fp, (v.flags() & SseFloat.PE) != 0 && rounded.up(m.fp, v.bits()));
                X87.flags(m.fp, v.flags());
            }
            // An unmasked exception of this kind leaves memory and the stack as they are.
            if (pop && !held) X87.pop(m.fp);
        });
    }

    static void underflow(Interpreter m) {
        X87.fsw(m.fp, X87.fsw(m.fp) & ~X87.C1);
        X87.flags(m.fp, X87.IE | X87.STACK_FAULT);
    }

    private void registers() {
        waiting("FLD", "D9 /0 reg", "E", (m, op) -> {
            int i = op.insn().rm & 7;
            boolean none = X87.empty(m.fp, i);
            if (none) underflow(m);
            if (none && (X87.fcw(m.fp) & X87.IE) == 0) return;
            X87.push(m.fp, none ? X87.NAN_HIGH : X87.high(m.fp, i), none ? X87.NAN_LOW : X87.low(m.fp, i));
        });
        waiting("FXCH", "D9 /1 reg", "E", (m, op) -> exchange(m, op.insn().rm & 7));
        waiting("FST", "DD /2 reg", "E", (m, op) -> move(m, op.insn().rm & 7, false));
        waiting("FSTP", "DD /3 reg", "E", (m, op) -> move(m, op.insn().rm & 7, true));
        waiting("FFREE", "DD /0 reg", "E", (m, op) -> X87.tag(m.fp, op.insn().rm & 7, false));
        waiting("FNOP", "D9 /2 reg m0", "E", (m, op) -> {});
        waiting("FCHS", "D9 /4 reg m0", "E", (m, op) -> sign(m, true));
        waiting("FABS", "D9 /4 reg m1", "E", (m, op) -> sign(m, false));
        waiting("FDECSTP", "D9 /6 reg m6", "E", (m, op) -> turn(m, 7));
        waiting("FINCSTP", "D9 /6 reg m7", "E", (m, op) -> turn(m, 1));
    }

    private static void turn(Interpreter m, int by) {
        X87.c1(m.fp, false);
        X87.rotate(m.fp, by);
    }

    private static void exchange(Interpreter m, int i) {
        long[] fp = m.fp;
        X87.c1(fp, false);
        boolean none = X87.empty(fp, 0) || X87.empty(fp, i);
        if (none) underflow(m);
        if (none && (X87.fcw(fp) & X87.IE) == 0) return;
        if (X87.empty(fp, 0)) X87.set(fp, 0, X87.NAN_HIGH, X87.NAN_LOW);
        if (X87.empty(fp, i)) X87.set(fp, i, X87.NAN_HIGH, X87.NAN_LOW);
        long h = X87.high(fp, 0), l = X87.low(fp, 0);
        X87.set(fp, 0, X87.high(fp, i), X87.low(fp, i));
        X87.set(fp, i, h, l);
    }

    private static void move(Interpreter m, int i, boolean pop) {
        X87.c1(m.fp, false);
        boolean none = X87.empty(m.fp, 0);
        if (none) underflow(m);
        if (none && (X87.fcw(m.fp) & X87.IE) == 0) return;
        if (none) X87.set(m.fp, i, X87.NAN_HIGH, X87.NAN_LOW);
        else X87.set(m.fp, i, X87.high(m.fp, 0), X87.low(m.fp, 0));
        if (pop) X87.pop(m.fp);
    }

    private static void sign(Interpreter m, boolean flip) {
        X87.c1(m.fp, false);
        if (X87.empty(m.fp, 0)) {
            underflow(m);
            if ((X87.fcw(m.fp) & X87.IE) != 0) X87.set(m.fp, 0, X87.NAN_HIGH, X87.NAN_LOW);
            return;
        }
        long h = X87.high(m.fp, 0);
        X87.set(m.fp, 0, flip ? h ^ 0x8000 : h & 0x7fff, X87.low(m.fp, 0));
    }
}
