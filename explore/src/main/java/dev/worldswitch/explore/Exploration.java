package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.machine.MachineProfile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** An exploration or a replay, for the command line and for tests. */
public final class Exploration {
    private static final Property AUDIT = new Property(
            "audit", "equal states go on equally: no state is outside the cells", "the design of the explorer");
    private final Scenario scenario;
    private final KernelVersion kernel;
    private final Bounds bounds;
    private final boolean audit;
    private final Effort effort;

    private Exploration(Scenario scenario, KernelVersion kernel, Bounds bounds, boolean audit, Effort effort) {
        this.scenario = scenario;
        this.kernel = kernel;
        this.bounds = bounds;
        this.audit = audit;
        this.effort = effort;
    }

    /** Within the scenario's own bounds. */
    public static Exploration of(Scenario scenario, KernelVersion kernel) {
        return new Exploration(scenario, kernel, scenario.bounds(), false, Effort.USUAL);
    }

    public Exploration within(Bounds other) {
        return new Exploration(scenario, kernel, other, audit, effort);
    }

    /** Goes on at repeated states too, and compares. */
    public Exploration audited() {
        return new Exploration(scenario, kernel, bounds, true, effort);
    }

    public Exploration with(Effort other) {
        return new Exploration(scenario, kernel, bounds, audit, other);
    }

    private Explorer host() {
        Explorer e = Explorer.of(scenario, kernel);
        if (audit) e.audited();
        if (effort.first()) e.first();
        return effort.reduce() ? e : e.everywhere();
    }

    /** A verdict, and what {@code --save} writes. */
    public record Outcome(Verdict verdict, Part part) {}

    /** @param progress told the number of states now and then */
    public Verdict run(LongConsumer progress) {
        return run(null, p -> progress.accept(p.states())).verdict();
    }

    /** How far an exploration is: states, runs, beginnings of runs that wait, how many of them with fewer events first. */
    public record Progress(long states, long runs, long waiting) {
        Progress plus(Progress o) {
            return new Progress(states + o.states, runs + o.runs, waiting + o.waiting);
        }
    }

    /** Several at once, {@code workers} in all: one on each costs less than several on one. */
    public static List<Verdict> all(List<Exploration> each, int workers, Consumer<Progress> progress) {
        Progress[] done = new Progress[each.size()];
        Arrays.fill(done, new Progress(0, 0, 0));
        List<Callable<Verdict>> tasks = new ArrayList<>();
        for (int i = 0; i < done.length; i++) {
            int number = i;
            Exploration e = each.get(i);
            Exploration its = e.with(e.effort.withJobs(Math.max(1, workers / done.length)));
            tasks.add(() -> its.run(null, p -> {
                        synchronized (done) {
                            done[number] = p;
                            progress.accept(
                                    Stream.of(done).reduce(Progress::plus).orElse(p));
                        }
                    })
                    .verdict());
        }
        return Crew.atOnce(Math.min(workers, done.length), tasks);
    }

