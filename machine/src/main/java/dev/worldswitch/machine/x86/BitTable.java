package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/** Rows of BMI1, BMI2 and ADX: bit manipulation on general registers with VEX prefixes. */
final class BitTable implements OpTableSource {
    private final List<Row> rows = new ArrayList<>();

    /** A pure function of two operands at a width in bits. */
    private interface Fn {
        long f(long a, long b, int w);
    }

    private void row(String name, String encoding, String operands, SystemOps.Action a) {
        rows.add(new Row(
                name,
                encoding,
                operands,
                i -> {
                    Op op = new SystemOps.Plain(a);
                    op.ea = i.ea;
                    op.imm = i.imm;
                    op.size = i.opsize;
                    op.d = i.reg;
                    op.s = i.rm;
                    return op;
                },
                "SDM vol. 2 " + name));
    }

    @Override
    public List<Row> rows() {
        if (!rows.isEmpty()) return rows;
        row("ANDN", "VEX.LZ.NP.0F38 F2 /r", "Gy,By,Ey", (m, op) -> {
            long r = ~m.reg(op.insn().vvvv, op.size) & MoreOps.rm(m, op, op.size);
            m.setReg(op.d, op.size, r);
            m.setResult(r, 0, op.size);
        });
        lowest("BLSR", 1, (a, b, w) -> a & a - 1, (a, b, w) -> a == 0 ? 1 : 0);
        lowest("BLSMSK", 2, (a, b, w) -> a ^ a - 1, (a, b, w) -> a == 0 ? 1 : 0);
        lowest("BLSI", 3, (a, b, w) -> a & -a, (a, b, w) -> a == 0 ? 0 : 1);
        flagged("BEXTR", "VEX.LZ.NP.0F38 F7 /r", BitTable::bextr, (a, b, w) -> 0);
        flagged("BZHI", "VEX.LZ.NP.0F38 F5 /r", BitTable::bzhi, (a, b, w) -> (b & 0xff) >= w ? 1 : 0);
        flagless("SHLX", "VEX.LZ.66.0F38 F7 /r", (a, b, w) -> a << (b & w - 1));
        flagless("SARX", "VEX.LZ.F3.0F38 F7 /r", (a, b, w) -> a << 64 - w >> 64 - w >> (b & w - 1));
        flagless("SHRX", "VEX.LZ.F2.0F38 F7 /r", (a, b, w) -> a >>> (b & w - 1));
        row(
                "PEXT",
                "VEX.LZ.F3.0F38 F5 /r",
                "Gy,By,Ey",
                (m, op) -> m.setReg(
                        op.d, op.size, Long.compress(m.reg(op.insn().vvvv, op.size), MoreOps.rm(m, op, op.size))));
        row(
                "PDEP",
                "VEX.LZ.F2.0F38 F5 /r",
                "Gy,By,Ey",
                (m, op) -> m.setReg(
                        op.d, op.size, Long.expand(m.reg(op.insn().vvvv, op.size), MoreOps.rm(m, op, op.size))));
        row("RORX", "VEX.LZ.F2.0F3A F0 /r", "Gy,Ey,Ib", (m, op) -> {
            int w = 8 * op.size;
            m.setReg(op.d, op.size, Alu.ror(MoreOps.rm(m, op, op.size), (int) op.imm & w - 1, w));
        });
        row("MULX", "VEX.LZ.F2.0F38 F6 /r", "Gy,By,Ey", (m, op) -> {
            long a = m.reg(2, op.size), b = MoreOps.rm(m, op, op.size);
            long high = op.size == 8 ? Math.unsignedMultiplyHigh(a, b) : a * b >>> 32;
            m.setReg(op.insn().vvvv, op.size, a * b);
            m.setReg(op.d, op.size, high);
        });
        row("ADCX", "66 0F 38 F6 /r", "Gy,Ey", (m, op) -> addCarry(m, op, false));
        row("ADOX", "F3 0F 38 F6 /r", "Gy,Ey", (m, op) -> addCarry(m, op, true));
        return rows;
    }

    private static long bextr(long a, long b, int w) {
        int start = (int) b & 0xff, len = (int) (b >>> 8) & 0xff;
        if (start >= w || len == 0) return 0;
        long v = a >>> start;
        return len >= 64 ? v : v & (1L << len) - 1;
    }

    private static long bzhi(long a, long b, int w) {
        int n = (int) b & 0xff;
        return n >= w ? a : a & (1L << n) - 1;
    }

    private void lowest(String name, int digit, Fn value, Fn carry) {
        row(name, "VEX.LZ.NP.0F38 F3 /" + digit, "By,Ey", (m, op) -> {
            long a = MoreOps.rm(m, op, op.size), r = value.f(a, 0, 8 * op.size);
            m.setReg(op.insn().vvvv, op.size, r);
            m.setResult(r, 0, op.size);
            m.fc = Flags.fc(carry.f(a, 0, 8 * op.size), 0, 0);
        });
    }

    private void flagged(String name, String encoding, Fn value, Fn carry) {
        row(name, encoding, "Gy,Ey,By", (m, op) -> {
            long a = MoreOps.rm(m, op, op.size), b = m.reg(op.insn().vvvv, op.size);
            long r = value.f(a, b, 8 * op.size);
            m.setReg(op.d, op.size, r);
            m.setResult(r, 0, op.size);
            m.fc = Flags.fc(carry.f(a, b, 8 * op.size), 0, 0);
        });
    }

    private void flagless(String name, String encoding, Fn value) {
        row(name, encoding, "Gy,Ey,By", (m, op) -> {
            long a = MoreOps.rm(m, op, op.size), b = m.reg(op.insn().vvvv, op.size);
            m.setReg(op.d, op.size, value.f(a, b, 8 * op.size));
        });
    }

    private static void addCarry(Interpreter m, Op op, boolean overflow) {
        int z = op.insn().w ? 8 : 4;
        long a = m.reg(op.d, z), b = MoreOps.rm(m, op, z);
        long r = a + b + (overflow ? Flags.of(m.fc) : Flags.cf(m.fc));
        long out = Flags.cf(Flags.carries(Alu.addCarries(a, b, r), z));
        m.setReg(op.d, z, r);
        m.fc = overflow ? Flags.withCfOf(m.fc, Flags.cf(m.fc), out) : Flags.withCf(m.fc, out);
    }
}
