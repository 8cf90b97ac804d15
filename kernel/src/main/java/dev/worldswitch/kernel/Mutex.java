package dev.worldswitch.kernel;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A kernel mutex. In {@code run} threads really wait; in a watched tree contexts take turns, so only the owner mark is
 * kept there and a second owner is an error of the schedule.
 */
public final class Mutex {
    private final ReentrantLock real = new ReentrantLock();
    private final Word held;
    private final boolean watched;

    public Mutex(Region region, String name) {
        held = region.word(name);
        watched = region.isWatched();
    }

    public void lock() {
        if (!watched) real.lock();
        else if (!held.cas(0, 1))
            throw new IllegalStateException("mutex " + held.path() + " is held: a context must wait here");
    }

    public void unlock() {
        if (watched) held.set(0);
        else real.unlock();
    }
}
