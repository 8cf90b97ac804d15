package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.x86.IntegerOps.Move;
import dev.worldswitch.machine.x86.IntegerOps.Shift;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.HashMap;
import java.util.Map;

/**
 * For each template operation of {@link IntegerOps}: how its operands travel between locals, memory and the pure functions
 * that are its meaning. No arithmetic of its own.
 */
final class OpEmitter {
    /** Byte code of one operation. */
    private interface Rule {
        void emit(RegionEmitter e, Op op);
    }

    private static final int T1 = RegionEmitter.T1, T2 = RegionEmitter.T2, T3 = RegionEmitter.T3, T4 = RegionEmitter.T4;
    private static final int FA = RegionEmitter.FA, FB = RegionEmitter.FB, FRES = RegionEmitter.FRES;
    private static final MethodTypeDesc SIGNED =
            MethodTypeDesc.of(ConstantDescs.CD_long, ConstantDescs.CD_long, ConstantDescs.CD_int);
    private static final Map<Class<? extends Op>, Rule> RULES = new HashMap<>();

    static {
        RULES.put(IntegerOps.RegReg.class, OpEmitter::regReg);
        RULES.put(IntegerOps.RegImm.class, OpEmitter::regImm);
        RULES.put(IntegerOps.RegMem.class, OpEmitter::regMem);
        RULES.put(IntegerOps.MemReg.class, (e, op) -> toMemory(e, op, true));
        RULES.put(IntegerOps.MemImm.class, (e, op) -> toMemory(e, op, false));
        RULES.put(IntegerOps.Jcc.class, OpEmitter::jcc);
        RULES.put(IntegerOps.Cmov.class, OpEmitter::cmov);
        RULES.put(IntegerOps.SetCc.class, OpEmitter::setCc);
        RULES.put(IntegerOps.MovRegReg.class, OpEmitter::movRegReg);
        RULES.put(IntegerOps.Load.class, OpEmitter::load);
        RULES.put(IntegerOps.Store.class, OpEmitter::store);
        RULES.put(IntegerOps.StoreImm.class, OpEmitter::storeImm);
        RULES.put(IntegerOps.MovImm.class, OpEmitter::movImm);
        RULES.put(IntegerOps.Lea.class, OpEmitter::lea);
        RULES.put(IntegerOps.ShiftOp.class, OpEmitter::shift);
        RULES.put(IntegerOps.Push64.class, OpEmitter::push);
        RULES.put(IntegerOps.Pop64.class, OpEmitter::pop);
        RULES.put(IntegerOps.Jump64.class, (e, op) -> {
            e.known();
            e.edge(op.imm);
        });
        RULES.put(IntegerOps.Call64.class, OpEmitter::call);
        RULES.put(IntegerOps.Ret64.class, OpEmitter::ret);
        RULES.put(IntegerOps.UnaryReg.class, OpEmitter::unary);
        RULES.put(IntegerOps.Imul.class, OpEmitter::imul);
        RULES.put(IntegerOps.PushImm64.class, (e, op) -> {
            e.code().loadConstant(op.imm).lstore(T1);
            pushT1(e, op);
        });
        RULES.put(IntegerOps.Leave64.class, OpEmitter::leave);
        RULES.put(IntegerOps.Nop.class, (e, op) -> {});
    }

    private OpEmitter() {}

    private static Class<? extends Op> template(Op op) {
        Class<? extends Op> t = op.template;
        return t == null ? op.getClass() : t;
    }

    static boolean knows(Op op) {
        // A shift of memory by CL stores only when the count is not zero.
        boolean rare = template(op) == IntegerOps.ShiftOp.class && op.ea != null && op.s == 1;
        return !rare && RULES.containsKey(template(op));
    }

    /** False when {@code op} must be done by its object. */
    static boolean emit(RegionEmitter e, Op op) {
        if (!knows(op)) return false;
        Rule rule = RULES.get(template(op));
        if (rule == null) return false;
        rule.emit(e, op);
        return true;
    }

    private static <T> T meaning(Op op, Class<T> type) {
        return type.cast(op.meaning);
    }

    // Arithmetic.

