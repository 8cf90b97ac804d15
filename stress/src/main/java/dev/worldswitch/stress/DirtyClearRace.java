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
 * As {@link DirtyLogRace}, where reading the log clears nothing: the client clears it by a call of its own, and then reads the memory.
 */
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "each write is told of")
@Outcome(expect = Expect.FORBIDDEN, desc = "a write that nobody was told of")
public class DirtyClearRace {
    private DirtyClearRace() {}

    /** x86. */
    @JCStressTest
    @JCStressMeta(DirtyClearRace.class)
    @State
    public static class X86 {
        private final Counting c = new Counting(true, Counting.COUNTS);
        private boolean told;
        private long before, seen;

        public X86() {
            c.logs(true);
        }

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run() == 0 ? 1 : 0;
        }

        @Actor
        public void collect() {
            before = c.counter();
            told = c.dirty();
            c.clear();
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
    @JCStressMeta(DirtyClearRace.class)
    @State
    public static class Arm64 {
        private final Counting c = new Counting(false, Counting.COUNTS);
        private boolean told;
        private long before, seen;

        public Arm64() {
            c.logs(true);
        }

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run() == 0 ? 1 : 0;
        }

        @Actor
        public void collect() {
            before = c.counter();
            told = c.dirty();
            c.clear();
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
