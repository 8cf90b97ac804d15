package dev.worldswitch.explore;

import dev.worldswitch.explore.Schedule.Turn;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Region;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Tries every timing within the bounds, the ways with fewest events first. At each point where something else could
 * happen the state is compared with those seen before: one that came here with at least as much of the bounds left has
 * been, or will be, continued already.
 */
final class Explorer implements Search.Guide {
    private static final int MEMORY = 1 << 20;

    /** The identity of a state: two hash lanes over all cells, the client's memory, and each task's stack. */
    private record Key(long h1, long h2) {}

    /** A point of choice that can be taken up again. */
    private record Fork(
            Key key,
            World.Snapshot world,
            Context.Saved[] contexts,
            int current,
            int point,
            long stepHash,
            String step,
            @Nullable Path path,
            int events,
            int switches) {}

    /** The choices that led somewhere, the last one first. */
    private record Path(@Nullable Path before, Turn turn) {}

    private record Work(Fork fork, Choice choice) {}

    /** One step further from a state: what the audit compares. */
    private record From(Key key, Choice choice) {}

    private record Stretch(long[] trail, Object next, World.Snapshot after) {}

    /** A property that fails, how, and by which turns; what else failed on the way. */
    record Found(Property property, String what, List<Turn> turns, List<Violation> also) {}

    /**
     * What came out.
     *
     * @param complete false when the bound on states ended it
     * @param audit null when equal states went on equally, or nobody asked
     * @param coverage per event, the steps before which it could happen, and those where it was tried
     */
    record Result(
            List<Found> found,
            long states,
            long runs,
            long moments,
            long merged,
            boolean complete,
            @Nullable String audit,
            Map<String, Coverage> coverage) {}

    record Coverage(Set<String> possible, Set<String> tried) {}

    final Search search;
    private final World world;
    private final Map<Key, long[]> seen = new HashMap<>();
    private final Map<From, Stretch> stretches = new HashMap<>();
    private final Map<String, Found> found = new LinkedHashMap<>();
    private final Map<String, Coverage> coverage = new TreeMap<>();
    private final List<ArrayDeque<Work>> work = new ArrayList<>();
    private final List<Violation> reported = new ArrayList<>();
    private Bounds bounds = new Bounds(0, 0, 0);
    private boolean audit, unreduced;
    private @Nullable String untilFound;
    private long states, runs, merged;
    private @Nullable String auditFailure;

    // Of the run under way:
    private @Nullable Work start;
    private @Nullable Path path;
    private int events, switches, cost;
    private String step = "";
    private boolean onlyAudit;
    private @Nullable From from;

    Explorer(Search search) {
        this.search = search;
        this.world = search.world;
    }

    /** A scenario's machine, booted and set up. */
    static Explorer of(Scenario s, KernelVersion kernel) {
        return of(s, kernel, c -> true);
    }

    /** @param isState cells that count as such; a test of the audit leaves one out */
    static Explorer of(Scenario s, KernelVersion kernel, Predicate<Cell> isState) {
        MachineProfile machine = MachineProfile.builtIn(s.machine());
        return of(
                s.cpus(),
                s.events(),
                isState,
                null,
                around -> Architecture.of(machine).boot(s, machine, kernel, around));
    }

    /** The same, its calls and steps recorded. */
    static Explorer recorded(Scenario s, KernelVersion kernel, Session session) {
        MachineProfile machine = MachineProfile.builtIn(s.machine());
        return of(
                s.cpus(),
                s.events(),
                c -> true,
                session,
                around -> Architecture.of(machine).boot(s, machine, kernel, around));
    }

    static Explorer of(
            int cpus,
            Set<Event> events,
            Predicate<Cell> isState,
            @Nullable Session session,
            Function<Architecture.Surroundings, ? extends Subject> boot) {
        VmmMemory memory = new VmmMemory(MEMORY);
        memory.session = session;
        World world = new World(memory, isState);
        Region root = Region.watched("host", world);
        Search search = new Search(world, root, cpus, events);
        search.session = session;
        Subject subject = boot.apply(new Architecture.Surroundings(root, search, search, memory, search));
        memory.world = world;
        search.explore(subject);
        return new Explorer(search);
    }

