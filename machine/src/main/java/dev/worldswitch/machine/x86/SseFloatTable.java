package dev.worldswitch.machine.x86;

import java.util.function.LongUnaryOperator;

/** Rows of SSE and AVX floating-point arithmetic, comparison and conversion; meanings in {@link SseFloat}. */
final class SseFloatTable extends SseTable {
    private static final long LOW = 0xffffffffL;

    @Override
    void fill() {
        String[] names = {"ADD", "MUL", "SUB", "MIN", "DIV", "MAX", "SQRT"};
        String[] opcodes = {"58", "59", "5C", "5D", "5E", "5F", "51"};
        int[] ops = {SseFloat.ADD, SseFloat.MUL, SseFloat.SUB, SseFloat.MIN, SseFloat.DIV, SseFloat.MAX, SseFloat.SQRT};
        for (int k = 0; k < names.length; k++) arithmetic(names[k], opcodes[k], ops[k]);
        approximations();
        compares();
        toVector();
        toInteger();
        horizontal();
    }

    private void arithmetic(String name, String op, int f) {
        boolean unary = f == SseFloat.SQRT;
        SseOps.Kernel ps = (a, b, r, n, imm, mx) -> packed32(f, a, b, r, n, mx);
        SseOps.Kernel pd = (a, b, r, n, imm, mx) -> packed64(f, a, b, r, n, mx);
        SseOps.Kernel ss = (a, b, r, n, imm, mx) -> {
            r[0] = a[0] & ~LOW | SseFloat.f32(f, (int) a[0], (int) b[0], mx) & LOW;
            return SseFloat.f32Flags(f, (int) a[0], (int) b[0], mx);
        };
        row(name + "PS", "NP", op, "V,W", ps, 16, false, unary);
        row(name + "PD", "66", op, "V,W", pd, 16, false, unary);
        row(name + "SS", "F3", op, "V,W", ss, 4, true, unary);
        row(name + "SD", "F2", op, "V,W", pd, 8, true, unary);
    }

    private void row(
            String name,
            String pp,
            String op,
            String operands,
            SseOps.Kernel k,
            int bytes,
            boolean scalar,
            boolean unary) {
        both(name, pp, "0F", op, "/r", operands, i -> new SseOps.FloatOp(i, k, bytes, scalar, unary));
    }

    private static int packed64(int f, long[] a, long[] b, long[] r, int n, int mx) {
        int flags = 0;
        for (int k = 0; k < n; k++) {
            r[k] = SseFloat.f64(f, a[k], b[k], mx);
            flags |= SseFloat.f64Flags(f, a[k], b[k], mx);
        }
        return flags;
    }

    private static int packed32(int f, long[] a, long[] b, long[] r, int n, int mx) {
        int flags = 0;
        for (int k = 0; k < n; k++) {
            int a0 = (int) a[k], a1 = (int) (a[k] >>> 32), b0 = (int) b[k], b1 = (int) (b[k] >>> 32);
            r[k] = SseFloat.f32(f, a0, b0, mx) & LOW | (long) SseFloat.f32(f, a1, b1, mx) << 32;
            flags |= SseFloat.f32Flags(f, a0, b0, mx) | SseFloat.f32Flags(f, a1, b1, mx);
        }
        return flags;
    }

    // RCP and RSQRT.

    private void approximations() {
        approximation("RSQRT", "52", b -> Approximation.inverseRoot(SseFloat.F32, b, Approximation.SHORT, 0));
        approximation("RCP", "53", b -> Approximation.reciprocal(SseFloat.F32, b, Approximation.SHORT, 0));
    }

    private void approximation(String name, String op, LongUnaryOperator f) {
        SseOps.Kernel packed = (a, b, r, n, imm, mx) -> {
            for (int k = 0; k < n; k++) r[k] = f.applyAsLong(b[k] & LOW) | f.applyAsLong(b[k] >>> 32) << 32;
            return 0;
        };
        SseOps.Kernel scalar = (a, b, r, n, imm, mx) -> {
            r[0] = a[0] & ~LOW | f.applyAsLong(b[0] & LOW);
            return 0;
        };
        row(name + "PS", "NP", op, "V,W", packed, 16, false, true);
        row(name + "SS", "F3", op, "V,W", scalar, 4, true, true);
    }

    // Comparisons.

