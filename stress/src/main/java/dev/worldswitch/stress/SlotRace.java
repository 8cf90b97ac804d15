package dev.worldswitch.stress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressMeta;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * The client deletes a slot while the guest writes to it. r1: 1 when KVM_RUN ended by the access to memory that is gone;
 * r2: 1 when what the slot holds never changed after the call had returned.
 */
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "the guest finds no memory, what was there stays")
@Outcome(expect = Expect.FORBIDDEN, desc = "written after it was deleted")
public class SlotRace {
    private SlotRace() {}

    /** x86. */
    @JCStressTest
    @JCStressMeta(SlotRace.class)
    @State
    public static class X86 {
        private final Counting c = new Counting(true, Counting.FOR_EVER);
        private long returned;

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run() != 0 ? 3 : c.endedByCounter() ? 1 : 2;
        }

        @Actor
        public void delete() {
            c.deleteSlot();
            returned = c.counter();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = c.counter() == returned ? 1 : 0;
        }
    }

    /** arm64. */
    @JCStressTest
    @JCStressMeta(SlotRace.class)
    @State
    public static class Arm64 {
        private final Counting c = new Counting(false, Counting.FOR_EVER);
        private long returned;

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run() != 0 ? 3 : c.endedByCounter() ? 1 : 2;
        }

        @Actor
        public void delete() {
            c.deleteSlot();
            returned = c.counter();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = c.counter() == returned ? 1 : 0;
        }
    }
}
