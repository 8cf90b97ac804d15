package dev.worldswitch.server;

import dev.worldswitch.kernel.LockOrder;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A lock of the server's own whose place among all others {@link LockOrder} checks: {@code try (var _ = lock.hold()) { }}. Locks of
 * the same name are one class.
 */
final class OrderedLock implements AutoCloseable {
    private final String name;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    OrderedLock(String name) {
        this.name = name;
    }

    OrderedLock hold() {
        if (LockOrder.CHECKED) LockOrder.acquire(name);
        lock.lock();
        return this;
    }

    /** Given back. */
    @Override
    public void close() {
        lock.unlock();
        if (LockOrder.CHECKED) LockOrder.release(name);
    }

    /** Gives it back until {@link #tellAll} or so many milliseconds are over. */
    void await(long milliseconds) throws InterruptedException {
        boolean ignored = changed.await(milliseconds, TimeUnit.MILLISECONDS);
    }

    void tellAll() {
        changed.signalAll();
    }
}
