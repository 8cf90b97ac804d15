package dev.worldswitch.machine.x86;

import static dev.worldswitch.machine.x86.VecOp.XMM;

import java.util.ArrayList;
import java.util.List;

/**
 * Rows of SSE to SSE4.1 and the AVX forms of the same instructions: one line gives both encodings. Integer, logic,
 * shuffle and move instructions are here, arithmetic on floating point in {@link SseFloatTable}, strings and ciphers in
 * {@link Sse42Table}. MMX registers are in {@link MmxTable}.
 */
class SseTable implements OpTableSource {
    final List<Row> rows = new ArrayList<>();

    @Override
    public List<Row> rows() {
        if (rows.isEmpty()) fill();
        return rows;
    }

    void fill() {
        logicAndArithmetic();
        shifts();
        shuffles();
        moves();
        lowMoves();
        generalRegisters();
    }

    /** Both encodings of one instruction; {@code more} is what follows the opcode. */
    final void both(String name, String pp, String map, String op, String more, String operands, Row.Maker maker) {
        legacy(name, pp, map, op, more, operands, maker);
        vex("V" + name, pp, map, op, "WIG", more, operands, maker);
    }

    final void legacy(String name, String pp, String map, String op, String more, String operands, Row.Maker maker) {
        String m = map.length() == 4 ? "0F " + map.substring(2) : map;
        rows.add(new Row(name, pp + " " + m + " " + op + " " + more, operands, maker, "SDM vol. 2 " + name));
    }

    final void vex(
            String name, String pp, String map, String op, String w, String more, String operands, Row.Maker maker) {
        String e = "VEX." + pp + "." + map + "." + w + " " + op + " " + more;
        rows.add(new Row(name, e, operands, maker, "SDM vol. 2 " + name));
    }

    private void lane(String name, String pp, String map, String op, SseOps.Lane f) {
        both(name, pp, map, op, "/r", "V,W", i -> new SseOps.LaneOp(i, f, i.vex == Insn.NONE));
    }

    private void lane66(String name, String op, SseOps.Lane f) {
        lane(name, "66", "0F", op, f);
    }

    private void lane38(String name, String op, SseOps.Lane f) {
        lane(name, "66", "0F38", op, f);
    }

