package dev.worldswitch.machine.x86;

/**
 * Base of the operations with an EVEX prefix: 128, 256 or 512 bits, an opmask that merges or zeroes, one element broadcast from
 * memory (SDM vol. 2, 2.7). Elements of memory that the opmask leaves out are not accessed.
 */
abstract class EvexOp extends Op {
    private static final long COMPONENTS = 0xe6;

    /** Bits of an element that the opmask and broadcasting go by. */
    final int width;

    final int reg, first, rm, words, imm;
    private final int k;
    private final boolean zeroing, broadcast;
    /** A form that does not exist. */
    boolean undefined;

    /** {@code bytes}: of the operand in memory, 0 for the whole vector. */
    EvexOp(Insn i, int width, int bytes) {
        this.insn = i;
        this.width = width;
        this.reg = i.reg;
        this.first = i.vvvv;
        this.rm = i.rm;
        this.k = i.aaa;
        this.zeroing = i.z;
        this.broadcast = i.b && i.isMem();
        // With a register EVEX.b is rounding control, and the length is 512 bits.
        this.words = i.b && !i.isMem() ? 8 : 2 << Math.min(i.vl, 2);
        this.imm = (int) i.imm & 0xff;
        this.undefined = i.vl > 2 && !(i.b && !i.isMem()) || i.b && (!i.isMem() || width < 32) || i.z && k == 0;
        long unit = broadcast ? width / 8 : bytes == 0 ? 8L * words : bytes;
        // An 8-bit displacement counts operands.
        if (i.isMem()) this.ea = i.mod == 1 ? i.mem().plus(i.mem().disp * (unit - 1)) : i.mem();
    }

    final boolean zeroes() {
        return zeroing;
    }

    abstract void run(Interpreter m);

    @Override
    public final void exec(Interpreter m) {
        check(m);
        if (undefined) throw m.ud();
        run(m);
    }

    static void check(Interpreter m) {
        boolean on =
                (m.state.cr.get(4) & X86State.CR4_OSXSAVE) != 0 && (m.cpu.xcr0().get() & COMPONENTS) == COMPONENTS;
        if (!on || !VecOp.protectedMode(m)) throw m.ud();
        if ((m.state.cr.get(0) & X86State.CR0_TS) != 0) throw m.nm();
    }

    private static int word(Interpreter m, int component) {
        return m.cpu.xsave().layout().component(component).offset() / 8;
    }

    static long opmask(Interpreter m, int k) {
        return m.fp[word(m, XsaveLayout.OPMASK) + (k & 7)];
    }

    static void setOpmask(Interpreter m, int k, long v) {
        m.fp[word(m, XsaveLayout.OPMASK) + (k & 7)] = v;
        m.fp[VecOp.BV] |= 1L << XsaveLayout.OPMASK;
    }

    /** The elements that the instruction works on; all without an opmask. */
    final long active(Interpreter m) {
        return k == 0 ? -1 : opmask(m, k);
    }

    final int elements() {
        return 64 * words / width;
    }

    static long[] read(Interpreter m, int r) {
        long[] to = new long[8], fp = m.fp;
        if (r >= 16) System.arraycopy(fp, word(m, XsaveLayout.HI16_ZMM) + 8 * (r - 16), to, 0, 8);
        else {
            System.arraycopy(fp, VecOp.XMM + 2 * r, to, 0, 2);
            System.arraycopy(fp, VecOp.YMM_HI + 2 * r, to, 2, 2);
            System.arraycopy(fp, word(m, XsaveLayout.ZMM_HI256) + 4 * r, to, 4, 4);
        }
        return to;
    }

    /** Writes the first {@code n} words; those above become zero. A component is in use once something is in it. */
    static void write(Interpreter m, int r, long[] v, int n) {
        long[] fp = m.fp, all = new long[8];
        System.arraycopy(v, 0, all, 0, n);
        if (r >= 16) {
            System.arraycopy(all, 0, fp, word(m, XsaveLayout.HI16_ZMM) + 8 * (r - 16), 8);
            fp[VecOp.BV] |= 1L << XsaveLayout.HI16_ZMM;
            return;
        }
        System.arraycopy(all, 0, fp, VecOp.XMM + 2 * r, 2);
        System.arraycopy(all, 2, fp, VecOp.YMM_HI + 2 * r, 2);
        System.arraycopy(all, 4, fp, word(m, XsaveLayout.ZMM_HI256) + 4 * r, 4);
        fp[VecOp.BV] |= 2 | (n > 2 ? 4 : 0) | (n > 4 ? 1L << XsaveLayout.ZMM_HI256 : 0);
    }

    /** Writes the elements that are active, of {@code bits} bits, the others as they were or zero. */
    final void put(Interpreter m, int to, long[] v, int bits, int n) {
        putPart(m, to, v, bits, 64 * n);
    }