    private void compares() {
        row(
                "CMPPS",
                "NP",
                "C2",
                "V,W,Ib",
                (a, b, r, n, imm, mx) -> {
                    int flags = 0;
                    for (int k = 0; k < n; k++) {
                        int a1 = (int) (a[k] >>> 32), b1 = (int) (b[k] >>> 32);
                        r[k] = cmp32((int) a[k], (int) b[k], imm, mx) & LOW | cmp32(a1, b1, imm, mx) << 32;
                        flags |= cmpFlags32((int) a[k], (int) b[k], imm, mx) | cmpFlags32(a1, b1, imm, mx);
                    }
                    return flags;
                },
                16,
                false,
                false);
        SseOps.Kernel pd = (a, b, r, n, imm, mx) -> {
            int flags = 0;
            for (int k = 0; k < n; k++) {
                r[k] = SseFloat.holds(imm, SseFloat.relation64(a[k], b[k], mx)) ? -1 : 0;
                flags |= SseFloat.compareFlags64(a[k], b[k], SseFloat.quiet(imm), mx);
            }
            return flags;
        };
        row("CMPPD", "66", "C2", "V,W,Ib", pd, 16, false, false);
        row("CMPSD", "F2", "C2", "V,W,Ib", pd, 8, true, false);
        row(
                "CMPSS",
                "F3",
                "C2",
                "V,W,Ib",
                (a, b, r, n, imm, mx) -> {
                    r[0] = a[0] & ~LOW | cmp32((int) a[0], (int) b[0], imm, mx) & LOW;
                    return cmpFlags32((int) a[0], (int) b[0], imm, mx);
                },
                4,
                true,
                false);
        for (boolean quiet : new boolean[] {true, false}) {
            String name = quiet ? "UCOMIS" : "COMIS", op = quiet ? "2E" : "2F";
            both(name + "S", "NP", "0F", op, "/r", "V,W", i -> new SseOps.Free(i, (m, o) -> comis(m, o, quiet, 4)));
            both(name + "D", "66", "0F", op, "/r", "V,W", i -> new SseOps.Free(i, (m, o) -> comis(m, o, quiet, 8)));
        }
    }

    private static long cmp32(int a, int b, int imm, int mx) {
        return SseFloat.holds(imm, SseFloat.relation32(a, b, mx)) ? -1 : 0;
    }

    private static int cmpFlags32(int a, int b, int imm, int mx) {
        return SseFloat.compareFlags32(a, b, SseFloat.quiet(imm), mx);
    }

    private static void comis(Interpreter m, SseOps.Free o, boolean quiet, int bytes) {
        long b = o.ea != null ? m.ld(m.linear(o.ea(), bytes, false), bytes) : low(m, o.b), a = low(m, o.dst);
        int mx = XsaveInstructions.mxcsr(m.fp);
        int relation = bytes == 8 ? SseFloat.relation64(a, b, mx) : SseFloat.relation32((int) a, (int) b, mx);
        VecOp.raise(
                m,
                bytes == 8
                        ? SseFloat.compareFlags64(a, b, quiet, mx)
                        : SseFloat.compareFlags32((int) a, (int) b, quiet, mx));
        long f = relation == 8
                ? X86State.ZF | X86State.PF | X86State.CF
                : relation == 1 ? X86State.CF : relation == 2 ? X86State.ZF : 0;
        long status = X86State.CF | X86State.PF | X86State.AF | X86State.ZF | X86State.SF | X86State.OF;
        m.setFlags(m.flags() & ~status | f);
    }

    // Conversions.

    private void toVector() {
        SseOps.Kernel sd2ss = (a, b, r, n, imm, mx) -> {
            SseFloat.Result v = SseFloat.toF32(b[0], mx);
            r[0] = a[0] & ~LOW | v.bits();
            return v.flags();
        };
        SseOps.Kernel ss2sd = (a, b, r, n, imm, mx) -> {
            SseFloat.Result v = SseFloat.toF64((int) b[0], mx);
            r[0] = v.bits();
            return v.flags();
        };
        row("CVTSD2SS", "F2", "5A", "V,W", sd2ss, 8, true, false);
        row("CVTSS2SD", "F3", "5A", "V,W", ss2sd, 4, true, false);
        row(
                "CVTPS2PD",
                "NP",
                "5A",
                "V,W",
                (a, b, r, n, imm, mx) -> {
                    int flags = 0;
                    for (int k = 0; k < n; k++) {
                        SseFloat.Result v = SseFloat.toF64((int) (b[k >> 1] >>> 32 * (k & 1)), mx);
                        r[k] = v.bits();
                        flags |= v.flags();
                    }
                    return flags;
                },
                8,
                false,
                true);
        row(
                "CVTPD2PS",
                "66",
                "5A",
                "V,W",
                (a, b, r, n, imm, mx) -> {
                    int flags = 0;
                    long[] out = new long[4];
                    for (int k = 0; k < n; k++) {
                        SseFloat.Result v = SseFloat.toF32(b[k], mx);
                        out[k >> 1] |= v.bits() << 32 * (k & 1);
                        flags |= v.flags();
                    }
                    System.arraycopy(out, 0, r, 0, 4);
                    return flags;
                },
                16,
                false,
                true);
        row(
                "CVTDQ2PD",
                "F3",
                "E6",
                "V,W",
                (a, b, r, n, imm, mx) -> {
                    for (int k = 0; k < n; k++)
                        r[k] = SseFloat.fromInt((int) (b[k >> 1] >>> 32 * (k & 1)), true, mx)
                                .bits();
                    return 0;
                },
                8,
                false,
                true);
        row(
                "CVTDQ2PS",
                "NP",
                "5B",
                "V,W",
                (a, b, r, n, imm, mx) -> {
                    int flags = 0;
                    for (int k = 0; k < n; k++) {
                        SseFloat.Result v0 = SseFloat.fromInt((int) b[k], false, mx);
                        SseFloat.Result v1 = SseFloat.fromInt((int) (b[k] >>> 32), false, mx);
                        r[k] = v0.bits() | v1.bits() << 32;
                        flags |= v0.flags() | v1.flags();
                    }
                    return flags;
                },
                16,
                false,
                true);
        for (boolean isDouble : new boolean[] {true, false})
            both(
                    isDouble ? "CVTSI2SD" : "CVTSI2SS",
                    isDouble ? "F2" : "F3",
                    "0F",
                    "2A",
                    "/r",
                    "V,E",
                    i -> new SseOps.Free(i, (m, o) -> fromGeneral(m, o, isDouble)));
    }

