package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/**
 * Rows of the x87 instructions that compute, compare and save the environment. FSIN and the like are in {@link X87FunctionTable}.
 */
final class X87ArithmeticTable implements OpTableSource {
    private static final int C0 = 0x100, C2 = 0x400, C3 = 0x4000, BEFORE = 7;
    private final List<Row> rows = new ArrayList<>();

    /** The operand in memory. */
    private interface Source {
        X87Math.Value of(Interpreter m, Op op);
    }

    @Override
    public List<Row> rows() {
        if (rows.isEmpty()) {
            arithmetic();
            comparisons();
            unary();
            constants();
            conditionalMoves();
            truncatingStores();
            environment();
        }
        return rows;
    }

    private void row(String name, String encoding, XsaveTable.Action a) {
        String operands = encoding.contains("mem") ? "M" : "E";
        rows.add(new Row(name, encoding, operands, i -> new XsaveTable.Simple(i, a), "SDM vol. 2 " + name));
    }

    private void waiting(String name, String encoding, XsaveTable.Action a) {
        rows.add(X87Table.computing(name, encoding, encoding.contains("mem") ? "M" : "E", a));
    }

    /** An instruction that waits and is not the last one of the environment. */
    private void control(String name, String encoding, XsaveTable.Action a) {
        row(name, encoding, (m, op) -> {
            X87Table.waits(m);
            a.run(m, op);
        });
    }

    static X87Math.Value st(Interpreter m, int i) {
        return new X87Math.Value(X87.high(m.fp, i), X87.low(m.fp, i), 0, false);
    }

    private static long ld(Interpreter m, Op op, int bytes) {
        return m.ld(m.linear(op.ea(), bytes, false), bytes);
    }

    private static X87Math.Value single(Interpreter m, Op op) {
        long v = ld(m, op, 4), frac = v & 0x7fffff, sign = v >>> 16 & 0x8000;
        int e = (int) (v >>> 23) & 0xff;
        if (e == 0xff) return new X87Math.Value(sign | 0x7fff, 1L << 63 | frac << 40, 0, false);
        long d = Double.doubleToRawLongBits(Float.intBitsToFloat((int) v));
        return new X87Math.Value(X87.highOf64(d), X87.lowOf64(d), e == 0 && frac != 0 ? SseFloat.DE : 0, false);
    }

    private static X87Math.Value wide(Interpreter m, Op op) {
        long v = ld(m, op, 8);
        boolean denormal = (v >>> 52 & 0x7ff) == 0 && v << 12 != 0;
        return new X87Math.Value(X87.highOf64(v), X87.lowOf64(v), denormal ? SseFloat.DE : 0, false);
    }

    private static Source integer(int bytes) {
        return (m, op) -> {
            long v = Flags.signed(ld(m, op, bytes), bytes);
            return new X87Math.Value(X87.highOfInt(v), X87.lowOfInt(v), 0, false);
        };
    }

    // Results.

    /** Stores a result in ST({@code to}); an unmasked exception that comes before the result leaves all as it was. */
    static boolean put(Interpreter m, int to, X87Math.Value v) {
        long[] fp = m.fp;
        int before = v.flags() & BEFORE;
        X87.c1(fp, false);
        if ((before & ~X87.fcw(fp)) != 0) {
            X87.flags(fp, before);
            return false;
        }
        X87.set(fp, to, v.high(), v.low());
        X87.c1(fp, v.up());
        X87.flags(fp, v.flags());
        return true;
    }

    /** True when an operand is missing; the indefinite number is then the result, if that is masked. */
    static boolean missing(Interpreter m, boolean empty, int to, boolean pop) {
        if (!empty) return false;
        X87Table.underflow(m);
        if ((X87.fcw(m.fp) & X87.IE) == 0) return true;
        X87.set(m.fp, to, X87.NAN_HIGH, X87.NAN_LOW);
        if (pop) X87.pop(m.fp);
        return true;
    }

    // FADD, FMUL, FSUB, FSUBR, FDIV, FDIVR.

