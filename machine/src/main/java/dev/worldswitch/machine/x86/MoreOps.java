package dev.worldswitch.machine.x86;

/** Rows of the less frequent general-purpose instructions, added to the {@link IntegerTable}. */
final class MoreOps {
    interface Adder {
        void row(String name, String encoding, String operands, Row.Maker maker);
    }

    interface Acts {
        void row(String name, String encoding, String operands, SystemOps.Action action);
    }

    private MoreOps() {}

    static void add(Adder row, Acts plain, Acts ending) {
        plain.row("NOT", "F6 /2 lock", "Eb", (m, op) -> not(m, op, 1));
        plain.row("NOT", "F7 /2 lock", "Ev", (m, op) -> not(m, op, op.size));
        plain.row("NOP", "90", "", (m, op) -> {});
    }

    private static void not(Interpreter m, Op op, int size) {
        update(m, op, size, a -> ~a);
    }

    /** The r/m operand of an instruction that the table's operands say is of {@code size}. */
    static int rmReg(Op op, int size) {
        return op.insn().gpr(op.s, size);
    }

    static long rm(Interpreter m, Op op, int size) {
        return op.ea == null ? m.reg(rmReg(op, size), size) : m.ld(m.linear(op.ea, size, false), size);
    }

    static void setRm(Interpreter m, Op op, int size, long v) {
        if (op.ea == null) m.setReg(rmReg(op, size), size, v);
        else m.st(m.linear(op.ea, size, true), size, v);
    }

    /** Replaces the r/m operand, atomically with LOCK; the old value. */
    static long update(Interpreter m, Op op, int size, java.util.function.LongUnaryOperator f) {
        if (op.ea == null) {
            int r = rmReg(op, size);
            long a = m.reg(r, size);
            m.setReg(r, size, f.applyAsLong(a));
            return a;
        }
        long la = m.linear(op.ea, size, true);
        if (!op.insn().lock) {
            long a = m.ld(la, size);
            m.st(la, size, f.applyAsLong(a));
            return a;
        }
        for (; ; ) {
            long a = m.ld(la, size);
            if (m.cas(la, size, a, Flags.unsigned(f.applyAsLong(a), size))) return a;
        }
    }
}
