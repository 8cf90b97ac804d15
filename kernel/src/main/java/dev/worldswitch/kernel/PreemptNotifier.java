package dev.worldswitch.kernel;

import dev.worldswitch.machine.PhysicalCpu;

/** struct preempt_notifier: called with interrupts off, in the middle of a context switch. */
public interface PreemptNotifier {
    void schedOut(Task task, PhysicalCpu cpu);

    void schedIn(Task task, PhysicalCpu cpu);
}
