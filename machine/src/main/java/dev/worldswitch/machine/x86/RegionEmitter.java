package dev.worldswitch.machine.x86;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.DirectMethodHandleDesc;
import java.lang.constant.DynamicConstantDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes the byte code of one region. General registers, RIP and flags are JVM locals; a status flag is computed when
 * somebody reads it ({@link FlagState}). What {@link OpEmitter} knows no code for is done by its operation object, with the
 * registers back in their array meanwhile.
 */
final class RegionEmitter {
    static final ClassDesc M = desc(Interpreter.class),
            MEMORY = desc(GuestMemory.class),
            OP = desc(Op.class),
            FLAGS = desc(Flags.class);
    static final ClassDesc ARITH = desc(Arith.class), SHIFT = desc(IntegerOps.Shift.class), GPR = desc(Gpr.class);
    static final ClassDesc UNARY = desc(IntegerOps.Unary.class), PRODUCT = desc(IntegerOps.Product.class);
    private static final ClassDesc SIGNAL = desc(Signal.class), CODE = desc(Translated.class);
    private static final ClassDesc LONGS = ConstantDescs.CD_long.arrayType(), J = ConstantDescs.CD_long;
    private static final ClassDesc I = ConstantDescs.CD_int, V = ConstantDescs.CD_void, Z = ConstantDescs.CD_boolean;
    static final MethodTypeDesc J_J = MethodTypeDesc.of(J, J), J_JJ = MethodTypeDesc.of(J, J, J);

    /** JVM locals; registers from {@link #REGS} on. */
    static final int CPU = 1,
            G = 2,
            EPOCH = 3,
            RIP = 4,
            FR = 6,
            FC = 8,
            FA = 10,
            FB = 12,
            FRES = 14,
            RA = 16,
            RRES = 18;

    static final int T1 = 20, T2 = 22, T3 = 24, T4 = 26, REGS = 30;
    private static final int ACCESS = 28;

    private static final DirectMethodHandleDesc CLASS_DATA_AT = ConstantDescs.ofConstantBootstrap(
            desc(java.lang.invoke.MethodHandles.class), "classDataAt", ConstantDescs.CD_Object, I);

    /** HotSpot compiles methods of up to 8000 bytes. */
    private static final int MAX_CODE = 7900;

    private record Guarded(Label from, Label to, FlagState flags) {}

    private final Interpreter m;
    private final List<Block> region;
    private final Map<Long, Label> labels = new HashMap<>();
    private final Map<Long, Integer> order = new HashMap<>();
    private final Map<Object, Integer> constantIndex = new IdentityHashMap<>();
    private final List<Object> constants = new ArrayList<>();
    private final List<Guarded> guarded = new ArrayList<>();
    private final BitSet used = new BitSet(), written = new BitSet();
    private @Nullable CodeBuilder code;
    private @Nullable Label exit;
    private int at;
    FlagState flags = FlagState.KNOWN;

    RegionEmitter(Interpreter m, List<Block> region) {
        this.m = m;
        this.region = region;
        for (Block b : region) {
            order.put(b.rip, order.size());
            for (Op op : b.ops) OpEmitter.uses(op, used);
        }
    }

    private static ClassDesc desc(Class<?> c) {
        return c.describeConstable().orElseThrow();
    }

