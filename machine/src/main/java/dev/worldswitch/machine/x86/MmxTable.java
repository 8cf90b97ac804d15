package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/** Rows of the instructions on MMX registers: those of MMX, and what SSE, SSE2 and SSSE3 added (SDM vol. 2). EMMS is with the x87 FPU. */
final class MmxTable implements OpTableSource {
    private final List<Row> rows = new ArrayList<>();

    @Override
    public List<Row> rows() {
        if (rows.isEmpty()) {
            lanes();
            shifts();
            shuffles();
            moves();
            generalRegisters();
            conversions();
        }
        return rows;
    }

    private void row(String name, String encoding, String operands, Feature f, Row.Maker maker) {
        rows.add(new Row(name, encoding, operands, maker, "SDM vol. 2 " + name, EnumSet.of(f)));
    }

    private void lane(String name, String op, Feature feature, SseOps.Lane f) {
        row(name, "NP 0F " + op + " /r", "P,Q", feature, i -> new Mmx.Binary(i, 8, (a, b, x, y, imm) -> f.of(a, b)));
    }

    private void lane(String name, String op, SseOps.Lane f) {
        lane(name, op, Feature.MMX, f);
    }

    private void lanes() {
        lane("PAND", "DB", SsePacked::and);
        lane("PANDN", "DF", SsePacked::andn);
        lane("POR", "EB", SsePacked::or);
        lane("PXOR", "EF", SsePacked::xor);
        lane("PADDB", "FC", SsePacked::padd8);
        lane("PADDW", "FD", SsePacked::padd16);
        lane("PADDD", "FE", SsePacked::padd32);
        lane("PADDQ", "D4", Feature.SSE2, SsePacked::padd64);
        lane("PSUBB", "F8", SsePacked::psub8);
        lane("PSUBW", "F9", SsePacked::psub16);
        lane("PSUBD", "FA", SsePacked::psub32);
        lane("PSUBQ", "FB", Feature.SSE2, SsePacked::psub64);
        lane("PADDSB", "EC", SsePacked::padds8);
        lane("PADDSW", "ED", SsePacked::padds16);
        lane("PADDUSB", "DC", SsePacked::paddus8);
        lane("PADDUSW", "DD", SsePacked::paddus16);
        lane("PSUBSB", "E8", SsePacked::psubs8);
        lane("PSUBSW", "E9", SsePacked::psubs16);
        lane("PSUBUSB", "D8", SsePacked::psubus8);
        lane("PSUBUSW", "D9", SsePacked::psubus16);
        lane("PAVGB", "E0", Feature.SSE, SsePacked::pavg8);
        lane("PAVGW", "E3", Feature.SSE, SsePacked::pavg16);
        lane("PMULLW", "D5", SsePacked::pmullw);
        lane("PMULHW", "E5", SsePacked::pmulhw);
        lane("PMULHUW", "E4", Feature.SSE, SsePacked::pmulhuw);
        lane("PMULUDQ", "F4", Feature.SSE2, SsePacked::pmuludq);
        lane("PMADDWD", "F5", SsePacked::pmaddwd);
        lane("PSADBW", "F6", Feature.SSE, SsePacked::psadbw);
        lane("PCMPEQB", "74", SsePacked::pcmpeq8);
        lane("PCMPEQW", "75", SsePacked::pcmpeq16);
        lane("PCMPEQD", "76", SsePacked::pcmpeq32);
        lane("PCMPGTB", "64", SsePacked::pcmpgt8);
        lane("PCMPGTW", "65", SsePacked::pcmpgt16);
        lane("PCMPGTD", "66", SsePacked::pcmpgt32);
        lane("PMINUB", "DA", Feature.SSE, SsePacked::pminub);
        lane("PMAXUB", "DE", Feature.SSE, SsePacked::pmaxub);
        lane("PMINSW", "EA", Feature.SSE, SsePacked::pminsw);
        lane("PMAXSW", "EE", Feature.SSE, SsePacked::pmaxsw);
        lane("PMADDUBSW", "38 04", Feature.SSSE3, SsePacked::pmaddubsw);
        lane("PSIGNB", "38 08", Feature.SSSE3, SsePacked::psignb);
        lane("PSIGNW", "38 09", Feature.SSSE3, SsePacked::psignw);
        lane("PSIGND", "38 0A", Feature.SSSE3, SsePacked::psignd);
        lane("PMULHRSW", "38 0B", Feature.SSSE3, SsePacked::pmulhrsw);
        lane("PABSB", "38 1C", Feature.SSSE3, SsePacked::pabsb);
        lane("PABSW", "38 1D", Feature.SSSE3, SsePacked::pabsw);
        lane("PABSD", "38 1E", Feature.SSSE3, SsePacked::pabsd);
    }

