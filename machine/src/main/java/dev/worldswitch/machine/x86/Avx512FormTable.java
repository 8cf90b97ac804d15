package dev.worldswitch.machine.x86;

/**
 * Floating point that came with AVX-512: VRNDSCALE, VREDUCE, VRANGE, VGETEXP, VGETMANT, VFIXUPIMM, VFPCLASS, VSCALEF, conversions of
 * unsigned integers, and the EVEX forms of half precision's conversions (SDM vol. 2). Meanings are in {@link FloatForms}.
 */
final class Avx512FormTable extends Avx512Table {
    /** An operation for each format. */
    private interface Form {
        SseFloat.Result of(SseFloat.Format f, long d, long a, long b, int imm, int mx);
    }

    @Override
    void fill() {
        forms("VRNDSCALE", "66.0F3A", "08", "0A", true, (f, d, a, b, i, mx) -> FloatForms.roundScale(f, b, i, mx));
        forms("VREDUCE", "66.0F3A", "56", "57", true, (f, d, a, b, i, mx) -> FloatForms.reduce(f, b, i, mx));
        forms("VRANGE", "66.0F3A", "50", "51", true, (f, d, a, b, i, mx) -> FloatForms.range(f, a, b, i, mx));
        forms("VGETMANT", "66.0F3A", "26", "27", true, (f, d, a, b, i, mx) -> FloatForms.mantissa(f, b, i, mx));
        forms("VFIXUPIMM", "66.0F3A", "54", "55", true, (f, d, a, b, i, mx) -> FloatForms.fixup(f, d, a, b, i, mx));
        forms("VGETEXP", "66.0F38", "42", "43", false, (f, d, a, b, i, mx) -> FloatForms.exponent(f, b, mx));
        for (int width = 32; width <= 64; width *= 2) {
            SseFloat.Format f = SseFloat.Format.of(width);
            String w = width == 64 ? "W1" : "W0", t = width == 64 ? "D" : "S";
            element(
                    "VSCALEFP" + t,
                    "66.0F38." + w + " 2C",
                    width,
                    width,
                    false,
                    false,
                    (d, a, b, i, mx) -> FloatForms.scale(f, a, b, mx));
            element(
                    "VSCALEFS" + t,
                    "66.0F38." + w + " 2D",
                    width,
                    width,
                    true,
                    false,
                    (d, a, b, i, mx) -> FloatForms.scale(f, a, b, mx));
            for (boolean scalar : new boolean[] {false, true}) {
                String kind = (scalar ? "S" : "P") + t, map = "66.0F38." + w + " 4";
                element(
                        "VRCP14" + kind,
                        map + (scalar ? "D" : "C"),
                        width,
                        width,
                        scalar,
                        true,
                        (d, a, b, i, mx) ->
                                new SseFloat.Result(Approximation.reciprocal(f, b, Approximation.LONG, mx), 0));
                element(
                        "VRSQRT14" + kind,
                        map + (scalar ? "F" : "E"),
                        width,
                        width,
                        scalar,
                        true,
                        (d, a, b, i, mx) ->
                                new SseFloat.Result(Approximation.inverseRoot(f, b, Approximation.LONG, mx), 0));
            }
            classes(this, "VFPCLASSP" + t, "66.0F3A." + w + " 66", width, false);
            classes(this, "VFPCLASSS" + t, "66.0F3A." + w + " 67", width, true);
        }
        toUnsigned();
        fromUnsigned();
        half();
    }

    private void element(
            String name, String encoding, int from, int to, boolean scalar, boolean saeOnly, EvexFloat.Element f) {
        boolean imm = encoding.contains("0F3A");
        row(name, encoding + " /r", imm ? "V,W,Ib" : "V,W", i -> new EvexFloat(i, from, to, scalar, saeOnly, f));
    }

    /** PS, PD, SS and SD of what rounds nothing but by MXCSR; VRNDSCALE has a second opcode for each double form. */
    private void forms(String name, String map, String packed, String scalar, boolean imm, Form form) {
        for (int width = 32; width <= 64; width *= 2) {
            SseFloat.Format f = SseFloat.Format.of(width);
            boolean wide = width == 64;
            String w = map + (wide ? ".W1 " : ".W0 "), t = wide ? "D" : "S";
            int second = wide && name.equals("VRNDSCALE") ? 1 : 0;
            EvexFloat.Element e = (d, a, b, i, mx) -> form.of(f, d, a, b, i, mx);
            element(name + "P" + t, w + next(packed, second), width, width, false, true, e);
            element(name + "S" + t, w + next(scalar, second), width, width, true, true, e);
        }
    }

