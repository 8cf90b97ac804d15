package dev.worldswitch.kvm;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Region;
import java.util.List;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * Something is asked of a vCPU just when it enters the guest. r1: 1 when it saw the request before; r2: 1 when its CPU has
 * the kick that makes it leave.
 */
@JCStressTest
@Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "the vCPU saw it and did not enter")
@Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "it entered and is kicked")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "both saw each other")
@Outcome(expect = Expect.FORBIDDEN, desc = "lost: the guest runs on, the request waits")
@State
public class KickRace {
    private final Region root = Region.root("stress");
    private final PhysicalCpu cpu = new PlainCpu(root.child("cpu0"));
    private final GuestMode mode = new GuestMode(root.child("vcpu"), List.of(cpu));

    public KickRace() {
        mode.loadedOn(cpu);
    }

    @Actor
    public void vcpu(II_Result r) {
        mode.enter();
        if (mode.requests().acquire() != 0) r.r1 = 1;
    }

    @Actor
    public void other() {
        mode.requests().or(1);
        mode.kick();
    }

    @Arbiter
    public void after(II_Result r) {
        r.r2 = cpu.isPending(Line.KICK) ? 1 : 0;
    }
}