    /** Flags come from operands that stay where they are until somebody asks. */
    private static Arith arith(RegionEmitter e, Op op) {
        Arith f = meaning(op, Arith.class);
        if (f.readsCf() || f.keepsCf()) e.known();
        return f;
    }

    private static void value(RegionEmitter e, Arith f, int a, int b, int to) {
        e.constant(f, RegionEmitter.ARITH);
        e.code()
                .lload(a)
                .lload(b)
                .lload(RegionEmitter.FC)
                .invokestatic(
                        RegionEmitter.ARITH,
                        "value",
                        MethodTypeDesc.of(
                                ConstantDescs.CD_long,
                                RegionEmitter.ARITH,
                                ConstantDescs.CD_long,
                                ConstantDescs.CD_long,
                                ConstantDescs.CD_long))
                .lstore(to);
    }

    private static void finish(RegionEmitter e, Op op, Arith f) {
        value(e, f, FA, FB, FRES);
        if (f.writes()) e.put(op.d, f.size(), FRES);
        e.flags = FlagState.after(f);
    }

    private static void regReg(RegionEmitter e, Op op) {
        Arith f = arith(e, op);
        e.get(op.d, f.size());
        e.code().lstore(FA);
        e.get(op.s, f.size());
        e.code().lstore(FB);
        finish(e, op, f);
    }

    private static void regImm(RegionEmitter e, Op op) {
        Arith f = arith(e, op);
        e.get(op.d, f.size());
        e.code().lstore(FA).loadConstant(op.imm).lstore(FB);
        finish(e, op, f);
    }

    private static void regMem(RegionEmitter e, Op op) {
        Arith f = arith(e, op);
        e.guarded(op, () -> {
            e.linear(op.ea(), f.size(), false, T3);
            e.ld(T3, f.size(), T2);
        });
        e.get(op.d, f.size());
        e.code().lstore(FA).lload(T2).lstore(FB);
        finish(e, op, f);
    }

    private static void toMemory(RegionEmitter e, Op op, boolean fromReg) {
        Arith f = arith(e, op);
        if (fromReg) e.get(op.s, f.size());
        else e.code().loadConstant(op.imm);
        e.code().lstore(T2);
        e.guarded(op, () -> {
            e.linear(op.ea(), f.size(), f.writes(), T3);
            e.ld(T3, f.size(), T1);
            value(e, f, T1, T2, T4);
            if (f.writes()) e.st(T3, f.size(), T4);
        });
        e.code().lload(T1).lstore(FA).lload(T2).lstore(FB).lload(T4).lstore(FRES);
        e.flags = FlagState.after(f);
    }

    private static void shift(RegionEmitter e, Op op) {
        Shift f = meaning(op, Shift.class);
        if (op.s == 1) {
            shiftByCl(e, op, f);
            return;
        }
        int n = Shift.count(f, op.imm);
        boolean mem = op.ea != null;
        if (mem)
            e.guarded(op, () -> {
                e.linear(op.ea(), f.size(), true, T3);
                e.ld(T3, f.size(), T1);
                shifted(e, f, T1, n, T4);
                if (n != 0) e.st(T3, f.size(), T4);
            });
        else {
            e.get(op.d, f.size());
            e.code().lstore(T1);
            shifted(e, f, T1, n, T4);
            e.put(op.d, f.size(), T4);
        }
        if (n == 0) return;
        e.code().lload(T1).lstore(f.rotate() ? RegionEmitter.RA : FA);
        e.code().lload(T4).lstore(f.rotate() ? RegionEmitter.RRES : FRES);
        e.flags = f.rotate() ? e.flags.rotated(f, n) : FlagState.after(f, n);
    }

    private static void shifted(RegionEmitter e, Shift f, int a, int n, int to) {
        e.constant(f, RegionEmitter.SHIFT);
        e.code()
                .lload(a)
                .loadConstant(n)
                .invokestatic(RegionEmitter.SHIFT, "value", SHIFT_VALUE)
                .lstore(to);
    }

    private static final MethodTypeDesc SHIFT_VALUE =
            MethodTypeDesc.of(ConstantDescs.CD_long, RegionEmitter.SHIFT, ConstantDescs.CD_long, ConstantDescs.CD_int);

