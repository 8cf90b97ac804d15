package dev.worldswitch.machine.x86;

import java.util.EnumSet;
import java.util.Set;

/**
 * AVX512-FP16: half precision as a type of its own, in EVEX maps 5 and 6 (SDM vol. 2). Denormals are numbers whatever MXCSR.DAZ and
 * FTZ say. VRCPPH and VRSQRTPH give the nearest number, which is within the error that the manual allows.
 */
final class Fp16Table extends Avx512Table {
    private static final SseFloat.Format H = SseFloat.F16, S = SseFloat.F32, D = SseFloat.Format.of(64);

    @Override
    Set<Feature> needs(String name) {
        return EnumSet.of(Feature.AVX512_FP16);
    }

    @Override
    void fill() {
        arithmetic();
        fused();
        complex();
        comparisons();
        forms();
        moves();
        integers();
        formats();
        generalRegisters();
    }

    private void add(
            String name, String encoding, int from, int to, boolean scalar, boolean saeOnly, EvexFloat.Element f) {
        boolean imm = encoding.contains("0F3A");
        row(name, encoding + " /r", imm ? "V,W,Ib" : "V,W", i -> new EvexFloat(i, from, to, scalar, saeOnly, f));
    }

    /** The same for all elements (PH) and the lowest (SH). */
    private void both(String name, String packed, String scalar, boolean saeOnly, EvexFloat.Element f) {
        EvexFloat.Element h = (d, a, b, imm, mx) -> f.of(d, a, b, imm, mx & SseFloat.modes(16));
        add(name + "PH", packed, 16, 16, false, saeOnly, h);
        add(name + "SH", scalar, 16, 16, true, saeOnly, h);
    }

    private void arithmetic() {
        String[] names = {"VADD", "VMUL", "VSUB", "VMIN", "VDIV", "VMAX", "VSQRT"};
        String[] opcodes = {"58", "59", "5C", "5D", "5E", "5F", "51"};
        int[] ops = {SseFloat.ADD, SseFloat.MUL, SseFloat.SUB, SseFloat.MIN, SseFloat.DIV, SseFloat.MAX, SseFloat.SQRT};
        for (int k = 0; k < names.length; k++) {
            int op = ops[k];
            String packed = "NP.MAP5.W0 " + opcodes[k], scalar = "F3.MAP5.W0 " + opcodes[k];
            boolean saeOnly = op == SseFloat.MIN || op == SseFloat.MAX;
            both(names[k], packed, scalar, saeOnly, (d, a, b, imm, mx) -> SseFloat.slow(H, op, a, b, mx));
        }
        both("VRCP", "66.MAP6.W0 4C", "66.MAP6.W0 4D", true, (d, a, b, imm, mx) -> reciprocal(b));
        both("VRSQRT", "66.MAP6.W0 4E", "66.MAP6.W0 4F", true, (d, a, b, imm, mx) -> inverseRoot(b));
    }

    private static final int NEAREST = 0x1f80;

    /** No flags are raised. */
    static SseFloat.Result reciprocal(long b) {
        return new SseFloat.Result(
                SseFloat.slow(H, SseFloat.DIV, (long) H.bias() << 10, b, NEAREST)
                        .bits(),
                0);
    }

    static SseFloat.Result inverseRoot(long b) {
        if (H.isZero(b)) return new SseFloat.Result(b & H.sign() | H.inf(), 0);
        // Of 11 bits, double precision's root is near enough to round its inverse once more.
        long wide = FloatForms.converted(H, D, b, NEAREST).bits();
        long root = SseFloat.f64(SseFloat.SQRT, 0, wide, NEAREST);
        long inverse = SseFloat.f64(SseFloat.DIV, 0x3ff0000000000000L, root, NEAREST);
        return new SseFloat.Result(FloatForms.converted(D, H, inverse, NEAREST).bits(), 0);
    }

    private void fused() {
        for (int order = 0; order < 3; order++)
            for (FmaTable.Kind k : FmaTable.KINDS) {
                int op = 0x90 + 16 * order + k.op();
                int[] which = FmaTable.ORDERS[order];
                String name = k.name() + FmaTable.ORDER_NAMES[order];
                row(
                        name + "PH",
                        "66.MAP6.W0 " + IntegerTable.hex(op) + " /r",
                        "V,W",
                        i -> new Avx512FloatTable.Fused(i, 16, false, k, which));
                if (k.op() < 8) continue;
                row(
                        name + "SH",
                        "66.MAP6.W0 " + IntegerTable.hex(op + 1) + " /r",
                        "V,W",
                        i -> new Avx512FloatTable.Fused(i, 16, true, k, which));
            }
    }

