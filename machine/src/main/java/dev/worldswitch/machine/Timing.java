package dev.worldswitch.machine;

/**
 * Owner of time. Each touch of hardware is a moment at which time may pass: never in {@code run}, by a seeded die in
 * {@code torture}, by a schedule in {@code explore}.
 */
public interface Timing {
    /** Called before the step {@code step} on {@code cpu}; may raise lines, which are taken if unmasked. */
    void moment(PhysicalCpu cpu, String step);

    /** The whole of a moment: time passes, then the CPU takes the lines that are pending and unmasked. */
    default void pass(PhysicalCpu cpu, String step) {
        moment(cpu, step);
        cpu.takePending();
    }

    /**
     * The task that runs on this CPU is at a place where nothing of what its code read before is needed any more but
     * {@code live}. Only the explorer cares: two ways here that left the same cells are the same from here on.
     */
    default void rest(String where, long live) {}

    /** One of {@code n} outcomes that the architecture leaves open, 0 being the usual one. */
    int choose(String what, int n);

    /** Simulated time in nanoseconds since boot. */
    long now();

    /** Nanoseconds since 1970. */
    default long realtime() {
        return now();
    }

    /** The computer's counter that runs at {@code khz}, as the time-stamp counter; zero about when {@link #now} is. */
    default long cycles(long khz) {
        long ns = now();
        return ns / 1_000_000 * khz + ns % 1_000_000 * khz / 1_000_000;
    }

    /** Nothing ever happens between two steps; time comes from {@code clock}. */
    static Timing plain(java.util.function.LongSupplier clock) {
        return new Timing() {
            @Override
            public void moment(PhysicalCpu cpu, String step) {}

            @Override
            public int choose(String what, int n) {
                return 0;
            }

            @Override
            public long now() {
                return clock.getAsLong();
            }
        };
    }
}