    private static void shiftByCl(RegionEmitter e, Op op, Shift f) {
        e.known();
        CodeBuilder c = e.code();
        e.get(op.d, f.size());
        c.lstore(T1);
        e.constant(f, RegionEmitter.SHIFT);
        e.get(X86State.RCX, 8);
        c.invokestatic(
                        RegionEmitter.SHIFT,
                        "count",
                        MethodTypeDesc.of(ConstantDescs.CD_int, RegionEmitter.SHIFT, ConstantDescs.CD_long))
                .istore(T2);
        e.constant(f, RegionEmitter.SHIFT);
        c.lload(T1)
                .iload(T2)
                .invokestatic(RegionEmitter.SHIFT, "value", SHIFT_VALUE)
                .lstore(T4);
        e.put(op.d, f.size(), T4);
        FlagState.shift(e, f, () -> c.iload(T2), T1, T4);
    }

    private static void unary(RegionEmitter e, Op op) {
        IntegerOps.Unary f = meaning(op, IntegerOps.Unary.class);
        e.constant(f, RegionEmitter.UNARY);
        e.get(op.s, f.size());
        e.code()
                .invokestatic(
                        RegionEmitter.UNARY,
                        "value",
                        MethodTypeDesc.of(ConstantDescs.CD_long, RegionEmitter.UNARY, ConstantDescs.CD_long))
                .lstore(T1);
        e.put(op.d, f.size(), T1);
    }

    private static void imul(RegionEmitter e, Op op) {
        IntegerOps.Product f = meaning(op, IntegerOps.Product.class);
        CodeBuilder c = e.code();
        if (op.ea == null) {
            e.get(op.s, f.size());
            c.lstore(T2);
        } else
            e.guarded(op, () -> {
                e.linear(op.ea(), f.size(), false, T3);
                e.ld(T3, f.size(), T2);
            });
        if (op.size == 1) c.loadConstant(op.imm);
        else e.get(op.d, f.size());
        c.lstore(T1);
        e.constant(f, RegionEmitter.PRODUCT);
        c.lload(T1)
                .lload(T2)
                .invokestatic(RegionEmitter.PRODUCT, "value", PRODUCT_VALUE)
                .lstore(T4);
        e.put(op.d, f.size(), T4);
        c.lload(T1).lstore(RegionEmitter.RA).lload(T2).lstore(RegionEmitter.RRES);
        e.flags = e.flags.multiplied(f);
    }

    private static final MethodTypeDesc PRODUCT_VALUE = MethodTypeDesc.of(
            ConstantDescs.CD_long, RegionEmitter.PRODUCT, ConstantDescs.CD_long, ConstantDescs.CD_long);

    // Moves.

    private static void movRegReg(RegionEmitter e, Op op) {
        Move f = meaning(op, Move.class);
        e.get(op.s, f.from());
        e.code().lstore(T1);
        extend(e, f);
        e.put(op.d, f.to(), T1);
    }

    /** Extends T1 as the move does. */
    private static void extend(RegionEmitter e, Move f) {
        if (f.signed())
            e.code()
                    .lload(T1)
                    .loadConstant(f.from())
                    .invokestatic(RegionEmitter.FLAGS, "signed", SIGNED)
                    .lstore(T1);
    }

    private static void load(RegionEmitter e, Op op) {
        Move f = meaning(op, Move.class);
        e.guarded(op, () -> {
            e.linear(op.ea(), f.from(), false, T3);
            e.ld(T3, f.from(), T1);
        });
        extend(e, f);
        e.put(op.d, f.to(), T1);
    }

    private static void store(RegionEmitter e, Op op) {
        Move f = meaning(op, Move.class);
        e.get(op.s, f.to());
        e.code().lstore(T1);
        storeT1(e, op, f.to());
    }

    private static void storeImm(RegionEmitter e, Op op) {
        e.code().loadConstant(op.imm).lstore(T1);
        storeT1(e, op, meaning(op, Move.class).to());
    }

    private static void storeT1(RegionEmitter e, Op op, int size) {
        e.guarded(op, () -> {
            e.linear(op.ea(), size, true, T3);
            e.st(T3, size, T1);
        });
    }

    private static void movImm(RegionEmitter e, Op op) {
        e.code().loadConstant(op.imm).lstore(T1);
        e.put(op.d, meaning(op, Move.class).to(), T1);
    }

