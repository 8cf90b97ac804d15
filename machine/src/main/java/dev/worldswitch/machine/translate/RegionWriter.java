package dev.worldswitch.machine.translate;

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
 * Writes the byte code of one region: a subclass of a {@link Translation} with a method {@code run}, whose argument is the
 * interpreter. General registers, the guest's PC and flags are JVM locals there; the architecture says which, and writes the
 * operations.
 */
public abstract class RegionWriter<B extends BasicBlock<B>> {
    public static final ClassDesc LONGS = ConstantDescs.CD_long.arrayType(), MEMORY = desc(TlbMemory.class);
    public static final ClassDesc J = ConstantDescs.CD_long, I = ConstantDescs.CD_int;
    public static final ClassDesc V = ConstantDescs.CD_void, Z = ConstantDescs.CD_boolean;
    public static final MethodTypeDesc J_J = MethodTypeDesc.of(J, J), J_JJ = MethodTypeDesc.of(J, J, J);

    /** JVM locals; those of the architecture from {@link #OWN} on, registers from {@link #REGS} on. */
    public static final int CPU = 1, PC = 2, FILE = 4, EPOCH = 5, ACCESS = 6, OWN = 8, THROWN = 30, REGS = 32;

    private static final DirectMethodHandleDesc CLASS_DATA_AT = ConstantDescs.ofConstantBootstrap(
            desc(java.lang.invoke.MethodHandles.class), "classDataAt", ConstantDescs.CD_Object, I);

    /** HotSpot compiles methods of up to 8000 bytes. */
    private static final int MAX_CODE = 7900;

    private record Guarded(Label from, Label to, Object state) {}

    private final TlbMemory memory;
    private final ClassDesc translation, cpu, signal;
    private final String registers, pc;
    protected final List<B> region;
    private final Map<Long, Label> labels = new HashMap<>();
    private final Map<Long, Integer> order = new HashMap<>();
    private final Map<Object, Integer> constantIndex = new IdentityHashMap<>();
    private final List<Object> constants = new ArrayList<>();
    private final List<Guarded> guarded = new ArrayList<>();
    /** Registers that have a local, and those whose local may differ from the register file. */
    protected final BitSet used = new BitSet(), written = new BitSet();
    /** Registers that the byte code of an operation names. */
    private final BitSet named = new BitSet();

    private @Nullable CodeBuilder code;
    private @Nullable Label exit;
    private int at;

    /**
     * @param registers the interpreter's field that is the register file
     * @param pc the interpreter's field that is the address of the next instruction
     * @param signal what an operation throws that can't be completed
     */
    protected RegionWriter(
            TlbMemory memory,
            List<B> region,
            Class<? extends Translation<B>> translation,
            String registers,
            String pc,
            Class<? extends Throwable> signal) {
        this.memory = memory;
        this.region = region;
        this.translation = desc(translation);
        this.cpu = desc(memory.getClass());
        this.registers = registers;
        this.pc = pc;
        this.signal = desc(signal);
        for (B b : region) order.put(b.start, order.size());
    }

    public static ClassDesc desc(Class<?> c) {
        return c.describeConstable().orElseThrow();
    }

    /** How many registers may have a local. */
    protected abstract int generalRegisters();

    /** Brings what the architecture keeps in locals there, beside registers. */
    protected abstract void loadOwn();

    /** Puts that back. */
    protected abstract void saveOwn();

    /** The byte code of one block. */
    protected abstract void block(B b);

    /** At the start of a handler: what {@code state} says is brought into its locals. */
    protected abstract void recover(Object state);

    /** Ends a handler, with all that the guest has back in its place; the thrown object is in {@link #THROWN}. */
    protected abstract void rethrow();

    /** Objects that the byte code refers to, as class data. */
    final List<Object> constants() {
        return constants;
    }

