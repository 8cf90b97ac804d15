package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.arm64.IntegerOps.Fn1;
import dev.worldswitch.machine.arm64.IntegerOps.Fn2;
import dev.worldswitch.machine.arm64.IntegerOps.Fn3;
import dev.worldswitch.machine.arm64.LoadStoreOps.Load;
import dev.worldswitch.machine.arm64.LoadStoreOps.Store;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.MethodTypeDesc;
import java.util.HashMap;
import java.util.Map;

/**
 * For each operation class of the base instructions: how its operands travel between locals, memory and the pure functions
 * that are its meaning. No arithmetic of its own.
 */
final class OpEmitter {
    /** Byte code of one operation. */
    private interface Rule {
        void emit(RegionEmitter e, A64Op op);
    }

    private static final int T1 = RegionEmitter.T1, T2 = RegionEmitter.T2, T3 = RegionEmitter.T3, T4 = RegionEmitter.T4;
    private static final int FN = RegionEmitter.FN, FZ = RegionEmitter.FZ, FV = RegionEmitter.FV, FC = RegionEmitter.FC;
    private static final Map<Class<? extends A64Op>, Rule> RULES = new HashMap<>();

    static {
        RULES.put(SystemOps.Nop.class, (e, op) -> {});
        integer();
        flags();
        loadsAndStores();
        branches();
    }

    private OpEmitter() {}

    private static Class<? extends A64Op> template(A64Op op) {
        Class<? extends A64Op> t = op.template;
        return t == null ? op.getClass() : t;
    }

    /** False when {@code op} must be done by its object. */
    static boolean knows(A64Op op) {
        // Authenticated branches.
        if (op instanceof BranchOps.Indirect && (op.a & 4) != 0) return false;
        return RULES.containsKey(template(op));
    }

    static void emit(RegionEmitter e, A64Op op) {
        Rule rule = RULES.get(template(op));
        if (rule == null) throw new IllegalStateException("no rule for " + template(op));
        rule.emit(e, op);
    }

    private static <T> T meaning(A64Op op, Class<T> type) {
        return type.cast(op.meaning);
    }

    private static void push(RegionEmitter e, A64Op op, Class<?> type) {
        e.constant(meaning(op, type), RegionEmitter.desc(type));
    }