    private void logicAndArithmetic() {
        lane("ANDPS", "NP", "0F", "54", SsePacked::and);
        lane66("ANDPD", "54", SsePacked::and);
        lane("ANDNPS", "NP", "0F", "55", SsePacked::andn);
        lane66("ANDNPD", "55", SsePacked::andn);
        lane("ORPS", "NP", "0F", "56", SsePacked::or);
        lane66("ORPD", "56", SsePacked::or);
        lane("XORPS", "NP", "0F", "57", SsePacked::xor);
        lane66("XORPD", "57", SsePacked::xor);
        lane66("PAND", "DB", SsePacked::and);
        lane66("PANDN", "DF", SsePacked::andn);
        lane66("POR", "EB", SsePacked::or);
        lane66("PXOR", "EF", SsePacked::xor);
        lane66("PADDB", "FC", SsePacked::padd8);
        lane66("PADDW", "FD", SsePacked::padd16);
        lane66("PADDD", "FE", SsePacked::padd32);
        lane66("PADDQ", "D4", SsePacked::padd64);
        lane66("PSUBB", "F8", SsePacked::psub8);
        lane66("PSUBW", "F9", SsePacked::psub16);
        lane66("PSUBD", "FA", SsePacked::psub32);
        lane66("PSUBQ", "FB", SsePacked::psub64);
        lane66("PADDSB", "EC", SsePacked::padds8);
        lane66("PADDSW", "ED", SsePacked::padds16);
        lane66("PADDUSB", "DC", SsePacked::paddus8);
        lane66("PADDUSW", "DD", SsePacked::paddus16);
        lane66("PSUBSB", "E8", SsePacked::psubs8);
        lane66("PSUBSW", "E9", SsePacked::psubs16);
        lane66("PSUBUSB", "D8", SsePacked::psubus8);
        lane66("PSUBUSW", "D9", SsePacked::psubus16);
        lane66("PAVGB", "E0", SsePacked::pavg8);
        lane66("PAVGW", "E3", SsePacked::pavg16);
        lane66("PMULLW", "D5", SsePacked::pmullw);
        lane66("PMULHW", "E5", SsePacked::pmulhw);
        lane66("PMULHUW", "E4", SsePacked::pmulhuw);
        lane66("PMULUDQ", "F4", SsePacked::pmuludq);
        lane66("PMADDWD", "F5", SsePacked::pmaddwd);
        lane66("PSADBW", "F6", SsePacked::psadbw);
        lane66("PCMPEQB", "74", SsePacked::pcmpeq8);
        lane66("PCMPEQW", "75", SsePacked::pcmpeq16);
        lane66("PCMPEQD", "76", SsePacked::pcmpeq32);
        lane66("PCMPGTB", "64", SsePacked::pcmpgt8);
        lane66("PCMPGTW", "65", SsePacked::pcmpgt16);
        lane66("PCMPGTD", "66", SsePacked::pcmpgt32);
        lane66("PMINUB", "DA", SsePacked::pminub);
        lane66("PMAXUB", "DE", SsePacked::pmaxub);
        lane66("PMINSW", "EA", SsePacked::pminsw);
        lane66("PMAXSW", "EE", SsePacked::pmaxsw);
        lane38("PMADDUBSW", "04", SsePacked::pmaddubsw);
        lane38("PSIGNB", "08", SsePacked::psignb);
        lane38("PSIGNW", "09", SsePacked::psignw);
        lane38("PSIGND", "0A", SsePacked::psignd);
        lane38("PMULHRSW", "0B", SsePacked::pmulhrsw);
        lane38("PABSB", "1C", SsePacked::pabsb);
        lane38("PABSW", "1D", SsePacked::pabsw);
        lane38("PABSD", "1E", SsePacked::pabsd);
        lane38("PMULDQ", "28", SsePacked::pmuldq);
        lane38("PCMPEQQ", "29", SsePacked::pcmpeq64);
        lane38("PCMPGTQ", "37", SsePacked::pcmpgt64);
        lane38("PMINSB", "38", SsePacked::pminsb);
        lane38("PMINSD", "39", SsePacked::pminsd);
        lane38("PMINUW", "3A", SsePacked::pminuw);
        lane38("PMINUD", "3B", SsePacked::pminud);
        lane38("PMAXSB", "3C", SsePacked::pmaxsb);
        lane38("PMAXSD", "3D", SsePacked::pmaxsd);
        lane38("PMAXUW", "3E", SsePacked::pmaxuw);
        lane38("PMAXUD", "3F", SsePacked::pmaxud);
        lane38("PMULLD", "40", SsePacked::pmulld);
    }

    private void shift(String name, String op, String immOp, int digit, SseOps.Lane f) {
        both(name, "66", "0F", op, "/r", "V,W", i -> new SseOps.ShiftOp(i, f, false));
        if (digit >= 0)
            both(name, "66", "0F", immOp, "/" + digit + " reg", "U,Ib", i -> new SseOps.ShiftOp(i, f, true));
    }

    /** A shift of each element: by the low 64 bits of a register or memory ({@code op}), by a constant ({@code immOp /digit}). */
    record Shift(String name, String op, String immOp, int digit, SseOps.Lane lane) {}

