package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.OpTemplate;
import java.lang.invoke.MethodHandles;

/**
 * How SVE instructions take and put elements and predicates; what is done with an element are {@link LaneFn} and
 * {@link Fpu} functions. The vector length is {@code c.vl} bytes; what lies above it in the registers is cleared.
 */
final class SveOps {
    /** What one instruction does; all operands come from the word. */
    interface Action {
        void of(Arm64Interpreter c, int w, long pc);
    }

    /** The operation object of an instruction that is not one of {@link SveLanes}. */
    static final class Sve extends A64Op {
        private static final Action MEANING = OpTemplate.meaning(MethodHandles.lookup(), Action.class);

        @Override
        public int unit() {
            return SVE;
        }

        @Override
        public void exec(Arm64Interpreter c) {
            c.fpu.begin(c);
            c.scratch.begin();
            MEANING.of(c, word, pc);
            // SVE saturates without a trace in FPSR.
            c.fpu.flags &= ~Fpu.QC;
            c.fpu.end(c);
        }
    }

    /** Predicate bits that count, by element size in bytes. */
    static final long[] EVERY = {0, -1, 0x5555555555555555L, 0, 0x1111111111111111L, 0, 0, 0, 0x0101010101010101L};

    private SveOps() {}

    /** Elements of {@code size} bytes in a vector. */
    static int elements(Arm64Interpreter c, int size) {
        return c.vl / size;
    }

    static long get(Arm64Interpreter c, int r, int e, int size) {
        return Vec.get(c, r, e, size);
    }

    static boolean active(Arm64Interpreter c, int p, int e, int size) {
        return Vec.active(c, p, e * size);
    }

    static void put(long[] to, int e, int size, long v) {
        int bit = e * size * 8, at = bit >>> 6;
        if (size == 8) to[at] = v;
        else {
            long mask = (1L << 8 * size) - 1 << (bit & 63);
            to[at] = to[at] & ~mask | v << (bit & 63) & mask;
        }
    }

    static long[] vector(Arm64Interpreter c) {
        return c.scratch.vector();
    }

    static long[] copy(Arm64Interpreter c, int r) {
        long[] v = c.scratch.vector();
        System.arraycopy(c.z, r * c.zs, v, 0, c.vl / 8);
        return v;
    }

    /** Writes a whole Z register; {@code v} is zero above the vector length. */
    static void write(Arm64Interpreter c, int r, long[] v) {
        System.arraycopy(v, 0, c.z, r * c.zs, c.zs);
    }

    static void clear(Arm64Interpreter c, int r) {
        for (int i = 0; i < c.zs; i++) c.z[r * c.zs + i] = 0;
    }

    /** {@code v} in every element. */
    static void fill(Arm64Interpreter c, int d, long v, int size) {
        long word = Vec.replicate(v, size);
        for (int i = 0; i < c.zs; i++) c.z[d * c.zs + i] = i < c.vl / 8 ? word : 0;
    }

    // Predicates.

    static long[] predicate(Arm64Interpreter c) {
        return c.scratch.predicate();
    }

    static long[] copyPredicate(Arm64Interpreter c, int p) {
        long[] v = c.scratch.predicate();
        System.arraycopy(c.p, p * c.pw, v, 0, c.pw);
        for (int b = c.vl & -64, i = c.vl >> 6; i < v.length; i++, b += 64) v[i] &= b < c.vl ? (1L << c.vl - b) - 1 : 0;
        return v;
    }

    static void set(long[] p, int e, int size) {
        int bit = e * size;
        p[bit >>> 6] |= 1L << (bit & 63);
    }

    static boolean test(long[] p, int e, int size) {
        int bit = e * size;
        return (p[bit >>> 6] >>> (bit & 63) & 1) != 0;
    }

    static void change(long[] p, int e, boolean on) {
        if (on) p[e >>> 6] |= 1L << (e & 63);
        else p[e >>> 6] &= ~(1L << (e & 63));
    }

    /** Every element. */
    static long[] all(Arm64Interpreter c, int size) {
        return first(c, c.vl / size, size);
    }