    /** @param from an exploration that was ended early, to go on with; null for one from the start */
    public Outcome run(@Nullable Part from, Consumer<Progress> progress) {
        Consumer<Explorer.Progress> told = p -> progress.accept(new Progress(p.states(), p.runs(), p.waiting()));
        Crew crew = new Crew(this::host, audit ? 1 : effort.jobs(), effort.stop(), told);
        List<List<Schedule.Turn>> prefixes = from == null ? List.of(List.of()) : from.beginnings();
        if (from != null
                && !(from.scenario().equals(scenario.name())
                        && from.kernel().equals(kernelText(kernel))
                        && from.bounds().equals(boundsText())))
            throw new IllegalArgumentException("the file is of another exploration: " + from.scenario() + " on kernel "
                    + from.kernel() + ", " + from.bounds());
        Explorer.Result r = from == null && effort.shards() > 1 ? shard(crew) : crew.explore(bounds, prefixes);
        Map<String, Explorer.Found> found = new LinkedHashMap<>();
        if (from != null)
            for (List<String> f : from.found()) {
                Schedule s = Schedule.parse(f.get(2));
                Explorer.Found again = replay(scenario, kernel, s).found;
                if (again != null) found.put(again.id(), again);
            }
        for (Explorer.Found f : r.found())
            found.merge(f.id(), f, (a, b) -> Explorer.Found.SIMPLER.compare(b, a) < 0 ? b : a);
        if (effort.jobs() > 1 && !audit && !effort.stop().getAsBoolean()) found.replaceAll((id, f) -> simplest(f));
        List<Finding> findings = new ArrayList<>();
        for (Explorer.Found f : found.values())
            if (scenario.properties().contains(f.property()))
                findings.add(finding(f, new Schedule(scenario.name(), kernelText(kernel), f.turns())));
        findings.sort(Comparator.comparing(f -> f.property().id() + f.what()));
        if (r.audit() != null) {
            Schedule none = new Schedule(scenario.name(), kernelText(kernel), List.of());
            findings.add(new Finding(AUDIT, r.audit(), List.of(), none, "", List.of(), TimelineStep.Beginning.NONE));
        }
        Verdict.Figures done = new Verdict.Figures(r.states(), r.runs(), r.moments(), r.merged(), notes(), coverage(r));
        if (from != null) done = Verdict.Figures.sum(List.of(from.figures(), done));
        String shard = from == null ? effort.shard() + "/" + effort.shards() : from.shard();
        boolean whole = r.complete() && shard.equals("1/1");
        Verdict v = new Verdict(scenario.name(), kernelText(kernel), boundsText(), findings, whole, done);
        return new Outcome(
                v, Part.of(scenario, kernelText(kernel), boundsText(), shard, done, found.values(), r.todo()));
    }

    /** The first levels are everybody's; of the work that waits then, each shard has its own. */
    private Explorer.Result shard(Crew crew) {
        Explorer first = host().until(effort.stop()).untilWaiting(16 * effort.shards());
        Explorer.Result begun = first.explore(bounds, p -> {});
        if (begun.complete()) return begun;
        List<List<Schedule.Turn>> mine = new ArrayList<>();
        for (int i = 0; i < begun.todo().size(); i++)
            if (i % effort.shards() == effort.shard() - 1) mine.add(begun.todo().get(i));
        return Crew.sum(begun, List.of(crew.explore(bounds, mine)));
    }

    /** The same finding with fewest events, then fewest steps: one worker's, so that it does not depend on how many there were. */
    private Explorer.Found simplest(Explorer.Found f) {
        int events = (int) f.turns().stream().filter(t -> t.choice().isEvent()).count();
        int switches =
                (int) f.turns().stream().filter(t -> t.choice().isSwitch()).count();
        Bounds enough = bounds.withEvents(events).withSwitches(switches).withStates(0);
        for (Explorer.Found g : host().until(effort.stop())
                .untilFound(f.id())
                .explore(enough, p -> {})
                .found()) if (g.id().equals(f.id())) return g;
        return f;
    }

    /** As {@link #run}, by runs that a die decides. */
    public Verdict random(long times, long seed) {
        List<Finding> findings = new ArrayList<>();
        for (Explorer.Found f : new RandomRuns(host(), bounds).run(times, seed, effort.stop()))
            findings.add(finding(f, new Schedule(scenario.name(), kernelText(kernel), f.turns())));
        return new Verdict(
                scenario.name(),
                kernelText(kernel),
                boundsText() + ", " + times + " random runs, seed " + seed,
                findings,
                false,
                new Verdict.Figures(0, times, 0, 0, List.of(), CoverageMap.NONE));
    }

