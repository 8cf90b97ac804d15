package dev.worldswitch.explore;

import dev.worldswitch.explore.Schedule.Turn;
import dev.worldswitch.explore.Subject.Step;
import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.Softirq;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs a subject's tasks as time and the schedule have it. It is their clock, their scheduler and their interrupt source;
 * a {@link Guide} says what happens at each point of choice. Contexts are coroutines; one that is taken up in the middle
 * is rebuilt first, from the log of what it read.
 */
final class Search implements Timing, CpuPools, Architecture.Waits {
    /** Decides at points of choice. */
    interface Guide {
        /**
         * A point of choice in the context that runs; {@code others} is never empty. Null ends the run here.
         */
        @Nullable
        Choice choose(List<Choice> others);

        /** A step of the explored code, live. */
        default void step(PhysicalCpu cpu, String name) {}

        /** The last step, as the guide names it. */
        default String place() {
            return "";
        }

        /** A step that code came to which was not run now; {@code place} is what {@link #place} was when it was. */
        default void stepAgain(PhysicalCpu cpu, String name, String place) {}

        /** What a choice led to, before the code takes it. */
        default void chosen(@Nullable PhysicalCpu cpu, Choice c) {}

        /** Where the architecture leaves it open, {@code what} is so; not usual. */
        default void open(String what, Choice c) {}

        /** A step of a task's program begins. */
        default void begins(Context c, String name) {}

        /** Something that must not be is so; the run goes on. */
        default void report(Violation v) {}
    }

    /** How a run ended. */
    enum End {
        /** Every task did all of its program. */
        DONE,
        /** The guide ended it. */
        CUT,
        /** Thrown: {@link #violation}. */
        VIOLATION
    }

    /** What a point of choice is. */
    private enum Kind {
        MOMENT,
        OPEN,
        LOCK,
        LEASE
    }

    /**
     * A point of choice, as far as the code that came there says it.
     *
     * @param isNew the code came there now; else it was taken up there
     * @param possible bits of the events that may happen, by their ordinals
     * @param n number of outcomes, or of CPUs
     */
    private record Point(
            Kind kind,
            @Nullable PhysicalCpu cpu,
            String what,
            boolean isNew,
            int asked,
            boolean inGuest,
            int possible,
            int n) {}

    private enum How {
        ASKS,
        WAITS,
        ENDED,
        THREW
    }

    /** How a stretch of a context's code ended. */
    private record Came(
            How how,
            @Nullable Stack at,
            @Nullable Point point,
            @Nullable Throwable thrown,
            String place) {
        /** What follows from the stack and what was read: not the last step's name, which may be from before. */
        @Override
        public boolean equals(@Nullable Object o) {
            return o instanceof Came c
                    && how == c.how
                    && at == c.at
                    && Objects.equals(point, c.point)
                    && String.valueOf(thrown).equals(String.valueOf(c.thrown));
        }

        @Override
        public int hashCode() {
            return Objects.hash(how, at, point);
        }
    }

    private static final int TASKS = 16;
    /** Choices of scripted guests begin so: they are no unknown values. */
    private static final String GUEST = "guest: ";

    final World world;
    private final Set<Event> events;
    /** The same, for loops at each moment. */
    private final Event[] each;
    /** Each event as a choice, by its ordinal. */
    private final Choice[] choices;

    private final List<Context> contexts = new ArrayList<>();
    private final Region region;
    /** Which context has each CPU, plus 1; which CPU each context had last, plus 1. */
    private final Words owner, last;
    /** Where a run that is recorded notes its steps. */
    @Nullable
    Session session;

    private @Nullable Subject subject;
    private Guide guide = others -> Choice.GO;
    private @Nullable Context current;
    private @Nullable Point asked;
    private @Nullable Choice decided;
    /** Stacks that there have been; null where every stretch of code is to run. */
    @Nullable
    Map<Stack.Key, Stack> known;

    /** All code runs each time, and is compared with what is known of it. */
    boolean compares;

    private @Nullable Violation violation;
    private long moments;
    /** The context that was just given the way; -1 for none. */
    private int given = -1;
    /** At the last moment, besides going on. */
    private List<Choice> offered = List.of();