    /** The first {@code count} elements. */
    static long[] first(Arm64Interpreter c, int count, int size) {
        long[] p = predicate(c);
        for (int i = 0, left = count * size; left > 0; i++, left -= 64)
            p[i] = left < 64 ? EVERY[size] & (1L << left) - 1 : EVERY[size];
        return p;
    }

    /** ZIP ({@code kind} 0), UZP (1), TRN (2): the source of element {@code e}; those of the second operand count from n. */
    static int permuted(int kind, int part, int e, int n) {
        if (kind == 1) return 2 * e + part;
        return ((e & 1) != 0 ? n : 0) + (kind == 0 ? e / 2 + part * (n / 2) : (e & ~1) + part);
    }

    static void writePredicate(Arm64Interpreter c, int p, long[] v) {
        System.arraycopy(v, 0, c.p, p * c.pw, c.pw);
    }

    /** PredTest: N the first active element, Z none, C not the last active one, V clear. */
    static void flags(Arm64Interpreter c, long[] mask, long[] result, int size) {
        long counts = EVERY[size];
        boolean any = false, first = false, seen = false, last = false;
        for (int i = 0, left = c.vl; left > 0; i++, left -= 64) {
            long m = mask[i] & (left < 64 ? counts & (1L << left) - 1 : counts), on = m & result[i];
            if (m == 0) continue;
            if (!seen) first = (on & m & -m) != 0;
            seen = true;
            any |= on != 0;
            last = (on & Long.highestOneBit(m)) != 0;
        }
        c.setNzcv((first ? 8 : 0) | (any ? 0 : 4) | (last ? 0 : 2));
    }

    /** DecodePredCount: elements that a pattern (POW2, VL1 to VL256, MUL4, MUL3, ALL) covers. */
    static int pattern(int pattern, int n) {
        return switch (pattern) {
            case 0 -> Integer.highestOneBit(n);
            case 1, 2, 3, 4, 5, 6, 7, 8 -> n >= pattern ? pattern : 0;
            case 9, 10, 11, 12, 13 -> n >= 16 << pattern - 9 ? 16 << pattern - 9 : 0;
            case 29 -> n / 4 * 4;
            case 30 -> n / 3 * 3;
            case 31 -> n;
            default -> 0;
        };
    }

    // Shapes of instructions.

    /** d[e] = f(d[e], n[e], m[i]) with element {@code index} of each 128 bits of {@code m}. */
    static void mapIndexed(Arm64Interpreter c, int d, int n, int m, int index, int size, LaneFn.Three f) {
        long[] r = vector(c);
        int mask = 16 / size - 1;
        for (int e = elements(c, size) - 1; e >= 0; e--) {
            long b = get(c, m, (e & ~mask) + index, size);
            put(r, e, size, f.of(c.fpu, get(c, d, e, size), get(c, n, e, size), b, 8 * size));
        }
        write(c, d, r);
    }

    /** d[e] = f(d[e], n[2e + a], m[2e + b]), sources half as wide. */
    static void widen(Arm64Interpreter c, int d, int n, int m, int size, int a, int b, LaneFn.Three f) {
        long[] r = vector(c);
        int half = size / 2;
        for (int e = elements(c, size) - 1; e >= 0; e--) {
            long x = get(c, n, 2 * e + a, half), y = get(c, m, 2 * e + b, half);
            put(r, e, size, f.of(c.fpu, get(c, d, e, size), x, y, 4 * size));
        }
        write(c, d, r);
    }

    /** The same with element {@code index} of each 128 bits of {@code m}. */
    static void widenIndexed(Arm64Interpreter c, int d, int n, int m, int index, int size, int a, LaneFn.Three f) {
        long[] r = vector(c);
        int half = size / 2, mask = 16 / half - 1;
        for (int e = elements(c, size) - 1; e >= 0; e--) {
            long x = get(c, n, 2 * e + a, half), y = get(c, m, (2 * e & ~mask) + index, half);
            put(r, e, size, f.of(c.fpu, get(c, d, e, size), x, y, 4 * size));
        }
        write(c, d, r);
    }

