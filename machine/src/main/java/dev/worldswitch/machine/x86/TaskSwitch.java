package dev.worldswitch.machine.x86;

import java.util.List;

/**
 * Task switches outside IA-32e mode (SDM vol. 3, 8.2 and 8.3): by JMP and CALL to a TSS descriptor or task gate, by a task
 * gate of the IDT, by IRET with NT. Until the old state is saved a fault leaves all as it was; after that it is the new
 * task's, with the RIP of that.
 */
final class TaskSwitch {
    /** Sources of a switch, as the exit qualification numbers them (SDM vol. 3, table 28-2). */
    static final int CALL = 0, IRET = 1, JMP = 2, GATE = 3;

    private static final int TS = 10, NP = 11, SS_FAULT = 12;
    private static final long BUSY = 1L << 41;

    /** Where a TSS keeps what; -1 for nowhere. */
    private record Layout(
            int width,
            long minimum,
            int cr3,
            int ip,
            int flags,
            int registers,
            int segments,
            int count,
            int ldt,
            int trap,
            String source) {}

    private static final Layout TSS32 =
            new Layout(4, 0x67, 0x1c, 0x20, 0x24, 0x28, 0x48, 6, 0x60, 0x64, "SDM vol. 3, figure 8-2");
    private static final Layout TSS16 =
            new Layout(2, 0x2b, -1, 0x0e, 0x10, 0x12, 0x22, 4, 0x2a, -1, "SDM vol. 3, figure 8-10");

    /** Whether a segment of these attributes may be loaded by a selector of this RPL at this CPL. */
    private interface Rule {
        boolean allows(long attr, int dpl, int rpl, int cpl);
    }

    /** A segment register of the new task: what must hold, else #TS, and what an absent segment raises. */
    private record Load(int segment, boolean mayBeNull, Rule rule, int absent, String source) {}

    private static final Rule CODE =
            (a, dpl, rpl, cpl) -> (a & 0x18) == 0x18 && ((a & 4) != 0 ? dpl <= rpl : dpl == rpl);
    private static final Rule STACK = (a, dpl, rpl, cpl) -> (a & 0x1a) == 0x12 && dpl == cpl && rpl == cpl;
    private static final Rule DATA =
            (a, dpl, rpl, cpl) -> (a & 0x10) != 0 && (a & 0xa) != 8 && ((a & 0xc) == 0xc || rpl <= dpl && cpl <= dpl);

    private static final List<Load> LOADS = List.of(
            new Load(X86State.CS, false, CODE, NP, "SDM vol. 3, table 8-1: CS valid, DPL matches RPL; present"),
            new Load(
                    X86State.SS,
                    false,
                    STACK,
                    SS_FAULT,
                    "SDM vol. 3, table 8-1: SS valid, DPL and RPL are CPL; present"),
            new Load(X86State.ES, true, DATA, NP, "SDM vol. 3, table 8-1: ES readable, DPL >= CPL; present"),
            new Load(X86State.DS, true, DATA, NP, "SDM vol. 3, table 8-1: DS, as ES"),
            new Load(X86State.FS, true, DATA, NP, "SDM vol. 3, table 8-1: FS, as ES"),
            new Load(X86State.GS, true, DATA, NP, "SDM vol. 3, table 8-1: GS, as ES"));

    private TaskSwitch() {}

    /** JMP or CALL to {@code selector}: true when that is a TSS or a task gate, and the switch is done. */
    static boolean branch(Interpreter m, long selector, int reason) {
        if (m.state.longMode()) return false;
        long d = Segments.descriptor(m, selector, 13), at = selector & 0xfffc;
        int type = (int) Segments.attr(d) & 0x1f;
        if (type != 5 && !isTss(type, false)) return false;
        if (Segments.dpl(d) < m.cpl || Segments.dpl(d) < (selector & 3)) throw m.gp(at);
        if (type != 5) {
            begin(m, selector, d, reason, 0);
            return true;
        }
        if ((Segments.attr(d) & X86State.ATTR_P) == 0) throw m.fault(NP, at);
        throughGate(m, d >>> 16 & 0xffff, reason, 0);
        return true;
    }

    /** A task gate of the IDT; {@code ext} is the bit of that name in error codes. */
    static void interrupt(Interpreter m, long gate, long ext, boolean hasError, long error) {
        try {
            throughGate(m, gate >>> 16 & 0xffff, GATE, ext);
        } catch (Signal e) {
            m.exit.hasErrorCode = hasError && e == Signal.EXIT;
            if (m.exit.hasErrorCode) m.exit.errorCode = error;
            throw e;
        }
        if (hasError) guarded(m, () -> m.push(error, width(m)));
    }