    private final Map<String, Long> stepDigests = new HashMap<>();
    private boolean quietPending;
    /** Leaves out choices that commute with the step before them. */
    boolean reduced;
    /** At the present point of choice: what depends on the steps since it was last chosen. */
    long dirtyBefore = -1;
    /** Points of choice so far in this run, and the hash of its steps. */
    int point;

    long stepHash;

    Search(World world, Region root, int cpus, Set<Event> events) {
        this.world = world;
        this.events = events;
        this.each = events.toArray(new Event[0]);
        this.choices = Stream.of(Event.values()).map(Choice::of).toArray(Choice[]::new);
        this.region = root.child("explorer");
        this.owner = region.words("cpuOwner", cpus);
        this.last = region.words("lastCpu", TASKS);
    }

    /** The subject is set up: its tasks start from here. */
    void explore(Subject made) {
        subject = made;
        int n = 0;
        for (Subject.Program p : made.programs()) {
            int number = n++;
            contexts.add(new Context(number, p, () -> cpuOf(number)));
        }
        owner.fill(0, owner.length(), 0);
        last.fill(0, TASKS, 0);
        world.waits = this::await;
        world.reports = v -> guide.report(v);
        if (contexts.size() > TASKS) throw new IllegalArgumentException("more than " + TASKS + " tasks");
        world.freeze();
    }

    /** Every task is at its beginning; the world is the caller's to restore. */
    void reset() {
        for (Context c : contexts) {
            c.done = false;
            c.coroutine = null;
            c.begin(0);
        }
        point = 0;
        stepHash = 0;
    }

    Subject subject() {
        if (subject == null) throw new IllegalStateException("nothing is being explored yet");
        return subject;
    }

    Set<Event> events() {
        return events;
    }

    Event[] eachEvent() {
        return each;
    }

    List<Context> contexts() {
        return contexts;
    }

    void guide(Guide g) {
        guide = g;
    }

    /** Number of the task that runs; -1 between runs. */
    int running() {
        return current == null ? -1 : current.number;
    }

    /** Steps run live so far, in all runs. */
    long moments() {
        return moments;
    }

    Violation violation() {
        if (violation == null) throw new IllegalStateException("no violation");
        return violation;
    }

    // ---- runs

    /** Lets the tasks run, {@code first} first, until all are done or the guide has enough. */
    End run(int first) {
        return run(first, -1);
    }

    /** @param dirty as {@link Footprints#dirty} was where {@code first} is taken up */
    End run(int first, long dirty) {
        int next = first, waiting = 0;
        long itsDirty = dirty;
        given = -1;
        while (next >= 0) {
            Context c = contexts.get(next);
            if (given != next) given = -1;
            enter(c, itsDirty);
            itsDirty = -1;
            Came came = goOn(c, null);
            while (came.how == How.ASKS && !waitsForCpu(c, came.point)) {
                Point p = point(came);
                Choice choice = decide(c, p);
                if (choice == null) {
                    current = null;
                    return End.CUT;
                }
                waiting = 0;
                tell(p, choice);
                if (choice.isEvent()) happens(p, choice);
                if (choice.isSwitch() || choice.kind() == Choice.GIVE_WAY) {
                    next = choice.which();
                    given = choice.isSwitch() ? -1 : next;
                    break;
                }
                given = -1;
                came = goOn(c, p.kind == Kind.LEASE ? cpu(c, p, choice) : choice);
            }
            current = null;
            switch (came.how) {
                case THREW -> {
                    return thrown(came.thrown == null ? new IllegalStateException("nothing") : came.thrown);
                }
                case ENDED -> {
                    waiting = 0;
                    next = nextReady(next);
                }
                case WAITS -> {
                    if (++waiting > contexts.size()) return deadlock();
                    next = nextReady(next);
                }
                case ASKS -> {
                    if (next == c.number) {
                        if (++waiting > contexts.size()) return deadlock();
                        next = nextReady(next);
                    }
                }
            }
        }
        return End.DONE;
    }

    private End deadlock() {
        return thrown(new Violation(Property.NO_DEADLOCK, "every task waits: " + waiting()));
    }

    private static Point point(Came came) {
        if (came.point == null) throw new IllegalStateException("nothing is asked");
        return came.point;
    }

