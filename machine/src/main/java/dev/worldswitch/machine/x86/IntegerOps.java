package dev.worldswitch.machine.x86;

import java.lang.invoke.MethodHandles;

/** Templates of the operations that integer code mostly consists of; see {@link Template}. */
final class IntegerOps {
    private IntegerOps() {}

    /** Result and flags of an {@link Arith} on values; the result. */
    static long result(Interpreter m, Arith f, long a, long b) {
        long r = Arith.value(f, a, b, m.fc);
        m.fr = Flags.signed(r, f.size());
        m.fc = Arith.carry(f, a, b, r, m.fc);
        return r;
    }

    /** op reg, reg */
    static final class RegReg extends Op {
        static final Arith F = Template.meaning(MethodHandles.lookup(), Arith.class);

        @Override
        public void exec(Interpreter m) {
            long r = result(m, F, m.reg(d, F.size()), m.reg(s, F.size()));
            if (F.writes()) m.setReg(d, F.size(), r);
        }
    }

    /** op reg, imm */
    static final class RegImm extends Op {
        static final Arith F = Template.meaning(MethodHandles.lookup(), Arith.class);

        @Override
        public void exec(Interpreter m) {
            long r = result(m, F, m.reg(d, F.size()), imm);
            if (F.writes()) m.setReg(d, F.size(), r);
        }
    }

    /** op reg, mem */
    static final class RegMem extends Op {
        static final Arith F = Template.meaning(MethodHandles.lookup(), Arith.class);

        @Override
        public void exec(Interpreter m) {
            long b = m.ld(m.linear(ea(), F.size(), false), F.size());
            long r = result(m, F, m.reg(d, F.size()), b);
            if (F.writes()) m.setReg(d, F.size(), r);
        }
    }

    /** op mem, reg */
    static final class MemReg extends Op {
        static final Arith F = Template.meaning(MethodHandles.lookup(), Arith.class);

        @Override
        public void exec(Interpreter m) {
            toMemory(m, F, m.linear(ea(), F.size(), F.writes()), m.reg(s, F.size()), false);
        }
    }

    /** op mem, imm */
    static final class MemImm extends Op {
        static final Arith F = Template.meaning(MethodHandles.lookup(), Arith.class);

        @Override
        public void exec(Interpreter m) {
            toMemory(m, F, m.linear(ea(), F.size(), F.writes()), imm, false);
        }
    }

    /** lock op mem, reg or imm */
    static final class Locked extends Op {
        static final Arith F = Template.meaning(MethodHandles.lookup(), Arith.class);

        @Override
        public void exec(Interpreter m) {
            long b = s >= 0 ? m.reg(s, F.size()) : imm;
            toMemory(m, F, m.linear(ea(), F.size(), true), b, true);
        }
    }

    /** The store comes before the flags: it may fault. */
    static void toMemory(Interpreter m, Arith f, long la, long b, boolean lock) {
        long a = m.ld(la, f.size());
        long r = Arith.value(f, a, b, m.fc);
        if (lock) {
            while (!m.cas(la, f.size(), a, Flags.unsigned(r, f.size()))) {
                a = m.ld(la, f.size());
                r = Arith.value(f, a, b, m.fc);
            }
        } else if (f.writes()) m.st(la, f.size(), r);
        result(m, f, a, b);
    }

    /** Jcc with both operands' flags as values; the condition is the meaning. */
    static final class Jcc extends Op {
        static final int CC = Template.meaning(MethodHandles.lookup(), Integer.class);

