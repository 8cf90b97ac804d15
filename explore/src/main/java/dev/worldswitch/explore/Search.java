package dev.worldswitch.explore;

import dev.worldswitch.explore.Schedule.Turn;
import dev.worldswitch.explore.Subject.Step;
import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
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

    private enum Left {
        STOPPED,
        SWITCHED,
        BLOCKED
    }

    private static final int TASKS = 16;
    /** Choices of scripted guests begin so: they are no unknown values. */
    private static final String GUEST = "guest: ";

    final World world;
    private final Set<Event> events;
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
    private Left left = Left.STOPPED;
    private int switchTo;
    private @Nullable Violation violation;
    private long moments;
    private boolean quietPending;
    private long takenUpDirty = -1;
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
        this.region = root.child("explorer");
        this.owner = region.words("cpuOwner", cpus);
        this.last = region.words("lastCpu", TASKS);
    }

    /** The subject is set up: its tasks start from here. */
    void explore(Subject made) {
        subject = made;
        int n = 0;
        for (Subject.Program p : made.programs()) contexts.add(new Context(n++, p));
        owner.fill(0, owner.length(), 0);
        last.fill(0, TASKS, 0);
        world.waits = this::await;
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
        takenUpDirty = dirty;
        int next = first, blocked = 0;
        while (next >= 0) {
            Context c = contexts.get(next);
            resume(c);
            Coroutine stack = c.coroutine;
            if (stack != null && stack.ended()) {
                Throwable t = stack.thrown();
                if (t != null) return thrown(t);
                c.coroutine = null;
                c.done = true;
                c.begin(c.program.steps().size());
                blocked = 0;
                next = nextReady(next);
                continue;
            }
            switch (left) {
                case STOPPED -> {
                    return End.CUT;
                }
                case SWITCHED -> {
                    blocked = 0;
                    next = switchTo;
                }
                case BLOCKED -> {
                    if (++blocked > contexts.size())
                        return thrown(new Violation(Property.NO_DEADLOCK, "every task waits: " + waiting()));
                    next = nextReady(next);
                }
            }
        }
        return End.DONE;
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

    private void resume(Context c) {
        current = c;
        long handlers = 0;
        for (Context o : contexts) handlers |= o.handlers();
        world.footprints.enter(handlers, cpuBit(c), takenUpDirty);
        takenUpDirty = -1;
        Coroutine stack = c.coroutine;
        if (stack == null) {
            stack = new Coroutine(() -> body(c));
            c.coroutine = stack;
            if (!c.atRest()) {
                c.rewind();
                world.replay(c.log);
            } else world.live(c.log);
        } else world.live(c.log);
        stack.resume();
        world.quiet();
        current = null;
    }

    private long cpuBit(Context c) {
        for (int i = 0; i < owner.length(); i++) if (owner.peek(i) == c.number + 1) return Footprints.cpu(i);
        return Footprints.cpu(Footprints.NO_CPU);
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

    private void leave(Left how) {
        left = how;
        Coroutine.leave();
    }

    // ---- points of choice

    /** The guide's choice; leaves for good where the run ends. */
    private Choice choose(List<Choice> others) {
        point++;
        if (others.isEmpty()) return Choice.GO;
        world.quiet();
        Choice c = guide.choose(others);
        if (c == null) {
            leave(Left.STOPPED);
            throw new IllegalStateException("a run that had ended went on");
        }
        world.live(current().log);
        return c;
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
            moments++;
            stepHash = Digests.mix(stepHash ^ Digests.of(step), cpu.id() & 3);
            if (world.trail != null) world.trail.step(step);
            world.quietly(() -> {
                guide.step(cpu, step);
                subject().observe(cpu, step, guide::report);
            });
        }
        Footprints f = world.footprints;
        Task task = c.program.task();
        long raised = 0;
        for (; ; ) {
            Choice choice = choose(atMoment(c, cpu, task));
            if (choice.isSwitch()) {
                guide.chosen(cpu, choice);
                switchTo = choice.which();
                leave(Left.SWITCHED);
                continue;
            }
            if (choice.isEvent()) {
                raised = Footprints.event(choice.event(), c.preemptible);
                long bit = raised;
                world.quietly(() -> guide.chosen(cpu, choice));
                f.open(bit);
                world.happens(() -> choice.event().happen(cpu, subject()));
                f.dirty(-1);
            }
            break;
        }
        quietPending = false;
        world.quietly(() -> quietPending = cpu.anyPending() && !cpu.inGuest());
        if (quietPending) {
            int mark = c.mark(raised);
            cpu.takePending();
            returned(c, mark);
        }
        if (raised != 0) f.close(raised & ~c.handlers());
    }

    private void returned(Context c, int mark) {
        long handlers = c.handlers();
        c.cut(mark);
        world.footprints.close(handlers & ~c.handlers());
        world.footprints.dirty(-1);
    }

    /** What may be chosen besides going on; events and switches only where they do not commute with what came before. */
    private List<Choice> atMoment(Context c, PhysicalCpu cpu, Task task) {
        List<Choice> others = new ArrayList<>(4);
        world.quietly(() -> {
            Footprints f = world.footprints;
            boolean preemptible = task.preemptCount().get() == 0;
            if (preemptible != c.preemptible) f.dirty(-1);
            c.preemptible = preemptible;
            boolean everywhere = !reduced || cpu.inGuest();
            long dirty = everywhere ? -1 : f.dirty();
            for (Event e : events) {
                long bit = Footprints.event(e, preemptible);
                if (!e.possible(cpu, subject())) dirty |= bit;
                else if (everywhere || ((dirty | f.wide()) & bit) != 0) others.add(Choice.of(e));
            }
            if (contexts.size() > 1 && (everywhere || Footprints.switchIsDirty(dirty))) addSwitches(c, others);
            dirtyBefore = dirty;
            // What is placed here need not be placed again before something else conflicts with it.
            for (Choice o : others) {
                if (o.isEvent()) dirty &= ~Footprints.event(o.event(), preemptible);
                else dirty = Footprints.switchClean(dirty);
            }
            f.dirty(dirty);
        });
        return others;
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
        dirtyBefore = world.footprints.dirty();
        char kind = what.startsWith(GUEST) ? Choice.OUTCOME : Choice.UNKNOWN;
        List<Choice> others = new ArrayList<>();
        for (int i = 1; i < n; i++) others.add(new Choice(kind, i));
        Choice choice = choose(others);
        if (choice.kind() == kind) guide.open(what, choice);
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
                for (int i = 0; i < owner.length(); i++) if (owner.get(i) == c.number + 1) owner.set(i, 0);
                world.footprints.enter(world.footprints.handlers(), Footprints.cpu(Footprints.NO_CPU), -1);
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
        for (; ; ) {
            List<Choice> others = new ArrayList<>();
            int usual = usualCpu(c, cpus);
            for (int i = 0; i < cpus; i++) if (owner.peek(i) == 0 && i != usual) others.add(new Choice(Choice.CPU, i));
            if (usual < 0) {
                leave(Left.BLOCKED);
                continue;
            }
            dirtyBefore = -1;
            for (Context o : contexts)
                if (o != c && !o.done && !hasCpu(o)) others.add(new Choice(Choice.GIVE_WAY, o.number));
            Choice choice = choose(others);
            if (choice.kind() != '-') guide.chosen(null, choice);
            if (choice.kind() == Choice.GIVE_WAY) {
                switchTo = choice.which();
                leave(Left.SWITCHED);
                continue;
            }
            int cpu = choice.kind() == Choice.CPU ? choice.which() : usual;
            owner.set(cpu, c.number + 1);
            last.set(c.number, cpu + 1);
            c.log.add(cpu);
            world.footprints.wide(c.handlers());
            world.footprints.enter(world.footprints.handlers(), Footprints.cpu(cpu), -1);
            return cpu;
        }
    }

    /** The free CPU that it had last, else the first free one; -1 when none is. */
    private int usualCpu(Context c, int cpus) {
        int before = (int) last.peek(c.number) - 1;
        if (before >= 0 && owner.peek(before) == 0) return before;
        for (int i = 0; i < cpus; i++) if (owner.peek(i) == 0) return i;
        return -1;
    }

    private boolean hasCpu(Context o) {
        for (int i = 0; i < owner.length(); i++) if (owner.peek(i) == o.number + 1) return true;
        return false;
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
        for (; ; ) {
            List<Choice> others = new ArrayList<>();
            world.quietly(() -> addSwitches(c, others));
            dirtyBefore = -1;
            Choice choice = choose(others);
            if (!choice.isSwitch()) return;
            guide.chosen(null, choice);
            switchTo = choice.which();
            leave(Left.SWITCHED);
        }
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
        if (!world.replaying() || !stillRebuilding(c)) while (!world.asked(condition)) leave(Left.BLOCKED);
        subject().wakes(c.program.task());
        c.waitsFor = "a CPU";
    }

    private String waiting() {
        List<String> each = new ArrayList<>();
        for (Context c : contexts)
            if (!c.done) each.add(c.program.task().region().name() + " for " + c.waitsFor);
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