    private End thrown(Throwable t) {
        switch (t) {
            case Violation v -> violation = v;
            case KernelPanic p -> violation = new Violation(Property.of(p), String.valueOf(p.getMessage()));
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(t);
        }
        return End.VIOLATION;
    }

    /** The next task after this one that is not done; it may find that it still has to wait. */
    private int nextReady(int after) {
        int n = contexts.size();
        for (int i = 1; i <= n; i++) if (!contexts.get((after + i) % n).done) return (after + i) % n;
        return -1;
    }

    private void enter(Context c, long dirty) {
        current = c;
        long handlers = 0;
        for (Context o : contexts) handlers |= o.handlers();
        world.footprints.enter(handlers, cpuBit(c), dirty);
    }

    /** The next stretch of its code, after this choice; or to where it is, once more. */
    private Came goOn(Context c, @Nullable Choice choice) {
        if (!world.tapes.sawAll()) known = null;
        Map<Stack.Key, Stack> all = known;
        if (all == null) return live(c, choice, null);
        Tapes.Tape tape = c.stack(all).tape(choice);
        Tapes.End end = compares ? null : world.tapes.play(tape);
        if (end == null) return live(c, choice, tape);
        world.footprints.again(end.notes());
        Came came = (Came) end.outcome();
        if (came.at != null) c.goTo(came.at);
        Point p = came.point;
        if (p != null && p.isNew && p.cpu != null) {
            steps(p.cpu, p.what);
            guide.stepAgain(p.cpu, p.what, came.place);
        }
        return came;
    }

    private void steps(PhysicalCpu cpu, String step) {
        moments++;
        stepHash = Digests.mix(stepHash ^ stepDigests.computeIfAbsent(step, Digests::of), cpu.id() & 3);
    }

    /** Runs the code; its stack is built first where it stands somewhere else. */
    private Came live(Context c, @Nullable Choice choice, Tapes.@Nullable Tape tape) {
        if (!c.stands()) c.drop();
        Coroutine stack = c.coroutine;
        boolean build = stack == null && !c.atRest();
        if (stack == null) {
            stack = new Coroutine(() -> body(c));
            c.coroutine = stack;
        }
        if (build) {
            c.rewind();
            world.replay(c.log);
            if (choice != null) {
                // First to the point where it was chosen.
                stack.resume();
                world.quiet();
            }
        }
        if (tape != null) world.tapes.record(tape);
        c.runs();
        decided = choice;
        asked = null;
        if (!build || choice != null) world.live(c.log);
        stack.resume();
        world.quiet();
        Throwable thrown = stack.thrown();
        if (thrown != null && !(thrown instanceof Violation) && !(thrown instanceof KernelPanic)) world.tapes.stop();
        How how = thrown != null ? How.THREW : stack.ended() ? How.ENDED : asked != null ? How.ASKS : How.WAITS;
        if (how == How.THREW) c.coroutine = null;
        if (how == How.ENDED) c.ends();
        Came came =
                new Came(how, known == null || how == How.THREW ? null : c.stack(known), asked, thrown, guide.place());
        world.tapes.ends(came);
        return came;
    }

    /** The CPU that this context has; -1 for none. */
    private int cpuOf(int context) {
        for (int i = 0; i < owner.length(); i++) if (owner.peek(i) == context + 1) return i;
        return -1;
    }

    private long cpuBit(Context c) {
        int cpu = cpuOf(c.number);
        return Footprints.cpu(cpu < 0 ? Footprints.NO_CPU : cpu);
    }

    private void body(Context c) {
        List<Step> steps = c.program.steps();
        boolean again = false;
        for (int s = c.step; s < steps.size(); s += again ? 0 : 1) {
            if (again || s > c.step || c.atRest() && !world.replaying()) c.begin(s);
            Step step = steps.get(s);
            if (!world.replaying()) guide.begins(c, step.name());
            step.action().run();
            again = world.isSo(step.again());
        }
    }

    private Context current() {
        if (current == null) throw new IllegalStateException("no task is being explored");
        return current;
    }

    // ---- points of choice

    /** From within a context: the choice here; null when it is taken up here again, and what is possible may be another. */
    private @Nullable Choice ask(Point p) {
        asked = p;
        Coroutine.leave();
        Choice c = decided;
        decided = null;
        return c;
    }

