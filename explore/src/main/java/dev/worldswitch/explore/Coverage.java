package dev.worldswitch.explore;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the schedules of an exploration came through: steps, each a kernel function and what it does to the hardware, and
 * pairs of a step and an event that was placed right before it.
 */
final class Coverage {
    private final Set<String> reached = new HashSet<>();
    /** Per event, by its name. */
    private final Map<String, Set<String>> possible = new HashMap<>(), tried = new HashMap<>();

    /**
     * The last eight steps, a byte each. To look at the stack at each step would take longer than the step: after the same
     * eight steps in the same task the code is in the same function.
     */
    private long history;

    private final Map<Long, String> byHistory = new HashMap<>();

    /** A run is taken up before the step so named. */
    void resumes(String step) {
        history = step.hashCode();
    }

    /** @return the step's name, with its function's */
    String reaches(int task, String step) {
        history = history << 8 | (step.hashCode() * 0x9e3779b1 >>> 24);
        long key = history ^ (long) task * 0x9e3779b97f4a7c15L;
        String known = byHistory.get(key);
        if (known != null) return known;
        String name = Place.function() + ": " + step;
        byHistory.put(key, name);
        reached.add(name);
        return name;
    }

    /** The same where the code did not run: {@code place} is what it was when it did. */
    void reachesAgain(String step, String place) {
        history = history << 8 | (step.hashCode() * 0x9e3779b1 >>> 24);
        reached.add(place);
    }

    /** The event could be placed before this step, and it mattered whether before it or before the one before. */
    void mayCome(Event e, String step) {
        possible.computeIfAbsent(e.id, k -> new HashSet<>()).add(step);
    }

    void comes(Event e, String step) {
        tried.computeIfAbsent(e.id, k -> new HashSet<>()).add(step);
        mayCome(e, step);
    }

    void add(Coverage other) {
        reached.addAll(other.reached);
        other.possible.forEach(
                (e, s) -> possible.computeIfAbsent(e, k -> new HashSet<>()).addAll(s));
        other.tried.forEach(
                (e, s) -> tried.computeIfAbsent(e, k -> new HashSet<>()).addAll(s));
    }

    void clear() {
        reached.clear();
        byHistory.clear();
        possible.clear();
        tried.clear();
    }

    /** @param events that the scenario has */
    CoverageMap map(String architecture, Set<Event> events, Set<String> callsNeverBegun) {
        Map<String, CoverageMap.OfEvent> each = new TreeMap<>();
        for (Event e : events) {
            Set<String> late = new TreeSet<>(possible.getOrDefault(e.id, Set.of()));
            Set<String> done = new TreeSet<>(tried.getOrDefault(e.id, Set.of()));
            late.removeAll(done);
            each.put(e.id, new CoverageMap.OfEvent(List.copyOf(done), List.copyOf(late)));
        }
        return new CoverageMap(architecture, List.copyOf(new TreeSet<>(reached)), each, List.copyOf(callsNeverBegun));
    }
}
