package dev.worldswitch.machine.x86;

import java.util.EnumSet;

/**
 * Integer instructions that came after AVX-512's first ones: IFMA, VBMI2's double shifts, VPMULTISHIFTQB, VPSHUFBITQMB, VNNI, BF16,
 * and the EVEX forms of AES, GFNI and PCLMULQDQ; VDBPSADBW of AVX512BW; AVX-VNNI, which has VEX encodings (SDM vol. 2).
 */
final class Avx512NewerTable extends Avx512Table {
    /** One element of the result of three elements. */
    private interface Three {
        long of(long d, long a, long b);
    }

    @Override
    void fill() {
        three("VPMADD52LUQ", "66.0F38.W1 B4", 64, Avx512NewerTable::madd52lo);
        three("VPMADD52HUQ", "66.0F38.W1 B5", 64, Avx512NewerTable::madd52hi);
        doubleShifts();
        dots();
        bf16();
        ciphers();
        row(
                "VPMULTISHIFTQB",
                "66.0F38.W1 83 /r",
                "V,W",
                i -> new EvexOp.Free(i, 64, 0, (m, o) -> {
                    long[] a = EvexOp.read(m, o.first), b = o.operand(m, false), r = new long[8];
                    for (int k = 0; k < o.words; k++) r[k] = multishift(a[k], b[k]);
                    o.put(m, o.reg, r, 8, o.words);
                }));
        row("VPSHUFBITQMB", "66.0F38.W0 8F /r", "V,W", i -> {
            EvexOp op = new EvexOp.Free(i, 8, 0, (m, o) -> {
                long[] a = EvexOp.read(m, o.first), b = o.operand(m, true);
                long r = 0;
                for (int e = 0; e < 8 * o.words; e++)
                    r |= (a[e >> 3] >>> ((int) Avx2Table.lane(b, e, 8) & 63) & 1) << e;
                EvexOp.setOpmask(m, o.reg, r & o.active(m));
            });
            op.undefined |= i.z;
            return op;
        });
        row(
                "VDBPSADBW",
                "66.0F3A.W0 42 /r",
                "V,W,Ib",
                i -> new EvexOp.General(i, 16, false, false, (d, a, b, r, o) -> {
                    for (int k = 0; k < o.words; k += 2) {
                        long low = SseShuffle.pshufdLo(0, 0, b[k], b[k + 1], o.imm);
                        long high = SseShuffle.pshufdHi(0, 0, b[k], b[k + 1], o.imm);
                        // The last words of the lower half look 3 bytes into the upper one.
                        r[k] = differences(a[k], low);
                        r[k + 1] = differences(a[k + 1], high);
                    }
                }));
    }

    /** Sums of four absolute differences: blocks at bytes 0 and 4 of {@code a} against windows at bytes 0 to 3 of {@code b}. */
    static long differences(long a, long b) {
        long r = 0;
        for (int j = 0; j < 4; j++) {
            long sum = 0;
            for (int k = 0; k < 4; k++) {
                int x = (int) (a >>> 8 * ((j & 2) * 2 + k)) & 0xff, y = (int) (b >>> 8 * (j + k)) & 0xff;
                sum += Math.abs(x - y);
            }
            r |= sum << 16 * j;
        }
        return r;
    }

    private void three(String name, String encoding, int width, Three f) {
        whole(name, encoding, "V,W", width, true, (d, a, b, r, o) -> {
            for (int e = 0; e < o.elements(); e++)
                Avx2Table.setLane(
                        r,
                        e,
                        width,
                        f.of(Avx2Table.lane(d, e, width), Avx2Table.lane(a, e, width), Avx2Table.lane(b, e, width)));
        });
    }

    private static final long LOW52 = (1L << 52) - 1;

    static long madd52lo(long d, long a, long b) {
        return d + ((a & LOW52) * (b & LOW52) & LOW52);
    }

    static long madd52hi(long d, long a, long b) {
        long x = a & LOW52, y = b & LOW52;
        return d + (Math.multiplyHigh(x, y) << 12 | x * y >>> 52);
    }

