package dev.worldswitch.explore;

import dev.worldswitch.kernel.Softirq;
import java.util.Arrays;

/**
 * Which words were read and written by whom, as bits: one for each kind of event's handler (apart by whether the task
 * could be preempted, and whether softirqs could run), one for each CPU's tasks. From it follows next to which steps a choice matters: after a step that
 * accesses what the choice's code accesses, one of both writing.
 *
 * <p>What a handler accesses is learnt from its runs. A decision that a later run proves wrong is noted ({@link #stale});
 * the exploration then starts again with what was learnt.
 */
final class Footprints {
    /** Bits of CPUs, after those of events; the last one stands for tasks without a CPU. */
    static final int CPUS = 45, NO_CPU = 60;
    /** A handler does other things by what preempt_count says: preemptible, softirqs on, neither. */
    private static final int VARIANTS = 3;

    private static final long CPU_BITS = (1L << NO_CPU + 1) - (1L << CPUS);

    private long[] reads = {}, writes = {};
    /** Accesses that were taken for independent of these bits' code. */
    private long[] skippedReads = {}, skippedWrites = {};

    /** Words that handlers leave as they found them and know only by what {@link Search} compares from moment to moment. */
    private boolean[] balanced = {};

    private int[] firstWord = {};
    private int[] shift = {};

    /** Handlers in whose middle the task lost its CPU: nothing is independent of them. */
    private long wide;

    private boolean stale;

    /** Bits whose code runs now: open handlers and the CPU; and the bits that are dirty so far. */
    private long open, dirty;

    private long others;

    /** Changes whenever what is known does. */
    private int version;

    /** What a stretch does here, in order, while one is recorded: two numbers each, what and with which words or bits. */
    private long[] noted = new long[256];

    private int notes;
    private boolean noting;
    private static final int READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, ALL_DIRTY = 4, ON_CPU = 5, WIDE = 6;

    /** What a recorded stretch did here, and what came of it with what was known then. */
    static final class Notes {
        private final long[] notes;
        private int version = -1;
        private long openBefore, othersBefore, openAfter, othersAfter, made;

        private Notes(long[] notes) {
            this.notes = notes;
        }
    }

    void note() {
        notes = 0;
        noting = true;
    }

    void noteNoMore() {
        noting = false;
    }

    Notes noted() {
        return new Notes(Arrays.copyOf(noted, notes));
    }

    private void note(int what, long with, int n) {
        if (!noting) return;
        if (notes + 2 > noted.length) noted = Arrays.copyOf(noted, 2 * notes);
        noted[notes++] = what | (long) n << 8;
        noted[notes++] = with;
    }

    /** Does again what a stretch did. */
    void again(Notes of) {
        if (of.version == version && of.openBefore == open && of.othersBefore == others) {
            dirty |= of.made;
            open = of.openAfter;
            others = of.othersAfter;
            return;
        }
        of.openBefore = open;
        of.othersBefore = others;
        long before = dirty;
        dirty = 0;
        for (int i = 0; i < of.notes.length; i += 2) {
            int n = (int) (of.notes[i] >>> 8);
            long with = of.notes[i + 1];
            switch ((int) of.notes[i] & 0xff) {
                case READ -> {
                    for (int w = (int) with; w < with + n; w++) readWord(w);
                }
                case WRITE -> {
                    for (int w = (int) with; w < with + n; w++) writeWord(w);
                }
                case OPEN -> open(with);
                case CLOSE -> close(with);
                case ALL_DIRTY -> allDirty();
                case ON_CPU -> onCpu(with);
                default -> wide(with);
            }
        }
        of.made = dirty;
        of.openAfter = open;
        of.othersAfter = others;
        of.version = version;
        dirty |= before;
    }

    /**
     * @param first number of the first word, or group of words, of each cell; then of the client's memory
     * @param shifts of each cell, how many words are a group, as a power of two
     * @param counts which words are preempt_counts
     */
    void freeze(int[] first, int[] shifts, boolean[] counts, int n) {
        balanced = counts;
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
        version++;
    }

    /** @param asked what of preempt_count can be told where it comes: {@link Softirq#asked} */
    static long event(Event e, int asked) {
        int bit = VARIANTS * e.ordinal() + (asked == 0 ? 0 : asked == 1 ? 1 : 2);
        if (bit >= CPUS) throw new IllegalStateException("more than " + CPUS / VARIANTS + " kinds of events");
        return 1L << bit;
    }

    /** Wherever it comes. */
    static long event(Event e) {
        return (1L << VARIANTS) - 1 << VARIANTS * e.ordinal();
    }

    static long cpu(int number) {
        return 1L << (number < NO_CPU - CPUS ? CPUS + number : NO_CPU);
    }

    /** The bits of all CPUs: what a switch depends on. */
    static boolean switchIsDirty(long dirty) {
        return (dirty & CPU_BITS) != 0;
    }

    /** The bits of all CPUs. */
    static long switches() {
        return CPU_BITS;
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

    /** Everything may depend on what happens now. */
    void allDirty() {
        note(ALL_DIRTY, 0, 0);
        dirty = -1;
    }

    /** The context that runs has this CPU from here on. */
    void onCpu(long cpuBit) {
        note(ON_CPU, cpuBit, 0);
        open = handlers() | cpuBit;
        others = ~cpuBit;
        dirty = -1;
    }

    void open(long bit) {
        note(OPEN, bit, 0);
        open |= bit;
    }

    void close(long bit) {
        note(CLOSE, bit, 0);
        open &= ~bit;
    }

    /** All bits of handlers that run now. */
    private long handlers() {
        return open & (1L << CPUS) - 1;
    }

    /** In the middle of this handler the task lost its CPU. */
    void wide(long bit) {
        note(WIDE, bit, 0);
        if (bit == 0 || (wide & bit) == bit) return;
        wide |= bit;
        version++;
        stale = true;
    }

    long wide() {
        return wide;
    }

    void read(int cell, int index) {
        int w = firstWord[cell] + (index >> shift[cell]);
        note(READ, w, 1);
        readWord(w);
    }

    void reads(int cell, int at, int n) {
        int s = shift[cell], from = firstWord[cell] + (at >> s), last = firstWord[cell] + (at + n - 1 >> s);
        note(READ, from, last - from + 1);
        for (int w = from; w <= last; w++) readWord(w);
    }

    void writes(int cell, int at, int n) {
        int s = shift[cell], from = firstWord[cell] + (at >> s), last = firstWord[cell] + (at + n - 1 >> s);
        note(WRITE, from, last - from + 1);
        for (int w = from; w <= last; w++) writeWord(w);
    }

    private void readWord(int w) {
        long who = balanced[w] ? CPU_BITS : -1, by = open & who, of = others & who;
        long conflict = writes[w] & of;
        dirty |= conflict;
        skippedReads[w] |= ~conflict & of;
        if ((reads[w] & by) != by) {
            reads[w] |= by;
            version++;
            if ((skippedWrites[w] & by) != 0) stale = true;
        }
    }

    private void writeWord(int w) {
        long who = balanced[w] ? CPU_BITS : -1, by = open & who, of = others & who;
        long conflict = (reads[w] | writes[w]) & of;
        dirty |= conflict;
        skippedWrites[w] |= ~conflict & of;
        if ((writes[w] & by) != by) {
            writes[w] |= by;
            version++;
            if (((skippedReads[w] | skippedWrites[w]) & by) != 0) stale = true;
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
            version++;
            Arrays.fill(skippedReads, 0);
            Arrays.fill(skippedWrites, 0);
        }
        return was;
    }
}
