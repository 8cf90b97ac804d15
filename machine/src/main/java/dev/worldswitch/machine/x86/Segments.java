package dev.worldswitch.machine.x86;

/** Segment descriptors: reading, checking and loading them (SDM vol. 3, chapters 3 and 5). */
final class Segments {
    private Segments() {}

    static boolean real(Interpreter m) {
        return (m.state.cr.get(0) & X86State.CR0_PE) == 0 || (m.sys & X86State.VM) != 0;
    }

    /** Limit and type of a data access outside 64-bit mode. */
    static void check(Interpreter m, int seg, long off, int size, boolean write) {
        long attr = m.state.segAttr.get(seg);
        long limit = m.state.segLimit.get(seg) & 0xffffffffL;
        boolean bad = false;
        if (!real(m)) {
            bad = (attr & X86State.ATTR_UNUSABLE) != 0
                    || write && ((attr & 8) != 0 || (attr & 2) == 0)
                    || !write && (attr & 0xa) == 8;
        }
        long last = off + size - 1;
        if ((attr & 0xc) == 4 && !real(m))
            bad |= off <= limit || last > ((attr & X86State.ATTR_DB) != 0 ? 0xffffffffL : 0xffff);
        else bad |= last > limit;
        if (bad) throw seg == X86State.SS ? m.ss(0) : m.gp(0);
    }

    /** The 8 bytes of a descriptor, or {@code fault} with the selector. */
    static long descriptor(Interpreter m, long selector, int vector) {
        boolean local = (selector & 4) != 0;
        long at = (selector & 0xfff8) + 7;
        if (local) {
            if ((m.state.segAttr.get(X86State.LDTR) & X86State.ATTR_UNUSABLE) != 0 || at > limit(m, X86State.LDTR))
                throw m.fault(vector, selector & 0xfffc);
            return m.sysLoad(m.state.segBase.get(X86State.LDTR) + at - 7, 8);
        }
        if (at > (m.state.gdtLimit.get() & 0xffff)) throw m.fault(vector, selector & 0xfffc);
        return m.sysLoad(m.state.gdtBase.get() + at - 7, 8);
    }

    private static long limit(Interpreter m, int seg) {
        return m.state.segLimit.get(seg) & 0xffffffffL;
    }

    static long base(long d) {
        return d >>> 16 & 0xffffff | (d >>> 56) << 24;
    }

    static long limit(long d) {
        long l = d & 0xffff | d >>> 32 & 0xf0000;
        return (d >>> 55 & 1) != 0 ? l << 12 | 0xfff : l;
    }

    /** Attributes of a descriptor in the format of {@link X86State#segAttr}. */
    static long attr(long d) {
        return d >>> 40 & 0xf0ff;
    }

    static int dpl(long d) {
        return (int) (d >>> 45) & 3;
    }

    static void set(Interpreter m, int seg, long selector, long base, long limit, long attr) {
        m.state.segSelector.set(seg, selector & 0xffff);
        m.state.segBase.set(seg, base);
        m.state.segLimit.set(seg, limit);
        m.state.segAttr.set(seg, attr);
    }

    static void setReal(Interpreter m, int seg, long selector) {
        boolean vm = (m.sys & X86State.VM) != 0;
        m.state.segSelector.set(seg, selector & 0xffff);
        m.state.segBase.set(seg, (selector & 0xffff) << 4);
        if (vm) set(m, seg, selector, (selector & 0xffff) << 4, 0xffff, 0xf3);
        else if (seg == X86State.CS) m.state.segAttr.set(seg, m.state.segAttr.get(seg) & ~0xfL | 3);
    }

    private static void markAccessed(Interpreter m, long selector, long d) {
        if ((d >>> 40 & 1) != 0) return;
        long table = (selector & 4) != 0 ? m.state.segBase.get(X86State.LDTR) : m.state.gdtBase.get();
        m.sysStore(table + (selector & 0xfff8) + 5, 1, d >>> 40 & 0xff | 1);
    }