    // Complex numbers: pairs of a real and an imaginary part, as elements of 32 bits.

    private void complex() {
        for (boolean conjugate : new boolean[] {false, true}) {
            String form = (conjugate ? "F2" : "F3") + ".MAP6.W0 ", c = conjugate ? "VFC" : "VF";
            for (boolean scalar : new boolean[] {false, true}) {
                String t = scalar ? "CSH" : "CPH";
                pairs(c + "MUL" + t, form + (scalar ? "D7" : "D6"), scalar, false, conjugate);
                pairs(c + "MADD" + t, form + (scalar ? "57" : "56"), scalar, true, conjugate);
            }
        }
    }

    private void pairs(String name, String encoding, boolean scalar, boolean add, boolean conjugate) {
        row(name, encoding + " /r", "V,W", i -> {
            EvexOp op =
                    new EvexFloat(i, 32, 32, scalar, false, (d, a, b, imm, mx) -> product(d, a, b, add, conjugate, mx));
            op.undefined |= i.reg == i.vvvv || !i.isMem() && i.reg == i.rm;
            return op;
        });
    }

    static SseFloat.Result product(long d, long a, long b, boolean add, boolean conjugate, int mxcsr) {
        int mx = mxcsr & SseFloat.modes(16);
        long ar = a & 0xffff, ai = a >>> 16 & 0xffff, br = b & 0xffff, bi = b >>> 16 & 0xffff;
        SseFloat.Result real, imaginary;
        if (add) {
            real = SseFloat.fma(H, ar, br, d & 0xffff, false, false, mx);
            imaginary = SseFloat.fma(H, ai, br, d >>> 16 & 0xffff, false, false, mx);
        } else {
            real = SseFloat.slow(H, SseFloat.MUL, ar, br, mx);
            imaginary = SseFloat.slow(H, SseFloat.MUL, ai, br, mx);
        }
        SseFloat.Result r = SseFloat.fma(H, ai, bi, real.bits(), !conjugate, false, mx);
        SseFloat.Result j = SseFloat.fma(H, ar, bi, imaginary.bits(), conjugate, false, mx);
        return new SseFloat.Result(r.bits() | j.bits() << 16, real.flags() | imaginary.flags() | r.flags() | j.flags());
    }

    private void comparisons() {
        for (boolean scalar : new boolean[] {false, true})
            row(
                    scalar ? "VCMPSH" : "VCMPPH",
                    (scalar ? "F3" : "NP") + ".0F3A.W0 C2 /r",
                    "V,W,Ib",
                    i -> new Avx512FloatTable.Relates(i, 16, scalar));
        for (boolean quiet : new boolean[] {true, false})
            row(quiet ? "VUCOMISH" : "VCOMISH", "NP.MAP5.W0 " + (quiet ? "2E" : "2F") + " /r", "V,W", i -> {
                boolean suppressed = i.b && !i.isMem();
                EvexOp op = new EvexOp.Free(i, 16, 2, (m, o) -> Avx512FloatTable.ordered(m, o, 16, quiet, suppressed));
                op.undefined = i.aaa != 0 || i.z || i.b && i.isMem();
                return op;
            });
    }

    private void forms() {
        String map = "NP.0F3A.W0 ";
        both("VRNDSCALE", map + "08", map + "0A", true, (d, a, b, i, mx) -> FloatForms.roundScale(H, b, i, mx));
        both("VREDUCE", map + "56", map + "57", true, (d, a, b, i, mx) -> FloatForms.reduce(H, b, i, mx));
        both("VGETMANT", map + "26", map + "27", true, (d, a, b, i, mx) -> FloatForms.mantissa(H, b, i, mx));
        both("VGETEXP", "66.MAP6.W0 42", "66.MAP6.W0 43", true, (d, a, b, i, mx) -> FloatForms.exponent(H, b, mx));
        both("VSCALEF", "66.MAP6.W0 2C", "66.MAP6.W0 2D", false, (d, a, b, i, mx) -> FloatForms.scale(H, a, b, mx));
        Avx512FormTable.classes(this, "VFPCLASSPH", map + "66", 16, false);
        Avx512FormTable.classes(this, "VFPCLASSSH", map + "67", 16, true);
    }

