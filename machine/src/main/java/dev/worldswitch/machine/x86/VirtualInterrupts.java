package dev.worldswitch.machine.x86;

import java.util.List;

/**
 * Which flag stands for "interrupts on" at CPL and IOPL as they are: IF, or VIF by the virtual-8086 mode extensions
 * (CR4.VME) and protected-mode virtual interrupts (CR4.PVI), SDM vol. 3, 21.3 and 21.4.
 */
final class VirtualInterrupts {
    static final long VIF = 1 << 19, VIP = 1 << 20;

    /** What CLI, STI, PUSHF, POPF and IRET mean by the interrupt flag. */
    enum Means {
        IF,
        VIF,
        NOTHING
    }

    /** One case: {@code cr4} must have one of these bits, {@code cpl} at least this. */
    private record Row(boolean virtual8086, boolean levelAllows, int cpl, long cr4, Means means, String source) {}

    private static final long ANY = 0;

    private static final List<Row> ROWS = List.of(
            new Row(false, true, 0, ANY, Means.IF, "SDM vol. 2, CLI: PE = 0, or CPL <= IOPL"),
            new Row(false, false, 3, X86State.CR4_PVI, Means.VIF, "SDM vol. 3, 21.4"),
            new Row(false, false, 0, ANY, Means.NOTHING, "SDM vol. 2, CLI: CPL > IOPL"),
            new Row(true, true, 3, ANY, Means.IF, "SDM vol. 3, 21.2.7: IOPL = 3"),
            new Row(true, false, 3, X86State.CR4_VME, Means.VIF, "SDM vol. 3, 21.3.2"),
            new Row(true, false, 3, ANY, Means.NOTHING, "SDM vol. 3, 21.2.7: IOPL < 3"));

    private VirtualInterrupts() {}

    static Means means(Interpreter m) {
        boolean vm = (m.sys & X86State.VM) != 0;
        boolean allows = !vm && Segments.real(m) || m.cpl <= (m.sys & X86State.IOPL) >> 12;
        long cr4 = m.state.cr.get(4);
        for (Row r : ROWS)
            if (r.virtual8086 == vm
                    && r.levelAllows == allows
                    && m.cpl >= r.cpl
                    && (r.cr4 == ANY || (cr4 & r.cr4) != 0)) return r.means;
        throw new IllegalStateException("no row for CPL " + m.cpl);
    }

    static void cli(Interpreter m) {
        switch (means(m)) {
            case IF -> m.sys &= ~X86State.IF;
            case VIF -> m.sys &= ~VIF;
            case NOTHING -> throw m.gp(0);
        }
    }

    static void sti(Interpreter m) {
        switch (means(m)) {
            case IF -> {
                if ((m.sys & X86State.IF) == 0) m.state.shadow.set(X86State.SHADOW_STI);
                m.sys |= X86State.IF;
            }
            case VIF -> {
                if ((m.sys & VIP) != 0) throw m.gp(0);
                m.sys |= VIF;
            }
            case NOTHING -> throw m.gp(0);
        }
        m.attention = true;
    }

    /** PUSHF, POPF and IRET in virtual-8086 mode: true when VIF stands for IF; only operands of 16 bits know how. */
    static boolean virtual(Interpreter m, int size) {
        if ((m.sys & X86State.VM) == 0) return false;
        Means means = means(m);
        if (means == Means.NOTHING || means == Means.VIF && size != 2) throw m.gp(0);
        return means == Means.VIF;
    }

    /** FLAGS as a program in virtual-8086 mode shall see them: IOPL 3, VIF in the place of IF. */
    static long image(Interpreter m) {
        long f = m.flags() & 0xffff & ~X86State.IF | X86State.IOPL;
        return (m.sys & VIF) != 0 ? f | X86State.IF : f;
    }

    /** Takes FLAGS that POPF or IRET popped: IF goes to VIF; TF, or IF while an interrupt waits, is the monitor's. */
    static void load(Interpreter m, long popped) {
        mayLoad(m, popped);
        long keep = ~0xffffL | X86State.IOPL | X86State.IF;
        long f = m.flags() & keep | popped & 0x7fd5 & ~keep;
        m.setFlags((popped & X86State.IF) != 0 ? f | VIF : f & ~VIF);
    }

    /** Raises the #GP of {@link #load} before anything is changed. */
    static void mayLoad(Interpreter m, long popped) {
        boolean waits = (m.sys & VIP) != 0 && (popped & X86State.IF) != 0;
        if (waits || (popped & X86State.TF) != 0) throw m.gp(0);
    }

    /**
     * INT n in virtual-8086 mode with CR4.VME: true when the program's own interrupt table was gone through (methods 5 and
     * 6 of SDM vol. 3, table 21-2), false when the IDT is to be asked, if IOPL allows it.
     */
    static boolean redirected(Interpreter m, int vector) {
        X86State s = m.state;
        if ((m.sys & X86State.VM) == 0 || (s.cr.get(4) & X86State.CR4_VME) == 0) return false;
        long tss = s.segBase.get(X86State.TR), limit = s.segLimit.get(X86State.TR) & 0xffffffffL;
        if (limit < 0x67) throw m.gp(0);
        long at = m.sysLoad(tss + 0x66, 2) - 32 + vector / 8;
        if (at < 0 || at > limit) throw m.gp(0);
        if ((m.sysLoad(tss + at, 1) >>> (vector & 7) & 1) != 0) return false;
        boolean own = (m.sys & X86State.IOPL) == X86State.IOPL;
        long flags = own ? m.flags() & 0xffff : image(m);
        long entry = m.ld(vector * 4L, 4), sp = m.g[4];
        long[] words = {flags, s.segSelector.get(X86State.CS), m.rip};
        try {
            for (long w : words) m.push(w, 2);
        } catch (Signal e) {
            m.g[4] = sp;
            throw e;
        }
        m.sys &= ~(own ? X86State.IF | X86State.TF : VIF | X86State.TF);
        Segments.setReal(m, X86State.CS, entry >>> 16);
        m.rip = entry & 0xffff;
        m.modeChanged();
        return true;
    }

    /**
     * On the way into virtual-8086 mode: with VIF and VIP both set its first instruction calls the monitor (SDM vol. 3,
     * 21.3.2).
     */
    static void check(Interpreter m) {
        boolean both = (m.sys & (VIF | VIP)) == (VIF | VIP);
        if (!both || (m.sys & X86State.VM) == 0 || (m.state.cr.get(4) & X86State.CR4_VME) == 0) return;
        m.switched = true;
        throw m.gp(0);
    }
}
