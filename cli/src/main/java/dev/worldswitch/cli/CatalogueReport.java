package dev.worldswitch.cli;

import dev.worldswitch.cli.results.Results;
import dev.worldswitch.cli.results.TestResult;
import dev.worldswitch.explore.Catalogue;
import dev.worldswitch.explore.Catalogue.Outcome;
import dev.worldswitch.explore.CoverageMap;
import dev.worldswitch.explore.Effort;
import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The catalogue as tables: what was expected against what was found, and workload against patch. */
final class CatalogueReport {
    private CatalogueReport() {}

    /** {@code ws explore [SCENARIO] --all}: 0 when all comes out as the scenarios' files say. */
    static int all(String only, boolean audit, boolean json, @Nullable Path junit) {
        Results results = new Results("ws explore", Catalogue.rows(only).size(), System.out, json, junit);
        long[] begun = {System.nanoTime()};
        Catalogue.run(only, audit, o -> {
            long now = System.nanoTime();
            results.add(result(o, (now - begun[0]) / 1e9));
            begun[0] = now;
        });
        return results.end() ? Verdict.CLEAN : Verdict.FINDING;
    }

    private static TestResult result(Outcome o, double seconds) {
        List<String> expected = o.row().expected().finds();
        String said = "expected " + (expected.isEmpty() ? "clean" : String.join(" ", expected));
        List<String> details = new ArrayList<>(List.of(said));
        if (!o.asExpected()) o.verdict().text().lines().forEach(details::add);
        return new TestResult(
                o.row().command().substring("ws explore ".length()),
                o.asExpected() ? TestResult.Outcome.PASS : TestResult.Outcome.FAIL,
                o.asExpected() ? "" : said + ", found " + o.text(),
                seconds,
                details);
    }

    /** {@code --table}: the same for a person. */
    static int table(String only, boolean audit) {
        long[] count = new long[2];
        Map<String, List<CoverageMap>> coverage = new TreeMap<>();
        boolean good = Catalogue.run(only, audit, o -> {
            count[o.asExpected() ? 0 : 1]++;
            print(o);
            CoverageMap map = o.verdict().figures().coverage();
            coverage.computeIfAbsent(map.architecture(), a -> new ArrayList<>()).add(map);
        });
        coverage.forEach((architecture, all) -> {
            CoverageMap map = CoverageMap.sum(all);
            List<String> never = map.functionsNotReached();
            System.out.printf(
                    "%s: %d pairs of a step and an event exercised, of %d steps; %s%n",
                    architecture,
                    map.pairs(),
                    map.steps().size(),
                    never.isEmpty()
                            ? "every function that touches the hardware was reached"
                            : "no schedule reached " + String.join(", ", never));
        });
        System.out.printf("%d as expected, %d not%n", count[0], count[1]);
        return good ? Verdict.CLEAN : Verdict.FINDING;
    }

    /**
     * {@code ws explore --sources}: the scenarios of the five sources, each both ways, at the default bounds.
     *
     * @param only one built-in scenario, empty for all
     * @param seconds for each, 0 for no limit
     */
    static int sources(String only, long seconds, int jobs) {
        System.out.println("at least 2 CPUs, 2 tasks that move between them, 2 events; of what goes wrong the first");
        String source = "";
        int good = 0, all = 0;
        for (Catalogue.Row r : Catalogue.ofSources(only)) {
            if (!r.scenario().source().equals(source))
                System.out.println("\n" + r.scenario().source());
            source = r.scenario().source();
            long begun = System.nanoTime();
            BooleanSupplier late = () -> seconds != 0 && System.nanoTime() - begun > seconds * 1_000_000_000;
            Outcome o = r.runToFirst(
                    new Effort(jobs, true, 1, 1, !r.expected().finds().isEmpty(), late));
            all++;
            if (o.firstAsExpected()) good++;
            System.out.printf(
                    "%-6s %-60s %s, %d states, %d events%n",
                    o.firstAsExpected() ? "ok" : "NOT SO",
                    r.command().substring("ws explore ".length()),
                    o.text(),
                    o.verdict().figures().states(),
                    r.scenario().bounds().events());
            System.out.flush();
        }
        System.out.printf("%n%d as expected, %d not%n", good, all - good);
        return good == all ? Verdict.CLEAN : Verdict.FINDING;
    }

