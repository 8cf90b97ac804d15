package dev.worldswitch.server;

import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;

/** Time passes as it really does, and nothing happens by chance. */
final class RealTiming implements Timing {
    private final HostClock clock;

    RealTiming(HostClock clock) {
        this.clock = clock;
    }

    @Override
    public void moment(PhysicalCpu cpu, String step) {}

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
