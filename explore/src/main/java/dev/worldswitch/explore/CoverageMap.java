package dev.worldswitch.explore;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Which pairs of a step and an event were exercised.
 *
 * @param architecture whose code was explored
 * @param steps what schedules came through: a kernel function, and what it does to the hardware
 * @param events per event, before which steps it was placed
 * @param calls steps of the tasks that no schedule came to
 */
public record CoverageMap(String architecture, List<String> steps, Map<String, OfEvent> events, List<String> calls) {
    public static final CoverageMap NONE = new CoverageMap("", List.of(), Map.of(), List.of());

    /**
     * @param tried steps right before which it was placed
     * @param not steps before which it could come, but the bounds were used up
     */
    public record OfEvent(List<String> tried, List<String> not) {}

    /** What any of them came through; not reached is what none did. */
    public static CoverageMap sum(List<CoverageMap> all) {
        Set<String> steps = new TreeSet<>(), calls = new TreeSet<>(all.getFirst().calls);
        Map<String, OfEvent> events = new TreeMap<>();
        for (CoverageMap m : all) {
            steps.addAll(m.steps);
            calls.retainAll(m.calls);
            m.events.forEach((e, of) -> events.merge(e, of, CoverageMap::sum));
        }
        return new CoverageMap(all.getFirst().architecture, List.copyOf(steps), events, List.copyOf(calls));
    }

    private static OfEvent sum(OfEvent a, OfEvent b) {
        Set<String> tried = new TreeSet<>(a.tried), not = new TreeSet<>(a.not);
        tried.addAll(b.tried);
        not.addAll(b.not);
        not.removeAll(tried);
        return new OfEvent(List.copyOf(tried), List.copyOf(not));
    }

    /** Pairs of a step and an event that were exercised. */
    public int pairs() {
        return events.values().stream().mapToInt(e -> e.tried.size()).sum();
    }

    /** Functions of the kernel and of KVM that touch the hardware and that no schedule came to. */
    public List<String> functionsNotReached() {
        Set<String> functions = new HashSet<>();
        for (String s : steps) functions.add(s.substring(0, s.indexOf(": ")));
        return HardwareFunctions.of(architecture).stream()
                .filter(f -> !functions.contains(f))
                .toList();
    }

    /** For a person. */
    List<String> lines() {
        if (steps.isEmpty()) return List.of();
        List<String> lines = new ArrayList<>();
        lines.add(pairs() + " pairs (step x event) exercised, of " + steps.size() + " steps: "
                + events.entrySet().stream()
                        .map(e -> e.getKey() + " before " + e.getValue().tried.size())
                        .collect(Collectors.joining(", ")));
        events.forEach((e, of) -> {
            if (!of.not.isEmpty()) lines.add(e + " could come and did not, within the bounds, before: " + list(of.not));
        });
        if (!calls.isEmpty()) lines.add("no schedule reached: " + list(calls));
        List<String> functions = functionsNotReached();
        if (!functions.isEmpty()) lines.add("functions that no schedule reached: " + list(functions));
        return lines;
    }

    private static String list(List<String> all) {
        return String.join(", ", all);
    }

    String json() {
        if (steps.isEmpty()) return "null";
        return "{\"pairs\":" + pairs() + ",\"steps\":" + Json.list(steps) + ",\"events\":{"
                + events.entrySet().stream()
                        .map(e -> Json.quoted(e.getKey()) + ":{\"tried\":" + Json.list(e.getValue().tried) + ",\"not\":"
                                + Json.list(e.getValue().not) + "}")
                        .collect(Collectors.joining(","))
                + "},\"functionsNotReached\":" + Json.list(functionsNotReached()) + ",\"callsNotReached\":"
                + Json.list(calls)
                + "}";
    }
}
