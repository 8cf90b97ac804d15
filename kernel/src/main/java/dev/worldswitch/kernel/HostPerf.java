package dev.worldswitch.kernel;

import dev.worldswitch.machine.PhysicalCpu;

/** perf on one CPU, as another CPU's cross-call drives it: it turns a control register of its own on or off. */
public interface HostPerf {
    /** In the interrupt. */
    void crossCall(PhysicalCpu cpu);

    /** In a non-maskable interrupt: a counter has overflowed. */
    default void nmi(PhysicalCpu cpu) {}
}
