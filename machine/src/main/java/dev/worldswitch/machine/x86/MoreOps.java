package dev.worldswitch.machine.x86;

import java.util.function.LongUnaryOperator;

/** Rows of the less frequent general-purpose instructions, added to the {@link IntegerTable}. */
final class MoreOps {
    interface Adder {
        void row(String name, String encoding, String operands, Row.Maker maker);
    }

    interface Acts {
        void row(String name, String encoding, String operands, SystemOps.Action action);
    }

    private interface Sized {
        void run(Interpreter m, Op op, int size);
    }

    private MoreOps() {}

    static void add(Adder row, Acts plain, Acts ending) {
        row.row("NOT", "F6 /2 lock", "Eb", i -> not(i, 1));
        row.row("NOT", "F7 /2 lock", "Ev", i -> not(i, i.opsize));
        both(plain, "MUL", "F6 /4", "F7 /4", MoreOps::mul);
        both(plain, "IMUL", "F6 /5", "F7 /5", MoreOps::imul1);
        both(plain, "DIV", "F6 /6", "F7 /6", Division::div);
        both(plain, "IDIV", "F6 /7", "F7 /7", Division::idiv);
        row.row("IMUL", "0F AF /r", "Gv,Ev", i -> imul(i, false));
        row.row("IMUL", "69 /r", "Gv,Ev,Iz", i -> imul(i, true));
        row.row("IMUL", "6B /r", "Gv,Ev,Ib", i -> imul(i, true));
        IntegerOps.Unary[] cbw = unary((a, z) -> Flags.signed(a, z / 2)),
                cwd = unary((a, z) -> Flags.signed(a, z) >> 63);
        row.row("CBW", "98", "", i -> oneReg(cbw[i.opsize], 0, 0));
        row.row("CWD", "99", "", i -> oneReg(cwd[i.opsize], X86State.RDX, 0));
        exchanges(row, plain);
        bits(plain);
        rotatesThroughCarry(plain);
        row.row("NOP", "0F 1F /r", "Ev", i -> new IntegerOps.Nop());
        plain.row("PAUSE", "F3 90", "", (m, op) -> {});
        // Hint space: ENDBR64, RDSSP without shadow stacks, PREFETCH (SDM vol. 2, table A-3 group 16).
        for (String hint : new String[] {"0D", "18", "19", "1A", "1B", "1C", "1D", "1E"})
            row.row("NOP", "0F " + hint + " /r", "Ev", i -> new IntegerOps.Nop());
        for (String fence : new String[] {"/5", "/6", "/7"})
            plain.row("FENCE", "NP 0F AE " + fence + " reg", "", (m, op) -> java.lang.invoke.VarHandle.fullFence());
        plain.row("CLFLUSH", "NP 0F AE /7 mem", "M", (m, op) -> m.ld8(m.linear(op.ea(), 1, false)));
        plain.row("CLFLUSHOPT", "66 0F AE /7 mem", "M", (m, op) -> m.ld8(m.linear(op.ea(), 1, false)));
        plain.row("CLWB", "66 0F AE /6 mem", "M", (m, op) -> m.ld8(m.linear(op.ea(), 1, false)));
        IntegerOps.Unary[] bswap = unary((a, z) -> z == 2 ? 0 : Alu.bswap(a, z));
        for (int r = 0; r < 8; r++) {
            int low = r;
            row.row("BSWAP", "0F " + IntegerTable.hex(0xc8 + r), "Zv", i -> {
                int k = low | (i.rex & 1) << 3;
                return oneReg(bswap[i.opsize], k, k);
            });
        }
        plain.row(
                "MOVBE",
                "0F 38 F0 /r mem",
                "Gv,M",
                (m, op) -> m.setReg(op.d, op.size, reverse(rm(m, op, op.size), op.size)));
        plain.row("MOVBE", "0F 38 F1 /r mem", "M,Gv", (m, op) -> setRm(m, op, op.size, reverse(m.g[op.d], op.size)));
        plain.row(
                "CRC32",
                "F2 0F 38 F0 /r",
                "Gd,Eb",
                (m, op) -> m.setReg(op.d, 4, Alu.crc32((int) m.g[op.d], rm(m, op, 1), 1)));
        plain.row(
                "CRC32",
                "F2 0F 38 F1 /r",
                "Gd,Ev",
                (m, op) -> m.setReg(op.d, 4, Alu.crc32((int) m.g[op.d], rm(m, op, op.size), op.size)));
        plain.row("LAHF", "9F", "", (m, op) -> m.setReg(16, 1, m.flags() & 0xd5 | 2));
        plain.row("SAHF", "9E", "", (m, op) -> m.setFlags(m.flags() & ~0xd5L | m.g[0] >>> 8 & 0xd5));
        plain.row("CMC", "F5", "", (m, op) -> m.fc = Flags.withCf(m.fc, Flags.cf(m.fc) ^ 1));
        plain.row("CLC", "F8", "", (m, op) -> m.fc = Flags.withCf(m.fc, 0));
        plain.row("STC", "F9", "", (m, op) -> m.fc = Flags.withCf(m.fc, 1));
        plain.row("CLD", "FC", "", (m, op) -> m.sys &= ~X86State.DF);
        plain.row("STD", "FD", "", (m, op) -> m.sys |= X86State.DF);
        plain.row("XLAT", "D7", "", (m, op) -> {
            Insn i = op.insn();
            long off = m.g[3] + (m.g[0] & 0xff) & (i.addrSize == 8 ? -1 : i.addrSize == 4 ? 0xffffffffL : 0xffff);
            m.setReg(0, 1, m.ld8(m.segment(i.segOverride < 0 ? X86State.DS : i.segOverride, off, 1, false)));
        });
        loops(ending);
    }

