package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.arm64.IntegerOps.Fn1;
import dev.worldswitch.machine.arm64.IntegerOps.Fn2;
import dev.worldswitch.machine.arm64.IntegerOps.Fn3;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Data processing, immediate and register: Arm ARM C4.1.92 to C4.1.94 "Data Processing". */
final class IntegerTable implements A64Row.Table {
    private final List<A64Row> rows = new ArrayList<>();

    /** Bits {@code hi} to {@code lo} of a word. */
    static int f(int w, int hi, int lo) {
        return w >>> lo & -1 >>> 31 - (hi - lo);
    }

    /** Register index where 31 is the zero register: to read, to write. */
    static int zr(int r) {
        return r == 31 ? Arm64Cpu.ZR : r;
    }

    static int zw(int r) {
        return r == 31 ? Arm64Cpu.TRASH : r;
    }

    static int rd(int w) {
        return zw(w & 31);
    }

    static int rn(int w) {
        return zr(f(w, 9, 5));
    }

    static int rm(int w) {
        return zr(f(w, 20, 16));
    }

    /** The signed field {@code hi} to {@code lo}. */
    static long sf(int w, int hi, int lo) {
        return (long) (w << 31 - hi) << 32 >> 63 - (hi - lo);
    }

    private void row(String name, String bits, Feature feature, A64Row.Maker maker) {
        rows.add(new A64Row(name, bits, feature, maker, "C6.2 " + name));
    }

    private void row(String name, String bits, A64Row.Maker maker) {
        row(name, bits, Feature.BASE, maker);
    }

    @Override
    public List<A64Row> rows() {
        immediates();
        addSub();
        logic();
        moves();
        bitfields();
        oneSource();
        twoSources();
        threeSources();
        conditional();
        return rows;
    }

    private static A64Op imm(int d, long v) {
        return IntegerOps.set(new IntegerOps.MoveImm(), d, 0, 0, v);
    }

    private void immediates() {
        row("ADR", "0ii10000 iiiiiiiiiiiiiiiiiiiddddd", (w, pc) -> imm(rd(w), pc + (sf(w, 23, 5) << 2 | f(w, 30, 29))));
        row(
                "ADRP",
                "1ii10000 iiiiiiiiiiiiiiiiiiiddddd",
                (w, pc) -> imm(rd(w), (pc & -4096L) + ((sf(w, 23, 5) << 2 | f(w, 30, 29)) << 12)));
    }

    private static A64Op flagsOp(boolean sub, boolean is64) {
        if (is64) return sub ? new IntegerOps.Subs64() : new IntegerOps.Adds64();
        return sub ? new IntegerOps.Subs32() : new IntegerOps.Adds32();
    }

    private void addSub() {
        addSub("ADD", 0, A64::add64, A64::add32);
        addSub("SUB", 1, A64::sub64, A64::sub32);
    }

