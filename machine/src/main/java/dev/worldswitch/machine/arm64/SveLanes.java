package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.OpTemplate;
import dev.worldswitch.machine.translate.Tlb;
import dev.worldswitch.machine.translate.TlbMemory;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/**
 * SVE instructions that work on each element by itself, and contiguous loads and stores: registers word by word, each
 * template copied once per meaning and element size, which the JIT then knows. Eight bits of a predicate govern a word;
 * elements are told apart only in words of which some are active and some are not.
 */
final class SveLanes {
    private SveLanes() {}

    /** A function on elements of {@code bits}, on words of them. */
    record Two(LaneFn.Two f, int bits) {
        long every() {
            return SveOps.EVERY[bits / 8];
        }

        long word(Fpu fpu, long x, long y) {
            long r = 0;
            for (int s = 0; s < 64; s += bits) r |= element(fpu, x, Vec.cut(y >>> s, bits), s);
            return r;
        }

        /** With the same second operand for all. */
        long wordWith(Fpu fpu, long x, long b) {
            long r = 0;
            for (int s = 0; s < 64; s += bits) r |= element(fpu, x, b, s);
            return r;
        }

        /** What the element at bit {@code s} becomes, in its place. */
        long element(Fpu fpu, long x, long b, int s) {
            return Vec.cut(f.of(fpu, Vec.cut(x >>> s, bits), b, bits), bits) << s;
        }
    }

    record Three(LaneFn.Three f, int bits) {
        long every() {
            return SveOps.EVERY[bits / 8];
        }

        long word(Fpu fpu, long x, long y, long v) {
            long r = 0;
            for (int s = 0; s < 64; s += bits) r |= element(fpu, x, y, v, s);
            return r;
        }

        long element(Fpu fpu, long x, long y, long v, int s) {
            return Vec.cut(
                            f.of(fpu, Vec.cut(x >>> s, bits), Vec.cut(y >>> s, bits), Vec.cut(v >>> s, bits), bits),
                            bits)
                    << s;
        }
    }

    /** Elements of {@code size} bytes from {@code memory} bytes each. */
    record Access(int size, int memory, boolean signed) {
        long every() {
            return SveOps.EVERY[size];
        }
    }

    /** An operand that is only known when the instruction is executed. */
    interface Scalar {
        long of(Arm64Interpreter c);
    }

    /** Operands: registers {@code d}, {@code n}, {@code m}, {@code a}. */
    abstract static class Lanes extends A64Op {
        /** The governing predicate; -1 where there is none. */
        int p;

        /** Where a constant operand comes from that is not in the instruction. */
        @Nullable
        Scalar scalar;

        @Override
        public final int unit() {
            return SVE;
        }

        /** Predicate bits of word {@code i}. */
        final int active(Arm64Interpreter c, int i) {
            return (int) (c.p[p * c.pw + (i >>> 3)] >>> 8 * (i & 7));
        }

        /** Whether all elements are active; {@code every} as in {@link SveOps#EVERY}. */
        final boolean all(Arm64Interpreter c, long every) {
            if (p < 0) return true;
            for (int left = c.vl, i = p * c.pw; left > 0; left -= 64, i++) {
                long on = left < 64 ? every & (1L << left) - 1 : every;
                if ((c.p[i] & on) != on) return false;
            }
            return true;
        }

        /** The bits of the elements of {@code bits} that {@code act} names. */
        static long mask(int act, int bits) {
            long r = 0;
            for (int s = 0; s < 64; s += bits) if ((act >>> (s >>> 3) & 1) != 0) r |= Vec.cut(-1, bits) << s;
            return r;
        }

        /** What lies above the vector length is cleared. SVE saturates without a trace in FPSR. */
        final void end(Arm64Interpreter c) {
            for (int i = c.vl >>> 3; i < c.zs; i++) c.z[d * c.zs + i] = 0;
            c.fpu.flags &= ~Fpu.QC;
            c.fpu.end(c);
        }
    }

