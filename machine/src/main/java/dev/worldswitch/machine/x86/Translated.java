package dev.worldswitch.machine.x86;

import java.util.List;

/**
 * A region of blocks as JVM byte code, with guest registers and flags in locals. {@link #run} goes on until RIP leaves the
 * region; all registers, flags and RIP are in the interpreter then. When an instruction can't be completed in the usual
 * way it throws {@link Signal#CAREFUL} with the state before that instruction: the interpreter runs it again, so that
 * faults, exits and traps have one meaning.
 */
abstract class Translated {
    private List<Block> blocks = List.of();
    private int checkedEpoch;

    abstract void run(Interpreter m);

    final void of(List<Block> region, int epoch) {
        blocks = List.copyOf(region);
        checkedEpoch = epoch;
    }

    /** True while all code of the region is as it was translated; else the head forgets this translation. */
    final boolean isCurrent(Interpreter m) {
        return checkedEpoch == m.epoch || check(m);
    }

    private boolean check(Interpreter m) {
        for (Block b : blocks) {
            if (!b.dropped && m.isCurrent(b)) continue;
            Block head = blocks.get(0);
            head.code = null;
            head.count = 0;
            return false;
        }
        checkedEpoch = m.epoch;
        return true;
    }
}