    /** MOV or POP to a data segment register. */
    static void loadData(Interpreter m, int seg, long selector) {
        long sel = selector & 0xffff;
        if (real(m)) {
            setReal(m, seg, sel);
            m.modeChanged();
            return;
        }
        int rpl = (int) sel & 3;
        if ((sel & 0xfffc) == 0) {
            // Intel CPUs look at the RPL of a null SS (SDM vol. 2, MOV), AMD's do not (APM vol. 3, MOV).
            boolean rplFits = rpl == m.cpl || m.cpu.profile().isAmd();
            if (seg == X86State.SS && (m.code != 64 || m.cpl == 3 || !rplFits)) throw m.gp(0);
            long attr = seg == X86State.SS
                    ? X86State.ATTR_UNUSABLE | X86State.ATTR_S | 3 | (long) m.cpl << 5
                    : X86State.ATTR_UNUSABLE;
            // AMD and Intel both leave the base of a nulled FS or GS to the old value or zero; zero here.
            set(m, seg, sel, 0, 0, attr);
            m.modeChanged();
            return;
        }
        long d = descriptor(m, sel, 13);
        long a = attr(d);
        boolean codeSeg = (a & 8) != 0;
        if ((a & X86State.ATTR_S) == 0) throw m.gp(sel & 0xfffc);
        if (seg == X86State.SS) {
            if (rpl != m.cpl || dpl(d) != m.cpl || codeSeg || (a & 2) == 0) throw m.gp(sel & 0xfffc);
            if ((a & X86State.ATTR_P) == 0) throw m.ss(sel & 0xfffc);
        } else {
            if (codeSeg && (a & 2) == 0) throw m.gp(sel & 0xfffc);
            if ((!codeSeg || (a & 4) == 0) && (rpl > dpl(d) || m.cpl > dpl(d))) throw m.gp(sel & 0xfffc);
            if ((a & X86State.ATTR_P) == 0) throw m.fault(11, sel & 0xfffc);
        }
        setLoaded(m, seg, sel, d);
        m.modeChanged();
    }

    /** Checks a code descriptor for a transfer to privilege {@code newCpl}; no state changes. */
    static void checkCode(Interpreter m, long sel, long d, int newCpl, boolean sameLevel) {
        long a = attr(d);
        if ((a & 0x18) != 0x18) throw m.gp(sel & 0xfffc);
        boolean conforming = (a & 4) != 0;
        if (sameLevel && (conforming ? dpl(d) > m.cpl : dpl(d) != m.cpl || (sel & 3) > m.cpl)) throw m.gp(sel & 0xfffc);
        if (!sameLevel && (conforming ? dpl(d) > newCpl : dpl(d) != newCpl)) throw m.gp(sel & 0xfffc);
        if ((a & X86State.ATTR_P) == 0) throw m.fault(11, sel & 0xfffc);
        if (m.state.longMode() && (a & (X86State.ATTR_L | X86State.ATTR_DB)) == (X86State.ATTR_L | X86State.ATTR_DB))
            throw m.gp(sel & 0xfffc);
    }

    /** A data or stack segment whose descriptor was checked. */
    static void setLoaded(Interpreter m, int seg, long sel, long d) {
        markAccessed(m, sel, d);
        set(m, seg, sel, base(d), limit(d), attr(d) | 1);
    }

    static void setCode(Interpreter m, long sel, long d, int cpl) {
        markAccessed(m, sel, d);
        set(m, X86State.CS, sel & 0xfffc | cpl, base(d), limit(d), attr(d) | 1);
        // CPL is SS.DPL in this state format, so it follows each change of privilege.
        long ss = m.state.segAttr.get(X86State.SS);
        m.state.segAttr.set(X86State.SS, ss & ~0x60L | (long) cpl << 5);
    }

    /** Where a far branch to a code segment of this privilege goes, checked; in real mode there is no descriptor. */
    record FarTarget(long selector, long descriptor, long rip) {
        void enter(Interpreter m) {
            if (real(m)) setReal(m, X86State.CS, selector);
            else setCode(m, selector, descriptor, m.cpl);
            m.rip = rip;
            m.modeChanged();
        }
    }

    static FarTarget farTarget(Interpreter m, long selector, long offset, int opsize) {
        long sel = selector & 0xffff;
        if (real(m)) {
            long off = opsize == 2 ? offset & 0xffff : offset & 0xffffffffL;
            if (off > limit(m, X86State.CS)) throw m.gp(0);
            return new FarTarget(sel, 0, off);
        }
        if ((sel & 0xfffc) == 0) throw m.gp(0);
        long d = descriptor(m, sel, 13);
        checkCode(m, sel, d, m.cpl, true);
        return new FarTarget(sel, d, codeTarget(m, d, offset, opsize));
    }

