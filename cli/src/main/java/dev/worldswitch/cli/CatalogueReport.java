package dev.worldswitch.cli;

import dev.worldswitch.cli.results.Results;
import dev.worldswitch.cli.results.TestResult;
import dev.worldswitch.explore.Catalogue;
import dev.worldswitch.explore.Catalogue.Outcome;
import dev.worldswitch.explore.CoverageMap;
import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
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
     */
    static int matrix(long states) {
        List<Patch> patches = Catalogue.patches();
        List<Scenario> scenarios =
                Scenario.names().stream().map(Scenario::builtIn).toList();
        for (int i = 0; i < scenarios.size(); i++)
            System.out.printf("%3d %s%n", i + 1, scenarios.get(i).name());
        System.out.printf(
                "%n%-40s%s%n",
                "without",
                scenarios.stream()
                        .map(s -> String.format("%3d", scenarios.indexOf(s) + 1))
                        .collect(Collectors.joining()));
        for (Patch p : patches) {
            List<String> cells = new ArrayList<>();
            for (Scenario s : scenarios) cells.add(cell(s, p, states));
            if (cells.stream().allMatch(String::isBlank)) continue;
            System.out.printf("%-40s%s%n", p.id(), String.join("", cells).stripTrailing());
            System.out.flush();
        }
        return Verdict.CLEAN;
    }

    private static String cell(Scenario s, Patch p, long states) {
        String arch = MachineProfile.builtIn(s.machine()).arch();
        KernelVersion usual = s.kernelFor(new Scenario.Expectation("", "clean"));
        if (p.arch() != Patch.Arch.ANY
                && !p.arch().name().toLowerCase(Locale.ROOT).equals(arch)) return "   ";
        KernelVersion k = usual.changed(List.of(p), List.of());
        if (k.equals(usual)) return "   ";
        try {
            Verdict v =
                    Exploration.of(s, k).within(s.bounds().withStates(states)).run(n -> {});
            return v.clean() ? v.complete() ? "  ." : "  ?" : "  x";
        } catch (Violation e) {
            return "  s";
        }
    }
}
