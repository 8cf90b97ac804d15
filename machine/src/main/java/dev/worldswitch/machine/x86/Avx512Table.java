package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Integer, logic and move instructions of AVX-512 F, BW, DQ, VL, CD, VBMI and VPOPCNTDQ on whole elements, with masking and
 * broadcasting; what moves elements about is in {@link Avx512ShuffleTable}, opmasks and comparisons in {@link OpmaskTable}. The
 * encodings are those of SDM vol. 2.
 */
class Avx512Table implements OpTableSource {
    final List<Row> rows = new ArrayList<>();

    @Override
    public List<Row> rows() {
        if (rows.isEmpty()) fill();
        return rows;
    }

    void fill() {
        moves();
        lanes();
        shifts();
        counts();
    }

    /** {@code encoding} is "66.0F38.W0 16" and what follows the opcode but "/r". */
    final void row(String name, String encoding, String operands, Row.Maker maker) {
        rows.add(new Row(name, "EVEX." + encoding, operands, maker, "SDM vol. 2 " + name, needs(name)));
    }

    Set<Feature> needs(String name) {
        return Feature.evex(name);
    }

    final void whole(String name, String encoding, String operands, int width, boolean perElement, EvexOp.Whole f) {
        row(name, encoding + " /r", operands, i -> new EvexOp.General(i, width, perElement, false, f));
    }

    /** A function of single words, element by element. */
    final void lane(String name, String encoding, int width, SseOps.Lane f) {
        whole(name, encoding, "V,W", width, true, (d, a, b, r, o) -> {
            for (int k = 0; k < o.words; k++) r[k] = f.of(a[k], b[k]);
        });
    }

    // Moves.

    private void moves() {
        move("VMOVDQU8", "F2", "W0", "6F", "7F", 8, false);
        move("VMOVDQU16", "F2", "W1", "6F", "7F", 16, false);
        move("VMOVDQU32", "F3", "W0", "6F", "7F", 32, false);
        move("VMOVDQU64", "F3", "W1", "6F", "7F", 64, false);
        move("VMOVDQA32", "66", "W0", "6F", "7F", 32, true);
        move("VMOVDQA64", "66", "W1", "6F", "7F", 64, true);
        move("VMOVUPS", "NP", "W0", "10", "11", 32, false);
        move("VMOVUPD", "66", "W1", "10", "11", 64, false);
        move("VMOVAPS", "NP", "W0", "28", "29", 32, true);
        move("VMOVAPD", "66", "W1", "28", "29", 64, true);
        store("VMOVNTDQ", "66.0F.W0 E7 /r mem", 32, true);
        store("VMOVNTPS", "NP.0F.W0 2B /r mem", 32, true);
        store("VMOVNTPD", "66.0F.W1 2B /r mem", 64, true);
        load("VMOVNTDQA", "66.0F38.W0 2A /r mem", 32, true);
        scalarMove("VMOVSS", "F3.0F.W0", 32);
        scalarMove("VMOVSD", "F2.0F.W1", 64);
        for (String w : new String[] {"W0", "W1"}) {
            int bytes = w.equals("W0") ? 4 : 8;
            row(
                    "VMOVD",
                    "128.66.0F." + w + " 6E /r",
                    "V,E",
                    i -> new EvexOp.Free(i, 32, bytes, (m, o) -> {
                        long v = o.ea != null ? m.ld(m.linear(o.ea(), bytes, false), bytes) : m.reg(o.rm & 15, bytes);
                        EvexOp.write(m, o.reg, new long[] {v, 0}, 2);
                    }));
            row(
                    "VMOVD",
                    "128.66.0F." + w + " 7E /r",
                    "E,V",
                    i -> new EvexOp.Free(i, 32, bytes, (m, o) -> {
                        long v = EvexOp.read(m, o.reg)[0];
                        if (o.ea != null) m.st(m.linear(o.ea(), bytes, true), bytes, v);
                        else m.setReg(o.rm & 15, bytes, v);
                    }));
        }
        row(
                "VMOVQ",
                "128.F3.0F.W1 7E /r",
                "V,W",
                i -> new EvexOp.Free(i, 64, 8, (m, o) -> {
                    long v = o.ea != null ? m.ld64(m.linear(o.ea(), 8, false)) : EvexOp.read(m, o.rm)[0];
                    EvexOp.write(m, o.reg, new long[] {v, 0}, 2);
                }));
        row(
                "VMOVQ",
                "128.66.0F.W1 D6 /r",
                "W,V",
                i -> new EvexOp.Free(i, 64, 8, (m, o) -> {
                    long v = EvexOp.read(m, o.reg)[0];
                    if (o.ea != null) m.st64(m.linear(o.ea(), 8, true), v);
                    else EvexOp.write(m, o.rm, new long[] {v, 0}, 2);
                }));
    }

