package dev.worldswitch.machine;

/** Where a physical CPU goes when it takes a line: the host kernel's interrupt entry. */
public interface InterruptEntry {
    /** Runs the handler of {@code line} to its end, on top of whatever ran; interrupts are off meanwhile. */
    void interrupt(PhysicalCpu cpu, Line line);

    /** Host code executed an instruction that is UNDEFINED on {@code cpu}: an oops. */
    default void undefined(PhysicalCpu cpu, String instruction) {
        throw new IllegalStateException(instruction + " is undefined on CPU " + cpu.id());
    }

    /**
     * As {@link #interrupt}; the CPU on which the interrupted code goes on, another one when the way out of the
     * interrupt preempted its task. Interrupts are off on it.
     */
    default PhysicalCpu interruptAndReturn(PhysicalCpu cpu, Line line) {
        interrupt(cpu, line);
        return cpu;
    }
}