    /** SDM vol. 2B, PSLLW/PSLLD/PSLLQ, PSRAW/PSRAD, PSRLW/PSRLD/PSRLQ: of MMX registers too. */
    static final List<Shift> SHIFTS = List.of(
            new Shift("PSRLW", "D1", "71", 2, SsePacked::psrlw),
            new Shift("PSRLD", "D2", "72", 2, SsePacked::psrld),
            new Shift("PSRLQ", "D3", "73", 2, SsePacked::psrlq),
            new Shift("PSRAW", "E1", "71", 4, SsePacked::psraw),
            new Shift("PSRAD", "E2", "72", 4, SsePacked::psrad),
            new Shift("PSLLW", "F1", "71", 6, SsePacked::psllw),
            new Shift("PSLLD", "F2", "72", 6, SsePacked::pslld),
            new Shift("PSLLQ", "F3", "73", 6, SsePacked::psllq));

    private void shifts() {
        for (Shift s : SHIFTS) shift(s.name, s.op, s.immOp, s.digit, s.lane);
        bytes("PSRLDQ", 3, SseShuffle::psrldqLo, SseShuffle::psrldqHi);
        bytes("PSLLDQ", 7, SseShuffle::pslldqLo, SseShuffle::pslldqHi);
    }

    private void bytes(String name, int digit, SseShuffle.Half low, SseShuffle.Half high) {
        Row.Maker maker = i -> new SseOps.ShuffleOp(i, low, high, (int) i.imm & 0xff, 16, true);
        both(name, "66", "0F", "73", "/" + digit + " reg", "U,Ib", maker);
    }

    final void shuffle(
            String name, String pp, String map, String op, boolean imm, SseShuffle.Half low, SseShuffle.Half high) {
        Row.Maker maker = i -> new SseOps.ShuffleOp(i, low, high, (int) i.imm & 0xff, 16, false);
        both(name, pp, map, op, "/r", imm ? "V,W,Ib" : "V,W", maker);
    }

    private void shuffle66(String name, String op, SseShuffle.Half low, SseShuffle.Half high) {
        shuffle(name, "66", "0F", op, false, low, high);
    }

    final void shuffle38(String name, String op, SseShuffle.Half low, SseShuffle.Half high) {
        shuffle(name, "66", "0F38", op, false, low, high);
    }

