package dev.worldswitch.stress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressMeta;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A dirty log is read while the guest writes. r1: {@link LoggedCounting#run}; r2: {@link LoggedCounting#verdict}. */
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "each write is told of")
@Outcome(expect = Expect.FORBIDDEN, desc = "a write that nobody was told of")
public class DirtyLogRace {
    private DirtyLogRace() {}

    /** x86. */
    @JCStressTest
    @JCStressMeta(DirtyLogRace.class)
    @State
    public static class X86 {
        private final LoggedCounting c = new LoggedCounting(true, false);

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run();
        }

        @Actor
        public void collect() {
            c.collect();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = c.verdict();
        }
    }

    /** arm64. */
    @JCStressTest
    @JCStressMeta(DirtyLogRace.class)
    @State
    public static class Arm64 {
        private final LoggedCounting c = new LoggedCounting(false, false);

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run();
        }

        @Actor
        public void collect() {
            c.collect();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = c.verdict();
        }
    }

    /** x86, cleared by a call of its own. */
    @JCStressTest
    @JCStressMeta(DirtyLogRace.class)
    @State
    public static class X86Clear {
        private final LoggedCounting c = new LoggedCounting(true, true);

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run();
        }

        @Actor
        public void collect() {
            c.collect();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = c.verdict();
        }
    }

    /** arm64, cleared by a call of its own. */
    @JCStressTest
    @JCStressMeta(DirtyLogRace.class)
    @State
    public static class Arm64Clear {
        private final LoggedCounting c = new LoggedCounting(false, true);

        @Actor
        public void run(II_Result r) {
            r.r1 = c.run();
        }

        @Actor
        public void collect() {
            c.collect();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = c.verdict();
        }
    }
}
