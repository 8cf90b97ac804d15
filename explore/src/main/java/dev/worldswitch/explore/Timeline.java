package dev.worldswitch.explore;

import dev.worldswitch.explore.Subject.Gauge;
import dev.worldswitch.explore.TimelineStep.Kind;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Notes what happens in one schedule: kernel functions, the events, and what changed where. {@link Picture} draws it. */
final class Timeline {
    private static final String GUEST_OF = "guest of ";
    /** A moment of guest code begins so: a script's with a colon and what it does. */
    private static final String GUEST = "guest";

    private static final int LATEST = 16;
    private final Search search;
    private final List<Gauge> gauges;
    private final Map<String, Long> beginning = new LinkedHashMap<>(), last = new LinkedHashMap<>();
    private final List<TimelineStep> steps = new ArrayList<>();
    private final RegisterFile.Watch registers;
    private final Trace trace = new Trace();
    private boolean wrongBefore;

    Timeline(Search search) {
        this.search = search;
        this.gauges = search.subject().gauges();
        this.registers = new RegisterFile.Watch(search.subject().registers());
        for (Gauge g : gauges) beginning.put(g.name(), g.value().getAsLong());
        last.putAll(beginning);
    }

    private void add(Kind kind, String context, int cpu, String function, String text) {
        changes();
        steps.add(new TimelineStep(kind, context, cpu, function, text));
    }

    /** A moment is before its step: what has changed since the one before was done by the step before. */
    private void changes() {
        Map<String, Long> changed = new LinkedHashMap<>();
        for (Gauge g : gauges) {
            long now = g.value().getAsLong();
            Long before = last.put(g.name(), now);
            if (before == null || before != now) changed.put(g.name(), now);
        }
        Map<String, String> written = registers.changed();
        if (changed.isEmpty() && written.isEmpty()) return;
        for (int i = steps.size() - 1; i >= 0; i--) {
            TimelineStep s = steps.get(i);
            if (s.kind() == Kind.EVENT || s.kind() == Kind.WRONG) continue;
            steps.set(i, s.and(changed, written));
            return;
        }
        beginning.putAll(changed);
        registers.beginning().putAll(written);
    }

    private @Nullable Context running() {
        int n = search.running();
        return n < 0 ? null : search.contexts().get(n);
    }

    private static String nameOf(@Nullable Context c) {
        return c == null ? "host" : c.program.task().region().name();
    }

    private static int cpuOf(@Nullable Context c) {
        PhysicalCpu cpu = c == null ? null : c.program.task().cpuIfAny();
        return cpu == null ? -1 : cpu.id();
    }

    void begins(Context c, String name) {
        add(Kind.CALL, nameOf(c), cpuOf(c), "", name);
        trace.begins(nameOf(c), name);
    }

    void step(PhysicalCpu cpu, String step) {
        Place at = Place.here();
        trace.step(cpu.id(), at.name(), step, gauges);
        if (step.startsWith(GUEST)) {
            add(
                    Kind.GUEST,
                    GUEST_OF + nameOf(running()),
                    cpu.id(),
                    "",
                    step.substring(GUEST.length()).replaceFirst("^:? ", ""));
            return;
        }
        add(
                Kind.STEP,
                at.interrupt() ? "interrupt" : nameOf(running()),
                cpu.id(),
                at.name().equals(Place.USER_MODE) ? "" : at.name(),
                step);
    }

    void chosen(@Nullable PhysicalCpu cpu, Choice c) {
        String what = switch (c.kind()) {
            case Choice.SWITCH -> "task " + other(c) + " goes on, on another CPU";
            case Choice.CPU -> "the task moves to cpu" + c.which();
            case Choice.GIVE_WAY -> "task " + other(c) + " gets the CPU first";
            default -> c.event().text;
        };
        trace.instant(cpu == null ? -1 : cpu.id(), what);
        boolean moves = c.kind() == Choice.CPU, inGuest = cpu != null && cpu.inGuest();
        add(
                Kind.EVENT,
                inGuest
                        ? GUEST_OF + nameOf(running())
                        : Place.here().interrupt() && !moves ? "interrupt" : nameOf(running()),
                moves ? c.which() : cpu == null ? cpuOf(running()) : cpu.id(),
                "",
                what);
    }

    private String other(Choice c) {
        return nameOf(search.contexts().get(c.which()));
    }

    /** An outcome that the architecture leaves open, and that is not the usual one. */
    void open(String what, Choice c) {
        add(Kind.EVENT, nameOf(running()), cpuOf(running()), "", what + (c.which() == 1 ? "" : ", way " + c.which()));
    }

    /** What a guest does. */
    void guest(String what) {
        add(Kind.GUEST, GUEST_OF + nameOf(running()), cpuOf(running()), "", what);
        trace.begins("guest", what);
    }

    void reported(Violation v) {
        trace.instant(-1, (wrongBefore ? "then: " : "first wrong value: ") + v.what());
        wrong(v);
    }

    private void wrong(Violation v) {
        String said = (wrongBefore ? "then: " : "FIRST WRONG: ") + v.what() + " (not so: "
                + v.property().says() + ")";
        wrongBefore = true;
        Context c = running();
        TimelineStep before = c != null || steps.isEmpty() ? null : steps.getLast();
        // Where the run has ended, whoever was last found it.
        add(
                Kind.WRONG,
                before == null ? nameOf(c) : before.context(),
                before == null ? cpuOf(c) : before.cpu(),
                "",
                said);
    }

    void end(@Nullable Violation v) {
        if (v == null) {
            changes();
            return;
        }
        trace.instant(-1, v.what());
        wrong(v);
    }

    /** How many entries there are so far. */
    int size() {
        return steps.size();
    }

    /** All of it. What a task did before it had a CPU counts for the CPU that it got. */
    List<TimelineStep> steps() {
        List<TimelineStep> all = new ArrayList<>(steps);
        Map<String, Integer> later = new LinkedHashMap<>(), before = new LinkedHashMap<>();
        for (int i = all.size() - 1; i >= 0; i--) place(all, i, later);
        for (int i = 0; i < all.size(); i++) place(all, i, before);
        return List.copyOf(all);
    }

    private static void place(List<TimelineStep> all, int i, Map<String, Integer> cpus) {
        TimelineStep s = all.get(i);
        if (s.cpu() >= 0) cpus.put(s.context(), s.cpu());
        else if (cpus.containsKey(s.context())) all.set(i, s.on(cpus.get(s.context())));
    }

    /** The values and registers before the first step. */
    TimelineStep.Beginning beginning() {
        return new TimelineStep.Beginning(Map.copyOf(beginning), Map.copyOf(registers.beginning()));
    }

    /** At most 72 columns. */
    String text() {
        return new Picture(steps(), beginning).text();
    }

    /** The last of it so far. */
    String latest() {
        List<TimelineStep> all = steps();
        return new Picture(all.subList(Math.max(0, all.size() - LATEST), all.size()), Map.of()).text();
    }

    /** The same for Perfetto or chrome://tracing. */
    Trace trace() {
        return trace;
    }
}
