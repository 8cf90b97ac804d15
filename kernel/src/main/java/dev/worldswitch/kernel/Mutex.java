package dev.worldswitch.kernel;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.ArrayDeque;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A kernel mutex. In {@code run} threads really wait; in a watched tree the explorer decides which task comes first, and
 * lets a second one sleep until the mutex is free.
 */
public final class Mutex {
    /** What this thread holds, the last first: for calls that break down. */
    private static final ThreadLocal<ArrayDeque<Mutex>> HELD = ThreadLocal.withInitial(ArrayDeque::new);

    private final ReentrantLock real = new ReentrantLock();
    private final Word held;
    private final Region region;
    private final boolean watched;

    public Mutex(Region region, String name) {
        this.region = region;
        held = region.word(name);
        watched = region.isWatched();
    }

    public void lock() {
        if (!watched) {
            if (LockOrder.CHECKED) LockOrder.acquire(LockOrder.classOf(held.path()));
            real.lock();
            HELD.get().push(this);
        } else region.await(held.path(), () -> held.cas(0, 1));
    }

    public void unlock() {
        if (watched) held.set(0);
        else {
            HELD.get().removeFirstOccurrence(this);
            real.unlock();
            if (LockOrder.CHECKED) LockOrder.release(LockOrder.classOf(held.path()));
        }
    }

    /** Gives back all that this thread holds: a call of it broke down half-way, and others must not wait for ever. */
    public static void releaseHeld() {
        for (Mutex m = HELD.get().peek(); m != null; m = HELD.get().peek()) m.unlock();
    }
}