    private void addSub(String name, int op, Fn2 f64, Fn2 f32) {
        boolean sub = op == 1;
        row(name + " (immediate)", "s" + op + "0100010 hiiiiiiiiiiiinnnnnddddd", (w, pc) -> {
            long i = (long) f(w, 21, 10) << (f(w, 22, 22) != 0 ? 12 : 0);
            return IntegerOps.set(
                    IntegerOps.template(IntegerOps.RegImm.class, w < 0 ? f64 : f32), w & 31, f(w, 9, 5), 0, i);
        });
        row(name + "S (immediate)", "s" + op + "1100010 hiiiiiiiiiiiinnnnnddddd", (w, pc) -> {
            long i = (long) f(w, 21, 10) << (f(w, 22, 22) != 0 ? 12 : 0);
            return IntegerOps.set(flagsOp(sub, w < 0), rd(w), f(w, 9, 5), Arm64Cpu.ZR, i);
        });
        row(name + " (shifted register)", "s" + op + "001011 tt0mmmmmiiiiiinnnnnddddd", (w, pc) -> {
            if (badShift(w) || f(w, 23, 22) == 3) return null;
            if (f(w, 15, 10) == 0)
                return IntegerOps.set(
                        IntegerOps.template(IntegerOps.Reg2.class, w < 0 ? f64 : f32), rd(w), rn(w), rm(w));
            return shifted(w, w < 0 ? f64 : f32);
        });
        row(name + "S (shifted register)", "s" + op + "101011 tt0mmmmmiiiiiinnnnnddddd", (w, pc) -> {
            if (badShift(w) || f(w, 23, 22) == 3) return null;
            if (f(w, 15, 10) == 0) return IntegerOps.set(flagsOp(sub, w < 0), rd(w), rn(w), rm(w));
            return other(w, sub, f(w, 23, 22), rd(w), rn(w), f(w, 15, 10));
        });
        row(name + " (extended register)", "s" + op + "001011 001mmmmmoooiiinnnnnddddd", (w, pc) -> {
            if (f(w, 12, 10) > 4) return null;
            A64Op o = IntegerOps.template(IntegerOps.Extended.class, w < 0 ? f64 : f32);
            o.a = f(w, 15, 13);
            return IntegerOps.set(o, w & 31, f(w, 9, 5), rm(w), f(w, 12, 10));
        });
        row(name + "S (extended register)", "s" + op + "101011 001mmmmmoooiiinnnnnddddd", (w, pc) -> {
            if (f(w, 12, 10) > 4) return null;
            return other(w, sub, 8 + f(w, 15, 13), rd(w), f(w, 9, 5), f(w, 12, 10));
        });
        for (int s = 0; s < 2; s++) {
            int carry = op | s << 1;
            row(
                    (sub ? "SBC" : "ADC") + (s == 1 ? "S" : ""),
                    "s" + op + s + "11010000mmmmm000000nnnnnddddd",
                    (w, pc) -> {
                        A64Op o = new IntegerOps.Carry();
                        o.a = carry;
                        return IntegerOps.set(o, rd(w), rn(w), rm(w), w < 0 ? 1 : 0);
                    });
        }
    }

    private static boolean badShift(int w) {
        return w >= 0 && f(w, 15, 15) != 0;
    }

    private static A64Op shifted(int w, Fn2 meaning) {
        A64Op o = IntegerOps.template(w < 0 ? IntegerOps.Shifted64.class : IntegerOps.Shifted32.class, meaning);
        o.a = f(w, 23, 22);
        return IntegerOps.set(o, rd(w), rn(w), rm(w), f(w, 15, 10));
    }

    private static A64Op other(int w, boolean sub, int kind, int d, int n, int amount) {
        IntegerOps.AddSubsOther o = new IntegerOps.AddSubsOther();
        o.sub = sub;
        o.is64 = w < 0;
        o.a = kind;
        return IntegerOps.set(o, d, n, rm(w), amount);
    }

    private void logic() {
        logic("AND", "BIC", "00", A64::and, A64::and, A64::bic64, A64::bic64);
        logic("ORR", "ORN", "01", A64::orr, A64::orr, A64::orn64, A64::orn32);
        logic("EOR", "EON", "10", A64::eor, A64::eor, A64::eon64, A64::eon32);
        row("ANDS (immediate)", "s11100100Nrrrrrrssssssnnnnnddddd", (w, pc) -> {
            long mask = A64.bitmask(f(w, 22, 22), f(w, 15, 10), f(w, 21, 16), w < 0);
            if (mask == 0) return null;
            return IntegerOps.set(
                    w < 0 ? new IntegerOps.AndsImm64() : new IntegerOps.AndsImm32(), rd(w), rn(w), 0, mask);
        });
        for (int inv = 0; inv < 2; inv++) {
            int not = inv;
            row(
                    inv == 0 ? "ANDS (shifted register)" : "BICS (shifted register)",
                    "s1101010tt" + inv + "mmmmmiiiiiinnnnnddddd",
                    (w, pc) -> {
                        if (badShift(w)) return null;
                        A64Op o = w < 0 ? new IntegerOps.LogicFlags64() : new IntegerOps.LogicFlags32();
                        o.a = f(w, 23, 22) | not << 2;
                        return IntegerOps.set(o, rd(w), rn(w), rm(w), f(w, 15, 10));
                    });
        }
    }