    private void move(String name, String pp, String w, String load, String store, int width, boolean aligned) {
        load(name, pp + ".0F." + w + " " + load + " /r", width, aligned);
        store(name, pp + ".0F." + w + " " + store + " /r", width, aligned);
    }

    private static void align(Interpreter m, EvexOp o, boolean write) {
        if (o.ea != null && (m.linear(o.ea, 8 * o.words, write) & 8L * o.words - 1) != 0) throw m.gp(0);
    }

    private void load(String name, String encoding, int width, boolean aligned) {
        row(
                name,
                encoding,
                "V,W",
                i -> new EvexOp.Free(i, width, 0, (m, o) -> {
                    if (aligned) align(m, o, false);
                    o.put(m, o.operand(m, true));
                }));
    }

    private void store(String name, String encoding, int width, boolean aligned) {
        row(
                name,
                encoding,
                "W,V",
                i -> new EvexOp.Free(i, width, 0, (m, o) -> {
                    long[] v = EvexOp.read(m, o.reg);
                    if (aligned) align(m, o, true);
                    if (o.ea != null) o.storeActive(m, v, width, o.elements());
                    else o.put(m, o.rm, v, width, o.words);
                }));
    }

    /** The low element; a register form takes the rest of 128 bits from vvvv. */
    final void scalarMove(String name, String encoding, int width) {
        int bytes = width / 8;
        row(name, encoding + " 10 /r", "V,W", i -> new EvexOp.Free(i, width, bytes, (m, o) -> scalarLoad(m, o, width)));
        row(
                name,
                encoding + " 11 /r",
                "W,V",
                i -> new EvexOp.Free(i, width, bytes, (m, o) -> {
                    long[] v = EvexOp.read(m, o.reg);
                    if (o.ea != null) o.storeActive(m, v, width, 1);
                    else merge(m, o, o.rm, v, width);
                }));
    }

    private static void scalarLoad(Interpreter m, EvexOp.Free o, int width) {
        if (o.ea == null) {
            merge(m, o, o.reg, EvexOp.read(m, o.rm), width);
            return;
        }
        long[] v = new long[2];
        if ((o.active(m) & 1) != 0) v[0] = m.ld(m.linear(o.ea(), width / 8, false), width / 8);
        else Avx2Table.setLane(v, 0, width, o.zeroes() ? 0 : Avx2Table.lane(EvexOp.read(m, o.reg), 0, width));
        EvexOp.write(m, o.reg, v, 2);
    }

    /** The low element of {@code v} under the opmask, above it what vvvv has. */
    static void merge(Interpreter m, EvexOp o, int to, long[] v, int width) {
        long[] r = EvexOp.read(m, o.first);
        long low = (o.active(m) & 1) != 0 ? v[0] : o.zeroes() ? 0 : EvexOp.read(m, to)[0];
        Avx2Table.setLane(r, 0, width, low);
        EvexOp.write(m, to, r, 2);
    }

    // Element by element.

    private void logic(String name, String op, SseOps.Lane f) {
        lane(name + "D", "66.0F.W0 " + op, 32, f);
        lane(name + "Q", "66.0F.W1 " + op, 64, f);
    }

