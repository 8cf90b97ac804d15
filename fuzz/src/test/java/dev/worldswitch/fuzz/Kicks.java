package dev.worldswitch.fuzz;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.function.Supplier;

/** Bounds guest code that runs on a CPU without a kernel around it. */
public final class Kicks {
    private static final Kicker KICKER = new Kicker();

    private Kicks() {}

    /** What {@code run} answers; a line is raised on the CPU when it takes long, and is taken back afterwards. */
    public static <T> T bounded(PhysicalCpu cpu, Supplier<T> run) {
        KICKER.arm(cpu);
        try {
            cpu.guestMode(true);
            return run.get();
        } finally {
            KICKER.disarm();
            cpu.guestMode(false);
            if (cpu.isPending(Line.KICK)) cpu.takePending();
        }
    }
}
