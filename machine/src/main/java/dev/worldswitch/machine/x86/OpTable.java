package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The operand table: every instruction this machine knows, and the search for a decoded one.
 *
 * <p>To add rows: write a class implementing {@link OpTableSource} and put it into {@link #SOURCES}. A row's maker gets
 * the {@link Insn} (operands {@code reg}, {@code rm}, {@code vvvv}, {@code mem()}, {@code imm}) and answers an
 * {@link Op}, whose {@code exec(Interpreter m)} works on {@code m.g} (general registers) and {@code m.fp} (the
 * physical CPU's XSAVE register file), reaches memory by {@code m.linear(ea, size, write)} and then
 * {@code m.ld(la, size)}, {@code m.st(la, size, v)} up to 8 bytes or {@code m.load(la, bytes, longs, at)} and
 * {@code m.store(la, bytes, longs, at)} for any number (all or nothing on a fault), and raises exceptions by
 * {@code throw m.ud()}, {@code m.gp(0)}, {@code m.nm()}, {@code m.fault(vector, errorCode)}, before it changed anything.
 */
public final class OpTable {
    private static final List<OpTableSource> SOURCES = List.of(
            new IntegerTable(),
            new SystemTable(),
            new BitTable(),
            new XsaveTable(),
            new MmxTable(),
            new SseTable(),
            new SseFloatTable(),
            new Sse42Table(),
            new AvxTable(),
            new Avx2Table(),
            new FmaTable(),
            new Avx512Table(),
            new Avx512ShuffleTable(),
            new Avx512FloatTable(),
            new Avx512FormTable(),
            new Fp16Table(),
            new Avx512NewerTable(),
            new Avx512MoveTable(),
            new GatherTable(),
            new OpmaskTable(),
            new X87Table(),
            new X87ArithmeticTable(),
            new X87FunctionTable(),
            new DirectTable());

    private static final Entry[][] INDEX = new Entry[3 * 8 * 256][];

    static {
        for (OpTableSource s : SOURCES) for (Row r : s.rows()) add(r);
    }

    private OpTable() {}

    /** A row with its encoding taken apart; -1 is "any". */
    record Entry(
            Row row,
            int pp,
            int digit,
            int mod,
            int rm,
            int vl,
            int w,
            boolean d64,
            boolean n64,
            boolean o64,
            boolean lock,
            boolean modrm) {
        boolean fits(Insn i) {
            return (pp < 0 || pp == i.pp)
                    && (digit < 0 || digit == i.digit)
                    && (mod < 0 || (mod == 3) == (i.mod == 3))
                    && (rm < 0 || rm == (i.rm & 7))
                    && (vl < 0 || vl == i.vl)
                    && (w < 0 || (w == 1) == i.w)
                    && !(n64 && i.is64())
                    && !(o64 && !i.is64());
        }
    }

    /** All rows, in the order of the sources. */
    public static List<Row> rows() {
        List<Row> all = new ArrayList<>();
        for (OpTableSource s : SOURCES) all.addAll(s.rows());
        return all;
    }

    static Entry @Nullable [] candidates(int vex, int map, int opcode) {
        return INDEX[(vex * 8 + map) * 256 + opcode];
    }

    private static void add(Row row) {
        try {
            parse(row);
        } catch (RuntimeException e) {
            throw new IllegalStateException("bad row " + row.mnemonic() + " '" + row.encoding() + "'", e);
        }
    }

    private static void parse(Row row) {
        int vex = 0, map = 0, opcode = -1, span = 1, pp = -1, digit = -1, mod = -1, rm = -1, vl = -1, w = -1;
        boolean d64 = false, n64 = false, o64 = false, lock = false, slashR = false;
        for (String t : row.encoding().split(" ")) {
            if (t.startsWith("VEX") || t.startsWith("EVEX")) {
                vex = t.startsWith("V") ? Insn.VEX : Insn.EVEX;
                for (String p : t.substring(t.indexOf('.') + 1).split("\\.")) {
                    switch (p) {
                        case "128", "L0", "LZ" -> vl = 0;
                        case "256", "L1" -> vl = 1;
                        case "512" -> vl = 2;
                        case "NP" -> pp = 0;
                        case "66" -> pp = 1;
                        case "F3" -> pp = 2;
                        case "F2" -> pp = 3;
                        case "0F" -> map = 1;
                        case "0F38" -> map = 2;
                        case "0F3A" -> map = 3;
                        case "MAP5" -> map = 5;
                        case "MAP6" -> map = 6;
                        case "W0" -> w = 0;
                        case "W1" -> w = 1;
                        case "LIG", "WIG" -> {}
                        default -> throw new IllegalArgumentException(p);
                    }
                }
                continue;
            }
            switch (t) {
                case "NP" -> pp = 0;
                case "d64" -> d64 = true;
                case "n64" -> n64 = true;
                case "o64" -> o64 = true;
                case "W0" -> w = 0;
                case "W1" -> w = 1;
                case "lock" -> lock = true;
                case "mem" -> mod = 0;
                case "reg" -> mod = 3;
                case "/r" -> slashR = true;
                default -> {
                    if (t.charAt(0) == '/') digit = t.charAt(1) - '0';
                    else if (t.charAt(0) == 'm') rm = t.charAt(1) - '0';
                    else if (vex == 0 && map == 0 && opcode < 0 && t.equals("0F")) map = 1;
                    else if (vex == 0 && map == 1 && opcode < 0 && t.equals("38")) map = 2;
                    else if (vex == 0 && map == 1 && opcode < 0 && t.equals("3A")) map = 3;
                    else if (map == 0
                            && vex == 0
                            && pp < 0
                            && isPrefix(t)
                            && !row.encoding().equals(t)) pp = t.equals("66") ? 1 : t.equals("F3") ? 2 : 3;
                    else if (t.endsWith("+r")) {
                        opcode = Integer.parseInt(t.substring(0, 2), 16);
                        span = 8;
                    } else opcode = Integer.parseInt(t, 16);
                }
            }
        }
        if (opcode < 0) throw new IllegalArgumentException("no opcode");
        boolean modrm = slashR || digit >= 0 || mod >= 0 || hasModrm(row.operands());
        Entry e = new Entry(row, pp, digit, mod, rm, vl, w, d64, n64, o64, lock, modrm);
        for (int k = 0; k < span; k++) insert((vex * 8 + map) * 256 + opcode + k, e);
    }

    private static boolean isPrefix(String t) {
        return t.equals("66") || t.equals("F3") || t.equals("F2");
    }

    private static boolean hasModrm(String operands) {
        for (String o : operands.split(",")) if (!o.isEmpty() && "EGMRVWQPSCDN".indexOf(o.charAt(0)) >= 0) return true;
        return false;
    }

    /** Rows that ask for more (a prefix, a digit, an rm) come before those that ask for less. */
    private static void insert(int at, Entry e) {
        List<Entry> list = new ArrayList<>();
        Entry[] old = INDEX[at];
        if (old != null) list.addAll(List.of(old));
        int p = 0;
        while (p < list.size() && weight(list.get(p)) >= weight(e)) p++;
        list.add(p, e);
        INDEX[at] = list.toArray(new Entry[0]);
    }

    private static int weight(Entry e) {
        return (e.pp > 0 ? 8 : e.pp == 0 ? 4 : 0)
                + (e.rm >= 0 ? 4 : 0)
                + (e.digit >= 0 ? 2 : 0)
                + (e.mod >= 0 ? 1 : 0)
                + (e.w >= 0 ? 1 : 0);
    }
}