    private static void both(Acts acts, String name, String byteForm, String wideForm, Sized f) {
        if (!byteForm.equals(wideForm)) acts.row(name, byteForm, "Eb", (m, op) -> f.run(m, op, 1));
        acts.row(name, wideForm, "Ev", (m, op) -> f.run(m, op, op.size));
    }

    private static long reverse(long v, int size) {
        return Long.reverseBytes(v) >>> 64 - 8 * size;
    }

    // Operands.

    static int rmReg(Op op, int size) {
        return op.insn().gpr(op.s, size);
    }

    static long rm(Interpreter m, Op op, int size) {
        return op.ea == null ? m.reg(rmReg(op, size), size) : m.ld(m.linear(op.ea, size, false), size);
    }

    static void setRm(Interpreter m, Op op, int size, long v) {
        if (op.ea == null) m.setReg(rmReg(op, size), size, v);
        else m.st(m.linear(op.ea, size, true), size, v);
    }

    /** Replaces the r/m operand, atomically with LOCK; the old value. */
    static long update(Interpreter m, Op op, int size, LongUnaryOperator f) {
        if (op.ea == null) {
            int r = rmReg(op, size);
            long a = m.reg(r, size);
            m.setReg(r, size, f.applyAsLong(a));
            return a;
        }
        return update(m, m.linear(op.ea, size, true), size, op.insn().lock, f);
    }

    static long update(Interpreter m, long la, int size, boolean lock, LongUnaryOperator f) {
        for (; ; ) {
            long a = m.ld(la, size), v = f.applyAsLong(a);
            if (!lock) m.st(la, size, v);
            else if (!m.cas(la, size, a, Flags.unsigned(v, size))) continue;
            return a;
        }
    }

    // Multiplication. SF, ZF, AF and PF are undefined and left as they were.

    private static void cfOf(Interpreter m, boolean set) {
        long v = set ? 1 : 0;
        m.fc = Flags.withCfOf(m.fc, v, v);
    }

    private static void mul(Interpreter m, Op op, int size) {
        long a = m.reg(0, size), b = rm(m, op, size);
        long low = a * b;
        if (size == 1) {
            m.setReg(0, 2, low);
            cfOf(m, low >>> 8 != 0);
            return;
        }
        long high = size == 8 ? Math.unsignedMultiplyHigh(a, b) : low >>> 8 * size;
        m.setReg(0, size, low);
        m.setReg(2, size, high);
        cfOf(m, Flags.unsigned(high, size) != 0);
    }

    private static void imul1(Interpreter m, Op op, int size) {
        long a = Flags.signed(m.g[0], size), b = Flags.signed(rm(m, op, size), size);
        long low = a * b;
        if (size == 1) {
            m.setReg(0, 2, low);
            cfOf(m, (byte) low != low);
            return;
        }
        long high = size == 8 ? Math.multiplyHigh(a, b) : low >> 8 * size;
        m.setReg(0, size, low);
        m.setReg(2, size, high);
        cfOf(m, size == 8 ? high != low >> 63 : Flags.signed(low, size) != low);
    }

