package dev.worldswitch.machine.x86;

/** Interrupts and exceptions going through the IDT, and coming back (SDM vol. 3, chapter 6). */
final class Delivery {
    private static final int EXTERNAL = 0, NMI = 2, HARDWARE = 3, SOFT_INT = 4, SOFT_EXC = 6;

    private Delivery() {}

    /** Delivers the exception in the fault fields. */
    static void exception(Interpreter m) {
        exception(m, false);
    }

    static void exception(Interpreter m, boolean trap) {
        int v = m.faultVector;
        if (intercepted(m, v)) {
            m.exit.vector = v;
            m.exit.errorCode = m.faultError;
            m.exit.hasErrorCode = m.faultHasError;
            m.exit.payload = m.faultPayload;
            m.exit.hasPayload = v == 1;
            throw m.leave(X86Exit.EXCEPTION);
        }
        if (v == 1) {
            m.state.dr.set(6, m.state.dr.get(6) & ~0xfL | m.faultPayload | 0xffff0ff0L);
            m.state.dr.set(7, m.state.dr.get(7) & ~0x2000L);
        }
        if (v == 14) m.state.cr.set(2, m.faultPayload);
        // Faults are delivered with RF set in the saved flags; traps with RF as it is.
        if (!trap) m.sys |= X86State.RF;
        deliver(m, v, HARDWARE, m.faultHasError, m.faultError);
    }

    private static boolean intercepted(Interpreter m, int vector) {
        long i = m.state.intercepts.get();
        return vector == 1 && (i & X86State.EXIT_DB) != 0
                || vector == 6 && (i & X86State.EXIT_UD) != 0
                || vector == 7 && (i & X86State.EXIT_NM) != 0;
    }

    private static boolean contributory(int v) {
        return v == 0 || v >= 10 && v <= 13;
    }

    /** Delivers an event at {@link Interpreter#rip}; a fault on the way becomes #DF, then a shutdown. */
    static void deliver(Interpreter m, int vector, int type, boolean hasError, long error) {
        int v = vector, t = type;
        boolean he = hasError;
        long e = error;
        m.exit.length = 0;
        for (; ; ) {
            try {
                through(m, v, t, he, e);
                trapOfTask(m);
                return;
            } catch (Signal s) {
                m.switched = false;
                m.loadPaging();
                if (s == Signal.EXIT) {
                    m.state.vectoringInfo.set(0x80000000L | (he ? 0x800 : 0) | (long) t << 8 | v);
                    m.state.vectoringErrorCode.set(e);
                }
                if (s != Signal.FAULT) throw s;
                int second = m.faultVector;
                if (second == 14) m.state.cr.set(2, m.faultPayload);
                if (v == 8 && t == HARDWARE) throw m.leave(X86Exit.SHUTDOWN);
                boolean twice = t == HARDWARE
                        && (contributory(v) && contributory(second)
                                || v == 14 && (second == 14 || contributory(second)));
                v = twice ? 8 : second;
                e = twice ? 0 : m.faultError;
                he = twice || m.faultHasError;
                if (t == EXTERNAL || t == NMI || t == HARDWARE) e |= v == 8 || v == 14 ? 0 : he ? 1 : 0;
                t = HARDWARE;
            }
        }
    }

    /** The #DB that a TSS with the T flag asks for. */
    private static void trapOfTask(Interpreter m) {
        long hits = m.watchHits & Debug.TASK_SWITCH;
        m.watchHits &= ~hits;
        if (hits != 0) Debug.trap(m, hits);
    }

    private static void through(Interpreter m, int vector, int type, boolean hasError, long error) {
        boolean was = m.careful;
        m.careful = true;
        try {
            if (Segments.real(m) && (m.sys & X86State.VM) == 0) realMode(m, vector);
            else if (m.state.longMode()) longMode(m, vector, type, hasError, error);
            else protectedMode(m, vector, type, hasError, error);
        } finally {
            m.careful = was;
        }
        m.state.shadow.set(0);
        if (type == NMI) m.state.nmiMasked.set(1);
    }

    private static void realMode(Interpreter m, int vector) {
        X86State s = m.state;
        if (vector * 4 + 3 > (s.idtLimit.get() & 0xffff)) throw m.gp(vector * 8 + 2);
        long entry = m.sysLoad(s.idtBase.get() + vector * 4L, 4);
        long sp = m.g[4];
        long mask = m.stackMask();
        long flags = m.flags();
        m.st(m.segment(X86State.SS, sp - 2 & mask, 2, true), 2, flags);
        m.st(m.segment(X86State.SS, sp - 4 & mask, 2, true), 2, s.segSelector.get(X86State.CS));
        m.st(m.segment(X86State.SS, sp - 6 & mask, 2, true), 2, m.rip);
        m.setSp(sp - 6);
        m.sys &= ~(X86State.IF | X86State.TF | X86State.AC | X86State.RF);
        Segments.setReal(m, X86State.CS, entry >>> 16);
        m.rip = entry & 0xffff;
        m.modeChanged();
    }

