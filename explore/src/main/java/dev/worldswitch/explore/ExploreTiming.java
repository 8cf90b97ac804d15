package dev.worldswitch.explore;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Time in exploration: passes only as the schedule says. Counts the moments of one VMM step. */
final class ExploreTiming implements Timing {
    /** Told of each moment while a timeline is made or a property is checked. */
    interface Observer {
        void moment(PhysicalCpu cpu, String step, boolean event);
    }

    private final Trace trace;
    private List<Integer> events = List.of();
    private final List<Integer> open = new ArrayList<>();
    private int count;
    private long total;

    @Nullable
    Observer observer;

    ExploreTiming(Trace trace) {
        this.trace = trace;
    }

    void begin(List<Integer> at) {
        events = at;
        open.clear();
        count = 0;
    }

    /** Moments at which an interrupt would have been taken: interrupts on, or in the guest. */
    List<Integer> open() {
        return List.copyOf(open);
    }

    long total() {
        return total;
    }

    @Override
    public void moment(PhysicalCpu cpu, String step) {
        int n = count++;
        total++;
        trace.step(step);
        if (cpu.irqsOn() || step.equals("guest instruction")) open.add(n);
        boolean now = events.contains(n);
        if (observer != null) observer.moment(cpu, step, now);
        if (now) cpu.raise(Line.INTERRUPT);
    }

    @Override
    public int choose(String what, int n) {
        return 0;
    }

    @Override
    public long now() {
        return 0;
    }
}