    private static void fromGeneral(Interpreter m, SseOps.Free o, boolean isDouble) {
        int size = o.in.w ? 8 : 4;
        long v = o.ea != null ? m.ld(m.linear(o.ea(), size, false), size) : m.reg(o.in.rm, size);
        if (size == 4) v = (int) v;
        SseFloat.Result r = SseFloat.fromInt(v, isDouble, XsaveInstructions.mxcsr(m.fp));
        VecOp.raise(m, r.flags());
        o.writeLow(m, o.dst, isDouble ? r.bits() : low(m, o.a) & ~LOW | r.bits(), high(m, o.a));
    }

    private void toInteger() {
        for (boolean isDouble : new boolean[] {true, false})
            for (boolean cut : new boolean[] {true, false}) {
                String name = (cut ? "CVTT" : "CVT") + (isDouble ? "SD" : "SS") + "2SI";
                both(
                        name,
                        isDouble ? "F2" : "F3",
                        "0F",
                        cut ? "2C" : "2D",
                        "/r",
                        "G,W",
                        i -> new SseOps.Free(i, (m, o) -> toGeneral(m, o, isDouble, cut)));
            }
        packedToInt("CVTPS2DQ", "66", "5B", false);
        packedToInt("CVTTPS2DQ", "F3", "5B", true);
        doubleToInt("CVTPD2DQ", "F2", "E6", false);
        doubleToInt("CVTTPD2DQ", "66", "E6", true);
        rounding("ROUNDPS", "08", 16, false, false);
        rounding("ROUNDPD", "09", 16, true, false);
        rounding("ROUNDSS", "0A", 4, false, true);
        rounding("ROUNDSD", "0B", 8, true, true);
    }

    private static int mode(boolean cut, int mx) {
        return cut ? SseFloat.RC : mx & SseFloat.RC;
    }

    private static void toGeneral(Interpreter m, SseOps.Free o, boolean isDouble, boolean cut) {
        int bytes = isDouble ? 8 : 4, size = o.in.w ? 8 : 4, mx = XsaveInstructions.mxcsr(m.fp);
        long v = o.ea != null ? m.ld(m.linear(o.ea(), bytes, false), bytes) : low(m, o.b);
        if (!isDouble) v &= LOW;
        SseFloat.Result r = SseFloat.toInt(v, isDouble, 8 * size, mode(cut, mx), mx);
        VecOp.raise(m, r.flags());
        m.setReg(o.in.reg, size, r.bits());
    }

    private void packedToInt(String name, String pp, String op, boolean cut) {
        row(
                name,
                pp,
                op,
                "V,W",
                (a, b, r, n, imm, mx) -> {
                    int flags = 0;
                    for (int k = 0; k < n; k++) {
                        SseFloat.Result v0 = SseFloat.toInt(b[k] & LOW, false, 32, mode(cut, mx), mx);
                        SseFloat.Result v1 = SseFloat.toInt(b[k] >>> 32, false, 32, mode(cut, mx), mx);
                        r[k] = v0.bits() | v1.bits() << 32;
                        flags |= v0.flags() | v1.flags();
                    }
                    return flags;
                },
                16,
                false,
                true);
    }

