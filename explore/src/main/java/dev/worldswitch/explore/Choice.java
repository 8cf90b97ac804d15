package dev.worldswitch.explore;

/**
 * What is chosen at a point of choice, as a schedule prints it: a letter, and for tasks and CPUs their number. Going on
 * is not printed.
 */
record Choice(char kind, int which) {
    /** Go on; the task's usual CPU. */
    static final Choice GO = new Choice('-', 0);
    /** Another task that has or can get a CPU of its own goes on first. */
    static final char SWITCH = 's';
    /** At scheduling in: this CPU instead of the usual one. */
    static final char CPU = 'c';
    /** At scheduling in: a task that waits for a CPU gets one first. */
    static final char GIVE_WAY = 'w';

    /** What a scenario's guest may do: this instead of the first. */
    static final char OUTCOME = 'o';
    /** A value that the architecture leaves open: this one instead of the usual one. */
    static final char UNKNOWN = 'u';

    static Choice of(Event e) {
        return new Choice(e.letter, 0);
    }

    /** Counts against the bound on events. */
    boolean isEvent() {
        return kind != '-' && kind != SWITCH && kind != CPU && kind != GIVE_WAY && kind != OUTCOME && kind != UNKNOWN;
    }

    /** Counts against the bound on switches between tasks on different CPUs. */
    boolean isSwitch() {
        return kind == SWITCH;
    }

    Event event() {
        return Event.of(kind);
    }

    @Override
    public String toString() {
        return kind == '-' || isEvent() ? "" + kind : "" + kind + which;
    }
}