    private static void integer() {
        RULES.put(IntegerOps.Reg1.class, (e, op) -> {
            push(e, op, Fn1.class);
            e.get(op.n);
            e.apply(Fn1.class, 1);
            e.put(op.d);
        });
        RULES.put(IntegerOps.Reg2.class, (e, op) -> {
            push(e, op, Fn2.class);
            e.get(op.n);
            e.get(op.m);
            e.apply(Fn2.class, 2);
            e.put(op.d);
        });
        RULES.put(IntegerOps.Reg3.class, (e, op) -> {
            push(e, op, Fn3.class);
            e.get(op.n);
            e.get(op.m);
            e.get(op.a);
            e.apply(Fn3.class, 3);
            e.put(op.d);
        });
        RULES.put(IntegerOps.RegImm.class, (e, op) -> {
            push(e, op, Fn2.class);
            e.get(op.n);
            e.code().loadConstant(op.imm);
            e.apply(Fn2.class, 2);
            e.put(op.d);
        });
        RULES.put(IntegerOps.Shifted64.class, (e, op) -> {
            push(e, op, Fn2.class);
            e.get(op.n);
            shifted(e, op, op.a, "64");
            e.apply(Fn2.class, 2);
            e.put(op.d);
        });
        RULES.put(IntegerOps.Shifted32.class, (e, op) -> {
            push(e, op, Fn2.class);
            e.get(op.n);
            shifted(e, op, op.a, "32");
            e.apply(Fn2.class, 2);
            e.code().loadConstant(A64.W).land();
            e.put(op.d);
        });
        RULES.put(IntegerOps.Extended.class, (e, op) -> {
            push(e, op, Fn2.class);
            e.get(op.n);
            extended(e, op, op.a);
            e.apply(Fn2.class, 2);
            e.put(op.d);
        });
        RULES.put(IntegerOps.MoveImm.class, (e, op) -> {
            e.code().loadConstant(op.imm);
            e.put(op.d);
        });
        RULES.put(IntegerOps.MoveKeep.class, (e, op) -> {
            if (op.d != Arm64Cpu.TRASH) e.get(op.d);
            else e.code().lconst_0();
            e.code().loadConstant(((IntegerOps.MoveKeep) op).mask).loadConstant(op.imm);
            e.call("keep", 3, 0);
            e.put(op.d);
        });
        RULES.put(IntegerOps.Ubfm.class, (e, op) -> {
            e.get(op.n);
            e.code().loadConstant(op.a).loadConstant(op.imm).loadConstant(op.m);
            e.code().invokestatic(RegionEmitter.A64D, "ubfm", UBFM);
            e.put(op.d);
        });
        RULES.put(IntegerOps.Bfm.class, (e, op) -> {
            if (op.d != Arm64Cpu.TRASH) e.get(op.d);
            else e.code().lconst_0();
            e.get(op.n);
            e.code().loadConstant(op.a).loadConstant(op.imm).loadConstant(op.m);
            e.code().invokestatic(RegionEmitter.A64D, "bfm", BFM);
            if (op.word >= 0) e.code().loadConstant(A64.W).land();
            e.put(op.d);
        });
        RULES.put(IntegerOps.Sbfm64.class, (e, op) -> sbfm(e, op, "sbfm64"));
        RULES.put(IntegerOps.Sbfm32.class, (e, op) -> sbfm(e, op, "sbfm32"));
        RULES.put(IntegerOps.Extr64.class, (e, op) -> extr(e, op, "extr64"));
        RULES.put(IntegerOps.Extr32.class, (e, op) -> extr(e, op, "extr32"));
        RULES.put(IntegerOps.Csel.class, (e, op) -> {
            e.condition(meaning(op, A64.Cond.class));
            e.get(op.n);
            e.get(op.m);
            e.code().loadConstant((int) op.imm);
            e.call("otherwise", 1, 1);
            e.code().invokestatic(RegionEmitter.A64D, "select", SELECT);
            if (op.word >= 0) e.code().loadConstant(A64.W).land();
            e.put(op.d);
        });
    }

    private static final MethodTypeDesc SELECT =
            MethodTypeDesc.of(RegionEmitter.J, RegionEmitter.Z, RegionEmitter.J, RegionEmitter.J);
    private static final MethodTypeDesc UBFM =
            MethodTypeDesc.of(RegionEmitter.J, RegionEmitter.J, RegionEmitter.I, RegionEmitter.J, RegionEmitter.I);
    private static final MethodTypeDesc BFM = MethodTypeDesc.of(
            RegionEmitter.J, RegionEmitter.J, RegionEmitter.J, RegionEmitter.I, RegionEmitter.J, RegionEmitter.I);

    private static final String[] SHIFTS = {"lsl", "lsr", "asr", "ror"};

    /** Pushes register m, shifted. */
    private static void shifted(RegionEmitter e, A64Op op, int kind, String width) {
        e.get(op.m);
        e.code().loadConstant(op.imm);
        e.call(SHIFTS[kind] + width, 2, 0);
    }

    /** Pushes register m, extended and shifted left. */
    private static void extended(RegionEmitter e, A64Op op, int option) {
        e.get(op.m);
        e.code().loadConstant(option);
        e.call("extend", 1, 1);
        if (op.imm != 0) e.code().loadConstant((int) op.imm).lshl();
    }

    private static void sbfm(RegionEmitter e, A64Op op, String function) {
        e.get(op.n);
        e.code().loadConstant(op.a).loadConstant(op.m).loadConstant((int) op.imm);
        e.call(function, 1, 3);
        e.put(op.d);
    }

    private static void extr(RegionEmitter e, A64Op op, String function) {
        e.get(op.n);
        e.get(op.m);
        e.code().loadConstant((int) op.imm);
        e.call(function, 2, 1);
        e.put(op.d);
    }

