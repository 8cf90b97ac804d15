package dev.worldswitch.kvm;

import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;

/** A CPU without registers: its lines only. */
final class PlainCpu extends PhysicalCpu {
    PlainCpu(Region region) {
        super(region, 0, Timing.plain(() -> 0), (cpu, line) -> {});
    }

    @Override
    public void fillVectors(long value) {}

    @Override
    public boolean vectorsHold(long value) {
        return true;
    }
}
