package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.x86.IntegerOps.Move;
import java.util.ArrayList;
import java.util.List;

/** Rows of the general-purpose instructions (SDM vol. 2; each row's source is the page of its mnemonic). */
final class IntegerTable implements OpTableSource {
    private final List<Row> rows = new ArrayList<>();

    private void row(String name, String encoding, String operands, Row.Maker maker) {
        rows.add(new Row(name, encoding, operands, maker, "SDM vol. 2 " + name));
    }

    private void plain(String name, String encoding, String operands, SystemOps.Action a) {
        row(name, encoding, operands, i -> with(new SystemOps.Plain(a), i));
    }

    private void ending(String name, String encoding, String operands, SystemOps.Action a) {
        row(name, encoding, operands, i -> with(new SystemOps.Ending(a), i));
    }

    private static Op with(Op op, Insn i) {
        op.ea = i.ea;
        op.imm = i.imm;
        op.size = i.opsize;
        op.d = i.reg;
        op.s = i.rm;
        return op;
    }

    @Override
    public List<Row> rows() {
        if (!rows.isEmpty()) return rows;
        arithmetic();
        shifts();
        moves();
        stack();
        branches();
        MoreOps.add(this::row, this::plain, this::ending);
        StringOps.add(this::ending);
        return rows;
    }

    // Arithmetic: one line per instruction, all its encodings.

    private void arithmetic() {
        family("ADD", 0, true, true, Alu::add, Alu::addCarries);
        family("OR", 1, true, true, Alu::or, Alu::noCarries);
        family("ADC", 2, true, true, Alu::adc, Alu::addCarries);
        family("SBB", 3, true, true, Alu::sbb, Alu::subCarries);
        family("AND", 4, true, true, Alu::and, Alu::noCarries);
        family("SUB", 5, true, true, Alu::sub, Alu::subCarries);
        family("XOR", 6, true, true, Alu::xor, Alu::noCarries);
        family("CMP", 7, false, false, Alu::sub, Alu::subCarries);
        Arith[] test = sizes(Alu::and, Alu::noCarries, false, false);
        row("TEST", "84 /r", "Eb,Gb", i -> toRm(i, test[1], 1, true));
        row("TEST", "85 /r", "Ev,Gv", i -> toRm(i, test[i.opsize], i.opsize, true));
        row("TEST", "A8", "AL,Ib", i -> accumulator(i, test[1]));
        row("TEST", "A9", "rAX,Iz", i -> accumulator(i, test[i.opsize]));
        for (int digit : new int[] {0, 1}) {
            row("TEST", "F6 /" + digit, "Eb,Ib", i -> toRm(i, test[1], 1, false));
            row("TEST", "F7 /" + digit, "Ev,Iz", i -> toRm(i, test[i.opsize], i.opsize, false));
        }
        one("INC", 0, sizes(Alu::add, Alu::addCarries, true, true));
        one("DEC", 1, sizes(Alu::sub, Alu::subCarries, true, true));
        Arith[] neg = sizes((a, b, c) -> Alu.sub(0, a, 0), (a, b, r) -> Alu.subCarries(0, a, r), true, false);
        row("NEG", "F6 /3 lock", "Eb", i -> unary(i, neg[1], 1));
        row("NEG", "F7 /3 lock", "Ev", i -> unary(i, neg[i.opsize], i.opsize));
    }

    private void one(String name, int digit, Arith[] f) {
        row(name, "FE /" + digit + " lock", "Eb", i -> unary(i, f[1], 1));
        row(name, "FF /" + digit + " lock", "Ev", i -> unary(i, f[i.opsize], i.opsize));
        row(name, (digit == 0 ? "40" : "48") + "+r n64", "Zv", i -> {
            i.rm = i.opcode & 7;
            i.mod = 3;
            return unary(i, f[i.opsize], i.opsize);
        });
    }

    private static Op unary(Insn i, Arith f, int size) {
        i.imm = 1;
        return toRm(i, f, size, false);
    }

    private static Arith[] sizes(Arith.Fn value, Arith.Fn carries, boolean writes, boolean keepsCf) {
        return sizes(value, carries, false, writes, keepsCf);
    }

    private static Arith[] sizes(Arith.Fn value, Arith.Fn carries, boolean readsCf, boolean writes, boolean keepsCf) {
        Arith[] f = new Arith[9];
        for (int size : new int[] {1, 2, 4, 8}) f[size] = new Arith(value, carries, readsCf, writes, keepsCf, size);
        return f;
    }

