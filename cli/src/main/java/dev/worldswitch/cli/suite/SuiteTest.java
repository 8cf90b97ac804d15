package dev.worldswitch.cli.suite;

import java.nio.file.Path;
import java.util.List;

/**
 * One client of a suite.
 *
 * @param folder where it is started
 * @param command the client and its arguments
 * @param seconds its timeout, 0 for none
 * @param skip why it can't be run here; empty when it can
 */
record SuiteTest(String name, Path folder, List<String> command, long seconds, String skip, Statuses statuses) {
    /** What an exit status means. */
    enum Statuses {
        /** tools/testing/selftests/kselftest.h: KSFT_SKIP is 4. */
        KSELFTEST,
        /**
         * What QEMU's isa-debug-exit makes of a unit test's own (twice it, plus one), as scripts/arch-run.bash of
         * kvm-unit-tests reads it: 1 is success unless QEMU complains, 77 is left out.
         */
        DEBUG_EXIT
    }

    SuiteTest {
        command = List.copyOf(command);
    }

    static SuiteTest skipped(String name, Path folder, String why) {
        return new SuiteTest(name, folder, List.of(), 0, why, Statuses.KSELFTEST);
    }
}
