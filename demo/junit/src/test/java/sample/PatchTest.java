package sample;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.worldswitch.explore.Verdict;
import dev.worldswitch.junit.Explore;
import dev.worldswitch.junit.Kernel;

/** Both pass: the kernel with the patch is clean, and without it every way into the bug is found. */
class PatchTest {
    @Explore(scenario = "xfd")
    void no_timing_breaks_the_fixed_kernel() {}

    @Explore(scenario = "xfd", finds = {"no-kernel-nm", "no-kernel-nm"})
    @Kernel(without = "clear-xstate-bv-on-xfd")
    void without_the_fix_there_are_two_ways_into_the_panic(Verdict v) {
        assertTrue(v.findings().getLast().timeline().contains("INTERRUPT"));
    }
}