    private static String next(String opcode, int by) {
        return IntegerTable.hex(Integer.parseInt(opcode, 16) + by);
    }

    /** VFPCLASS: an opmask of the elements that are of one of the classes. */
    static void classes(Avx512Table table, String name, String encoding, int width, boolean scalar) {
        SseFloat.Format f = SseFloat.Format.of(width);
        table.row(name, encoding + " /r", "V,W,Ib", i -> {
            EvexOp op = new EvexOp.Free(i, width, scalar ? width / 8 : 0, (m, o) -> {
                long on = o.active(m) & (scalar ? 1 : -1), r = 0;
                long[] v;
                if (!scalar) v = o.operand(m, true);
                else if (o.ea == null) v = EvexOp.read(m, o.rm);
                else v = new long[] {on == 0 ? 0 : m.ld(m.linear(o.ea, width / 8, false), width / 8)};
                int mx = XsaveInstructions.mxcsr(m.fp) & SseFloat.modes(width);
                for (int e = 0; e < (scalar ? 1 : o.elements()); e++)
                    if ((on >>> e & 1) != 0 && FloatForms.isOfClass(f, Avx2Table.lane(v, e, width), o.imm, mx))
                        r |= 1L << e;
                EvexOp.setOpmask(m, o.reg, r);
            });
            op.undefined = i.z || i.b && (scalar || !i.isMem()) || i.vl > 2 && !scalar;
            return op;
        });
    }

    // Unsigned integers.

    private static int mode(boolean cut, int mx) {
        return cut ? SseFloat.RC : mx & SseFloat.RC;
    }

    private void toUnsigned() {
        for (boolean cut : new boolean[] {false, true}) {
            String t = cut ? "VCVTT" : "VCVT", op = cut ? " 78" : " 79";
            unsigned(t + "PS2UDQ", "NP.0F.W0" + op, 32, 32, cut);
            unsigned(t + "PD2UDQ", "NP.0F.W1" + op, 64, 32, cut);
            unsigned(t + "PS2UQQ", "66.0F.W0" + op, 32, 64, cut);
            unsigned(t + "PD2UQQ", "66.0F.W1" + op, 64, 64, cut);
            for (int width = 32; width <= 64; width *= 2)
                toGeneral(
                        this,
                        t + (width == 64 ? "SD" : "SS") + "2USI",
                        (width == 64 ? "F2" : "F3") + ".0F.WIG" + op,
                        width,
                        true,
                        cut);
        }
    }

    private void unsigned(String name, String encoding, int from, int to, boolean cut) {
        SseFloat.Format f = SseFloat.Format.of(from);
        element(
                name,
                encoding,
                from,
                to,
                false,
                cut,
                (d, a, b, i, mx) -> FloatForms.toInteger(f, b, to, true, mode(cut, mx), mx));
    }

    private void fromUnsigned() {
        element(
                "VCVTUDQ2PS",
                "F2.0F.W0 7A",
                32,
                32,
                false,
                false,
                (d, a, b, i, mx) -> FloatForms.fromInteger(SseFloat.F32, b, true, mx));
        element(
                "VCVTUDQ2PD",
                "F3.0F.W0 7A",
                32,
                64,
                false,
                false,
                (d, a, b, i, mx) -> FloatForms.fromInteger(SseFloat.Format.of(64), b, true, mx));
        element(
                "VCVTUQQ2PS",
                "F2.0F.W1 7A",
                64,
                32,
                false,
                false,
                (d, a, b, i, mx) -> FloatForms.fromInteger(SseFloat.F32, b, true, mx));
        element(
                "VCVTUQQ2PD",
                "F3.0F.W1 7A",
                64,
                64,
                false,
                false,
                (d, a, b, i, mx) -> FloatForms.fromInteger(SseFloat.Format.of(64), b, true, mx));
        fromGeneral(this, "VCVTUSI2SS", "F3.0F.WIG 7B", 32, true);
        fromGeneral(this, "VCVTUSI2SD", "F2.0F.WIG 7B", 64, true);
    }

