package dev.worldswitch.kvm;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import java.util.HashSet;
import java.util.Set;

/** The eventfds that are somebody's irqfd, by {@link Eventfd#id}: each has room for one that is first to see a signal. */
public final class BoundEventfds {
    private final Mutex lock;
    private final Ref<Set<Long>> ids;

    BoundEventfds(Region r) {
        this.lock = new Mutex(r, "boundEventfdsLock");
        this.ids = r.ref("boundEventfds", Set.of());
    }

    /** False when it is bound already. */
    boolean bind(Eventfd e) {
        return change(e, true);
    }

    void unbind(Eventfd e) {
        change(e, false);
    }

    private boolean change(Eventfd e, boolean add) {
        lock.lock();
        Set<Long> now = new HashSet<>(ids.get());
        boolean changed = add ? now.add(e.id()) : now.remove(e.id());
        if (changed) ids.set(Set.copyOf(now));
        lock.unlock();
        return changed;
    }
}