    private void doubleToInt(String name, String pp, String op, boolean cut) {
        row(
                name,
                pp,
                op,
                "V,W",
                (a, b, r, n, imm, mx) -> {
                    int flags = 0;
                    long[] out = new long[4];
                    for (int k = 0; k < n; k++) {
                        SseFloat.Result v = SseFloat.toInt(b[k], true, 32, mode(cut, mx), mx);
                        out[k >> 1] |= v.bits() << 32 * (k & 1);
                        flags |= v.flags();
                    }
                    System.arraycopy(out, 0, r, 0, 4);
                    return flags;
                },
                16,
                false,
                true);
    }

    private void rounding(String name, String op, int bytes, boolean isDouble, boolean scalar) {
        SseOps.Kernel k = (a, b, r, n, imm, mx) -> {
            int flags = 0;
            for (int j = 0; j < n; j++) {
                if (isDouble) {
                    SseFloat.Result v = SseFloat.roundToIntegral(b[j], true, imm, mx);
                    r[j] = v.bits();
                    flags |= v.flags();
                    continue;
                }
                SseFloat.Result v = SseFloat.roundToIntegral(b[j] & LOW, false, imm, mx);
                flags |= v.flags();
                if (scalar) {
                    r[j] = a[j] & ~LOW | v.bits();
                    continue;
                }
                SseFloat.Result h = SseFloat.roundToIntegral(b[j] >>> 32, false, imm, mx);
                flags |= h.flags();
                r[j] = v.bits() | h.bits() << 32;
            }
            return flags;
        };
        both(name, "66", "0F3A", op, "/r", "V,W,Ib", i -> new SseOps.FloatOp(i, k, bytes, scalar, true));
    }

    // SSE3: neighbours, and alternating signs.

    private void horizontal() {
        for (boolean sub : new boolean[] {false, true}) {
            int f = sub ? SseFloat.SUB : SseFloat.ADD;
            String op = sub ? "7D" : "7C", name = sub ? "HSUB" : "HADD";
            row(
                    name + "PD",
                    "66",
                    op,
                    "V,W",
                    (a, b, r, n, imm, mx) -> {
                        int flags = 0;
                        for (int k = 0; k < n; k += 2) {
                            r[k] = SseFloat.f64(f, a[k], a[k + 1], mx);
                            r[k + 1] = SseFloat.f64(f, b[k], b[k + 1], mx);
                            flags |=
                                    SseFloat.f64Flags(f, a[k], a[k + 1], mx) | SseFloat.f64Flags(f, b[k], b[k + 1], mx);
                        }
                        return flags;
                    },
                    16,
                    false,
                    false);
            row(
                    name + "PS",
                    "F2",
                    op,
                    "V,W",
                    (a, b, r, n, imm, mx) -> {
                        int flags = 0;
                        for (int k = 0; k < n; k += 2) {
                            r[k] = pair(f, a[k], mx) | pair(f, a[k + 1], mx) << 32;
                            r[k + 1] = pair(f, b[k], mx) | pair(f, b[k + 1], mx) << 32;
                            flags |= pairFlags(f, a[k], mx) | pairFlags(f, a[k + 1], mx);
                            flags |= pairFlags(f, b[k], mx) | pairFlags(f, b[k + 1], mx);
                        }
                        return flags;
                    },
                    16,
                    false,
                    false);
        }
        row(
                "ADDSUBPD",
                "66",
                "D0",
                "V,W",
                (a, b, r, n, imm, mx) -> {
                    int flags = 0;
                    for (int k = 0; k < n; k++) {
                        int f = (k & 1) == 0 ? SseFloat.SUB : SseFloat.ADD;
                        r[k] = SseFloat.f64(f, a[k], b[k], mx);
                        flags |= SseFloat.f64Flags(f, a[k], b[k], mx);
                    }
                    return flags;
                },
                16,
                false,
                false);
        row(
                "ADDSUBPS",
                "F2",
                "D0",
                "V,W",
                (a, b, r, n, imm, mx) -> {
                    int flags = 0;
                    for (int k = 0; k < n; k++) {
                        int a1 = (int) (a[k] >>> 32), b1 = (int) (b[k] >>> 32), a0 = (int) a[k], b0 = (int) b[k];
                        r[k] = SseFloat.f32(SseFloat.SUB, a0, b0, mx) & LOW
                                | (long) SseFloat.f32(SseFloat.ADD, a1, b1, mx) << 32;
                        flags |= SseFloat.f32Flags(SseFloat.SUB, a0, b0, mx)
                                | SseFloat.f32Flags(SseFloat.ADD, a1, b1, mx);
                    }
                    return flags;
                },
                16,
                false,
                false);
    }

    private static long pair(int f, long v, int mx) {
        return SseFloat.f32(f, (int) v, (int) (v >>> 32), mx) & LOW;
    }

    private static int pairFlags(int f, long v, int mx) {
        return SseFloat.f32Flags(f, (int) v, (int) (v >>> 32), mx);
    }
}