    /** Compares how equal states go on. */
    Explorer audited() {
        audit = true;
        return this;
    }

    /** Stops when this property is found to fail. */
    Explorer untilFound(String property) {
        untilFound = property;
        return this;
    }

    /** Never takes two states for the same: for tests of the reduction. */
    Explorer unreduced() {
        unreduced = true;
        return this;
    }

    /** @param progress told the number of states now and then */
    Result explore(Bounds within, LongConsumer progress) {
        bounds = within;
        search.guide(this);
        world.trail = audit ? new AuditTrail() : null;
        World.Snapshot beginning = begin();
        events = bounds.events();
        switches = bounds.switches();
        one(0);
        boolean complete = true;
        for (int c = 0; c < work.size(); c++) {
            ArrayDeque<Work> level = work.get(c);
            for (Work w = level.poll(); w != null; w = level.poll()) {
                if (bounds.states() > 0 && states >= bounds.states() || has(untilFound)) {
                    complete = false;
                    break;
                }
                cost = c;
                takeUp(w);
                if ((runs & 0xff) == 0) progress.accept(states);
            }
        }
        world.restore(beginning);
        return new Result(
                List.copyOf(found.values()), states, runs, search.moments(), merged, complete, auditFailure, coverage);
    }

    private World.Snapshot begin() {
        world.sync();
        World.Snapshot s = world.snapshot();
        reset();
        return s;
    }

    private void reset() {
        for (Context c : search.contexts()) {
            c.done = false;
            c.coroutine = null;
            c.begin(0);
        }
        search.point = 0;
        search.stepHash = 0;
    }

    // ---- runs

    private void takeUp(Work w) {
        Fork f = w.fork;
        world.restore(f.world);
        for (int i = 0; i < f.contexts.length; i++) search.contexts().get(i).load(f.contexts[i]);
        search.point = f.point - 1;
        search.stepHash = f.stepHash;
        step = f.step;
        path = f.path;
        events = f.events;
        switches = f.switches;
        start = w;
        from = null;
        one(f.current);
    }

    private void one(int first) {
        runs++;
        onlyAudit = false;
        reported.clear();
        Search.End end;
        try {
            end = search.run(first);
        } catch (IllegalStateException | ClassCastException e) {
            if (!audit) throw e;
            if (auditFailure == null) auditFailure = "a state could not be taken up again: " + e.getMessage();
            return;
        }
        if (end == Search.End.VIOLATION) {
            Violation v = search.violation();
            add(new Found(v.property(), v.what(), turns(), List.copyOf(reported)));
            stretchEnds(v.property().id() + ": " + v.what());
            return;
        }
        for (Violation v : reported) add(new Found(v.property(), v.what(), turns(), List.of()));
        if (end == Search.End.DONE) {
            world.sync();
            stretchEnds(key());
        }
    }

    private void add(Found f) {
        found.merge(f.property.id() + f.what, f, (a, b) -> eventsIn(b) < eventsIn(a) ? b : a);
    }

    private boolean has(@Nullable String property) {
        for (Found f : found.values()) if (f.property.id().equals(property)) return true;
        return false;
    }

    private static long eventsIn(Found f) {
        return f.turns.stream().filter(t -> t.choice().isEvent()).count();
    }

    private List<Turn> turns() {
        ArrayDeque<Turn> all = new ArrayDeque<>();
        for (Path p = path; p != null; p = p.before) all.addFirst(p.turn);
        return List.copyOf(all);
    }

    // ---- the guide

    @Override
    public void step(PhysicalCpu cpu, String name) {
        step = name;
    }

    @Override
    public void report(Violation v) {
        for (Violation r : reported)
            if (r.property().equals(v.property()) && r.what().equals(v.what())) return;
        reported.add(v);
    }

