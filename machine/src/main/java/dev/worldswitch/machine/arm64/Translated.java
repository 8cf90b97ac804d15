package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.translate.Translation;
import java.util.List;

/**
 * A translated region. {@link #run} goes on until the PC leaves it; all registers, flags and the PC are in the interpreter
 * then. When it throws a {@link Stop} they are as before the instruction at the PC, which the interpreter then asks about.
 */
abstract class Translated extends Translation<Block> {
    private int unit;

    abstract void run(Arm64Interpreter c);

    @Override
    protected void of(List<Block> region, int epoch) {
        super.of(region, epoch);
        for (Block b : region) for (A64Op op : b.ops) unit = Math.max(unit, op.unit());
    }

    /** The unit that must be enabled: the highest that an operation needs. */
    final int unit() {
        return unit;
    }

    /** The operation at {@code pc}. */
    final A64Op at(long pc) {
        for (Block b : blocks()) if (pc >= b.start && pc < b.end) return b.ops[(int) (pc - b.start) / 4];
        throw new IllegalStateException("no operation at " + Long.toHexString(pc));
    }
}
