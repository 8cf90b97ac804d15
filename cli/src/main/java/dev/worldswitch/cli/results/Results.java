package dev.worldswitch.cli.results;

import dev.worldswitch.cli.results.TestResult.Outcome;
import dev.worldswitch.explore.Json;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Takes results as they come and tells them: KTAP at once, JSON and JUnit XML at the end. */
public final class Results {
    private final String suite;
    private final PrintStream out;
    private final boolean json;
    private final @Nullable Path junit;
    private final List<TestResult> all = new ArrayList<>();

    /**
     * @param suite a name for all of them
     * @param json the JSON object of docs/schema/results.schema.json at the end instead of KTAP
     * @param junit where JUnit XML goes; null for nowhere
     */
    public Results(String suite, int planned, PrintStream out, boolean json, @Nullable Path junit) {
        this.suite = suite;
        this.out = out;
        this.json = json;
        this.junit = junit;
        if (!json) print(Ktap.head(planned));
    }

    private void print(String text) {
        out.print(text);
        out.flush();
    }

    /** The next test's result. */
    public void add(TestResult r) {
        all.add(r);
        if (!json) print(Ktap.result(all.size(), r));
    }

    /** All tests are done: true when none failed. */
    public boolean end() {
        print(
                json
                        ? json()
                        : Ktap.totals(count(all, Outcome.PASS), count(all, Outcome.FAIL), count(all, Outcome.SKIP)));
        if (junit != null) {
            try {
                Files.writeString(junit, JUnitXml.of(suite, all));
            } catch (IOException e) {
                throw new IllegalArgumentException("can't write " + junit + ": " + e.getMessage(), e);
            }
        }
        return count(all, Outcome.FAIL) == 0;
    }

    static long count(List<TestResult> all, Outcome o) {
        return all.stream().filter(r -> r.outcome() == o).count();
    }

    private String json() {
        return "{\"format\":\"worldswitch results 1\",\"suite\":" + Json.quoted(suite) + ",\"passed\":"
                + count(all, Outcome.PASS) + ",\"failed\":" + count(all, Outcome.FAIL) + ",\"skipped\":"
                + count(all, Outcome.SKIP) + ",\"tests\":["
                + all.stream().map(Results::json).collect(Collectors.joining(",\n")) + "]}\n";
    }

    private static String json(TestResult r) {
        return "{\"name\":" + Json.quoted(r.name()) + ",\"outcome\":\""
                + r.outcome().name().toLowerCase(Locale.ROOT) + "\",\"reason\":" + Json.quoted(r.reason())
                + ",\"seconds\":" + String.format(Locale.ROOT, "%.3f", r.seconds()) + ",\"details\":["
                + r.details().stream().map(Json::quoted).collect(Collectors.joining(",")) + "]}";
    }
}