    /** The class file of a {@link Translation}; empty when it would be too long for the JIT. */
    final byte[] classFile(ClassFile files) {
        byte[] file;
        try {
            // The first time tells which registers need a local.
            used.set(0, generalRegisters());
            build(files);
            used.clear();
            used.or(named);
            written.and(named);
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
        return files.build(ClassDesc.of(translation.packageName() + ".Region"), c -> {
            c.withSuperclass(translation).withFlags(ClassFile.ACC_FINAL);
            c.withMethodBody(
                    "<init>",
                    ConstantDescs.MTD_void,
                    0,
                    k -> k.aload(0)
                            .invokespecial(translation, "<init>", ConstantDescs.MTD_void)
                            .return_());
            c.withMethodBody("run", MethodTypeDesc.of(V, cpu), ClassFile.ACC_FINAL, k -> {
                code = k;
                body();
            });
        });
    }

    public final CodeBuilder code() {
        CodeBuilder c = code;
        if (c == null) throw new IllegalStateException("no method under way");
        return c;
    }

    private void body() {
        CodeBuilder c = code();
        guarded.clear();
        Label out = c.newLabel();
        exit = out;
        for (B b : region) labels.put(b.start, c.newLabel());
        c.aload(CPU).getfield(cpu, registers, LONGS).astore(FILE);
        c.aload(CPU).getfield(cpu, "epoch", I).istore(EPOCH);
        load();
        for (at = 0; at < region.size(); at++) {
            B b = region.get(at);
            c.labelBinding(label(b.start));
            block(b);
        }
        c.labelBinding(out);
        save();
        c.return_();
        handlers();
    }

    // Flow.

    private Label label(long to) {
        Label l = labels.get(to);
        if (l == null) throw new IllegalStateException("no block at " + Long.toHexString(to));
        return l;
    }

    protected final boolean isInside(long to) {
        return order.containsKey(to);
    }

    /** Goes to {@code to}; all state must be in its locals. Backward branches look whether the loop must stop. */
    public final void edge(long to) {
        CodeBuilder c = code();
        Integer n = order.get(to);
        if (n == null) {
            c.loadConstant(to).lstore(PC).goto_(exitLabel());
            return;
        }
        if (n <= at) leaveIfTold(to);
        c.goto_(label(to));
    }

    /** Leaves to the address in the local {@link #PC}. */
    public final void leave() {
        code().goto_(exitLabel());
    }

    protected final void leaveIfTold(long to) {
        CodeBuilder c = code();
        Label on = c.newLabel();
        c.aload(CPU)
                .iload(EPOCH)
                .invokevirtual(cpu, "mustStop", MethodTypeDesc.of(Z, I))
                .ifeq(on);
        c.loadConstant(to).lstore(PC).goto_(exitLabel());
        c.labelBinding(on);
    }

    private Label exitLabel() {
        Label l = exit;
        if (l == null) throw new IllegalStateException("no method under way");
        return l;
    }

    // What may throw.

    /** Byte code of the instruction at {@code ip} that may throw: no local of the guest's state changes in it. */
    public final void guarded(long ip, Object state, Runnable access) {
        CodeBuilder c = code();
        c.loadConstant(ip).lstore(PC);
        Label from = c.newBoundLabel();
        access.run();
        guarded.add(new Guarded(from, c.newBoundLabel(), state));
    }

    private void handlers() {
        CodeBuilder c = code();
        Map<Object, Label> handler = new LinkedHashMap<>();
        for (Guarded x : guarded) {
            Label l = handler.computeIfAbsent(x.state, k -> c.newLabel());
            c.exceptionCatch(x.from, x.to, l, signal);
        }
        if (handler.isEmpty()) return;
        Label again = c.newLabel();
        handler.forEach((state, l) -> {
            c.labelBinding(l).astore(THROWN);
            recover(state);
            c.goto_(again);
        });
        c.labelBinding(again);
        save();
        rethrow();
    }

    /** Brings all state into its locals, but the PC. */
    protected final void load() {
        CodeBuilder c = code();
        for (int r = used.nextSetBit(0); r >= 0; r = used.nextSetBit(r + 1))
            c.aload(FILE).loadConstant(r).laload().lstore(REGS + 2 * r);
        c.aload(CPU).getfield(cpu, "access", J).lstore(ACCESS);
        loadOwn();
    }

    private void save() {
        saveRegisters(written);
        saveOwn();
        savePc(PC);
    }

    protected final void saveRegisters(BitSet which) {
        CodeBuilder c = code();
        for (int r = which.nextSetBit(0); r >= 0; r = which.nextSetBit(r + 1))
            c.aload(FILE).loadConstant(r).lload(REGS + 2 * r).lastore();
    }

    protected final void savePc(int local) {
        code().aload(CPU).lload(local).putfield(cpu, pc, J);
    }

    // Values.

    /** Loads {@code value} as a constant that the JIT trusts. */
    public final void constant(Object value, ClassDesc type) {
        int n = constantIndex.computeIfAbsent(value, k -> {
            constants.add(k);
            return constants.size() - 1;
        });
        code().loadConstant(DynamicConstantDesc.ofNamed(CLASS_DATA_AT, ConstantDescs.DEFAULT_NAME, type, n));
    }

    /** The local of register {@code r}. */
    public final int slot(int r) {
        if (!used.get(r)) throw new IllegalStateException("register " + r + " is not among those of the region");
        named.set(r);
        return REGS + 2 * r;
    }

    /** Loads {@code size} bytes at the address in local {@code va} to the local {@code to}; inside {@link #guarded}. */
    public final void ld(int va, int size, int to) {
        code().aload(CPU);
        constant(memory.rTlb.pairs, LONGS);
        code().lload(ACCESS)
                .lload(va)
                .invokestatic(MEMORY, "ld" + 8 * size, MethodTypeDesc.of(J, MEMORY, LONGS, J, J))
                .lstore(to);
    }

    /** Stores the local {@code value}; inside {@link #guarded}. */
    public final void st(int va, int size, int value) {
        code().aload(CPU);
        constant(memory.wTlb.pairs, LONGS);
        code().lload(ACCESS)
                .lload(va)
                .lload(value)
                .invokestatic(MEMORY, "st" + 8 * size, MethodTypeDesc.of(V, MEMORY, LONGS, J, J, J));
    }
}