    private static void lea(RegionEmitter e, Op op) {
        e.offset(op.ea());
        e.code().lstore(T1);
        e.put(op.d, meaning(op, Move.class).to(), T1);
    }

    // Conditions.

    private static void jcc(RegionEmitter e, Op op) {
        int cc = meaning(op, Integer.class);
        Label no = e.code().newLabel();
        e.condition(cc);
        if ((cc & 1) == 0) e.code().ifeq(no);
        else e.code().ifne(no);
        e.edge(op.imm);
        e.code().labelBinding(no);
        e.edge(op.next);
    }

    private static void cmov(RegionEmitter e, Op op) {
        int cc = meaning(op, Integer.class), size = op.size;
        if (op.ea == null) {
            e.get(op.s, size);
            e.code().lstore(T1);
        } else
            e.guarded(op, () -> {
                e.linear(op.ea(), size, false, T3);
                e.ld(T3, size, T1);
            });
        Label no = e.code().newLabel(), end = e.code().newLabel();
        e.condition(cc);
        if ((cc & 1) == 0) e.code().ifeq(no);
        else e.code().ifne(no);
        e.put(op.d, size, T1);
        e.code().goto_(end).labelBinding(no);
        if (size == 4) {
            e.get(op.d, 8);
            e.code().lstore(T1);
            e.put(op.d, 4, T1);
        }
        e.code().labelBinding(end);
    }

    private static void setCc(RegionEmitter e, Op op) {
        int cc = meaning(op, Integer.class);
        e.condition(cc);
        if ((cc & 1) != 0) e.code().iconst_1().ixor();
        e.code().i2l().lstore(T1);
        if (op.ea == null) e.put(op.d, 1, T1);
        else storeT1(e, op, 1);
    }

    // The stack and branches.

    private static void below(RegionEmitter e, int by, int to) {
        e.get(X86State.RSP, 8);
        e.code().loadConstant((long) by).ladd().lstore(to);
    }

    private static void push(RegionEmitter e, Op op) {
        e.get(op.d, 8);
        e.code().lstore(T1);
        pushT1(e, op);
    }

    private static void pushT1(RegionEmitter e, Op op) {
        below(e, -8, T3);
        e.guarded(op, () -> e.st(T3, 8, T1));
        e.put(X86State.RSP, 8, T3);
    }

    private static void pop(RegionEmitter e, Op op) {
        below(e, 0, T3);
        e.guarded(op, () -> e.ld(T3, 8, T1));
        below(e, 8, T3);
        e.put(X86State.RSP, 8, T3);
        e.put(op.d, 8, T1);
    }

    private static void leave(RegionEmitter e, Op op) {
        CodeBuilder c = e.code();
        e.get(X86State.RBP, 8);
        c.lstore(T3);
        e.guarded(op, () -> e.ld(T3, 8, T1));
        c.lload(T3).loadConstant(8L).ladd().lstore(T3);
        e.put(X86State.RSP, 8, T3);
        e.put(X86State.RBP, 8, T1);
    }

    private static void call(RegionEmitter e, Op op) {
        e.code().loadConstant(op.next).lstore(T1);
        pushT1(e, op);
        e.known();
        e.edge(op.imm);
    }

    private static void ret(RegionEmitter e, Op op) {
        CodeBuilder c = e.code();
        below(e, 0, T3);
        e.guarded(op, () -> {
            e.ld(T3, 8, T1);
            c.aload(RegionEmitter.CPU)
                    .lload(T1)
                    .loadConstant(8)
                    .invokevirtual(
                            RegionEmitter.M,
                            "target",
                            MethodTypeDesc.of(ConstantDescs.CD_long, ConstantDescs.CD_long, ConstantDescs.CD_int))
                    .lstore(T1);
        });
        below(e, 8, T3);
        e.put(X86State.RSP, 8, T3);
        e.known();
        for (long to : e.returns()) {
            Label no = c.newLabel();
            c.lload(T1).loadConstant(to).lcmp().ifne(no);
            e.edge(to);
            c.labelBinding(no);
        }
        c.lload(T1).lstore(RegionEmitter.PC);
        e.leave();
    }
}
