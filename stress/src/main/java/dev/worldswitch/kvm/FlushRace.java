package dev.worldswitch.kvm;

import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * A translation is taken away while a vCPU enters the guest, which uses it until it is kicked. r1: 1 when the guest had the old
 * one, 3 when nobody kicked it; r2: its writes when the call had returned; r3: its writes in the end.
 */
@JCStressTest
@Outcome(id = "0, 0, 0", expect = Expect.ACCEPTABLE, desc = "the guest was entered after it")
@Outcome(id = "1, 1, 1", expect = Expect.ACCEPTABLE, desc = "the guest had it, and is out when the call returns")
@Outcome(expect = Expect.FORBIDDEN, desc = "used after it was taken away, or never kicked")
@State
public class FlushRace {
    private static final long LONG_NS = 2_000_000_000;
    private final Region root = Region.root("stress");
    private final PhysicalCpu cpu = new PlainCpu(root.child("cpu0"));
    private final GuestMode mode = new GuestMode(root.child("vcpu"), List.of(cpu));
    private final Word generation = root.word("generation"), written = root.word("written");

    public FlushRace() {
        mode.loadedOn(cpu);
    }

    @Actor
    public void vcpu(III_Result r) {
        cpu.irqDisable();
        mode.enter();
        if (generation.acquire() == 0) {
            r.r1 = 1;
            long start = System.nanoTime();
            while (!cpu.anyPending()) {
                Thread.onSpinWait();
                if (System.nanoTime() - start > LONG_NS) {
                    r.r1 = 3;
                    break;
                }
            }
            written.set(1);
        }
        mode.leave();
        cpu.irqEnable();
    }

    @Actor
    public void other(III_Result r) {
        generation.add(1);
        mode.kickOut();
        r.r2 = (int) written.get();
    }

    @Arbiter
    public void after(III_Result r) {
        r.r3 = (int) written.get();
    }
}