    private void shift(String name, String op, String immOp, int digit, SseOps.Lane f) {
        lane(name, op, f);
        row(
                name,
                "NP 0F " + immOp + " /" + digit + " reg",
                "N,Ib",
                Feature.MMX,
                i -> new Mmx.Free(i, false, (m, o) -> {
                    Mmx.enter(m.fp);
                    Mmx.set(m.fp, o.rm, f.of(Mmx.get(m.fp, o.rm), o.imm));
                }));
    }

    private void shifts() {
        for (SseTable.Shift s : SseTable.SHIFTS) shift(s.name(), s.op(), s.immOp(), s.digit(), s.lane());
    }

    /** {@code f} gets the first operand, the second, and both again. */
    private void shuffle(String name, String op, Feature feature, int bytes, SseShuffle.Half f) {
        String operands = op.endsWith("Ib") ? "P,Q,Ib" : "P,Q";
        String encoding = "NP 0F " + op.replace(" Ib", "") + " /r";
        row(name, encoding, operands, feature, i -> new Mmx.Binary(i, i.isMem() ? bytes : 8, f));
    }

    private void shuffles() {
        shuffle("PUNPCKLBW", "60", Feature.MMX, 4, (a, b, x, y, i) -> SseShuffle.punpcklbwLo(a, 0, b, 0, 0));
        shuffle("PUNPCKLWD", "61", Feature.MMX, 4, (a, b, x, y, i) -> SseShuffle.punpcklwdLo(a, 0, b, 0, 0));
        shuffle("PUNPCKLDQ", "62", Feature.MMX, 4, (a, b, x, y, i) -> SseShuffle.punpckldqLo(a, 0, b, 0, 0));
        shuffle("PUNPCKHBW", "68", Feature.MMX, 8, (a, b, x, y, i) -> SseShuffle.punpcklbwHi(a, 0, b, 0, 0));
        shuffle("PUNPCKHWD", "69", Feature.MMX, 8, (a, b, x, y, i) -> SseShuffle.punpcklwdHi(a, 0, b, 0, 0));
        shuffle("PUNPCKHDQ", "6A", Feature.MMX, 8, (a, b, x, y, i) -> SseShuffle.punpckldqHi(a, 0, b, 0, 0));
        shuffle("PACKSSWB", "63", Feature.MMX, 8, SseShuffle::packsswbLo);
        shuffle("PACKUSWB", "67", Feature.MMX, 8, SseShuffle::packuswbLo);
        shuffle("PACKSSDW", "6B", Feature.MMX, 8, SseShuffle::packssdwLo);
        shuffle("PSHUFW", "70 Ib", Feature.SSE, 8, (a, b, x, y, i) -> SseShuffle.pshuflwLo(0, 0, b, 0, i));
        shuffle("PSHUFB", "38 00", Feature.SSSE3, 8, (a, b, x, y, i) -> SseShuffle.pshufbLo(a, a, b, 0, 0));
        shuffle("PHADDW", "38 01", Feature.SSSE3, 8, (a, b, x, y, i) -> SseShuffle.phaddwLo(a, b, 0, 0, 0));
        shuffle("PHADDD", "38 02", Feature.SSSE3, 8, (a, b, x, y, i) -> SseShuffle.phadddLo(a, b, 0, 0, 0));
        shuffle("PHADDSW", "38 03", Feature.SSSE3, 8, (a, b, x, y, i) -> SseShuffle.phaddswLo(a, b, 0, 0, 0));
        shuffle("PHSUBW", "38 05", Feature.SSSE3, 8, (a, b, x, y, i) -> SseShuffle.phsubwLo(a, b, 0, 0, 0));
        shuffle("PHSUBD", "38 06", Feature.SSSE3, 8, (a, b, x, y, i) -> SseShuffle.phsubdLo(a, b, 0, 0, 0));
        shuffle("PHSUBSW", "38 07", Feature.SSSE3, 8, (a, b, x, y, i) -> SseShuffle.phsubswLo(a, b, 0, 0, 0));
        shuffle("PALIGNR", "3A 0F Ib", Feature.SSSE3, 8, (a, b, x, y, i) -> window(a, b, i));
    }