    /** The guide's choice; null ends the run. */
    private @Nullable Choice decide(Context c, Point p) {
        List<Choice> others = switch (p.kind) {
            case MOMENT -> atMoment(c, p);
            case OPEN -> outcomes(p);
            case LOCK, LEASE -> tasksFirst(c, p);
        };
        point++;
        return others.isEmpty() ? Choice.GO : guide.choose(others);
    }

    private void tell(Point p, Choice c) {
        if (c.equals(Choice.GO)) return;
        if (p.kind == Kind.OPEN) guide.open(p.what, c);
        else guide.chosen(p.kind == Kind.MOMENT ? p.cpu : null, c);
    }

    private List<Choice> outcomes(Point p) {
        dirtyBefore = world.footprints.dirty();
        List<Choice> others = new ArrayList<>(p.n - 1);
        for (int i = 1; i < p.n; i++)
            others.add(new Choice(p.what.startsWith(GUEST) ? Choice.OUTCOME : Choice.UNKNOWN, i));
        return others;
    }

    /** The CPU goes to who was just given the way to it: that another could get it was decided before. */
    boolean isGiven() {
        return reduced && given >= 0 && given == running();
    }

    private List<Choice> tasksFirst(Context c, Point p) {
        List<Choice> others = new ArrayList<>(2);
        dirtyBefore = -1;
        if (p.kind == Kind.LOCK) {
            addSwitches(c, others);
            return others;
        }
        int usual = usualCpu(c, p.n);
        for (int i = 0; i < p.n; i++) if (owner.peek(i) == 0 && i != usual) others.add(new Choice(Choice.CPU, i));
        if (reduced && given == c.number && !c.isWoken()) return others;
        boolean begins = c.step() == 0;
        for (Context o : contexts)
            if (o != c && !o.done && !hasCpu(o) && !(begins && o.comesByPreemption))
                others.add(new Choice(Choice.GIVE_WAY, o.number));
        return others;
    }

    private boolean waitsForCpu(Context c, @Nullable Point p) {
        return p != null && p.kind == Kind.LEASE && usualCpu(c, p.n) < 0;
    }

    private Choice cpu(Context c, Point p, Choice choice) {
        return choice.kind() == Choice.CPU ? choice : new Choice(Choice.CPU, usualCpu(c, p.n));
    }

    /** True when a stack that is being rebuilt has not come to its end yet. */
    private boolean stillRebuilding(Context c) {
        if (!world.replaying()) return false;
        if (!c.atTarget()) return true;
        c.rebuilt();
        world.live(c.log);
        return false;
    }

    @Override
    public void moment(PhysicalCpu cpu, String step) {
        throw new UnsupportedOperationException("moments come by pass()");
    }

    @Override
    public void pass(PhysicalCpu cpu, String step) {
        Session s = session;
        if (s != null) s.step(step);
        if (current == null) {
            cpu.takePending();
            return;
        }
        Context c = current;
        boolean isNew = false;
        c.count++;
        if (world.replaying()) {
            if (c.atMark()) {
                // An interrupt came here and is not finished: it is rebuilt as well, and ends live.
                int mark = c.lastMark();
                cpu.takePending();
                returned(c, mark);
                return;
            }
            if (stillRebuilding(c)) return;
        } else {
            c.since++;
            if (world.trail != null) world.trail.step(step);
            world.quietly(() -> {
                steps(cpu, step);
                guide.step(cpu, step);
                subject().observe(cpu, step, this::report);
            });
            isNew = true;
        }
        Footprints f = world.footprints;
        Task task = c.program.task();
        long raised = 0;
        Choice choice = ask(moment(cpu, step, task, isNew));
        while (choice == null) choice = ask(moment(cpu, step, task, false));
        if (choice.isEvent()) {
            Event e = choice.event();
            int[] asked = new int[1];
            world.quietly(() -> asked[0] = asked(task));
            quietPending = false;
            world.quietly(() -> quietPending = cpu.anyPending());
            // With a line that waited here two handlers run, one in the other: whose accesses they are cannot be told.
            if (!quietPending) raised = Footprints.event(e, asked[0]);
            f.open(raised);
            world.happens(() -> e.happen(cpu, subject()));
        }
        quietPending = false;
        world.quietly(() -> quietPending = cpu.anyPending() && !cpu.inGuest());
        if (quietPending) {
            int mark = c.mark(raised);
            long count = task.preemptCount().peek(0);
            cpu.takePending();
            if (task.preemptCount().peek(0) != count)
                throw new IllegalStateException("an interrupt leaves another preempt_count than it found");
            returned(c, mark);
        } else if (choice.isEvent()) f.allDirty();
        if (raised != 0) f.close(raised & ~c.handlersNow());
    }