    /**
     * As the hypervisor does it after {@link X86Exit#TASK_SWITCH}: what is in its way ends it where it is, the general registers
     * and RIP are the new task's only when all is done (kvm_task_switch drops the exceptions of emulator_task_switch).
     */
    static void emulated(Interpreter m, long selector, int reason, boolean hasError, long error) {
        long[] registers = m.g.clone();
        long rip = m.rip;
        try {
            perform(m, selector, Segments.descriptor(m, selector, 13), reason);
            if (hasError) m.push(error, width(m));
        } catch (Signal s) {
            if (s != Signal.FAULT && s != Signal.EXIT) throw s;
            System.arraycopy(registers, 0, m.g, 0, 16);
            m.rip = rip;
            m.exit.reason = 0;
        }
        m.switched = false;
        m.watchHits = 0;
    }

    private static int width(Interpreter m) {
        return (m.state.segAttr.get(X86State.TR) & 8) != 0 ? 4 : 2;
    }

    private static void throughGate(Interpreter m, long selector, int reason, long ext) {
        if ((selector & 4) != 0 || (selector & 0xfffc) == 0) throw m.gp(selector & 0xfffc | ext);
        long d = Segments.descriptor(m, selector, 13);
        if (!isTss((int) Segments.attr(d) & 0x1f, false)) throw m.gp(selector & 0xfffc | ext);
        begin(m, selector, d, reason, ext);
    }

    /** IRET with NT: back to the task that the current TSS names (SDM vol. 2, IRET, TASK-RETURN). */
    static void ret(Interpreter m) {
        long selector = m.sysLoad(m.state.segBase.get(X86State.TR), 2);
        if ((selector & 4) != 0 || (selector & 0xfffc) == 0) throw m.fault(TS, selector & 0xfffc);
        long d = Segments.descriptor(m, selector, TS);
        if (!isTss((int) Segments.attr(d) & 0x1f, true)) throw m.fault(TS, selector & 0xfffc);
        begin(m, selector, d, IRET, 0);
    }

    private static boolean isTss(int type, boolean busy) {
        return (type & ~8) == (busy ? 3 : 1);
    }

    private static void begin(Interpreter m, long selector, long d, int reason, long ext) {
        if ((Segments.attr(d) & X86State.ATTR_P) == 0) throw m.fault(NP, selector & 0xfffc | ext);
        mustBeLarge(m, selector, d, ext);
        if ((m.state.intercepts.get() & X86State.EXIT_TASK_SWITCH) == 0) {
            perform(m, selector, d, reason);
            return;
        }
        m.exit.payload = selector & 0xffff | (long) reason << 30;
        throw m.leave(X86Exit.TASK_SWITCH);
    }

    private static Layout mustBeLarge(Interpreter m, long selector, long d, long ext) {
        Layout l = (Segments.attr(d) & 8) != 0 ? TSS32 : TSS16;
        if (Segments.limit(d) < l.minimum) throw m.fault(TS, selector & 0xfffc | ext);
        return l;
    }

    /** The new task's state, read before anything is written. */
    private record Image(
            Layout layout, long cr3, long ip, long flags, long[] registers, long[] selectors, long ldt, boolean trap) {
        static Image read(Interpreter m, Layout l, long tss) {
            long[] registers = new long[8], selectors = new long[6];
            for (int r = 0; r < 8; r++) registers[r] = m.sysLoad(tss + l.registers + (long) r * l.width, l.width);
            for (int s = 0; s < l.count; s++) selectors[s] = m.sysLoad(tss + l.segments + (long) s * l.width, 2);
            return new Image(
                    l,
                    l.cr3 < 0 ? 0 : m.sysLoad(tss + l.cr3, 4),
                    m.sysLoad(tss + l.ip, l.width),
                    m.sysLoad(tss + l.flags, l.width),
                    registers,
                    selectors,
                    m.sysLoad(tss + l.ldt, 2),
                    l.trap >= 0 && (m.sysLoad(tss + l.trap, 1) & 1) != 0);
        }
    }

