package dev.worldswitch.explore;

import java.util.Arrays;

/**
 * Which words were read and written by whom, as bits: one for each kind of event's handler (apart by whether the task
 * could be preempted), one for each CPU's tasks. From it follows next to which steps a choice matters: after a step that
 * accesses what the choice's code accesses, one of both writing.
 *
 * <p>What a handler accesses is learnt from its runs. A decision that a later run proves wrong is noted ({@link #stale});
 * the exploration then starts again with what was learnt.
 */
final class Footprints {
    /** Bits of CPUs, after those of events; the last one stands for tasks without a CPU. */
    static final int CPUS = 40, NO_CPU = 55;

    private static final long CPU_BITS = (1L << NO_CPU + 1) - (1L << CPUS);

    private long[] reads = {}, writes = {};
    /** Accesses that were taken for independent of these bits' code. */
    private long[] skippedReads = {}, skippedWrites = {};

    private int[] firstWord = {};
    private int[] shift = {};

    /** Handlers in whose middle the task lost its CPU: nothing is independent of them. */
    private long wide;

    private boolean stale;

    /** Bits whose code runs now: open handlers and the CPU; and the bits that are dirty so far. */
    private long open, dirty;

    private long others;

    /**
     * @param first number of the first word, or group of words, of each cell; then of the client's memory
     * @param shifts of each cell, how many words are a group, as a power of two
     */
    void freeze(int[] first, int[] shifts, int n) {
        firstWord = first;
        shift = shifts;
        reads = new long[n];
        writes = new long[n];
        skippedReads = new long[n];
        skippedWrites = new long[n];
    }

    /** Knows what {@code other} knows as well. */
    void learn(Footprints other) {
        for (int i = 0; i < reads.length; i++) {
            reads[i] |= other.reads[i];
            writes[i] |= other.writes[i];
        }
        wide |= other.wide;
        stale = false;
    }

    static long event(Event e, boolean preemptible) {
        int bit = 2 * e.ordinal() + (preemptible ? 1 : 0);
        if (bit >= CPUS) throw new IllegalStateException("more than " + CPUS / 2 + " kinds of events");
        return 1L << bit;
    }

    static long cpu(int number) {
        return 1L << (number < NO_CPU - CPUS ? CPUS + number : NO_CPU);
    }

    /** The bits of all CPUs: what a switch depends on. */
    static boolean switchIsDirty(long dirty) {
        return (dirty & CPU_BITS) != 0;
    }

    /** A switch was tried. */
    static long switchClean(long dirty) {
        return dirty & ~CPU_BITS;
    }

    /** A context goes on: handlers open now in any context, the CPU that it has, what is dirty for it. */
    void enter(long handlers, long cpuBit, long itsDirty) {
        open = handlers | cpuBit;
        others = ~cpuBit;
        dirty = itsDirty;
    }

    long dirty() {
        return dirty;
    }

    void dirty(long d) {
        dirty = d;
    }

    long open() {
        return open;
    }

    /** All bits whose code runs now are among these. */
    boolean knows(long bits) {
        return (open & ~bits) == 0;
    }

    void open(long bit) {
        open |= bit;
    }

    void close(long bit) {
        open &= ~bit;
    }

    /** All bits of handlers that run now. */
    long handlers() {
        return open & (1L << CPUS) - 1;
    }

    /** In the middle of this handler the task lost its CPU. */
    void wide(long bit) {
        if (bit == 0 || (wide & bit) == bit) return;
        wide |= bit;
        stale = true;
    }

    long wide() {
        return wide;
    }

    void read(int cell, int index) {
        read(firstWord[cell] + (index >> shift[cell]));
    }

    void write(int cell, int index) {
        write(firstWord[cell] + (index >> shift[cell]));
    }

    void reads(int cell, int at, int n) {
        int s = shift[cell], f = firstWord[cell];
        for (int w = f + (at >> s), last = f + (at + n - 1 >> s); w <= last; w++) read(w);
    }

    void writes(int cell, int at, int n) {
        int s = shift[cell], f = firstWord[cell];
        for (int w = f + (at >> s), last = f + (at + n - 1 >> s); w <= last; w++) write(w);
    }

    private void read(int w) {
        long conflict = writes[w] & others;
        dirty |= conflict;
        skippedReads[w] |= ~conflict & others;
        if ((reads[w] & open) != open) {
            reads[w] |= open;
            if ((skippedWrites[w] & open) != 0) stale = true;
        }
    }

    private void write(int w) {
        long conflict = (reads[w] | writes[w]) & others;
        dirty |= conflict;
        skippedWrites[w] |= ~conflict & others;
        if ((writes[w] & open) != open) {
            writes[w] |= open;
            if (((skippedReads[w] | skippedWrites[w]) & open) != 0) stale = true;
        }
    }

    boolean stale() {
        return stale;
    }

    /** True once after a decision proved wrong; what was decided since the last time is forgotten. */
    boolean staleOnce() {
        boolean was = stale;
        stale = false;
        if (was) {
            Arrays.fill(skippedReads, 0);
            Arrays.fill(skippedWrites, 0);
        }
        return was;
    }
}
