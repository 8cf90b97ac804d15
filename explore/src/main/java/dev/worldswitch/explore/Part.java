package dev.worldswitch.explore;

import dev.worldswitch.explore.Explorer.Found;
import dev.worldswitch.explore.Schedule.Turn;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;

/**
 * An exploration's result so far, as a text file: of one shard, or one that was ended early, with the beginnings of
 * schedules that are still to do. {@code ws merge} adds such files up, {@code ws explore --resume} goes on with one.
 *
 * @param shard which of how many, as {@code 1/4}
 * @param figures all that was done so far, also before it was taken up again
 * @param found property, what, schedule
 * @param todo schedules
 */
public record Part(
        String scenario,
        String kernel,
        String bounds,
        String shard,
        Verdict.Figures figures,
        List<List<String>> found,
        List<String> todo) {
    private static final String FIRST = "worldswitch part 3";

    /** The last line: a file that was cut off would else look as if less were left to do. */
    private static final String END = "end\t";

    static Part of(
            Scenario scenario,
            String kernel,
            String bounds,
            String shard,
            Verdict.Figures figures,
            Collection<Found> all,
            List<List<Turn>> beginnings) {
        UnaryOperator<String> oneLine = t -> t.replaceAll("[\\t\\n]", " ");
        List<List<String>> found = new ArrayList<>();
        for (Found f : all)
            found.add(List.of(
                    f.property().id(),
                    oneLine.apply(f.what()),
                    new Schedule(scenario.name(), kernel, f.turns()).toString()));
        List<String> todo = new ArrayList<>();
        for (List<Turn> t : beginnings) todo.add(new Schedule(scenario.name(), kernel, t).toString());
        return new Part(scenario.name(), kernel, bounds, shard, figures, found, todo);
    }

    /** The file's text. */
    public String text() {
        StringBuilder b = new StringBuilder(FIRST).append('\n');
        line(b, "scenario", scenario);
        line(b, "kernel", kernel);
        line(b, "bounds", bounds);
        line(b, "shard", shard);
        line(b, "figures", figures.states() + "\t" + figures.runs() + "\t" + figures.steps() + "\t" + figures.merged());
        CoverageMap c = figures.coverage();
        line(b, "architecture", c.architecture());
        for (String step : c.steps()) line(b, "step", step);
        c.events().forEach((event, of) -> {
            line(b, "event", event);
            for (String step : of.tried()) line(b, "tried", event + "\t" + step);
            for (String step : of.not()) line(b, "not", event + "\t" + step);
        });
        for (String call : c.calls()) line(b, "call", call);
        for (List<String> f : found) line(b, "found", String.join("\t", f));
        for (String t : todo) line(b, "todo", t);
        return whole(b.toString());
    }

    /** The lines with the one that tells that they are all there. */
    static String whole(String lines) {
        return lines + END + checksum(lines) + '\n';
    }

    private static String checksum(String lines) {
        CRC32C crc = new CRC32C();
        crc.update(lines.getBytes(StandardCharsets.UTF_8));
        return String.format("%08x", crc.getValue());
    }

    private static void line(StringBuilder b, String key, String value) {
        b.append(key).append('\t').append(value).append('\n');
    }

    /** @throws IllegalArgumentException when it is no such file, naming it */
    public static Part parse(String name, String text) {
        if (!text.startsWith(FIRST + "\n"))
            throw new IllegalArgumentException(name + " is no file of ws explore --save"
                    + (text.startsWith("worldswitch part ") ? " of this version; it reads '" + FIRST + "'" : ""));
        int end = text.lastIndexOf("\n" + END) + 1;
        if (end == 0 || !text.endsWith("\n")) throw new IllegalArgumentException(name + " is cut off");
        if (!text.equals(whole(text.substring(0, end))))
            throw new IllegalArgumentException(name + " is damaged: its checksum is another");
        List<String> lines = text.substring(0, end).lines().toList();
        Map<String, String> one = new LinkedHashMap<>();
        List<List<String>> found = new ArrayList<>();
        List<String> todo = new ArrayList<>(), steps = new ArrayList<>(), calls = new ArrayList<>();
        Map<String, CoverageMap.OfEvent> events = new TreeMap<>();
        for (String l : lines.subList(1, lines.size())) {
            String[] f = l.split("\t");
            if (f.length < 2) throw bad(name, l);
            switch (f[0]) {
                case "found" -> {
                    if (f.length != 4) throw bad(name, l);
                    schedule(name, f[3]);
                    found.add(List.of(f).subList(1, f.length));
                }
                case "todo" -> todo.add(schedule(name, f[1]));
                case "step" -> steps.add(f[1]);
                case "call" -> calls.add(f[1]);
                case "event" -> events.put(f[1], new CoverageMap.OfEvent(new ArrayList<>(), new ArrayList<>()));
                case "tried", "not" -> {
                    CoverageMap.OfEvent of = events.get(f[1]);
                    if (of == null || f.length != 3) throw bad(name, l);
                    (f[0].equals("tried") ? of.tried() : of.not()).add(f[2]);
                }
                default -> one.put(f[0], l.substring(f[0].length() + 1));
            }
        }
        for (String key : List.of("scenario", "kernel", "bounds", "shard", "figures", "architecture"))
            if (!one.containsKey(key)) throw new IllegalArgumentException(name + " lacks its line '" + key + "'");
        if (!one.getOrDefault("shard", "").matches("\\d{1,6}/\\d{1,6}"))
            throw new IllegalArgumentException(name + ": bad shard '" + one.get("shard") + "'");
        return new Part(
                one.getOrDefault("scenario", ""),
                one.getOrDefault("kernel", ""),
                one.getOrDefault("bounds", ""),
                one.getOrDefault("shard", ""),
                figures(
                        name,
                        one.getOrDefault("figures", ""),
                        new CoverageMap(one.getOrDefault("architecture", ""), steps, events, calls)),
                found,
                todo);
    }

    private static IllegalArgumentException bad(String name, String line) {
        return new IllegalArgumentException(
                name + ": bad line '" + (line.length() > 60 ? line.substring(0, 60) + "..." : line) + "'");
    }

    private static String schedule(String name, String text) {
        try {
            Schedule.parse(text);
            return text;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(name + ": " + e.getMessage(), e);
        }
    }

    private static Verdict.Figures figures(String name, String line, CoverageMap coverage) {
        if (!line.matches("\\d{1,18}(\t\\d{1,18}){3}"))
            throw new IllegalArgumentException(name + ": bad figures '" + line + "'");
        String[] n = line.split("\t");
        return new Verdict.Figures(
                Long.parseLong(n[0]),
                Long.parseLong(n[1]),
                Long.parseLong(n[2]),
                Long.parseLong(n[3]),
                List.of(),
                coverage);
    }

    List<List<Turn>> beginnings() {
        return todo.stream().map(t -> Schedule.parse(t).turns()).toList();
    }

    /** @throws IllegalArgumentException when they are not parts of one exploration */
    public static Verdict merged(List<Part> parts) {
        Part one = parts.getFirst();
        Set<String> shards = new HashSet<>();
        Map<String, Finding> findings = new LinkedHashMap<>();
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
                Verdict.Figures.sum(parts.stream().map(Part::figures).toList()));
    }
}