    /** To a general register. */
    static void toGeneral(Avx512Table table, String name, String encoding, int width, boolean unsigned, boolean cut) {
        SseFloat.Format f = SseFloat.Format.of(width);
        table.row(name, encoding + " /r", "G,W", i -> {
            int bytes = i.w ? 8 : 4, n = width / 8, rounding = i.vl << 13;
            boolean suppressed = i.b && !i.isMem();
            EvexOp op = new EvexOp.Free(i, width, n, (m, o) -> {
                long v = o.ea != null ? m.ld(m.linear(o.ea, n, false), n) : EvexOp.read(m, o.rm)[0];
                int mx = XsaveInstructions.mxcsr(m.fp) & SseFloat.modes(width);
                if (suppressed) mx = mx & ~SseFloat.RC | rounding | EvexFloat.ALL_MASKED;
                SseFloat.Result r =
                        FloatForms.toInteger(f, v & Avx2Table.mask(width), 8 * bytes, unsigned, mode(cut, mx), mx);
                if (!suppressed) VecOp.raise(m, r.flags());
                m.setReg(o.reg & 15, bytes, r.bits());
            });
            op.undefined = i.aaa != 0 || i.z || i.b && i.isMem();
            return op;
        });
    }

    /** From a general register; of 32 bits a double is exact, so that rounding takes no part. */
    static void fromGeneral(Avx512Table table, String name, String encoding, int width, boolean unsigned) {
        SseFloat.Format f = SseFloat.Format.of(width);
        table.row(name, encoding + " /r", "V,E", i -> {
            int bytes = i.w ? 8 : 4, rounding = i.vl << 13;
            boolean suppressed = i.b && !i.isMem();
            EvexOp op = new EvexOp.Free(i, width, bytes, (m, o) -> {
                long v = o.ea != null ? m.ld(m.linear(o.ea, bytes, false), bytes) : m.reg(o.rm & 15, bytes);
                if (bytes == 4 && !unsigned) v = (int) v;
                int mx = XsaveInstructions.mxcsr(m.fp) & SseFloat.modes(width);
                if (suppressed) mx = mx & ~SseFloat.RC | rounding | EvexFloat.ALL_MASKED;
                SseFloat.Result r = FloatForms.fromInteger(f, v, unsigned, mx);
                if (!suppressed) VecOp.raise(m, r.flags());
                Avx512Table.merge(m, o, o.reg, new long[] {r.bits()}, width);
            });
            op.undefined = i.aaa != 0 || i.z || i.b && i.isMem();
            return op;
        });
    }

    // Half precision.

    private void half() {
        row("VCVTPH2PS", "66.0F38.W0 13 /r", "V,W", i -> {
            EvexOp op = new EvexFloat(i, 16, 32, false, true, (d, a, b, imm, mx) -> SseFloat.fromHalf((int) b));
            op.undefined |= i.b && i.isMem();
            return op;
        });
        row("VCVTPS2PH", "66.0F3A.W0 1D /r", "W,V,Ib", i -> {
            boolean suppressed = i.b && !i.isMem();
            EvexOp op = new EvexOp.Free(i, 32, 8 << Math.min(i.vl, 2), (m, o) -> {
                long[] v = EvexOp.read(m, o.reg), r = new long[8];
                int flags = 0, mx = XsaveInstructions.mxcsr(m.fp), n = o.elements();
                if (suppressed) mx |= EvexFloat.ALL_MASKED;
                long on = o.active(m);
                for (int e = 0; e < n; e++) {
                    if ((on >>> e & 1) == 0) continue;
                    SseFloat.Result h = SseFloat.toHalf((int) Avx2Table.lane(v, e, 32), o.imm, mx);
                    Avx2Table.setLane(r, e, 16, h.bits());
                    flags |= h.flags();
                }
                if (o.ea != null) m.checkWrite(m.linear(o.ea, 2 * n, true), 2 * n);
                if (!suppressed) VecOp.raise(m, flags);
                if (o.ea != null) o.storeActive(m, r, 16, n);
                else o.putPart(m, o.rm, r, 16, 16 * n);
            });
            op.undefined = i.z && (i.aaa == 0 || i.isMem()) || i.b && i.isMem() || i.vl > 2 && !suppressed;
            return op;
        });
    }
}
