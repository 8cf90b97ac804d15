package dev.worldswitch.explore;

import dev.worldswitch.explore.Explorer.Found;
import dev.worldswitch.explore.Schedule.Turn;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * An exploration's result so far, as a text file: of one shard, or one that was ended early, with the beginnings of
 * schedules that are still to do. {@code ws merge} adds such files up, {@code ws explore --resume} goes on with one.
 *
 * @param shard which of how many, as {@code 1/4}
 * @param found property, what, schedule
 * @param todo schedules
 */
public record Part(
        String scenario,
        String kernel,
        String bounds,
        String shard,
        List<String> figures,
        List<List<String>> found,
        List<String> todo) {
    private static final String FIRST = "worldswitch part 1";

    static Part of(Scenario scenario, String kernel, String bounds, String shard, Explorer.Result r) {
        UnaryOperator<String> oneLine = t -> t.replaceAll("[\\t\\n]", " ");
        List<List<String>> found = new ArrayList<>();
        for (Found f : r.found())
            found.add(List.of(
                    f.property().id(),
                    oneLine.apply(f.what()),
                    new Schedule(scenario.name(), kernel, f.turns()).toString()));
        List<String> todo = new ArrayList<>();
        for (List<Turn> t : r.todo()) todo.add(new Schedule(scenario.name(), kernel, t).toString());
        List<String> figures = List.of("" + r.states(), "" + r.runs(), "" + r.moments(), "" + r.merged());
        return new Part(scenario.name(), kernel, bounds, shard, figures, found, todo);
    }

    /** The file's text. */
    public String text() {
        StringBuilder b = new StringBuilder(FIRST).append('\n');
        line(b, "scenario", scenario);
        line(b, "kernel", kernel);
        line(b, "bounds", bounds);
        line(b, "shard", shard);
        line(b, "figures", String.join("\t", figures));
        for (List<String> f : found) line(b, "found", String.join("\t", f));
        for (String t : todo) line(b, "todo", t);
        return b.toString();
    }

    private static void line(StringBuilder b, String key, String value) {
        b.append(key).append('\t').append(value).append('\n');
    }

    /** @throws IllegalArgumentException when it is no such file, naming it */
    public static Part parse(String name, String text) {
        List<String> lines = text.lines().toList();
        if (lines.isEmpty() || !lines.getFirst().equals(FIRST))
            throw new IllegalArgumentException(name + " is no file of ws explore --save");
        Map<String, String> one = new LinkedHashMap<>();
        List<List<String>> found = new ArrayList<>();
        List<String> todo = new ArrayList<>();
        for (String l : lines.subList(1, lines.size())) {
            String[] f = l.split("\t");
            if (f.length < 2) throw new IllegalArgumentException(name + ": bad line '" + l + "'");
            switch (f[0]) {
                case "found" -> found.add(List.of(f).subList(1, f.length));
                case "todo" -> todo.add(f[1]);
                default -> one.put(f[0], l.substring(f[0].length() + 1));
            }
        }
        for (String key : List.of("scenario", "kernel", "bounds", "shard", "figures"))
            if (!one.containsKey(key)) throw new IllegalArgumentException(name + " lacks its line '" + key + "'");
        return new Part(
                one.getOrDefault("scenario", ""),
                one.getOrDefault("kernel", ""),
                one.getOrDefault("bounds", ""),
                one.getOrDefault("shard", ""),
                List.of(one.getOrDefault("figures", "").split("\t")),
                found,
                todo);
    }

    List<List<Turn>> beginnings() {
        return todo.stream().map(t -> Schedule.parse(t).turns()).toList();
    }

    /** @throws IllegalArgumentException when they are not parts of one exploration */
    public static Verdict merged(List<Part> parts) {
        Part one = parts.getFirst();
        Set<String> shards = new HashSet<>();
        Map<String, Finding> findings = new LinkedHashMap<>();
        long[] figures = new long[4];
        boolean complete = true;
        int all = Integer.parseInt(one.shard.split("/")[1]);
        for (Part p : parts) {
            if (!p.scenario.equals(one.scenario)
                    || !p.kernel.equals(one.kernel)
                    || !p.bounds.equals(one.bounds)
                    || !p.shard.endsWith("/" + all))
                throw new IllegalArgumentException("the files are parts of different explorations: "
                        + one.scenario + " " + one.kernel + ", " + one.bounds + "; " + p.scenario + " " + p.kernel
                        + ", "
                        + p.bounds);
            if (!shards.add(p.shard)) throw new IllegalArgumentException("shard " + p.shard + " is there twice");
            complete &= p.todo.isEmpty();
            for (int i = 0; i < figures.length; i++) figures[i] += Long.parseLong(p.figures.get(i));
            for (List<String> f : p.found)
                if (!findings.containsKey(f.get(0) + f.get(1)))
                    for (Finding shown : Exploration.replay(f.get(2)).findings())
                        findings.put(f.get(0) + f.get(1), shown);
        }
        return new Verdict(
                one.scenario,
                one.kernel,
                one.bounds + ", " + shards.size() + " of " + all + " shards",
                List.copyOf(findings.values()),
                complete && shards.size() == all,
                new Verdict.Figures(figures[0], figures[1], figures[2], figures[3], List.of(), CoverageMap.NONE));
    }
}
