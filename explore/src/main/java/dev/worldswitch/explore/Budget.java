package dev.worldswitch.explore;

import java.util.ArrayList;
import java.util.List;

/** What is left of the bounds, as one number: a byte for all events, one for switches, one for each kind with a bound. */
final class Budget {
    /** Most kinds with a bound of their own. */
    static final int KINDS = 6;

    private static final long TOP = 0x8080_8080_8080_8080L;
    /** As {@link Bounds#kinds} names them besides events: values that are UNKNOWN and not the usual one. */
    static final String UNKNOWN = "unknown";

    private final List<Character> kinds = new ArrayList<>();
    private final long all;
    /** Of each kind of event, by its ordinal. */
    private final long[] costs = new long[Event.values().length];

    Budget(Bounds b) {
        long left = b.events() | (long) b.switches() << 8;
        List<Character> letters = new ArrayList<>();
        for (Event e : Event.values()) letters.add(e.letter);
        letters.add(Choice.UNKNOWN);
        for (char letter : letters) {
            Integer most = b.kinds().get(name(letter));
            if (most == null) continue;
            left |= (long) most << 16 + 8 * kinds.size();
            kinds.add(letter);
        }
        all = left;
        for (Event e : Event.values()) costs[e.ordinal()] = cost(Choice.of(e));
    }

    private static String name(char letter) {
        return letter == Choice.UNKNOWN ? UNKNOWN : new Choice(letter, 0).event().id;
    }

    /** At the beginning of a run. */
    long all() {
        return all;
    }

    long cost(Event e) {
        return costs[e.ordinal()];
    }

    long cost(Choice c) {
        if (c.isSwitch()) return 1 << 8;
        int kind = kinds.indexOf(c.kind());
        return (c.isEvent() ? 1 : 0) + (kind < 0 ? 0 : 1L << 16 + 8 * kind);
    }

    /** Each part of {@code a} is as large as that of {@code b}, or larger. */
    static boolean atLeast(long a, long b) {
        return ((a | TOP) - b & TOP) == TOP;
    }
}
