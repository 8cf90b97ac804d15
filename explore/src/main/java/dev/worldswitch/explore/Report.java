package dev.worldswitch.explore;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A verdict or one run as one HTML page that loads nothing: timelines, state, keys to go through them. */
public final class Report {
    /** One timing: what goes wrong in it, how to repeat it, its entries. */
    private record Run(
            String name,
            String what,
            List<String> also,
            String schedule,
            List<TimelineStep> steps,
            TimelineStep.Beginning beginning) {
        static Run of(int number, Finding f) {
            String not = "not so: " + f.property().says() + " (" + f.property().source() + "). " + f.what();
            return new Run("finding " + number, not, f.also(), f.schedule().toString(), f.steps(), f.beginning());
        }

        static Run of(Scenario s, String schedule, String name, String what) {
            Exploration.Timing t = Exploration.timing(s, schedule);
            return new Run(name, what, List.of(), schedule, t.steps(), t.beginning());
        }

        /** Registers that are 0 all the time are left out. */
        private Map<String, String> registers() {
            Set<String> changed =
                    steps.stream().flatMap(s -> s.registers().keySet().stream()).collect(Collectors.toSet());
            Map<String, String> all = new TreeMap<>(beginning.registers());
            all.entrySet().removeIf(e -> e.getValue().equals("0") && !changed.contains(e.getKey()));
            return all;
        }

        String json() {
            return "{\"name\":" + Json.quoted(name) + ",\"what\":" + Json.quoted(what) + ",\"also\":" + Json.list(also)
                    + ",\"schedule\":" + Json.quoted(schedule) + ",\"values\":"
                    + Json.object(beginning.values(), String::valueOf) + ",\"registers\":"
                    + Json.object(registers(), Json::quoted) + ",\"steps\":" + TimelineStep.jsonWithRegisters(steps)
                    + "}";
        }
    }

    private static final Verdict.Figures NOTHING = new Verdict.Figures(0, 0, 0, 0, List.of(), CoverageMap.NONE);

    private Report() {}

    /**
     * Of an exploration: its findings, its coverage, its bounds. One that found nothing shows its run without events.
     *
     * @param s what was explored
     */
    public static String of(Verdict v, Scenario s) {
        List<Run> runs = new ArrayList<>();
        for (Finding f : v.findings()) runs.add(Run.of(runs.size() + 1, f));
        String verdict = v.clean()
                ? v.complete()
                        ? "clean: within the bounds nothing goes wrong"
                        : "nothing found so far; the bounds are not exhausted"
                : runs.size()
                        + (runs.size() == 1 ? " way found" : " ways found")
                        + (v.complete() ? "" : "; the bounds are not exhausted");
        if (v.clean()) {
            String none = new Schedule(s.name(), v.kernel(), List.of()).toString();
            runs.add(Run.of(s, none, "without events", "one of the runs that were explored: the one without events"));
        }
        return page(v, verdict, v.figures(), runs);
    }

    /** Of one timing, a finding or not, as {@code ws replay} repeats it. */
    public static String of(String schedule) {
        return of(Scenario.of(Schedule.parse(schedule).scenario()), schedule);
    }

    /** As {@link #of(String)}, of a scenario that the caller has found by the schedule's name. */
    public static String of(Scenario s, String schedule) {
        Verdict v = Exploration.replay(s, schedule);
        if (!v.clean())
            return page(
                    v, "1 way found", NOTHING, List.of(Run.of(1, v.findings().getFirst())));
        Run run = Run.of(s, schedule, "this timing", "nothing goes wrong in this timing");
        return page(v, "clean: nothing goes wrong in this timing", NOTHING, List.of(run));
    }

    private static String page(Verdict v, String verdict, Verdict.Figures figures, List<Run> runs) {
        List<String> notes = new ArrayList<>(figures.notes());
        for (String call : figures.coverage().calls()) notes.add("no schedule reached: " + call);
        String explored = figures.runs() == 0
                ? ""
                : "explored: " + figures.states() + " states, " + figures.runs() + " runs, " + figures.steps()
                        + " steps, " + figures.merged() + " runs merged";
        String data = "{\"title\":" + Json.quoted(v.scenario() + " on kernel " + v.kernel()) + ",\"verdict\":"
                + Json.quoted(verdict) + ",\"wrong\":" + !v.clean() + ",\"complete\":" + v.complete() + ",\"bounds\":"
                + Json.quoted("bounds: " + v.bounds()) + ",\"explored\":" + Json.quoted(explored) + ",\"notes\":"
                + Json.list(notes) + ",\"coverage\":" + figures.coverage().json() + ",\"runs\":["
                + runs.stream().map(Run::json).collect(Collectors.joining(",")) + "],\"meanings\":"
                + Json.object(Explanations.values(all(runs, s -> s.changed().keySet())), Json::quoted)
                + ",\"sources\":"
                + Json.object(Explanations.sources(all(runs, s -> Set.of(s.function()))), Json::quoted) + "}";
        // Nothing in the data may end the script element that it is in.
        return resource("report.html")
                .replace("@STYLE@", resource("report.css"))
                .replace("@SCRIPT@", resource("picture.js") + resource("report.js"))
                .replace("@DATA@", data.replace("<", "\\u003c"));
    }

    private static Set<String> all(List<Run> runs, Function<TimelineStep, Set<String>> of) {
        return runs.stream()
                .flatMap(r -> r.steps().stream())
                .flatMap(s -> of.apply(s).stream())
                .collect(Collectors.toSet());
    }

    private static String resource(String name) {
        try (InputStream in = Report.class.getResourceAsStream("/report/" + name)) {
            if (in == null) throw new IllegalStateException("resource report/" + name + " is missing");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