    private static void checkGate(Interpreter m, int vector, int type, long gate, boolean long64) {
        long err = vector * 8L + 2 + (type == EXTERNAL || type == NMI || type == HARDWARE ? 1 : 0);
        int kind = (int) (gate >>> 40) & 0x1f;
        if (kind != 14 && kind != 15 && (long64 || kind != 5 && kind != 6 && kind != 7)) throw m.gp(err);
        boolean soft = type == SOFT_INT || type == SOFT_EXC;
        if (soft && Segments.dpl(gate) < m.cpl) throw m.gp(err);
        if ((gate >>> 47 & 1) == 0) throw m.fault(11, err);
    }

    private static void longMode(Interpreter m, int vector, int type, boolean hasError, long error) {
        X86State s = m.state;
        long ext = type == EXTERNAL || type == NMI || type == HARDWARE ? 1 : 0;
        if (vector * 16 + 15 > (s.idtLimit.get() & 0xffff)) throw m.gp(vector * 8L + 2 + ext);
        long at = s.idtBase.get() + vector * 16L;
        long low = m.sysLoad(at, 8), high = m.sysLoad(at + 8, 8);
        checkGate(m, vector, type, low, true);
        long sel = low >>> 16 & 0xffff;
        if ((sel & 0xfffc) == 0) throw m.gp(ext);
        long d = Segments.descriptor(m, sel, 13);
        long a = Segments.attr(d);
        if ((a & 0x18) != 0x18 || Segments.dpl(d) > m.cpl) throw m.gp(sel & 0xfffc | ext);
        if ((a & X86State.ATTR_P) == 0) throw m.fault(11, sel & 0xfffc | ext);
        if ((a & X86State.ATTR_L) == 0) throw m.gp(sel & 0xfffc | ext);
        int cpl = (a & 4) != 0 ? m.cpl : Segments.dpl(d);
        long target = low & 0xffff | (low >>> 48) << 16 | high << 32;
        if (!m.isCanonical(target)) throw m.gp(0);
        int ist = (int) (low >>> 32) & 7;
        boolean inner = cpl < m.cpl;
        long sp = m.g[4];
        if (ist != 0 || inner) {
            long off = ist != 0 ? 28 + 8L * ist : 4 + 8L * cpl;
            if (off + 7 > (s.segLimit.get(X86State.TR) & 0xffffffffL))
                throw m.fault(10, s.segSelector.get(X86State.TR) & 0xfffc | ext);
            sp = m.sysLoad(s.segBase.get(X86State.TR) + off, 8);
        }
        if (!m.isCanonical(sp)) throw m.ss(ext);
        long[] frame = {error, m.rip, s.segSelector.get(X86State.CS), m.flags(), m.g[4], s.segSelector.get(X86State.SS)
        };
        int first = hasError ? 0 : 1;
        sp = (sp & -16L) - 8L * (6 - first);
        pushFrame(m, sp, frame, first, cpl);
        m.g[4] = sp;
        if (inner)
            Segments.set(m, X86State.SS, cpl, 0, 0, X86State.ATTR_UNUSABLE | X86State.ATTR_S | 3 | (long) cpl << 5);
        Segments.setCode(m, sel, d, cpl);
        clearFlags(m, (low >>> 40 & 1) == 0);
        m.rip = target;
        m.modeChanged();
    }

    /** Writes the frame as the new privilege; on a fault the old one is back. */
    static void pushFrame(Interpreter m, long sp, long[] frame, int first, int cpl) {
        int old = m.cpl;
        m.cpl = cpl;
        m.loadAccess(m.sys | X86State.AC);
        try {
            m.store(sp, 8 * (frame.length - first), frame, first);
        } finally {
            m.cpl = old;
            m.loadAccess(m.sys);
        }
    }

    private static void clearFlags(Interpreter m, boolean interruptGate) {
        m.sys &= ~(X86State.TF | X86State.NT | X86State.RF | X86State.VM);
        if (interruptGate) m.sys &= ~X86State.IF;
    }

