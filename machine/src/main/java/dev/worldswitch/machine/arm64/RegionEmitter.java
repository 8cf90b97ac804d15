package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.translate.RegionWriter;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Writes the byte code of one region of A64 code. What {@link OpEmitter} knows no code for is done by its operation object,
 * with the registers back in their array meanwhile; those that follow each other find them there.
 */
final class RegionEmitter extends RegionWriter<Block> {
    static final ClassDesc C = desc(Arm64Interpreter.class), OP = desc(A64Op.class), A64D = desc(A64.class);
    static final ClassDesc COND = desc(A64.Cond.class);

    /** JVM locals: the flags as the interpreter has them, and scratch. */
    static final int FN = OWN, FZ = OWN + 2, FV = OWN + 4, FC = OWN + 6;

    static final int T1 = OWN + 8, T2 = OWN + 10, T3 = OWN + 12, T4 = OWN + 14;

    /** States of {@link #guarded}: where registers and flags are. */
    private enum Where {
        LOCALS,
        FILE
    }

    private final Arm64Interpreter c;
    private final BitSet dirty = new BitSet();
    private boolean flagsDirty;
    private Where where = Where.LOCALS;
    private final boolean counting;
    /** Operations of the block that are not done yet where one throws; counted already. */
    private int left;

    /** What a handler needs: where state is, and how many instructions were counted too many. */
    private record Thrown(Where where, int left) {}

    /** @param counting the code counts the instructions that it retires */
    RegionEmitter(Arm64Interpreter c, List<Block> region, boolean counting) {
        super(c, region, Translated.class, "x", "pc", Stop.class);
        this.c = c;
        this.counting = counting;
    }

    /**
     * False for a region of which too little would be byte code of its own. SVE's objects, of a class for each meaning, gain
     * as much by being constants there.
     */
    static boolean worthwhile(List<Block> region) {
        int own = 0, all = 0;
        for (Block b : region)
            for (A64Op op : b.ops) {
                all++;
                if (OpEmitter.knows(op) || op.unit() == A64Op.SVE) own++;
            }
        return own >= 2 && 2 * own >= all;
    }

    boolean has(Feature f) {
        return c.has(f);
    }

    @Override
    protected int generalRegisters() {
        return Arm64Cpu.ZR;
    }

    @Override
    protected void loadOwn() {
        code().aload(CPU).getfield(C, "fn", J).lstore(FN);
        code().aload(CPU).getfield(C, "fz", J).lstore(FZ);
        code().aload(CPU).getfield(C, "fv", J).lstore(FV);
        code().aload(CPU).getfield(C, "fc", I).istore(FC);
    }

    @Override
    protected void saveOwn() {
        code().aload(CPU).lload(FN).putfield(C, "fn", J);
        code().aload(CPU).lload(FZ).putfield(C, "fz", J);
        code().aload(CPU).lload(FV).putfield(C, "fv", J);
        code().aload(CPU).iload(FC).putfield(C, "fc", I);
    }

    @Override
    protected void block(Block b) {
        dirty.clear();
        dirty.or(written);
        flagsDirty = true;
        where = Where.LOCALS;
        boolean objects = false;
        left = b.ops.length;
        count(left);
        for (A64Op op : b.ops) {
            if (OpEmitter.knows(op)) {
                toLocals();
                OpEmitter.emit(this, op);
            } else {
                byObject(op);
                objects = true;
            }
            left--;
        }
        A64Op last = b.ops[b.ops.length - 1];
        if (last.ends()) return;
        toLocals();
        if (objects) leaveIfTold(b.end);
        edge(b.end);
    }

    private void count(int n) {
        if (!counting) return;
        code().aload(CPU)
                .dup()
                .getfield(C, "retired", J)
                .loadConstant((long) n)
                .ladd()
                .putfield(C, "retired", J);
    }

    private Thrown thrown() {
        return new Thrown(where, counting ? left : 0);
    }

    private void toLocals() {
        if (where == Where.FILE) load();
        where = Where.LOCALS;
    }

    private void toFile() {
        dirty.and(used);
        saveRegisters(dirty);
        dirty.clear();
        if (flagsDirty) saveOwn();
        flagsDirty = false;
        where = Where.FILE;
    }

    private void byObject(A64Op op) {
        CodeBuilder k = code();
        toFile();
        if (op.ends()) {
            k.loadConstant(op.pc + 4).lstore(T1);
            savePc(T1);
        }
        guarded(op.pc, thrown(), () -> {
            constant(op, OP);
            k.aload(CPU).invokevirtual(OP, "exec", MethodTypeDesc.of(V, C));
        });
        if (op.ends()) k.return_();
    }

    /** Byte code of {@code op} that may throw: no local of the guest's state changes in it. */
    void guarded(A64Op op, Runnable access) {
        guarded(op.pc, thrown(), access);
    }

    @Override
    protected void recover(Object state) {
        Thrown t = (Thrown) state;
        if (t.left != 0) count(-t.left);
        if (t.where == Where.FILE) load();
    }

    @Override
    protected void rethrow() {
        code().aload(THROWN).athrow();
    }

    /** Return addresses inside the region of the calls in it. */
    List<Long> returns() {
        List<Long> in = new ArrayList<>();
        for (Block b : region) {
            A64Op last = b.ops[b.ops.length - 1];
            if (last instanceof BranchOps.Bl && isInside(last.pc + 4)) in.add(last.pc + 4);
        }
        return in;
    }

    // Values.

    /** Pushes register {@code r}. */
    void get(int r) {
        if (r == Arm64Cpu.ZR) code().lconst_0();
        else code().lload(slot(r));
    }

    /** Pops into register {@code r}. */
    void put(int r) {
        if (r == Arm64Cpu.TRASH) {
            code().pop2();
            return;
        }
        code().lstore(slot(r));
        written.set(r);
        dirty.set(r);
    }

    /** Calls a function of {@link A64} on longs, after which come ints. */
    void call(String name, int longs, int ints) {
        call(name, J, longs, ints);
    }

    void call(String name, ClassDesc result, int longs, int ints) {
        List<ClassDesc> in = new ArrayList<>();
        for (int i = 0; i < longs; i++) in.add(J);
        for (int i = 0; i < ints; i++) in.add(I);
        code().invokestatic(A64D, name, MethodTypeDesc.of(result, in));
    }

    /** Calls the meaning that was pushed, a function on longs. */
    void apply(Class<?> type, int longs) {
        List<ClassDesc> in = new ArrayList<>();
        for (int i = 0; i < longs; i++) in.add(J);
        code().invokeinterface(desc(type), "of", MethodTypeDesc.of(J, in));
    }

    /** Stores flags that were computed to locals. */
    void flagsChanged() {
        flagsDirty = true;
    }

    /** Jumps to {@code no} unless the condition holds. */
    void unless(A64.Cond cond, Label no) {
        condition(cond);
        code().ifeq(no);
    }

    /** Pushes whether the condition holds. */
    void condition(A64.Cond cond) {
        constant(cond, COND);
        code().lload(FN).lload(FZ).iload(FC).lload(FV).invokeinterface(COND, "of", MethodTypeDesc.of(Z, J, J, I, J));
    }

    /** Pushes register {@code n} as a base address; inside {@link #guarded}. */
    void base(int n) {
        if (n == Arm64Cpu.SP) code().aload(CPU);
        get(n);
        if (n == Arm64Cpu.SP) code().invokevirtual(C, "stack", J_J);
    }
}
