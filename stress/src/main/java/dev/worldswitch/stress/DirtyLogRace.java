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
 * The client reads the dirty log, and then the memory, while the guest counts there; once more in the end. r1: 1 when KVM_RUN
 * ended as it should; r2: 1, or 2 when a write after the first reading was never told of, 3 when one before it was not, 4 when the guest lost one.
 */
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "each write is told of")
@Outcome(expect = Expect.FORBIDDEN, desc = "a write that nobody was told of")
public class DirtyLogRace {
    private DirtyLogRace() {}

    /** x86. */
    @JCStressTest
    @JCStressMeta(DirtyLogRace.class)
    @State
    public static class X86 {
        private final Counting c = new Counting(true, Counting.COUNTS);
        private boolean told;
        private long before, seen;

        public X86() {
            c.logs(false);
        }

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run() == 0 ? 1 : 0;
        }

        @Actor
        public void collect() {
            before = c.counter();
            told = c.dirty();
            seen = c.counter();
        }

        @Arbiter
        public void after(II_Result r) {
            boolean toldLater = c.dirty();
            r.r2 = c.counter() != Counting.COUNTS
                    ? 4
                    : before != 0 && !told ? 3 : seen != Counting.COUNTS && !toldLater ? 2 : 1;
        }
    }

    /** arm64. */
    @JCStressTest
    @JCStressMeta(DirtyLogRace.class)
    @State
    public static class Arm64 {
        private final Counting c = new Counting(false, Counting.COUNTS);
        private boolean told;
        private long before, seen;

        public Arm64() {
            c.logs(false);
        }

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run() == 0 ? 1 : 0;
        }

        @Actor
        public void collect() {
            before = c.counter();
            told = c.dirty();
            seen = c.counter();
        }

        @Arbiter
        public void after(II_Result r) {
            boolean toldLater = c.dirty();
            r.r2 = c.counter() != Counting.COUNTS
                    ? 4
                    : before != 0 && !told ? 3 : seen != Counting.COUNTS && !toldLater ? 2 : 1;
        }
    }
}