    private void arithmetic() {
        String[] names = {"FADD", "FMUL", "", "", "FSUB", "FSUBR", "FDIV", "FDIVR"};
        for (int k : new int[] {0, 1, 4, 5, 6, 7}) {
            memory(names[k], "D8 /" + k + " mem", k, X87ArithmeticTable::single);
            memory(names[k], "DC /" + k + " mem", k, X87ArithmeticTable::wide);
            memory("FI" + names[k].substring(1), "DA /" + k + " mem", k, integer(4));
            memory("FI" + names[k].substring(1), "DE /" + k + " mem", k, integer(2));
            waiting(names[k], "D8 /" + k + " reg", (m, op) -> {
                int i = op.insn().rm & 7;
                if (missing(m, X87.empty(m.fp, 0) || X87.empty(m.fp, i), 0, false)) return;
                put(m, 0, X87Math.arithmetic(k, st(m, 0), st(m, i), X87.fcw(m.fp)));
            });
            // To ST(i) the two subtractions, and the two divisions, have each other's digit.
            int digit = k < 4 ? k : k ^ 1;
            for (boolean pop : new boolean[] {false, true})
                waiting(names[k] + (pop ? "P" : ""), (pop ? "DE /" : "DC /") + digit + " reg", (m, op) -> {
                    int i = op.insn().rm & 7;
                    if (missing(m, X87.empty(m.fp, 0) || X87.empty(m.fp, i), i, pop)) return;
                    if (put(m, i, X87Math.arithmetic(k, st(m, i), st(m, 0), X87.fcw(m.fp))) && pop) X87.pop(m.fp);
                });
        }
    }

    private void memory(String name, String encoding, int f, Source source) {
        waiting(name, encoding, (m, op) -> {
            X87Math.Value b = source.of(m, op);
            if (missing(m, X87.empty(m.fp, 0), 0, false)) return;
            X87Math.Value r = X87Math.arithmetic(f, st(m, 0), b, X87.fcw(m.fp));
            // A denormal is told when there is a result that it took part in.
            boolean number = !X87Math.isNan(r) && (r.flags() & SseFloat.ZE) == 0;
            put(m, 0, number ? r.with(b.flags()) : r);
        });
    }

    // Comparisons.

    private void comparisons() {
        for (int pops = 0; pops < 2; pops++) {
            String p = pops == 1 ? "P" : "";
            int n = pops;
            compareMemory("FCOM" + p, "D8 /" + (2 + n) + " mem", n, X87ArithmeticTable::single);
            compareMemory("FCOM" + p, "DC /" + (2 + n) + " mem", n, X87ArithmeticTable::wide);
            compareMemory("FICOM" + p, "DA /" + (2 + n) + " mem", n, integer(4));
            compareMemory("FICOM" + p, "DE /" + (2 + n) + " mem", n, integer(2));
            compare("FCOM" + p, "D8 /" + (2 + n) + " reg", n, false, false);
            compare("FUCOM" + p, "DD /" + (4 + n) + " reg", n, true, false);
            compare("FCOMI" + p, (n == 0 ? "DB" : "DF") + " /6 reg", n, false, true);
            compare("FUCOMI" + p, (n == 0 ? "DB" : "DF") + " /5 reg", n, true, true);
        }
        compare("FCOMPP", "DE /3 reg m1", 2, false, false);
        compare("FUCOMPP", "DA /5 reg m1", 2, true, false);
        waiting("FTST", "D9 /4 reg m4", (m, op) -> {
            boolean none = X87.empty(m.fp, 0);
            told(m, none, st(m, 0), new X87Math.Value(0, 0, 0, false), false, false, 0);
        });
        waiting("FXAM", "D9 /4 reg m5", (m, op) -> {
            X87Math.Value v = st(m, 0);
            int c = X87Math.isUnsupported(v)
                    ? 0
                    : X87Math.isNan(v)
                            ? C0
                            : X87Math.isInfinite(v)
                                    ? C2 | C0
                                    : X87Math.isZero(v) ? C3 : X87Math.isDenormal(v) ? C3 | C2 : C2;
            if (X87.empty(m.fp, 0)) c = C3 | C0;
            conditions(m, c);
            X87.c1(m.fp, X87Math.negative(v));
        });
    }

    private void compare(String name, String encoding, int pops, boolean quiet, boolean toFlags) {
        waiting(name, encoding, (m, op) -> {
            int i = op.insn().rm & 7;
            boolean none = X87.empty(m.fp, 0) || X87.empty(m.fp, i);
            told(m, none, st(m, 0), st(m, i), quiet, toFlags, pops);
        });
    }

