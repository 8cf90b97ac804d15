package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What is explored, as a readable file: machine, kernel, tasks, what VMM and guest do, which events, bounds, properties,
 * the expected verdict. Lines are {@code KEY = VALUE}; a line that starts with a blank goes on with the one before;
 * {@code #} before a blank starts a comment. A scenario never says where an event comes.
 */
public final class Scenario {
    private static final List<String> KEYS = List.of(
            "description",
            "source",
            "workload",
            "machine",
            "kernel",
            "cpus",
            "tasks",
            "events",
            "bound.events",
            "bound.switches",
            "properties");

    /** CPUs where a scenario says nothing; most CPUs and tasks. */
    private static final int CPUS = 2, TASKS_LEAST = 2, EVENTS = 2, MOST = 8;
    /** Tasks where a scenario says nothing, and what a task does of which it says nothing. */
    private static final String TASKS = "vmm, other", OTHER_DOES = "own-registers, null-call";

    /**
     * One host task.
     *
     * @param does what its user code and its calls are, in order
     * @param guest what its vCPU's guest executes; empty when it has none
     * @param code the same as real instructions, on architectures whose guests are scripts otherwise
     */
    public record TaskText(String name, List<String> does, List<String> guest, List<String> code) {}

    /**
     * A verdict that is expected of a kernel.
     *
     * @param changes {@code --kernel NAME --without a --with b}, any of them or nothing
     * @param verdict {@code clean}, or {@code finds} and the properties that fail
     */
    public record Expectation(String changes, String verdict) {
        /** Ids of the properties that fail, in order; empty for clean. */
        public List<String> finds() {
            if (verdict.equals("clean")) return List.of();
            return Stream.of(verdict.replaceFirst("^finds ", "").split(", "))
                    .sorted()
                    .toList();
        }
    }

    private static final char ON_MACHINE = '%';

    private final String name;
    private final Map<String, String> lines;

    private final @Nullable Recorded recorded;

    private Scenario(String name, Map<String, String> lines) {
        this(name, lines, null);
    }

    private Scenario(String name, Map<String, String> lines, @Nullable Recorded recorded) {
        this.name = name;
        this.lines = lines;
        this.recorded = recorded;
    }

    /**
     * A recorded client in place of a VMM by text: the usual events, one of them at a time.
     *
     * @param name with {@code @} and the number of the window's first call behind it, or a part's first and last calls with
     *     a dash between; without: the last window
     */
    public static Scenario of(String name, Recording r) {
        r.checkRepeatable(name);
        Recording.Window window = r.windows().getLast();
        int at = name.lastIndexOf('@');
        if (at >= 0 && name.substring(at).matches(WINDOW)) window = window(name, name.substring(at + 1), r);
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put("description", "recording of " + r.client());
        lines.put("machine", r.machine());
        lines.put("kernel", r.kernel());
        lines.put("cpus", String.valueOf(r.cpus()));
        lines.put("tasks", "client");
        lines.put("client.does", "calls");
        lines.put("events", "interrupt, preempt, kick, signal");
        lines.put("bound.events", "1");
        return new Scenario(name, lines, new Recorded(r, window));
    }

    private static Recording.Window window(String name, String where, Recording r) {
        String[] ends = where.split("-");
        int from = Integer.parseInt(ends[0]);
        if (ends.length == 1)
            return r.windows().stream()
                    .filter(w -> w.from() == from)
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(name + ": no window begins at call " + from));
        int to = Integer.parseInt(ends[1]) + 1;
        return r.windows().stream()
                .filter(w -> w.from() <= from && from < to && to <= w.to())
                .findFirst()
                .map(w -> new Recording.Window(from, to))
                .orElseThrow(() -> new IllegalArgumentException(name + ": these calls are not within one window of "
                        + r.windows().stream()
                                .map(w -> w.from() + "-" + (w.to() - 1))
                                .collect(Collectors.joining(", "))));
    }

    /** What may be behind the name of a recording's file. */
    private static final String WINDOW = "@\\d{1,9}(-\\d{1,9})?";

    /** Is this a window of a recording, by the name of it, and not the whole? */
    public static boolean namesWindow(String name) {
        return name.matches(".*" + WINDOW);
    }

    /** The file of a scenario, or of a recording of which this may name a window. */
    public static String fileOf(String name) {
        return name.replaceFirst(WINDOW + "$", "");
    }

    /** A recorded client and which of its calls are explored. */
    public record Recorded(Recording recording, Recording.Window window) {}

    /** The recorded client, where this is one. */
    public @Nullable Recorded recorded() {
        return recorded;
    }

    /** Names of the built-in scenarios. */
    public static List<String> names() {
        return resource("index").lines().filter(l -> !l.isBlank()).toList();
    }

    /** The same on another machine; its name says so, as {@code xfd%skylake-server}, so that its schedules do. */
    public Scenario on(String machine) {
        if (recorded != null)
            throw new IllegalArgumentException(
                    name + " is a recording: it is of " + machine() + " and of no other machine");
        String arch = MachineProfile.builtIn(machine).arch(),
                of = MachineProfile.builtIn(machine()).arch();
        if (!arch.equals(of))
            throw new IllegalArgumentException(
                    name + " is a scenario of " + of + " machines, " + machine + " is one of " + arch);
        Map<String, String> changed = new LinkedHashMap<>(lines);
        changed.put("machine", machine);
        return new Scenario(name + ON_MACHINE + machine, changed);
    }

    /**
     * A recording by its path; a built-in scenario by its name, or a file by its path: one with a slash or ending in
     * {@code .scenario}. With {@code ,cpus=N} or {@code ,tasks=N} after it: on other CPUs, with other tasks; with
     * {@code ,also=EVENT}: that may happen too; behind a percent sign another machine.
     */
    public static Scenario of(String nameOrPath) {
        int machine = nameOrPath.lastIndexOf(ON_MACHINE);
        if (machine > 0) return of(nameOrPath.substring(0, machine)).on(nameOrPath.substring(machine + 1));
        int at = nameOrPath.lastIndexOf(',');
        if (at < 0 || !nameOrPath.substring(at + 1).matches("(cpus|tasks)=\\d{1,2}|also=[a-z-]+"))
            return named(nameOrPath);
        String[] change = nameOrPath.substring(at + 1).split("=");
        Scenario s = of(nameOrPath.substring(0, at));
        return change[0].equals("also") ? s.also(change[1]) : s.changed(change[0], Integer.parseInt(change[1]));
    }

    /** The same where this may happen too. */
    public Scenario also(String event) {
        if (events().contains(Event.of(event))) return this;
        Map<String, String> other = new LinkedHashMap<>(lines);
        other.merge("events", event, (a, b) -> a + ", " + b);
        return new Scenario(name + ",also=" + event, other, recorded);
    }

    /**
     * The same at the default bounds at least: two CPUs, two tasks that move between them, two events; bounds of its own that
     * are wider stay.
     */
    public Scenario atDefaultBounds() {
        Scenario s = this;
        if (s.cpus() < CPUS) s = s.changed("cpus", CPUS);
        if (s.taskNames().size() < TASKS_LEAST) s = s.changed("tasks", TASKS_LEAST);
        s = s.also(Event.PREEMPT.id);
        Map<String, String> other = new LinkedHashMap<>(s.lines);
        other.put("bound.events", String.valueOf(Math.max(EVENTS, s.bounds().events())));
        return new Scenario(s.name, other);
    }

    /** The same on {@code n} CPUs, or with {@code n} tasks: the first ones, and others that use registers of their own. */
    public Scenario changed(String what, int n) {
        if (recorded != null) throw new IllegalArgumentException(name + ": a recording has its own CPUs and task");
        within(what, n);
        Map<String, String> other = new LinkedHashMap<>(lines);
        if (what.equals("cpus")) other.put(what, String.valueOf(n));
        else {
            List<String> tasks = new ArrayList<>(taskNames());
            for (int i = 1; tasks.size() < n; i++) if (!tasks.contains("other" + i)) tasks.add("other" + i);
            other.put(what, String.join(", ", tasks.subList(0, n)));
            for (String gone : tasks.subList(n, tasks.size()))
                other.keySet().removeIf(line -> line.startsWith(gone + "."));
        }
        Scenario s = new Scenario(name + "," + what + "=" + n, other);
        s.check();
        return s;
    }

    private static Scenario named(String nameOrPath) {
        String path = fileOf(nameOrPath);
        if (RecordingFile.is(Path.of(path))) return of(nameOrPath, RecordingFile.read(Path.of(path)));
        if (!nameOrPath.contains("/") && !nameOrPath.endsWith(".scenario")) return builtIn(nameOrPath);
        try {
            return parse(nameOrPath, Files.readString(Path.of(nameOrPath)));
        } catch (IOException e) {
            throw FileError.of("can't read scenario", Path.of(nameOrPath), e);
        }
    }

    /** @throws IllegalArgumentException when there is no such scenario; names those there are */
    public static Scenario builtIn(String name) {
        if (!names().contains(name))
            throw new IllegalArgumentException("no scenario '" + name + "'; known: " + String.join(", ", names()));
        return parse(name, resource(name + ".scenario"));
    }

    /** @throws IllegalArgumentException naming the scenario and the line at fault */
    public static Scenario parse(String name, String text) {
        Map<String, String> lines = new LinkedHashMap<>();
        @Nullable String last = null;
        int number = 0;
        for (String raw : text.lines().toList()) {
            number++;
            String line = raw.replaceFirst("(^|\\s)#(\\s.*|$)", "");
            if (line.isBlank()) continue;
            String key = last;
            if (Character.isWhitespace(line.charAt(0)) && key != null) {
                lines.merge(key, line.strip(), (a, b) -> a + " " + b);
                continue;
            }
            int eq = line.indexOf(" = ");
            if (eq <= 0)
                throw new IllegalArgumentException("scenario " + name + ", line " + number + ": no ' = ': " + raw);
            last = line.substring(0, eq).strip();
            if (lines.put(last, line.substring(eq + 3).strip()) != null)
                throw new IllegalArgumentException(
                        "scenario " + name + ", line " + number + ": a second '" + last + "'");
        }
        Scenario s = new Scenario(name, inherited(name, lines));
        s.check();
        return s;
    }

    private void within(String what, int n) {
        if (n < 1 || n > MOST)
            throw new IllegalArgumentException(
                    "scenario " + name + ": " + what + ": " + n + " is not within 1 and " + MOST);
    }

    /** With the lines of its workload where it has none of its own; what is expected of it, it says itself. */
    private static Map<String, String> inherited(String name, Map<String, String> own) {
        String workload = own.get("workload");
        if (workload == null) return own;
        Scenario of = builtIn(workload);
        if (of.lines.containsKey("workload"))
            throw new IllegalArgumentException("scenario " + name + ": '" + workload + "' is no workload, it is one of "
                    + of.lines.get("workload"));
        Map<String, String> all = new LinkedHashMap<>(own);
        List<String> tasks = list(own.getOrDefault("tasks", of.lines.getOrDefault("tasks", TASKS)));
        of.lines.forEach((key, value) -> {
            int dot = key.indexOf('.');
            boolean taskThatIsNot = dot > 0 && !key.startsWith("bound.") && !tasks.contains(key.substring(0, dot));
            boolean otherBounds = key.startsWith("bound.") && own.containsKey("events");
            boolean otherGuest = key.endsWith(".guest") && own.containsKey(key.replace(".guest", ".code"));
            if (!key.startsWith("expect") && !key.equals("source") && !taskThatIsNot && !otherBounds && !otherGuest)
                all.putIfAbsent(key, value);
        });
        return all;
    }

    /** The workload that this is a form of: its own name, where its file names no other. */
    public String workload() {
        return lines.getOrDefault("workload", name);
    }

    private void check() {
        description();
        machine();
        events();
        bounds();
        for (Property p : properties()) p.id();
        List<String> tasks = taskNames();
        within("cpus", cpus());
        within("tasks", tasks.size());
        for (String t : tasks)
            if (!t.matches("[a-z0-9-]+"))
                throw new IllegalArgumentException("scenario " + name + ": '" + t
                        + "' is no name of a task: small letters, digits and hyphens make one");
        for (Expectation e : expectations()) {
            kernelFor(e);
            for (String id : e.finds()) property(id);
        }
        for (String t : tasks) comesByPreemption(t);
        for (String key : lines.keySet()) {
            boolean task = tasks.stream()
                    .anyMatch(t -> key.equals(t + ".does")
                            || key.equals(t + ".guest")
                            || key.equals(t + ".code")
                            || key.equals(t + ".vm")
                            || key.equals(t + ".comes")
                            || key.equals(t + ".sve-max-vq"));
            if (!task && !KEYS.contains(key) && !key.startsWith("expect") && !key.startsWith("bound."))
                throw new IllegalArgumentException("scenario " + name + ": unknown line '" + key + "'");
        }
        tasks();
    }

    public String name() {
        return name;
    }

    public String description() {
        return text("description");
    }

    /** The source whose demands it shows, as {@code spec/1}; empty for none. */
    public String source() {
        return lines.getOrDefault("source", "");
    }

    public String machine() {
        return text("machine");
    }

    /** Name of the kernel when nobody asks for another. */
    public @Nullable String kernel() {
        return lines.get("kernel");
    }

    public int cpus() {
        return number("cpus", CPUS);
    }

    private List<String> taskNames() {
        return list(lines.getOrDefault("tasks", TASKS));
    }

    public List<TaskText> tasks() {
        List<TaskText> all = new ArrayList<>();
        for (String t : taskNames())
            all.add(new TaskText(
                    t,
                    list(t.equals("vmm") ? text(t + ".does") : lines.getOrDefault(t + ".does", OTHER_DOES)),
                    list(lines.getOrDefault(t + ".guest", "")),
                    list(lines.getOrDefault(t + ".code", ""))));
        return List.copyOf(all);
    }

    /** Line {@code TASK.comes = by preemption}: a CPU that another has just begun with is not its, and nobody preempts it. */
    boolean comesByPreemption(String task) {
        String how = lines.getOrDefault(task + ".comes", "");
        if (!how.isEmpty() && !how.equals("by preemption"))
            throw new IllegalArgumentException(
                    "scenario " + name + ": a task comes 'by preemption' or as it likes, not '" + how + "'");
        return !how.isEmpty();
    }

    Set<Event> events() {
        Set<Event> all = EnumSet.noneOf(Event.class);
        for (String e : list(text("events"))) all.add(Event.of(e));
        return all;
    }

    /** What may happen, by the name that scenarios use. */
    public static Map<String, String> eventNames() {
        Map<String, String> all = new LinkedHashMap<>();
        for (Event e : Event.values()) all.put(e.id, e.text);
        return all;
    }

    public Bounds bounds() {
        Bounds b = new Bounds(number("bound.events", EVENTS), number("bound.switches", 0), 0);
        for (String key : lines.keySet())
            if (key.startsWith("bound.") && !KEYS.contains(key))
                b = b.with(key.substring("bound.".length()), number(key, 0));
        return b;
    }

    /** Properties that are looked at: all, or those named. */
    public List<Property> properties() {
        String which = lines.getOrDefault("properties", "all");
        if (which.equals("all")) return Property.all();
        List<Property> some = new ArrayList<>();
        for (String id : list(which)) some.add(property(id));
        return some;
    }

    private Property property(String id) {
        return Property.all().stream()
                .filter(p -> p.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("scenario " + name + ": no property '" + id + "'"));
    }

    /** What the scenario says must come out, for the kernel as it is and for changed ones. */
    public List<Expectation> expectations() {
        List<Expectation> all = new ArrayList<>();
        lines.forEach((k, v) -> {
            if (k.startsWith("expect"))
                all.add(new Expectation(k.substring("expect".length()).strip(), v));
        });
        return List.copyOf(all);
    }

    /** The kernel that an expectation is about. */
    public KernelVersion kernelFor(Expectation e) {
        List<Patch> without = new ArrayList<>(), with = new ArrayList<>();
        String name = lines.getOrDefault("kernel", KernelVersion.DEFAULT);
        String[] word = e.changes().isEmpty() ? new String[0] : e.changes().split(" +");
        for (int i = 0; i + 1 < word.length; i += 2)
            switch (word[i]) {
                case "--kernel" -> name = word[i + 1];
                case "--without" -> without.add(Patch.of(word[i + 1]));
                case "--with" -> with.add(Patch.of(word[i + 1]));
                default -> throw new IllegalArgumentException("scenario " + this.name + ": expect " + word[i]);
            }
        if (word.length % 2 != 0)
            throw new IllegalArgumentException("scenario " + this.name + ": expect " + e.changes());
        return KernelVersion.of(name).changed(without, with);
    }

    /** A number that only some architectures know, as {@code vmm.sve-max-vq}. */
    public int option(String key, int otherwise) {
        return number(key, otherwise);
    }

    /** A line that only some architectures know, as {@code other.vm}. */
    public String optionText(String key, String otherwise) {
        return lines.getOrDefault(key, otherwise);
    }

    private String text(String key) {
        String v = lines.get(key);
        if (v == null) throw new IllegalArgumentException("scenario " + name + " lacks the line '" + key + "'");
        return v;
    }

    /**
     * The number that a step, or a guest's operation, takes.
     *
     * @param word the step's words, its name first
     */
    public static long operand(String... word) {
        try {
            if (word.length == 2) return Long.decode(word[1]);
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new IllegalArgumentException(
                "'" + word[0] + "' takes one number, as '" + word[0] + " 1'; not '" + String.join(" ", word) + "'");
    }

    private int number(String key, int otherwise) {
        String v = lines.get(key);
        if (v == null) return otherwise;
        if (!v.matches("\\d{1,4}"))
            throw new IllegalArgumentException("scenario " + name + ": '" + key + "' is not a number: " + v);
        return Integer.parseInt(v);
    }

    /** {@code none} where a workload's line shall not be. */
    private static List<String> list(String text) {
        if (text.equals("none")) return List.of();
        return Stream.of(text.split(","))
                .map(String::strip)
                .filter(t -> !t.isEmpty())
                .toList();
    }

    private static String resource(String file) {
        try (InputStream in = Scenario.class.getResourceAsStream("/scenarios/" + file)) {
            if (in == null) throw new IllegalStateException("resource scenarios/" + file + " is missing");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
