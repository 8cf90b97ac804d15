package dev.worldswitch.explore;

import java.util.ArrayList;
import java.util.List;

/** What is left of the bounds, as one number: a byte for all events, one for switches, one for each kind with a bound. */
final class Budget {
    /** Most kinds with a bound of their own. */
    static final int KINDS = 6;

    private static final long TOP = 0x8080_8080_8080_8080L;
    private final List<Event> kinds = new ArrayList<>();
    private final long all;

    Budget(Bounds b) {
        long left = b.events() | (long) b.switches() << 8;
        for (Event e : Event.values()) {
            Integer most = b.kinds().get(e.id);
            if (most == null) continue;
            left |= (long) most << 16 + 8 * kinds.size();
            kinds.add(e);
        }
        all = left;
    }

    /** At the beginning of a run. */
    long all() {
        return all;
    }

    long cost(Choice c) {
        if (c.isSwitch()) return 1 << 8;
        if (!c.isEvent()) return 0;
        int kind = kinds.indexOf(c.event());
        return kind < 0 ? 1 : 1 | 1L << 16 + 8 * kind;
    }

    /** Each part of {@code a} is as large as that of {@code b}, or larger. */
    static boolean atLeast(long a, long b) {
        return ((a | TOP) - b & TOP) == TOP;
    }
}
