package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.OpTemplate;
import java.lang.invoke.MethodHandles;

/** Operation classes of the data processing instructions. Those with a {@code MEANING} are copied once per meaning. */
final class IntegerOps {
    private static final MethodHandles.Lookup HERE = MethodHandles.lookup();

    private IntegerOps() {}

    interface Fn1 {
        long of(long a);
    }

    interface Fn2 {
        long of(long a, long b);
    }

    static A64Op template(Class<? extends A64Op> template, Object meaning) {
        A64Op op = (A64Op) OpTemplate.make(HERE, template, meaning);
        op.template = template;
        op.meaning = meaning;
        return op;
    }

    static A64Op set(A64Op op, int d, int n, int m) {
        op.d = d;
        op.n = n;
        op.m = m;
        return op;
    }

    static A64Op set(A64Op op, int d, int n, int m, long imm) {
        op.imm = imm;
        return set(op, d, n, m);
    }

    /** d = MEANING(n, m). */
    static final class Reg2 extends A64Op {
        private static final Fn2 MEANING = OpTemplate.meaning(MethodHandles.lookup(), Fn2.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long[] x = c.x;
            x[d] = MEANING.of(x[n], x[m]);
        }
    }

    /** d = MEANING(n, imm). */
    static final class RegImm extends A64Op {
        private static final Fn2 MEANING = OpTemplate.meaning(MethodHandles.lookup(), Fn2.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long[] x = c.x;
            x[d] = MEANING.of(x[n], imm);
        }
    }

    /** d = MEANING(n). */
    static final class Reg1 extends A64Op {
        private static final Fn1 MEANING = OpTemplate.meaning(MethodHandles.lookup(), Fn1.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long[] x = c.x;
            x[d] = MEANING.of(x[n]);
        }
    }

    /** d = MEANING(n, m shifted): {@code a} is the kind of shift, {@code imm} the amount. */
    static final class Shifted64 extends A64Op {
        private static final Fn2 MEANING = OpTemplate.meaning(MethodHandles.lookup(), Fn2.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long[] x = c.x;
            x[d] = MEANING.of(x[n], A64.shift64(x[m], a, (int) imm));
        }
    }

    static final class Shifted32 extends A64Op {
        private static final Fn2 MEANING = OpTemplate.meaning(MethodHandles.lookup(), Fn2.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long[] x = c.x;
            x[d] = MEANING.of(x[n], A64.shift32(x[m], a, (int) imm)) & A64.W;
        }
    }

    /** d = MEANING(n, m extended by option {@code a}, shifted left). */
    static final class Extended extends A64Op {
        private static final Fn2 MEANING = OpTemplate.meaning(MethodHandles.lookup(), Fn2.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long[] x = c.x;
            x[d] = MEANING.of(x[n], A64.extend(x[m], a) << imm);
        }
    }

