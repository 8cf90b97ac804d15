package dev.worldswitch.machine.x86;

/** Meaning of a two-operand instruction at one size: result, carries, and which results are kept. */
record Arith(Fn value, Fn carries, boolean writes, boolean keepsCf, int size) {
    /** A pure function on two operands and the carry (or, for carries, the result). */
    interface Fn {
        long f(long a, long b, long c);
    }

    static long read(Interpreter m, int r, int size) {
        return m.reg(r, size);
    }
}
