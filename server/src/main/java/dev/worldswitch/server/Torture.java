package dev.worldswitch.server;

import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.KvmHost;
import java.util.ArrayDeque;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * What torture adds to {@link TortureTiming}: other host tasks that use vector registers on the CPU that a task just left, and
 * lines raised while guests execute.
 */
final class Torture {
    private final OrderedLock lock = new OrderedLock("Torture");
    private static final long PAUSE_NS = 300_000;

    /** A host task with registers of its own. */
    private static final class Bystander {
        final Task task;
        long value;

        Bystander(Task task) {
            this.task = task;
        }
    }

    private final TortureTiming timing;
    private final KvmHost host;
    private final Cpus<?> cpus;
    private final Consumer<KernelPanic> panicked;
    private final ArrayDeque<Bystander> resting = new ArrayDeque<>();
    private final Set<Task> bystanders = ConcurrentHashMap.newKeySet();
    private final AtomicLong turns = new AtomicLong(), values = new AtomicLong(0x7573_6572_0000_0000L);

    Torture(TortureTiming timing, KvmHost host, Cpus<?> cpus, Consumer<KernelPanic> panicked) {
        this.timing = timing;
        this.host = host;
        this.cpus = cpus;
        this.panicked = panicked;
        cpus.beforeLease(this::beforeLease);
        Thread t = new Thread(null, this::raiseLines, "ws-torture", 0);
        t.setDaemon(true);
        t.start();
    }

    // Moments are where the host touches hardware: a guest that computes has none, its CPU is interrupted from outside.
    private void raiseLines() {
        while (true) {
            java.util.concurrent.locks.LockSupport.parkNanos(PAUSE_NS + timing.outside(cpus));
        }
    }

    private Bystander take() {
        try (var _ = lock.hold()) {
            Bystander b = resting.poll();
            if (b != null) return b;
            b = new Bystander(host.newTask("bystander" + bystanders.size()));
            bystanders.add(b.task);
            return b;
        }
    }

    private void rest(Bystander b) {
        try (var _ = lock.hold()) {
            resting.add(b);
        }
    }

    /** Half of the time another task runs first where this one was. */
    private void beforeLease(Task task) {
        if (bystanders.contains(task) || !timing.coin()) return;
        Bystander b = take();
        cpus.wishCpuOf(b.task, task);
        long next = values.addAndGet(0x100);
        boolean intact = host.userMode(b.task, b.value, next);
        b.value = next;
        turns.incrementAndGet();
        rest(b);
        if (!intact)
            panicked.accept(new KernelPanic("torture: vector registers of host task " + b.task + " were changed"));
    }

    String report() {
        long[] c = cpus.leasesAndMigrations();
        return timing.report() + ", " + c[0] + " times a task got a CPU, " + c[1] + " of them another than its last, "
                + turns.get() + " turns of other tasks with vector registers";
    }
}