    /** Eight bytes of sixteen, {@code a} above {@code b}, from byte {@code from} on. */
    private static long window(long a, long b, int from) {
        if (from >= 16) return 0;
        if (from >= 8) return a >>> 8 * (from - 8);
        return from == 0 ? b : b >>> 8 * from | a << 64 - 8 * from;
    }

    private void free(String name, String encoding, String operands, Feature f, boolean sse, Mmx.Action a) {
        row(name, encoding, operands, f, i -> new Mmx.Free(i, sse, a));
    }

    private static void put(Interpreter m, int r, long v) {
        Mmx.enter(m.fp);
        Mmx.set(m.fp, r, v);
    }

    private void moves() {
        free("MOVQ", "NP 0F 6F /r", "P,Q", Feature.MMX, false, (m, o) -> put(m, o.reg, o.operand(m, 8)));
        free("MOVQ", "NP 0F 7F /r", "Q,P", Feature.MMX, false, (m, o) -> {
            long v = Mmx.get(m.fp, o.reg);
            if (o.ea == null) put(m, o.rm, v);
            else {
                m.st64(m.linear(o.ea, 8, true), v);
                Mmx.enter(m.fp);
            }
        });
        free("MOVNTQ", "NP 0F E7 /r mem", "M,P", Feature.SSE, false, (m, o) -> {
            m.st64(m.linear(o.ea(), 8, true), Mmx.get(m.fp, o.reg));
            Mmx.enter(m.fp);
        });
        free("MASKMOVQ", "NP 0F F7 /r reg", "P,N", Feature.SSE, false, MmxTable::maskmovq);
        free("MOVQ2DQ", "F3 0F D6 /r reg", "V,N", Feature.SSE2, true, (m, o) -> {
            Mmx.enter(m.fp);
            Mmx.setXmm(m, o.insn().reg, Mmx.get(m.fp, o.rm), 0);
        });
        free(
                "MOVDQ2Q",
                "F2 0F D6 /r reg",
                "P,U",
                Feature.SSE2,
                true,
                (m, o) -> put(m, o.reg, Mmx.xmm(m, o.insn().rm, 0)));
    }

    private static void maskmovq(Interpreter m, Mmx o) {
        Insn i = o.insn();
        long at = m.g[X86State.RDI] & (i.addrSize == 8 ? -1 : i.addrSize == 4 ? 0xffffffffL : 0xffff);
        long la = m.segment(i.segOverride < 0 ? X86State.DS : i.segOverride, at, 8, true);
        int signs = SsePacked.signs8(Mmx.get(m.fp, o.rm));
        long v = Mmx.get(m.fp, o.reg);
        if (signs != 0) m.checkWrite(la, 8);
        for (int k = 0; k < 8; k++) if ((signs >> k & 1) != 0) m.st8(la + k, v >>> 8 * k);
        Mmx.enter(m.fp);
    }