    /** Far JMP: to a code segment of this privilege, through a call gate, or to another task. */
    static void farJump(Interpreter m, long selector, long offset, int opsize) {
        long sel = selector & 0xffff;
        if (!real(m) && CallGates.leadsTo(m, sel)) {
            if (!TaskSwitch.branch(m, sel, TaskSwitch.JMP)) CallGates.jump(m, sel);
            return;
        }
        farTarget(m, selector, offset, opsize).enter(m);
    }

    static long codeTarget(Interpreter m, long d, long offset, int opsize) {
        boolean l = m.state.longMode() && (attr(d) & X86State.ATTR_L) != 0;
        if (l) {
            if (!m.isCanonical(offset)) throw m.gp(0);
            return offset;
        }
        long off = opsize == 2 ? offset & 0xffff : offset & 0xffffffffL;
        if (off > limit(d)) throw m.gp(0);
        return off;
    }

    /** The stack that a TSS has for a privilege level; mask of its pointer. */
    record Stack(long selector, long descriptor, long pointer, long base, long mask) {
        /** Raises #SS when {@code bytes} below the pointer are not in the segment. */
        void mustHold(Interpreter m, int bytes) {
            long low = pointer - bytes & mask, limit = limit(descriptor);
            boolean down = (attr(descriptor) & 4) != 0;
            boolean held = down ? low > limit : Long.compareUnsigned(low + bytes - 1, limit) <= 0;
            if (!held) throw m.ss(selector & 0xfffc);
        }

        void load(Interpreter m) {
            set(m, X86State.SS, selector, base, limit(descriptor), attr(descriptor) | 1);
        }
    }

    /** SS and SP of level {@code cpl} from the TSS of a legacy mode; {@code ext} is the bit of that name in error codes. */
    static Stack innerStack(Interpreter m, int cpl, long ext) {
        long tss = m.state.segBase.get(X86State.TR), limit = limit(m, X86State.TR);
        boolean wide = (m.state.segAttr.get(X86State.TR) & 8) != 0;
        long at = wide ? 4 + 8L * cpl : 2 + 4L * cpl;
        if (at + (wide ? 5 : 3) > limit) throw m.fault(10, m.state.segSelector.get(X86State.TR) & 0xfffc | ext);
        long sp = m.sysLoad(tss + at, wide ? 4 : 2), ss = m.sysLoad(tss + at + (wide ? 4 : 2), 2);
        if ((ss & 0xfffc) == 0) throw m.fault(10, ext);
        long d = descriptor(m, ss, 10), a = attr(d);
        if ((a & 0x1a) != 0x12 || dpl(d) != cpl || (ss & 3) != cpl) throw m.fault(10, ss & 0xfffc | ext);
        if ((a & X86State.ATTR_P) == 0) throw m.ss(ss & 0xfffc | ext);
        return new Stack(ss, d, sp, base(d), (a & X86State.ATTR_DB) != 0 ? 0xffffffffL : 0xffff);
    }

    /** LLDT and LTR. */
    static void loadSystem(Interpreter m, int seg, long selector) {
        long sel = selector & 0xffff;
        if (m.cpl != 0) throw m.gp(0);
        if ((sel & 0xfffc) == 0) {
            if (seg == X86State.TR) throw m.gp(0);
            set(m, seg, sel, 0, 0, X86State.ATTR_UNUSABLE);
            return;
        }
        if ((sel & 4) != 0) throw m.gp(sel & 0xfffc);
        long d = descriptor(m, sel, 13);
        long a = attr(d);
        int type = (int) a & 0x1f;
        boolean good = seg == X86State.LDTR ? type == 2 : type == 9 || type == 1 && !m.state.longMode();
        if (!good) throw m.gp(sel & 0xfffc);
        if ((a & X86State.ATTR_P) == 0) throw m.fault(11, sel & 0xfffc);
        long base = base(d), at = m.state.gdtBase.get() + (sel & 0xfff8);
        if (m.state.longMode()) base |= m.sysLoad(at + 8, 4) << 32;
        if (seg == X86State.TR) {
            m.sysStore(at + 5, 1, d >>> 40 & 0xff | 2);
            a |= 2;
        }
        set(m, seg, sel, base, limit(d), a);
    }
}
