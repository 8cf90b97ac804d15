package dev.worldswitch.cli.results;

import java.util.List;

/**
 * What came of one test.
 *
 * @param reason one line: why it was left out or failed; empty when there is nothing to say
 * @param details further lines, as what a client printed
 */
public record TestResult(String name, Outcome outcome, String reason, double seconds, List<String> details) {
    /** As KTAP and JUnit XML know them. */
    public enum Outcome {
        PASS,
        FAIL,
        SKIP
    }

    public TestResult {
        details = List.copyOf(details);
    }
}