    private static void print(Outcome o) {
        String expected = o.row().expected().finds().isEmpty()
                ? "clean"
                : String.join(" ", o.row().expected().finds());
        System.out.printf(
                "%-9s %s%n          expected %s%s%n",
                o.asExpected() ? "ok" : "NOT SO",
                o.row().command().substring("ws explore ".length()),
                expected,
                o.asExpected() ? "" : ", found " + o.text());
        System.out.flush();
    }

    /**
     * {@code ws explore --matrix}: each workload without each patch of the catalogue that its architecture has. An x is a
     * finding, a dot is clean, an s fails before anything runs, a question mark: the bound on states ended it.
     *
     * @param only one built-in scenario, whose workload is asked about; empty for all
     */
    static int matrix(String only, long states) {
        Map<String, List<Scenario>> workloads = new LinkedHashMap<>();
        String workload = only.isEmpty() ? "" : Scenario.builtIn(only).workload();
        for (String name : Scenario.names()) {
            Scenario s = Scenario.builtIn(name);
            if (only.isEmpty() || s.workload().equals(workload))
                workloads.computeIfAbsent(s.workload(), w -> new ArrayList<>()).add(s);
        }
        int n = 0;
        StringBuilder head = new StringBuilder();
        for (Map.Entry<String, List<Scenario>> w : workloads.entrySet()) {
            String forms = w.getValue().stream()
                    .map(Scenario::name)
                    .filter(s -> !s.equals(w.getKey()))
                    .collect(Collectors.joining(", "));
            System.out.printf("%3d %s%s%n", ++n, w.getKey(), forms.isEmpty() ? "" : " (" + forms + ")");
            head.append(String.format("%3d", n));
        }
        System.out.printf("%n%-40s%s%n", "without", head);
        for (Patch p : Catalogue.patches()) {
            List<String> cells = new ArrayList<>();
            for (List<Scenario> forms : workloads.values()) cells.add("  " + cell(forms, p, states));
            if (cells.stream().allMatch(String::isBlank)) continue;
            System.out.printf("%-40s%s%n", p.id(), String.join("", cells).stripTrailing());
            System.out.flush();
        }
        return Verdict.CLEAN;
    }

    /** The strongest of what the workload's forms say. */
    private static char cell(List<Scenario> forms, Patch p, long states) {
        String strongest = " .?sx";
        char all = ' ';
        for (Scenario s : forms) {
            char c = cell(s, p, states);
            if (strongest.indexOf(c) > strongest.indexOf(all)) all = c;
            if (all == 'x') break;
        }
        return all;
    }

    private static char cell(Scenario s, Patch p, long states) {
        String arch = MachineProfile.builtIn(s.machine()).arch();
        if (p.arch() != Patch.Arch.ANY
                && !p.arch().name().toLowerCase(Locale.ROOT).equals(arch)) return ' ';
        Set<KernelVersion> kernels = new LinkedHashSet<>();
        // Where it is clean without further changes, or with the fix that the scenario is about.
        for (Scenario.Expectation e : s.expectations()) {
            KernelVersion k = s.kernelFor(e), without = k.changed(List.of(p), List.of());
            if (kernels.isEmpty() && e.finds().isEmpty() && !k.equals(without)) kernels.add(without);
        }
        // And as its file leaves the patch out: of another release, or beside another patch.
        for (Scenario.Expectation e : s.expectations())
            if (Stream.of(e.changes().split("--")).anyMatch(c -> c.strip().equals("without " + p.id())))
                kernels.add(s.kernelFor(e));
        char all = ' ';
        for (KernelVersion k : kernels) {
            if (all != ' ' && all != '.') break;
            try {
                Verdict v = Exploration.of(s, k)
                        .within(s.bounds().withStates(states))
                        .run(n -> {});
                all = v.clean() ? v.complete() ? '.' : '?' : 'x';
            } catch (Violation e) {
                all = 's';
            }
        }
        return all;
    }
}
