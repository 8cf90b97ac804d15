package dev.worldswitch.server;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Time full of accidents, in a real run: at any moment an interrupt whose softirq uses vector registers, or a preemption.
 * Each CPU has its own sequence, a function of the seed and its number; {@link Torture} adds what comes from outside.
 */
final class TortureTiming implements Timing {
    private static final int INTERRUPT_IN = 8, RESCHEDULE_IN = 32;

    private final long[] state;
    private final HostClock clock;
    private final long seed;
    private final Counts[] counts;
    private final AtomicLong coins = new AtomicLong();
    /** Of the one thread that raises lines from outside. */
    private volatile long outsideDice, outsideEvents;

    TortureTiming(long seed, int cpus, HostClock clock) {
        this.clock = clock;
        this.seed = seed;
        this.counts = new Counts[cpus];
        for (int i = 0; i < cpus; i++) counts[i] = new Counts();
        state = new long[cpus];
        for (int i = 0; i < cpus; i++) state[i] = mix(seed * 0x9e3779b97f4a7c15L + i) | 1;
    }

    long seed() {
        return seed;
    }

    // splitmix64 and xorshift64*: Steele et al. 2014, Vigna 2016.
    private static long mix(long z) {
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    private int next(int cpu) {
        long x = state[cpu];
        x ^= x >>> 12;
        x ^= x << 25;
        x ^= x >>> 27;
        state[cpu] = x;
        return (int) (x * 0x2545f4914f6cdd1dL >>> 33);
    }

    @Override
    public void moment(PhysicalCpu cpu, String step) {
        Counts c = counts[cpu.id()];
        c.moments++;
        if (SOFTIRQ.contains(step)) c.softirqs++;
        int die = next(cpu.id());
        if (die % INTERRUPT_IN == 0) {
            c.interrupts++;
            cpu.raise(Line.INTERRUPT);
        }
        if (die % RESCHEDULE_IN == 1) {
            c.reschedules++;
            cpu.raise(Line.RESCHEDULE);
        }
    }

    /** Moments of Fpu.softirqUsesFp and Fpsimd.softirqUsesFp. */
    private static final Set<String> SOFTIRQ = Set.of("softirq uses SSE registers", "kernel-mode NEON");

    /** Of one CPU, written by the thread that has it. */
    private static final class Counts {
        long moments, interrupts, reschedules, softirqs;
    }

    /** An interrupt on one of the CPUs, whatever it executes. @return nanoseconds until the next one, 0 to 1 ms */
    long outside(Cpus<?> cpus) {
        long die = mix(++outsideDice ^ seed);
        PhysicalCpu cpu = cpus.get((int) Long.remainderUnsigned(die, counts.length));
        cpu.raise((die >>> 40) % 4 == 0 ? Line.RESCHEDULE : Line.INTERRUPT);
        outsideEvents++;
        return die >>> 44;
    }

    /** Heads or tails; any thread. */
    boolean coin() {
        return (mix(coins.incrementAndGet() ^ seed) & 1) != 0;
    }

    String report() {
        Counts all = new Counts();
        for (Counts c : counts) {
            all.moments += c.moments;
            all.interrupts += c.interrupts;
            all.reschedules += c.reschedules;
            all.softirqs += c.softirqs;
        }
        return "torture " + seed + ": " + all.moments + " moments, " + all.interrupts + " interrupts and "
                + all.reschedules
                + " preemptions raised at them, " + outsideEvents + " events while guests ran, " + all.softirqs
                + " softirqs used vector registers";
    }

    @Override
    public int choose(String what, int n) {
        return 0;
    }

    @Override
    public long now() {
        return clock.now();
    }

    @Override
    public long realtime() {
        return clock.realtime();
    }

    @Override
    public long cycles(long khz) {
        return clock.cycles(khz);
    }
}
