package dev.worldswitch.machine.x86;

import java.util.List;

/** Rows of interrupts, far branches and the stack instructions that 64-bit mode lacks. */
final class FarOps {
    private FarOps() {}

    static void add(MoreOps.Acts plain, MoreOps.Acts ending, List<Row> rows) {
        ending.row("INT3", "CC", "", (m, op) -> {
            if ((m.state.intercepts.get() & X86State.EXIT_BP) != 0) {
                m.exit.vector = 3;
                m.exit.hasErrorCode = false;
                throw SystemOps.exit(m, op, X86Exit.EXCEPTION);
            }
            software(m, op, 3, 6);
        });
        ending.row("INT", "CD", "Ib", (m, op) -> software(m, op, (int) op.imm & 0xff, 4));
        ending.row("INTO", "CE n64", "", (m, op) -> {
            if (Flags.of(m.fc) != 0) software(m, op, 4, 6);
        });
        ending.row("INT1", "F1", "", (m, op) -> software(m, op, 1, 5));
        rows.add(new Row("IRET", "CF", "", i -> new SystemOps.Iret(), "SDM vol. 2 IRET"));
        ending.row("JMP", "EA n64", "Ap", (m, op) -> jump(m, op, op.insn().imm2, op.imm));
        ending.row("JMP", "FF /5 mem", "M", (m, op) -> {
            long[] far = farPointer(m, op);
            jump(m, op, far[1], far[0]);
        });
        ending.row("CALL", "9A n64", "Ap", (m, op) -> call(m, op, op.insn().imm2, op.imm));
        ending.row("CALL", "FF /3 mem", "M", (m, op) -> {
            long[] far = farPointer(m, op);
            call(m, op, far[1], far[0]);
        });
        ending.row("RETF", "CB", "", (m, op) -> ret(m, op.size, 0));
        ending.row("RETF", "CA", "Iw", (m, op) -> ret(m, op.size, op.imm));
        plain.row("PUSHA", "60 n64", "", (m, op) -> {
            long sp = m.g[4];
            try {
                for (int r = 0; r < 8; r++) m.push(r == 4 ? sp : m.g[r], op.size);
            } catch (Signal s) {
                m.g[4] = sp;
                throw s;
            }
        });
        plain.row("POPA", "61 n64", "", (m, op) -> {
            m.peek(7 * op.size, op.size);
            for (int k = 0; k < 8; k++) if (k != 3) m.setReg(7 - k, op.size, m.peek(k * op.size, op.size));
            m.drop(8L * op.size);
        });
        plain.row("ENTER", "C8 d64", "Iw,Ub", FarOps::enter);
        for (int load : new int[] {2, 3})
            plain.row(load == 2 ? "LAR" : "LSL", "0F 0" + load + " /r", "Gv,Ew", (m, op) -> query(m, op, load == 2));
        for (int w : new int[] {4, 5})
            plain.row(w == 4 ? "VERR" : "VERW", "0F 00 /" + w, "Ew", (m, op) -> verify(m, op, w == 5));
        for (int seg : new int[] {0xc4, 0xc5})
            ending.row(
                    seg == 0xc4 ? "LES" : "LDS",
                    IntegerTable.hex(seg) + " /r mem n64",
                    "Gv,M",
                    (m, op) -> loadFar(m, op, seg == 0xc4 ? X86State.ES : X86State.DS));
        ending.row("LSS", "0F B2 /r mem", "Gv,M", (m, op) -> loadFar(m, op, X86State.SS));
        ending.row("LFS", "0F B4 /r mem", "Gv,M", (m, op) -> loadFar(m, op, X86State.FS));
        ending.row("LGS", "0F B5 /r mem", "Gv,M", (m, op) -> loadFar(m, op, X86State.GS));
    }

    private static void software(Interpreter m, Op op, int vector, int type) {
        m.exit.length = op.insn().length;
        Delivery.software(m, vector, type);
    }

    private static void loadFar(Interpreter m, Op op, int seg) {
        long[] far = farPointer(m, op);
        Segments.loadData(m, seg, far[1]);
        m.setReg(op.d, op.size, far[0]);
    }

    /** Offset and selector, read as one operand. */
    private static long[] farPointer(Interpreter m, Op op) {
        int z = op.size;
        long[] raw = new long[2];
        m.load(m.linear(op.ea(), z + 2, false), z + 2, raw, 0);
        return new long[] {Flags.unsigned(raw[0], z), z == 8 ? raw[1] & 0xffff : raw[0] >>> 8 * z & 0xffff};
    }

    private static void jump(Interpreter m, Op op, long selector, long offset) {
        m.exit.length = op.insn().length;
        Segments.farJump(m, selector, offset, op.size);
    }

    private static void call(Interpreter m, Op op, long selector, long offset) {
        if (CallGates.leadsTo(m, selector)) {
            m.exit.length = op.insn().length;
            if (!TaskSwitch.branch(m, selector & 0xffff, TaskSwitch.CALL)) CallGates.call(m, selector, op.next);
            return;
        }
        int z = op.size;
        long sp = m.g[4], cs = m.state.segSelector.get(X86State.CS);
        Segments.FarTarget to = Segments.farTarget(m, selector, offset, z);
        m.push(cs, z);
        try {
            m.push(op.next, z);
            to.enter(m);
        } catch (Signal s) {
            m.g[4] = sp;
            throw s;
        }
    }

