package dev.worldswitch.server;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import java.util.function.LongSupplier;

/**
 * Time full of accidents, in a real run: at any moment an interrupt whose softirq uses the FPU, or a preemption. Each CPU
 * has its own sequence, a function of the seed and its number.
 */
final class TortureTiming implements Timing {
    private static final int INTERRUPT_IN = 8, RESCHEDULE_IN = 32;

    private final long[] state;
    private final LongSupplier clock;

    TortureTiming(long seed, int cpus, LongSupplier clock) {
        this.clock = clock;
        state = new long[cpus];
        for (int i = 0; i < cpus; i++) state[i] = mix(seed * 0x9e3779b97f4a7c15L + i) | 1;
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
        int die = next(cpu.id());
        if (die % INTERRUPT_IN == 0) cpu.raise(Line.INTERRUPT);
        if (die % RESCHEDULE_IN == 1) cpu.raise(Line.RESCHEDULE);
    }

    @Override
    public int choose(String what, int n) {
        return 0;
    }

    @Override
    public long now() {
        return clock.getAsLong();
    }
}