    private static final IntegerOps.@org.jspecify.annotations.Nullable Product[] PRODUCTS = {
        null,
        null,
        new IntegerOps.Product(2),
        null,
        new IntegerOps.Product(4),
        null,
        null,
        null,
        new IntegerOps.Product(8)
    };

    private static Op imul(Insn i, boolean immediate) {
        IntegerOps.Product f = PRODUCTS[i.opsize];
        if (f == null) throw new IllegalStateException("operand size " + i.opsize);
        Op op = Template.make(IntegerOps.Imul.class, f);
        op.ea = i.ea;
        op.d = i.reg;
        op.s = i.rm;
        op.size = immediate ? 1 : 0;
        op.imm = i.imm;
        return op;
    }

    // One operand, no flags.

    private interface SizedValue {
        long f(long a, int size);
    }

    private static IntegerOps.Unary[] unary(SizedValue f) {
        IntegerOps.Unary[] of = new IntegerOps.Unary[9];
        for (int size : new int[] {1, 2, 4, 8}) of[size] = new IntegerOps.Unary(a -> f.f(a, size), size);
        return of;
    }

    private static Op oneReg(IntegerOps.Unary f, int d, int s) {
        Op op = Template.make(IntegerOps.UnaryReg.class, f);
        op.d = d;
        op.s = s;
        return op;
    }

    private static final IntegerOps.Unary[] NOT = unary((a, z) -> Alu.not(a));

    private static Op not(Insn i, int size) {
        if (!i.isMem()) return oneReg(NOT[size], i.gpr(i.rm, size), i.gpr(i.rm, size));
        Op op = new SystemOps.Plain((m, o) -> update(m, o, size, Alu::not));
        op.ea = i.mem();
        return op;
    }

    // Exchanges.

    private static void exchanges(Adder row, Acts plain) {
        for (int k = 0; k < 8; k++) {
            int low = k;
            SystemOps.Action swap = (m, op) -> {
                int r = low | (op.insn().rex & 1) << 3;
                long a = m.reg(0, op.size);
                m.setReg(0, op.size, m.reg(r, op.size));
                m.setReg(r, op.size, a);
            };
            if (k > 0) plain.row("XCHG", IntegerTable.hex(0x90 + k), "Zv", swap);
        }
        // 90 with REX.B is XCHG with R8, else NOP.
        row.row("XCHG", "90", "Zv", i -> {
            boolean nop = (i.rex & 1) == 0;
            Op op = new SystemOps.Plain((m, o) -> {
                if (nop) return;
                long a = m.reg(0, o.size);
                m.setReg(0, o.size, m.reg(8, o.size));
                m.setReg(8, o.size, a);
            });
            op.size = i.opsize;
            return op;
        });
        // XCHG with memory is locked whether or not it says so.
        sized(plain, "XCHG", "86 /r lock", "87 /r lock", (m, op, z) -> {
            int r = op.insn().gpr(op.d, z);
            long v = m.reg(r, z);
            long old = op.ea == null ? rm(m, op, z) : update(m, m.linear(op.ea, z, true), z, true, a -> v);
            if (op.ea == null) setRm(m, op, z, v);
            m.setReg(r, z, old);
        });
        sized(plain, "XADD", "0F C0 /r lock", "0F C1 /r lock", (m, op, z) -> {
            int r = op.insn().gpr(op.d, z);
            long b = m.reg(r, z);
            long a;
            if (op.ea == null) {
                a = rm(m, op, z);
                m.setReg(r, z, a);
                setRm(m, op, z, a + b);
            } else {
                a = update(m, op, z, v -> v + b);
                m.setReg(r, z, a);
            }
            m.setResult(a + b, Alu.addCarries(a, b, a + b), z);
        });
        sized(plain, "CMPXCHG", "0F B0 /r lock", "0F B1 /r lock", (m, op, z) -> {
            long want = m.reg(0, z), v = m.reg(op.insn().gpr(op.d, z), z);
            long old = op.ea == null ? rm(m, op, z) : update(m, op, z, a -> a == want ? v : a);
            if (op.ea == null && old == want) setRm(m, op, z, v);
            m.setResult(want - old, Alu.subCarries(want, old, want - old), z);
            if (old != want) m.setReg(0, z, old);
        });
        plain.row("CMPXCHG8B", "0F C7 /1 mem lock", "M", (m, op) -> {
            if (op.size == 8) wide(m, op);
            else pair(m, op);
        });
    }