    /** {@link #put} of a result of {@code bits} bits, which may be less than 128. */
    final void putPart(Interpreter m, int to, long[] v, int width, int bits) {
        if (k != 0) {
            long on = active(m);
            long[] old = zeroing ? new long[8] : read(m, to);
            for (int e = 0; e < bits / width; e++)
                if ((on >>> e & 1) == 0) Avx2Table.setLane(v, e, width, Avx2Table.lane(old, e, width));
        }
        write(m, to, v, Math.max(bits / 64, 2));
    }

    final boolean anyActive(Interpreter m) {
        return k == 0 || (elements() < 64 ? active(m) & (1L << elements()) - 1 : active(m)) != 0;
    }

    final void put(Interpreter m, long[] v) {
        put(m, reg, v, width, words);
    }

    /** The r/m operand: a register, one element for all, or memory, element by element where there is an opmask. */
    final long[] operand(Interpreter m, boolean perElement) {
        if (ea == null) return read(m, rm);
        long on = active(m);
        int n = elements();
        long[] v = new long[8];
        if (n < 64) on &= (1L << n) - 1;
        if (broadcast) {
            if (on == 0 && perElement) return v;
            long x = m.ld(m.linear(ea, width / 8, false), width / 8);
            for (int e = 0; e < n; e++) Avx2Table.setLane(v, e, width, x);
        } else if (k == 0 || !perElement || on == (n == 64 ? -1 : (1L << n) - 1))
            m.load(m.linear(ea, 8 * words, false), 8 * words, v, 0);
        else loadActive(m, v, on, width, n);
        return v;
    }

    final void loadActive(Interpreter m, long[] v, long on, int bits, int n) {
        for (int e = 0; e < n; e++)
            if ((on >>> e & 1) != 0) {
                long la = m.linear(ea().plus((long) e * bits / 8), bits / 8, false);
                Avx2Table.setLane(v, e, bits, m.ld(la, bits / 8));
            }
    }

    /** Stores the active elements of {@code bits} bits, {@code n} of them; all may fault before the first is stored. */
    final void storeActive(Interpreter m, long[] v, int bits, int n) {
        if (k == 0) {
            m.store(m.linear(ea(), n * bits / 8, true), n * bits / 8, v, 0);
            return;
        }
        long on = active(m);
        for (int pass = 0; pass < 2; pass++)
            for (int e = 0; e < n; e++) {
                if ((on >>> e & 1) == 0) continue;
                long la = m.linear(ea().plus((long) e * bits / 8), bits / 8, true);
                if (pass == 0) m.checkWrite(la, bits / 8);
                else m.st(la, bits / 8, Avx2Table.lane(v, e, bits));
            }
    }

    /** What an operation does with whole vectors: {@code d} is the destination as it was. */
    interface Whole {
        void of(long[] d, long[] a, long[] b, long[] r, EvexOp op);
    }

    /** {@code reg = f(reg, vvvv, r/m)} under the opmask. */
    static final class General extends EvexOp {
        private final Whole f;
        private final boolean perElement;
        private final int to;

        /** {@code toFirst}: the destination is vvvv, as for shifts by an immediate. */
        General(Insn i, int width, boolean perElement, boolean toFirst, Whole f) {
            super(i, width, 0);
            this.f = f;
            this.perElement = perElement;
            this.to = toFirst ? first : reg;
        }

        @Override
        void run(Interpreter m) {
            long[] b = operand(m, perElement), r = new long[8];
            f.of(read(m, to), read(m, first), b, r, this);
            put(m, to, r, width, words);
        }
    }

    /** A relation of elements, as bits. */
    interface Relation {
        boolean holds(long a, long b, int imm);
    }

    /** {@code k = relation(vvvv, r/m)}; elements come sign-extended. The opmask clears what it leaves out. */
    static final class Compare extends EvexOp {
        private final Relation f;

        Compare(Insn i, int width, Relation f) {
            super(i, width, 0);
            this.f = f;
            undefined |= i.z;
        }

        @Override
        void run(Interpreter m) {
            long[] a = read(m, first), b = operand(m, true);
            long on = active(m), r = 0;
            int s = 64 - width;
            for (int e = 0; e < elements(); e++) {
                long x = Avx2Table.lane(a, e, width) << s >> s, y = Avx2Table.lane(b, e, width) << s >> s;
                if ((on >>> e & 1) != 0 && f.holds(x, y, imm)) r |= 1L << e;
            }
            setOpmask(m, reg, r);
        }
    }

    /** What does not fit the others. */
    interface Action {
        void run(Interpreter m, Free op);
    }

    static final class Free extends EvexOp {
        private final Action action;

        Free(Insn i, int width, int bytes, Action action) {
            super(i, width, bytes);
            this.action = action;
        }

        @Override
        void run(Interpreter m) {
            action.run(m, this);
        }
    }
}