    // Flags.

    private static void flags() {
        RULES.put(IntegerOps.Adds64.class, (e, op) -> plain(e, op, false, true));
        RULES.put(IntegerOps.Subs64.class, (e, op) -> plain(e, op, true, true));
        RULES.put(IntegerOps.Adds32.class, (e, op) -> plain(e, op, false, false));
        RULES.put(IntegerOps.Subs32.class, (e, op) -> plain(e, op, true, false));
        RULES.put(IntegerOps.AddSubsOther.class, (e, op) -> {
            IntegerOps.AddSubsOther o = (IntegerOps.AddSubsOther) op;
            e.get(op.n);
            e.code().lstore(T1);
            if (op.a >= 8) extended(e, op, op.a - 8);
            else shifted(e, op, op.a, o.is64 ? "64" : "32");
            e.code().lstore(T2);
            addSub(e, o.sub, o.is64, op.d);
        });
        RULES.put(IntegerOps.LogicFlags64.class, (e, op) -> logic(e, op, "ands64", true));
        RULES.put(IntegerOps.LogicFlags32.class, (e, op) -> logic(e, op, "ands32", false));
        RULES.put(IntegerOps.AndsImm64.class, (e, op) -> andsImm(e, op, true));
        RULES.put(IntegerOps.AndsImm32.class, (e, op) -> andsImm(e, op, false));
        RULES.put(IntegerOps.Ccmp.class, (e, op) -> {
            CodeBuilder c = e.code();
            Label no = c.newLabel(), end = c.newLabel();
            e.unless(meaning(op, A64.Cond.class), no);
            plainOperands(e, op);
            addSub(e, (op.word & 1 << 30) != 0, op.word < 0, Arm64Cpu.TRASH);
            c.goto_(end).labelBinding(no);
            c.loadConstant(A64.nOf(op.d)).lstore(FN).loadConstant(A64.zOf(op.d)).lstore(FZ);
            c.loadConstant(A64.cOf(op.d)).istore(FC).loadConstant(A64.vOf(op.d)).lstore(FV);
            c.labelBinding(end);
        });
    }

    /** Register n to T1; register m or the immediate to T2. */
    private static void plainOperands(RegionEmitter e, A64Op op) {
        e.get(op.n);
        e.code().lstore(T1);
        if (op.m == Arm64Cpu.ZR) e.code().loadConstant(op.imm);
        else e.get(op.m);
        e.code().lstore(T2);
    }

    private static void plain(RegionEmitter e, A64Op op, boolean sub, boolean is64) {
        plainOperands(e, op);
        addSub(e, sub, is64, op.d);
    }

    /** Adds or subtracts T1 and T2, with flags; 32-bit values are worked on in the upper half. */
    private static void addSub(RegionEmitter e, boolean sub, boolean is64, int d) {
        CodeBuilder c = e.code();
        if (!is64) {
            c.lload(T1).loadConstant(32).lshl().lstore(T1);
            c.lload(T2).loadConstant(32).lshl().lstore(T2);
        }
        String s = sub ? "sub" : "add";
        c.lload(T1).lload(T2);
        e.call(s + "64", 2, 0);
        c.lstore(T3).lload(T3).lstore(FN).lload(T3).lstore(FZ);
        c.lload(T1).lload(sub ? T2 : T3);
        e.call(s + "C64", RegionEmitter.I, 2, 0);
        c.istore(FC).lload(T1).lload(T2).lload(T3);
        e.call(s + "V64", 3, 0);
        c.lstore(FV).lload(T3);
        if (!is64) c.loadConstant(32).lushr();
        e.put(d);
        e.flagsChanged();
    }

    private static void logic(RegionEmitter e, A64Op op, String function, boolean is64) {
        e.get(op.n);
        e.get(op.m);
        e.code().loadConstant(op.a).loadConstant((int) op.imm);
        e.call(function, 2, 2);
        ands(e, op, is64);
    }