    private void compareMemory(String name, String encoding, int pops, Source source) {
        waiting(name, encoding, (m, op) -> {
            X87Math.Value b = source.of(m, op);
            told(m, X87.empty(m.fp, 0), st(m, 0), b, false, false, pops);
        });
    }

    private static void told(
            Interpreter m, boolean none, X87Math.Value a, X87Math.Value b, boolean quiet, boolean toFlags, int pops) {
        int relation = none ? 8 : X87Math.relation(a, b);
        int flags = none ? X87.IE : X87Math.compareFlags(a, b, quiet) | (relation == 8 ? 0 : b.flags());
        X87.c1(m.fp, false);
        if (none) X87Table.underflow(m);
        X87.flags(m.fp, flags);
        if ((flags & BEFORE & ~X87.fcw(m.fp)) != 0) return;
        int c = relation == 8 ? C3 | C2 | C0 : relation == 1 ? C0 : relation == 2 ? C3 : 0;
        if (toFlags) {
            long f = (c & C0) >> 8 | (c & C2) >> 8 | (c & C3) >> 8;
            m.setFlags(m.flags() & ~Flags.STATUS | f);
        } else conditions(m, c);
        for (int k = 0; k < pops; k++) X87.pop(m.fp);
    }

    private static void conditions(Interpreter m, int c) {
        X87.fsw(m.fp, X87.fsw(m.fp) & ~(C0 | C2 | C3) | c);
    }

    // One operand, or ST(0) and ST(1).

    private interface One {
        X87Math.Value of(X87Math.Value a, int fcw);
    }

    private void one(String name, String encoding, One f) {
        waiting(name, encoding, (m, op) -> {
            if (!missing(m, X87.empty(m.fp, 0), 0, false)) put(m, 0, f.of(st(m, 0), X87.fcw(m.fp)));
        });
    }

    private void unary() {
        one("FSQRT", "D9 /7 reg m2", X87Math::squareRoot);
        one("FRNDINT", "D9 /7 reg m4", X87Math::integral);
        waiting("FSCALE", "D9 /7 reg m5", (m, op) -> {
            if (missing(m, X87.empty(m.fp, 0) || X87.empty(m.fp, 1), 0, false)) return;
            put(m, 0, X87Math.scaled(st(m, 0), st(m, 1), X87.fcw(m.fp)));
        });
        waiting("FPREM", "D9 /7 reg m0", (m, op) -> remainder(m, false));
        waiting("FPREM1", "D9 /6 reg m5", (m, op) -> remainder(m, true));
        waiting("FXTRACT", "D9 /6 reg m4", (m, op) -> {
            X87Math.Value a = st(m, 0);
            if (X87.empty(m.fp, 0)) {
                if (missing(m, true, 0, false) && (X87.fcw(m.fp) & X87.IE) != 0)
                    X87.push(m.fp, X87.NAN_HIGH, X87.NAN_LOW);
                return;
            }
            if (put(m, 0, X87Math.exponentOf(a)))
                X87.push(
                        m.fp,
                        X87Math.significand(a).high(),
                        X87Math.significand(a).low());
        });
    }

    private static void remainder(Interpreter m, boolean nearest) {
        if (missing(m, X87.empty(m.fp, 0) || X87.empty(m.fp, 1), 0, false)) return;
        int[] q = new int[1];
        X87Math.Value r = X87Math.remainder(st(m, 0), st(m, 1), nearest, X87.fcw(m.fp), q);
        if (!put(m, 0, r)) return;
        conditions(m, q[0] < 0 ? C2 : ((q[0] & 4) != 0 ? C0 : 0) | ((q[0] & 2) != 0 ? C3 : 0));
        X87.c1(m.fp, q[0] > 0 && (q[0] & 1) != 0);
    }

    /** FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2: sign with exponent, mantissa cut, and the rest of it in units of 2^-64. */
    private void constants() {
        constant("FLDL2T", 1, 0x4000, 0xd49a784bcd1b8afeL, false);
        constant("FLDL2E", 2, 0x3fff, 0xb8aa3b295c17f0bbL, true);
        constant("FLDPI", 3, 0x4000, 0xc90fdaa22168c234L, true);
        constant("FLDLG2", 4, 0x3ffd, 0x9a209a84fbcff798L, true);
        constant("FLDLN2", 5, 0x3ffe, 0xb17217f7d1cf79abL, true);
    }