    private void family(String name, int n, boolean writes, boolean lock, Arith.Fn value, Arith.Fn carries) {
        boolean readsCf = name.equals("ADC") || name.equals("SBB");
        Arith[] f = sizes(value, carries, readsCf, writes, false);
        int base = n * 8;
        String l = lock ? " lock" : "";
        row(name, hex(base) + " /r" + l, "Eb,Gb", i -> toRm(i, f[1], 1, true));
        row(name, hex(base + 1) + " /r" + l, "Ev,Gv", i -> toRm(i, f[i.opsize], i.opsize, true));
        row(name, hex(base + 2) + " /r", "Gb,Eb", i -> toReg(i, f[1], 1));
        row(name, hex(base + 3) + " /r", "Gv,Ev", i -> toReg(i, f[i.opsize], i.opsize));
        row(name, hex(base + 4), "AL,Ib", i -> accumulator(i, f[1]));
        row(name, hex(base + 5), "rAX,Iz", i -> accumulator(i, f[i.opsize]));
        row(name, "80 /" + n + l, "Eb,Ib", i -> toRm(i, f[1], 1, false));
        row(name, "82 /" + n + l + " n64", "Eb,Ib", i -> toRm(i, f[1], 1, false));
        row(name, "81 /" + n + l, "Ev,Iz", i -> toRm(i, f[i.opsize], i.opsize, false));
        row(name, "83 /" + n + l, "Ev,Ib", i -> toRm(i, f[i.opsize], i.opsize, false));
    }

    static String hex(int v) {
        return String.format("%02X", v);
    }

    private static Op toRm(Insn i, Arith f, int size, boolean fromReg) {
        Class<? extends Op> t;
        if (!i.isMem()) t = fromReg ? IntegerOps.RegReg.class : IntegerOps.RegImm.class;
        else if (i.lock) t = IntegerOps.Locked.class;
        else t = fromReg ? IntegerOps.MemReg.class : IntegerOps.MemImm.class;
        Op op = Template.make(t, f);
        op.ea = i.isMem() ? i.mem() : null;
        op.d = i.gpr(i.rm, size);
        op.s = fromReg ? i.gpr(i.reg, size) : -1;
        op.imm = Flags.unsigned(i.imm, size);
        return op;
    }

    private static Op toReg(Insn i, Arith f, int size) {
        Op op = Template.make(i.isMem() ? IntegerOps.RegMem.class : IntegerOps.RegReg.class, f);
        op.ea = i.ea;
        op.d = i.gpr(i.reg, size);
        op.s = i.gpr(i.rm, size);
        return op;
    }

    private static Op accumulator(Insn i, Arith f) {
        Op op = Template.make(IntegerOps.RegImm.class, f);
        op.imm = Flags.unsigned(i.imm, f.size());
        return op;
    }

    // Shifts and rotates.

    private void shifts() {
        shift("ROL", 0, true, Alu::rol, (a, n, w) -> Alu.rol(a, n, w) & 1);
        shift("ROR", 1, true, Alu::ror, (a, n, w) -> Alu.ror(a, n, w) >>> w - 1 & 1);
        shift("SHL", 4, false, Alu::shl, Alu::shlCf);
        shift("SHR", 5, false, Alu::shr, Alu::shrCf);
        shift("SAL", 6, false, Alu::shl, Alu::shlCf);
        shift("SAR", 7, false, Alu::sar, Alu::sarCf);
    }

    private void shift(String name, int n, boolean rotate, IntegerOps.Shift.Fn value, IntegerOps.Shift.Fn carry) {
        IntegerOps.Shift[] f = new IntegerOps.Shift[9];
        for (int size : new int[] {1, 2, 4, 8})
            f[size] = new IntegerOps.Shift(value, carry, rotate, n == 6 ? 4 : n, size);
        row(name, "C0 /" + n, "Eb,Ib", i -> shiftOp(i, f[1], i.imm));
        row(name, "C1 /" + n, "Ev,Ib", i -> shiftOp(i, f[i.opsize], i.imm));
        row(name, "D0 /" + n, "Eb,1", i -> shiftOp(i, f[1], 1));
        row(name, "D1 /" + n, "Ev,1", i -> shiftOp(i, f[i.opsize], 1));
        row(name, "D2 /" + n, "Eb,CL", i -> shiftOp(i, f[1], -1));
        row(name, "D3 /" + n, "Ev,CL", i -> shiftOp(i, f[i.opsize], -1));
    }

    private static Op shiftOp(Insn i, IntegerOps.Shift f, long count) {
        Op op = Template.make(IntegerOps.ShiftOp.class, f);
        op.ea = i.ea;
        op.d = i.gpr(i.rm, f.size());
        op.s = count < 0 && i.opcode >= 0xd2 ? 1 : 0;
        op.imm = count & 0xff;
        return op;
    }

    // Moves.