    private static void protectedMode(Interpreter m, int vector, int type, boolean hasError, long error) {
        X86State s = m.state;
        long ext = type == EXTERNAL || type == NMI || type == HARDWARE ? 1 : 0;
        boolean virtual = (m.sys & X86State.VM) != 0;
        if (virtual && type == SOFT_INT && (m.sys & X86State.IOPL) != X86State.IOPL) throw m.gp(0);
        if (vector * 8 + 7 > (s.idtLimit.get() & 0xffff)) throw m.gp(vector * 8L + 2 + ext);
        long gate = m.sysLoad(s.idtBase.get() + vector * 8L, 8);
        checkGate(m, vector, type, gate, false);
        if ((gate >>> 40 & 0x1f) == 5) {
            TaskSwitch.interrupt(m, gate, ext, hasError, error);
            return;
        }
        int size = (gate >>> 43 & 1) != 0 ? 4 : 2;
        long sel = gate >>> 16 & 0xffff;
        if ((sel & 0xfffc) == 0) throw m.gp(ext);
        long d = Segments.descriptor(m, sel, 13);
        long a = Segments.attr(d);
        if ((a & 0x18) != 0x18 || Segments.dpl(d) > m.cpl) throw m.gp(sel & 0xfffc | ext);
        if ((a & X86State.ATTR_P) == 0) throw m.fault(11, sel & 0xfffc | ext);
        int cpl = (a & 4) != 0 ? m.cpl : Segments.dpl(d);
        long target = gate & 0xffff | (size == 4 ? (gate >>> 48) << 16 : 0);
        if (target > Segments.limit(d)) throw m.gp(ext);
        if (virtual && cpl != 0) throw m.gp(sel & 0xfffc | ext);
        long[] frame = {
            error,
            m.rip,
            s.segSelector.get(X86State.CS),
            m.flags(),
            m.g[4],
            s.segSelector.get(X86State.SS),
            s.segSelector.get(X86State.ES),
            s.segSelector.get(X86State.DS),
            s.segSelector.get(X86State.FS),
            s.segSelector.get(X86State.GS)
        };
        int first = hasError ? 0 : 1, count = virtual ? 10 : cpl < m.cpl ? 6 : 4;
        long sp = m.g[4], base = s.segBase.get(X86State.SS), mask = m.stackMask();
        Segments.Stack inner = cpl < m.cpl ? Segments.innerStack(m, cpl, ext) : null;
        if (inner != null) {
            sp = inner.pointer();
            base = inner.base();
            mask = inner.mask();
        }
        for (int k = count - 1; k >= first; k--) {
            sp = sp - size & mask;
            m.sysStore(base + sp & 0xffffffffL, size, frame[k]);
        }
        if (virtual) {
            m.sys &= ~X86State.VM;
            for (int seg : new int[] {X86State.ES, X86State.DS, X86State.FS, X86State.GS})
                Segments.set(m, seg, 0, 0, 0, X86State.ATTR_UNUSABLE);
        }
        if (inner != null) inner.load(m);
        m.g[4] = mask == 0xffff ? m.g[4] & ~mask | sp : sp;
        Segments.setCode(m, sel, d, cpl);
        clearFlags(m, (gate >>> 40 & 1) == 0);
        m.rip = target;
        m.modeChanged();
    }

    /** INT n, INT3, INTO: RIP is already past the instruction. TF is clear in the handler, and no trap comes first. */
    static void software(Interpreter m, int vector, int type) {
        m.stepTrap = 0;
        if (type == SOFT_INT && VirtualInterrupts.redirected(m, vector)) return;
        try {
            through(m, vector, type, false, 0);
        } catch (Signal s) {
            if (s == Signal.EXIT && m.exit.reason == X86Exit.TASK_SWITCH)
                m.state.vectoringInfo.set(0x80000000L | (long) type << 8 | vector);
            throw s;
        }
        if (!m.careful) trapOfTask(m);
    }