    /** {@code low}: the mantissa cut off; {@code nearestUp}: rounding to nearest takes the next. */
    private void constant(String name, int m0, long high, long low, boolean nearestUp) {
        waiting(name, "D9 /5 reg m" + m0, (m, op) -> {
            boolean up = switch (X87.fcw(m.fp) & 0xc00) {
                case 0 -> nearestUp;
                case 0x800 -> true;
                default -> false;
            };
            X87.push(m.fp, high, up ? low + 1 : low);
        });
    }

    private void conditionalMoves() {
        String[] names = {"FCMOVB", "FCMOVE", "FCMOVBE", "FCMOVU"};
        int[] conditions = {2, 4, 6, 10};
        for (int k = 0; k < 4; k++)
            for (boolean not : new boolean[] {false, true}) {
                int cc = conditions[k] | (not ? 1 : 0);
                String name = not ? "FCMOVN" + names[k].substring(5) : names[k];
                waiting(name, (not ? "DB /" : "DA /") + k + " reg", (m, op) -> {
                    int i = op.insn().rm & 7;
                    X87.c1(m.fp, false);
                    if (missing(m, X87.empty(m.fp, 0) || X87.empty(m.fp, i), 0, false)) return;
                    if (m.condition(cc)) X87.set(m.fp, 0, X87.high(m.fp, i), X87.low(m.fp, i));
                });
            }
    }

    private void truncatingStores() {
        for (int bytes : new int[] {2, 4, 8}) {
            String encoding = (bytes == 2 ? "DF" : bytes == 4 ? "DB" : "DD") + " /1 mem";
            waiting("FISTTP", encoding, (m, op) -> {
                long la = m.linear(op.ea(), bytes, true);
                boolean none = X87.empty(m.fp, 0);
                SseFloat.Result v = none
                        ? new SseFloat.Result(1L << 8 * bytes - 1, X87.IE)
                        : SseFloat.extendedToInt(X87.high(m.fp, 0), X87.low(m.fp, 0), 8 * bytes, 0xc00);
                boolean held = (v.flags() & ~X87.fcw(m.fp) & X87.IE) != 0;
                if (!held) m.st(la, bytes, v.bits());
                X87.c1(m.fp, false);
                if (none) X87Table.underflow(m);
                else X87.flags(m.fp, v.flags());
                if (!held) X87.pop(m.fp);
            });
        }
    }

    // The environment: 28 bytes, or 14 with a 16-bit operand size.

    private void environment() {
        row("FNSTENV", "D9 /6 mem", (m, op) -> {
            VecOp.x87(m);
            int n = op.insn().opsize == 2 ? 14 : 28;
            m.store(m.linear(op.ea(), n, true), n, stored(m, n), 0);
            X87.fcw(m.fp, X87.fcw(m.fp) | 0x3f);
        });
        control("FLDENV", "D9 /4 mem", (m, op) -> {
            int n = op.insn().opsize == 2 ? 14 : 28;
            long[] w = new long[4];
            m.load(m.linear(op.ea(), n, false), n, w, 0);
            loaded(m, n, w);
        });
        row("FNSAVE", "DD /6 mem", (m, op) -> {
            VecOp.x87(m);
            int n = op.insn().opsize == 2 ? 14 : 28;
            byte[] all = bytes(stored(m, n), n, n + 80);
            for (int i = 0; i < 8; i++)
                for (int k = 0; k < 10; k++)
                    all[n + 10 * i + k] =
                            (byte) (k < 8 ? X87.low(m.fp, i) >>> 8 * k : X87.high(m.fp, i) >>> 8 * (k - 8));
            m.store(m.linear(op.ea(), n + 80, true), n + 80, words(all), 0);
            X87.rotate(m.fp, -X87.top(m.fp) & 7);
            X87.init(m.fp);
        });
        control("FRSTOR", "DD /4 mem", (m, op) -> {
            int n = op.insn().opsize == 2 ? 14 : 28;
            long[] w = new long[(n + 80 + 7) / 8];
            m.load(m.linear(op.ea(), n + 80, false), n + 80, w, 0);
            byte[] all = bytes(w, n + 80, n + 80);
            loaded(m, n, w);
            long[] tags = {m.fp[0]};
            for (int i = 0; i < 8; i++) X87.set(m.fp, i, field(all, n + 10 * i + 8, 2), field(all, n + 10 * i, 8));
            m.fp[0] = tags[0];
        });
    }

