package dev.worldswitch.kernel;

import dev.worldswitch.machine.PhysicalCpu;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The pool needs the CPUs, they need the interrupt entry, it needs the scheduler, and that needs the pool. */
public final class LatePool<C extends PhysicalCpu> implements CpuPool<C> {
    private @Nullable CpuPool<C> pool;

    /** The CPUs are there. */
    public void fill(Function<List<C>, CpuPool<C>> make, List<C> cpus) {
        pool = make.apply(cpus);
    }

    private CpuPool<C> pool() {
        if (pool == null) throw new IllegalStateException("a task runs before its CPUs are there");
        return pool;
    }

    @Override
    public C lease(Task task) {
        return pool().lease(task);
    }

    @Override
    public void release(Task task) {
        pool().release(task);
    }
}