    /** The same failure by fewest events, then fewest steps. */
    public static Verdict shrink(String text) {
        Schedule schedule = Schedule.parse(text);
        Scenario s = Scenario.of(schedule.scenario());
        Exploration e = of(s, kernelOf(schedule.kernel()));
        Explorer.Found f = replay(s, e.kernel, schedule).found;
        if (f == null) throw new IllegalArgumentException("nothing goes wrong in this schedule");
        Explorer.Found least = e.simplest(f);
        Schedule shrunk = new Schedule(s.name(), kernelText(e.kernel), least.turns());
        return new Verdict(
                s.name(),
                schedule.kernel(),
                "as simple as can be",
                List.of(e.finding(least, shrunk)),
                true,
                new Verdict.Figures(1, 1, 0, 0, List.of(), CoverageMap.NONE));
    }

    private Finding finding(Explorer.Found f, Schedule schedule) {
        Replayed again = replay(scenario, kernel, schedule);
        List<String> also = f.also().stream()
                .map(v -> "not so: " + v.property().says() + "; " + v.what())
                .toList();
        return new Finding(f.property(), f.what(), also, schedule, again.timeline, again.steps, again.beginning);
    }

    private String boundsText() {
        List<String> events = scenario.events().stream().map(e -> e.id).toList();
        return scenario.cpus() + (scenario.cpus() == 1 ? " CPU, " : " CPUs, ")
                + scenario.tasks().size() + (scenario.tasks().size() == 1 ? " task, " : " tasks, ") + bounds + " ("
                + String.join(", ", events) + "), preempt="
                + kernel.preempt().name().toLowerCase(Locale.ROOT) + (audit ? ", audited" : "") + recordedText();
    }

    /** What exploring a recording leaves out. */
    private String recordedText() {
        Scenario.Recorded r = scenario.recorded();
        return r == null
                ? ""
                : ", calls " + r.window().from() + " to " + (r.window().to() - 1) + " of "
                        + r.recording().calls().size() + " (before them nothing happens)";
    }

    private List<String> notes() {
        if (scenario.recorded() == null) return List.of();
        return architecture().mayDiffer().stream()
                .map(rule -> "no difference to the recording: " + rule)
                .toList();
    }

    private Architecture architecture() {
        return Architecture.of(MachineProfile.builtIn(scenario.machine()));
    }

    private CoverageMap coverage(Explorer.Result r) {
        return r.coverage().map(architecture().name(), scenario.events(), r.neverBegun());
    }

    private record Replayed(
            Explorer.@Nullable Found found,
            String timeline,
            List<TimelineStep> steps,
            TimelineStep.Beginning beginning) {}

    private static Replayed replay(Scenario s, KernelVersion kernel, Schedule schedule) {
        Search search = Explorer.of(s, kernel).search;
        Timeline timeline = new Timeline(search);
        search.subject().tell(timeline::guest);
        Explorer.Found f = new Replayer(search, schedule.turns(), timeline).run();
        return new Replayed(f, timeline.text(), timeline.steps(), timeline.beginning());
    }

    /** Repeats a schedule and gives its steps in Chrome's trace format, which Perfetto reads. */
    public static String perfetto(String text) {
        Schedule schedule = Schedule.parse(text);
        Search search = Explorer.of(Scenario.of(schedule.scenario()), kernelOf(schedule.kernel())).search;
        Timeline timeline = new Timeline(search);
        search.subject().tell(timeline::guest);
        new Replayer(search, schedule.turns(), timeline).run();
        return timeline.trace().json();
    }

    /** Repeats a schedule and gives its steps as the text of the kernel's tracing/trace file. */
    public static String ftrace(String text) {
        Schedule schedule = Schedule.parse(text);
        Search search = Explorer.of(Scenario.of(schedule.scenario()), kernelOf(schedule.kernel())).search;
        Timeline timeline = new Timeline(search);
        FtraceOfTimeline trace = new FtraceOfTimeline(timeline);
        search.subject().trace(trace);
        new Replayer(search, schedule.turns(), timeline).run();
        return trace.text();
    }

    /** All that happens in a schedule, and how it began. */
    record Timing(List<TimelineStep> steps, TimelineStep.Beginning beginning) {}

