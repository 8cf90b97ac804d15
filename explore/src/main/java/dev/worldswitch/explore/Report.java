package dev.worldswitch.explore;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A verdict or one run as one HTML page that loads nothing: timelines, state, keys to go through them. */
public final class Report {
    /** One timing: what goes wrong in it, how to repeat it, its entries. */
    private record Run(String what, String schedule, List<TimelineStep> steps) {
        String json() {
            return "{\"what\":" + Json.quoted(what) + ",\"schedule\":" + Json.quoted(schedule) + ",\"steps\":"
                    + TimelineStep.json(steps) + "}";
        }
    }

    private static final Verdict.Figures NOTHING = new Verdict.Figures(0, 0, 0, 0, List.of(), CoverageMap.NONE);

    private Report() {}

    /** Of an exploration: its findings, its coverage, its bounds. */
    public static String of(Verdict v) {
        List<Run> runs = v.findings().stream()
                .map(f -> new Run(
                        "not so: " + f.property().says() + " (" + f.property().source() + "). " + f.what(),
                        f.schedule().toString(),
                        f.steps()))
                .toList();
        String verdict = runs.isEmpty()
                ? v.complete() ? "clean" : "nothing found so far"
                : runs.size() + (runs.size() == 1 ? " way found" : " ways found");
        return page(v.scenario() + " on kernel " + v.kernel(), verdict, v.bounds(), v.figures(), runs);
    }

    /** Of one timing, a finding or not, as {@code ws replay} repeats it. */
    public static String of(String schedule) {
        return of(Scenario.of(Schedule.parse(schedule).scenario()), schedule);
    }

    /** As {@link #of(String)}, of a scenario that the caller has found by the schedule's name. */
    public static String of(Scenario s, String schedule) {
        Verdict v = Exploration.replay(s, schedule);
        if (!v.clean()) return of(v);
        Run run = new Run("nothing goes wrong in this timing", schedule, Exploration.steps(s, schedule));
        return page(v.scenario() + " on kernel " + v.kernel(), "clean", v.bounds(), NOTHING, List.of(run));
    }

    private static String page(String title, String verdict, String bounds, Verdict.Figures figures, List<Run> runs) {
        boolean wrong = !verdict.equals("clean") && !runs.isEmpty();
        List<String> notes = new ArrayList<>(figures.notes());
        for (String call : figures.coverage().calls()) notes.add("no schedule reached: " + call);
        String data =
                "{\"title\":" + Json.quoted(title) + ",\"verdict\":" + Json.quoted(verdict) + ",\"wrong\":" + wrong
                        + ",\"bounds\":" + Json.quoted("bounds: " + bounds) + ",\"notes\":" + Json.list(notes)
                        + ",\"coverage\":" + figures.coverage().json() + ",\"runs\":["
                        + runs.stream().map(Run::json).collect(Collectors.joining(",")) + "],\"values\":"
                        + object(Explanations.values(all(runs, s -> s.changed().keySet()))) + ",\"sources\":"
                        + object(Explanations.sources(all(runs, s -> Set.of(s.function())))) + "}";
        // Nothing in the data may end the script element that it is in.
        return template().replace("@DATA@", data.replace("<", "\\u003c"));
    }

    private static Set<String> all(List<Run> runs, Function<TimelineStep, Set<String>> of) {
        return runs.stream()
                .flatMap(r -> r.steps().stream())
                .flatMap(s -> of.apply(s).stream())
                .collect(Collectors.toSet());
    }

    private static String object(Map<String, String> fields) {
        return fields.entrySet().stream()
                .map(e -> Json.quoted(e.getKey()) + ":" + Json.quoted(e.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static String template() {
        try (InputStream in = Report.class.getResourceAsStream("/report/report.html")) {
            if (in == null) throw new IllegalStateException("resource report/report.html is missing");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