    private void report(Violation v) {
        if (world.tapes.recording()) world.tapes.report(v);
        guide.report(v);
    }

    private static int asked(Task task) {
        return Softirq.asked(task.preemptCount().get());
    }

    private Point moment(PhysicalCpu cpu, String step, Task task, boolean isNew) {
        Point[] p = new Point[1];
        world.quietly(() -> {
            int possible = 0;
            for (Event e : each) if (e.possible(cpu, subject())) possible |= 1 << e.ordinal();
            p[0] = new Point(Kind.MOMENT, cpu, step, isNew, asked(task), cpu.inGuest(), possible, 0);
        });
        return p[0];
    }

    private void returned(Context c, int mark) {
        long handlers = c.handlersNow();
        boolean isPlaced = c.handler(mark) != 0;
        c.cut(mark);
        world.footprints.close(handlers & ~c.handlersNow());
        if (!isPlaced) world.footprints.allDirty();
    }

    /** What may be chosen besides going on; events and switches only where they do not commute with what came before. */
    private List<Choice> atMoment(Context c, Point p) {
        List<Choice> others = List.of();
        Footprints f = world.footprints;
        if (p.asked != c.asked) f.dirty(-1);
        c.asked = p.asked;
        boolean everywhere = !reduced || p.inGuest;
        long dirty = everywhere ? -1 : f.dirty();
        for (Event e : each) {
            long bit = Footprints.event(e, p.asked);
            if ((p.possible >>> e.ordinal() & 1) == 0 || e == Event.PREEMPT && c.comesByPreemption) dirty |= bit;
            else if (everywhere || ((dirty | f.wide()) & bit) != 0) {
                if (others.isEmpty()) others = new ArrayList<>(4);
                others.add(choices[e.ordinal()]);
            }
        }
        if (contexts.size() > 1 && (everywhere || Footprints.switchIsDirty(dirty))) {
            List<Choice> all = new ArrayList<>(others);
            addSwitches(c, all);
            others = all;
        }
        dirtyBefore = dirty;
        offered = others;
        // What is placed here need not be placed again before something else conflicts with it.
        for (Choice o : others) {
            if (o.isEvent()) dirty &= ~Footprints.event(o.event(), p.asked);
            else dirty = Footprints.switchClean(dirty);
        }
        f.dirty(dirty);
        return others;
    }

    /**
     * An event is placed here: those that were offered before it need not come right after it, for they were placed right before
     * it; what it does itself makes them matter again, where they depend on that.
     */
    private void happens(Point p, Choice event) {
        Footprints f = world.footprints;
        long dirty = f.dirty();
        boolean isAfter = false;
        for (Choice o : offered) {
            isAfter |= o.equals(event);
            if (!isAfter) continue;
            dirty |= o.isEvent() ? Footprints.event(o.event(), p.asked) : Footprints.switches();
        }
        f.dirty(dirty);
    }

    private void addSwitches(Context c, List<Choice> others) {
        for (Context o : contexts) if (o != c && !o.done && canRun(o)) others.add(new Choice(Choice.SWITCH, o.number));
    }

    /** It has a CPU, or could get one at once. */
    private boolean canRun(Context o) {
        for (int i = 0; i < owner.length(); i++) if (owner.peek(i) == o.number + 1 || owner.peek(i) == 0) return true;
        return false;
    }

    @Override
    public void rest(String where, long live) {
        Context c = current;
        if (c == null || world.replaying() || c.depth != 0) return;
        c.log.rest(Digests.of(where), live);
        c.since = 0;
    }

