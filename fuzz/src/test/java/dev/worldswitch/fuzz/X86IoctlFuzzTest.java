package dev.worldswitch.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.List;

/** Arbitrary ioctls of x86: no answer but numbers and errnos, refused calls change nothing, nothing is left after the last close. */
class X86IoctlFuzzTest {
    private static final IoctlTarget TARGET =
            new IoctlTarget(List.of("sapphire-rapids", "skylake-server", "conformance-svm", "x86-64-v1"), false);

    @FuzzTest
    void any_calls_end_as_they_may(byte[] data) {
        TARGET.run(data);
    }
}