    private static void andsImm(RegionEmitter e, A64Op op, boolean is64) {
        e.get(op.n);
        e.code().loadConstant(op.imm).land();
        ands(e, op, is64);
    }

    /** The result is on the stack. */
    private static void ands(RegionEmitter e, A64Op op, boolean is64) {
        CodeBuilder c = e.code();
        c.lstore(T1).lload(T1);
        if (!is64) c.loadConstant(32).lshl();
        c.lstore(FN)
                .lload(FN)
                .lstore(FZ)
                .iconst_0()
                .istore(FC)
                .lconst_0()
                .lstore(FV)
                .lload(T1);
        e.put(op.d);
        e.flagsChanged();
    }

    // Memory.

    private static void loadsAndStores() {
        RULES.put(LoadStoreOps.LoadImm.class, (e, op) -> load(e, op, () -> offset(e, op)));
        RULES.put(LoadStoreOps.StoreImm.class, (e, op) -> store(e, op, () -> offset(e, op)));
        RULES.put(LoadStoreOps.LoadReg.class, (e, op) -> load(e, op, () -> indexed(e, op)));
        RULES.put(LoadStoreOps.StoreReg.class, (e, op) -> store(e, op, () -> indexed(e, op)));
        RULES.put(LoadStoreOps.LoadWb.class, (e, op) -> {
            load(e, op, () -> around(e, op, op.m != 0));
            e.code().lload(T4);
            e.put(op.n);
        });
        RULES.put(LoadStoreOps.StoreWb.class, (e, op) -> {
            store(e, op, () -> around(e, op, op.m != 0));
            e.code().lload(T4);
            e.put(op.n);
        });
        RULES.put(LoadStoreOps.LoadPair64.class, (e, op) -> loadPair(e, op, 8));
        RULES.put(LoadStoreOps.LoadPair32.class, (e, op) -> loadPair(e, op, 4));
        RULES.put(LoadStoreOps.StorePair64.class, (e, op) -> storePair(e, op, 8));
        RULES.put(LoadStoreOps.StorePair32.class, (e, op) -> storePair(e, op, 4));
    }

    /** The address n + imm to T3. */
    private static void offset(RegionEmitter e, A64Op op) {
        e.base(op.n);
        if (op.imm != 0) e.code().loadConstant(op.imm).ladd();
        e.code().lstore(T3);
    }

    private static void indexed(RegionEmitter e, A64Op op) {
        e.base(op.n);
        extended(e, op, op.a);
        e.code().ladd().lstore(T3);
    }

    /** The address to T3, the base register's new value to T4. */
    private static void around(RegionEmitter e, A64Op op, boolean before) {
        CodeBuilder c = e.code();
        e.base(op.n);
        c.lstore(T3).lload(T3).loadConstant(op.imm).ladd().lstore(T4);
        if (before) c.lload(T4).lstore(T3);
    }

    private static void load(RegionEmitter e, A64Op op, Runnable address) {
        Load f = meaning(op, Load.class);
        e.guarded(op, () -> {
            address.run();
            e.ld(T3, f.size(), T1);
        });
        e.constant(f.extend(), RegionEmitter.desc(Fn1.class));
        e.code().lload(T1);
        e.apply(Fn1.class, 1);
        e.put(op.d);
    }

    private static void store(RegionEmitter e, A64Op op, Runnable address) {
        Store f = meaning(op, Store.class);
        e.guarded(op, () -> {
            address.run();
            e.get(op.d);
            e.code().lstore(T1);
            e.st(T3, f.size(), T1);
        });
    }

    private static void pairAddress(RegionEmitter e, A64Op op) {
        switch (((LoadStoreOps.Pair) op).mode) {
            case 1 -> around(e, op, false);
            case 3 -> around(e, op, true);
            default -> offset(e, op);
        }
    }

    private static void writeBack(RegionEmitter e, A64Op op) {
        if ((((LoadStoreOps.Pair) op).mode & 1) == 0) return;
        e.code().lload(T4);
        e.put(op.n);
    }

