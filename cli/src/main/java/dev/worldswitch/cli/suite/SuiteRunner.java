package dev.worldswitch.cli.suite;

import dev.worldswitch.cli.results.Results;
import dev.worldswitch.cli.results.TestResult;
import dev.worldswitch.cli.results.TestResult.Outcome;
import dev.worldswitch.cli.suite.SuiteTest.Statuses;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs a suite's clients, each with its timeout. */
public final class SuiteRunner {
    private static final int KSFT_SKIP = 4, UNIT_TEST_PASS = 1, UNIT_TEST_SKIP = 77, SIGNALS = 128, LINES = 60;
    /** How long a client has to end after it was asked to. */
    private static final long GRACE = 5;

    private static final Pattern SKIP_REASON = Pattern.compile("#?\\s*SKIP[: -]*\\s*(.*)");
    private static final Pattern SUMMARY = Pattern.compile("SUMMARY: (.*)");

    private final List<String> launcher;
    private final long override;

    /**
     * @param launcher the command before each client's own: {@code ws run ... --}
     * @param seconds a timeout for all, 0 for the suite's own
     */
    public SuiteRunner(List<String> launcher, long seconds) {
        this.launcher = List.copyOf(launcher);
        this.override = seconds;
    }

    /** How many results come. */
    public static int planned(Suite suite) {
        return suite.tests().size();
    }

    /**
     * Each result is told to {@code results} when those of the tests before it have been.
     *
     * @param atOnce how many clients run at the same time
     */
    public void run(Suite suite, Results results, int atOnce) {
        try (ExecutorService runners = Executors.newFixedThreadPool(atOnce)) {
            List<Future<TestResult>> all = suite.tests().stream()
                    .map(t -> runners.submit(() -> run(t)))
                    .toList();
            for (Future<TestResult> f : all) results.add(f.get());
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private TestResult run(SuiteTest t) {
        if (!t.skip().isEmpty()) return new TestResult(t.name(), Outcome.SKIP, t.skip(), 0, List.of());
        Path client = t.folder().resolve(t.command().getFirst());
        if (t.statuses() == Statuses.KSELFTEST && !Files.isRegularFile(client))
            return new TestResult(t.name(), Outcome.FAIL, "file " + client + " is missing", 0, List.of());
        List<String> command = new ArrayList<>(launcher);
        command.addAll(t.command());
        long begun = System.nanoTime(), seconds = override > 0 ? override : t.seconds();
        Path complaints = null;
        try {
            complaints = Files.createTempFile("ws-suite", ".err");
            Process p = new ProcessBuilder(command)
                    .directory(t.folder().toFile())
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectError(complaints.toFile())
                    .start();
            Deque<String> said = new ArrayDeque<>();
            Thread reader = new Thread(() -> read(p.getInputStream(), said));
            reader.start();
            boolean ended = seconds == 0 ? p.waitFor() >= 0 : p.waitFor(seconds, TimeUnit.SECONDS);
            if (!ended) end(p);
            reader.join();
            int status = p.waitFor();
            List<String> errors;
            try (InputStream in = Files.newInputStream(complaints)) {
                Deque<String> last = new ArrayDeque<>();
                read(in, last);
                errors = List.copyOf(last);
            }
            double took = (System.nanoTime() - begun) / 1e9;
            return ended
                    ? judged(t, status, List.copyOf(said), errors, took)
                    : new TestResult(
                            t.name(), Outcome.FAIL, "TIMEOUT " + seconds + " seconds", took, both(said, errors));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted", e);
        } finally {
            if (complaints != null) complaints.toFile().delete();
        }
    }

    /** The last lines. */
    private static void read(InputStream in, Deque<String> into) {
        try (BufferedReader r = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            for (String l = r.readLine(); l != null; l = r.readLine()) {
                into.add(l);
                if (into.size() > LINES) into.remove();
            }
        } catch (IOException e) {
            into.add("(its output ended: " + e.getMessage() + ")");
        }
    }

    /** Asks the client to end, by the launcher, which passes signals on; then ends all of its processes. */
    private static void end(Process p) throws InterruptedException {
        List<ProcessHandle> all = new ArrayList<>(p.descendants().toList());
        p.destroy();
        p.waitFor(GRACE, TimeUnit.SECONDS);
        // Also those that came since; one that is left would keep the client's output open.
        all.addAll(p.descendants().toList());
        all.forEach(ProcessHandle::destroyForcibly);
        p.destroyForcibly();
    }

    private static List<String> both(Iterable<String> said, List<String> errors) {
        List<String> all = new ArrayList<>();
        said.forEach(all::add);
        all.addAll(errors);
        return all;
    }

    private static TestResult judged(SuiteTest t, int status, List<String> said, List<String> errors, double took) {
        List<String> all = both(said, errors);
        if (t.statuses() == Statuses.KSELFTEST) {
            if (status == 0) return new TestResult(t.name(), Outcome.PASS, "", took, List.of());
            if (status == KSFT_SKIP)
                return new TestResult(t.name(), Outcome.SKIP, last(SKIP_REASON, all, "exit=4"), took, all);
        } else {
            // QEMU itself fails with 1 too, and says why.
            boolean complains = errors.stream()
                    .anyMatch(l -> !l.isBlank()
                            && !l.startsWith("ws: ")
                            && !l.toLowerCase(java.util.Locale.ROOT).contains("warning"));
            if (status == UNIT_TEST_PASS && !complains)
                return new TestResult(t.name(), Outcome.PASS, last(SUMMARY, said, ""), took, List.of());
            if (status == UNIT_TEST_SKIP)
                return new TestResult(t.name(), Outcome.SKIP, last(SUMMARY, said, "exit=77"), took, all);
            if (status == 0)
                return new TestResult(t.name(), Outcome.FAIL, "the VMM ended without the test's status", took, all);
        }
        return new TestResult(
                t.name(),
                Outcome.FAIL,
                status > SIGNALS && status <= SIGNALS + 64 ? "signal " + (status - SIGNALS) : "exit=" + status,
                took,
                all);
    }

    private static String last(Pattern what, List<String> lines, String otherwise) {
        String found = otherwise;
        for (String l : lines) {
            Matcher m = what.matcher(l);
            if (m.find() && !m.group(1).isBlank()) found = m.group(1).strip();
        }
        return found;
    }
}
