package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/** An exploration or a replay, for the command line and for tests. */
public final class Exploration {
    private final Scenario scenario;
    private final KernelVersion kernel;
    private final int events;
    private final boolean audit;

    private Exploration(Scenario scenario, KernelVersion kernel, int events, boolean audit) {
        this.scenario = scenario;
        this.kernel = kernel;
        this.events = events;
        this.audit = audit;
    }

    /** @param events the most events in one schedule, or -1 for what the scenario says */
    public static Exploration of(String scenario, KernelVersion kernel, int events, boolean audit) {
        Scenario s = Scenario.builtIn(scenario);
        return new Exploration(s, kernel, events < 0 ? s.events() : events, audit);
    }

    static Explorer explorer(Scenario s, KernelVersion kernel) {
        return explorer(s, kernel, KvmDriver::new);
    }

    static Explorer explorer(Scenario s, KernelVersion kernel, XfdWorkload.DriverFactory driver) {
        return new Explorer(
                X86Profile.builtIn(s.machine()),
                kernel,
                (host, memory) -> new XfdWorkload(host, memory, s, driver),
                c -> true);
    }

    /** @param progress told the number of states now and then */
    public Verdict run(LongConsumer progress) {
        Explorer.Result r = explorer(scenario, kernel).explore(events, audit, progress);
        List<Finding> findings = new ArrayList<>();
        for (Explorer.Found f : r.found().values()) {
            Schedule schedule = new Schedule(scenario.name(), kernelText(kernel), f.events());
            String timeline = explorer(scenario, kernel).replay(schedule).timeline();
            findings.add(new Finding(f.property(), f.what(), schedule, timeline));
        }
        if (r.audit() != null) {
            Schedule none = new Schedule(scenario.name(), kernelText(kernel), List.of());
            findings.add(new Finding("audit: equal states go on equally", r.audit(), none, ""));
        }
        String bounds = "1 CPU, at most " + events + " interrupt" + (events == 1 ? "" : "s") + " with softirq FPU use, "
                + "preempt=" + kernel.preempt().name().toLowerCase(Locale.ROOT) + (audit ? ", audited" : "");
        return new Verdict(scenario.name(), kernelText(kernel), bounds, findings, r.states(), r.runs(), r.moments());
    }

    /** Repeats a schedule: a verdict with one finding, or none when nothing goes wrong. */
    public static Verdict replay(String text) {
        Schedule schedule = Schedule.parse(text);
        Scenario s = Scenario.builtIn(schedule.scenario());
        KernelVersion kernel = kernelOf(schedule.kernel());
        Explorer.Replayed r = explorer(s, kernel).replay(schedule);
        Explorer.Found f = r.found();
        List<Finding> findings =
                f == null ? List.of() : List.of(new Finding(f.property(), f.what(), schedule, r.timeline()));
        return new Verdict(s.name(), schedule.kernel(), "this one schedule", findings, 1, 1, 0);
    }

    /** A kernel in a schedule: its name, then each difference, as {@code 6.12-clear-xstate-bv-on-xfd/none}. */
    static String kernelText(KernelVersion k) {
        Set<Patch> usual = KernelVersion.of(k.name()).patches();
        StringBuilder b = new StringBuilder(k.name());
        for (Patch p : usual) if (!k.patches().contains(p)) b.append('~').append(p.id());
        for (Patch p : k.patches()) if (!usual.contains(p)) b.append('+').append(p.id());
        if (k.preempt() != KernelVersion.Preempt.FULL)
            b.append('/').append(k.preempt().name().toLowerCase(Locale.ROOT));
        return b.toString();
    }

    static KernelVersion kernelOf(String text) {
        String[] half = text.split("/");
        String[] part = half[0].split("(?=[~+])");
        KernelVersion k = KernelVersion.of(part[0]);
        Set<Patch> patches = EnumSet.noneOf(Patch.class);
        patches.addAll(k.patches());
        Stream.of(part).skip(1).forEach(p -> {
            if (p.startsWith("~")) patches.remove(Patch.of(p.substring(1)));
            else patches.add(Patch.of(p.substring(1)));
        });
        k = new KernelVersion(k.name(), patches, k.preempt());
        return half.length < 2 ? k : k.preempted(KernelVersion.Preempt.valueOf(half[1].toUpperCase(Locale.ROOT)));
    }
}
