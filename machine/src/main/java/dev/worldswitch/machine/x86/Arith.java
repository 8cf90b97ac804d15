package dev.worldswitch.machine.x86;

/** Meaning of a two-operand instruction at one size: result, carries, and which flags go in and which results are kept. */
record Arith(Fn value, Fn carries, boolean readsCf, boolean writes, boolean keepsCf, int size) {
    /** A pure function on two operands and the carry (or, for carries, the result). */
    interface Fn {
        long f(long a, long b, long c);
    }

    /** The result, above {@link #size} with garbage; {@code fc} as in {@link Flags}. */
    static long value(Arith f, long a, long b, long fc) {
        return f.value.f(a, b, f.readsCf ? Flags.cf(fc) : 0);
    }

    /** {@code fc} after the instruction that had {@code fc} before. */
    static long carry(Arith f, long a, long b, long r, long fc) {
        long c = Flags.carries(f.carries.f(a, b, r), f.size);
        return f.keepsCf ? Flags.withCf(c, Flags.cf(fc)) : c;
    }
}
