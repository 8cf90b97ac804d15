package dev.worldswitch.machine;

/** Where a physical CPU goes when it takes a line: the host kernel's interrupt entry. */
public interface InterruptEntry {
    /** Runs the handler of {@code line} to its end, on top of whatever ran; interrupts are off meanwhile. */
    void interrupt(PhysicalCpu cpu, Line line);
}