    private static Op move(Insn i, Class<? extends Op> t, Move f, int d, int s) {
        Op op = Template.make(t, f);
        op.ea = i.ea;
        op.d = i.gpr(d, f.to());
        op.s = i.gpr(s, f.from());
        op.imm = i.imm;
        return op;
    }

    private static Op fromRm(Insn i, int to, int from, boolean signed) {
        Class<? extends Op> t = i.isMem() ? IntegerOps.Load.class : IntegerOps.MovRegReg.class;
        return move(i, t, new Move(to, from, signed), i.reg, i.rm);
    }

    private static Op storeReg(Insn i, int size) {
        if (!i.isMem()) return move(i, IntegerOps.MovRegReg.class, new Move(size, size, false), i.rm, i.reg);
        return move(i, IntegerOps.Store.class, new Move(size, size, false), i.rm, i.reg);
    }

    private static Op storeImm(Insn i, int size) {
        Class<? extends Op> t = i.isMem() ? IntegerOps.StoreImm.class : IntegerOps.MovImm.class;
        return move(i, t, new Move(size, size, false), i.rm, 0);
    }

    private void moves() {
        row("MOV", "88 /r", "Eb,Gb", i -> storeReg(i, 1));
        row("MOV", "89 /r", "Ev,Gv", i -> storeReg(i, i.opsize));
        row("MOV", "8A /r", "Gb,Eb", i -> fromRm(i, 1, 1, false));
        row("MOV", "8B /r", "Gv,Ev", i -> fromRm(i, i.opsize, i.opsize, false));
        row("MOV", "C6 /0", "Eb,Ib", i -> storeImm(i, 1));
        row("MOV", "C7 /0", "Ev,Iz", i -> storeImm(i, i.opsize));
        row("MOV", "B0+r", "Zb,Ib", i -> move(i, IntegerOps.MovImm.class, new Move(1, 1, false), opReg(i), 0));
        row(
                "MOV",
                "B8+r",
                "Zv,Iv",
                i -> move(i, IntegerOps.MovImm.class, new Move(i.opsize, i.opsize, false), opReg(i), 0));
        row("MOV", "A0", "AL,Ob", i -> move(i, IntegerOps.Load.class, new Move(1, 1, false), 0, 0));
        row("MOV", "A1", "rAX,Ov", i -> move(i, IntegerOps.Load.class, new Move(i.opsize, i.opsize, false), 0, 0));
        row("MOV", "A2", "Ob,AL", i -> move(i, IntegerOps.Store.class, new Move(1, 1, false), 0, 0));
        row("MOV", "A3", "Ov,rAX", i -> move(i, IntegerOps.Store.class, new Move(i.opsize, i.opsize, false), 0, 0));
        row("MOVZX", "0F B6 /r", "Gv,Eb", i -> fromRm(i, i.opsize, 1, false));
        row("MOVZX", "0F B7 /r", "Gv,Ew", i -> fromRm(i, i.opsize, 2, false));
        row("MOVSX", "0F BE /r", "Gv,Eb", i -> fromRm(i, i.opsize, 1, true));
        row("MOVSX", "0F BF /r", "Gv,Ew", i -> fromRm(i, i.opsize, 2, true));
        row("MOVSXD", "63 /r o64", "Gv,Ed", i -> fromRm(i, i.opsize, Math.min(i.opsize, 4), true));
        row(
                "LEA",
                "8D /r mem",
                "Gv,M",
                i -> move(i, IntegerOps.Lea.class, new Move(i.opsize, i.opsize, false), i.reg, 0));
        for (int cc = 0; cc < 16; cc++) {
            Integer c = cc;
            row("CMOVcc", "0F " + hex(0x40 + cc) + " /r", "Gv,Ev", i -> {
                Op op = Template.make(IntegerOps.Cmov.class, c);
                op.ea = i.ea;
                op.d = i.reg;
                op.s = i.rm;
                op.size = i.opsize;
                return op;
            });
            row("SETcc", "0F " + hex(0x90 + cc) + " /r", "Eb", i -> {
                Op op = Template.make(IntegerOps.SetCc.class, c);
                op.ea = i.ea;
                op.d = i.gpr(i.rm, 1);
                return op;
            });
        }
    }

    private static int opReg(Insn i) {
        return i.opcode & 7 | (i.rex & 1) << 3;
    }

    // The stack.