    static final class MoveImm extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = imm;
        }
    }

    /** MOVK: {@code imm} goes where {@code mask} is clear. */
    static final class MoveKeep extends A64Op {
        long mask;

        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = A64.keep(c.x[d], mask, imm);
        }
    }

    // Additions and subtractions with flags; the 32-bit ones work on the upper half of 64-bit values.

    static final class Adds64 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            adds64(c, d, c.x[n], c.x[m] + imm);
        }
    }

    static final class Subs64 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            subs64(c, d, c.x[n], c.x[m] + imm);
        }
    }

    static final class Adds32 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            adds32(c, d, c.x[n], c.x[m] + imm);
        }
    }

    static final class Subs32 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            subs32(c, d, c.x[n], c.x[m] + imm);
        }
    }

    /** Shifted (a below 4) or extended (a from 8) second operand. */
    static final class AddSubsOther extends A64Op {
        boolean sub, is64;

        @Override
        public void exec(Arm64Interpreter c) {
            long b = c.x[m];
            if (a >= 8) b = A64.extend(b, a - 8) << imm;
            else b = is64 ? A64.shift64(b, a, (int) imm) : A64.shift32(b, a, (int) imm);
            addSub(c, sub, is64, d, c.x[n], b);
        }
    }

    static void addSub(Arm64Interpreter c, boolean sub, boolean is64, int d, long a, long b) {
        if (is64) {
            if (sub) subs64(c, d, a, b);
            else adds64(c, d, a, b);
        } else if (sub) subs32(c, d, a, b);
        else adds32(c, d, a, b);
    }

    static void adds64(Arm64Interpreter c, int d, long a, long b) {
        long r = a + b;
        c.fn = c.fz = r;
        c.fc = A64.addC64(a, r);
        c.fv = A64.addV64(a, b, r);
        c.x[d] = r;
    }

    static void subs64(Arm64Interpreter c, int d, long a, long b) {
        long r = a - b;
        c.fn = c.fz = r;
        c.fc = A64.subC64(a, b);
        c.fv = A64.subV64(a, b, r);
        c.x[d] = r;
    }

    static void adds32(Arm64Interpreter c, int d, long a32, long b32) {
        long a = a32 << 32, b = b32 << 32, r = a + b;
        c.fn = c.fz = r;
        c.fc = A64.addC64(a, r);
        c.fv = A64.addV64(a, b, r);
        c.x[d] = r >>> 32;
    }

    static void subs32(Arm64Interpreter c, int d, long a32, long b32) {
        long a = a32 << 32, b = b32 << 32, r = a - b;
        c.fn = c.fz = r;
        c.fc = A64.subC64(a, b);
        c.fv = A64.subV64(a, b, r);
        c.x[d] = r >>> 32;
    }

    /** ADC, ADCS, SBC, SBCS; {@code a} bit 0: subtract, bit 1: flags; {@code imm} 1 for X. */
    static final class Carry extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            int up = imm != 0 ? 0 : 32;
            long p = c.x[n] << up, q = ((a & 1) != 0 ? ~c.x[m] : c.x[m]) << up;
            long r = p + q + ((long) c.fc << up);
            if ((a & 2) != 0) {
                // Overflow and carry from the operands: the carry in is already in the result.
                c.fv = (p ^ r) & (q ^ r);
                c.fc = ((p & q | (p | q) & ~r) >>> 63) != 0 ? 1 : 0;
                c.fn = c.fz = r;
            }
            c.x[d] = r >>> up;
        }
    }

    /** ANDS, BICS of registers: {@code a} is the shift, bit 2: inverted, {@code imm} the amount. */
    static final class LogicFlags64 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            ands(c, d, A64.ands64(c.x[n], c.x[m], a, (int) imm), true);
        }
    }

    static final class LogicFlags32 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            ands(c, d, A64.ands32(c.x[n], c.x[m], a, (int) imm), false);
        }
    }

    private static void ands(Arm64Interpreter c, int d, long r, boolean is64) {
        c.fn = c.fz = is64 ? r : r << 32;
        c.fc = 0;
        c.fv = 0;
        c.x[d] = r;
    }

    static final class AndsImm64 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            ands(c, d, c.x[n] & imm, true);
        }
    }

    static final class AndsImm32 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            ands(c, d, c.x[n] & imm, false);
        }
    }

    /** UBFM: right by {@code a}, masked by {@code imm}, left by {@code m}. */
    static final class Ubfm extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = A64.ubfm(c.x[n], a, imm, m);
        }
    }

    /** BFM: as {@link Ubfm}, into the old value. */
    static final class Bfm extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long r = A64.bfm(c.x[d], c.x[n], a, imm, m);
            c.x[d] = word < 0 ? r : r & A64.W;
        }
    }

    /** SBFM: left by {@code a}, arithmetic right by {@code m}, left by {@code imm}. */
    static final class Sbfm64 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = A64.sbfm64(c.x[n], a, m, (int) imm);
        }
    }

    static final class Sbfm32 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = A64.sbfm32(c.x[n], a, m, (int) imm);
        }
    }

    static final class Extr64 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = A64.extr64(c.x[n], c.x[m], (int) imm);
        }
    }

    static final class Extr32 extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = A64.extr32(c.x[n], c.x[m], (int) imm);
        }
    }

    /** d = a + n * m and its relatives. */
    interface Fn3 {
        long of(long n, long m, long a);
    }

    static final class Reg3 extends A64Op {
        private static final Fn3 MEANING = OpTemplate.meaning(MethodHandles.lookup(), Fn3.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long[] x = c.x;
            x[d] = MEANING.of(x[n], x[m], x[a]);
        }
    }

    /** CSEL, CSINC, CSINV, CSNEG: {@code imm} as {@link A64#otherwise}. */
    static final class Csel extends A64Op {
        private static final A64.Cond MEANING = OpTemplate.meaning(MethodHandles.lookup(), A64.Cond.class);

        @Override
        public void exec(Arm64Interpreter c) {
            boolean on = MEANING.of(c.fn, c.fz, c.fc, c.fv);
            long r = A64.select(on, c.x[n], A64.otherwise(c.x[m], (int) imm));
            c.x[d] = word < 0 ? r : r & A64.W;
        }
    }

    /** CCMN, CCMP: {@code d} the flags otherwise, bit 30 of the word: subtract. */
    static final class Ccmp extends A64Op {
        private static final A64.Cond MEANING = OpTemplate.meaning(MethodHandles.lookup(), A64.Cond.class);

        @Override
        public void exec(Arm64Interpreter c) {
            if (MEANING.of(c.fn, c.fz, c.fc, c.fv))
                addSub(c, (word & 1 << 30) != 0, word < 0, Arm64Cpu.TRASH, c.x[n], c.x[m] + imm);
            else c.setNzcv(d);
        }
    }

    static final class Rmif extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            int v = (int) Long.rotateRight(c.x[n], (int) imm) & 15;
            c.setNzcv(c.nzcv() & ~a | v & a);
        }
    }

    /** SETF8, SETF16: {@code imm} bits. */
    static final class Setf extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long v = c.x[n];
            int up = 64 - (int) imm;
            c.fn = c.fz = v << up;
            c.fv = (v >> imm ^ v >> imm - 1) << 63;
        }
    }

    /** CRC32 family: {@code imm} bits, {@code a} 1 for the Castagnoli polynomial. */
    static final class Crc extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = A64.crc32(c.x[n], c.x[m], (int) imm, a != 0);
        }
    }
}