    private void generalRegisters() {
        free("MOVD", "NP 0F 6E /r", "P,E", Feature.MMX, false, (m, o) -> {
            int n = o.insn().w ? 8 : 4;
            put(m, o.reg, o.ea != null ? m.ld(m.linear(o.ea, n, false), n) : m.reg(o.insn().rm, n));
        });
        free("MOVD", "NP 0F 7E /r", "E,P", Feature.MMX, false, (m, o) -> {
            int n = o.insn().w ? 8 : 4;
            long v = Mmx.get(m.fp, o.reg);
            if (o.ea != null) m.st(m.linear(o.ea, n, true), n, v);
            else m.setReg(o.insn().rm, n, v);
            Mmx.enter(m.fp);
        });
        free("PMOVMSKB", "NP 0F D7 /r reg", "G,N", Feature.SSE, false, (m, o) -> {
            m.setReg(o.insn().reg, 8, SsePacked.signs8(Mmx.get(m.fp, o.rm)));
            Mmx.enter(m.fp);
        });
        free("PINSRW", "NP 0F C4 /r", "P,E,Ib", Feature.SSE, false, (m, o) -> {
            long v = o.ea != null ? m.ld(m.linear(o.ea, 2, false), 2) : m.g[o.insn().rm];
            int s = 16 * (o.imm & 3);
            put(m, o.reg, Mmx.get(m.fp, o.reg) & ~(0xffffL << s) | (v & 0xffff) << s);
        });
        free("PEXTRW", "NP 0F C5 /r reg", "G,N,Ib", Feature.SSE, false, (m, o) -> {
            m.setReg(o.insn().reg, 8, Mmx.get(m.fp, o.rm) >>> 16 * (o.imm & 3) & 0xffff);
            Mmx.enter(m.fp);
        });
    }

    // Conversions between two integers and two numbers. From memory CVTPI2PD leaves the x87 FPU alone.

    private void conversions() {
        free("CVTPI2PS", "NP 0F 2A /r", "V,Q", Feature.SSE, true, (m, o) -> {
            long v = o.operand(m, 8);
            int mx = XsaveInstructions.mxcsr(m.fp);
            SseFloat.Result a = SseFloat.fromInt((int) v, false, mx), b = SseFloat.fromInt(v >> 32, false, mx);
            VecOp.raise(m, a.flags() | b.flags());
            int r = o.insn().reg;
            // The SDM has a transition for operands in memory too; AMD's CPUs make none.
            if (o.ea == null || !m.cpu.profile().isAmd()) Mmx.enter(m.fp);
            Mmx.setXmm(m, r, a.bits() | b.bits() << 32, Mmx.xmm(m, r, 1));
        });
        free("CVTPI2PD", "66 0F 2A /r", "V,Q", Feature.SSE2, true, (m, o) -> {
            long v = o.operand(m, 8);
            if (o.ea == null) Mmx.enter(m.fp);
            Mmx.setXmm(
                    m, o.insn().reg, Double.doubleToRawLongBits((int) v), Double.doubleToRawLongBits((int) (v >> 32)));
        });
        for (boolean cut : new boolean[] {false, true}) {
            String t = cut ? "CVTT" : "CVT", op = cut ? "2C" : "2D";
            free(t + "PS2PI", "NP 0F " + op + " /r", "P,W", Feature.SSE, true, (m, o) -> {
                long v = o.ea != null ? m.ld64(m.linear(o.ea, 8, false)) : Mmx.xmm(m, o.insn().rm, 0);
                integers(m, o, v & 0xffffffffL, v >>> 32, false, cut);
            });
            free(t + "PD2PI", "66 0F " + op + " /r", "P,W", Feature.SSE2, true, (m, o) -> {
                long[] v = {Mmx.xmm(m, o.insn().rm, 0), Mmx.xmm(m, o.insn().rm, 1)};
                if (o.ea != null) {
                    long la = m.linear(o.ea, 16, false);
                    if ((la & 15) != 0) throw m.gp(0);
                    m.load(la, 16, v, 0);
                }
                integers(m, o, v[0], v[1], true, cut);
            });
        }
    }

    private static void integers(Interpreter m, Mmx o, long low, long high, boolean wide, boolean cut) {
        int mx = XsaveInstructions.mxcsr(m.fp), rc = cut ? SseFloat.RC : mx & SseFloat.RC;
        SseFloat.Result a = SseFloat.toInt(low, wide, 32, rc, mx), b = SseFloat.toInt(high, wide, 32, rc, mx);
        VecOp.raise(m, a.flags() | b.flags());
        put(m, o.reg, a.bits() | b.bits() << 32);
    }
}
