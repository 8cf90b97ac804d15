package dev.worldswitch.machine.x86;

/**
 * Floating point element by element under an opmask, with embedded rounding and suppressed exceptions (SDM vol. 2, 2.7.4 and
 * 2.7.5). Result elements of {@code to} bits come of source elements of {@code from} bits; the opmask counts the wider ones.
 * Elements that the opmask leaves out raise nothing.
 */
final class EvexFloat extends EvexOp {
    static final int ALL_MASKED = 0x1f80;

    /** One element of the result, of the destination's, the first and the second source's. */
    interface Element {
        SseFloat.Result of(long d, long a, long b, int imm, int mx);
    }

    private final Element f;
    private final int from, to;
    private final boolean scalar, suppressed, spread, keepsMode;
    private final int rounding;

    /** {@code saeOnly}: EVEX.b with a register suppresses exceptions and leaves rounding to MXCSR. */
    EvexFloat(Insn i, int from, int to, boolean scalar, boolean saeOnly, Element f) {
        super(i, scalar ? from : Math.max(from, to), scalar ? from / 8 : memory(i, from, to));
        this.f = f;
        this.from = from;
        this.to = to;
        this.scalar = scalar;
        this.suppressed = i.b && !i.isMem();
        this.keepsMode = saeOnly;
        this.rounding = i.vl << 13;
        boolean tooLong = i.vl > 2 && !suppressed && !scalar;
        undefined = tooLong || i.z && i.aaa == 0 || scalar && i.b && i.isMem();
        // One element for all is as wide as the source's elements.
        this.spread = from < to && !scalar && i.b && i.isMem();
        if (spread && i.mod == 1) this.ea = i.mem().plus(i.mem().disp * (from / 8 - 1));
    }

    /** Bytes of a packed operand in memory that is narrower than the result; 0 for a whole vector. */
    private static int memory(Insn i, int from, int to) {
        return from < to ? (16 << Math.min(i.vl, 2)) * from / to : 0;
    }

    private int mxcsr(Interpreter m) {
        int mx = XsaveInstructions.mxcsr(m.fp);
        if (!suppressed) return mx;
        return (keepsMode ? mx : mx & ~SseFloat.RC | rounding) | ALL_MASKED;
    }

    private void raise(Interpreter m, int flags) {
        if (!suppressed) VecOp.raise(m, flags);
    }

    @Override
    void run(Interpreter m) {
        if (scalar) {
            one(m);
            return;
        }
        long[] b = from < to ? part(m) : operand(m, true), a = read(m, first), d = read(m, reg), r = new long[8];
        int flags = 0, n = elements(), mx = mxcsr(m);
        long on = active(m);
        for (int e = 0; e < n; e++) {
            if ((on >>> e & 1) == 0) continue;
            SseFloat.Result v =
                    f.of(Avx2Table.lane(d, e, to), Avx2Table.lane(a, e, to), Avx2Table.lane(b, e, from), imm, mx);
            Avx2Table.setLane(r, e, to, v.bits());
            flags |= v.flags();
        }
        raise(m, flags);
        putPart(m, reg, r, to, n * to);
    }

    private long[] part(Interpreter m) {
        if (ea == null) return read(m, rm);
        long[] v = new long[8];
        if (spread && anyActive(m)) {
            long one = m.ld(m.linear(ea, from / 8, false), from / 8);
            for (int e = 0; e < elements(); e++) Avx2Table.setLane(v, e, from, one);
        } else if (!spread) loadActive(m, v, active(m), from, elements());
        return v;
    }

    private void one(Interpreter m) {
        long[] r = {0};
        if ((active(m) & 1) != 0) {
            long b = ea != null ? m.ld(m.linear(ea, from / 8, false), from / 8) : read(m, rm)[0];
            long a = read(m, first)[0], d = read(m, reg)[0];
            SseFloat.Result v =
                    f.of(d & Avx2Table.mask(to), a & Avx2Table.mask(to), b & Avx2Table.mask(from), imm, mxcsr(m));
            raise(m, v.flags());
            r[0] = v.bits();
        }
        Avx512Table.merge(m, this, reg, r, to);
    }
}
