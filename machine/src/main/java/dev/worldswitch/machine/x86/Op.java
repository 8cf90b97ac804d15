package dev.worldswitch.machine.x86;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One instruction of a block, decoded once. {@link #exec} does it: it reads everything and makes all checks before it
 * changes anything, so that it may throw a {@link Signal} and be run again. An operation that ends a block stores
 * {@link Interpreter#rip}.
 */
public abstract class Op {
    /** RIP of the instruction and of the one after it. */
    public long ip, next;

    /** General operands, as the class of the operation uses them. */
    public int d, s, size;

    public long imm;
    public @Nullable Ea ea;
    /** The decoded instruction, kept for what the fast fields do not hold. */
    public @Nullable Insn insn;
    /** The {@link Template} that this operation's class is a copy of, and the meaning it was made with. */
    @Nullable
    Class<? extends Op> template;

    @Nullable
    Object meaning;

    public abstract void exec(Interpreter m);

    /** True when the block ends here. */
    public boolean ends() {
        return false;
    }

    /** True for what a processor counts as a branch: jumps, calls, returns, taken or not. */
    final boolean isBranch() {
        Insn i = insn;
        return i != null && i.row != null && BRANCHES.contains(i.row().mnemonic());
    }

    /** Mnemonics of the table. */
    private static final Set<String> BRANCHES = Set.of(
            "Jcc",
            "JrCXZ",
            "LOOPcc",
            "JMP",
            "CALL",
            "RET",
            "RETF",
            "IRET",
            "INT",
            "INT1",
            "INT3",
            "INTO",
            "SYSCALL",
            "SYSRET",
            "SYSENTER",
            "SYSEXIT");

    final Ea ea() {
        Ea e = ea;
        if (e == null) throw new IllegalStateException("operation without a memory operand");
        return e;
    }

    final Insn insn() {
        Insn i = insn;
        if (i == null) throw new IllegalStateException("operation without its instruction");
        return i;
    }
}
