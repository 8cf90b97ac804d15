package dev.worldswitch.stress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressMeta;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * A signal comes just when a thread begins KVM_RUN; its handler sets immediate_exit. r1: -4 for EINTR, 0 when the guest came to its end.
 */
@Outcome(id = "-4", expect = Expect.ACCEPTABLE, desc = "EINTR")
@Outcome(expect = Expect.FORBIDDEN, desc = "the guest ran to its end: the kick was lost")
public class ImmediateExitRace {
    private ImmediateExitRace() {}

    /** x86. */
    @JCStressTest
    @JCStressMeta(ImmediateExitRace.class)
    @State
    public static class X86 {
        private final Counting c = new Counting(true, Counting.FOR_EVER);

        @Actor
        public void run(I_Result r) {
            r.r1 = (int) c.run();
        }

        @Actor
        public void signal() {
            c.immediateExit();
            c.signal();
        }
    }

    /** arm64. */
    @JCStressTest
    @JCStressMeta(ImmediateExitRace.class)
    @State
    public static class Arm64 {
        private final Counting c = new Counting(false, Counting.FOR_EVER);

        @Actor
        public void run(I_Result r) {
            r.r1 = (int) c.run();
        }

        @Actor
        public void signal() {
            c.immediateExit();
            c.signal();
        }
    }
}
