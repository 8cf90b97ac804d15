package dev.worldswitch.machine.x86;

/**
 * Rows of SSE4.2's string comparisons, of AES, PCLMULQDQ, SHA and GFNI, and of what of SSE4.1 looks at more than one lane:
 * MPSADBW, PHMINPOSUW, DPPS, DPPD.
 */
final class Sse42Table extends SseTable {
    private static final long STATUS = Flags.STATUS;

    /** A step of SHA on the destination's and the source's dwords. */
    private interface Step {
        void of(int[] to, int[] from, int imm);
    }

    @Override
    void fill() {
        for (boolean explicit : new boolean[] {true, false})
            for (boolean index : new boolean[] {true, false}) {
                String name = "PCMP" + (explicit ? "E" : "I") + "STR" + (index ? "I" : "M");
                String op = IntegerTable.hex(0x60 + (explicit ? 0 : 2) + (index ? 1 : 0));
                Row.Maker maker = i -> new SseOps.Free(i, (m, o) -> strings(m, o, explicit, index));
                legacy(name, "66", "0F3A", op, "/r", "V,W,Ib", maker);
                vex("V" + name, "128.66", "0F3A", op, "WIG", "/r", "V,W,Ib", maker);
            }
        aes("AESENC", "DC", Aes::encLo, Aes::encHi);
        aes("AESENCLAST", "DD", Aes::encLastLo, Aes::encLastHi);
        aes("AESDEC", "DE", Aes::decLo, Aes::decHi);
        aes("AESDECLAST", "DF", Aes::decLastLo, Aes::decLastHi);
        lanes128("AESIMC", "0F38", "DB", "V,W", Aes::imcLo, Aes::imcHi);
        lanes128("AESKEYGENASSIST", "0F3A", "DF", "V,W,Ib", Aes::assistLo, Aes::assistHi);
        shuffle("PCLMULQDQ", "66", "0F3A", "44", true, Aes::clmulLo, Aes::clmulHi);
        sha("SHA1NEXTE", "C8", Sha::sha1nexte);
        sha("SHA1MSG1", "C9", Sha::sha1msg1);
        sha("SHA1MSG2", "CA", Sha::sha1msg2);
        sha("SHA256MSG1", "CC", Sha::sha256msg1);
        sha("SHA256MSG2", "CD", Sha::sha256msg2);
        legacy(
                "SHA256RNDS2",
                "NP",
                "0F38",
                "CB",
                "/r",
                "V,W",
                i -> new SseOps.Free(i, (m, o) -> {
                    int[] constants = {(int) low(m, 0), (int) (low(m, 0) >>> 32)};
                    sha(m, o, (to, from, imm) -> Sha.sha256rnds2(to, from, constants));
                }));
        legacy(
                "SHA1RNDS4",
                "NP",
                "0F3A",
                "CC",
                "/r",
                "V,W,Ib",
                i -> new SseOps.Free(i, (m, o) -> sha(m, o, (to, from, imm) -> Sha.sha1rnds4(to, from, imm & 3))));
        both("MPSADBW", "66", "0F3A", "42", "/r", "V,W,Ib", i -> new SseOps.Free(i, Sse42Table::mpsadbw));
        Row.Maker minimum = i -> new SseOps.Free(i, Sse42Table::phminposuw);
        legacy("PHMINPOSUW", "66", "0F38", "41", "/r", "V,W", minimum);
        vex("VPHMINPOSUW", "128.66", "0F38", "41", "WIG", "/r", "V,W", minimum);
        both(
                "DPPS",
                "66",
                "0F3A",
                "40",
                "/r",
                "V,W,Ib",
                i -> new SseOps.FloatOp(i, Sse42Table::dpps, 16, false, false));
        Row.Maker dppd = i -> new SseOps.FloatOp(i, Sse42Table::dppd, 16, false, false);
        legacy("DPPD", "66", "0F3A", "41", "/r", "V,W,Ib", dppd);
        vex("VDPPD", "128.66", "0F3A", "41", "WIG", "/r", "V,W,Ib", dppd);
        gfni();
    }

    private static final int GFNI = 1 << 8;

