package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/** An exploration or a replay, for the command line and for tests. */
public final class Exploration {
    private static final Property AUDIT = new Property(
            "audit", "equal states go on equally: no state is outside the cells", "the design of the explorer");
    private final Scenario scenario;
    private final KernelVersion kernel;
    private final Bounds bounds;
    private final boolean audit;

    private Exploration(Scenario scenario, KernelVersion kernel, Bounds bounds, boolean audit) {
        this.scenario = scenario;
        this.kernel = kernel;
        this.bounds = bounds;
        this.audit = audit;
    }

    /** Within the scenario's own bounds. */
    public static Exploration of(Scenario scenario, KernelVersion kernel) {
        return new Exploration(scenario, kernel, scenario.bounds(), false);
    }

    public Exploration within(Bounds other) {
        return new Exploration(scenario, kernel, other, audit);
    }

    /** Goes on at repeated states too, and compares. */
    public Exploration audited() {
        return new Exploration(scenario, kernel, bounds, true);
    }

    /** @param progress told the number of states now and then */
    public Verdict run(LongConsumer progress) {
        Explorer e = Explorer.of(scenario, kernel);
        if (audit) e.audited();
        Explorer.Result r = e.explore(bounds, p -> progress.accept(p.states()));
        List<Finding> findings = new ArrayList<>();
        for (Explorer.Found f : r.found())
            findings.add(finding(f, new Schedule(scenario.name(), kernelText(kernel), f.turns())));
        if (r.audit() != null) {
            Schedule none = new Schedule(scenario.name(), kernelText(kernel), List.of());
            findings.add(new Finding(AUDIT, r.audit(), List.of(), none, ""));
        }
        Verdict.Figures figures = new Verdict.Figures(r.states(), r.runs(), r.moments(), r.merged(), coverage(r));
        return new Verdict(scenario.name(), kernelText(kernel), boundsText(), findings, r.complete(), figures);
    }

    private Finding finding(Explorer.Found f, Schedule schedule) {
        Replayed again = replay(scenario, kernel, schedule);
        List<String> also = f.also().stream()
                .map(v -> "not so: " + v.property().says() + "; " + v.what())
                .toList();
        return new Finding(f.property(), f.what(), also, schedule, again.timeline);
    }

    private String boundsText() {
        List<String> events = scenario.events().stream().map(e -> e.id).toList();
        return scenario.cpus() + (scenario.cpus() == 1 ? " CPU, " : " CPUs, ")
                + scenario.tasks().size() + (scenario.tasks().size() == 1 ? " task, " : " tasks, ") + bounds + " ("
                + String.join(", ", events) + "), preempt="
                + kernel.preempt().name().toLowerCase(Locale.ROOT) + (audit ? ", audited" : "");
    }

    private static List<String> coverage(Explorer.Result r) {
        List<String> lines = new ArrayList<>();
        r.coverage().forEach((event, c) -> {
            Set<String> never = new TreeSet<>(c.possible());
            never.removeAll(c.tried());
            lines.add(event + " tried before " + c.tried().size() + " of "
                    + c.possible().size() + " kinds of steps"
                    + (never.isEmpty() ? "" : "; never before: " + String.join(", ", never)));
        });
        return lines;
    }

    private record Replayed(Explorer.@org.jspecify.annotations.Nullable Found found, String timeline) {}

    private static Replayed replay(Scenario s, KernelVersion kernel, Schedule schedule) {
        Search search = Explorer.of(s, kernel).search;
        Timeline timeline = new Timeline(search.subject());
        search.subject().tell(timeline::guest);
        Explorer.Found f = new Replayer(search, schedule.turns(), timeline).run();
        return new Replayed(f, timeline.text());
    }

    /** Repeats a schedule: a verdict with one finding, or none when nothing goes wrong. */
    public static Verdict replay(String text) {
        Schedule schedule = Schedule.parse(text);
        Scenario s = Scenario.of(schedule.scenario());
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
                new Verdict.Figures(1, 1, 0, 0, List.of()));
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

    static KernelVersion kernelOf(String text) {
        String[] half = text.split("/");
        String[] part = half[0].split("(?=[~+])");
        KernelVersion k = KernelVersion.of(part[0]);
        List<Patch> without = new ArrayList<>(), with = new ArrayList<>();
        Stream.of(part).skip(1).forEach(p -> (p.startsWith("~") ? without : with).add(Patch.of(p.substring(1))));
        k = k.changed(without, with);
        return half.length < 2 ? k : k.preempted(KernelVersion.Preempt.valueOf(half[1].toUpperCase(Locale.ROOT)));
    }
}
