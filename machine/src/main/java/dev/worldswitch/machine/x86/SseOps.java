package dev.worldswitch.machine.x86;

/** The operation objects of the SSE and AVX tables: each wraps one pure function, or a pair of them. */
final class SseOps {
    private SseOps() {}

    /** A function of one 64-bit half of each operand. */
    interface Lane {
        long of(long a, long b);
    }

    /** A whole vector at once: {@code n} words; answers MXCSR flags. */
    interface Kernel {
        int apply(long[] a, long[] b, long[] r, int n, int imm, int mxcsr);
    }

    /** What does not fit the others. */
    interface Action {
        void run(Interpreter m, Free op);
    }

    /** {@code dst = f(a, b)} half by half; the commonest form. */
    static final class LaneOp extends VecOp {
        private final Lane f;

        LaneOp(Insn i, Lane f, boolean aligned) {
            super(i, aligned);
            this.f = f;
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            long[] fp = m.fp;
            if (lanes == 2) {
                wide(m);
                return;
            }
            long b0, b1;
            if (ea != null) {
                long la = address(m, 16, false);
                b0 = m.ld64(la);
                b1 = m.ld64(la + 8);
            } else {
                b0 = fp[XMM + 2 * b];
                b1 = fp[XMM + 2 * b + 1];
            }
            writeLow(m, dst, f.of(fp[XMM + 2 * a], b0), f.of(fp[XMM + 2 * a + 1], b1));
        }

        private void wide(Interpreter m) {
            long[] x = new long[4], y = new long[4];
            read(m.fp, a, x);
            if (ea != null) m.load(address(m, 32, false), 32, y, 0);
            else read(m.fp, b, y);
            write(m, dst, f.of(x[0], y[0]), f.of(x[1], y[1]), f.of(x[2], y[2]), f.of(x[3], y[3]));
        }
    }

    /** Shift of all lanes by one count, an immediate or the low half of a vector. */
    static final class ShiftOp extends VecOp {
        private final Lane f;
        private final boolean byImm;
        private final int count;

        ShiftOp(Insn i, Lane f, boolean byImm) {
            super(i, byImm ? (i.vex == Insn.VEX ? i.vvvv : i.rm) : i.reg, byImm ? i.rm : first(i), i.rm, !isVex(i));
            this.f = f;
            this.byImm = byImm;
            this.count = (int) i.imm & 0xff;
        }

        private static boolean isVex(Insn i) {
            return i.vex == Insn.VEX;
        }

        private static int first(Insn i) {
            return isVex(i) ? i.vvvv : i.reg;
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            long n = count;
            if (!byImm) n = ea != null ? m.ld64(address(m, 16, false)) : m.fp[XMM + 2 * b];
            long[] x = new long[4];
            read(m.fp, a, x);
            write(m, dst, f.of(x[0], n), f.of(x[1], n), f.of(x[2], n), f.of(x[3], n));
        }
    }

    /** A pair of {@link SseShuffle} functions in each 128-bit lane. */
    static final class ShuffleOp extends VecOp {
        private final SseShuffle.Half low, high;
        private final int imm, memBytes;

        /** {@code memBytes} is the memory operand's size per 128-bit lane. */
        ShuffleOp(Insn i, SseShuffle.Half low, SseShuffle.Half high, int imm, int memBytes, boolean onRm) {
            super(
                    i,
                    onRm ? (i.vex == Insn.VEX ? i.vvvv : i.rm) : i.reg,
                    onRm ? i.rm : i.vex == Insn.VEX ? i.vvvv : i.reg,
                    i.rm,
                    i.vex != Insn.VEX && memBytes == 16);
            this.low = low;
            this.high = high;
            this.imm = imm;
            this.memBytes = memBytes;
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            long[] x = new long[4], y = new long[4];
            read(m.fp, a, x);
            if (ea == null) read(m.fp, b, y);
            else if (memBytes == 16) m.load(address(m, 16 * lanes, false), 16 * lanes, y, 0);
            else y[0] = m.ld(address(m, memBytes, false), memBytes);
            long r0 = low.of(x[0], x[1], y[0], y[1], imm), r1 = high.of(x[0], x[1], y[0], y[1], imm);
            if (lanes == 1) {
                writeLow(m, dst, r0, r1);
                return;
            }
            // SHUFPD's immediate has two bits for each lane, all others repeat theirs.
            int next = low == PD_LOW ? imm >> 2 : imm;
            write(m, dst, r0, r1, low.of(x[2], x[3], y[2], y[3], next), high.of(x[2], x[3], y[2], y[3], next));
        }
    }

    static final SseShuffle.Half PD_LOW = SseShuffle::shufpdLo;

    /** Floating point: a kernel over whole vectors. {@code memBytes} is the operand's size in memory, per 128 bits if packed. */
    static final class FloatOp extends VecOp {
        private final Kernel k;
        private final int imm, memBytes;
        private final boolean scalar;

        FloatOp(Insn i, Kernel k, int memBytes, boolean scalar, boolean unary) {
            super(i, i.reg, unary && !scalar ? i.reg : i.vex == Insn.VEX ? i.vvvv : i.reg, i.rm, aligned(i, memBytes));
            this.k = k;
            // CMPPS and its like look at 3 bits of the predicate without VEX.
            this.imm = (int) i.imm & (i.vex == Insn.NONE && i.map == 1 ? 7 : 0xff);
            this.memBytes = memBytes;
            this.scalar = scalar;
        }

        private static boolean aligned(Insn i, int memBytes) {
            return i.vex != Insn.VEX && memBytes == 16;
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            long[] x = new long[4], y = new long[4], r = new long[4];
            read(m.fp, a, x);
            if (ea == null) {
                y[0] = m.fp[XMM + 2 * b];
                y[1] = m.fp[XMM + 2 * b + 1];
                y[2] = m.fp[YMM_HI + 2 * b];
                y[3] = m.fp[YMM_HI + 2 * b + 1];
            } else if (scalar) y[0] = m.ld(address(m, memBytes, false), memBytes);
            else {
                int bytes = memBytes * lanes;
                m.load(address(m, bytes, false), bytes, y, 0);
            }
            System.arraycopy(x, 0, r, 0, 2);
            int flags = k.apply(x, y, r, scalar ? 1 : 2 * lanes, imm, XsaveInstructions.mxcsr(m.fp));
            raise(m, flags);
            if (scalar) writeLow(m, dst, r[0], r[1]);
            else write(m, dst, r[0], r[1], r[2], r[3]);
        }
    }

    /** Anything else, as a lambda over the interpreter. */
    static final class Free extends VecOp {
        final Insn in;
        private final Action action;

        Free(Insn i, Action action) {
            super(i, false);
            this.in = i;
            this.action = action;
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            action.run(m, this);
        }
    }
}