    /** Even elements of the result come from pairs of Zdn, odd ones from pairs of Zm (9:5), where Pg is active. */
    static void pairs(Arm64Interpreter c, int w, int size, LaneFn.Two f) {
        int d = w & 31, m = w >>> 5 & 31, p = w >>> 10 & 7;
        long[] r = copy(c, d);
        for (int e = 0; e < elements(c, size); e++) {
            if (!active(c, p, e, size)) continue;
            int from = (e & 1) == 0 ? d : m, at = e & ~1;
            put(r, e, size, f.of(c.fpu, get(c, from, at, size), get(c, from, at + 1, size), 8 * size));
        }
        write(c, d, r);
    }

    interface Source {
        long of(int e);
    }

    /** A comparison: predicate result, zero where p is inactive; integer ones set the flags. */
    static void compare(Arm64Interpreter c, int pd, int p, int n, int size, Source b, LaneFn.Two f, boolean flags) {
        long[] r = predicate(c), mask = copyPredicate(c, p);
        for (int e = elements(c, size) - 1; e >= 0; e--)
            if (test(mask, e, size) && Vec.cut(f.of(c.fpu, get(c, n, e, size), b.of(e), 8 * size), 8 * size) != 0)
                set(r, e, size);
        writePredicate(c, pd, r);
        if (flags) flags(c, mask, r, size);
    }

    /** Contiguous loads: {@code regs} registers, elements of {@code size} from {@code msize} bytes each. */
    static void load(Arm64Interpreter c, int t, int regs, long base, int p, int size, int msize, boolean signed) {
        for (int k = 0; k < regs; k++) vector(c);
        int n = elements(c, size);
        for (int e = 0; e < n; e++) {
            if (!active(c, p, e, size)) continue;
            for (int k = 0; k < regs; k++) {
                long v = c.ld(base + (long) (e * regs + k) * msize, msize);
                put(c.scratch.vector(k), e, size, signed ? LaneFn.s(v, 8 * msize) : v);
            }
        }
        for (int k = 0; k < regs; k++) write(c, t + k & 31, c.scratch.vector(k));
    }

    static void store(Arm64Interpreter c, int t, int regs, long base, int p, int size, int msize) {
        int n = elements(c, size);
        // All or nothing: faults come before the first store.
        for (int e = 0; e < n; e++)
            if (active(c, p, e, size)) c.checkWrite(base + (long) e * regs * msize, regs * msize);
        for (int e = 0; e < n; e++) {
            if (!active(c, p, e, size)) continue;
            for (int k = 0; k < regs; k++)
                c.st(base + (long) (e * regs + k) * msize, msize, get(c, t + k & 31, e, size));
        }
    }

    /** LDFF1, LDNF1: the first element may fault (LDFF1), a later one clears FFR from there on. */
    static void loadFirstFault(
            Arm64Interpreter c, int t, long base, int p, int size, int msize, boolean signed, boolean firstFaults) {
        long[] r = vector(c);
        int n = elements(c, size);
        boolean first = firstFaults;
        for (int e = 0; e < n; e++) {
            if (!active(c, p, e, size)) continue;
            long va = base + (long) e * msize;
            if (!first && !c.readable(va, msize)) {
                clearFirstFault(c, e * size);
                break;
            }
            first = false;
            long v = c.ld(va, msize);
            put(r, e, size, signed ? LaneFn.s(v, 8 * msize) : v);
        }
        write(c, t, r);
    }

    /** FFR from the predicate bit {@code from} on. */
    static void clearFirstFault(Arm64Interpreter c, int from) {
        for (int i = 0; i < c.pw; i++) {
            int below = from - 64 * i;
            c.p[Arm64Cpu.FFR * c.pw + i] &= below <= 0 ? 0 : below >= 64 ? -1 : (1L << below) - 1;
        }
    }

    /** A fold over active elements in the order of the shared pseudocode's Reduce: inactive ones are the identity. */
    static long reduce(Arm64Interpreter c, int n, int p, int size, long identity, LaneFn.Two f) {
        int count = Integer.highestOneBit(elements(c, size) * 2 - 1);
        long[] v = c.scratch.elements;
        for (int e = 0; e < count; e++)
            v[e] = e < elements(c, size) && active(c, p, e, size) ? get(c, n, e, size) : identity;
        while (count > 1) {
            count /= 2;
            for (int e = 0; e < count; e++) v[e] = Vec.cut(f.of(c.fpu, v[2 * e], v[2 * e + 1], 8 * size), 8 * size);
        }
        return v[0];
    }
}