    private void moves() {
        scalarMove("VMOVSH", "F3.MAP5.W0", 16);
        row(
                "VMOVW",
                "128.66.MAP5.WIG 6E /r",
                "V,E",
                i -> new EvexOp.Free(i, 16, 2, (m, o) -> {
                    long v = o.ea != null ? m.ld(m.linear(o.ea, 2, false), 2) : m.g[o.rm & 15] & 0xffff;
                    EvexOp.write(m, o.reg, new long[] {v, 0}, 2);
                }));
        row(
                "VMOVW",
                "128.66.MAP5.WIG 7E /r",
                "E,V",
                i -> new EvexOp.Free(i, 16, 2, (m, o) -> {
                    long v = EvexOp.read(m, o.reg)[0] & 0xffff;
                    if (o.ea != null) m.st(m.linear(o.ea, 2, true), 2, v);
                    else m.setReg(o.rm & 15, 8, v);
                }));
    }

    // Conversions.

    private void integers() {
        for (boolean cut : new boolean[] {false, true}) {
            String t = cut ? "VCVTTPH2" : "VCVTPH2";
            to(t + "DQ", (cut ? "F3" : "66") + ".MAP5.W0 5B", 32, false, cut);
            to(t + "UDQ", "NP.MAP5.W0 7" + (cut ? 8 : 9), 32, true, cut);
            to(t + "QQ", "66.MAP5.W0 7" + (cut ? "A" : "B"), 64, false, cut);
            to(t + "UQQ", "66.MAP5.W0 7" + (cut ? 8 : 9), 64, true, cut);
            to(t + "W", "66.MAP5.W0 7" + (cut ? "C" : "D"), 16, false, cut);
            to(t + "UW", "NP.MAP5.W0 7" + (cut ? "C" : "D"), 16, true, cut);
        }
        from("VCVTDQ2PH", "NP.MAP5.W0 5B", 32, false);
        from("VCVTUDQ2PH", "F2.MAP5.W0 7A", 32, true);
        from("VCVTQQ2PH", "NP.MAP5.W1 5B", 64, false);
        from("VCVTUQQ2PH", "F2.MAP5.W1 7A", 64, true);
        from("VCVTW2PH", "F3.MAP5.W0 7D", 16, false);
        from("VCVTUW2PH", "F2.MAP5.W0 7D", 16, true);
    }

    private void to(String name, String encoding, int width, boolean unsigned, boolean cut) {
        add(name, encoding, 16, width, false, cut, (d, a, b, i, mx) -> {
            int rc = cut ? SseFloat.RC : mx & SseFloat.RC;
            return FloatForms.toInteger(H, b, width, unsigned, rc, mx & SseFloat.modes(16));
        });
    }

    private void from(String name, String encoding, int width, boolean unsigned) {
        int s = 64 - width;
        add(
                name,
                encoding,
                width,
                16,
                false,
                false,
                (d, a, b, i, mx) ->
                        FloatForms.fromInteger(H, unsigned ? b : b << s >> s, unsigned, mx & SseFloat.modes(16)));
    }

    private void formats() {
        convert("VCVTPH2PD", "NP.MAP5.W0 5A", H, D, false);
        convert("VCVTPD2PH", "66.MAP5.W1 5A", D, H, false);
        convert("VCVTPH2PSX", "66.MAP6.W0 13", H, S, false);
        convert("VCVTPS2PHX", "66.MAP5.W0 1D", S, H, false);
        convert("VCVTSH2SS", "NP.MAP6.W0 13", H, S, true);
        convert("VCVTSS2SH", "NP.MAP5.W0 1D", S, H, true);
        convert("VCVTSH2SD", "F3.MAP5.W0 5A", H, D, true);
        convert("VCVTSD2SH", "F2.MAP5.W1 5A", D, H, true);
    }

    private void convert(String name, String encoding, SseFloat.Format from, SseFloat.Format to, boolean scalar) {
        add(
                name,
                encoding,
                from.width(),
                to.width(),
                scalar,
                from == H,
                (d, a, b, i, mx) -> FloatForms.converted(from, to, b, mx));
    }

    private void generalRegisters() {
        Avx512FormTable.fromGeneral(this, "VCVTSI2SH", "F3.MAP5.WIG 2A", 16, false);
        Avx512FormTable.fromGeneral(this, "VCVTUSI2SH", "F3.MAP5.WIG 7B", 16, true);
        Avx512FormTable.toGeneral(this, "VCVTSH2SI", "F3.MAP5.WIG 2D", 16, false, false);
        Avx512FormTable.toGeneral(this, "VCVTTSH2SI", "F3.MAP5.WIG 2C", 16, false, true);
        Avx512FormTable.toGeneral(this, "VCVTSH2USI", "F3.MAP5.WIG 79", 16, true, false);
        Avx512FormTable.toGeneral(this, "VCVTTSH2USI", "F3.MAP5.WIG 78", 16, true, true);
    }
}
