package dev.worldswitch.explore;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Tries every timing of a workload within its bounds. States are kept at the VMM's rests, between two of its steps: from
 * each one the next step runs with every placement of the events still allowed, each time after the cells were copied
 * back. A state reached again with no more events to come than before is not continued.
 */
final class Explorer {
    private final Trace trace = new Trace();
    private final ExploreTiming timing = new ExploreTiming(trace);
    private final Region root = Region.watched("host", trace);
    private final VmmMemory memory = new VmmMemory(1 << 20);
    private final X86Host host;
    private final Workload workload;
    private final Predicate<Cell> hashed;
    private long runs;

    Explorer(X86Profile profile, KernelVersion kernel, Workload.Factory factory, Predicate<Cell> hashed) {
        this.hashed = hashed;
        this.host = X86Host.boot(root, kernel, profile, 1, timing, OneCpu::new);
        this.workload = factory.on(host, memory);
    }

    Workload workload() {
        return workload;
    }

    /** One physical CPU and one task: the CPU is its own again at once. */
    private record OneCpu(List<X86Cpu> cpus) implements CpuPool<X86Cpu> {
        @Override
        public X86Cpu lease(Task task) {
            return cpus.getFirst();
        }

        @Override
        public void release(Task task) {}
    }

    private record Rest(Snapshot state, int next, List<Schedule.Event> events) {}

    private record Reached(Snapshot.Key state, int next) {}

    /** What to find and when to stop. */
    record Result(
            Map<String, Found> found,
            long states,
            long runs,
            long moments,
            @Nullable String audit) {}

    record Found(String property, String what, List<Schedule.Event> events) {}

    Result explore(int maxEvents, boolean audit, LongConsumer progress) {
        Map<String, Found> found = new LinkedHashMap<>();
        Map<Reached, Integer> best = new HashMap<>();
        Map<Reached, List<Trace.Entry>> continuation = new HashMap<>();
        String auditFailure = null;
        Deque<Rest> work = new ArrayDeque<>();
        work.add(new Rest(Snapshot.take(root, memory, hashed), 0, List.of()));
        long states = 0;
        while (!work.isEmpty()) {
            Rest rest = work.poll();
            Reached here = new Reached(rest.state.key(), rest.next);
            int left = maxEvents - rest.events.size();
            Integer before = best.get(here);
            if (before == null) states++;
            if (audit && auditFailure == null && rest.next < workload.steps().size()) {
                List<Trace.Entry> now = traceOf(rest);
                List<Trace.Entry> first = continuation.putIfAbsent(here, now);
                if (first != null) auditFailure = difference(first, now);
            }
            if (before != null && before >= left) continue;
            best.put(here, left);
            if (rest.next == workload.steps().size()) continue;
            place(rest, List.of(), left, work, found);
            progress.accept(states);
        }
        return new Result(found, states, runs, timing.total(), auditFailure);
    }

    /** Runs the next step with the events {@code at}, then with each further one after them. */
    private void place(Rest rest, List<Integer> at, int left, Deque<Rest> work, Map<String, Found> found) {
        List<Schedule.Event> events = new ArrayList<>(rest.events);
        at.forEach(m -> events.add(new Schedule.Event(rest.next, m)));
        Found bad = run(rest, at, events);
        List<Integer> open = timing.open();
        if (bad == null) {
            Snapshot after = Snapshot.take(root, memory, hashed);
            work.add(new Rest(after, rest.next + 1, List.copyOf(events)));
        } else {
            // The queue is in the order of steps, not of events: the way with fewest events is kept.
            found.merge(bad.property + bad.what, bad, (a, b) -> b.events.size() < a.events.size() ? b : a);
        }
        if (left == 0) return;
        int last = at.isEmpty() ? -1 : at.getLast();
        for (int m : open) {
            if (m <= last) continue;
            List<Integer> more = new ArrayList<>(at);
            more.add(m);
            place(rest, more, left - 1, work, found);
        }
    }

    private @Nullable Found run(Rest rest, List<Integer> at, List<Schedule.Event> events) {
        runs++;
        rest.state.restore(root, memory);
        timing.begin(at);
        try {
            workload.steps().get(rest.next).action().run();
            return null;
        } catch (KernelPanic p) {
            return new Found("the kernel never takes #NM and never panics", String.valueOf(p.getMessage()), events);
        } catch (Violation v) {
            return new Found(v.property, String.valueOf(v.getMessage()), events);
        }
    }

    private List<Trace.Entry> traceOf(Rest rest) {
        rest.state.restore(root, memory);
        timing.begin(List.of());
        trace.record();
        try {
            workload.steps().get(rest.next).action().run();
        } catch (KernelPanic | Violation e) {
            trace.step(String.valueOf(e.getMessage()));
        }
        return trace.stop();
    }

    private static @Nullable String difference(List<Trace.Entry> a, List<Trace.Entry> b) {
        for (int i = 0; i < Math.min(a.size(), b.size()); i++)
            if (!a.get(i).same(b.get(i)))
                return "the same state went on differently: first visit " + a.get(i) + ", now " + b.get(i);
        return a.size() == b.size()
                ? null
                : "the same state went on for " + a.size() + " and then " + b.size() + " steps";
    }

    /** Runs the whole workload by one schedule; what it found, with its timeline. */
    Replayed replay(Schedule schedule) {
        Timeline timeline = new Timeline(workload);
        Snapshot start = Snapshot.take(root, memory, hashed);
        Found found = null;
        List<Workload.Step> steps = workload.steps();
        Rest rest = new Rest(start, 0, List.of());
        timing.observer = timeline;
        for (int i = 0; i < steps.size() && found == null; i++) {
            timeline.step(steps.get(i).name());
            found = run(rest, schedule.in(i), schedule.events());
            rest = new Rest(Snapshot.take(root, memory, hashed), i + 1, List.of());
        }
        timing.observer = null;
        timeline.end(found == null ? "nothing went wrong" : found.what);
        start.restore(root, memory);
        return new Replayed(found, timeline.text());
    }

    record Replayed(@Nullable Found found, String timeline) {}
}
