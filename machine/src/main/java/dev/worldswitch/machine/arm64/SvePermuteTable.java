package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.sf;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.five;

/** Copies and permutations of elements (Arm ARM C4.1 "SVE Permute ...", "SVE Index Generation", "SVE constructive prefix"). */
final class SvePermuteTable extends SveRows {
    @Override
    void build() {
        copies();
        permutes();
        compaction();
        last();
        reversals();
        tables();
        quadwords();
    }

    /** imm8, shifted left by 8 when {@code sh}. */
    private static long imm8(int w) {
        return (long) (byte) f(w, 12, 5) << (f(w, 13, 13) != 0 ? 8 : 0);
    }

    private void copies() {
        shiftable(
                "DUP (immediate)",
                "00100101ss11100011hiiiiiiiiddddd",
                (c, w, pc) -> SveOps.fill(c, d(w), imm8(w), size(w)));
        row("DUP (scalar)", "00000101ss100000001110nnnnnddddd", (c, w, pc) -> SveOps.fill(c, d(w), c.x[n(w)], size(w)));
        row("DUP (indexed)", "00000101ii1ttttt001000nnnnnddddd", (c, w, pc) -> {
            int tsz = m(w), log = Integer.numberOfTrailingZeros(tsz | 32);
            if (tsz == 0) throw c.undefined();
            int index = (f(w, 23, 22) << 5 | tsz) >> log + 1;
            if (log == 4) {
                long low = index * 16 < c.vl ? SveOps.get(c, n(w), 2 * index, 8) : 0,
                        high = index * 16 < c.vl ? SveOps.get(c, n(w), 2 * index + 1, 8) : 0;
                long[] r = SveOps.vector(c);
                for (int k = 0; k < c.vl / 8; k++) r[k] = (k & 1) == 0 ? low : high;
                SveOps.write(c, d(w), r);
            } else
                SveOps.fill(
                        c,
                        d(w),
                        index < SveOps.elements(c, 1 << log) ? SveOps.get(c, n(w), index, 1 << log) : 0,
                        1 << log);
        });
        sized(
                "FDUP",
                "00100101ss111001110iiiiiiiiddddd",
                1,
                3,
                (c, w, pc) -> SveOps.fill(c, d(w), FpTable.expand(f(w, 12, 5), 8 * size(w)), size(w)));
        for (int mm = 0; mm < 2; mm++) {
            boolean merging = mm == 1;
            shiftable(
                    merging ? "CPY (immediate, merging)" : "CPY (immediate, zeroing)",
                    "00000101ss01gggg0" + mm + "hiiiiiiiiddddd",
                    (c, w, pc) -> {
                        int size = size(w), p = f(w, 19, 16);
                        long[] r = merging ? SveOps.copy(c, d(w)) : SveOps.vector(c);
                        for (int e = 0; e < SveOps.elements(c, size); e++)
                            if (SveOps.active(c, p, e, size)) SveOps.put(r, e, size, imm8(w));
                        SveOps.write(c, d(w), r);
                    });
        }
        row(
                "CPY (scalar)",
                "00000101ss101000101gggnnnnnddddd",
                w -> SveLanes.mergeScalar(d(w), d(w), g(w), c -> c.base(n(w)), size(w), (f, a, b, bits) -> b));
        row(
                "CPY (SIMD&FP scalar)",
                "00000101ss100000100gggnnnnnddddd",
                w -> SveLanes.mergeScalar(
                        d(w), d(w), g(w), c -> SveOps.get(c, n(w), 0, size(w)), size(w), (f, a, b, bits) -> b));
        row("SEL", "00000101ss1mmmmm11ggggnnnnnddddd", (c, w, pc) -> {
            int size = size(w), p = f(w, 13, 10);
            long[] r = SveOps.copy(c, m(w));
            for (int e = 0; e < SveOps.elements(c, size); e++)
                if (SveOps.active(c, p, e, size)) SveOps.put(r, e, size, SveOps.get(c, n(w), e, size));
            SveOps.write(c, d(w), r);
        });
        row(
                "MOVPRFX (unpredicated)",
                "0000010000100000101111nnnnnddddd",
                (c, w, pc) -> SveOps.write(c, d(w), SveOps.copy(c, n(w))));
        row("MOVPRFX (predicated)", "00000100ss01000z001gggnnnnnddddd", (c, w, pc) -> {
            int size = size(w);
            long[] r = f(w, 16, 16) != 0 ? SveOps.copy(c, d(w)) : SveOps.vector(c);
            for (int e = 0; e < SveOps.elements(c, size); e++)
                if (SveOps.active(c, g(w), e, size)) SveOps.put(r, e, size, SveOps.get(c, n(w), e, size));
            SveOps.write(c, d(w), r);
        });
        row(
                "INDEX (immediates)",
                "00000100ss1jjjjj010000iiiiiddddd",
                (c, w, pc) -> index(c, w, sf(w, 9, 5), sf(w, 20, 16)));
        row(
                "INDEX (scalar, immediate)",
                "00000100ss1jjjjj010001nnnnnddddd",
                (c, w, pc) -> index(c, w, c.x[zr(n(w))], sf(w, 20, 16)));
        row(
                "INDEX (immediate, scalar)",
                "00000100ss1mmmmm010010iiiiiddddd",
                (c, w, pc) -> index(c, w, sf(w, 9, 5), c.x[zr(m(w))]));
        row(
                "INDEX (scalars)",
                "00000100ss1mmmmm010011nnnnnddddd",
                (c, w, pc) -> index(c, w, c.x[zr(n(w))], c.x[zr(m(w))]));
    }

