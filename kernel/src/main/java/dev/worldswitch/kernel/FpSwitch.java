package dev.worldswitch.kernel;

import dev.worldswitch.machine.PhysicalCpu;

/** What an architecture's floating-point code does when tasks change and when the kernel itself computes. */
public interface FpSwitch {
    /** A task that has never run gets its registers' images. */
    void fork(Task task);

    /** The task leaves its CPU; interrupts off. */
    void switchOut(Task task);

    /** The task has got a CPU; interrupts off. */
    void switchIn(Task task);

    /** The task goes to user mode next, interrupts off: its own registers are in its CPU afterwards. */
    void returnToUser(Task task);

    /** A softirq that computes in vector registers, between the architecture's begin and end. */
    void softirqUsesFp(PhysicalCpu cpu);

    /** irq_fpu_usable in a hard interrupt. */
    default boolean irqFpuUsable(PhysicalCpu cpu) {
        return false;
    }
}