    /** Each byte is the eight bits of {@code v}, seen as a circle, that the control's byte names. */
    static long multishift(long control, long v) {
        long r = 0;
        for (int j = 0; j < 64; j += 8) r |= (Long.rotateRight(v, (int) (control >>> j)) & 0xff) << j;
        return r;
    }

    // Double shifts: the upper operand's bits, or the lower's, of both side by side.

    static long left(long high, long low, long n, int width) {
        int by = (int) n & width - 1;
        return by == 0 ? high : high << by | (low & Avx2Table.mask(width)) >>> width - by;
    }

    static long right(long low, long high, long n, int width) {
        int by = (int) n & width - 1;
        return by == 0 ? low : (low & Avx2Table.mask(width)) >>> by | high << width - by;
    }

    private void doubleShifts() {
        String[] t = {"W", "D", "Q"}, w = {"W1 ", "W0 ", "W1 "};
        for (int k = 0; k < 3; k++) {
            int width = 16 << k;
            String l = k == 0 ? "70" : "71", r = k == 0 ? "72" : "73";
            three("VPSHLDV" + t[k], "66.0F38." + w[k] + l, width, (d, a, b) -> left(d, a, b, width));
            three("VPSHRDV" + t[k], "66.0F38." + w[k] + r, width, (d, a, b) -> right(d, a, b, width));
            immediate("VPSHLD" + t[k], "66.0F3A." + w[k] + l, width, true);
            immediate("VPSHRD" + t[k], "66.0F3A." + w[k] + r, width, false);
        }
    }

    private void immediate(String name, String encoding, int width, boolean left) {
        whole(name, encoding, "V,W,Ib", width, true, (d, a, b, r, o) -> {
            for (int e = 0; e < o.elements(); e++) {
                long x = Avx2Table.lane(a, e, width), y = Avx2Table.lane(b, e, width);
                Avx2Table.setLane(r, e, width, left ? left(x, y, o.imm, width) : right(x, y, o.imm, width));
            }
        });
    }

    // VNNI.

    /** {@code d} plus four products of an unsigned and a signed byte. */
    static long dotBytes(long d, long a, long b) {
        return (int) d + sumOfBytes(a, b);
    }

    private static long sumOfBytes(long a, long b) {
        long s = 0;
        for (int j = 0; j < 32; j += 8) s += (a >>> j & 0xff) * (byte) (b >>> j);
        return s;
    }

    /** {@code d} plus two products of signed words. */
    static long dotWords(long d, long a, long b) {
        return (int) d + (long) (short) a * (short) b + (long) (short) (a >>> 16) * (short) (b >>> 16);
    }

    static long saturated(long v) {
        return Math.clamp(v, Integer.MIN_VALUE, Integer.MAX_VALUE);
    }

    private void dots() {
        dot("VPDPBUSD", "50", Avx512NewerTable::dotBytes);
        dot("VPDPBUSDS", "51", (d, a, b) -> saturated(dotBytes(d, a, b)));
        dot("VPDPWSSD", "52", Avx512NewerTable::dotWords);
        dot("VPDPWSSDS", "53", (d, a, b) -> saturated(dotWords(d, a, b)));
    }

    private void dot(String name, String op, Three f) {
        three(name, "66.0F38.W0 " + op, 32, f);
        vex(name, "VEX.66.0F38.W0 " + op + " /r", "V,W", Feature.AVX_VNNI, (m, o) -> {
            long[] d = new long[4], a = new long[4], b = new long[4], r = new long[4];
            o.read(m.fp, o.dst, d);
            o.read(m.fp, o.a, a);
            SseTable.source(m, o, b);
            for (int e = 0; e < 4 * o.lanes; e++)
                Avx2Table.setLane(
                        r, e, 32, f.of(Avx2Table.lane(d, e, 32), Avx2Table.lane(a, e, 32), Avx2Table.lane(b, e, 32)));
            o.write(m, o.dst, r[0], r[1], r[2], r[3]);
        });
    }

