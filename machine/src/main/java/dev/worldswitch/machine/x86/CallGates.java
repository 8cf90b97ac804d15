package dev.worldswitch.machine.x86;

/** Far calls and jumps through call gates (SDM vol. 3, 5.8.3 to 5.8.5; vol. 2, CALL and JMP). */
final class CallGates {
    private static final int GATE16 = 4, GATE = 12;

    private CallGates() {}

    /** What a gate at {@code selector} leads to. */
    private record Gate(long selector, long descriptor, long offset, int size, int parameters) {}

    /** True when {@code selector} names a system descriptor, a gate or a TSS, which CALL and JMP look through. */
    static boolean leadsTo(Interpreter m, long selector) {
        if (Segments.real(m) || (selector & 0xfffc) == 0) return false;
        return (Segments.attr(Segments.descriptor(m, selector & 0xffff, 13)) & X86State.ATTR_S) == 0;
    }

    static void jump(Interpreter m, long selector) {
        Gate g = gate(m, selector & 0xffff);
        boolean conforming = (Segments.attr(g.descriptor) & 4) != 0;
        if (!conforming && Segments.dpl(g.descriptor) != m.cpl) throw m.gp(g.selector & 0xfffc);
        long to = Segments.codeTarget(m, g.descriptor, g.offset, g.size);
        enter(m, g, m.cpl, to);
    }

    static void call(Interpreter m, long selector, long next) {
        Gate g = gate(m, selector & 0xffff);
        boolean conforming = (Segments.attr(g.descriptor) & 4) != 0;
        int cpl = conforming ? m.cpl : Segments.dpl(g.descriptor);
        long to = Segments.codeTarget(m, g.descriptor, g.offset, g.size);
        long cs = m.state.segSelector.get(X86State.CS);
        if (cpl == m.cpl) {
            long sp = m.g[4];
            try {
                m.push(cs, g.size);
                m.push(next, g.size);
                enter(m, g, cpl, to);
            } catch (Signal s) {
                m.g[4] = sp;
                throw s;
            }
        } else if (m.state.longMode()) {
            inner64(m, g, cpl, to, new long[] {next, cs, m.g[4], m.state.segSelector.get(X86State.SS)});
        } else {
            inner(m, g, cpl, to, next, cs);
        }
    }

    private static void enter(Interpreter m, Gate g, int cpl, long to) {
        Segments.setCode(m, g.selector, g.descriptor, cpl);
        m.rip = to;
        m.modeChanged();
    }

    private static Gate gate(Interpreter m, long sel) {
        boolean longMode = m.state.longMode();
        long d = Segments.descriptor(m, sel, 13), at = sel & 0xfffc;
        int type = (int) Segments.attr(d) & 0x1f;
        if (type != GATE && (longMode || type != GATE16)) throw m.gp(at);
        if (Segments.dpl(d) < m.cpl || Segments.dpl(d) < (sel & 3)) throw m.gp(at);
        long high = longMode ? second(m, sel) : 0;
        if ((high >>> 40 & 0x1f) != 0) throw m.gp(at);
        if ((Segments.attr(d) & X86State.ATTR_P) == 0) throw m.fault(11, at);
        long code = d >>> 16 & 0xffff;
        if ((code & 0xfffc) == 0) throw m.gp(0);
        long c = Segments.descriptor(m, code, 13), a = Segments.attr(c);
        if ((a & 0x18) != 0x18 || Segments.dpl(c) > m.cpl) throw m.gp(code & 0xfffc);
        boolean wide = (a & (X86State.ATTR_L | X86State.ATTR_DB)) == X86State.ATTR_L;
        if (longMode && !wide) throw m.gp(code & 0xfffc);
        if ((a & X86State.ATTR_P) == 0) throw m.fault(11, code & 0xfffc);
        long offset = d & 0xffff | (type == GATE ? (d >>> 48) << 16 : 0) | high << 32;
        return new Gate(code, c, offset, longMode ? 8 : type == GATE ? 4 : 2, (int) (d >>> 32) & 31);
    }

    /** The upper half of a gate of 16 bytes; beyond the table's limit it is #GP. */
    private static long second(Interpreter m, long sel) {
        return Segments.descriptor(m, sel + 8, 13);
    }

    /** To a more privileged level: its stack comes from the TSS, and the parameters come along. */
    private static void inner(Interpreter m, Gate g, int cpl, long to, long next, long cs) {
        int z = g.size, words = 4 + g.parameters;
        Segments.Stack stack = Segments.innerStack(m, cpl, 0);
        long[] frame = new long[words];
        frame[0] = next;
        frame[1] = cs;
        for (int k = 0; k < g.parameters; k++) frame[2 + k] = m.peek(k * z, z);
        frame[words - 2] = m.g[4];
        frame[words - 1] = m.state.segSelector.get(X86State.SS);
        stack.mustHold(m, words * z);
        long sp = stack.pointer();
        for (int k = words - 1; k >= 0; k--) {
            sp = sp - z & stack.mask();
            m.sysStore(stack.base() + sp & 0xffffffffL, z, frame[k]);
        }
        stack.load(m);
        m.g[4] = stack.mask() == 0xffff ? m.g[4] & ~0xffffL | sp : sp;
        enter(m, g, cpl, to);
    }

    private static void inner64(Interpreter m, Gate g, int cpl, long to, long[] frame) {
        X86State s = m.state;
        long off = 4 + 8L * cpl;
        if (off + 7 > (s.segLimit.get(X86State.TR) & 0xffffffffL))
            throw m.fault(10, s.segSelector.get(X86State.TR) & 0xfffc);
        long sp = m.sysLoad(s.segBase.get(X86State.TR) + off, 8) - 8L * frame.length;
        if (!m.isCanonical(sp)) throw m.ss(0);
        Delivery.pushFrame(m, sp, frame, 0, cpl);
        m.g[4] = sp;
        Segments.set(m, X86State.SS, cpl, 0, 0, X86State.ATTR_UNUSABLE | X86State.ATTR_S | 3 | (long) cpl << 5);
        enter(m, g, cpl, to);
    }
}