    private static void index(Arm64Interpreter c, int w, long from, long step) {
        long[] r = SveOps.vector(c);
        for (int e = 0; e < SveOps.elements(c, size(w)); e++) SveOps.put(r, e, size(w), from + e * step);
        SveOps.write(c, d(w), r);
    }

    private void permutes() {
        String[] names = {"ZIP1", "ZIP2", "UZP1", "UZP2", "TRN1", "TRN2"};
        for (int k = 0; k < 6; k++) {
            int kind = k / 2, part = k & 1;
            row(names[k] + " (vectors)", "00000101ss1mmmmm011" + five(k).substring(2) + "nnnnnddddd", (c, w, pc) -> {
                int size = size(w), n = SveOps.elements(c, size);
                long[] r = SveOps.vector(c);
                for (int e = 0; e < n; e++) {
                    int from = SveOps.permuted(kind, part, e, n);
                    SveOps.put(
                            r,
                            e,
                            size,
                            from < n ? SveOps.get(c, n(w), from, size) : SveOps.get(c, m(w), from - n, size));
                }
                SveOps.write(c, d(w), r);
            });
        }
        row("REV (vector)", "00000101ss111000001110nnnnnddddd", (c, w, pc) -> {
            int size = size(w), n = SveOps.elements(c, size);
            long[] r = SveOps.vector(c);
            for (int e = 0; e < n; e++) SveOps.put(r, e, size, SveOps.get(c, n(w), n - 1 - e, size));
            SveOps.write(c, d(w), r);
        });
        row("TBL (one register)", "00000101ss1mmmmm001100nnnnnddddd", (c, w, pc) -> {
            int size = size(w), n = SveOps.elements(c, size);
            long[] r = SveOps.vector(c);
            for (int e = 0; e < n; e++) {
                long i = SveOps.get(c, m(w), e, size);
                if (Long.compareUnsigned(i, n) < 0) SveOps.put(r, e, size, SveOps.get(c, n(w), (int) i, size));
            }
            SveOps.write(c, d(w), r);
        });
        row("EXT (destructive)", "00000101001iiiii000iiinnnnnddddd", (c, w, pc) -> extract(c, w, d(w), n(w)));
        row("INSR (scalar)", "00000101ss100100001110nnnnnddddd", (c, w, pc) -> {
            int size = size(w);
            long[] r = SveOps.vector(c);
            for (int e = SveOps.elements(c, size) - 1; e > 0; e--)
                SveOps.put(r, e, size, SveOps.get(c, d(w), e - 1, size));
            SveOps.put(r, 0, size, c.x[zr(n(w))]);
            SveOps.write(c, d(w), r);
        });
        for (int k = 0; k < 4; k++) {
            boolean unsigned = k >= 2, upper = (k & 1) != 0;
            sized(
                    (unsigned ? "U" : "S") + "UNPK" + (upper ? "HI" : "LO"),
                    "00000101ss1100" + two(k) + "001110nnnnnddddd",
                    1,
                    3,
                    (c, w, pc) -> {
                        int size = size(w), n = SveOps.elements(c, size);
                        long[] r = SveOps.vector(c);
                        for (int e = 0; e < n; e++) {
                            long v = SveOps.get(c, n(w), upper ? e + n : e, size / 2);
                            SveOps.put(r, e, size, unsigned ? v : LaneFn.s(v, 4 * size));
                        }
                        SveOps.write(c, d(w), r);
                    });
        }
    }

