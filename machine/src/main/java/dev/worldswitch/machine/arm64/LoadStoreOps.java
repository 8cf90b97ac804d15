package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.OpTemplate;
import dev.worldswitch.machine.arm64.IntegerOps.Fn1;
import java.lang.invoke.MethodHandles;

/** Operation classes of loads and stores of general and vector registers. */
final class LoadStoreOps {
    private LoadStoreOps() {}

    /** A load of {@code size} bytes, and what it does to make a register's value of them. */
    record Load(int size, Fn1 extend) {
        static long of(Load f, Arm64Interpreter c, long va) {
            return f.extend.of(c.ld(va, f.size));
        }
    }

    record Store(int size) {
        static void of(Store f, Arm64Interpreter c, long va, long v) {
            c.st(va, f.size, v);
        }
    }

    abstract static class Access extends A64Op {
        int iss;

        @Override
        public int syndrome() {
            return iss;
        }
    }

    /** Register {@code d} from [n + imm]. */
    static final class LoadImm extends Access {
        private static final Load MEANING = OpTemplate.meaning(MethodHandles.lookup(), Load.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n) + imm;
            c.x[d] = Load.of(MEANING, c, va);
        }
    }

    static final class StoreImm extends Access {
        private static final Store MEANING = OpTemplate.meaning(MethodHandles.lookup(), Store.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n) + imm;
            Store.of(MEANING, c, va, c.x[d]);
        }
    }

    /** [n + (m extended by option a &amp; 7) &lt;&lt; imm]. */
    static final class LoadReg extends Access {
        private static final Load MEANING = OpTemplate.meaning(MethodHandles.lookup(), Load.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n) + (A64.extend(c.x[m], a) << imm);
            c.x[d] = Load.of(MEANING, c, va);
        }
    }

    static final class StoreReg extends Access {
        private static final Store MEANING = OpTemplate.meaning(MethodHandles.lookup(), Store.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n) + (A64.extend(c.x[m], a) << imm);
            Store.of(MEANING, c, va, c.x[d]);
        }
    }

    /** Pre-index: {@code m} 1; post-index: {@code m} 0. */
    static final class LoadWb extends Access {
        private static final Load MEANING = OpTemplate.meaning(MethodHandles.lookup(), Load.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long base = c.base(n), after = base + imm;
            long v = Load.of(MEANING, c, m != 0 ? after : base);
            c.x[d] = v;
            c.x[n] = after;
        }
    }

    static final class StoreWb extends Access {
        private static final Store MEANING = OpTemplate.meaning(MethodHandles.lookup(), Store.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long base = c.base(n), after = base + imm;
            Store.of(MEANING, c, m != 0 ? after : base, c.x[d]);
            c.x[n] = after;
        }
    }

    /** LDTR, STTR and the like. */
    static final class LoadUser extends Access {
        private static final Load MEANING = OpTemplate.meaning(MethodHandles.lookup(), Load.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n) + imm;
            long saved = c.unprivileged();
            try {
                c.x[d] = Load.of(MEANING, c, va);
            } finally {
                c.access = saved;
            }
        }
    }

    static final class StoreUser extends Access {
        private static final Store MEANING = OpTemplate.meaning(MethodHandles.lookup(), Store.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n) + imm;
            long saved = c.unprivileged();
            try {
                Store.of(MEANING, c, va, c.x[d]);
            } finally {
                c.access = saved;
            }
        }
    }

    /** Offset (mode 2), pre-index (3), post-index (1) pairs; {@code imm} is the offset, {@code a} the second register. */
    abstract static class Pair extends A64Op {
        int mode;

        final long address(Arm64Interpreter c) {
            long base = c.base(n);
            return mode == 1 ? base : base + imm;
        }

        final void writeBack(Arm64Interpreter c) {
            if ((mode & 1) != 0) c.x[n] += imm;
        }
    }

    static final class LoadPair64 extends Pair {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = address(c);
            long p = c.ld64(va), q = c.ld64(va + 8);
            writeBack(c);
            c.x[d] = p;
            c.x[a] = q;
        }
    }

    static final class StorePair64 extends Pair {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = address(c);
            c.checkCrossing(va, 16);
            long p = c.x[d], q = c.x[a];
            c.st64(va, p);
            c.st64(va + 8, q);
            writeBack(c);
        }
    }

    /** LDP of W registers; {@code m} 1: LDPSW. */
    static final class LoadPair32 extends Pair {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = address(c);
            long p = c.ld32(va), q = c.ld32(va + 4);
            writeBack(c);
            c.x[d] = m != 0 ? A64.extend(p, 6) : p;
            c.x[a] = m != 0 ? A64.extend(q, 6) : q;
        }
    }

    static final class StorePair32 extends Pair {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = address(c);
            c.checkCrossing(va, 8);
            c.st32(va, c.x[d]);
            c.st32(va + 4, c.x[a]);
            writeBack(c);
        }
    }

    /** LDRAA, LDRAB: {@code a} is the key, {@code m} 1 writes back. */
    static final class LoadAuth extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = Pauth.authenticate(c, c.base(n), 0, a, true) + imm;
            long v = c.ld64(va);
            if (m != 0) c.x[n] = va;
            c.x[d] = v;
        }
    }

    // Vector registers.

    /**
     * Loads and stores of one vector register of {@code size} bytes: mode 0 offset, 1 post-index, 3 pre-index, 2 register
     * offset (option {@code a}, shift {@code imm}).
     */
    abstract static class VecAccess extends A64Op {
        int size, mode;

        @Override
        public final int unit() {
            return FP;
        }

        final long address(Arm64Interpreter c) {
            long base = c.base(n);
            return switch (mode) {
                case 1 -> base;
                case 2 -> base + (A64.extend(c.x[m], a) << imm);
                default -> base + imm;
            };
        }

        final void writeBack(Arm64Interpreter c) {
            if ((mode & 1) != 0) c.x[n] += imm;
        }
    }

    static final class LoadVec extends VecAccess {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = address(c);
            if (size == 16) {
                c.checkAlignment(va, 16, Mmu.READ);
                long low = c.ld64(va), high = c.ld64(va + 8);
                Vec.set(c, d, c.bigEndian ? high : low, c.bigEndian ? low : high);
            } else Vec.set(c, d, c.ld(va, size), 0);
            writeBack(c);
        }
    }

    static final class StoreVec extends VecAccess {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = address(c);
            if (size == 16) {
                c.checkAlignment(va, 16, Mmu.WRITE);
                c.checkCrossing(va, 16);
                long low = Vec.low(c, d), high = Vec.high(c, d);
                c.st64(va, c.bigEndian ? high : low);
                c.st64(va + 8, c.bigEndian ? low : high);
            } else c.st(va, size, Vec.low(c, d));
            writeBack(c);
        }
    }

    /** Pairs of vector registers: as {@link VecAccess} with the second register in {@code a}. */
    abstract static class VecPair extends Pair {
        int size;

        @Override
        public final int unit() {
            return FP;
        }

        /** The low or high word of element {@code k} of the pair, in the order of memory. */
        static long word(Arm64Interpreter c, int reg, int k) {
            return (k == 0) == !c.bigEndian ? Vec.low(c, reg) : Vec.high(c, reg);
        }
    }

    static final class LoadVecPair extends VecPair {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = address(c);
            if (size == 16) {
                c.checkAlignment(va, 16, Mmu.READ);
                long p = c.ld64(va), q = c.ld64(va + 8), r = c.ld64(va + 16), s = c.ld64(va + 24);
                Vec.set(c, d, c.bigEndian ? q : p, c.bigEndian ? p : q);
                Vec.set(c, a, c.bigEndian ? s : r, c.bigEndian ? r : s);
            } else {
                long p = c.ld(va, size), q = c.ld(va + size, size);
                Vec.set(c, d, p, 0);
                Vec.set(c, a, q, 0);
            }
            writeBack(c);
        }
    }

    static final class StoreVecPair extends VecPair {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = address(c);
            c.checkCrossing(va, 2 * size);
            if (size == 16) {
                c.st64(va, word(c, d, 0));
                c.st64(va + 8, word(c, d, 1));
                c.st64(va + 16, word(c, a, 0));
                c.st64(va + 24, word(c, a, 1));
            } else {
                c.st(va, size, Vec.low(c, d));
                c.st(va + size, size, Vec.low(c, a));
            }
            writeBack(c);
        }
    }

    /** LD1-4, ST1-4 of whole structures: {@code a} registers per structure, {@code imm} how often, {@code m} -1 no write-back. */
    static final class Structures extends A64Op {
        boolean load, quad;
        int size;

        @Override
        public int unit() {
            return FP;
        }

        @Override
        public void exec(Arm64Interpreter c) {
            long base = c.base(n);
            int bytes = quad ? 16 : 8, elements = bytes / size, repeat = (int) imm, total = repeat * a * bytes;
            if (load) {
                long[] got = new long[8];
                long va = base;
                for (int r = 0; r < repeat; r++) {
                    for (int e = 0; e < elements; e++) {
                        for (int s = 0; s < a; s++) {
                            int at = 2 * (r + s) + e * size / 8;
                            got[at] |= c.ld(va, size) << 8 * (e * size % 8);
                            va += size;
                        }
                    }
                }
                int regs = repeat * a;
                for (int k = 0; k < regs; k++) Vec.set(c, d + k & 31, got[2 * k], got[2 * k + 1]);
            } else {
                c.checkAlignment(base, size, Mmu.WRITE);
                if ((base & 0xfff) + total > 4096) c.checkWrite(base, total);
                long va = base;
                for (int r = 0; r < repeat; r++) {
                    for (int e = 0; e < elements; e++) {
                        for (int s = 0; s < a; s++) {
                            c.st(va, size, Vec.get(c, d + r + s & 31, e, size));
                            va += size;
                        }
                    }
                }
            }
            if (m >= 0) c.x[n] = base + (m == 31 ? total : c.x[m]);
        }
    }

    /** LD1-4, ST1-4 of a single structure (lane {@code imm}) and LD1R-LD4R (lane -1); {@code a} registers. */
    static final class SingleStructure extends A64Op {
        boolean load, quad;
        int size;

        @Override
        public int unit() {
            return FP;
        }

        @Override
        public void exec(Arm64Interpreter c) {
            long base = c.base(n);
            int lane = (int) imm;
            if (load) {
                long[] got = new long[4];
                for (int s = 0; s < a; s++) got[s] = c.ld(base + (long) s * size, size);
                for (int s = 0; s < a; s++) {
                    int r = d + s & 31;
                    if (lane >= 0) Vec.insert(c, r, lane, size, got[s]);
                    else {
                        long v = Vec.replicate(got[s], size);
                        Vec.set(c, r, v, quad ? v : 0);
                    }
                }
            } else {
                c.checkAlignment(base, size, Mmu.WRITE);
                if ((base & 0xfff) + a * size > 4096) c.checkWrite(base, a * size);
                for (int s = 0; s < a; s++) c.st(base + (long) s * size, size, Vec.get(c, d + s & 31, lane, size));
            }
            if (m >= 0) c.x[n] = base + (m == 31 ? a * size : c.x[m]);
        }
    }
}
