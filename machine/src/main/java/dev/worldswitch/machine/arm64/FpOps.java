package dev.worldswitch.machine.arm64;

/** Operation classes of floating point that are not "one element from others of the same size". */
final class FpOps {
    private FpOps() {}

    /** FMADD and its relatives: {@code a} is the addend. */
    static final class Fused extends SimdOps.Simd {
        private final LaneFn.Three meaning;

        Fused(LaneFn.Three meaning) {
            this.meaning = meaning;
        }

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            Vec.set(
                    c,
                    d,
                    meaning.of(f, element(c, a, 0, bits), element(c, n, 0, bits), element(c, m, 0, bits), bits),
                    0);
            f.end(c);
        }
    }

    /** FCMP: {@code a} bit 0 with zero, bit 1 signalling. */
    static final class Compare extends SimdOps.Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long b = (a & 1) != 0 ? 0 : element(c, m, 0, bits);
            c.setNzcv(f.compare(element(c, n, 0, bits), b, bits, (a & 2) != 0));
            f.end(c);
        }
    }

    /** FCCMP: condition {@code index}, flags {@code imm} otherwise. */
    static final class ConditionalCompare extends SimdOps.Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            if (!A64.holds(index, c.fn, c.fz, c.fc, c.fv)) {
                c.setNzcv((int) imm);
                return;
            }
            Fpu f = c.fpu;
            f.begin(c);
            c.setNzcv(f.compare(element(c, n, 0, bits), element(c, m, 0, bits), bits, (a & 2) != 0));
            f.end(c);
        }
    }

    static final class Select extends SimdOps.Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Vec.set(c, d, element(c, A64.holds(index, c.fn, c.fz, c.fc, c.fv) ? n : m, 0, bits), 0);
        }
    }

    static final class FromGeneral extends SimdOps.Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Vec.set(c, d, Vec.cut(c.x[n], bits), 0);
        }
    }

    /** FCVT between precisions. */
    static final class Convert extends SimdOps.Simd {
        int to;

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            Vec.set(c, d, f.convert(element(c, n, 0, bits), bits, to, f.mode()), 0);
            f.end(c);
        }
    }

    /** Between a general register of {@code width} bits and a scalar; mode -1 takes FPCR's. */
    abstract static class IntegerForm extends SimdOps.Simd {
        int mode, fbits, width;
        boolean unsigned;
    }

    static final class ToInteger extends IntegerForm {
        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            c.x[d] = f.toFixed(element(c, n, 0, bits), bits, fbits, unsigned, width, mode < 0 ? f.mode() : mode);
            f.end(c);
        }
    }

    static final class FromInteger extends IntegerForm {
        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            Vec.set(c, d, f.fromFixed(c.x[n], fbits, unsigned, width, bits, f.mode()), 0);
            f.end(c);
        }
    }

    /** FJCVTZS: modulo 2^32, Z says exact. */
    static final class JavaScript extends SimdOps.Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long raw = element(c, n, 0, 64), v = f.input(raw, 64);
            boolean exact = false;
            long r = 0;
            if (Fpu.isNan(v, 64) || Fpu.isInf(v, 64)) f.flags |= Fpu.IOC;
            else if (!Fpu.isZero(v, 64)) {
                int e = Fpu.exponent(v, 64);
                long mant = Fpu.mantissa(v, 64);
                boolean lost;
                if (e < 0) {
                    lost = true;
                } else if (e <= 62) {
                    r = mant >>> 62 - e;
                    lost = e < 62 && (mant & (1L << 62 - e) - 1) != 0;
                } else {
                    r = e - 62 > 63 ? 0 : mant << e - 62;
                    lost = false;
                }
                boolean big = e >= 32 || (Fpu.sign(v, 64) ? -r < Integer.MIN_VALUE : r > Integer.MAX_VALUE);
                if (Fpu.sign(v, 64)) r = -r;
                if (big) f.flags |= Fpu.IOC;
                else if (lost) f.flags |= Fpu.IXC;
                exact = !big && !lost;
            } else exact = v >= 0;
            c.x[d] = r & A64.W;
            c.setNzcv(exact ? 4 : 0);
            f.end(c);
        }
    }

    /** BFCVT: single to BFloat16, rounded by FPCR. */
    static long toBf16(Fpu f, long a0, long b, int bits) {
        long a = f.input(a0, 32);
        if (Fpu.isNan(a, 32)) {
            long q = f.quiet(a, 32);
            return q >>> 16;
        }
        if (Fpu.isInf(a, 32) || Fpu.isZero(a, 32)) return a >>> 16;
        long low = a & 0xffff, r = a >>> 16;
        boolean s = Fpu.sign(a, 32);
        boolean up = switch (f.mode()) {
            case Fpu.RN -> low > 0x8000 || low == 0x8000 && (r & 1) != 0;
            case Fpu.RP -> low != 0 && !s;
            case Fpu.RM -> low != 0 && s;
            default -> false;
        };
        if (up) r++;
        if (low != 0) {
            f.flags |= Fpu.IXC;
            if (Fpu.isDenormal(a, 32)) f.flags |= Fpu.UFC;
            if ((r & 0x7fff) == 0x7f80) f.flags |= Fpu.OFC;
        }
        return r;
    }

    /** Elements between precisions: FCVTL, FCVTN, FCVTXN, BFCVTN; {@code from} the upper half. */
    static final class VectorConvert extends SimdOps.Simd {
        int to;
        boolean odd;

        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            int elements = 64 / Math.min(bits, to);
            if (count == 1) elements = 1;
            long r0 = 0, r1 = 0;
            for (int e = 0; e < elements; e++) {
                long v = element(c, n, to > bits && from != 0 ? e + elements : e, bits);
                long r = to == 15 ? toBf16(f, v, 0, 32) : f.convert(v, bits, to, odd ? Fpu.ODD : f.mode());
                int at = e * (to == 15 ? 16 : to);
                if (at < 64) r0 |= r << at;
                else r1 |= r << at - 64;
            }
            if (to > bits) Vec.set(c, d, r0, r1);
            else if (from != 0) Vec.set(c, d, Vec.low(c, d), r0);
            else Vec.set(c, d, r0, 0);
            f.end(c);
        }
    }

    /** FMLAL, FMLSL: halves of n and m ({@code from} the upper 64 bits), single d; {@code a} 1 subtracts. */
    static final class HalfMulAddLong extends SimdOps.Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long[] r = new long[2];
            for (int e = 0; e < count; e++) {
                long x = element(c, n, from * count + e, 16),
                        y = index >= 0 ? element(c, m, index, 16) : element(c, m, from * count + e, 16);
                if (a != 0) x ^= 0x8000;
                r[e >> 1] |= Fpu.mulAddHalf(f, element(c, d, e, 32), x, y) << 32 * (e & 1);
            }
            Vec.set(c, d, r[0], r[1]);
            f.end(c);
        }
    }

    /** BFMLALB, BFMLALT: the even or odd ({@code from}) BFloat16 elements. */
    static final class BfMulAddLong extends SimdOps.Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            Fpu f = c.fpu;
            f.begin(c);
            long[] r = new long[2];
            for (int e = 0; e < 4; e++) {
                long x = element(c, n, 2 * e + from, 16) << 16,
                        y = element(c, m, index >= 0 ? index : 2 * e + from, 16) << 16;
                r[e >> 1] |= Fpu.mulAdd(f, element(c, d, e, 32), x, y, 32) << 32 * (e & 1);
            }
            Vec.set(c, d, r[0], r[1]);
            f.end(c);
        }
    }

    /** BFDOT and BFMMLA ({@code a} 1): no flags, rounding to odd, denormals flushed, default NaNs (FEAT_BF16 without EBF16). */
    static final class BfDot extends SimdOps.Simd {
        @Override
        public void exec(Arm64Interpreter c) {
            long[] r = new long[2];
            for (int e = 0; e < count; e++) {
                long sum = element(c, d, e, 32);
                if (a == 0) {
                    int p = index >= 0 ? index : e;
                    sum = Fpu.bfDotAdd(sum, element(c, n, e, 32), element(c, m, p, 32));
                } else {
                    int i = e >> 1, j = e & 1;
                    for (int k = 0; k < 2; k++)
                        sum = Fpu.bfDotAdd(sum, element(c, n, 2 * i + k, 32), element(c, m, 2 * j + k, 32));
                }
                r[e >> 1] |= sum << 32 * (e & 1);
            }
            Vec.set(c, d, r[0], r[1]);
        }
    }
}