    private static void sized(Acts acts, String name, String byteForm, String wideForm, Sized f) {
        acts.row(name, byteForm, "Eb,Gb", (m, op) -> f.run(m, op, 1));
        acts.row(name, wideForm, "Ev,Gv", (m, op) -> f.run(m, op, op.size));
    }

    private static void pair(Interpreter m, Op op) {
        long want = m.reg(0, 4) | m.g[2] << 32, v = m.reg(3, 4) | m.g[1] << 32;
        long old = update(m, op, 8, a -> a == want ? v : a);
        zf(m, old == want);
        if (old == want) return;
        m.setReg(0, 4, old);
        m.setReg(2, 4, old >>> 32);
    }

    private static void wide(Interpreter m, Op op) {
        long la = m.linear(op.ea(), 16, true);
        if ((la & 15) != 0) throw m.gp(0);
        long[] found = new long[2];
        boolean equal = m.cas16(la, m.g[0], m.g[2], m.g[3], m.g[1], found);
        zf(m, equal);
        if (equal) return;
        m.g[0] = found[0];
        m.g[2] = found[1];
    }

    private static void zf(Interpreter m, boolean set) {
        long f = m.flags();
        m.setFlags(set ? f | X86State.ZF : f & ~X86State.ZF);
    }

    // Bits.

    private interface BitChange {
        long f(long a, long bit);
    }

    private static void bits(Acts plain) {
        bit(plain, "BT", 4, "", (a, b) -> a);
        bit(plain, "BTS", 5, " lock", (a, b) -> a | b);
        bit(plain, "BTR", 6, " lock", (a, b) -> a & ~b);
        bit(plain, "BTC", 7, " lock", (a, b) -> a ^ b);
        plain.row("BSF", "0F BC /r", "Gv,Ev", (m, op) -> scan(m, op, true));
        plain.row("BSR", "0F BD /r", "Gv,Ev", (m, op) -> scan(m, op, false));
        // KVM's emulator takes both for the instructions without the prefix.
        plain.row("TZCNT", "F3 0F BC /r", "Gv,Ev", (m, op) -> {
            if (m.emulating) {
                scan(m, op, true);
                return;
            }
            long v = rm(m, op, op.size);
            count(m, op, v, v == 0 ? 8 * op.size : Long.numberOfTrailingZeros(v));
        });
        plain.row("LZCNT", "F3 0F BD /r", "Gv,Ev", (m, op) -> {
            if (m.emulating) {
                scan(m, op, false);
                return;
            }
            long v = rm(m, op, op.size);
            count(m, op, v, Long.numberOfLeadingZeros(v) - 64 + 8 * op.size);
        });
        plain.row("POPCNT", "F3 0F B8 /r", "Gv,Ev", (m, op) -> {
            long v = rm(m, op, op.size);
            m.setReg(op.d, op.size, Long.bitCount(v));
            m.setFlags(m.flags() & ~Flags.STATUS | (v == 0 ? X86State.ZF : 0));
        });
        for (int imm : new int[] {0, 1}) {
            shiftDouble(plain, "SHLD", imm == 1 ? "0F A4 /r" : "0F A5 /r", imm == 1, true);
            shiftDouble(plain, "SHRD", imm == 1 ? "0F AC /r" : "0F AD /r", imm == 1, false);
        }
    }

    private static void count(Interpreter m, Op op, long v, long n) {
        m.setReg(op.d, op.size, n);
        m.setFlags(m.flags() & ~(X86State.CF | X86State.ZF) | (v == 0 ? X86State.CF : 0) | (n == 0 ? X86State.ZF : 0));
    }

    private static void scan(Interpreter m, Op op, boolean forward) {
        long v = rm(m, op, op.size);
        if (v != 0)
            m.setReg(op.d, op.size, forward ? Long.numberOfTrailingZeros(v) : 63 - Long.numberOfLeadingZeros(v));
        zf(m, v == 0);
    }

    private static void bit(Acts plain, String name, int n, String lock, BitChange f) {
        plain.row(name, "0F " + IntegerTable.hex(0x83 + 8 * n) + " /r" + lock, "Ev,Gv", (m, op) -> {
            long off = Flags.signed(m.g[op.d], op.size);
            Ea ea = op.ea == null ? null : op.ea.plus((off >> (op.size == 8 ? 6 : op.size == 4 ? 5 : 4)) * op.size);
            bit(m, op, ea, off, f);
        });
        plain.row(name, "0F BA /" + n + lock, "Ev,Ib", (m, op) -> bit(m, op, op.ea, op.imm, f));
    }