    /** d[e] = MEANING(n[e], m[e]), where the predicate is active. */
    static final class Map2 extends Lanes {
        private static final Two MEANING = OpTemplate.meaning(MethodHandles.lookup(), Two.class);

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long[] z = c.z;
            int to = d * c.zs, x = n * c.zs, y = m * c.zs, words = c.vl >>> 3;
            if (all(c, MEANING.every()))
                for (int i = 0; i < words; i++) z[to + i] = MEANING.word(f, z[x + i], z[y + i]);
            else for (int i = 0; i < words; i++) z[to + i] = some(f, z[to + i], z[x + i], z[y + i], active(c, i));
            end(c);
        }

        private static long some(Fpu f, long old, long x, long y, int act) {
            long r = old & ~mask(act, MEANING.bits());
            for (int s = 0; s < 64; s += MEANING.bits())
                if ((act >>> (s >>> 3) & 1) != 0) r |= MEANING.element(f, x, Vec.cut(y >>> s, MEANING.bits()), s);
            return r;
        }
    }

    /** d[e] = MEANING(n[e], a constant), where the predicate is active. */
    static final class MapConstant extends Lanes {
        private static final Two MEANING = OpTemplate.meaning(MethodHandles.lookup(), Two.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long b = scalar == null ? imm : scalar.of(c);
            Fpu f = c.fpu;
            f.begin(c);
            long[] z = c.z;
            int to = d * c.zs, x = n * c.zs, words = c.vl >>> 3;
            if (all(c, MEANING.every())) for (int i = 0; i < words; i++) z[to + i] = MEANING.wordWith(f, z[x + i], b);
            else for (int i = 0; i < words; i++) z[to + i] = some(f, z[to + i], z[x + i], b, active(c, i));
            end(c);
        }

        private static long some(Fpu f, long old, long x, long b, int act) {
            long r = old & ~mask(act, MEANING.bits());
            for (int s = 0; s < 64; s += MEANING.bits())
                if ((act >>> (s >>> 3) & 1) != 0) r |= MEANING.element(f, x, b, s);
            return r;
        }
    }

    /** d[e] = MEANING(a[e], n[e], m[e]), where the predicate is active. */
    static final class Map3 extends Lanes {
        private static final Three MEANING = OpTemplate.meaning(MethodHandles.lookup(), Three.class);

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long[] z = c.z;
            int to = d * c.zs, x = a * c.zs, y = n * c.zs, v = m * c.zs, words = c.vl >>> 3;
            if (all(c, MEANING.every()))
                for (int i = 0; i < words; i++) z[to + i] = MEANING.word(f, z[x + i], z[y + i], z[v + i]);
            else
                for (int i = 0; i < words; i++)
                    z[to + i] = some(f, z[to + i], z[x + i], z[y + i], z[v + i], active(c, i));
            end(c);
        }

        private static long some(Fpu f, long old, long x, long y, long v, int act) {
            long r = old & ~mask(act, MEANING.bits());
            for (int s = 0; s < 64; s += MEANING.bits())
                if ((act >>> (s >>> 3) & 1) != 0) r |= MEANING.element(f, x, y, v, s);
            return r;
        }
    }

    /** Contiguous loads and stores of one register: base {@code n}, and {@code imm} vectors or register {@code m}. */
    abstract static class Contiguous extends Lanes {
        final long address(Arm64Interpreter c, Access k) {
            return c.base(n) + (m < 0 ? imm * (c.vl / k.size) * k.memory : c.x[m] * k.memory);
        }
    }

    /** Where all memory is in one page that the TLB has, else {@link SveOps#load}. */
    static final class Load extends Contiguous {
        private static final Access MEANING = OpTemplate.meaning(MethodHandles.lookup(), Access.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long at = address(c, MEANING);
            long[] tlb = c.rTlb.pairs, z = c.z;
            int slot = Tlb.slot(at), words = c.vl >>> 3, to = d * c.zs;
            if (!Tlb.hit(tlb, slot, at, c.vl / MEANING.size() * MEANING.memory(), c.access)) {
                c.scratch.begin();
                SveOps.load(c, d, 1, at, p, MEANING.size(), MEANING.memory(), MEANING.signed());
                return;
            }
            long host = at + tlb[slot + 1];
            if (all(c, MEANING.every())) for (int i = 0; i < words; i++) z[to + i] = word(host, i);
            else for (int i = 0; i < words; i++) z[to + i] = word(host, i) & mask(active(c, i), 8 * MEANING.size());
            for (int i = words; i < c.zs; i++) z[to + i] = 0;
        }

        private static long word(long host, int i) {
            if (MEANING.size() == MEANING.memory()) return TlbMemory.hostLoad(host + 8L * i, 8);
            long r = 0, at = host + (long) (8 / MEANING.size()) * MEANING.memory() * i;
            for (int s = 0; s < 64; s += 8 * MEANING.size(), at += MEANING.memory()) {
                long v = TlbMemory.hostLoad(at, MEANING.memory());
                r |= Vec.cut(MEANING.signed() ? LaneFn.s(v, 8 * MEANING.memory()) : v, 8 * MEANING.size()) << s;
            }
            return r;
        }
    }

    /** The same for stores. */
    static final class Store extends Contiguous {
        private static final Access MEANING = OpTemplate.meaning(MethodHandles.lookup(), Access.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long at = address(c, MEANING);
            long[] tlb = c.wTlb.pairs, z = c.z;
            int slot = Tlb.slot(at), words = c.vl >>> 3, from = d * c.zs;
            if (!Tlb.hit(tlb, slot, at, c.vl / MEANING.size() * MEANING.memory(), c.access)) {
                SveOps.store(c, d, 1, at, p, MEANING.size(), MEANING.memory());
                return;
            }
            long host = at + tlb[slot + 1];
            if (MEANING.size() == MEANING.memory() && all(c, MEANING.every()))
                for (int i = 0; i < words; i++) TlbMemory.hostStore(host + 8L * i, 8, z[from + i]);
            else for (int i = 0; i < words; i++) elements(host, i, z[from + i], active(c, i));
        }

        private static void elements(long host, int i, long w, int act) {
            long at = host + (long) (8 / MEANING.size()) * MEANING.memory() * i;
            for (int s = 0; s < 64; s += 8 * MEANING.size(), at += MEANING.memory())
                if ((act >>> (s >>> 3) & 1) != 0) TlbMemory.hostStore(at, MEANING.memory(), w >>> s);
        }
    }

    private static Lanes set(A64Op op, int d, int n, int m, int p) {
        Lanes o = (Lanes) IntegerOps.set(op, d, n, m);
        o.p = p;
        return o;
    }

    static A64Op map(int d, int n, int m, int size, LaneFn.Two f) {
        return merge(d, n, m, -1, size, f);
    }

    static A64Op merge(int d, int n, int m, int p, int size, LaneFn.Two f) {
        return set(IntegerOps.template(Map2.class, new Two(f, 8 * size)), d, n, m, p);
    }

    static A64Op mapConstant(int d, int n, long b, int size, LaneFn.Two f) {
        return mergeConstant(d, n, -1, b, size, f);
    }

    static A64Op mergeConstant(int d, int n, int p, long b, int size, LaneFn.Two f) {
        Lanes o = set(IntegerOps.template(MapConstant.class, new Two(f, 8 * size)), d, n, 0, p);
        o.imm = b;
        return o;
    }

    /** The same with a constant that is known when the instruction is executed. */
    static A64Op mergeScalar(int d, int n, int p, Scalar b, int size, LaneFn.Two f) {
        Lanes o = (Lanes) mergeConstant(d, n, p, 0, size, f);
        o.scalar = b;
        return o;
    }

    /** d[e] = f(a[e], n[e], m[e]). */
    static A64Op map3(int d, int a, int n, int m, int size, LaneFn.Three f) {
        return merge3(d, a, n, m, -1, size, f);
    }

    static A64Op merge3(int d, int a, int n, int m, int p, int size, LaneFn.Three f) {
        Lanes o = set(IntegerOps.template(Map3.class, new Three(f, 8 * size)), d, n, m, p);
        o.a = a;
        return o;
    }

    /** A load or store with an immediate, in vectors; {@code m} -1, or with an offset register. */
    static A64Op contiguous(Class<? extends A64Op> kind, Access k, int t, int n, int m, int p, long imm) {
        Lanes o = set(IntegerOps.template(kind, k), t, n, m, p);
        o.imm = imm;
        return o;
    }
}