    private void lanes() {
        logic("VPAND", "DB", SsePacked::and);
        logic("VPANDN", "DF", SsePacked::andn);
        logic("VPOR", "EB", SsePacked::or);
        logic("VPXOR", "EF", SsePacked::xor);
        String[] names = {"VAND", "VANDN", "VOR", "VXOR"};
        List<SseOps.Lane> functions = List.of(SsePacked::and, SsePacked::andn, SsePacked::or, SsePacked::xor);
        for (int k = 0; k < 4; k++) {
            lane(names[k] + "PS", "NP.0F.W0 5" + (4 + k), 32, functions.get(k));
            lane(names[k] + "PD", "66.0F.W1 5" + (4 + k), 64, functions.get(k));
        }
        bytesAndWords();
        lane("VPADDD", "66.0F.W0 FE", 32, SsePacked::padd32);
        lane("VPADDQ", "66.0F.W1 D4", 64, SsePacked::padd64);
        lane("VPSUBD", "66.0F.W0 FA", 32, SsePacked::psub32);
        lane("VPSUBQ", "66.0F.W1 FB", 64, SsePacked::psub64);
        lane("VPMULUDQ", "66.0F.W1 F4", 64, SsePacked::pmuludq);
        lane("VPMULDQ", "66.0F38.W1 28", 64, SsePacked::pmuldq);
        lane("VPMULLD", "66.0F38.W0 40", 32, SsePacked::pmulld);
        lane("VPMULLQ", "66.0F38.W1 40", 64, (a, b) -> a * b);
        lane("VPABSD", "66.0F38.W0 1E", 32, SsePacked::pabsd);
        lane("VPABSQ", "66.0F38.W1 1F", 64, (a, b) -> Math.abs(b));
        lane("VPMINSD", "66.0F38.W0 39", 32, SsePacked::pminsd);
        lane("VPMINSQ", "66.0F38.W1 39", 64, Math::min);
        lane("VPMINUD", "66.0F38.W0 3B", 32, SsePacked::pminud);
        lane("VPMINUQ", "66.0F38.W1 3B", 64, (a, b) -> Long.compareUnsigned(a, b) < 0 ? a : b);
        lane("VPMAXSD", "66.0F38.W0 3D", 32, SsePacked::pmaxsd);
        lane("VPMAXSQ", "66.0F38.W1 3D", 64, Math::max);
        lane("VPMAXUD", "66.0F38.W0 3F", 32, SsePacked::pmaxud);
        lane("VPMAXUQ", "66.0F38.W1 3F", 64, (a, b) -> Long.compareUnsigned(a, b) > 0 ? a : b);
        for (boolean wide : new boolean[] {false, true}) {
            int width = wide ? 64 : 32;
            whole(
                    "VPTERNLOG" + (wide ? "Q" : "D"),
                    "66.0F3A.W" + (wide ? 1 : 0) + " 25",
                    "V,W,Ib",
                    width,
                    true,
                    (d, a, b, r, o) -> {
                        for (int k = 0; k < o.words; k++) r[k] = ternary(d[k], a[k], b[k], o.imm);
                    });
        }
    }

    /** Each bit of the result is the bit of {@code table} that the three operands' bits name. */
    static long ternary(long d, long a, long b, int table) {
        long r = 0;
        for (int k = 0; k < 8; k++)
            if ((table >> k & 1) != 0) r |= ((k & 4) != 0 ? d : ~d) & ((k & 2) != 0 ? a : ~a) & ((k & 1) != 0 ? b : ~b);
        return r;
    }

