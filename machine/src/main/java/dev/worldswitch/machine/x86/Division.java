package dev.worldswitch.machine.x86;

/** DIV and IDIV; #DE when the divisor is 0 or the quotient does not fit. Flags are undefined and left alone. */
final class Division {
    private Division() {}

    static void div(Interpreter m, Op op, int size) {
        long by = MoreOps.rm(m, op, size);
        if (by == 0) throw m.fault(0);
        if (size == 8) {
            long high = m.g[2], low = m.g[0];
            if (Long.compareUnsigned(high, by) >= 0) throw m.fault(0);
            long q = Alu.divide(high, low, by);
            m.g[0] = q;
            m.g[2] = low - q * by;
            return;
        }
        long a = dividend(m, size);
        long q = Long.divideUnsigned(a, by);
        if (q != Flags.unsigned(q, size)) throw m.fault(0);
        store(m, size, q, Long.remainderUnsigned(a, by));
    }

    static void idiv(Interpreter m, Op op, int size) {
        long by = Flags.signed(MoreOps.rm(m, op, size), size);
        if (by == 0) throw m.fault(0);
        if (size == 8) {
            wide(m, by);
            return;
        }
        long a = Flags.signed(dividend(m, size), 2 * size);
        if (a == Long.MIN_VALUE && by == -1) throw m.fault(0);
        long q = a / by;
        if (q != Flags.signed(q, size)) throw m.fault(0);
        store(m, size, q, a % by);
    }

    private static void wide(Interpreter m, long by) {
        long high = m.g[2], low = m.g[0];
        boolean negative = high < 0;
        if (negative) {
            low = -low;
            high = ~high + (low == 0 ? 1 : 0);
        }
        long d = Math.abs(by);
        if (Long.compareUnsigned(high, d) >= 0) throw m.fault(0);
        long q = Alu.divide(high, low, d), rest = low - q * d;
        boolean minus = negative != by < 0;
        if (minus ? Long.compareUnsigned(q, Long.MIN_VALUE) > 0 : q < 0) throw m.fault(0);
        m.g[0] = minus ? -q : q;
        m.g[2] = negative ? -rest : rest;
    }

    private static long dividend(Interpreter m, int size) {
        return size == 1 ? m.g[0] & 0xffff : m.reg(2, size) << 8 * size | m.reg(0, size);
    }

    private static void store(Interpreter m, int size, long q, long rest) {
        m.setReg(0, size, q);
        if (size == 1) m.setReg(16, 1, rest);
        else m.setReg(2, size, rest);
    }
}