    private void shuffles() {
        shuffle66("PUNPCKLBW", "60", SseShuffle::punpcklbwLo, SseShuffle::punpcklbwHi);
        shuffle66("PUNPCKLWD", "61", SseShuffle::punpcklwdLo, SseShuffle::punpcklwdHi);
        shuffle66("PUNPCKLDQ", "62", SseShuffle::punpckldqLo, SseShuffle::punpckldqHi);
        shuffle66("PACKSSWB", "63", SseShuffle::packsswbLo, SseShuffle::packsswbHi);
        shuffle66("PACKUSWB", "67", SseShuffle::packuswbLo, SseShuffle::packuswbHi);
        shuffle66("PUNPCKHBW", "68", SseShuffle::punpckhbwLo, SseShuffle::punpckhbwHi);
        shuffle66("PUNPCKHWD", "69", SseShuffle::punpckhwdLo, SseShuffle::punpckhwdHi);
        shuffle66("PUNPCKHDQ", "6A", SseShuffle::punpckhdqLo, SseShuffle::punpckhdqHi);
        shuffle66("PACKSSDW", "6B", SseShuffle::packssdwLo, SseShuffle::packssdwHi);
        shuffle66("PUNPCKLQDQ", "6C", SseShuffle::aLo, SseShuffle::bLo);
        shuffle66("PUNPCKHQDQ", "6D", SseShuffle::aHi, SseShuffle::bHi);
        shuffle("UNPCKLPS", "NP", "0F", "14", false, SseShuffle::punpckldqLo, SseShuffle::punpckldqHi);
        shuffle("UNPCKHPS", "NP", "0F", "15", false, SseShuffle::punpckhdqLo, SseShuffle::punpckhdqHi);
        shuffle66("UNPCKLPD", "14", SseShuffle::aLo, SseShuffle::bLo);
        shuffle66("UNPCKHPD", "15", SseShuffle::aHi, SseShuffle::bHi);
        shuffle("PSHUFD", "66", "0F", "70", true, SseShuffle::pshufdLo, SseShuffle::pshufdHi);
        shuffle("PSHUFLW", "F2", "0F", "70", true, SseShuffle::pshuflwLo, SseShuffle::bHi);
        shuffle("PSHUFHW", "F3", "0F", "70", true, SseShuffle::bLo, SseShuffle::pshufhwHi);
        shuffle("SHUFPS", "NP", "0F", "C6", true, SseShuffle::shufpsLo, SseShuffle::shufpsHi);
        shuffle("SHUFPD", "66", "0F", "C6", true, SseOps.PD_LOW, SseShuffle::shufpdHi);
        shuffle38("PSHUFB", "00", SseShuffle::pshufbLo, SseShuffle::pshufbHi);
        shuffle38("PHADDW", "01", SseShuffle::phaddwLo, SseShuffle::phaddwHi);
        shuffle38("PHADDD", "02", SseShuffle::phadddLo, SseShuffle::phadddHi);
        shuffle38("PHADDSW", "03", SseShuffle::phaddswLo, SseShuffle::phaddswHi);
        shuffle38("PHSUBW", "05", SseShuffle::phsubwLo, SseShuffle::phsubwHi);
        shuffle38("PHSUBD", "06", SseShuffle::phsubdLo, SseShuffle::phsubdHi);
        shuffle38("PHSUBSW", "07", SseShuffle::phsubswLo, SseShuffle::phsubswHi);
        shuffle38("PACKUSDW", "2B", SseShuffle::packusdwLo, SseShuffle::packusdwHi);
        shuffle("PALIGNR", "66", "0F3A", "0F", true, SseShuffle::palignrLo, SseShuffle::palignrHi);
        shuffle("PBLENDW", "66", "0F3A", "0E", true, SseShuffle::pblendwLo, SseShuffle::pblendwHi);
        shuffle("MOVSHDUP", "F3", "0F", "16", false, SseShuffle::movshdupLo, SseShuffle::movshdupHi);
        shuffle("MOVSLDUP", "F3", "0F", "12", false, SseShuffle::movsldupLo, SseShuffle::movsldupHi);
        legacy(
                "BLENDPS",
                "66",
                "0F3A",
                "0C",
                "/r",
                "V,W,Ib",
                i -> new SseOps.ShuffleOp(
                        i, SseShuffle::blendpsLo, SseShuffle::blendpsHi, (int) i.imm & 0xff, 16, false));
        legacy(
                "BLENDPD",
                "66",
                "0F3A",
                "0D",
                "/r",
                "V,W,Ib",
                i -> new SseOps.ShuffleOp(
                        i, SseShuffle::blendpdLo, SseShuffle::blendpdHi, (int) i.imm & 0xff, 16, false));
        legacy(
                "MOVDDUP",
                "F2",
                "0F",
                "12",
                "/r",
                "V,W",
                i -> new SseOps.ShuffleOp(i, SseShuffle::movddup, SseShuffle::movddup, 0, 8, false));
        vex(
                "VMOVDDUP",
                "F2",
                "0F",
                "12",
                "WIG",
                "/r",
                "V,W",
                i -> new SseOps.ShuffleOp(i, SseShuffle::movddup, SseShuffle::movddup, 0, i.vl == 1 ? 16 : 8, false));
        int[] from = {8, 8, 8, 16, 16, 32}, to = {16, 32, 64, 32, 64, 64};
        String[] names = {"BW", "BD", "BQ", "WD", "WQ", "DQ"};
        for (int k = 0; k < 6; k++) {
            int f = from[k], t = to[k], bytes = 16 * f / t;
            widen("PMOVSX" + names[k], "2" + k, f | t << 8 | 1 << 16, bytes);
            widen("PMOVZX" + names[k], "3" + k, f | t << 8, bytes);
        }
    }