    @Override
    public @Nullable Choice choose(List<Choice> others) {
        Work s = start;
        if (s != null) {
            start = null;
            return started(s);
        }
        if (others.isEmpty()) return Choice.GO;
        world.sync();
        Key key = key();
        stretchEnds(key);
        if (onlyAudit) {
            stretchBegins(key, Choice.GO);
            return Choice.GO;
        }
        if (!isNew(key, others)) {
            merged++;
            if (!audit) return null;
            onlyAudit = true;
        } else fork(key, others);
        stretchBegins(key, Choice.GO);
        return Choice.GO;
    }

    private Choice started(Work w) {
        Choice c = w.choice;
        if (c.equals(Choice.GO)) {
            onlyAudit = true;
            stretchBegins(w.fork.key, c);
            return c;
        }
        path = new Path(path, search.turn(c));
        if (c.isEvent()) {
            events--;
            coverage(c).tried.add(step);
        }
        if (c.isSwitch()) switches--;
        stretchBegins(w.fork.key, c);
        return c;
    }

    private Coverage coverage(Choice c) {
        return coverage.computeIfAbsent(c.event().id, k -> new Coverage(new TreeSet<>(), new TreeSet<>()));
    }

    private void fork(Key key, List<Choice> others) {
        Fork f = null;
        for (Choice o : others) {
            if (o.isEvent()) coverage(o).possible.add(step);
            if (o.isEvent() && events == 0 || o.isSwitch() && switches == 0) continue;
            if (f == null) f = forkHere(key);
            int c = cost + (o.isEvent() || o.isSwitch() ? 1 : 0);
            add(c, new Work(f, o));
        }
        // The audit takes the state up again without an event too: a field that is not put back shows itself.
        if (audit) add(cost, new Work(f == null ? forkHere(key) : f, Choice.GO));
    }

    private void add(int level, Work w) {
        while (work.size() <= level) work.add(new ArrayDeque<>());
        work.get(level).add(w);
    }

    private Fork forkHere(Key key) {
        List<Context> all = search.contexts();
        Context.Saved[] saved = new Context.Saved[all.size()];
        for (int i = 0; i < saved.length; i++) saved[i] = all.get(i).save();
        return new Fork(
                key,
                world.snapshot(),
                saved,
                search.running(),
                search.point,
                search.stepHash,
                step,
                path,
                events,
                switches);
    }

    // ---- states

    private Key key() {
        long a = world.h1() ^ Digests.mix(search.running() + 2L, 0),
                b = world.h2() + Digests.mix(search.running() + 2L, 1);
        for (Context c : search.contexts()) {
            a += c.identity(0);
            b += c.identity(1);
        }
        return new Key(a, b);
    }

    /** False when this state was seen with as many events and switches left, or more. */
    private boolean isNew(Key key, List<Choice> others) {
        long left = (long) events << 32 | switches;
        long[] before = seen.get(key);
        if (before == null) {
            states++;
            seen.put(key, new long[] {left});
            return true;
        }
        // Giving way costs nothing: without comparing, two tasks would be polite for ever.
        if (unreduced && others.stream().noneMatch(o -> o.kind() == Choice.GIVE_WAY)) return true;
        for (long b : before) if (b >> 32 >= events && (int) b >= switches) return false;
        long[] more = java.util.Arrays.copyOf(before, before.length + 1);
        more[before.length] = left;
        seen.put(key, more);
        return true;
    }

    // ---- the audit

    private void stretchBegins(Key key, Choice c) {
        if (world.trail == null) return;
        world.trail.clear();
        from = new From(key, c);
    }

    private void stretchEnds(Object next) {
        AuditTrail trail = world.trail;
        From f = from;
        if (trail == null || f == null || auditFailure != null) return;
        from = null;
        long[] now = trail.taken();
        world.sync();
        Stretch first = stretches.putIfAbsent(f, new Stretch(now, next, world.snapshot()));
        if (first == null) return;
        String d = trail.difference(world, first.trail, now);
        if (d == null && !first.next.equals(next)) {
            String cells = World.difference(world, first.after, world.snapshot());
            d = "after the same steps " + cells + " differ";
        }
        if (d != null) auditFailure = "the same state went on differently: " + d;
    }
}
