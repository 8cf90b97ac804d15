package dev.worldswitch.fuzz;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Ends a KVM_RUN that goes on for long as a signal would: the flag that KVM asks for, and an IPI to the CPU. */
final class Kicker {
    private static final long AFTER_NS = 1_000_000;
    private final Thread thread = new Thread(this::loop, "kicker");
    private @Nullable PhysicalCpu cpu;
    private long since, runner, cpuTime;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private volatile boolean signal;

    Kicker() {
        thread.setDaemon(true);
        thread.start();
    }

    private void loop() {
        for (; ; ) LockSupport.parkNanos(look());
    }

    /** How long to sleep. */
    private synchronized long look() {
        PhysicalCpu c = cpu;
        if (c == null) return Long.MAX_VALUE;
        long left = AFTER_NS - (System.nanoTime() - since);
        if (left > 0) return left;
        if (!signal) cpuTime = THREADS.getThreadCpuTime(runner);
        signal = true;
        c.raise(Line.KICK);
        return AFTER_NS;
    }

    void arm(PhysicalCpu c) {
        synchronized (this) {
            signal = false;
            runner = Thread.currentThread().threadId();
            cpu = c;
            since = System.nanoTime();
        }
        LockSupport.unpark(thread);
    }

    synchronized void disarm() {
        if (signal) cpuTime = THREADS.getThreadCpuTime(runner) - cpuTime;
        cpu = null;
        signal = false;
    }

    /** CPU time of the thread from the last kick to {@link #disarm}, in nanoseconds. */
    synchronized long cpuTimeAfterKick() {
        return cpuTime;
    }

    /** signal_pending: the kick came. */
    boolean signal() {
        return signal;
    }

    /** What the guest waits for does not come: a signal does. */
    void now() {
        signal = true;
    }
}