    /** VEX.256 forms cross lanes and are not here. */
    private void widen(String name, String op, int how, int bytes) {
        Row.Maker maker = i -> new SseOps.ShuffleOp(i, SseShuffle::widenLo, SseShuffle::widenHi, how, bytes, false);
        legacy(name, "66", "0F38", op, "/r", "V,W", maker);
        vex("V" + name, "128.66", "0F38", op, "WIG", "/r", "V,W", maker);
    }

    // Moves of whole registers.

    private void load(String name, String pp, String map, String op, String more, boolean aligned) {
        both(name, pp, map, op, more, "V,W", i -> new Load(i, aligned));
    }

    private void store(String name, String pp, String op, String more, boolean aligned) {
        both(name, pp, "0F", op, more, "W,V", i -> new Store(i, aligned));
    }

    /** Register or memory to ModRM.reg. */
    static final class Load extends VecOp {
        Load(Insn i, boolean aligned) {
            super(i, aligned);
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            long[] fp = m.fp;
            if (lanes == 2) {
                long[] v = new long[4];
                if (ea != null) m.load(address(m, 32, false), 32, v, 0);
                else read(fp, b, v);
                write(m, dst, v[0], v[1], v[2], v[3]);
                return;
            }
            if (ea == null) {
                writeLow(m, dst, fp[XMM + 2 * b], fp[XMM + 2 * b + 1]);
                return;
            }
            long la = address(m, 16, false);
            long w0 = m.ld64(la), w1 = m.ld64(la + 8);
            writeLow(m, dst, w0, w1);
        }
    }

    /** ModRM.reg to register or memory. */
    static final class Store extends VecOp {
        Store(Insn i, boolean aligned) {
            super(i, i.rm, i.reg, i.reg, aligned);
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            long[] v = new long[4];
            read(m.fp, a, v);
            if (ea != null) m.store(address(m, 16 * lanes, true), 16 * lanes, v, 0);
            else write(m, dst, v[0], v[1], v[2], v[3]);
        }
    }

    private void moves() {
        load("MOVUPS", "NP", "0F", "10", "/r", false);
        load("MOVUPD", "66", "0F", "10", "/r", false);
        store("MOVUPS", "NP", "11", "/r", false);
        store("MOVUPD", "66", "11", "/r", false);
        load("MOVAPS", "NP", "0F", "28", "/r", true);
        load("MOVAPD", "66", "0F", "28", "/r", true);
        store("MOVAPS", "NP", "29", "/r", true);
        store("MOVAPD", "66", "29", "/r", true);
        load("MOVDQA", "66", "0F", "6F", "/r", true);
        load("MOVDQU", "F3", "0F", "6F", "/r", false);
        store("MOVDQA", "66", "7F", "/r", true);
        store("MOVDQU", "F3", "7F", "/r", false);
        load("LDDQU", "F2", "0F", "F0", "/r mem", false);
        store("MOVNTPS", "NP", "2B", "/r mem", true);
        store("MOVNTPD", "66", "2B", "/r mem", true);
        store("MOVNTDQ", "66", "E7", "/r mem", true);
        load("MOVNTDQA", "66", "0F38", "2A", "/r mem", true);
    }

    private void free(String name, String pp, String map, String op, String more, String operands, SseOps.Action a) {
        both(name, pp, map, op, more, operands, i -> new SseOps.Free(i, a));
    }

    static long low(Interpreter m, int reg) {
        return m.fp[XMM + 2 * reg];
    }

    static long high(Interpreter m, int reg) {
        return m.fp[XMM + 2 * reg + 1];
    }

    private static long ld(Interpreter m, SseOps.Free o, int bytes) {
        return m.ld(m.linear(o.ea(), bytes, false), bytes);
    }

    private static void st(Interpreter m, SseOps.Free o, int bytes, long v) {
        m.st(m.linear(o.ea(), bytes, true), bytes, v);
    }