    private void logic(String name, String inverted, String opc, Fn2 f64, Fn2 f32, Fn2 not64, Fn2 not32) {
        row(name + " (immediate)", "s" + opc + "100100Nrrrrrrssssssnnnnnddddd", (w, pc) -> {
            long mask = A64.bitmask(f(w, 22, 22), f(w, 15, 10), f(w, 21, 16), w < 0);
            if (mask == 0) return null;
            // W results stay below 2^32 only if the source is: it is cut by the 32-bit meaning.
            Fn2 meaning = w < 0 ? f64 : cut(f32);
            return IntegerOps.set(IntegerOps.template(IntegerOps.RegImm.class, meaning), w & 31, rn(w), 0, mask);
        });
        row(
                name + " (shifted register)",
                "s" + opc + "01010tt0mmmmmiiiiiinnnnnddddd",
                (w, pc) -> logicReg(w, f64, f32));
        row(
                inverted + " (shifted register)",
                "s" + opc + "01010tt1mmmmmiiiiiinnnnnddddd",
                (w, pc) -> logicReg(w, not64, not32));
    }

    private static final java.util.Map<Fn2, Fn2> CUT = new java.util.concurrent.ConcurrentHashMap<>();

    private static Fn2 cut(Fn2 meaning) {
        return CUT.computeIfAbsent(meaning, f -> (p, q) -> f.of(p, q) & A64.W);
    }

    private static @Nullable A64Op logicReg(int w, Fn2 f64, Fn2 f32) {
        if (badShift(w)) return null;
        if (f(w, 15, 10) == 0)
            return IntegerOps.set(
                    IntegerOps.template(IntegerOps.Reg2.class, w < 0 ? f64 : cut(f32)), rd(w), rn(w), rm(w));
        return shifted(w, w < 0 ? f64 : f32);
    }

    private void moves() {
        row("MOVN", "s00100101hhiiiiiiiiiiiiiiiiddddd", (w, pc) -> {
            if (w >= 0 && f(w, 22, 22) != 0) return null;
            long v = ~((long) f(w, 20, 5) << 16 * f(w, 22, 21));
            return imm(rd(w), w < 0 ? v : v & A64.W);
        });
        row("MOVZ", "s10100101hhiiiiiiiiiiiiiiiiddddd", (w, pc) -> {
            if (w >= 0 && f(w, 22, 22) != 0) return null;
            return imm(rd(w), (long) f(w, 20, 5) << 16 * f(w, 22, 21));
        });
        row("MOVK", "s11100101hhiiiiiiiiiiiiiiiiddddd", (w, pc) -> {
            if (w >= 0 && f(w, 22, 22) != 0) return null;
            IntegerOps.MoveKeep o = new IntegerOps.MoveKeep();
            long mask = ~(0xffffL << 16 * f(w, 22, 21));
            o.mask = w < 0 ? mask : mask & A64.W;
            return IntegerOps.set(o, rd(w), 0, 0, (long) f(w, 20, 5) << 16 * f(w, 22, 21));
        });
    }

    private void bitfields() {
        row("SBFM", "s00100110Nrrrrrrssssssnnnnnddddd", (w, pc) -> {
            if (badField(w)) return null;
            int r = f(w, 21, 16), s = f(w, 15, 10), size = w < 0 ? 64 : 32;
            A64Op o = w < 0 ? new IntegerOps.Sbfm64() : new IntegerOps.Sbfm32();
            int width = s >= r ? s - r + 1 : s + 1, lsb = s >= r ? r : 0;
            o.a = 64 - (lsb + width);
            return IntegerOps.set(o, rd(w), rn(w), 64 - width, s >= r ? 0 : size - r);
        });
        row("BFM", "s01100110Nrrrrrrssssssnnnnnddddd", (w, pc) -> badField(w) ? null : field(w, new IntegerOps.Bfm()));
        row(
                "UBFM",
                "s10100110Nrrrrrrssssssnnnnnddddd",
                (w, pc) -> badField(w) ? null : field(w, new IntegerOps.Ubfm()));
        row("EXTR", "s00100111N0mmmmmiiiiiinnnnnddddd", (w, pc) -> {
            if (f(w, 22, 22) != w >>> 31 || badShift(w)) return null;
            return IntegerOps.set(
                    w < 0 ? new IntegerOps.Extr64() : new IntegerOps.Extr32(), rd(w), rn(w), rm(w), f(w, 15, 10));
        });
    }