    /** One of {@code n} outcomes; each is tried. What the architecture leaves open may have a bound. */
    @Override
    public int choose(String what, int n) {
        Context c = current;
        if (c == null || n < 2 || !world.logs()) return 0;
        if (isLogged(c)) return (int) c.log.nextLong();
        Point p = new Point(Kind.OPEN, null, what, true, 0, false, 0, n);
        Choice choice = ask(p);
        while (choice == null) choice = ask(p);
        c.log.add(choice.which());
        return choice.which();
    }

    @Override
    public long now() {
        return 0;
    }

    // ---- CPUs

    @Override
    public <C extends PhysicalCpu> CpuPool<C> over(List<C> cpus) {
        return new CpuPool<>() {
            @Override
            public C lease(Task task) {
                return cpus.get(current == null ? 0 : leased(cpus.size()));
            }

            @Override
            public void release(Task task) {
                Context c = current;
                if (c == null) return;
                boolean before = world.replaying();
                for (int i = 0; i < owner.length(); i++) if (owner.get(i) == c.number + 1) owner.set(i, 0);
                if (!before) world.footprints.onCpu(Footprints.cpu(Footprints.NO_CPU));
            }
        };
    }

    /** Whether the context is still being rebuilt: what it chooses now is in its log. */
    private boolean isLogged(Context c) {
        c.count++;
        if (!world.replaying()) {
            c.since++;
            return false;
        }
        if (!c.atTarget()) return true;
        c.rebuilt();
        world.live(c.log);
        return false;
    }

    private int leased(int cpus) {
        Context c = current();
        if (isLogged(c)) return (int) c.log.nextLong();
        Point p = new Point(Kind.LEASE, null, "", true, 0, false, 0, cpus);
        Choice choice = ask(p);
        while (choice == null) choice = ask(p);
        int cpu = choice.which();
        owner.set(cpu, c.number + 1);
        last.set(c.number, cpu + 1);
        c.log.add(cpu);
        world.footprints.wide(c.handlersNow());
        world.footprints.onCpu(Footprints.cpu(cpu));
        return cpu;
    }

    /** The free CPU that it had last, else the first free one; -1 when none is. */
    private int usualCpu(Context c, int cpus) {
        int before = (int) last.peek(c.number) - 1;
        if (before >= 0 && owner.peek(before) == 0) return before;
        for (int i = 0; i < cpus; i++) if (owner.peek(i) == 0) return i;
        return -1;
    }

    private boolean hasCpu(Context o) {
        return cpuOf(o.number) >= 0;
    }

    @Override
    public void until(BooleanSupplier condition) {
        sleepUntil("an event", condition);
    }

    /** A lock is asked for: tasks on other CPUs may come first; one that finds it taken sleeps, off its CPU. */
    private void await(String what, BooleanSupplier condition) {
        if (current != null && contexts.size() > 1 && world.logs()) othersFirst(current);
        sleepUntil(what, condition);
    }

    private void othersFirst(Context c) {
        c.count++;
        if (!world.replaying()) c.since++;
        else if (stillRebuilding(c)) return;
        Point p = new Point(Kind.LOCK, null, "", true, 0, false, 0, 0);
        while (ask(p) == null) {}
    }

    private void sleepUntil(String what, BooleanSupplier condition) {
        if (condition.getAsBoolean()) return;
        if (current == null) throw new IllegalStateException("setting up waits for ever for " + what);
        Context c = current;
        c.waitsFor = what;
        subject().sleeps(c.program.task());
        c.count++;
        if (!world.replaying()) c.since++;
        // It learns nothing from asking in vain, and from the answer only that it is so: neither is logged.
        if (!world.replaying() || !stillRebuilding(c)) while (!world.asked(condition)) waits();
        subject().wakes(c.program.task());
        c.waitsFor = Context.A_CPU;
    }

    /** From within a context: others go on until it is asked again. */
    private void waits() {
        asked = null;
        Coroutine.leave();
    }

    private String waiting() {
        List<String> each = new ArrayList<>();
        for (Context c : contexts)
            if (!c.done) each.add(c.program.task().region().name() + " for " + c.stack(known).waitsFor);
        return String.join(", ", each);
    }

    /** The hash of the steps so far, as schedules carry it. */
    int check() {
        return (int) (stepHash >>> 48);
    }

    Turn turn(Choice c) {
        return new Turn(point, c.kind(), c.which(), check());
    }
}
