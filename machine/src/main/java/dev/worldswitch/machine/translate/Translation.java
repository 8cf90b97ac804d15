package dev.worldswitch.machine.translate;

import java.util.List;

/** A region of blocks as JVM byte code; what runs it is up to the architecture. */
public abstract class Translation<B extends BasicBlock<B>> {
    /** Says whether memory still says what a block was decoded from. */
    public interface Memory<B> {
        boolean isCurrent(B block);
    }

    private List<B> blocks = List.of();
    private int checkedEpoch;

    protected void of(List<B> region, int epoch) {
        blocks = region;
        checkedEpoch = epoch;
    }

    protected final List<B> blocks() {
        return blocks;
    }

    /** True while all code of the region is as it was translated; else the head forgets this translation. */
    public final boolean isCurrent(int epoch, Memory<B> memory) {
        return checkedEpoch == epoch || check(epoch, memory);
    }

    private boolean check(int epoch, Memory<B> memory) {
        for (B b : blocks) {
            if (!b.dropped && memory.isCurrent(b)) continue;
            B head = blocks.get(0);
            head.code = null;
            head.count = 0;
            return false;
        }
        checkedEpoch = epoch;
        return true;
    }
}