    private void stack() {
        row("PUSH", "50+r d64", "Zv", i -> {
            int r = opReg(i), size = i.opsize;
            if (i.is64() && size == 8) return onRegister(new IntegerOps.Push64(), r);
            return new SystemOps.Plain((m, op) -> m.push(m.g[r], size));
        });
        row("POP", "58+r d64", "Zv", i -> {
            int r = opReg(i), size = i.opsize;
            if (i.is64() && size == 8) return onRegister(new IntegerOps.Pop64(), r);
            return new SystemOps.Plain((m, op) -> {
                long v = m.peek(0, size);
                m.drop(size);
                m.setReg(r, size, v);
            });
        });
        row("PUSH", "68 d64", "Iz", IntegerTable::pushImm);
        row("PUSH", "6A d64", "Ib", IntegerTable::pushImm);
        plain("PUSH", "FF /6 d64", "Ev", (m, op) -> m.push(rm(m, op), op.size));
        plain("POP", "8F /0 d64", "Ev", (m, op) -> {
            long v = m.peek(0, op.size), old = m.g[4];
            // A stack-relative destination uses the stack pointer after the pop.
            m.drop(op.size);
            try {
                if (op.ea == null) m.setReg(op.s, op.size, v);
                else m.st(m.linear(op.ea, op.size, true), op.size, v);
            } catch (Signal s) {
                m.g[4] = old;
                throw s;
            }
        });
        SystemOps.Action leave = (m, op) -> {
            long bp = m.g[5] & m.stackMask();
            long v = m.code == 64 ? m.ld(bp, op.size) : m.ld(m.segment(X86State.SS, bp, op.size, false), op.size);
            m.setSp(bp + op.size);
            m.setReg(5, op.size, v);
        };
        row(
                "LEAVE",
                "C9 d64",
                "",
                i -> with(i.is64() && i.opsize == 8 ? new IntegerOps.Leave64() : new SystemOps.Plain(leave), i));
    }

    private static Op pushImm(Insn i) {
        boolean plain64 = i.is64() && i.opsize == 8;
        return with(plain64 ? new IntegerOps.PushImm64() : new SystemOps.Plain((m, op) -> m.push(op.imm, op.size)), i);
    }

    static long rm(Interpreter m, Op op) {
        return op.ea == null ? m.reg(op.s, op.size) : m.ld(m.linear(op.ea, op.size, false), op.size);
    }

    // Near branches.

    /** RIP after a relative branch, cut to what the code segment allows. */
    private static long relative(Insn i) {
        long to = i.ip + i.length + i.imm;
        return i.is64() ? to : i.opsize == 2 ? to & 0xffff : to & 0xffffffffL;
    }

    private static boolean nearCanonical(Insn i) {
        long to = relative(i);
        return i.is64() && to << 16 >> 16 == to;
    }

    private static Op onRegister(Op op, int r) {
        op.d = r;
        return op;
    }

    private Op relativeOp(Insn i, Op op) {
        op.imm = relative(i);
        op.size = i.is64() ? 8 : i.opsize;
        return op;
    }

    private void branches() {
        for (int cc = 0; cc < 16; cc++) {
            Integer c = cc;
            row("Jcc", hex(0x70 + cc), "Jb", i -> relativeOp(i, Template.make(IntegerOps.Jcc.class, c)));
            row("Jcc", "0F " + hex(0x80 + cc), "Jz", i -> relativeOp(i, Template.make(IntegerOps.Jcc.class, c)));
        }
        SystemOps.Action jump = (m, op) -> m.rip = m.target(op.imm, op.size);
        SystemOps.Action call = (m, op) -> {
            long to = m.target(op.imm, op.size);
            m.push(op.next, op.size);
            m.rip = to;
        };
        row(
                "JMP",
                "EB",
                "Jb",
                i -> relativeOp(i, nearCanonical(i) ? new IntegerOps.Jump64() : new SystemOps.Ending(jump)));
        row(
                "JMP",
                "E9",
                "Jz",
                i -> relativeOp(i, nearCanonical(i) ? new IntegerOps.Jump64() : new SystemOps.Ending(jump)));
        row(
                "CALL",
                "E8",
                "Jz",
                i -> relativeOp(i, nearCanonical(i) ? new IntegerOps.Call64() : new SystemOps.Ending(call)));
        ending("JMP", "FF /4 d64", "Ev", (m, op) -> m.rip = m.target(rm(m, op), op.size));
        ending("CALL", "FF /2 d64", "Ev", (m, op) -> {
            long to = m.target(rm(m, op), op.size);
            m.push(op.next, op.size);
            m.rip = to;
        });
        SystemOps.Action ret = (m, op) -> {
            long to = m.target(m.peek(0, op.size), op.size);
            m.drop(op.size);
            m.rip = to;
        };
        row("RET", "C3 d64", "", i -> {
            if (i.is64() && i.opsize == 8) return new IntegerOps.Ret64();
            Op op = new SystemOps.Ending(ret);
            op.size = i.opsize;
            return op;
        });
        ending("RET", "C2 d64", "Iw", (m, op) -> {
            long to = m.target(m.peek(0, op.size), op.size);
            m.drop(op.size + op.imm);
            m.rip = to;
        });
    }
}
