package dev.worldswitch.server;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Who may look for frames in shared memory instead of sleeping: only while every client thread that has something to do and
 * its server thread can have a CPU each.
 */
final class Looking {
    private final int pairs;
    private final AtomicInteger awake = new AtomicInteger();

    Looking(int cpus) {
        pairs = cpus / 2;
    }

    /** A server thread has something to do. */
    void awake() {
        awake.incrementAndGet();
    }

    /** It sleeps until a frame comes or another event. */
    void asleep() {
        awake.decrementAndGet();
    }

    /** Is there a CPU for everybody who is awake, and for those who look? */
    boolean room() {
        return awake.get() <= pairs;
    }
}