    private void gfni() {
        both(
                "GF2P8MULB",
                "66",
                "0F38",
                "CF",
                "/r",
                "V,W",
                "W0",
                i -> new SseOps.Free(i, (m, o) -> {
                    gf(m, o, Aes::gf2p8mul);
                }));
        for (boolean inverted : new boolean[] {false, true})
            both(
                    inverted ? "GF2P8AFFINEINVQB" : "GF2P8AFFINEQB",
                    "66",
                    "0F3A",
                    inverted ? "CF" : "CE",
                    "/r",
                    "V,W,Ib",
                    "W1",
                    i -> new SseOps.Free(i, (m, o) -> gf(m, o, (a, b) -> Aes.affine(a, b, (int) o.in.imm, inverted))));
    }

    private static void gf(Interpreter m, SseOps.Free o, SseOps.Lane f) {
        if ((m.cpu.profile().cpuid(7, 0).ecx() & GFNI) == 0) throw m.ud();
        long[] a = new long[4], b = new long[4];
        o.read(m.fp, o.a, a);
        source(m, o, b);
        o.write(m, o.dst, f.of(a[0], b[0]), f.of(a[1], b[1]), f.of(a[2], b[2]), f.of(a[3], b[3]));
    }

    private void both(
            String name, String pp, String map, String op, String more, String operands, String w, Row.Maker maker) {
        legacy(name, pp, map, op, more, operands, maker);
        vex("V" + name, pp, map, op, w, more, operands, maker);
    }

    private void aes(String name, String op, SseShuffle.Half low, SseShuffle.Half high) {
        shuffle38(name, op, low, high);
    }

    private void lanes128(
            String name, String map, String op, String operands, SseShuffle.Half low, SseShuffle.Half high) {
        Row.Maker maker = i -> new SseOps.ShuffleOp(i, low, high, (int) i.imm & 0xff, 16, false);
        legacy(name, "66", map, op, "/r", operands, maker);
        vex("V" + name, "128.66", map, op, "WIG", "/r", operands, maker);
    }

    // String comparisons: operands in memory need no alignment.

    private static void strings(Interpreter m, SseOps.Free o, boolean explicit, boolean index) {
        long[] b = {low(m, o.b), high(m, o.b)};
        if (o.ea != null) m.load(m.linear(o.ea(), 16, false), 16, b, 0);
        long a0 = low(m, o.dst), a1 = high(m, o.dst);
        int imm = (int) o.in.imm & 0xff, n = StringCompare.elements(imm);
        int aLength = explicit ? length(m, o, X86State.RAX, imm) : StringCompare.implicitLength(a0, a1, imm);
        int bLength = explicit ? length(m, o, X86State.RDX, imm) : StringCompare.implicitLength(b[0], b[1], imm);
        int r = StringCompare.result(a0, a1, aLength, b[0], b[1], bLength, imm);
        boolean upper = (imm & 0x40) != 0;
        if (index) {
            int at = upper ? 31 - Integer.numberOfLeadingZeros(r) : Integer.numberOfTrailingZeros(r);
            m.setReg(X86State.RCX, 4, r == 0 ? n : at);
        } else if (upper) o.writeLow(m, 0, spread(r, 0, imm), spread(r, 1, imm));
        else o.writeLow(m, 0, r, 0);
        m.setFlags(m.flags() & ~STATUS
                | (r != 0 ? X86State.CF : 0)
                | (bLength < n ? X86State.ZF : 0)
                | (aLength < n ? X86State.SF : 0)
                | ((r & 1) != 0 ? X86State.OF : 0));
    }

    private static int length(Interpreter m, SseOps.Free o, int reg, int imm) {
        return StringCompare.explicitLength(o.in.w ? m.g[reg] : (int) m.g[reg], imm);
    }

    /** A word of the mask that has all bits of an element for each bit of {@code r}. */
    private static long spread(int r, int half, int imm) {
        int per = StringCompare.elements(imm) / 2, width = 64 / per;
        long v = 0;
        for (int k = 0; k < per; k++) if ((r >> half * per + k & 1) != 0) v |= (1L << width) - 1 << width * k;
        return v;
    }

    // SHA.

    private void sha(String name, String op, Step step) {
        legacy(name, "NP", "0F38", op, "/r", "V,W", i -> new SseOps.Free(i, (m, o) -> sha(m, o, step)));
    }

    private static final int SHA = 1 << 29;