    private static boolean badField(int w) {
        return f(w, 22, 22) != w >>> 31 || (w >= 0 && (f(w, 21, 21) != 0 || f(w, 15, 15) != 0));
    }

    private static A64Op field(int w, A64Op o) {
        int r = f(w, 21, 16), s = f(w, 15, 10), size = w < 0 ? 64 : 32;
        o.a = s >= r ? r : 0;
        long mask = -1L >>> 63 - (s >= r ? s - r : s);
        return IntegerOps.set(o, rd(w), rn(w), s >= r ? 0 : size - r, mask);
    }

    private void one(String name, String opcode, Feature feature, Fn1 f64, Fn1 f32) {
        row(
                name,
                "s101101011000000" + opcode + "nnnnnddddd",
                feature,
                (w, pc) ->
                        IntegerOps.set(IntegerOps.template(IntegerOps.Reg1.class, w < 0 ? f64 : f32), rd(w), rn(w), 0));
    }

    private void oneSource() {
        one("RBIT", "000000", Feature.BASE, Long::reverse, A64::rbit32);
        one("REV16", "000001", Feature.BASE, A64::rev16of64, v -> A64.rev16of64(v) & A64.W);
        one("REV32", "000010", Feature.BASE, A64::rev32of64, A64::rev32);
        row(
                "REV",
                "1101101011000000000011nnnnnddddd",
                (w, pc) -> IntegerOps.set(IntegerOps.template(IntegerOps.Reg1.class, REV64), rd(w), rn(w), 0));
        one("CLZ", "000100", Feature.BASE, Long::numberOfLeadingZeros, A64::clz32);
        one("CLS", "000101", Feature.BASE, A64::cls64, A64::cls32);
        one("CTZ", "000110", Feature.CSSC, Long::numberOfTrailingZeros, v -> Integer.numberOfTrailingZeros((int) v));
        one("CNT", "000111", Feature.CSSC, Long::bitCount, v -> Integer.bitCount((int) v));
        one("ABS", "001000", Feature.CSSC, Math::abs, v -> Math.abs((int) v) & A64.W);
    }

    private static final Fn1 REV64 = Long::reverseBytes;

    private void two(String name, String opcode, Feature feature, Fn2 f64, Fn2 f32) {
        row(
                name,
                "s0011010110mmmmm" + opcode + "nnnnnddddd",
                feature,
                (w, pc) -> IntegerOps.set(
                        IntegerOps.template(IntegerOps.Reg2.class, w < 0 ? f64 : f32), rd(w), rn(w), rm(w)));
    }

    private void twoSources() {
        two("UDIV", "000010", Feature.BASE, A64::udiv64, A64::udiv32);
        two("SDIV", "000011", Feature.BASE, A64::sdiv64, A64::sdiv32);
        two("LSLV", "001000", Feature.BASE, A64::lsl64, A64::lsl32);
        two("LSRV", "001001", Feature.BASE, A64::lsr64, A64::lsr32);
        two("ASRV", "001010", Feature.BASE, A64::asr64, A64::asr32);
        two("RORV", "001011", Feature.BASE, A64::ror64, A64::ror32);
        two("SMAX (register)", "011000", Feature.CSSC, Math::max, (p, q) -> Math.max((int) p, (int) q) & A64.W);
        two(
                "UMAX (register)",
                "011001",
                Feature.CSSC,
                (p, q) -> Long.compareUnsigned(p, q) > 0 ? p : q,
                (p, q) -> Math.max(p & A64.W, q & A64.W));
        two("SMIN (register)", "011010", Feature.CSSC, Math::min, (p, q) -> Math.min((int) p, (int) q) & A64.W);
        two(
                "UMIN (register)",
                "011011",
                Feature.CSSC,
                (p, q) -> Long.compareUnsigned(p, q) < 0 ? p : q,
                (p, q) -> Math.min(p & A64.W, q & A64.W));
        for (int c = 0; c < 2; c++) {
            int castagnoli = c;
            for (int sz = 0; sz < 4; sz++) {
                int bits = 8 << sz;
                row(
                        "CRC32" + (c == 1 ? "C" : "") + "BHWX".charAt(sz),
                        (sz == 3 ? "1" : "0") + "0011010110mmmmm010" + c + (sz >> 1) + (sz & 1) + "nnnnnddddd",
                        Feature.CRC32,
                        (w, pc) -> {
                            A64Op o = new IntegerOps.Crc();
                            o.a = castagnoli;
                            return IntegerOps.set(o, rd(w), rn(w), rm(w), bits);
                        });
            }
        }
    }

