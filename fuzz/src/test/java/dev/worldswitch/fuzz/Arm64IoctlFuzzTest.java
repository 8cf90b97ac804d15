package dev.worldswitch.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.List;

/** Arbitrary ioctls of arm64: no answer but numbers and errnos, refused calls change nothing, nothing is left after the last close. */
class Arm64IoctlFuzzTest {
    private static final IoctlTarget TARGET =
            new IoctlTarget(List.of("max", "neoverse-v1", "neoverse-n1", "max,nvhe"), true);

    @FuzzTest
    void any_calls_end_as_they_may(byte[] data) {
        TARGET.run(data);
    }
}