    private static void sha(Interpreter m, SseOps.Free o, Step step) {
        if ((m.cpu.profile().cpuid(7, 0).ebx() & SHA) == 0) throw m.ud();
        long[] b = new long[4];
        source(m, o, b);
        int[] to = dwords(low(m, o.dst), high(m, o.dst)), from = dwords(b[0], b[1]);
        step.of(to, from, (int) o.in.imm);
        o.writeLow(m, o.dst, to[0] & 0xffffffffL | (long) to[1] << 32, to[2] & 0xffffffffL | (long) to[3] << 32);
    }

    private static int[] dwords(long lo, long hi) {
        return new int[] {(int) lo, (int) (lo >>> 32), (int) hi, (int) (hi >>> 32)};
    }

    // What looks at several lanes.

    private static int byteOf(long[] v, int i) {
        return (int) (v[i >> 3] >>> 8 * (i & 7)) & 0xff;
    }

    private static void mpsadbw(Interpreter m, SseOps.Free o) {
        long[] a = new long[4], b = new long[4], r = new long[4];
        o.read(m.fp, o.a, a);
        source(m, o, b);
        for (int lane = 0; lane < o.lanes; lane++) {
            int imm = (int) o.in.imm >> 3 * lane;
            int first = 16 * lane + (imm & 4), second = 16 * lane + 4 * (imm & 3);
            for (int k = 0; k < 8; k++) {
                long sum = 0;
                for (int j = 0; j < 4; j++) sum += Math.abs(byteOf(a, first + k + j) - byteOf(b, second + j));
                r[2 * lane + (k >> 2)] |= sum << 16 * (k & 3);
            }
        }
        o.write(m, o.dst, r[0], r[1], r[2], r[3]);
    }

    private static void phminposuw(Interpreter m, SseOps.Free o) {
        long[] b = new long[4];
        source(m, o, b);
        long least = 0x10000, at = 0;
        for (int k = 0; k < 8; k++) {
            long v = b[k >> 2] >>> 16 * (k & 3) & 0xffff;
            if (v >= least) continue;
            least = v;
            at = k;
        }
        o.writeLow(m, o.dst, least | at << 16, 0);
    }

    /** Products that the immediate selects, summed in pairs; {@code n} words, four singles in each two. */
    private static int dpps(long[] a, long[] b, long[] r, int n, int imm, int mx) {
        int flags = 0;
        for (int k = 0; k < n; k += 2) {
            int[] p = new int[4];
            for (int j = 0; j < 4; j++) {
                if ((imm >> 4 + j & 1) == 0) continue;
                int x = (int) (a[k + (j >> 1)] >>> 32 * (j & 1)), y = (int) (b[k + (j >> 1)] >>> 32 * (j & 1));
                p[j] = SseFloat.f32(SseFloat.MUL, x, y, mx);
                flags |= SseFloat.f32Flags(SseFloat.MUL, x, y, mx);
            }
            int low = SseFloat.f32(SseFloat.ADD, p[0], p[1], mx), high = SseFloat.f32(SseFloat.ADD, p[2], p[3], mx);
            flags |= SseFloat.f32Flags(SseFloat.ADD, p[0], p[1], mx) | SseFloat.f32Flags(SseFloat.ADD, p[2], p[3], mx);
            long sum = SseFloat.f32(SseFloat.ADD, low, high, mx) & 0xffffffffL;
            flags |= SseFloat.f32Flags(SseFloat.ADD, low, high, mx);
            for (int j = 0; j < 2; j++)
                r[k + j] = ((imm >> 2 * j & 1) != 0 ? sum : 0) | ((imm >> 2 * j + 1 & 1) != 0 ? sum << 32 : 0);
        }
        return flags;
    }

    private static int dppd(long[] a, long[] b, long[] r, int n, int imm, int mx) {
        int flags = 0;
        long[] p = new long[2];
        for (int j = 0; j < 2; j++) {
            if ((imm >> 4 + j & 1) == 0) continue;
            p[j] = SseFloat.f64(SseFloat.MUL, a[j], b[j], mx);
            flags |= SseFloat.f64Flags(SseFloat.MUL, a[j], b[j], mx);
        }
        long sum = SseFloat.f64(SseFloat.ADD, p[0], p[1], mx);
        flags |= SseFloat.f64Flags(SseFloat.ADD, p[0], p[1], mx);
        for (int j = 0; j < 2; j++) r[j] = (imm >> j & 1) != 0 ? sum : 0;
        return flags;
    }
}
