package dev.worldswitch.cli.serve;

import dev.worldswitch.explore.Bounds;
import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.KernelVersion.Preempt;
import dev.worldswitch.kernel.Patch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What somebody wants explored: the options of {@code ws explore}, each as its text, empty for the scenario's own. */
record Request(Map<String, String> given) {
    /** Names of the options; {@code bounds} is a list of KIND=N. */
    static final List<String> KEYS =
            List.of("scenario", "machine", "kernel", "without", "with", "preempt", "bounds", "states", "seconds");

    /** When nobody says how long; and the most that somebody may say. */
    static final long SECONDS = 300, MOST_SECONDS = 24 * 3600;

    static final long STATES = 2_000_000, MOST_STATES = 100_000_000;

    Request {
        Map<String, String> known = new LinkedHashMap<>();
        for (String k : KEYS) {
            String v = given.getOrDefault(k, "").strip();
            if (!v.isEmpty()) known.put(k, v);
        }
        given = known;
    }

    private String text(String key) {
        return given.getOrDefault(key, "");
    }

    private List<String> list(String key) {
        return Stream.of(text(key).split("[,\\s]+")).filter(t -> !t.isEmpty()).toList();
    }

    /** @throws IllegalArgumentException when there is no such scenario or machine */
    Scenario scenario(Scenarios all) {
        return all.find(text("scenario") + (text("machine").isEmpty() ? "" : "%" + text("machine")));
    }

    KernelVersion kernel(Scenario s) {
        String own = s.kernel();
        String name = !text("kernel").isEmpty() ? text("kernel") : own != null ? own : KernelVersion.DEFAULT;
        KernelVersion k = Exploration.kernelOf(name)
                .changed(
                        list("without").stream().map(Patch::of).toList(),
                        list("with").stream().map(Patch::of).toList());
        return text("preempt").isEmpty() ? k : k.preempted(Preempt.of(text("preempt")));
    }

    Bounds bounds(Scenario s) {
        Bounds b = s.bounds();
        for (String kind : list("bounds")) b = b.with(kind);
        return b.withStates(number("states", STATES, MOST_STATES))
                .withSeconds(number("seconds", SECONDS, MOST_SECONDS));
    }

    private long number(String key, long usual, long most) {
        String t = text(key);
        if (t.isEmpty()) return usual;
        if (!t.matches("\\d{1,12}") || Long.parseLong(t) < 1 || Long.parseLong(t) > most)
            throw new IllegalArgumentException(key + " is a number from 1 to " + most + ", not '" + t + "'");
        return Long.parseLong(t);
    }

    /** The command that does the same; a posted scenario is a file for it. */
    String command(Scenarios all) {
        List<String> words = new ArrayList<>(List.of("ws", "explore", all.forCommand(text("scenario"))));
        for (String k : KEYS.subList(1, KEYS.size()))
            if (!text(k).isEmpty())
                words.addAll(List.of("--" + (k.equals("seconds") ? "time" : k), String.join(",", list(k))));
        return String.join(" ", words);
    }
}
