package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.translate.RegionWriter;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes the byte code of one region. A status flag is computed when somebody reads it ({@link FlagState}). What
 * {@link OpEmitter} knows no code for is done by its operation object, with the registers back in their array meanwhile.
 */
final class RegionEmitter extends RegionWriter<Block> {
    static final ClassDesc M = desc(Interpreter.class), OP = desc(Op.class), FLAGS = desc(Flags.class);
    static final ClassDesc ARITH = desc(Arith.class), SHIFT = desc(IntegerOps.Shift.class), GPR = desc(Gpr.class);
    static final ClassDesc UNARY = desc(IntegerOps.Unary.class), PRODUCT = desc(IntegerOps.Product.class);
    private static final ClassDesc SIGNAL = desc(Signal.class);

    /** JVM locals. */
    static final int FR = OWN, FC = FR + 2, FA = FR + 4, FB = FR + 6, FRES = FR + 8, RA = FR + 10, RRES = FR + 12;

    static final int T1 = FR + 14, T2 = FR + 16, T3 = FR + 18, T4 = FR + 20;

    FlagState flags = FlagState.KNOWN;
    private final boolean counting;
    /** Operations of the block under way that have not begun, and whether a branch ends it. */
    private int left, branches;

    private record Thrown(FlagState flags, int left, int branches) {}

    /** @param counting the code counts the instructions and branches that it retires */
    RegionEmitter(Interpreter m, List<Block> region, boolean counting) {
        super(m, region, Translated.class, "g", "rip", Signal.class);
        this.counting = counting;
    }

    @Override
    protected int generalRegisters() {
        return 16;
    }

    /** False for a region of which too little would be byte code of its own. */
    static boolean worthwhile(List<Block> region) {
        int own = 0, all = 0;
        for (Block b : region)
            for (Op op : b.ops) {
                all++;
                if (OpEmitter.knows(op)) own++;
            }
        return own >= 2 && 2 * own >= all;
    }

    @Override
    protected void loadOwn() {
        code().aload(CPU).getfield(M, "fr", J).lstore(FR);
        code().aload(CPU).getfield(M, "fc", J).lstore(FC);
    }

    @Override
    protected void saveOwn() {
        code().aload(CPU).lload(FR).putfield(M, "fr", J);
        code().aload(CPU).lload(FC).putfield(M, "fc", J);
    }

    @Override
    protected void block(Block b) {
        CodeBuilder c = code();
        flags = FlagState.KNOWN;
        boolean stop = false;
        left = b.ops.length;
        branches = b.branches;
        count(left, branches);
        for (Op op : b.ops) {
            if (!OpEmitter.emit(this, op)) {
                byObject(op);
                stop = true;
                if (op.ends()) {
                    c.return_();
                    return;
                }
            }
            left--;
        }
        Op last = b.ops[b.ops.length - 1];
        if (last.ends()) return;
        known();
        if (stop) leaveIfTold(b.end);
        edge(b.end);
    }

    private void count(int n, int ends) {
        if (!counting) return;
        add("retired", n);
        if (ends != 0) add("branches", ends);
    }

    private void add(String field, int n) {
        code().aload(CPU)
                .dup()
                .getfield(M, field, J)
                .loadConstant((long) n)
                .ladd()
                .putfield(M, field, J);
    }

    /** Return addresses inside the region of the calls in it. */
    List<Long> returns() {
        List<Long> in = new ArrayList<>();
        for (Block b : region) {
            Op last = b.ops[b.ops.length - 1];
            if (last instanceof IntegerOps.Call64 && isInside(last.next)) in.add(last.next);
        }
        return in;
    }

    // What may throw.

    /** Byte code of {@code op} that may throw: no local of the guest's state changes in it. */
    void guarded(Op op, Runnable access) {
        guarded(op.ip, counting ? new Thrown(flags, left, branches) : new Thrown(flags, 0, 0), access);
    }

    @Override
    protected void recover(Object state) {
        Thrown t = (Thrown) state;
        if (t.left != 0) count(-t.left, -t.branches);
        t.flags.compute(this);
    }

    /** The interpreter does the instruction again, carefully. */
    @Override
    protected void rethrow() {
        code().getstatic(SIGNAL, "CAREFUL", SIGNAL).athrow();
    }

    private void byObject(Op op) {
        CodeBuilder c = code();
        known();
        guarded(op, () -> {
            c.loadConstant(op.next).lstore(T1);
            saveRegisters(used);
            saveOwn();
            savePc(T1);
            constant(op, OP);
            c.aload(CPU).invokevirtual(OP, "exec", MethodTypeDesc.of(V, M));
        });
        if (op.ends()) return;
        load();
        written.or(used);
    }

    // Values.

    /** Pushes register {@code r}, numbered as {@link Insn#gpr} does, cut to {@code size} bytes. */
    void get(int r, int size) {
        CodeBuilder c = code();
        c.lload(slot(r & 15));
        if (size == 4) c.invokestatic(GPR, "get32", J_J);
        else if (size == 2) c.invokestatic(GPR, "get16", J_J);
        else if (size == 1) c.invokestatic(GPR, r < 16 ? "get8" : "getHigh8", J_J);
    }

    /** Stores the local {@code value} to register {@code r}. */
    void put(int r, int size, int value) {
        CodeBuilder c = code();
        int slot = slot(r & 15);
        written.set(r & 15);
        if (size < 4) c.lload(slot);
        c.lload(value);
        if (size == 4) c.invokestatic(GPR, "get32", J_J);
        else if (size == 2) c.invokestatic(GPR, "put16", J_JJ);
        else if (size == 1) c.invokestatic(GPR, r < 16 ? "put8" : "putHigh8", J_JJ);
        c.lstore(slot);
    }

    /** Pushes the offset of a memory operand. */
    void offset(Ea ea) {
        CodeBuilder c = code();
        boolean any = false;
        if (ea.baseMask != 0) {
            c.lload(slot(ea.base));
            any = true;
        }
        if (ea.indexMask != 0) {
            c.lload(slot(ea.index));
            if (ea.scale != 0) c.loadConstant(ea.scale).lshl();
            if (any) c.ladd();
            any = true;
        }
        if (!any) c.loadConstant(ea.disp);
        else if (ea.disp != 0) c.loadConstant(ea.disp).ladd();
        if (ea.mask != -1) c.loadConstant(ea.mask).land();
    }

    /** Stores the linear address of a memory operand to the local {@code to}; inside {@link #guarded}. */
    void linear(Ea ea, int size, boolean write, int to) {
        CodeBuilder c = code();
        // A non-canonical address hits no TLB entry; the interpreter then says which exception it raises.
        if (ea.flat) offset(ea);
        else {
            c.aload(CPU).loadConstant(ea.seg);
            offset(ea);
            c.loadConstant(size).loadConstant(write ? 1 : 0);
            c.invokevirtual(M, "segment", MethodTypeDesc.of(J, I, J, I, Z));
        }
        c.lstore(to);
    }

    // Flags.

    /** Brings the flags into their two locals. */
    void known() {
        flags.compute(this);
        flags = FlagState.KNOWN;
    }

    /** Pushes a condition as 0 or 1, of the known flags, and the lowest bit of {@code cc} not looked at. */
    void condition(int cc) {
        known();
        code().lload(FR).lload(FC).invokestatic(FLAGS, Flags.CONDITIONS[cc >> 1], MethodTypeDesc.of(Z, J, J));
    }
}
