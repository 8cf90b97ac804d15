package dev.worldswitch.stress;

/**
 * A guest that counts in memory whose writes are logged, and a client that reads the log, and then the memory, while it runs and
 * once more in the end.
 */
final class LoggedCounting {
    private final Counting c;
    private final boolean byCall;
    private boolean told;
    private long before, seen;

    /** @param byCall reading the log clears nothing: KVM_CLEAR_DIRTY_LOG does */
    LoggedCounting(boolean x86, boolean byCall) {
        this.c = new Counting(x86, Counting.COUNTS);
        this.byCall = byCall;
        c.logs(byCall);
    }

    /** 1 when KVM_RUN ended as it should. */
    int run() {
        return c.run() == 0 ? 1 : 0;
    }

    void collect() {
        before = c.counter();
        told = c.dirty();
        if (byCall) c.clear();
        seen = c.counter();
    }

    /** 1, or 2 when a write after the first reading was never told of, 3 when one before it was not, 4 when the guest lost one. */
    int verdict() {
        boolean toldLater = c.dirty();
        if (c.counter() != Counting.COUNTS) return 4;
        if (before != 0 && !told) return 3;
        return seen != Counting.COUNTS && !toldLater ? 2 : 1;
    }
}
