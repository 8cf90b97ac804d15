package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;

/**
 * How many instructions a guest retires at EL0 and EL1 while somebody counts them, and when that somebody wants to hear of it:
 * what the event counters of this machine are made of. Off, it says nothing and costs nothing.
 */
public final class RetiredCounter {
    /** Places of limits: a number at EL0, at EL1, at both together. */
    public static final int EL0 = 0, EL1 = 1, BOTH = 2;

    private static final int LIMIT = 2, ON = 5;
    private final Words words;

    RetiredCounter(Region r) {
        words = r.words("retired", 6);
    }

    /** Counts from zero; a limit that is reached ends the guest's run as an interrupt does. */
    public void start(long el0, long el1, long both) {
        words.set(EL0, 0);
        words.set(EL1, 0);
        words.set(LIMIT + EL0, el0);
        words.set(LIMIT + EL1, el1);
        words.set(LIMIT + BOTH, both);
        words.set(ON, 1);
    }

    /** Instructions retired at {@code el} since {@link #start}. */
    public long at(int el) {
        return words.get(el);
    }

    public void stop() {
        for (int i = 0; i <= ON; i++) words.set(i, 0);
    }

    public boolean isCounting() {
        return words.get(ON) != 0;
    }

    /** {@code n} more at this level. */
    public void count(int el, long n) {
        words.set(el, words.get(el) + n);
    }

    /** How many more at {@code el} before somebody must hear of it. */
    long left(int el) {
        long both = words.get(LIMIT + BOTH) - words.get(EL0) - words.get(EL1);
        return Math.min(both, words.get(LIMIT + el) - words.get(el));
    }
}