    private void three(String name, String head, String o0, @Nullable Fn3 f64, @Nullable Fn3 f32) {
        row(name, head + "mmmmm" + o0 + "aaaaannnnnddddd", (w, pc) -> {
            Fn3 meaning = w < 0 ? f64 : f32;
            if (meaning == null) return null;
            A64Op o = IntegerOps.template(IntegerOps.Reg3.class, meaning);
            o.a = zr(f(w, 14, 10));
            return IntegerOps.set(o, rd(w), rn(w), rm(w));
        });
    }

    private void threeSources() {
        three("MADD", "s0011011000", "0", (n, m, a) -> a + n * m, (n, m, a) -> a + n * m & A64.W);
        three("MSUB", "s0011011000", "1", (n, m, a) -> a - n * m, (n, m, a) -> a - n * m & A64.W);
        three("SMADDL", "10011011001", "0", (n, m, a) -> a + (long) (int) n * (int) m, null);
        three("SMSUBL", "10011011001", "1", (n, m, a) -> a - (long) (int) n * (int) m, null);
        three("UMADDL", "10011011101", "0", (n, m, a) -> a + (n & A64.W) * (m & A64.W), null);
        three("UMSUBL", "10011011101", "1", (n, m, a) -> a - (n & A64.W) * (m & A64.W), null);
        three("SMULH", "10011011010", "0", (n, m, a) -> Math.multiplyHigh(n, m), null);
        three("UMULH", "10011011110", "0", (n, m, a) -> Math.unsignedMultiplyHigh(n, m), null);
    }

    private void conditional() {
        for (int op = 0; op < 2; op++) {
            for (int o2 = 0; o2 < 2; o2++) {
                int how = op << 1 | o2;
                String name = new String[] {"CSEL", "CSINC", "CSINV", "CSNEG"}[how];
                row(name, "s" + op + "011010100mmmmmcccc0" + o2 + "nnnnnddddd", (w, pc) -> {
                    A64Op o = IntegerOps.template(IntegerOps.Csel.class, A64.CONDS.get(f(w, 15, 12)));
                    return IntegerOps.set(o, rd(w), rn(w), rm(w), how);
                });
            }
            row(
                    op == 0 ? "CCMN (register)" : "CCMP (register)",
                    "s" + op + "111010010mmmmmcccc00nnnnn0ffff",
                    (w, pc) -> ccmp(w, rm(w), 0));
            row(
                    op == 0 ? "CCMN (immediate)" : "CCMP (immediate)",
                    "s" + op + "111010010iiiiicccc10nnnnn0ffff",
                    (w, pc) -> ccmp(w, Arm64Cpu.ZR, f(w, 20, 16)));
        }
        row("RMIF", "10111010000iiiiii00001nnnnn0ffff", Feature.FLAGM, (w, pc) -> {
            A64Op o = new IntegerOps.Rmif();
            o.a = w & 15;
            return IntegerOps.set(o, 0, rn(w), 0, f(w, 20, 15));
        });
        row(
                "SETF8",
                "0011101000000000000010nnnnn01101",
                Feature.FLAGM,
                (w, pc) -> IntegerOps.set(new IntegerOps.Setf(), 0, rn(w), 0, 8));
        row(
                "SETF16",
                "0011101000000000010010nnnnn01101",
                Feature.FLAGM,
                (w, pc) -> IntegerOps.set(new IntegerOps.Setf(), 0, rn(w), 0, 16));
    }

    private static A64Op ccmp(int w, int m, long imm) {
        A64Op o = IntegerOps.template(IntegerOps.Ccmp.class, A64.CONDS.get(f(w, 15, 12)));
        return IntegerOps.set(o, w & 15, rn(w), m, imm);
    }
}