    private void bytesAndWords() {
        small("VPADDB", "0F", "FC", 8, SsePacked::padd8);
        small("VPADDW", "0F", "FD", 16, SsePacked::padd16);
        small("VPSUBB", "0F", "F8", 8, SsePacked::psub8);
        small("VPSUBW", "0F", "F9", 16, SsePacked::psub16);
        small("VPADDSB", "0F", "EC", 8, SsePacked::padds8);
        small("VPADDSW", "0F", "ED", 16, SsePacked::padds16);
        small("VPADDUSB", "0F", "DC", 8, SsePacked::paddus8);
        small("VPADDUSW", "0F", "DD", 16, SsePacked::paddus16);
        small("VPSUBSB", "0F", "E8", 8, SsePacked::psubs8);
        small("VPSUBSW", "0F", "E9", 16, SsePacked::psubs16);
        small("VPSUBUSB", "0F", "D8", 8, SsePacked::psubus8);
        small("VPSUBUSW", "0F", "D9", 16, SsePacked::psubus16);
        small("VPAVGB", "0F", "E0", 8, SsePacked::pavg8);
        small("VPAVGW", "0F", "E3", 16, SsePacked::pavg16);
        small("VPMULLW", "0F", "D5", 16, SsePacked::pmullw);
        small("VPMULHW", "0F", "E5", 16, SsePacked::pmulhw);
        small("VPMULHUW", "0F", "E4", 16, SsePacked::pmulhuw);
        small("VPMULHRSW", "0F38", "0B", 16, SsePacked::pmulhrsw);
        small("VPMADDWD", "0F", "F5", 32, SsePacked::pmaddwd);
        small("VPMADDUBSW", "0F38", "04", 16, SsePacked::pmaddubsw);
        small("VPMINUB", "0F", "DA", 8, SsePacked::pminub);
        small("VPMAXUB", "0F", "DE", 8, SsePacked::pmaxub);
        small("VPMINSW", "0F", "EA", 16, SsePacked::pminsw);
        small("VPMAXSW", "0F", "EE", 16, SsePacked::pmaxsw);
        small("VPMINSB", "0F38", "38", 8, SsePacked::pminsb);
        small("VPMAXSB", "0F38", "3C", 8, SsePacked::pmaxsb);
        small("VPMINUW", "0F38", "3A", 16, SsePacked::pminuw);
        small("VPMAXUW", "0F38", "3E", 16, SsePacked::pmaxuw);
        small("VPABSB", "0F38", "1C", 8, SsePacked::pabsb);
        small("VPABSW", "0F38", "1D", 16, SsePacked::pabsw);
        small("VPSADBW", "0F", "F6", 8, SsePacked::psadbw);
    }

    /** An instruction that looks at EVEX.W in no form and does not broadcast. */
    private void small(String name, String map, String op, int width, SseOps.Lane f) {
        boolean masked = !name.equals("VPSADBW");
        row(name, "66." + map + ".WIG " + op + " /r", "V,W", i -> {
            EvexOp e = new EvexOp.General(i, width, masked, false, (d, a, b, r, o) -> {
                for (int k = 0; k < o.words; k++) r[k] = f.of(a[k], b[k]);
            });
            e.undefined |= i.b || !masked && i.aaa != 0;
            return e;
        });
    }

    // Shifts.

    private void shifts() {
        shift("VPSRLW", "D1", "71", 2, "WIG", 16, SsePacked::psrlw);
        shift("VPSRAW", "E1", "71", 4, "WIG", 16, SsePacked::psraw);
        shift("VPSLLW", "F1", "71", 6, "WIG", 16, SsePacked::psllw);
        shift("VPSRLD", "D2", "72", 2, "W0", 32, SsePacked::psrld);
        shift("VPSRAD", "E2", "72", 4, "W0", 32, SsePacked::psrad);
        shift("VPSLLD", "F2", "72", 6, "W0", 32, SsePacked::pslld);
        shift("VPSRLQ", "D3", "73", 2, "W1", 64, SsePacked::psrlq);
        shift("VPSRAQ", "E2", "72", 4, "W1", 64, Avx512Table::psraq);
        shift("VPSLLQ", "F3", "73", 6, "W1", 64, SsePacked::psllq);
        variable("VPSRLVW", "10", "W1", 16, SsePacked::psrlw);
        variable("VPSRAVW", "11", "W1", 16, SsePacked::psraw);
        variable("VPSLLVW", "12", "W1", 16, SsePacked::psllw);
        variable("VPSRLVD", "45", "W0", 32, SsePacked::psrld);
        variable("VPSRLVQ", "45", "W1", 64, SsePacked::psrlq);
        variable("VPSRAVD", "46", "W0", 32, SsePacked::psrad);
        variable("VPSRAVQ", "46", "W1", 64, Avx512Table::psraq);
        variable("VPSLLVD", "47", "W0", 32, SsePacked::pslld);
        variable("VPSLLVQ", "47", "W1", 64, SsePacked::psllq);
        for (boolean wide : new boolean[] {false, true}) {
            int width = wide ? 64 : 32;
            String w = wide ? "W1" : "W0", t = wide ? "Q" : "D";
            variable("VPROLV" + t, "15", w, width, (a, n) -> rotated(a, n, width));
            variable("VPRORV" + t, "14", w, width, (a, n) -> rotated(a, -n, width));
            immediate("VPROL" + t, "72", 1, w, width, (a, n) -> eachLane(a, width, x -> rotated(x, n, width)));
            immediate("VPROR" + t, "72", 0, w, width, (a, n) -> eachLane(a, width, x -> rotated(x, -n, width)));
        }
    }