    /** Moves of 32 and 64 bits between the low or high part of a register and memory or another register. */
    private void lowMoves() {
        for (int size : new int[] {4, 8}) {
            String name = size == 4 ? "MOVSS" : "MOVSD", pp = size == 4 ? "F3" : "F2";
            long mask = size == 4 ? 0xffffffffL : -1;
            free(name, pp, "0F", "10", "/r mem", "V,W", (m, o) -> o.writeLow(m, o.dst, ld(m, o, size), 0));
            free(name, pp, "0F", "10", "/r reg", "V,W", (m, o) -> merge(m, o, o.dst, o.b, mask));
            free(name, pp, "0F", "11", "/r mem", "W,V", (m, o) -> st(m, o, size, low(m, o.dst) & mask));
            free(name, pp, "0F", "11", "/r reg", "W,V", (m, o) -> merge(m, o, o.b, o.dst, mask));
        }
        free("MOVQ", "F3", "0F", "7E", "/r mem", "V,W", (m, o) -> o.writeLow(m, o.dst, ld(m, o, 8), 0));
        free("MOVQ", "F3", "0F", "7E", "/r reg", "V,W", (m, o) -> o.writeLow(m, o.dst, low(m, o.b), 0));
        free("MOVQ", "66", "0F", "D6", "/r mem", "W,V", (m, o) -> st(m, o, 8, low(m, o.dst)));
        free("MOVQ", "66", "0F", "D6", "/r reg", "W,V", (m, o) -> o.writeLow(m, o.b, low(m, o.dst), 0));
        for (String pp : new String[] {"NP", "66"}) {
            String t = pp.equals("NP") ? "PS" : "PD";
            free(
                    "MOVL" + t,
                    pp,
                    "0F",
                    "12",
                    "/r mem",
                    "V,M",
                    (m, o) -> o.writeLow(m, o.dst, ld(m, o, 8), high(m, o.a)));
            free("MOVL" + t, pp, "0F", "13", "/r mem", "M,V", (m, o) -> st(m, o, 8, low(m, o.dst)));
            free("MOVH" + t, pp, "0F", "16", "/r mem", "V,M", (m, o) -> o.writeLow(m, o.dst, low(m, o.a), ld(m, o, 8)));
            free("MOVH" + t, pp, "0F", "17", "/r mem", "M,V", (m, o) -> st(m, o, 8, high(m, o.dst)));
        }
        free("MOVHLPS", "NP", "0F", "12", "/r reg", "V,U", (m, o) -> o.writeLow(m, o.dst, high(m, o.b), high(m, o.a)));
        free("MOVLHPS", "NP", "0F", "16", "/r reg", "V,U", (m, o) -> o.writeLow(m, o.dst, low(m, o.a), low(m, o.b)));
    }

    /** Low part of {@code from}, the rest of the first source. */
    private static void merge(Interpreter m, SseOps.Free o, int to, int from, long mask) {
        int rest = o.vex ? o.a : to;
        o.writeLow(m, to, low(m, rest) & ~mask | low(m, from) & mask, high(m, rest));
    }

    // Between vector and general registers, and flags.

    private static int wide(SseOps.Free o) {
        return o.in.w ? 8 : 4;
    }

    private static long rmValue(Interpreter m, SseOps.Free o, int bytes) {
        return o.ea != null ? ld(m, o, bytes) : m.reg(o.in.rm, bytes == 1 || bytes == 2 ? 8 : bytes);
    }

