package dev.worldswitch.machine;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;

/**
 * How many instructions, and branches among them, a guest retires in user and in kernel mode while somebody counts them, and
 * when that somebody wants to hear of it: what the event counters of this machine are made of. Off, it says nothing and costs
 * nothing.
 */
public final class RetiredCounter {
    /** Places of limits: a number at EL0 or CPL 3, at EL1 or CPL 0, at both together. */
    public static final int USER = 0, KERNEL = 1, BOTH = 2;

    private static final int LIMIT = 2, ON = 5, BRANCHES = 6;
    private final Words words;

    public RetiredCounter(Region r) {
        words = r.words("retired", 8);
    }

    /** Counts from zero; a limit that is reached ends the guest's run as an interrupt does. */
    public void start(long user, long kernel, long both) {
        stop();
        words.set(LIMIT + USER, user);
        words.set(LIMIT + KERNEL, kernel);
        words.set(LIMIT + BOTH, both);
        words.set(ON, 1);
    }

    /** Instructions retired at {@code level} since {@link #start}. */
    public long at(int level) {
        return words.get(level);
    }

    /** The branches among them, where the architecture tells of branches. */
    public long branches(int level) {
        return words.get(BRANCHES + level);
    }

    public void stop() {
        for (int i = 0; i < 8; i++) words.set(i, 0);
    }

    public boolean isCounting() {
        return words.get(ON) != 0;
    }

    /** {@code n} more at this level. */
    public void count(int level, long n) {
        words.set(level, words.get(level) + n);
    }

    /** {@code n} of those that were counted were branches. */
    public void countBranches(int level, long n) {
        words.set(BRANCHES + level, words.get(BRANCHES + level) + n);
    }

    /** How many more at {@code level} before somebody must hear of it. */
    public long left(int level) {
        long both = words.get(LIMIT + BOTH) - words.get(USER) - words.get(KERNEL);
        return Math.min(both, words.get(LIMIT + level) - words.get(level));
    }
}