    /** The switch itself, to the TSS of descriptor {@code d}. RIP is where the old task shall go on. */
    static void perform(Interpreter m, long selector, long d, int reason) {
        X86State s = m.state;
        boolean nests = reason == CALL || reason == GATE;
        Layout to = mustBeLarge(m, selector, d, 0), from = (s.segAttr.get(X86State.TR) & 8) != 0 ? TSS32 : TSS16;
        long oldSelector = s.segSelector.get(X86State.TR), oldTss = s.segBase.get(X86State.TR), tss = Segments.base(d);
        Image image = Image.read(m, to, tss);
        if (image.trap && !m.careful) throw Signal.CAREFUL;
        m.sysWritable(oldTss + from.ip, from.ldt - from.ip);
        m.sysWritable(s.gdtBase.get() + (selector & 0xfff8), 8);
        if (nests) m.sysWritable(tss, 2);
        else clearBusy(m, oldSelector);
        save(m, from, oldTss, reason == IRET ? m.flags() & ~X86State.NT : m.flags());
        if (nests) m.sysStore(tss, 2, oldSelector);
        if (reason != IRET) m.sysStore(s.gdtBase.get() + (selector & 0xfff8) + 5, 1, (d | BUSY) >>> 40);
        Segments.set(m, X86State.TR, selector, tss, Segments.limit(d), Segments.attr(d | BUSY));
        s.cr.set(0, s.cr.get(0) | X86State.CR0_TS);
        s.dr.set(7, s.dr.get(7) & ~0x155L);
        guarded(m, () -> load(m, image, nests ? X86State.NT : 0));
        m.watchHits |= image.trap ? Debug.TASK_SWITCH : 0;
    }

    private static void clearBusy(Interpreter m, long selector) {
        long at = m.state.gdtBase.get() + (selector & 0xfff8) + 5;
        m.sysStore(at, 1, m.sysLoad(at, 1) & ~(BUSY >>> 40));
    }

    private static void save(Interpreter m, Layout l, long tss, long flags) {
        m.sysStore(tss + l.ip, l.width, m.rip);
        m.sysStore(tss + l.flags, l.width, flags);
        for (int r = 0; r < 8; r++) m.sysStore(tss + l.registers + (long) r * l.width, l.width, m.g[r]);
        for (int i = 0; i < l.count; i++)
            m.sysStore(tss + l.segments + (long) i * l.width, 2, m.state.segSelector.get(i));
    }

    /** What goes wrong from here on does so in the new task. */
    private static void guarded(Interpreter m, Runnable step) {
        try {
            step.run();
        } catch (Signal e) {
            m.switched = true;
            m.modeChanged();
            throw e;
        }
    }

    private static void load(Interpreter m, Image i, long nested) {
        X86State s = m.state;
        if (i.layout.cr3 >= 0 && (s.cr.get(0) & X86State.CR0_PG) != 0) {
            s.cr.set(3, i.cr3);
            m.flushTlb();
        }
        m.rip = i.ip;
        m.setFlags(i.flags & 0x3f7fd5 | nested);
        for (int r = 0; r < 8; r++) m.g[r] = i.registers[r];
        boolean virtual = (m.sys & X86State.VM) != 0;
        int cpl = virtual ? 3 : (int) i.selectors[X86State.CS] & 3;
        // All selectors count before the first descriptor is looked at; privilege is that of the new CS.
        for (int seg = 0; seg < 6; seg++)
            if (virtual) Segments.setReal(m, seg, i.selectors[seg]);
            else Segments.set(m, seg, i.selectors[seg], 0, 0, X86State.ATTR_UNUSABLE | (long) cpl << 5);
        Segments.set(m, X86State.LDTR, i.ldt, 0, 0, X86State.ATTR_UNUSABLE);
        m.epoch++;
        m.modeChanged();
        loadLdt(m, i.ldt);
        if (!virtual) for (Load l : LOADS) loadSegment(m, l, i.selectors[l.segment], cpl);
        m.modeChanged();
        if (i.ip > (s.segLimit.get(X86State.CS) & 0xffffffffL)) throw m.gp(0);
        VirtualInterrupts.check(m);
    }

    private static void loadLdt(Interpreter m, long selector) {
        if ((selector & 0xfffc) == 0) return;
        if ((selector & 4) != 0) throw m.fault(TS, selector & 0xfffc);
        long d = Segments.descriptor(m, selector, TS), a = Segments.attr(d);
        // An absent one is #TS too (SDM vol. 3, table 8-1), not #NP as for LLDT.
        if ((a & 0x1f) != 2 || (a & X86State.ATTR_P) == 0) throw m.fault(TS, selector & 0xfffc);
        Segments.set(m, X86State.LDTR, selector, Segments.base(d), Segments.limit(d), a);
    }

    private static void loadSegment(Interpreter m, Load l, long selector, int cpl) {
        if ((selector & 0xfffc) == 0) {
            if (!l.mayBeNull) throw m.fault(TS, selector & 0xfffc);
            return;
        }
        long d = Segments.descriptor(m, selector, TS), a = Segments.attr(d);
        if (!l.rule.allows(a, Segments.dpl(d), (int) selector & 3, cpl)) throw m.fault(TS, selector & 0xfffc);
        if ((a & X86State.ATTR_P) == 0) throw m.fault(l.absent, selector & 0xfffc);
        if (l.segment == X86State.CS) Segments.setCode(m, selector, d, cpl);
        else Segments.setLoaded(m, l.segment, selector, d);
        m.modeChanged();
    }
}