    /** Where the last operation of a block may go by direct branches. */
    static long[] successors(Block b) {
        Op last = b.ops[b.ops.length - 1];
        if (!last.ends()) return new long[] {b.end};
        Class<?> t = last.template == null ? last.getClass() : last.template;
        if (t == IntegerOps.Jcc.class || t == IntegerOps.Call64.class) return new long[] {last.imm, last.next};
        return t == IntegerOps.Jump64.class ? new long[] {last.imm} : new long[0];
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

    /** Objects that the byte code refers to, as class data. */
    List<Object> constants() {
        return constants;
    }

    /** The class file of a {@link Translated}; empty when it would be too long for the JIT. */
    byte[] classFile(ClassFile files) {
        byte[] file;
        try {
            file = build(files);
        } catch (IllegalArgumentException e) {
            // More than a method may have at all.
            return new byte[0];
        }
        for (MethodModel k : files.parse(file).methods())
            if (k.code().orElseThrow() instanceof CodeAttribute a && a.codeLength() > MAX_CODE) return new byte[0];
        return file;
    }

    private byte[] build(ClassFile files) {
        return files.build(ClassDesc.of("dev.worldswitch.machine.x86.Region"), c -> {
            c.withSuperclass(CODE).withFlags(ClassFile.ACC_FINAL);
            c.withMethodBody(
                    "<init>",
                    ConstantDescs.MTD_void,
                    0,
                    k -> k.aload(0)
                            .invokespecial(CODE, "<init>", ConstantDescs.MTD_void)
                            .return_());
            c.withMethodBody("run", MethodTypeDesc.of(V, M), ClassFile.ACC_FINAL, k -> {
                code = k;
                body();
            });
        });
    }

    CodeBuilder code() {
        CodeBuilder c = code;
        if (c == null) throw new IllegalStateException("no method under way");
        return c;
    }

    private void body() {
        CodeBuilder c = code();
        guarded.clear();
        Label out = c.newLabel();
        exit = out;
        for (Block b : region) labels.put(b.rip, c.newLabel());
        c.aload(CPU).getfield(M, "g", LONGS).astore(G);
        c.aload(CPU).getfield(M, "epoch", I).istore(EPOCH);
        c.aload(CPU).getfield(M, "fr", J).lstore(FR);
        c.aload(CPU).getfield(M, "fc", J).lstore(FC);
        c.aload(CPU).getfield(M, "access", J).lstore(ACCESS);
        load();
        for (at = 0; at < region.size(); at++) block(region.get(at));
        c.labelBinding(out);
        save(written);
        c.return_();
        handlers();
    }

    private void block(Block b) {
        CodeBuilder c = code();
        c.labelBinding(label(b.rip));
        flags = FlagState.KNOWN;
        boolean stop = false;
        for (Op op : b.ops) {
            if (!OpEmitter.emit(this, op)) {
                byObject(op);
                stop = true;
                if (op.ends()) {
                    c.return_();
                    return;
                }
            }
        }
        Op last = b.ops[b.ops.length - 1];
        if (last.ends()) return;
        known();
        if (stop) leaveIfTold(b.end);
        edge(b.end);
    }

    // Flow.

    private Label label(long rip) {
        Label l = labels.get(rip);
        if (l == null) throw new IllegalStateException("no block at " + Long.toHexString(rip));
        return l;
    }

    /** Return addresses inside the region of the calls in it. */
    List<Long> returns() {
        List<Long> in = new ArrayList<>();
        for (Block b : region) {
            Op last = b.ops[b.ops.length - 1];
            if (last instanceof IntegerOps.Call64 && labels.containsKey(last.next)) in.add(last.next);
        }
        return in;
    }

    /** Goes to {@code rip}; flags must be known. Backward branches look whether the loop must stop. */
    void edge(long rip) {
        CodeBuilder c = code();
        Integer to = order.get(rip);
        if (to == null) {
            c.loadConstant(rip).lstore(RIP).goto_(exitLabel());
            return;
        }
        if (to <= at) leaveIfTold(rip);
        c.goto_(label(rip));
    }

    /** Leaves to the address in the local {@link #RIP}. */
    void leave() {
        code().goto_(exitLabel());
    }

    private void leaveIfTold(long rip) {
        CodeBuilder c = code();
        Label on = c.newLabel();
        c.aload(CPU)
                .iload(EPOCH)
                .invokevirtual(M, "mustStop", MethodTypeDesc.of(Z, I))
                .ifeq(on);
        c.loadConstant(rip).lstore(RIP).goto_(exitLabel());
        c.labelBinding(on);
    }

    private Label exitLabel() {
        Label l = exit;
        if (l == null) throw new IllegalStateException("no method under way");
        return l;
    }

    // What may throw.

    /** Byte code of {@code op} that may throw: no local of the guest's state changes in it. */
    void guarded(Op op, Runnable access) {
        CodeBuilder c = code();
        c.loadConstant(op.ip).lstore(RIP);
        Label from = c.newBoundLabel();
        access.run();
        guarded.add(new Guarded(from, c.newBoundLabel(), flags));
    }

    private void handlers() {
        CodeBuilder c = code();
        Map<FlagState, Label> handler = new LinkedHashMap<>();
        for (Guarded x : guarded) {
            Label l = handler.computeIfAbsent(x.flags, k -> c.newLabel());
            c.exceptionCatch(x.from, x.to, l, SIGNAL);
        }
        if (handler.isEmpty()) return;
        Label again = c.newLabel();
        handler.forEach((f, l) -> {
            c.labelBinding(l).pop();
            f.compute(this);
            c.goto_(again);
        });
        c.labelBinding(again);
        save(written);
        c.getstatic(SIGNAL, "CAREFUL", SIGNAL).athrow();
    }

    private void byObject(Op op) {
        CodeBuilder c = code();
        known();
        guarded(op, () -> {
            c.loadConstant(op.next).lstore(T1);
            save(used, T1);
            constant(op, OP);
            c.aload(CPU).invokevirtual(OP, "exec", MethodTypeDesc.of(V, M));
        });
        if (op.ends()) return;
        load();
        c.aload(CPU).getfield(M, "fr", J).lstore(FR);
        c.aload(CPU).getfield(M, "fc", J).lstore(FC);
        c.aload(CPU).getfield(M, "access", J).lstore(ACCESS);
        written.or(used);
    }

    private void load() {
        CodeBuilder c = code();
        for (int r = used.nextSetBit(0); r >= 0; r = used.nextSetBit(r + 1))
            c.aload(G).loadConstant(r).laload().lstore(REGS + 2 * r);
    }

    private void save(BitSet registers) {
        save(registers, RIP);
    }

    private void save(BitSet registers, int rip) {
        CodeBuilder c = code();
        for (int r = registers.nextSetBit(0); r >= 0; r = registers.nextSetBit(r + 1))
            c.aload(G).loadConstant(r).lload(REGS + 2 * r).lastore();
        c.aload(CPU).lload(FR).putfield(M, "fr", J);
        c.aload(CPU).lload(FC).putfield(M, "fc", J);
        c.aload(CPU).lload(rip).putfield(M, "rip", J);
    }

    // Values.

    /** Loads {@code value} as a constant that the JIT trusts. */
    void constant(Object value, ClassDesc type) {
        int n = constantIndex.computeIfAbsent(value, k -> {
            constants.add(k);
            return constants.size() - 1;
        });
        code().loadConstant(DynamicConstantDesc.ofNamed(CLASS_DATA_AT, ConstantDescs.DEFAULT_NAME, type, n));
    }

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

    private int slot(int r) {
        if (!used.get(r)) throw new IllegalStateException("register " + r + " is not among those of the region");
        return REGS + 2 * r;
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

    /** Loads {@code size} bytes at the address in local {@code la} to the local {@code to}; inside {@link #guarded}. */
    void ld(int la, int size, int to) {
        code().aload(CPU);
        constant(m.rTlb.pairs, LONGS);
        code().lload(ACCESS)
                .lload(la)
                .invokestatic(MEMORY, "ld" + 8 * size, MethodTypeDesc.of(J, MEMORY, LONGS, J, J))
                .lstore(to);
    }

    /** Stores the local {@code value}; inside {@link #guarded}. */
    void st(int la, int size, int value) {
        code().aload(CPU);
        constant(m.wTlb.pairs, LONGS);
        code().lload(ACCESS)
                .lload(la)
                .lload(value)
                .invokestatic(MEMORY, "st" + 8 * size, MethodTypeDesc.of(V, MEMORY, LONGS, J, J, J));
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