    private static void bit(Interpreter m, Op op, @org.jspecify.annotations.Nullable Ea ea, long off, BitChange f) {
        int z = op.size, k = (int) off & 8 * z - 1;
        boolean test = f.f(0, 1) == 0 && f.f(1, 1) == 1;
        long old;
        if (ea != null) {
            long la = m.linear(ea, z, !test);
            old = test ? m.ld(la, z) : update(m, la, z, op.insn().lock, a -> f.f(a, 1L << k));
        } else {
            old = rm(m, op, z);
            if (!test) setRm(m, op, z, f.f(old, 1L << k));
        }
        m.fc = Flags.withCf(m.fc, old >>> k & 1);
    }

    private static void shiftDouble(Acts plain, String name, String encoding, boolean imm, boolean left) {
        plain.row(name, encoding, imm ? "Ev,Gv,Ib" : "Ev,Gv,CL", (m, op) -> {
            int z = op.size, w = 8 * z;
            int n = (int) (imm ? op.imm : m.g[1]) & (z == 8 ? 63 : 31);
            long la = op.ea == null ? 0 : m.linear(op.ea, z, true);
            long a = op.ea == null ? m.reg(op.s, z) : m.ld(la, z), b = m.reg(op.d, z);
            if (n == 0) {
                if (op.ea == null) m.setReg(op.s, z, a);
                return;
            }
            // A 16-bit operand shifted by more than 16 is undefined; the second operand follows itself here.
            int k = n > w ? n - w : n;
            long first = n > w ? b : a, second = n > w ? a : b;
            long r = left ? Alu.shld(first, second, k, w) : Alu.shrd(first, second, k, w);
            long cf = left ? first >>> w - k & 1 : first >>> k - 1 & 1;
            if (op.ea == null) m.setReg(op.s, z, r);
            else m.st(la, z, r);
            m.fr = Flags.signed(r, z);
            m.fc = Flags.fc(cf, (r ^ first) >>> w - 1 & 1, 0);
        });
    }

    private static void rotatesThroughCarry(Acts plain) {
        for (int n : new int[] {2, 3}) {
            String name = n == 2 ? "RCL" : "RCR";
            both(plain, name, "D0 /" + n, "D1 /" + n, (m, op, z) -> rotate(m, op, z, 1, n == 2));
            both(plain, name, "D2 /" + n, "D3 /" + n, (m, op, z) -> rotate(m, op, z, m.g[1], n == 2));
            plain.row(name, "C0 /" + n, "Eb,Ib", (m, op) -> rotate(m, op, 1, op.imm, n == 2));
            plain.row(name, "C1 /" + n, "Ev,Ib", (m, op) -> rotate(m, op, op.size, op.imm, n == 2));
        }
    }

    private static void rotate(Interpreter m, Op op, int z, long by, boolean left) {
        int w = 8 * z, n = (int) by & (z == 8 ? 63 : 31), k = n % (w + 1);
        long c = Flags.cf(m.fc);
        long a = update(m, op, z, v -> left ? Alu.rcl(v, k, w, c) : Alu.rcr(v, k, w, c));
        if (k == 0) return;
        long r = left ? Alu.rcl(a, k, w, c) : Alu.rcr(a, k, w, c);
        long cf = left ? Alu.rclCf(a, k, w, c) : Alu.rcrCf(a, k, w, c);
        long top = r >>> w - 1 & 1;
        m.fc = Flags.withCfOf(m.fc, cf, left ? top ^ cf : top ^ r >>> w - 2 & 1);
    }

    // LOOP and JrCXZ.

    private static void loops(Acts ending) {
        for (int k = 0; k < 4; k++) {
            int kind = k;
            ending.row(k == 3 ? "JrCXZ" : "LOOPcc", IntegerTable.hex(0xe0 + k), "Jb", (m, op) -> {
                Insn i = op.insn();
                long c = m.reg(1, i.addrSize);
                boolean go = c == 0;
                if (kind < 3) {
                    c = Flags.unsigned(c - 1, i.addrSize);
                    go = c != 0 && (kind == 2 || (m.fr == 0) == (kind == 1));
                }
                long to = go ? m.target(op.next + i.imm, i.is64() ? 8 : i.opsize) : 0;
                if (kind < 3) m.setReg(1, i.addrSize, c);
                if (go) m.rip = to;
            });
        }
    }
}
