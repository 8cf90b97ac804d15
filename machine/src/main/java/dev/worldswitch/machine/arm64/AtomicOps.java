package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.OpTemplate;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;

/** Operation classes of exclusive, ordered and atomic accesses. */
final class AtomicOps {
    /** Taken for 16-byte updates, which the host's Java can't do in one step: atomic among themselves only. */
    private static final AtomicInteger WIDE = new AtomicInteger();

    private AtomicOps() {}

    /** Another access, ordered: a load acquires, a store releases (RCsc: nothing later passes it either). */
    static final class Fenced extends A64Op {
        private final LoadStoreOps.Access access;
        private final boolean store;

        Fenced(LoadStoreOps.Access access, boolean store) {
            this.access = access;
            this.store = store;
        }

        @Override
        public void exec(Arm64Interpreter c) {
            // A store-release is not passed by earlier accesses, nor by a later load-acquire.
            long va = c.base(access.n) + access.imm;
            int size = 1 << (access.iss >>> 22 & 3);
            if ((va & size - 1) != 0 && !(c.has(Feature.LSE2) && (va & 15) + size <= 16))
                throw c.abort(va, store ? Mmu.WRITE : Mmu.READ, Mmu.ALIGNMENT);
            if (store) VarHandle.releaseFence();
            access.exec(c);
            if (store) VarHandle.fullFence();
            else VarHandle.acquireFence();
        }

        @Override
        public int syndrome() {
            return access.iss;
        }
    }

    /** LDAR, STLR and the like: as the plain access, with the alignment check. {@code imm} is the size. */
    static final class Ordered extends LoadStoreOps.Access {
        boolean store;

        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n);
            int size = (int) imm;
            if ((va & size - 1) != 0 && !(c.has(Feature.LSE2) && (va & 15) + size <= 16))
                throw c.abort(va, store ? Mmu.WRITE : Mmu.READ, Mmu.ALIGNMENT);
            if (store) {
                VarHandle.releaseFence();
                c.st(va, size, c.x[d]);
                // A store-release is not passed by a later load-acquire.
                VarHandle.fullFence();
            } else {
                long v = c.ld(va, size);
                VarHandle.acquireFence();
                c.x[d] = v;
            }
        }
    }

    /** LDXR, LDAXR: {@code imm} bytes. */
    static final class LoadExclusive extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n);
            int size = (int) imm;
            if ((va & size - 1) != 0) throw c.abort(va, Mmu.READ, Mmu.ALIGNMENT);
            long v = c.ld(va, size);
            VarHandle.acquireFence();
            c.monitor.set(va, size, v, 0);
            c.x[d] = v;
        }
    }

    /** STXR, STLXR: status in {@code m}. */
    static final class StoreExclusive extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n);
            int size = (int) imm;
            long host = c.atomic(va, size);
            boolean done =
                    c.monitor.address == va && c.monitor.size == size && c.cas(host, size, c.monitor.low, c.x[d]);
            c.monitor.clear();
            c.x[m] = done ? 0 : 1;
        }
    }

    /** LDXP, LDAXP of two W ({@code imm} 4) or X registers; the second is {@code a}. */
    static final class LoadExclusivePair extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n);
            int size = (int) imm;
            if ((va & 2 * size - 1) != 0) throw c.abort(va, Mmu.READ, Mmu.ALIGNMENT);
            long p, q;
            if (size == 4) {
                long v = c.ld64(va);
                p = c.bigEndian ? v >>> 32 : v & A64.W;
                q = c.bigEndian ? v & A64.W : v >>> 32;
                c.monitor.set(va, 8, v, 0);
            } else {
                lockWide();
                try {
                    p = c.ld64(va);
                    q = c.ld64(va + 8);
                } finally {
                    WIDE.setRelease(0);
                }
                c.monitor.set(va, 16, p, q);
            }
            VarHandle.acquireFence();
            c.x[d] = p;
            c.x[a] = q;
        }
    }

    static final class StoreExclusivePair extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n);
            int size = (int) imm;
            long host = c.atomic(va, 2 * size);
            boolean done = c.monitor.address == va && c.monitor.size == 2 * size;
            if (done && size == 4) {
                long p = c.x[d] & A64.W, q = c.x[a] & A64.W;
                done = c.cas(host, 8, c.monitor.low, c.bigEndian ? p << 32 | q : q << 32 | p);
            } else if (done) done = wide(c, host, c.monitor.low, c.monitor.high, c.x[d], c.x[a]);
            c.monitor.clear();
            c.x[m] = done ? 0 : 1;
        }
    }

    private static void lockWide() {
        while (!WIDE.compareAndSet(0, 1)) Thread.onSpinWait();
    }

    private static boolean wide(Arm64Interpreter c, long host, long low, long high, long p, long q) {
        lockWide();
        try {
            if (c.atomicLoad(host, 8) != low || c.atomicLoad(host + 8, 8) != high) return false;
            return c.cas(host, 8, low, p) && c.cas(host + 8, 8, high, q);
        } finally {
            WIDE.setRelease(0);
        }
    }

    /** CAS: compare with {@code m}, store {@code d}, old value to {@code a}. */
    static final class Cas extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n);
            int size = (int) imm;
            long host = c.update(va, size);
            long wanted = Vec.cut(c.x[m], 8 * size), v = c.x[d];
            long old;
            do {
                old = c.atomicLoad(host, size);
                if (old != wanted) break;
            } while (!c.cas(host, size, old, v));
            c.x[a] = old;
        }
    }

    /** CASP: {@code m}, m+1 compared; {@code d}, d+1 stored; {@code imm} bytes each. */
    static final class CasPair extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n);
            int size = (int) imm;
            long host = c.update(va, 2 * size);
            int m2 = m + 1, d2 = d + 1;
            long w0 = Vec.cut(c.x[m], 8 * size), w1 = Vec.cut(second(c, m2), 8 * size);
            long v0 = c.x[d], v1 = second(c, d2);
            long o0, o1;
            if (size == 4) {
                long wanted = pack(c, w0, w1), v = pack(c, v0, v1), old;
                do {
                    old = c.atomicLoad(host, 8);
                    if (old != wanted) break;
                } while (!c.cas(host, 8, old, v));
                o0 = c.bigEndian ? old >>> 32 : old & A64.W;
                o1 = c.bigEndian ? old & A64.W : old >>> 32;
            } else {
                do {
                    o0 = c.atomicLoad(host, 8);
                    o1 = c.atomicLoad(host + 8, 8);
                    if (o0 != w0 || o1 != w1) break;
                } while (!wide(c, host, w0, w1, v0, v1));
            }
            c.x[m] = o0;
            if (m2 != 31) c.x[m2] = o1;
        }

        private static long second(Arm64Interpreter c, int r) {
            return r == 31 ? 0 : c.x[r];
        }

        private static long pack(Arm64Interpreter c, long p, long q) {
            return c.bigEndian ? p << 32 | q & A64.W : q << 32 | p & A64.W;
        }
    }

    interface Update {
        long of(long old, long v, int bits);
    }

    /** LD&lt;op&gt;, SWP: operand {@code m}, old value to {@code d}. */
    static final class Atomic extends A64Op {
        private static final Update MEANING = OpTemplate.meaning(MethodHandles.lookup(), Update.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long va = c.base(n);
            int size = (int) imm;
            long host = c.update(va, size);
            long v = c.x[m], old;
            do old = c.atomicLoad(host, size);
            while (!c.cas(host, size, old, MEANING.of(old, v, 8 * size)));
            c.x[d] = old;
        }
    }
}
