package dev.worldswitch.explore;

import dev.worldswitch.explore.Subject.Program;
import java.util.Arrays;
import java.util.Map;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A task under exploration: its program, its stack as a coroutine, and what identifies and rebuilds that stack: the step
 * it is in, the log of what it read since that step began, its count of points, and the interrupts that it is in.
 */
final class Context {
    /** A context at some point; enough to rebuild it. */
    record Saved(
            int step,
            int count,
            int since,
            int depth,
            int[] marks,
            int[] sinces,
            long[] handlers,
            Log.Place[] places,
            Log.Place log) {}

    private static final int DEEPEST = 8;
    static final String A_CPU = "a CPU";
    final int number;
    final Program program;
    final Log log = new Log();

    @Nullable
    Coroutine coroutine;

    int step;
    /** Points of this step so far, and since its last point of rest. */
    int count, since;

    int depth;
    boolean done;
    /** It gets a CPU only where another is preempted or ends, and nobody preempts it. */
    boolean comesByPreemption;
    /** What of its preempt_count could be told at its last moment: {@link dev.worldswitch.kernel.Softirq#asked}. */
    int asked;

    /** For a deadlock's text: what it waits for when it does. */
    String waitsFor = A_CPU;

    private final int[] marks = new int[DEEPEST], sinces = new int[DEEPEST];
    private final long[] handlers = new long[DEEPEST];
    private final Log.@Nullable Place[] places = new Log.@Nullable Place[DEEPEST];

    private int target, nextMark;
    private @Nullable Saved saved;
    /** Where it is; null while it runs, and where nobody has asked yet. */
    private @Nullable Stack at;
    /** Where its coroutine stands: another place than {@link #at} once it has gone on without running. */
    private @Nullable Stack standing;

    private final IntSupplier cpu;

    /** @param cpu which CPU it has; -1 for none */
    Context(int number, Program program, IntSupplier cpu) {
        this.cpu = cpu;
        this.number = number;
        this.program = program;
    }

    /** A step begins: nothing is on the stack. */
    void begin(int number) {
        at = null;
        step = number;
        count = since = depth = 0;
        log.clear();
    }

    /**
     * An interrupt is taken: what it reads is forgotten when it returns, for it shares only cells.
     *
     * @param handler its bit in {@link Footprints}; 0 when it was raised elsewhere
     */
    int mark(long handler) {
        if (depth == DEEPEST) throw new IllegalStateException("interrupts nest " + DEEPEST + " deep");
        marks[depth] = count;
        sinces[depth] = since;
        handlers[depth] = handler;
        places[depth] = log.place();
        // Else a handler that came to another moment, with nothing read between the two, would pass for this one.
        log.enters(since);
        return depth++;
    }

    /** The same while it runs. */
    long handlersNow() {
        long all = 0;
        for (int i = 0; i < depth; i++) all |= handlers[i];
        return all;
    }

    /** Bit of the interrupt with this mark. */
    long handler(int mark) {
        return handlers[mark];
    }

    /** The interrupt with this mark has returned. */
    void cut(int mark) {
        Log.Place p = places[mark];
        if (p == null) throw new IllegalStateException("no such mark");
        depth = mark;
        count = marks[mark];
        since = sinces[mark];
        log.backTo(p);
    }

    private Saved save() {
        return new Saved(
                step,
                count,
                since,
                depth,
                Arrays.copyOf(marks, depth),
                Arrays.copyOf(sinces, depth),
                Arrays.copyOf(handlers, depth),
                Arrays.copyOf(places, depth, Log.Place[].class),
                log.place());
    }

    /** Where it is; {@code known} are the stacks that there have been, null where none is remembered. */
    Stack stack(@Nullable Map<Stack.Key, Stack> known) {
        Stack s = at;
        if (s != null) return s;
        Stack.Key key = new Stack.Key(hash(0), hash(1), handlersNow(), cpu.getAsInt());
        s = known == null ? null : known.get(key);
        if (s == null) {
            s = new Stack(key, save(), waitsFor);
            if (known != null) known.put(key, s);
        }
        at = s;
        standing = s;
        return s;
    }

    /** It is there without having run. */
    void goTo(Stack s) {
        at = s;
        done = s.saved.step == program.steps().size() && s.saved.count == 0;
    }

    /** The coroutine stands where the context is. */
    boolean stands() {
        return coroutine != null && (at == null || at == standing);
    }

    /** It is about to run. */
    void runs() {
        at = null;
        standing = null;
    }

    /** Its coroutine has come to an end. */
    void ends() {
        coroutine = null;
        done = true;
        begin(program.steps().size());
    }

    /** The step that it is in. */
    int step() {
        return at == null ? step : at.saved.step();
    }

    /** It waited for something else than a CPU, and has it. */
    boolean isWoken() {
        return !(at == null ? waitsFor : at.waitsFor).equals(A_CPU);
    }

    /** How many interrupts it is in. */
    int depth() {
        return at == null ? depth : at.saved.depth();
    }

    /** Points since its last point of rest. */
    int since() {
        return at == null ? since : at.saved.since();
    }

    /** Bits of the interrupts that it is in. */
    long handlers() {
        return at == null ? handlersNow() : at.key.handlers();
    }

    /** Becomes what {@code s} says; its stack is built when it next goes on. */
    private void load(Saved s) {
        saved = s;
        coroutine = null;
        step = s.step;
        log.backTo(s.log);
        count = s.count;
        since = s.since;
        depth = s.depth;
        System.arraycopy(s.marks, 0, marks, 0, s.depth);
        System.arraycopy(s.sinces, 0, sinces, 0, s.depth);
        System.arraycopy(s.handlers, 0, handlers, 0, s.depth);
        System.arraycopy(s.places, 0, places, 0, s.depth);
    }

    /** True when it rests before a step or has not begun: there is no stack to rebuild. */
    boolean atRest() {
        return count == 0;
    }

    /** Readies rebuilding the stack: the code of the step runs again from its start. */
    void rewind() {
        Saved s = saved();
        log.rewind();
        target = s.count;
        nextMark = 0;
        count = 0;
        depth = s.depth;
    }

    /** While rebuilding, at the next point: has it an interrupt on top of it that is not finished? */
    boolean atMark() {
        if (nextMark == depth || marks[nextMark] != count) return false;
        nextMark++;
        return true;
    }

    int lastMark() {
        return nextMark - 1;
    }

    boolean atTarget() {
        return count == target;
    }

    /** The stack is rebuilt. */
    void rebuilt() {
        log.rebuilt();
        since = saved().since;
    }

    /** Its coroutine is dropped, and built again when it next runs. */
    void drop() {
        Stack s = at;
        coroutine = null;
        if (s != null) load(s.saved);
    }

    private Saved saved() {
        if (saved == null) throw new IllegalStateException("context " + number + " was never saved");
        return saved;
    }

    /** Its share of a state's identity. */
    long identity(int lane) {
        Stack s = at;
        return s == null ? hash(lane) : lane == 0 ? s.key.h1() : s.key.h2();
    }

    private long hash(int lane) {
        long h = Digests.mix(number + 1L, lane) + (done ? 1 : 0);
        h = Digests.mix(h ^ step, lane);
        h = Digests.mix(h + ((long) since << 8 | depth) + (count == 0 ? 0 : 1L << 40), lane);
        return Digests.mix(h ^ (lane == 0 ? log.h1() : log.h2()), lane);
    }
}
