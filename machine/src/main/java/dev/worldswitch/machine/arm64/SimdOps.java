package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.OpTemplate;
import java.lang.invoke.MethodHandles;

/**
 * Operation classes of Advanced SIMD: how elements are taken and put; what is done with them are {@link LaneFn} and
 * {@link Fpu} functions. {@code bits} is the element width, {@code count} the number of destination elements.
 */
final class SimdOps {
    private SimdOps() {}

    abstract static class Simd extends A64Op {
        int bits, count;
        /** Where the second operand comes from: -1 element by element, -2 the constant {@code imm}, else that element. */
        int index = -1;
        /** First element of the sources (of the destination, when narrowing). */
        int from;

        @Override
        public final int unit() {
            return FP;
        }

        final long element(Arm64Interpreter c, int r, int e, int width) {
            int bit = e * width;
            long w = c.z[r * c.zs + (bit >>> 6)] >>> (bit & 63);
            return w << 64 - width >>> 64 - width;
        }

        /** The second operand when it is the same for all. */
        final long fixed(Arm64Interpreter c, int width) {
            return index >= 0 ? element(c, m, index, width) : imm;
        }
    }

    /** d[e] = MEANING(n[e], m). */
    static final class Map2 extends Simd {
        private static final LaneFn.Two MEANING = OpTemplate.meaning(MethodHandles.lookup(), LaneFn.Two.class);

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long same = index == -1 ? 0 : fixed(c, bits);
            long r0 = 0, r1 = 0;
            for (int e = 0; e < count; e++) {
                long b = index == -1 ? element(c, m, e, bits) : same;
                long r = Vec.cut(MEANING.of(f, element(c, n, e, bits), b, bits), bits);
                int at = e * bits;
                if (at < 64) r0 |= r << at;
                else r1 |= r << at - 64;
            }
            Vec.set(c, d, r0, r1);
            f.end(c);
        }
    }

    /** d[e] = MEANING(d[e], n[e], m). */
    static final class Map3 extends Simd {
        private static final LaneFn.Three MEANING = OpTemplate.meaning(MethodHandles.lookup(), LaneFn.Three.class);

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long same = index == -1 ? 0 : fixed(c, bits);
            long r0 = 0, r1 = 0;
            for (int e = 0; e < count; e++) {
                long b = index == -1 ? element(c, m, e, bits) : same;
                long r = Vec.cut(MEANING.of(f, element(c, d, e, bits), element(c, n, e, bits), b, bits), bits);
                int at = e * bits;
                if (at < 64) r0 |= r << at;
                else r1 |= r << at - 64;
            }
            Vec.set(c, d, r0, r1);
            f.end(c);
        }
    }

    /** Whole words: AND, EOR, BSL and the like. */
    interface Logic {
        long of(long d, long a, long b);
    }

    static final class Bits extends Simd {
        private static final Logic MEANING = OpTemplate.meaning(MethodHandles.lookup(), Logic.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long[] z = c.z;
            int i = d * c.zs, j = n * c.zs, k = m * c.zs;
            long low = MEANING.of(z[i], z[j], z[k]), high = count == 2 ? MEANING.of(z[i + 1], z[j + 1], z[k + 1]) : 0;
            Vec.set(c, d, low, high);
        }
    }

    /** Pairs of elements of n:m; with {@code a} 1 the one pair of a scalar form. */
    static final class Pairs extends Simd {
        private static final LaneFn.Two MEANING = OpTemplate.meaning(MethodHandles.lookup(), LaneFn.Two.class);

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long r0 = 0, r1 = 0;
            for (int e = 0; e < count; e++) {
                int src = a == 0 && e >= count / 2 ? m : n, p = a == 0 && e >= count / 2 ? 2 * (e - count / 2) : 2 * e;
                long r = Vec.cut(MEANING.of(f, element(c, src, p, bits), element(c, src, p + 1, bits), bits), bits);
                int at = e * bits;
                if (at < 64) r0 |= r << at;
                else r1 |= r << at - 64;
            }
            Vec.set(c, d, r0, r1);
            f.end(c);
        }
    }

    /** Widening: d[e] of 2 * bits = MEANING(d[e], n[from + e], m[from + e]); {@code a} 1: n is wide already. */
    static final class Widen extends Simd {
        private static final LaneFn.Three MEANING = OpTemplate.meaning(MethodHandles.lookup(), LaneFn.Three.class);

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long same = index == -1 ? 0 : fixed(c, bits);
            long r0 = 0, r1 = 0;
            int wide = 2 * bits;
            for (int e = 0; e < count; e++) {
                long x = a != 0 ? element(c, n, e, wide) : element(c, n, from + e, bits);
                long y = index == -1 ? element(c, m, from + e, bits) : same;
                long r = Vec.cut(MEANING.of(f, element(c, d, e, wide), x, y, bits), wide);
                int at = e * wide;
                if (at < 64) r0 |= r << at;
                else r1 |= r << at - 64;
            }
            Vec.set(c, d, r0, r1);
            f.end(c);
        }
    }

    /** Narrowing: 64 bits of d from wide elements; to the upper half, the lower kept, with {@code from} not 0. */
    static final class Narrow extends Simd {
        private static final LaneFn.Two MEANING = OpTemplate.meaning(MethodHandles.lookup(), LaneFn.Two.class);

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long r = 0;
            int wide = 2 * bits;
            for (int e = 0; e < count; e++) {
                long y = index == -1 ? element(c, m, e, wide) : imm;
                r |= Vec.cut(MEANING.of(f, element(c, n, e, wide), y, bits), bits) << e * bits;
            }
            if (from != 0) Vec.set(c, d, Vec.low(c, d), r);
            else Vec.set(c, d, r, 0);
            f.end(c);
        }
    }

    /** Pairwise long: d[e] of 2 * bits = MEANING(d[e], n[2e], n[2e + 1]). */
    static final class PairsLong extends Simd {
        private static final LaneFn.Three MEANING = OpTemplate.meaning(MethodHandles.lookup(), LaneFn.Three.class);

        @Override
        public void exec(Arm64Interpreter c) {
            long r0 = 0, r1 = 0;
            int wide = 2 * bits;
            for (int e = 0; e < count; e++) {
                long r = Vec.cut(
                        MEANING.of(
                                c.fpu,
                                element(c, d, e, wide),
                                element(c, n, 2 * e, bits),
                                element(c, n, 2 * e + 1, bits),
                                bits),
                        wide);
                int at = e * wide;
                if (at < 64) r0 |= r << at;
                else r1 |= r << at - 64;
            }
            Vec.set(c, d, r0, r1);
        }
    }

    /** Across lanes, as the tree of the shared pseudocode's Reduce; {@code a} the width of the result. */
    static final class Reduce extends Simd {
        private static final LaneFn.Two MEANING = OpTemplate.meaning(MethodHandles.lookup(), LaneFn.Two.class);

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            Vec.set(c, d, Vec.cut(tree(c, f, 0, count), a), 0);
            f.end(c);
        }

        private long tree(Arm64Interpreter c, Fpu f, int lo, int hi) {
            if (hi - lo == 1) {
                long v = element(c, n, lo, bits);
                // SADDLV adds sign-extended elements: imm 1.
                return imm == 1 ? LaneFn.s(v, bits) : v;
            }
            int mid = lo + hi >> 1;
            long x = tree(c, f, lo, mid), y = tree(c, f, mid, hi);
            return imm == 2 ? Vec.cut(MEANING.of(f, x, y, bits), bits) : MEANING.of(f, x, y, bits);
        }
    }

    /** DUP of an element ({@code a} its number) or, a -1, of a general register. */
    static final class Dup extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            long v = a < 0 ? c.x[n] : element(c, n, a, bits);
            long w = Vec.replicate(v, bits / 8);
            Vec.set(c, d, w, count == 2 ? w : 0);
        }
    }

    /** A scalar from an element: DUP (scalar). */
    static final class ScalarFromElement extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Vec.set(c, d, element(c, n, a, bits), 0);
        }
    }

    /** INS: element {@code index} of d from element {@code a} of n, or a -1 from a general register. */
    static final class Ins extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Vec.insert(c, d, index, bits / 8, a < 0 ? c.x[n] : element(c, n, a, bits));
        }
    }

    /** UMOV ({@code imm} 0), SMOV to W (1), to X (2). */
    static final class ToGeneral extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            long v = element(c, n, a, bits);
            c.x[d] = imm == 0 ? v : imm == 1 ? LaneFn.s(v, bits) & A64.W : LaneFn.s(v, bits);
        }
    }

    /** MOVI, MVNI, FMOV: {@code imm}; ORR 1, BIC 2 by {@code a}. */
    static final class Immediate extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            long low = Vec.low(c, d), high = Vec.high(c, d);
            long l = a == 0 ? imm : a == 1 ? low | imm : low & ~imm;
            long h = a == 0 ? imm : a == 1 ? high | imm : high & ~imm;
            Vec.set(c, d, l, count == 2 ? h : 0);
        }
    }

    /** EXT. */
    static final class Ext extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            long[] w = count == 2
                    ? new long[] {Vec.low(c, n), Vec.high(c, n), Vec.low(c, m), Vec.high(c, m)}
                    : new long[] {Vec.low(c, n), Vec.low(c, m), 0};
            int at = (int) imm * 8, k = at >>> 6, s = at & 63;
            long low = s == 0 ? w[k] : w[k] >>> s | w[k + 1] << 64 - s;
            long high = count == 1 ? 0 : s == 0 ? w[k + 1] : w[k + 1] >>> s | w[k + 2] << 64 - s;
            Vec.set(c, d, low, high);
        }
    }

    /** ZIP, UZP, TRN: {@code a} bits 1:0 kind (1 UZP, 2 TRN, 3 ZIP), bit 2 the second part. */
    static final class Permute extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            int part = a >> 2, kind = a & 3;
            long r0 = 0, r1 = 0;
            for (int e = 0; e < count; e++) {
                long v;
                if (kind == 1) {
                    int at = 2 * e + part;
                    v = at < count ? element(c, n, at, bits) : element(c, m, at - count, bits);
                } else {
                    int at = kind == 2 ? (e & ~1) + part : e / 2 + part * count / 2;
                    v = element(c, (e & 1) == 0 ? n : m, at, bits);
                }
                int to = e * bits;
                if (to < 64) r0 |= v << to;
                else r1 |= v << to - 64;
            }
            Vec.set(c, d, r0, r1);
        }
    }

    /** TBL, TBX ({@code imm} 1): {@code a} table registers. */
    static final class Table extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            long r0 = 0, r1 = 0;
            for (int e = 0; e < count; e++) {
                int i = (int) element(c, m, e, 8);
                long v = i < 16 * a ? element(c, n + i / 16 & 31, i % 16, 8) : imm != 0 ? element(c, d, e, 8) : 0;
                if (e < 8) r0 |= v << 8 * e;
                else r1 |= v << 8 * e - 64;
            }
            Vec.set(c, d, r0, r1);
        }
    }

    /** REV16, REV32, REV64: elements reversed in containers of {@code a} bits. */
    static final class Rev extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Vec.set(c, d, rev(Vec.low(c, n)), count == 2 ? rev(Vec.high(c, n)) : 0);
        }

        private long rev(long v) {
            long r = 0;
            int per = a / bits;
            for (int at = 0; at < 64; at += bits) {
                int e = at / bits, to = e / per * per + per - 1 - e % per;
                r |= Vec.cut(v >>> at, bits) << to * bits;
            }
            return r;
        }
    }

    /** PMULL of 64-bit elements, PMULL2: element {@code from}. */
    static final class Pmull64 extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            long x = element(c, n, from, 64), y = element(c, m, from, 64);
            Vec.set(c, d, LaneFn.pmul(c.fpu, x, y, 64), LaneFn.pmulHigh(x, y));
        }
    }

    /** SMMLA, UMMLA, USMMLA: {@code a} bit 0 first operand signed, bit 1 second. */
    static final class MatrixMultiply extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            long[] r = new long[4];
            for (int i = 0; i < 2; i++) {
                for (int j = 0; j < 2; j++) {
                    long sum = element(c, d, 2 * i + j, 32);
                    for (int k = 0; k < 8; k++) {
                        long x = element(c, n, 8 * i + k, 8), y = element(c, m, 8 * j + k, 8);
                        sum += ((a & 1) != 0 ? (byte) x : x) * ((a & 2) != 0 ? (byte) y : y);
                    }
                    r[2 * i + j] = sum & A64.W;
                }
            }
            Vec.set(c, d, r[0] | r[1] << 32, r[2] | r[3] << 32);
        }
    }

    /** FCADD: pairs, {@code a} 0 by 90 degrees, 1 by 270. */
    static final class ComplexAdd extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long[] r = new long[2];
            for (int e = 0; e < count; e += 2) {
                long re = element(c, m, e + 1, bits), im = element(c, m, e, bits);
                if (a == 0) re ^= Fpu.signBit(bits);
                else im ^= Fpu.signBit(bits);
                put(r, e, Fpu.add(f, element(c, n, e, bits), re, bits));
                put(r, e + 1, Fpu.add(f, element(c, n, e + 1, bits), im, bits));
            }
            Vec.set(c, d, r[0], r[1]);
            f.end(c);
        }

        private void put(long[] r, int e, long v) {
            r[e * bits >>> 6] |= v << (e * bits & 63);
        }
    }

    /** FCMLA: rotation {@code a} times 90 degrees; by element the pair {@code index}. */
    static final class ComplexMulAdd extends Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long[] r = new long[2];
            long sign = Fpu.signBit(bits);
            for (int e = 0; e < count; e += 2) {
                int p = index >= 0 ? 2 * index : e;
                long mr = element(c, m, p, bits), mi = element(c, m, p + 1, bits);
                long x = element(c, n, (a & 1) == 0 ? e : e + 1, bits);
                long y = (a & 1) == 0 ? mr : mi, z = (a & 1) == 0 ? mi : mr;
                if (a == 1 || a == 2) y ^= sign;
                if (a == 2 || a == 3) z ^= sign;
                put(r, e, Fpu.mulAdd(f, element(c, d, e, bits), x, y, bits));
                put(r, e + 1, Fpu.mulAdd(f, element(c, d, e + 1, bits), x, z, bits));
            }
            Vec.set(c, d, r[0], r[1]);
            f.end(c);
        }

        private void put(long[] r, int e, long v) {
            r[e * bits >>> 6] |= v << (e * bits & 63);
        }
    }
}
