package dev.worldswitch.machine.x86;

import static dev.worldswitch.machine.x86.VecOp.XMM;

/**
 * The MMX registers: the mantissas of the x87 FPU's eight registers by their own numbers, not by the stack's (SDM vol. 1, 9.2 and
 * vol. 3, 13.2). Each MMX instruction but EMMS makes TOP 0 and all tags valid; a written register's exponent becomes all ones.
 */
abstract class Mmx extends Op {
    private static final int MF = 16;
    private static final long FULL = 0xffL << 32;

    final int reg, rm, imm;

    Mmx(Insn i) {
        this.reg = i.reg & 7;
        this.rm = i.rm & 7;
        this.imm = (int) i.imm & 0xff;
        this.insn = i;
        this.ea = i.isMem() ? i.mem() : null;
    }

    static void check(Interpreter m) {
        long cr0 = m.state.cr.get(0);
        if ((cr0 & X86State.CR0_EM) != 0) throw m.ud();
        if ((cr0 & X86State.CR0_TS) != 0) throw m.nm();
        if ((X87.fsw(m.fp) & X87.ES) != 0) throw m.fault(MF);
    }

    /** The stack turned so that ST(i) is register i; all registers are in use. */
    static void enter(long[] fp) {
        X87.rotate(fp, -X87.top(fp) & 7);
        fp[0] |= FULL;
        fp[VecOp.BV] |= 1;
    }

    static long get(long[] fp, int r) {
        return X87.low(fp, r - X87.top(fp) & 7);
    }

    /** After {@link #enter}. */
    static void set(long[] fp, int r, long v) {
        X87.set(fp, r, 0xffff, v);
    }

    final long operand(Interpreter m, int bytes) {
        return ea != null ? m.ld(m.linear(ea, bytes, false), bytes) : get(m.fp, rm);
    }

    /** {@code reg = f(reg, r/m)}; some forms read 4 bytes of memory only. */
    static final class Binary extends Mmx {
        private final SseShuffle.Half f;
        private final int bytes;

        Binary(Insn i, int bytes, SseShuffle.Half f) {
            super(i);
            this.f = f;
            this.bytes = bytes;
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            long b = operand(m, bytes), a = get(m.fp, reg);
            enter(m.fp);
            set(m.fp, reg, f.of(a, b, a, b, imm));
        }
    }

    /** What does not fit that. */
    interface Action {
        void run(Interpreter m, Mmx op);
    }

    /** An instruction of MMX registers and others. With {@code sse} the checks of SSE come first. */
    static final class Free extends Mmx {
        private final Action action;
        private final boolean sse;

        Free(Insn i, boolean sse, Action action) {
            super(i);
            this.sse = sse;
            this.action = action;
        }

        @Override
        public void exec(Interpreter m) {
            if (sse) VecOp.sse(m);
            check(m);
            action.run(m, this);
        }
    }

    static long xmm(Interpreter m, int r, int half) {
        return m.fp[XMM + 2 * r + half];
    }

    static void setXmm(Interpreter m, int r, long low, long high) {
        m.fp[XMM + 2 * r] = low;
        m.fp[XMM + 2 * r + 1] = high;
        m.fp[VecOp.BV] |= 2;
    }
}
