package dev.worldswitch.explore;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What is explored: a booted simulated host with KVM, and the tasks on it. An architecture makes it; all else here knows
 * only this.
 */
public interface Subject {
    /**
     * One call or one stretch of user code. Between two steps a task rests: nothing is live but cells, the client's
     * memory and the number of the step.
     *
     * @param again asked after it: whether the same step follows
     */
    record Step(String name, Runnable action, BooleanSupplier again) {
        public Step(String name, Runnable action) {
            this(name, action, () -> false);
        }
    }

    /** A host task and what it does, from getting its first CPU to giving up its last. */
    record Program(Task task, List<Step> steps) {}

    /** A task in user mode. */
    interface UserTask {
        Task task();

        boolean mayFreeze();

        /** It may start another program. */
        boolean mayExec();

        void execs();
    }

    /** A value that a timeline shows where it changes; read without the explored code noticing. */
    record Gauge(String name, LongSupplier value) {}

    List<? extends PhysicalCpu> cpus();

    List<Program> programs();

    List<Gauge> gauges();

    /** What a report shows of its CPUs and vCPUs. */
    default List<RegisterFile> registers() {
        return List.of();
    }

    /** From now on {@code listener} hears in a few words what guests do: for a timeline. */
    default void tell(Consumer<String> listener) {}

    /** From now on {@code listener} hears of KVM's tracepoints, instead of the one that {@link #tell} named. */
    default void trace(Tracepoints listener) {}

    /** The task on this CPU where a signal for it matters, for it may be in a call that a signal ends; null otherwise. */
    default @Nullable Task signalled(PhysicalCpu cpu) {
        return null;
    }

    /** A signal for the task on this CPU matters. */
    default boolean maySignal(PhysicalCpu cpu) {
        return signalled(cpu) != null;
    }

    /** signal_wake_up: that task's flag, and an IPI where it runs. The handler does nothing. */
    default void signal(PhysicalCpu cpu) {
        Task t = signalled(cpu);
        if (t == null) return;
        t.flags().setBits(Task.TIF_SIGPENDING);
        cpu.raise(Line.KICK);
    }

    /** A CPU is idle, and this architecture models what it loses when it goes off. */
    default boolean mayPowerCycle() {
        return false;
    }

    /** Idle CPUs go off and come back, by hotplug or in a deep idle state. */
    default void powerCycle() {}

    /** Its tasks as events in user mode concern them; none where such events are not modelled. */
    default List<? extends UserTask> userTasks() {
        return List.of();
    }

    /** Every task is in user mode, where it can be frozen, and this architecture models what CPUs lose. */
    default boolean maySuspend() {
        return !userTasks().isEmpty() && userTasks().stream().allMatch(UserTask::mayFreeze);
    }

    /** The machine sleeps and wakes. */
    default void suspend() {}

    /** The task on this CPU is in user mode, and may start another program. */
    default boolean mayExec(PhysicalCpu cpu) {
        return inUserMode(cpu) != null;
    }

    /** It calls execve(). */
    default void exec(PhysicalCpu cpu) {
        UserTask t = inUserMode(cpu);
        if (t != null) t.execs();
    }

    private @Nullable UserTask inUserMode(PhysicalCpu cpu) {
        for (UserTask t : userTasks()) if (t.task().cpuIfAny() == cpu && t.mayExec()) return t;
        return null;
    }

    /** The task goes off its CPU, for it waits for another task. */
    default void sleeps(Task task) {}

    /** What it waited for is so: it gets a CPU again. */
    default void wakes(Task task) {}

    /** Looks at a moment of the run, before its events: reports what must never be so. Reads cells as a stranger. */
    void observe(PhysicalCpu cpu, String step, Consumer<Violation> report);
}