    private static void ret(Interpreter m, int z, long skip) {
        long ip = m.peek(0, z), cs = m.peek(z, z) & 0xffff;
        int rpl = (int) cs & 3;
        if (Segments.real(m) || rpl == m.cpl) {
            long sp = m.g[4];
            m.drop(2L * z + skip);
            try {
                Segments.farTarget(m, cs, ip, z).enter(m);
            } catch (Signal s) {
                m.g[4] = sp;
                throw s;
            }
            return;
        }
        if (rpl < m.cpl || (cs & 0xfffc) == 0) throw m.gp(cs & 0xfffc);
        long d = Segments.descriptor(m, cs, 13);
        Segments.checkCode(m, cs, d, rpl, false);
        long to = Segments.codeTarget(m, d, ip, z);
        long sp = m.peek((int) (2 * z + skip), z), ss = m.peek((int) (3 * z + skip), z) & 0xffff;
        if ((ss & 0xfffc) == 0) throw m.gp(0);
        long ssDesc = Segments.descriptor(m, ss, 13), sa = Segments.attr(ssDesc);
        if ((sa & 0x1a) != 0x12 || (ss & 3) != rpl || Segments.dpl(ssDesc) != rpl) throw m.gp(ss & 0xfffc);
        if ((sa & X86State.ATTR_P) == 0) throw m.ss(ss & 0xfffc);
        Segments.setCode(m, cs, d, rpl);
        Segments.set(m, X86State.SS, ss, Segments.base(ssDesc), Segments.limit(ssDesc), sa | 1);
        m.modeChanged();
        m.setSp(sp + skip);
        Delivery.nullOuterSegments(m, rpl);
        m.rip = to;
        m.modeChanged();
    }

    private static void enter(Interpreter m, Op op) {
        int level = op.insn().imm2 & 31, z = op.size;
        // KVM's emulator has no levels.
        if (level > 0 && m.emulating) throw SystemOps.unimplemented(m, op.insn());
        long sp = m.g[4], bp = m.g[5];
        m.push(bp, z);
        long frame = m.g[4];
        try {
            // The frames of the enclosing procedures, from the display that RBP points to, then this one.
            for (int k = 1; k < level; k++) m.push(m.display(bp - (long) k * z, z), z);
            if (level > 0) m.push(frame, z);
            long last = m.g[4];
            long to = m.code == 64 ? last - (op.imm & 0xffff) : last - (op.imm & 0xffff) & m.stackMask();
            // A write there must be possible (SDM vol. 2, ENTER); KVM's emulator does not look.
            if (!m.emulating) m.ld8(m.segment(X86State.SS, to, 1, true));
        } catch (Signal s) {
            m.g[4] = sp;
            throw s;
        }
        m.setReg(5, z, frame);
        m.setSp(m.g[4] - (op.imm & 0xffff));
    }

    private static void setZf(Interpreter m, boolean on) {
        m.setFlags(on ? m.flags() | X86State.ZF : m.flags() & ~X86State.ZF);
    }

    /** The descriptor of {@code sel} if this level may see it, or 0. */
    private static long visible(Interpreter m, long sel) {
        if (Segments.real(m)) throw m.ud();
        if ((sel & 0xfffc) == 0) return 0;
        long d;
        try {
            d = Segments.descriptor(m, sel, 13);
        } catch (Signal s) {
            if (s == Signal.FAULT && m.faultVector == 13) return 0;
            throw s;
        }
        long a = Segments.attr(d);
        boolean conforming = (a & 0x1c) == 0x1c;
        return conforming || m.cpl <= Segments.dpl(d) && (sel & 3) <= Segments.dpl(d) ? d : 0;
    }

    private static void query(Interpreter m, Op op, boolean rights) {
        long sel = MoreOps.rm(m, op, 2);
        long d = visible(m, sel), a = Segments.attr(d);
        int type = (int) a & 0x1f;
        boolean lm = m.state.longMode();
        boolean good = d != 0
                && ((a & 0x10) != 0
                        || type == 2
                        || type == 9
                        || type == 11
                        || !lm && (type == 1 || type == 3)
                        || rights && (type == 12 || !lm && (type == 4 || type == 5)));
        setZf(m, good);
        if (good) m.setReg(op.d, op.size, rights ? d >>> 32 & 0xf0ff00 : Segments.limit(d));
    }

    private static void verify(Interpreter m, Op op, boolean write) {
        long d = visible(m, MoreOps.rm(m, op, 2)), a = Segments.attr(d);
        boolean codeSeg = (a & 8) != 0, rw = (a & 2) != 0;
        setZf(m, d != 0 && (a & 0x10) != 0 && (write ? !codeSeg && rw : !codeSeg || rw));
    }
}