    static void iret(Interpreter m, int size) {
        X86State s = m.state;
        if (Segments.real(m)) {
            // In virtual-8086 mode IOPL is not the task's to change.
            long fixed = (m.sys & X86State.VM) != 0 ? X86State.IOPL : 0;
            boolean vif = VirtualInterrupts.virtual(m, size);
            long ip = m.peek(0, size), cs = m.peek(size, size), f = m.peek(2 * size, size);
            if (vif) VirtualInterrupts.mayLoad(m, f);
            m.drop(3L * size);
            Segments.setReal(m, X86State.CS, cs);
            m.rip = ip;
            long keep = (size == 2 ? ~0xffffL : 0x1a0000) | fixed;
            if (vif) VirtualInterrupts.load(m, f);
            else m.setFlags(m.flags() & keep | f & (size == 2 ? 0xffffL : 0x257fd5) & ~keep);
            s.nmiMasked.set(0);
            m.modeChanged();
            return;
        }
        if ((m.sys & X86State.NT) != 0) {
            if (s.longMode()) throw m.gp(0);
            // NMIs come again even if the switch does not come about (SDM vol. 3, 26.3, IRET).
            s.nmiMasked.set(0);
            TaskSwitch.ret(m);
            return;
        }
        long ip = m.peek(0, size), cs = m.peek(size, size) & 0xffff, f = m.peek(2 * size, size);
        if ((f & X86State.VM) != 0 && !s.longMode() && m.cpl == 0) {
            toVirtual8086(m, ip, f);
            return;
        }
        int cpl = (int) cs & 3;
        if ((cs & 0xfffc) == 0) throw m.gp(0);
        long d = Segments.descriptor(m, cs, 13);
        if (cpl < m.cpl) throw m.gp(cs & 0xfffc);
        Segments.checkCode(m, cs, d, cpl, false);
        long to = Segments.codeTarget(m, d, ip, size);
        boolean outer = cpl > m.cpl || m.code == 64;
        long sp = 0, ss = 0, ssDesc = 0;
        if (outer) {
            sp = m.peek(3 * size, size);
            ss = m.peek(4 * size, size) & 0xffff;
            boolean to64 = s.longMode() && (Segments.attr(d) & X86State.ATTR_L) != 0;
            if ((ss & 0xfffc) == 0) {
                if (!to64 || cpl == 3 || (ss & 3) != cpl) throw m.gp(0);
            } else {
                ssDesc = Segments.descriptor(m, ss, 13);
                long sa = Segments.attr(ssDesc);
                if ((sa & 0x1a) != 0x12 || (ss & 3) != cpl || Segments.dpl(ssDesc) != cpl) throw m.gp(ss & 0xfffc);
                if ((sa & X86State.ATTR_P) == 0) throw m.ss(ss & 0xfffc);
            }
        }
        long vif = VirtualInterrupts.VIF | VirtualInterrupts.VIP;
        long keep = X86State.VM | (m.cpl == 0 ? 0 : X86State.IOPL | vif);
        if (m.cpl > (m.sys & X86State.IOPL) >> 12) keep |= X86State.IF;
        if (size == 2) keep |= ~0xffffL;
        long flags = m.flags() & keep | f & 0x3f7fd5 & ~keep;
        boolean leaves = cpl > m.cpl;
        if (!outer) m.drop(3L * size);
        Segments.setCode(m, cs, d, cpl);
        if (outer) {
            if ((ss & 0xfffc) == 0)
                Segments.set(m, X86State.SS, ss, 0, 0, X86State.ATTR_UNUSABLE | X86State.ATTR_S | 3 | (long) cpl << 5);
            else
                Segments.set(
                        m, X86State.SS, ss, Segments.base(ssDesc), Segments.limit(ssDesc), Segments.attr(ssDesc) | 1);
            m.modeChanged();
            m.setSp(sp);
        }
        if (leaves) nullOuterSegments(m, cpl);
        m.rip = to;
        m.setFlags(flags);
        s.nmiMasked.set(0);
        m.epoch++;
        m.modeChanged();
    }

    /** IRET to virtual-8086 mode: its stack and data segments are on the stack too (SDM vol. 2, IRET). */
    private static void toVirtual8086(Interpreter m, long ip, long flags) {
        int[] order = {X86State.CS, -1, -1, X86State.SS, X86State.ES, X86State.DS, X86State.FS, X86State.GS};
        long[] words = new long[9];
        for (int k = 0; k < 9; k++) words[k] = m.peek(4 * k, 4);
        if (ip > 0xffff) throw m.gp(0);
        m.setFlags(flags & 0x3f7fd5);
        for (int k = 0; k < order.length; k++) if (order[k] >= 0) Segments.setReal(m, order[k], words[k + 1] & 0xffff);
        m.g[4] = words[3];
        m.rip = ip;
        m.state.nmiMasked.set(0);
        m.epoch++;
        m.modeChanged();
        VirtualInterrupts.check(m);
    }

    /** Data segments that the outer level may not use become null (SDM vol. 2, IRET). */
    static void nullOuterSegments(Interpreter m, int cpl) {
        for (int seg : new int[] {X86State.ES, X86State.DS, X86State.FS, X86State.GS}) {
            long a = m.state.segAttr.get(seg);
            boolean data = (a & 8) == 0 || (a & 0xc) == 8;
            if (data && (a & X86State.ATTR_UNUSABLE) == 0 && (a >> 5 & 3) < cpl)
                Segments.set(m, seg, 0, 0, 0, X86State.ATTR_UNUSABLE);
        }
    }
}
