package dev.worldswitch.explore;

/**
 * How far an exploration goes.
 *
 * @param events most events in one run
 * @param switches most switches between tasks on different CPUs in one run
 * @param states stop after so many states, 0 for no limit
 */
public record Bounds(int events, int switches, long states) {
    @Override
    public String toString() {
        return "at most " + events + (events == 1 ? " event" : " events")
                + (switches == 0 ? "" : ", " + switches + (switches == 1 ? " switch" : " switches"));
    }
}