    private void generalRegisters() {
        free("MOVD", "66", "0F", "6E", "/r", "V,E", (m, o) -> o.writeLow(m, o.dst, rmValue(m, o, wide(o)), 0));
        free("MOVD", "66", "0F", "7E", "/r", "E,V", (m, o) -> {
            if (o.ea != null) st(m, o, wide(o), low(m, o.dst));
            else m.setReg(o.in.rm, wide(o), low(m, o.dst));
        });
        legacy(
                "MOVNTI",
                "NP",
                "0F",
                "C3",
                "/r mem",
                "M,G",
                i -> new XsaveTable.Simple(i, (m, o) -> {
                    int size = o.insn().w ? 8 : 4;
                    m.st(m.linear(o.ea(), size, true), size, m.reg(o.insn().reg, size));
                }));
        free("PMOVMSKB", "66", "0F", "D7", "/r reg", "G,U", (m, o) -> {
            long[] v = new long[4];
            o.read(m.fp, o.b, v);
            long r = 0;
            for (int k = 0; k < 2 * o.lanes; k++) r |= (long) SsePacked.signs8(v[k]) << 8 * k;
            m.setReg(o.in.reg, 8, r);
        });
        free("MOVMSKPS", "NP", "0F", "50", "/r reg", "G,U", (m, o) -> m.setReg(o.in.reg, 8, signs(m, o, 32)));
        free("MOVMSKPD", "66", "0F", "50", "/r reg", "G,U", (m, o) -> m.setReg(o.in.reg, 8, signs(m, o, 64)));
        free("PTEST", "66", "0F38", "17", "/r", "V,W", SseTable::ptest);
        insertExtract("B", "20", "14", 1);
        insertExtract("D", "22", "16", 4);
        free("PINSRW", "66", "0F", "C4", "/r", "V,E,Ib", (m, o) -> insert(m, o, rmValue(m, o, 2), 2));
        free("PEXTRW", "66", "0F", "C5", "/r reg", "G,U,Ib", (m, o) -> m.setReg(o.in.reg, 8, extract(m, o, o.b, 2)));
        free("PEXTRW", "66", "0F3A", "15", "/r", "E,V,Ib", (m, o) -> putExtracted(m, o, 2));
        free("EXTRACTPS", "66", "0F3A", "17", "/r", "E,V,Ib", (m, o) -> putExtracted(m, o, 4));
        free("INSERTPS", "66", "0F3A", "21", "/r", "V,W,Ib", SseTable::insertps);
        free("MASKMOVDQU", "66", "0F", "F7", "/r reg", "V,U", SseTable::maskmovdqu);
        legacy("PBLENDVB", "66", "0F38", "10", "/r", "V,W", i -> new SseOps.Free(i, (m, o) -> blendv(m, o, 8)));
        legacy("BLENDVPS", "66", "0F38", "14", "/r", "V,W", i -> new SseOps.Free(i, (m, o) -> blendv(m, o, 32)));
        legacy("BLENDVPD", "66", "0F38", "15", "/r", "V,W", i -> new SseOps.Free(i, (m, o) -> blendv(m, o, 64)));
    }

    private static long signs(Interpreter m, SseOps.Free o, int width) {
        long[] v = new long[4];
        o.read(m.fp, o.b, v);
        long r = 0;
        for (int k = 0; k < 2 * o.lanes; k++)
            r |= width == 64 ? (v[k] >>> 63) << k : (v[k] >>> 31 & 1 | v[k] >>> 62 & 2) << 2 * k;
        return r;
    }

    /** The other operand of an instruction that has a full-width source, alignment as SSE wants it. */
    static void source(Interpreter m, SseOps.Free o, long[] to) {
        if (o.ea == null) {
            o.read(m.fp, o.b, to);
            return;
        }
        int bytes = 16 * o.lanes;
        long la = m.linear(o.ea(), bytes, false);
        if (!o.vex && (la & 15) != 0) throw m.gp(0);
        m.load(la, bytes, to, 0);
    }

    private static void ptest(Interpreter m, SseOps.Free o) {
        long[] x = new long[4], y = new long[4];
        o.read(m.fp, o.dst, x);
        source(m, o, y);
        long and = 0, andn = 0;
        for (int k = 0; k < 4; k++) {
            and |= x[k] & y[k];
            andn |= ~x[k] & y[k];
        }
        long status = X86State.CF | X86State.PF | X86State.AF | X86State.ZF | X86State.SF | X86State.OF;
        m.setFlags(m.flags() & ~status | (and == 0 ? X86State.ZF : 0) | (andn == 0 ? X86State.CF : 0));
    }

