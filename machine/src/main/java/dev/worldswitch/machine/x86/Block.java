package dev.worldswitch.machine.x86;

import org.jspecify.annotations.Nullable;

/** A basic block: operation objects, the bytes they were decoded from, and the last two successors. */
final class Block {
    final long rip, gpa, gpa2;
    final int mode;
    final Op[] ops;
    final byte[] bytes;
    final long end;
    /** RIP of the block ended by the last instruction without a branch. */
    @Nullable
    Block next0, next1;

    int linkEpoch, checkedEpoch, foundEpoch;
    long foundAccess;
    /** What it was decoded from was written; another block took its place in the cache. */
    boolean dropped, replaced;
    /** Operations of the loop that it heads, when {@link #code} is a loop. */
    int loopOps;
    /** Times it was interpreted, and its translation once that is often. */
    int count;

    @Nullable
    Translated code;

    Block(long rip, long gpa, long gpa2, int mode, Op[] ops, byte[] bytes) {
        this.rip = rip;
        this.gpa = gpa;
        this.gpa2 = gpa2;
        this.mode = mode;
        this.ops = ops;
        this.bytes = bytes;
        this.end = ops[ops.length - 1].next;
    }

    /** The linked successor at {@code at}, if links are still good. */
    @Nullable
    Block successor(long at, int epoch) {
        if (linkEpoch != epoch) return null;
        Block a = next0;
        if (a != null && a.rip == at) return a;
        Block b = next1;
        return b != null && b.rip == at ? b : null;
    }

    void link(Block b, int epoch) {
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