    private static byte[] bytes(long[] w, int n, int size) {
        byte[] b = new byte[size];
        for (int k = 0; k < n; k++) b[k] = (byte) (w[k >> 3] >>> 8 * (k & 7));
        return b;
    }

    private static long[] words(byte[] b) {
        long[] w = new long[(b.length + 7) / 8];
        for (int k = 0; k < b.length; k++) w[k >> 3] |= (b[k] & 0xffL) << 8 * (k & 7);
        return w;
    }

    private static long field(byte[] b, int at, int n) {
        long v = 0;
        for (int k = 0; k < n; k++) v |= (b[at + k] & 0xffL) << 8 * k;
        return v;
    }

    /** Control, status, tags, and the last instruction: offsets, selectors and opcode. */
    private static long[] stored(Interpreter m, int n) {
        long[] fp = m.fp;
        long top = n == 28 ? 0xffff0000L : 0, opcode = fp[0] >>> 48 & 0x7ff;
        // 64-bit offsets have no selectors.
        long cs = m.code == 64 ? 0 : fp[1] >>> 32 & 0xffff, ds = m.code == 64 ? 0 : fp[2] >>> 32 & 0xffff;
        long[] f = {X87.fcw(fp) | top, X87.fsw(fp) | top, tags(fp) | top, fp[1], cs | opcode << 16, fp[2], ds | top};
        if (Segments.real(m)) {
            // Linear addresses, their upper bits beside the opcode.
            long ip = (fp[1] & 0xffffffffL) + (cs << 4), data = (fp[2] & 0xffffffffL) + (ds << 4);
            f[3] = ip & 0xffff | top;
            f[4] = (n == 28 ? ip >>> 16 << 12 & 0xffff000L : ip >>> 16 << 12 & 0xf000) | opcode;
            f[5] = data & 0xffff | top;
            f[6] = data >>> 16 << 12 & (n == 28 ? 0xffff000L : 0xf000);
        } else if (n == 14) f[4] = cs;
        byte[] b = new byte[n];
        for (int k = 0; k < 7; k++) for (int j = 0; j < n / 7; j++) b[k * (n / 7) + j] = (byte) (f[k] >>> 8 * j);
        return words(b);
    }

    /** Two bits for each physical register: 0 a number, 1 zero, 2 anything else, 3 empty. */
    private static long tags(long[] fp) {
        long t = 0;
        for (int i = 0; i < 8; i++) {
            X87Math.Value v = new X87Math.Value(X87.high(fp, i), X87.low(fp, i), 0, false);
            int e = X87Math.exponent(v);
            long tag = X87.empty(fp, i) ? 3 : X87Math.isZero(v) ? 1 : e == 0 || e == 0x7fff || v.low() >= 0 ? 2 : 0;
            t |= tag << 2 * (X87.top(fp) + i & 7);
        }
        return t;
    }

    private static void loaded(Interpreter m, int n, long[] w) {
        long[] fp = m.fp;
        byte[] b = bytes(w, n, n);
        int z = n / 7;
        // ST(i) is kept by its number: the stack is turned as TOP changes.
        int fsw = (int) field(b, z, 2), tags = (int) field(b, 2 * z, 2);
        X87.rotate(fp, (fsw >> 11 & 7) - X87.top(fp) & 7);
        X87.fsw(fp, fsw);
        for (int r = 0; r < 8; r++) X87.tag(fp, r - X87.top(fp) & 7, (tags >> 2 * r & 3) != 3);
        if (n == 28) {
            fp[0] = fp[0] & 0xffffffffffffL | (field(b, 18, 2) & 0x7ff) << 48;
            fp[1] = field(b, 12, 4);
            fp[2] = field(b, 20, 4);
        }
        X87.fcw(fp, (int) field(b, 0, 2) | 0x40);
    }
}