    private void insertExtract(String name, String in, String out, int bytes) {
        free("PINSR" + name, "66", "0F3A", in, "/r", "V,E,Ib", (m, o) -> {
            int n = bytes == 4 ? wide(o) : bytes;
            insert(m, o, rmValue(m, o, n), n);
        });
        free(
                "PEXTR" + name,
                "66",
                "0F3A",
                out,
                "/r",
                "E,V,Ib",
                (m, o) -> putExtracted(m, o, bytes == 4 ? wide(o) : bytes));
    }

    private static void insert(Interpreter m, SseOps.Free o, long v, int bytes) {
        int bit = 8 * bytes * ((int) o.in.imm & 16 / bytes - 1);
        long mask = bytes == 8 ? -1 : (1L << 8 * bytes) - 1;
        long w0 = low(m, o.a), w1 = high(m, o.a);
        if (bit < 64) w0 = w0 & ~(mask << bit) | (v & mask) << bit;
        else w1 = w1 & ~(mask << bit) | (v & mask) << bit;
        o.writeLow(m, o.dst, w0, w1);
    }

    private static long extract(Interpreter m, SseOps.Free o, int reg, int bytes) {
        int bit = 8 * bytes * ((int) o.in.imm & 16 / bytes - 1);
        long w = bit < 64 ? low(m, reg) : high(m, reg);
        return w >>> bit & (bytes == 8 ? -1 : (1L << 8 * bytes) - 1);
    }

    private static void putExtracted(Interpreter m, SseOps.Free o, int bytes) {
        long v = extract(m, o, o.dst, bytes);
        if (o.ea != null) st(m, o, bytes, v);
        else m.setReg(o.in.rm, 8, v);
    }

    private static void insertps(Interpreter m, SseOps.Free o) {
        int imm = (int) o.in.imm & 0xff;
        long v = o.ea != null ? ld(m, o, 4) : SseShuffle.dwordOf(low(m, o.b), high(m, o.b), imm >> 6);
        long[] w = {low(m, o.a), high(m, o.a)};
        int to = imm >> 4 & 3, sh = 32 * (to & 1);
        w[to >> 1] = w[to >> 1] & ~(0xffffffffL << sh) | v << sh;
        for (int k = 0; k < 4; k++) if ((imm >> k & 1) != 0) w[k >> 1] &= ~(0xffffffffL << 32 * (k & 1));
        o.writeLow(m, o.dst, w[0], w[1]);
    }

    private static void maskmovdqu(Interpreter m, SseOps.Free o) {
        Insn i = o.in;
        long at = m.g[X86State.RDI] & (i.addrSize == 8 ? -1 : i.addrSize == 4 ? 0xffffffffL : 0xffff);
        long la = m.segment(i.segOverride < 0 ? X86State.DS : i.segOverride, at, 16, true);
        long signs = SsePacked.signs8(low(m, o.b)) | (long) SsePacked.signs8(high(m, o.b)) << 8;
        if (signs == 0) return;
        m.checkWrite(la, 16);
        for (int k = 0; k < 16; k++)
            if ((signs >> k & 1) != 0) m.st8(la + k, (k < 8 ? low(m, o.dst) : high(m, o.dst)) >>> 8 * (k & 7));
    }

    /** Lanes whose mask (XMM0) has its sign bit set come from the second operand. */
    private static void blendv(Interpreter m, SseOps.Free o, int width) {
        long[] y = new long[4];
        source(m, o, y);
        long s0 = spread(low(m, 0), width), s1 = spread(high(m, 0), width);
        o.writeLow(m, o.dst, low(m, o.dst) & ~s0 | y[0] & s0, high(m, o.dst) & ~s1 | y[1] & s1);
    }

    /** Each lane filled with its sign bit. */
    static long spread(long v, int width) {
        if (width == 64) return v >> 63;
        return width == 32 ? SsePacked.psrad(v, 31) : SsePacked.pcmpgt8(0, v);
    }
}
