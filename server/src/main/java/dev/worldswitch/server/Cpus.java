package dev.worldswitch.server;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The physical CPUs of a simulated host among real threads: first come, first served. Who waits sends a reschedule
 * request to one CPU after the other, a time slice apart, so that a spinning guest gives way.
 */
final class Cpus<C extends PhysicalCpu> implements CpuPool<C> {
    private final OrderedLock lock = new OrderedLock("Cpus");
    private static final long SLICE_MS = 4;

    private final List<C> free, byId;
    private final int all;
    private final boolean migrate;
    private final Map<Task, C> running = new HashMap<>();
    private final Map<Task, C> last = new HashMap<>();
    private final ArrayDeque<Task> waiting = new ArrayDeque<>();
    private final ArrayDeque<C> order = new ArrayDeque<>();

    /** @param migrate give a task another CPU than its last one where that is possible */
    Cpus(List<C> cpus, boolean migrate) {
        this.free = new ArrayList<>(cpus);
        this.byId = List.copyOf(cpus);
        this.all = cpus.size();
        this.migrate = migrate;
        order.addAll(cpus);
    }

    /** Called with the task that is about to get a CPU, by its thread. */
    private volatile Consumer<Task> beforeLease = t -> {};

    /** Tasks that want the CPU that another had last. */
    private final Map<Task, C> wishes = new HashMap<>();

    private long leases, migrations;

    void beforeLease(Consumer<Task> listener) {
        beforeLease = listener;
    }

    /** {@code task} shall get the CPU that {@code other} had last, when it is free. */
    void wishCpuOf(Task task, Task other) {
        try (var _ = lock.hold()) {
            C cpu = last.get(other);
            if (cpu != null) wishes.put(task, cpu);
        }
    }

    /** CPUs given to tasks, and how often it was another one than the task's last. */
    long[] leasesAndMigrations() {
        try (var _ = lock.hold()) {
            return new long[] {leases, migrations};
        }
    }

    @Override
    public C lease(Task task) {
        beforeLease.accept(task);
        return take(task);
    }

    private C take(Task task) {
        try (var _ = lock.hold()) {
            waiting.add(task);
            boolean interrupted = false;
            while (free.isEmpty() || waiting.peek() != task) {
                try {
                    lock.await(SLICE_MS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
                if (free.isEmpty() && waiting.peek() == task) preemptNext();
            }
            waiting.remove();
            if (interrupted) Thread.currentThread().interrupt();
            C before = last.get(task), wish = wishes.remove(task);
            C cpu = wish != null && free.contains(wish) ? wish : choose(before);
            leases++;
            if (before != null && before != cpu) migrations++;
            free.remove(cpu);
            running.put(task, cpu);
            last.put(task, cpu);
            if (!waiting.isEmpty()) lock.tellAll();
            return cpu;
        }
    }

    /** The CPU with this number. */
    PhysicalCpu get(int id) {
        return byId.get(id);
    }

    private C choose(@org.jspecify.annotations.Nullable C before) {
        for (C c : free) if ((c == before) != migrate) return c;
        return free.getFirst();
    }

    private void preemptNext() {
        C next = order.remove();
        order.add(next);
        next.raise(Line.RESCHEDULE);
    }

    @Override
    public void release(Task task) {
        try (var _ = lock.hold()) {
            C cpu = running.remove(task);
            if (cpu != null) free.add(cpu);
            lock.tellAll();
        }
    }

    /** A call that broke down left its CPU behind. @param recover makes it fit for others */
    void giveBack(Task task, Consumer<PhysicalCpu> recover) {
        try (var _ = lock.hold()) {
            C cpu = running.get(task);
            if (cpu == null) return;
            cpu.recover();
            recover.accept(cpu);
            task.preemptNotifier().set(null);
            task.preemptCount().set(0);
            task.onCpu(null);
            release(task);
        }
    }

    /** Makes a guest that the task runs exit; nothing when the task is on no CPU, it looks again before it enters. */
    void kick(Task task) {
        try (var _ = lock.hold()) {
            C cpu = running.get(task);
            if (cpu != null) cpu.raise(Line.KICK);
        }
    }

    void ended(Task task) {
        try (var _ = lock.hold()) {
            last.remove(task);
        }
    }

    /** CPUs that nobody has. */
    int idle() {
        try (var _ = lock.hold()) {
            return free.size();
        }
    }

    int count() {
        return all;
    }
}
