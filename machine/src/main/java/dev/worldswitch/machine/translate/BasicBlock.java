package dev.worldswitch.machine.translate;

import org.jspecify.annotations.Nullable;

/** Operations decoded from {@link #byteLength} bytes at {@link #start}, the last two successors, and how hot they are. */
public abstract class BasicBlock<B extends BasicBlock<B>> {
    /** Virtual address, and the guest-physical one. */
    public final long start, gpa;

    private @Nullable B next0, next1;
    private int linkEpoch;
    public int checkedEpoch;
    /** What it was decoded from was written; another block took its place in the cache. */
    public boolean dropped, replaced;
    /** Operations of the loop that it heads, when {@link #code} is a loop. */
    int loopOps;
    /** Times it was interpreted, and its translation once that is often. */
    public int count;

    public @Nullable Translation<B> code;

    protected BasicBlock(long start, long gpa) {
        this.start = start;
        this.gpa = gpa;
    }

    public abstract int byteLength();

    /** Number of operations. */
    public abstract int length();

    /** Where the last operation may go by direct branches. */
    public abstract long[] successors();

    /** The linked successor at {@code at}, if links are still good. */
    public final @Nullable B successor(long at, int epoch) {
        if (linkEpoch != epoch) return null;
        B a = next0;
        if (a != null && a.start == at) return a;
        B b = next1;
        return b != null && b.start == at ? b : null;
    }

    public final void link(B b, int epoch) {
        if (linkEpoch != epoch) {
            linkEpoch = epoch;
            next0 = b;
            next1 = null;
        } else if (next0 == null) next0 = b;
        else {
            next1 = next0;
            next0 = b;
        }
    }
}