    private interface One {
        long of(long x);
    }

    private static long eachLane(long v, int width, One f) {
        if (width == 64) return f.of(v);
        return f.of(v & 0xffffffffL) & 0xffffffffL | f.of(v >>> 32) << 32;
    }

    private static long rotated(long a, long n, int width) {
        return width == 64 ? Long.rotateLeft(a, (int) n) : Integer.rotateLeft((int) a, (int) n) & 0xffffffffL;
    }

    static long psraq(long a, long n) {
        return a >> (Long.compareUnsigned(n, 64) >= 0 ? 63 : n);
    }

    private void shift(String name, String op, String immOp, int digit, String w, int width, SseOps.Lane f) {
        row(name, "66.0F." + w + " " + op + " /r", "V,W", i -> {
            // The count is 128 bits of memory or of a register, whatever the length.
            EvexOp e = new EvexOp.Free(i, width, 16, (m, o) -> {
                long n = o.ea != null ? m.ld64(m.linear(o.ea(), 16, false)) : EvexOp.read(m, o.rm)[0];
                long[] a = EvexOp.read(m, o.first);
                for (int k = 0; k < o.words; k++) a[k] = f.of(a[k], n);
                o.put(m, a);
            });
            e.undefined |= i.b;
            return e;
        });
        immediate(name, immOp, digit, w, width, f);
    }

    private void immediate(String name, String op, int digit, String w, int width, SseOps.Lane f) {
        row(name, "66.0F." + w + " " + op + " /" + digit, "W,Ib", i -> {
            EvexOp e = new EvexOp.General(i, width, true, true, (d, a, b, r, o) -> {
                for (int k = 0; k < o.words; k++) r[k] = f.of(b[k], o.imm);
            });
            e.undefined |= i.b && width < 32;
            return e;
        });
    }

    private void variable(String name, String op, String w, int width, SseOps.Lane f) {
        whole(name, "66.0F38." + w + " " + op, "V,W", width, true, (d, a, b, r, o) -> {
            for (int e = 0; e < o.elements(); e++)
                Avx2Table.setLane(r, e, width, f.of(Avx2Table.lane(a, e, width), Avx2Table.lane(b, e, width)));
        });
    }

    // Counting.

    private void counts() {
        count("VPOPCNTB", "54", "W0", 8, (x, w) -> Long.bitCount(x));
        count("VPOPCNTW", "54", "W1", 16, (x, w) -> Long.bitCount(x));
        count("VPOPCNTD", "55", "W0", 32, (x, w) -> Long.bitCount(x));
        count("VPOPCNTQ", "55", "W1", 64, (x, w) -> Long.bitCount(x));
        count("VPLZCNTD", "44", "W0", 32, (x, w) -> Long.numberOfLeadingZeros(x) - 64 + w);
        count("VPLZCNTQ", "44", "W1", 64, (x, w) -> Long.numberOfLeadingZeros(x) - 64 + w);
        for (boolean wide : new boolean[] {false, true}) {
            int width = wide ? 64 : 32;
            whole(
                    "VPCONFLICT" + (wide ? "Q" : "D"),
                    "66.0F38.W" + (wide ? 1 : 0) + " C4",
                    "V,W",
                    width,
                    false,
                    (d, a, b, r, o) -> {
                        for (int e = 0; e < o.elements(); e++) {
                            long same = 0;
                            for (int f = 0; f < e; f++)
                                if (Avx2Table.lane(b, e, width) == Avx2Table.lane(b, f, width)) same |= 1L << f;
                            Avx2Table.setLane(r, e, width, same);
                        }
                    });
        }
    }

    private interface Count {
        long of(long x, int width);
    }

    private void count(String name, String op, String w, int width, Count f) {
        whole(name, "66.0F38." + w + " " + op, "V,W", width, true, (d, a, b, r, o) -> {
            for (int e = 0; e < o.elements(); e++)
                Avx2Table.setLane(r, e, width, f.of(Avx2Table.lane(b, e, width), width));
        });
    }
}
