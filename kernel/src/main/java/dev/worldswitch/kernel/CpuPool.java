package dev.worldswitch.kernel;

import dev.worldswitch.machine.PhysicalCpu;

/** The physical CPUs as the scheduler hands them out. Real and blocking in {@code run}. */
public interface CpuPool<C extends PhysicalCpu> {
    /** A CPU for the task, at once or when one is free; not always the one it had. */
    C lease(Task task);

    /** Gives the task's CPU to whoever waits for one. */
    void release(Task task);
}