    private static void second(RegionEmitter e, int size) {
        e.code().lload(T3).loadConstant((long) size).ladd().lstore(T3);
    }

    private static void loadPair(RegionEmitter e, A64Op op, int size) {
        e.guarded(op, () -> {
            pairAddress(e, op);
            e.ld(T3, size, T1);
            second(e, size);
            e.ld(T3, size, T2);
        });
        writeBack(e, op);
        loaded(e, op, T1, op.d, size);
        loaded(e, op, T2, op.a, size);
    }

    /** LDPSW has {@code m} 1. */
    private static void loaded(RegionEmitter e, A64Op op, int local, int to, int size) {
        e.code().lload(local);
        if (size == 4 && op.m != 0) {
            e.code().loadConstant(6);
            e.call("extend", 1, 1);
        }
        e.put(to);
    }

    private static void storePair(RegionEmitter e, A64Op op, int size) {
        CodeBuilder c = e.code();
        e.guarded(op, () -> {
            pairAddress(e, op);
            c.aload(RegionEmitter.CPU).lload(T3).loadConstant(2 * size);
            c.invokevirtual(
                    RegionEmitter.C,
                    "checkCrossing",
                    MethodTypeDesc.of(RegionEmitter.V, RegionEmitter.J, RegionEmitter.I));
            e.get(op.d);
            c.lstore(T1);
            e.st(T3, size, T1);
            second(e, size);
            e.get(op.a);
            c.lstore(T1);
            e.st(T3, size, T1);
        });
        writeBack(e, op);
    }

    // Branches.

    private static void branches() {
        RULES.put(BranchOps.B.class, (e, op) -> e.edge(op.imm));
        RULES.put(BranchOps.Bl.class, (e, op) -> {
            e.code().loadConstant(op.pc + 4);
            e.put(30);
            e.edge(op.imm);
        });
        RULES.put(BranchOps.BCond.class, (e, op) -> {
            Label no = e.code().newLabel();
            e.unless(meaning(op, A64.Cond.class), no);
            either(e, op, no);
        });
        RULES.put(BranchOps.Compare.class, (e, op) -> {
            Label no = e.code().newLabel();
            push(e, op, BranchOps.Test.class);
            e.get(op.n);
            e.code()
                    .invokeinterface(
                            RegionEmitter.desc(BranchOps.Test.class),
                            "of",
                            MethodTypeDesc.of(RegionEmitter.Z, RegionEmitter.J));
            e.code().ifeq(no);
            either(e, op, no);
        });
        RULES.put(BranchOps.Tb.class, (e, op) -> {
            Label no = e.code().newLabel();
            e.get(op.n);
            e.code().loadConstant(op.a);
            e.call("bit", RegionEmitter.I, 1, 1);
            e.code().loadConstant(op.d).if_icmpne(no);
            either(e, op, no);
        });
        RULES.put(BranchOps.Indirect.class, OpEmitter::indirect);
    }

    private static void either(RegionEmitter e, A64Op op, Label no) {
        e.edge(op.imm);
        e.code().labelBinding(no);
        e.edge(op.pc + 4);
    }

    private static void indirect(RegionEmitter e, A64Op op) {
        CodeBuilder c = e.code();
        e.get(op.n);
        c.lstore(T1);
        if ((op.a & 1) != 0) {
            c.loadConstant(op.pc + 4);
            e.put(30);
        }
        if ((op.a & 2) != 0)
            for (long to : e.returns()) {
                Label no = c.newLabel();
                c.lload(T1).loadConstant(to).lcmp().ifne(no);
                e.edge(to);
                c.labelBinding(no);
            }
        if (e.has(Feature.BTI))
            c.aload(RegionEmitter.CPU)
                    .loadConstant(((BranchOps.Indirect) op).btype())
                    .putfield(RegionEmitter.C, "btype", RegionEmitter.I);
        c.aload(RegionEmitter.CPU).lload(T1).invokevirtual(RegionEmitter.C, "target", RegionEmitter.J_J);
        c.lstore(RegionEmitter.PC);
        e.leave();
    }
}
