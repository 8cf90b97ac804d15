package dev.worldswitch.explore;

import dev.worldswitch.explore.Schedule.Turn;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Region;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Tries every timing within the bounds, the ways with fewest events first. At each point where something else could
 * happen the state is compared with those seen before: one that came here with at least as much of the bounds left has
 * been, or will be, continued already.
 */
final class Explorer implements Search.Guide {
    private static final int MEMORY = 1 << 20;
    /** So many moments after a point of rest states are compared even where only one way goes on. */
    private static final int SOON = 2;

    /** The identity of a state: two hash lanes over all cells, the client's memory, and each task's stack. */
    record Key(long h1, long h2) {}

    /** A point of choice that can be taken up again. */
    private record Fork(
            Key key,
            World.Snapshot world,
            Stack[] stacks,
            long asked,
            int current,
            int point,
            long stepHash,
            String step,
            @Nullable Path path,
            long left,
            long dirty) {}

    /** The choices that led somewhere, the last one first. */
    private record Path(@Nullable Path before, Turn turn) {}

    private record Work(Fork fork, Choice choice) {}

    /** One step further from a state: what the audit compares. */
    private record From(Key key, Choice choice) {}

    private record Stretch(long[] trail, Object next, World.Snapshot after) {}

    /** A property that fails, how, and by which turns; what else failed on the way. */
    record Found(Property property, String what, List<Turn> turns, List<Violation> also, int steps) {
        String id() {
            return property.id() + ": " + what;
        }

        /** Fewest events first, then fewest turns, then fewest steps. */
        static final Comparator<Found> SIMPLER = Comparator.<Found>comparingLong(Explorer::eventsIn)
                .thenComparingInt(f -> f.turns.size())
                .thenComparingInt(Found::steps)
                .thenComparing(f -> f.turns.toString());
    }

    /**
     * What came out.
     *
     * @param todo what a bound, or who asked for it, left: the beginnings of schedules; empty when all was explored
     * @param stale workers only: what commutes with what was wrong, and all must start again
     * @param audit null when equal states went on equally, or nobody asked
     */
    record Result(
            List<Found> found,
            long states,
            long runs,
            long moments,
            long merged,
            List<List<Turn>> todo,
            boolean stale,
            @Nullable String audit,
            Coverage coverage,
            Set<String> neverBegun,
            Set<Key> ends) {
        boolean complete() {
            return todo.isEmpty();
        }
    }

    /** How far an exploration is. */
    record Progress(long states, long runs, long waiting, int level, int levels) {}

    final Search search;
    private final World world;
    private Seen seen = new Seen();
    private final Map<From, Stretch> stretches = new HashMap<>();
    private final Map<String, Found> found = new LinkedHashMap<>();
    private final Coverage coverage = new Coverage();
    private final List<ArrayDeque<Work>> work = new ArrayList<>();
    private final List<Violation> reported = new ArrayList<>();
    private Bounds bounds = new Bounds(0, 0, 0);
    private Budget budget = new Budget(bounds);
    private boolean audit, unreduced, everywhere, first;
    private BooleanSupplier stop = () -> false;
    private static final List<List<Turn>> FROM_START = List.of(List.of());
    private final ArrayDeque<Turn> script = new ArrayDeque<>();
    private boolean reduceAfterScript, shared;
    private int mostWaiting;
    private @Nullable String untilFound;
    private long states, runs, merged, begunAt, staleSince = -1;
    private @Nullable String auditFailure;