    /** Repeats a schedule of a scenario and gives its timeline. */
    static Timing timing(Scenario s, String text) {
        Schedule schedule = Schedule.parse(text);
        Replayed r = replay(s, kernelOf(schedule.kernel()), schedule);
        return new Timing(r.steps, r.beginning);
    }

    /** Repeats a schedule: a verdict with one finding, or none when nothing goes wrong. */
    public static Verdict replay(String text) {
        return replay(Scenario.of(Schedule.parse(text).scenario()), text);
    }

    /** As {@link #replay(String)}, of a scenario that the caller has found by the schedule's name. */
    public static Verdict replay(Scenario s, String text) {
        Schedule schedule = Schedule.parse(text);
        Exploration e = of(s, kernelOf(schedule.kernel()));
        Replayed r = replay(s, e.kernel, schedule);
        Explorer.Found f = r.found;
        List<Finding> findings = f == null ? List.of() : List.of(e.finding(f, schedule));
        return new Verdict(
                s.name(),
                schedule.kernel(),
                "this one schedule",
                findings,
                true,
                new Verdict.Figures(1, 1, 0, 0, List.of(), CoverageMap.NONE));
    }

    /** Does a recording's calls again without events: null, or the first that is answered otherwise. */
    public static @Nullable String repeat(String file) {
        return repeat(file, null);
    }

    /** The same, its guests under a debugger. */
    public static @Nullable String repeat(String file, @Nullable Debugger debugger) {
        Scenario s = Scenario.of(file);
        KernelVersion kernel = kernelOf(String.valueOf(s.kernel()));
        Explorer.Found f = new Replayer(Explorer.debugged(s, kernel, debugger).search, List.of(), null).run();
        return f == null ? null : f.what();
    }

    /**
     * Repeats a schedule, its guests under a debugger: null, or what goes wrong.
     *
     * @param steps is told how to ask for a picture of the latest steps
     */
    public static @Nullable String debug(String text, Debugger debugger, Consumer<Supplier<String>> steps) {
        Schedule schedule = Schedule.parse(text);
        Search search =
                Explorer.debugged(Scenario.of(schedule.scenario()), kernelOf(schedule.kernel()), debugger).search;
        Timeline timeline = new Timeline(search);
        search.subject().tell(timeline::guest);
        steps.accept(timeline::latest);
        Explorer.Found f = new Replayer(search, schedule.turns(), timeline).run();
        return f == null ? null : f.id();
    }

    /** What the scenario's VMM asks in a run without any event, and the steps in answer. One task only. */
    public Session session() {
        if (scenario.tasks().size() != 1) throw new IllegalArgumentException("a session has one task");
        Session session = new Session();
        new Replayer(Explorer.recorded(scenario, kernel, session).search, List.of(), null).run();
        return session;
    }

    /** A kernel in a schedule: its name, then each difference, as {@code 6.12-clear-xstate-bv-on-xfd/none}. */
    static String kernelText(KernelVersion k) {
        StringBuilder b = new StringBuilder(k.name());
        for (Patch p : k.without()) b.append('~').append(p.id());
        for (Patch p : k.with()) b.append('+').append(p.id());
        if (k.preempt() != KernelVersion.Preempt.FULL)
            b.append('/').append(k.preempt().name().toLowerCase(Locale.ROOT));
        return b.toString();
    }

    /** The kernel that {@link #kernelText} names. */
    public static KernelVersion kernelOf(String text) {
        String[] half = text.split("/");
        String[] part = half[0].split("(?=[~+])");
        KernelVersion k = KernelVersion.of(part[0]);
        List<Patch> without = new ArrayList<>(), with = new ArrayList<>();
        Stream.of(part).skip(1).forEach(p -> (p.startsWith("~") ? without : with).add(Patch.of(p.substring(1))));
        k = k.changed(without, with);
        return half.length < 2 ? k : k.preempted(KernelVersion.Preempt.of(half[1]));
    }
}