    private void compaction() {
        sized("COMPACT", "00000101ss100001100gggnnnnnddddd", 2, 3, (c, w, pc) -> {
            int size = size(w), to = 0;
            long[] r = SveOps.vector(c);
            for (int e = 0; e < SveOps.elements(c, size); e++)
                if (SveOps.active(c, g(w), e, size)) SveOps.put(r, to++, size, SveOps.get(c, n(w), e, size));
            SveOps.write(c, d(w), r);
        });
        row("SPLICE (destructive)", "00000101ss101100100gggmmmmmddddd", (c, w, pc) -> splice(c, w, d(w), n(w)));
        row(
                "SPLICE (constructive)",
                "00000101ss101101100gggnnnnnddddd",
                Feature.SVE2,
                (c, w, pc) -> splice(c, w, n(w), n(w) + 1 & 31));
        row("FCPY", "00000101ss01gggg110iiiiiiiiddddd", Feature.SVE, w -> f(w, 23, 22) != 0, w -> {
            int size = size(w);
            return SveLanes.mergeConstant(
                    d(w), d(w), f(w, 19, 16), FpTable.expand(f(w, 12, 5), 8 * size), size, (f, a, b, n) -> b);
        });
        row("INSR (SIMD&FP scalar)", "00000101ss110100001110mmmmmddddd", (c, w, pc) -> {
            int size = size(w);
            long[] r = SveOps.vector(c);
            for (int e = SveOps.elements(c, size) - 1; e > 0; e--)
                SveOps.put(r, e, size, SveOps.get(c, d(w), e - 1, size));
            SveOps.put(r, 0, size, SveOps.get(c, n(w), 0, size));
            SveOps.write(c, d(w), r);
        });
    }

    /** The elements of {@code a} from the first to the last active one, then those of {@code b} as far as they fit. */
    private static void splice(Arm64Interpreter c, int w, int a, int b) {
        int size = size(w), n = SveOps.elements(c, size), last = lastActive(c, g(w), size), to = 0;
        long[] r = SveOps.vector(c);
        boolean on = false;
        for (int e = 0; e <= last; e++) {
            on |= SveOps.active(c, g(w), e, size);
            if (on) SveOps.put(r, to++, size, SveOps.get(c, a, e, size));
        }
        for (int e = 0; to < n; e++) SveOps.put(r, to++, size, SveOps.get(c, b, e, size));
        SveOps.write(c, d(w), r);
    }

    private static int lastActive(Arm64Interpreter c, int p, int size) {
        for (int e = SveOps.elements(c, size) - 1; e >= 0; e--) if (SveOps.active(c, p, e, size)) return e;
        return -1;
    }

    /** The element LASTB takes, or LASTA, the next one. */
    private static int chosen(int last, int n, boolean before) {
        return before ? last < 0 ? n - 1 : last : last + 1 >= n ? 0 : last + 1;
    }

    private void last() {
        for (int k = 0; k < 2; k++) {
            boolean before = k == 1;
            String end = before ? "B" : "A";
            row("LAST" + end + " (scalar)", "00000101ss10000" + k + "101gggnnnnnddddd", (c, w, pc) -> {
                int size = size(w);
                int at = chosen(lastActive(c, g(w), size), SveOps.elements(c, size), before);
                c.x[zw(d(w))] = SveOps.get(c, n(w), at, size);
            });
            row("LAST" + end + " (SIMD&FP scalar)", "00000101ss10001" + k + "100gggnnnnnddddd", (c, w, pc) -> {
                int size = size(w);
                int at = chosen(lastActive(c, g(w), size), SveOps.elements(c, size), before);
                Vec.set(c, d(w), SveOps.get(c, n(w), at, size), 0);
            });
            row("CLAST" + end + " (scalar)", "00000101ss11000" + k + "101gggmmmmmddddd", (c, w, pc) -> {
                int size = size(w), last = lastActive(c, g(w), size);
                c.x[zw(d(w))] = last < 0
                        ? Vec.cut(c.x[zr(d(w))], 8 * size)
                        : SveOps.get(c, n(w), chosen(last, SveOps.elements(c, size), before), size);
            });
            row("CLAST" + end + " (SIMD&FP scalar)", "00000101ss10101" + k + "100gggmmmmmddddd", (c, w, pc) -> {
                int size = size(w), last = lastActive(c, g(w), size);
                long v = last < 0
                        ? SveOps.get(c, d(w), 0, size)
                        : SveOps.get(c, n(w), chosen(last, SveOps.elements(c, size), before), size);
                Vec.set(c, d(w), v, 0);
            });
            row("CLAST" + end + " (vectors)", "00000101ss10100" + k + "100gggmmmmmddddd", (c, w, pc) -> {
                int size = size(w), last = lastActive(c, g(w), size);
                if (last < 0) SveOps.write(c, d(w), SveOps.copy(c, d(w)));
                else
                    SveOps.fill(
                            c, d(w), SveOps.get(c, n(w), chosen(last, SveOps.elements(c, size), before), size), size);
            });
        }
    }