    private void vex(String name, String encoding, String operands, Feature needs, SseOps.Action a) {
        rows.add(
                new Row(name, encoding, operands, i -> new SseOps.Free(i, a), "SDM vol. 2 " + name, EnumSet.of(needs)));
    }

    // BF16. Nearest-even whatever MXCSR says, denormals are zeros, no exceptions.

    private void bf16() {
        row(
                "VCVTNE2PS2BF16",
                "F2.0F38.W0 72 /r",
                "V,W",
                i -> new EvexOp.Free(i, 32, 0, (m, o) -> {
                    long[] a = EvexOp.read(m, o.first), b = o.operand(m, false), r = new long[8];
                    int n = o.elements();
                    for (int e = 0; e < 2 * n; e++)
                        Avx2Table.setLane(
                                r, e, 16, Bf16.of((int) Avx2Table.lane(e < n ? b : a, e < n ? e : e - n, 32)));
                    o.put(m, o.reg, r, 16, o.words);
                }));
        row(
                "VCVTNEPS2BF16",
                "F3.0F38.W0 72 /r",
                "V,W",
                i -> new EvexOp.Free(i, 32, 0, (m, o) -> {
                    long[] b = o.operand(m, true), r = new long[8];
                    for (int e = 0; e < o.elements(); e++)
                        Avx2Table.setLane(r, e, 16, Bf16.of((int) Avx2Table.lane(b, e, 32)));
                    o.putPart(m, o.reg, r, 16, 32 * o.words);
                }));
        three("VDPBF16PS", "F3.0F38.W0 52", 32, (d, a, b) -> Bf16.dot((int) d, (int) a, (int) b));
    }

    // AES, PCLMULQDQ, GFNI.

    private void ciphers() {
        cipher("VAESENC", "66.0F38.WIG DC", "V,W", Aes::encLo, Aes::encHi);
        cipher("VAESENCLAST", "66.0F38.WIG DD", "V,W", Aes::encLastLo, Aes::encLastHi);
        cipher("VAESDEC", "66.0F38.WIG DE", "V,W", Aes::decLo, Aes::decHi);
        cipher("VAESDECLAST", "66.0F38.WIG DF", "V,W", Aes::decLastLo, Aes::decLastHi);
        cipher("VPCLMULQDQ", "66.0F3A.WIG 44", "V,W,Ib", Aes::clmulLo, Aes::clmulHi);
        row(
                "VGF2P8MULB",
                "66.0F38.W0 CF /r",
                "V,W",
                i -> new EvexOp.General(i, 8, true, false, (d, a, b, r, o) -> {
                    for (int k = 0; k < o.words; k++) r[k] = Aes.gf2p8mul(a[k], b[k]);
                }));
        for (boolean inverted : new boolean[] {false, true})
            row(
                    inverted ? "VGF2P8AFFINEINVQB" : "VGF2P8AFFINEQB",
                    "66.0F3A.W1 " + (inverted ? "CF" : "CE") + " /r",
                    "V,W,Ib",
                    i -> new EvexOp.Free(i, 64, 0, (m, o) -> {
                        long[] a = EvexOp.read(m, o.first), b = o.operand(m, false), r = new long[8];
                        for (int k = 0; k < o.words; k++) r[k] = Aes.affine(a[k], b[k], o.imm, inverted);
                        o.put(m, o.reg, r, 8, o.words);
                    }));
    }

    /** Each 128 bits on their own; no opmask, no broadcasting. */
    private void cipher(String name, String encoding, String operands, SseShuffle.Half low, SseShuffle.Half high) {
        row(name, encoding + " /r", operands, i -> {
            EvexOp op = new EvexOp.General(i, 64, false, false, (d, a, b, r, o) -> {
                for (int k = 0; k < o.words; k += 2) {
                    r[k] = low.of(a[k], a[k + 1], b[k], b[k + 1], o.imm);
                    r[k + 1] = high.of(a[k], a[k + 1], b[k], b[k + 1], o.imm);
                }
            });
            op.undefined |= i.b || i.aaa != 0;
            return op;
        });
    }
}
