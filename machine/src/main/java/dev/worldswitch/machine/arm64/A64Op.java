package dev.worldswitch.machine.arm64;

import org.jspecify.annotations.Nullable;

/**
 * One instruction of a block, decoded once. {@link #exec} does it: it makes all checks before it changes anything, so that
 * it may throw a {@link Stop} and be run again. An operation that ends a block stores {@link Arm64Interpreter#pc}.
 */
public abstract class A64Op {
    /** Address and instruction word. */
    public long pc;

    public int word;

    /** General operands, as the class of the operation uses them; register numbers are indices of {@code Arm64Cpu.gpr}. */
    public int d, n, m, a;

    public long imm;
    /** The class that this operation's is a copy of, and the meaning it was made with ({@link IntegerOps#template}). */
    @Nullable
    Class<? extends A64Op> template;

    @Nullable
    Object meaning;

    /** Which unit must be enabled: nothing but the core, FP and Advanced SIMD, or SVE. */
    public static final int CORE = 0, FP = 1, SVE = 2;

    public abstract void exec(Arm64Interpreter c);

    /** True when the block ends here. */
    public boolean ends() {
        return false;
    }

    /** {@link #CORE}, {@link #FP} or {@link #SVE}: trapped before {@link #exec} while that unit is disabled. */
    public int unit() {
        return CORE;
    }

    /**
     * ISV, SAS, SSE, SRT, SF and AR of the syndrome of a stage 2 data abort; 0 where the architecture gives none (Arm ARM,
     * ISS encoding for an exception from a Data Abort).
     */
    public int syndrome() {
        return 0;
    }
}