    private void reversal(String name, int opcode, int from, LaneFn.Two fn) {
        sized(
                name,
                "00000101ss1001" + two(opcode) + "100gggnnnnnddddd",
                from,
                3,
                w -> SveLanes.mergeConstant(d(w), n(w), g(w), 0, size(w), fn));
    }

    private void reversals() {
        reversal("REVB", 0, 1, (f, a, b, n) -> Long.reverseBytes(a) >>> 64 - n);
        reversal("REVH", 1, 2, (f, a, b, n) -> {
            long r = (a & 0x0000ffff0000ffffL) << 16 | a >>> 16 & 0x0000ffff0000ffffL;
            return n == 64 ? Long.rotateLeft(r, 32) : r;
        });
        reversal("REVW", 2, 3, (f, a, b, n) -> Long.rotateLeft(a, 32));
        reversal("RBIT", 3, 0, LaneFn::rbit);
    }

    private void tables() {
        row("TBL (two registers)", "00000101ss1mmmmm001010nnnnnddddd", Feature.SVE2, (c, w, pc) -> {
            int size = size(w), n = SveOps.elements(c, size), second = n(w) + 1 & 31;
            long[] r = SveOps.vector(c);
            for (int e = 0; e < n; e++) {
                long i = SveOps.get(c, m(w), e, size);
                if (Long.compareUnsigned(i, 2 * n) < 0)
                    SveOps.put(
                            r,
                            e,
                            size,
                            i < n ? SveOps.get(c, n(w), (int) i, size) : SveOps.get(c, second, (int) i - n, size));
            }
            SveOps.write(c, d(w), r);
        });
        row("TBX", "00000101ss1mmmmm001011nnnnnddddd", Feature.SVE2, (c, w, pc) -> {
            int size = size(w), n = SveOps.elements(c, size);
            long[] r = SveOps.copy(c, d(w));
            for (int e = 0; e < n; e++) {
                long i = SveOps.get(c, m(w), e, size);
                if (Long.compareUnsigned(i, n) < 0) SveOps.put(r, e, size, SveOps.get(c, n(w), (int) i, size));
            }
            SveOps.write(c, d(w), r);
        });
        row(
                "EXT (constructive)",
                "00000101011iiiii000iiinnnnnddddd",
                Feature.SVE2,
                (c, w, pc) -> extract(c, w, n(w), n(w) + 1 & 31));
    }

    private static void extract(Arm64Interpreter c, int w, int a, int b) {
        int at = m(w) << 3 | g(w);
        if (at >= c.vl) at = 0;
        long[] r = SveOps.vector(c);
        for (int e = 0; e < c.vl; e++)
            SveOps.put(r, e, 1, e + at < c.vl ? SveOps.get(c, a, e + at, 1) : SveOps.get(c, b, e + at - c.vl, 1));
        SveOps.write(c, d(w), r);
    }

    private void quadwords() {
        String[] names = {"ZIP1", "ZIP2", "UZP1", "UZP2", "", "", "TRN1", "TRN2"};
        for (int k : new int[] {0, 1, 2, 3, 6, 7}) {
            int kind = k == 6 || k == 7 ? 2 : k / 2, part = k & 1;
            row(
                    names[k] + " (quadwords)",
                    "00000101101mmmmm000" + five(k).substring(2) + "nnnnnddddd",
                    Feature.SVE_F64MM,
                    (c, w, pc) -> {
                        if (c.vl < 32) throw c.undefined();
                        int n = c.vl / 32 * 2;
                        long[] r = SveOps.vector(c);
                        for (int e = 0; e < n; e++) {
                            int from = SveOps.permuted(kind, part, e, n), reg = from < n ? n(w) : m(w);
                            int q = from < n ? from : from - n;
                            r[2 * e] = SveOps.get(c, reg, 2 * q, 8);
                            r[2 * e + 1] = SveOps.get(c, reg, 2 * q + 1, 8);
                        }
                        SveOps.write(c, d(w), r);
                    });
        }
    }
}