        @Override
        public void exec(Interpreter m) {
            if (Flags.condition(CC, m.fr, m.fc)) m.rip = m.code == 64 ? imm : m.target(imm, size);
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    /** CMOVcc reg, reg or mem: the load happens whatever the condition is. */
    static final class Cmov extends Op {
        static final int CC = Template.meaning(MethodHandles.lookup(), Integer.class);

        @Override
        public void exec(Interpreter m) {
            long v = ea == null ? m.reg(s, size) : m.ld(m.linear(ea, size, false), size);
            if (Flags.condition(CC, m.fr, m.fc)) m.setReg(d, size, v);
            else if (size == 4) m.setReg(d, 4, m.g[d]);
        }
    }

    static final class SetCc extends Op {
        static final int CC = Template.meaning(MethodHandles.lookup(), Integer.class);

        @Override
        public void exec(Interpreter m) {
            long v = Flags.condition(CC, m.fr, m.fc) ? 1 : 0;
            if (ea == null) m.setReg(d, 1, v);
            else m.st8(m.linear(ea, 1, true), v);
        }
    }

    /** Sizes of a move: to {@code to} bytes from {@code from} bytes, sign-extended or not. */
    record Move(int to, int from, boolean signed) {
        long extend(long v) {
            return signed ? Flags.signed(v, from) : v;
        }
    }

    static final class MovRegReg extends Op {
        static final Move F = Template.meaning(MethodHandles.lookup(), Move.class);

        @Override
        public void exec(Interpreter m) {
            m.setReg(d, F.to(), F.extend(m.reg(s, F.from())));
        }
    }

    static final class Load extends Op {
        static final Move F = Template.meaning(MethodHandles.lookup(), Move.class);

        @Override
        public void exec(Interpreter m) {
            m.setReg(d, F.to(), F.extend(m.ld(m.linear(ea(), F.from(), false), F.from())));
        }
    }

    static final class Store extends Op {
        static final Move F = Template.meaning(MethodHandles.lookup(), Move.class);

        @Override
        public void exec(Interpreter m) {
            m.st(m.linear(ea(), F.to(), true), F.to(), m.reg(s, F.to()));
        }
    }

    static final class StoreImm extends Op {
        static final Move F = Template.meaning(MethodHandles.lookup(), Move.class);

        @Override
        public void exec(Interpreter m) {
            m.st(m.linear(ea(), F.to(), true), F.to(), imm);
        }
    }

    static final class MovImm extends Op {
        static final Move F = Template.meaning(MethodHandles.lookup(), Move.class);

        @Override
        public void exec(Interpreter m) {
            m.setReg(d, F.to(), imm);
        }
    }

    static final class Lea extends Op {
        static final Move F = Template.meaning(MethodHandles.lookup(), Move.class);

        @Override
        public void exec(Interpreter m) {
            m.setReg(d, F.to(), ea().offset(m.g));
        }
    }

    /** A shift or rotate at one size. */
    record Shift(Fn value, Fn carry, boolean rotate, int kind, int size) {
        interface Fn {
            long f(long a, int n, int w);
        }

        /** The count as the operand size masks it. */
        static int count(Shift f, long n) {
            return (int) n & (f.size == 8 ? 63 : 31);
        }

        static long value(Shift f, long a, int n) {
            return n == 0 ? a : f.value.f(a, n, 8 * f.size);
        }

        /** {@code fr} after a shift by {@code n} to {@code r}; a rotate leaves it. */
        static long result(Shift f, int n, long r, long fr) {
            return n == 0 || f.rotate ? fr : Flags.signed(r, f.size);
        }

        /** {@code fc} after the shift of {@code a} by {@code n} to {@code r}. */
        static long carry(Shift f, long a, int n, long r, long fc) {
            if (n == 0) return fc;
            int w = 8 * f.size;
            long cf = f.carry.f(a, n, w), of = overflow(f.kind, r, cf, w);
            return f.rotate ? Flags.withCfOf(fc, cf, of) : Flags.fc(cf, of, 0);
        }

        private static long overflow(int kind, long r, long cf, int w) {
            long top = r >>> w - 1 & 1;
            return switch (kind) {
                case 0, 4 -> top ^ cf; // ROL, SHL
                case 1 -> top ^ r >>> w - 2 & 1; // ROR
                case 5 -> r >>> w - 2 & 1; // SHR: the top bit before the last step; processors do so for any count
                default -> 0; // SAR
            };
        }
    }

    /** Shift of a register or memory by imm, or by CL when {@code s} is 1. */
    static final class ShiftOp extends Op {
        static final Shift F = Template.meaning(MethodHandles.lookup(), Shift.class);

        @Override
        public void exec(Interpreter m) {
            int n = Shift.count(F, s == 1 ? m.g[1] : imm);
            long la = ea == null ? 0 : m.linear(ea, F.size(), true);
            long a = ea == null ? m.reg(d, F.size()) : m.ld(la, F.size());
            long r = Shift.value(F, a, n);
            if (ea == null) m.setReg(d, F.size(), r);
            else if (n != 0) m.st(la, F.size(), r);
            m.fr = Shift.result(F, n, r, m.fr);
            m.fc = Shift.carry(F, a, n, r, m.fc);
        }
    }

    /** A one-operand instruction that leaves the flags alone, at one size. */
    record Unary(java.util.function.LongUnaryOperator value, int size) {
        static long value(Unary f, long a) {
            return f.value.applyAsLong(a);
        }
    }

    /** op reg */
    static final class UnaryReg extends Op {
        static final Unary F = Template.meaning(MethodHandles.lookup(), Unary.class);

        @Override
        public void exec(Interpreter m) {
            m.setReg(d, F.size(), Unary.value(F, m.reg(s, F.size())));
        }
    }

    /** A product of two signed operands, at one size; ZF, SF, AF and PF are undefined and left as they were. */
    record Product(int size) {
        static long value(Product f, long a, long b) {
            return Alu.imul(a, b, f.size);
        }

        static long carry(Product f, long a, long b, long fc) {
            long o = Alu.imulOverflow(a, b, f.size);
            return Flags.withCfOf(fc, o, o);
        }
    }

    /** IMUL reg, reg or mem: {@code d *= s}, or with {@code size} 1 {@code d = s * imm}. */
    static final class Imul extends Op {
        static final Product F = Template.meaning(MethodHandles.lookup(), Product.class);

        @Override
        public void exec(Interpreter m) {
            long b = ea == null ? m.reg(s, F.size()) : m.ld(m.linear(ea, F.size(), false), F.size());
            long a = size == 1 ? imm : m.reg(d, F.size());
            m.setReg(d, F.size(), Product.value(F, a, b));
            m.fc = Product.carry(F, a, b, m.fc);
        }
    }

    /** PUSH of an immediate in 64-bit mode. */
    static final class PushImm64 extends Op {
        @Override
        public void exec(Interpreter m) {
            long sp = m.g[4] - 8;
            m.st64(sp, imm);
            m.g[4] = sp;
        }
    }

    /** LEAVE in 64-bit mode. */
    static final class Leave64 extends Op {
        @Override
        public void exec(Interpreter m) {
            long bp = m.g[5], v = m.ld64(bp);
            m.g[4] = bp + 8;
            m.g[5] = v;
        }
    }

    static final class Nop extends Op {
        @Override
        public void exec(Interpreter m) {}
    }

    /** PUSH of a register in 64-bit mode. */
    static final class Push64 extends Op {
        @Override
        public void exec(Interpreter m) {
            long sp = m.g[4] - 8;
            m.st64(sp, m.g[d]);
            m.g[4] = sp;
        }
    }

    /** POP to a register in 64-bit mode; the register wins when it is RSP. */
    static final class Pop64 extends Op {
        @Override
        public void exec(Interpreter m) {
            long sp = m.g[4], v = m.ld64(sp);
            m.g[4] = sp + 8;
            m.g[d] = v;
        }
    }

    static final class Jump64 extends Op {
        @Override
        public void exec(Interpreter m) {
            m.rip = imm;
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    static final class Call64 extends Op {
        @Override
        public void exec(Interpreter m) {
            long sp = m.g[4] - 8;
            m.st64(sp, next);
            m.g[4] = sp;
            m.rip = imm;
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    static final class Ret64 extends Op {
        @Override
        public void exec(Interpreter m) {
            long sp = m.g[4];
            m.rip = m.target(m.ld64(sp), 8);
            m.g[4] = sp + 8;
        }

        @Override
        public boolean ends() {
            return true;
        }
    }
}