    // Of the run under way:
    private @Nullable Work start;
    private @Nullable Path path;
    private long left;
    private int cost;
    private final Set<Key> ends = new HashSet<>();
    private final Set<String> begun = new HashSet<>();
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
        return of(s, kernel, isState, null);
    }

    /** The same, its guests under a debugger. */
    static Explorer debugged(Scenario s, KernelVersion kernel, @Nullable Debugger debugger) {
        return of(s, kernel, c -> true, debugger);
    }

    private static Explorer of(Scenario s, KernelVersion kernel, Predicate<Cell> isState, @Nullable Debugger debugger) {
        MachineProfile machine = MachineProfile.builtIn(s.machine());
        Scenario.Recorded r = s.recorded();
        Explorer e = of(
                s.cpus(),
                s.events(),
                isState,
                null,
                debugger,
                r == null ? MEMORY : RecordedClient.memoryFor(r.recording()),
                around -> r != null
                        ? new RecordedSubject(s.name(), r, machine, kernel, around)
                        : Architecture.of(machine).boot(s, machine, kernel, around));
        for (Context c : e.search.contexts())
            c.comesByPreemption = s.comesByPreemption(c.program.task().region().name());
        return e;
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
        return of(cpus, events, isState, session, null, MEMORY, boot);
    }

    private static Explorer of(
            int cpus,
            Set<Event> events,
            Predicate<Cell> isState,
            @Nullable Session session,
            @Nullable Debugger debugger,
            int bytes,
            Function<Architecture.Surroundings, ? extends Subject> boot) {
        VmmMemory memory = new VmmMemory(bytes);
        memory.session = session;
        World world = new World(memory, isState);
        Region root = Region.watched("host", world);
        Search search = new Search(world, root, cpus, events);
        search.session = session;
        Subject subject =
                boot.apply(new Architecture.Surroundings(root, search, search, memory, search, world, debugger));
        memory.world = world;
        search.explore(subject);
        return new Explorer(search);
    }

    /** Compares how equal states go on. */
    Explorer audited() {
        audit = true;
        return this;
    }

    /** Stops after the ways with as few events as the first that finds this: a property's name, or a {@link Found#id}. */
    Explorer untilFound(String id) {
        untilFound = id;
        return this;
    }

    /** Stops with the first finding. */
    Explorer first() {
        first = true;
        return this;
    }

    /** Stops when so much work waits: to be divided. */
    Explorer untilWaiting(int most) {
        mostWaiting = most;
        return this;
    }

    /** One of several workers: they have seen together, and know what {@code first} learnt. */
    Explorer worker(Explorer first) {
        seen = first.seen;
        world.footprints.learn(first.world.footprints);
        shared = true;
        return this;
    }

    /** Takes over what a worker learnt; forgets what was seen. */
    void learn(Explorer worker) {
        world.footprints.learn(worker.world.footprints);
        again();
    }

    /** Places each event at every moment, also where it commutes with the step before. */
    Explorer everywhere() {
        everywhere = true;
        return this;
    }

    /** Never takes two states for the same, and places events everywhere: for tests of the reductions. */
    Explorer unreduced() {
        unreduced = true;
        return everywhere();
    }

    /** Ends early, with what was found, once this is so. */
    Explorer until(BooleanSupplier enough) {
        stop = enough;
        return this;
    }

    /** @param progress told now and then how far it is */
    Result explore(Bounds within, Consumer<Progress> progress) {
        return explore(within, FROM_START, progress);
    }

    /** Explores what begins with any of {@code prefixes}. */
    Result explore(Bounds within, List<List<Turn>> prefixes, Consumer<Progress> progress) {
        bounds = within;
        budget = new Budget(within);
        search.guide(this);
        boolean reduce = !everywhere && !audit;
        // Without reductions all code runs each time.
        search.compares = audit;
        if (everywhere || !world.tapes.sawAll()) search.known = null;
        else if (search.known == null) search.known = new HashMap<>();
        world.trail = audit ? new AuditTrail() : null;
        World.Snapshot beginning = begin();
        List<List<Turn>> todo = levels(prefixes, beginning, reduce, progress);
        while (!shared && todo.isEmpty() && world.footprints.staleOnce()) {
            again();
            todo = levels(prefixes, beginning, reduce, progress);
        }
        world.restore(beginning);
        search.reset();
        return new Result(
                List.copyOf(found.values()),
                states,
                runs,
                search.moments(),
                merged,
                todo,
                world.footprints.stale(),
                auditFailure,
                coverage,
                neverBegun(),
                ends);
    }

    /** What commutes with what has proved wrong: all from the start, with what is known now. */
    private void again() {
        seen = new Seen();
        work.clear();
        ends.clear();
        found.clear();
        coverage.clear();
        states = merged = 0;
        begunAt = runs;
        staleSince = -1;
    }

    /** What it left, when a bound or somebody ended it; nothing, too, where another start is needed. */
    private List<List<Turn>> levels(
            List<List<Turn>> prefixes, World.Snapshot beginning, boolean reduce, Consumer<Progress> progress) {
        for (List<Turn> p : prefixes) {
            world.restore(beginning);
            search.reset();
            script.clear();
            script.addAll(p);
            // The points of a prefix may be such as the reduction would leave out, with what is known here.
            search.reduced = reduce && p.isEmpty();
            reduceAfterScript = reduce;
            left = budget.all();
            path = null;
            start = null;
            cost = 0;
            step = "";
            coverage.resumes(step);
            one(0);
            if (!script.isEmpty())
                throw new IllegalArgumentException("a beginning goes on after the run: it is of other sources");
        }
        search.reduced = reduce;
        for (int c = 0; c < work.size(); c++) {
            ArrayDeque<Work> level = work.get(c);
            while (!level.isEmpty()) {
                if (isEnough()) return rest();
                if (hasLearntEnough()) return List.of();
                cost = c;
                takeUp(level.remove());
                if ((runs & 0xff) == 0) progress.accept(new Progress(states, runs, waiting(), c, work.size()));
            }
            if (world.footprints.stale() && !shared) return List.of();
            if (hasId(untilFound)) return rest();
        }
        return List.of();
    }

    /**
     * What commutes with what has proved wrong: all starts again soon, as this is of no use. Not at once, for what is wrong
     * now and what will be in the next runs is often learnt from the same code.
     */
    private boolean hasLearntEnough() {
        if (shared || !world.footprints.stale()) return false;
        if (staleSince < 0) staleSince = runs;
        return runs - staleSince > 100 + (staleSince - begunAt) / 4;
    }

    boolean isEnoughFound() {
        return first && !found.isEmpty();
    }

    private boolean isEnough() {
        return isEnoughFound()
                || bounds.states() > 0 && states >= bounds.states()
                || mostWaiting > 0 && waiting() >= mostWaiting
                || stop.getAsBoolean();
    }

    /** Work that waits, as beginnings of schedules. */
    private List<List<Turn>> rest() {
        List<List<Turn>> all = new ArrayList<>();
        for (ArrayDeque<Work> level : work)
            for (Work w : level) {
                Fork f = w.fork;
                Turn last = new Turn(f.point, w.choice.kind(), w.choice.which(), (int) (f.stepHash >>> 48));
                all.add(turns(new Path(f.path, last)));
            }
        return all;
    }

    private long waiting() {
        return work.stream().mapToLong(ArrayDeque::size).sum();
    }

    private Set<String> neverBegun() {
        Set<String> never = new TreeSet<>();
        for (Context c : search.contexts())
            for (Subject.Step s : c.program.steps()) if (!begun.contains(s.name())) never.add(s.name());
        return never;
    }

    private World.Snapshot begin() {
        world.sync();
        World.Snapshot s = world.snapshot();
        search.reset();
        return s;
    }

    // ---- runs

    private void takeUp(Work w) {
        Fork f = w.fork;
        world.restore(f.world);
        for (int i = 0; i < f.stacks.length; i++) {
            Context c = search.contexts().get(i);
            if (search.known == null || audit) c.coroutine = null;
            c.goTo(f.stacks[i]);
            c.asked = (int) (f.asked >>> 4 * i) & 15;
        }
        search.point = f.point - 1;
        search.stepHash = f.stepHash;
        step = f.step;
        coverage.resumes(step);
        path = f.path;
        left = f.left;
        start = w;
        from = null;
        one(f.current, f.dirty);
    }

    private void one(int first) {
        one(first, -1);
    }

    private void one(int first, long dirty) {
        runs++;
        onlyAudit = false;
        reported.clear();
        Search.End end;
        try {
            end = search.run(first, dirty);
        } catch (IllegalStateException | ClassCastException e) {
            if (!audit) throw e;
            if (auditFailure == null) auditFailure = "a state could not be taken up again: " + e.getMessage();
            return;
        }
        if (end == Search.End.VIOLATION) {
            Violation v = search.violation();
            add(new Found(v.property(), v.what(), turns(), List.copyOf(reported), search.point));
            stretchEnds(v.property().id() + ": " + v.what());
            return;
        }
        for (Violation v : reported) add(new Found(v.property(), v.what(), turns(), List.of(), search.point));
        if (end == Search.End.DONE) {
            world.sync();
            Key end1 = key();
            ends.add(end1);
            stretchEnds(end1);
        }
    }

    private void add(Found f) {
        found.merge(f.id(), f, (a, b) -> Found.SIMPLER.compare(b, a) < 0 ? b : a);
    }

    private boolean hasId(@Nullable String id) {
        if (id == null) return false;
        for (Found f : found.values()) if (f.id().equals(id) || f.property.id().equals(id)) return true;
        return false;
    }

    private static long eventsIn(Found f) {
        return f.turns.stream().filter(t -> t.choice().isEvent()).count();
    }

    private List<Turn> turns() {
        return turns(path);
    }

    private static List<Turn> turns(@Nullable Path last) {
        ArrayDeque<Turn> all = new ArrayDeque<>();
        for (Path p = last; p != null; p = p.before) all.addFirst(p.turn);
        return List.copyOf(all);
    }

    // ---- the guide

    @Override
    public void step(PhysicalCpu cpu, String name) {
        step = coverage.reaches(search.running(), name);
    }

    @Override
    public String place() {
        return step;
    }

    @Override
    public void stepAgain(PhysicalCpu cpu, String name, String place) {
        step = place;
        coverage.reachesAgain(name, place);
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
        Turn t = script.peek();
        if (t != null) return scripted(t, others);
        if (!audit && !everywhere && isOneWay(others)) return Choice.GO;
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

    /** On the way along a prefix. */
    private Choice scripted(Turn t, List<Choice> others) {
        if (search.point != t.point()) return Choice.GO;
        Choice c = t.choice();
        if (!c.equals(Choice.GO) && (t.check() != search.check() || !others.contains(c)))
            throw new IllegalArgumentException("a beginning does not fit at '" + t + "': it is of other sources");
        script.remove();
        if (!c.equals(Choice.GO)) path = new Path(path, t);
        left -= budget.cost(c);
        if (c.isEvent() || c.isSwitch()) cost++;
        if (script.isEmpty()) {
            search.reduced = reduceAfterScript;
            world.footprints.dirty(-1);
            if (c.isEvent()) coverage.comes(c.event(), step);
        }
        return c;
    }

    /**
     * Nothing else than going on is left within the bounds, and it is not soon after a point of rest: to compare states
     * at each such point costs more than the steps that it saves.
     */
    private boolean isOneWay(List<Choice> others) {
        for (Choice o : others) if (Budget.atLeast(left, budget.cost(o))) return false;
        Context c = search.contexts().get(search.running());
        return c.depth() > 0 || c.since() > SOON;
    }

    private Choice started(Work w) {
        Choice c = w.choice;
        if (c.equals(Choice.GO)) {
            onlyAudit = true;
            stretchBegins(w.fork.key, c);
            return c;
        }
        path = new Path(path, search.turn(c));
        left -= budget.cost(c);
        if (c.isEvent()) coverage.comes(c.event(), step);
        stretchBegins(w.fork.key, c);
        return c;
    }

    private void fork(Key key, List<Choice> others) {
        Fork f = null;
        for (Choice o : others) {
            if (o.isEvent()) coverage.mayCome(o.event(), step);
            if (!Budget.atLeast(left, budget.cost(o))) continue;
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
        Stack[] stacks = new Stack[all.size()];
        long asked = 0;
        for (int i = 0; i < stacks.length; i++) {
            stacks[i] = all.get(i).stack(search.known);
            asked |= (long) all.get(i).asked << 4 * i;
        }
        return new Fork(
                key,
                world.snapshot(),
                stacks,
                asked,
                search.running(),
                search.point,
                search.stepHash,
                step,
                path,
                left,
                search.dirtyBefore);
    }

    @Override
    public void begins(Context c, String name) {
        begun.add(name);
    }

    // ---- states

    private Key key() {
        long who = search.running() + (search.isGiven() ? 100L : 2L);
        long a = world.h1() ^ Digests.mix(who, 0), b = world.h2() + Digests.mix(who, 1);
        for (Context c : search.contexts()) {
            a += c.identity(0);
            b += c.identity(1);
        }
        return new Key(a, b);
    }

    /** False when this state was seen with as much of the bounds left and as much to place, or more. */
    private boolean isNew(Key key, List<Choice> others) {
        Seen.Visit v = seen.visit(key.h1, key.h2, left, relevant(search.dirtyBefore));
        if (v == Seen.Visit.FIRST) states++;
        // Giving way costs nothing: without comparing, two tasks would be polite for ever.
        return v != Seen.Visit.NOTHING_NEW || unreduced && others.stream().noneMatch(o -> o.kind() == Choice.GIVE_WAY);
    }

    /** Of what is still to be placed, that which can be: events that the bounds allow, switches. */
    private long relevant(long dirty) {
        long mask = 0;
        for (Event e : search.eachEvent()) {
            if (Budget.atLeast(left, budget.cost(e))) mask |= Footprints.event(e);
        }
        long d = dirty & mask & ~world.footprints.wide();
        boolean switches = (left >> 8 & 0xff) != 0 && Footprints.switchIsDirty(dirty);
        return switches ? d | Footprints.cpu(0) : d;
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
