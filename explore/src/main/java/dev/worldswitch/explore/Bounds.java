package dev.worldswitch.explore;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * How far an exploration goes.
 *
 * @param events most events in one run, of all kinds
 * @param switches most switches between tasks on different CPUs in one run
 * @param states stop after so many states, 0 for no limit
 * @param kinds most events of one kind, by its name, where fewer than {@code events}
 * @param seconds stop after so many, 0 for no limit
 */
public record Bounds(int events, int switches, long states, Map<String, Integer> kinds, long seconds) {
    static final int MOST = 100;

    /** @throws IllegalArgumentException for a bound that is no number of events, or a kind that there is not */
    public Bounds {
        kinds = Map.copyOf(kinds);
        check("events", events);
        check("switches", switches);
        kinds.forEach((kind, n) -> check(kind.equals(Budget.UNKNOWN) ? kind : Event.of(kind).id, n));
        if (kinds.size() > Budget.KINDS)
            throw new IllegalArgumentException("at most " + Budget.KINDS + " kinds of events have bounds of their own");
    }

    private static void check(String what, int n) {
        if (n < 0 || n > MOST)
            throw new IllegalArgumentException("bound on " + what + ": " + n + " is not within 0 and " + MOST);
    }

    public Bounds(int events, int switches, long states) {
        this(events, switches, states, Map.of(), 0);
    }

    public Bounds withEvents(int n) {
        return new Bounds(n, switches, states, kinds, seconds);
    }

    public Bounds withSwitches(int n) {
        return new Bounds(events, n, states, kinds, seconds);
    }

    public Bounds withStates(long n) {
        return new Bounds(events, switches, n, kinds, seconds);
    }

    public Bounds withSeconds(long n) {
        return new Bounds(events, switches, states, kinds, n);
    }

    /** Names of all events. */
    public static List<String> eventKinds() {
        return Stream.of(Event.values()).map(e -> e.id).toList();
    }

    /** @param kind an event's name */
    public Bounds with(String kind, int n) {
        Map<String, Integer> more = new LinkedHashMap<>(kinds);
        more.put(kind, n);
        return new Bounds(events, switches, states, more, seconds);
    }

    /** @param text {@code KIND=N} as the command line takes it: events, switches, preemptions or an event's name */
    public Bounds with(String text) {
        String[] of = text.strip().split("=", 2);
        if (of.length < 2 || !of[1].matches("\\d{1,3}"))
            throw new IllegalArgumentException("a bound is KIND=N, for example interrupt=2; not '" + text + "'");
        int n = Integer.parseInt(of[1]);
        return switch (of[0]) {
            case "events" -> withEvents(n);
            case "switches" -> withSwitches(n);
            case "preemptions" -> with("preempt", n);
            default -> with(of[0], n);
        };
    }

    @Override
    public String toString() {
        StringBuilder b = new StringBuilder("at most " + events + (events == 1 ? " event" : " events"));
        kinds.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(e -> b.append(", ").append(e.getValue()).append(" of ").append(e.getKey()));
        if (switches != 0) b.append(", ").append(switches).append(switches == 1 ? " switch" : " switches");
        return b.toString();
    }
}
