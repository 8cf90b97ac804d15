package dev.worldswitch.explore;

import dev.worldswitch.explore.Scenario.Expectation;
import dev.worldswitch.kernel.Patch;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** The bugs found again: every built-in scenario on every kernel for which its file says what comes out. */
public final class Catalogue {
    /** One scenario on one kernel. */
    public record Row(Scenario scenario, Expectation expected) {
        /** The command that shows it. */
        public String command() {
            return "ws explore " + scenario.name() + (expected.changes().isEmpty() ? "" : " " + expected.changes());
        }

        /** Within the bounds of its scenario; with wider ones than its file's the first failure is told. */
        public Outcome runToFirst(Effort effort) {
            Exploration e = Exploration.of(scenario, scenario.kernelFor(expected));
            return new Outcome(this, e.with(effort).run(n -> {}));
        }

        /** @param audit goes on at repeated states too, and compares */
        public Outcome run(boolean audit) {
            Exploration e = Exploration.of(scenario, scenario.kernelFor(expected));
            return new Outcome(this, (audit ? e.audited() : e).run(n -> {}));
        }
    }

    /** What came out. */
    public record Outcome(Row row, Verdict verdict) {
        /** Properties that fail, in order; one twice when it fails in two ways. */
        public List<String> found() {
            return verdict.findings().stream()
                    .map(f -> f.property().id())
                    .sorted()
                    .toList();
        }

        public boolean asExpected() {
            return found().equals(row.expected.finds()) && (verdict.complete() || !verdict.clean());
        }

        /** The same where more may happen than the file says: clean, or the first failure is one that it expects. */
        public boolean firstAsExpected() {
            return row.expected.finds().isEmpty()
                    ? verdict.clean() && verdict.complete()
                    : !verdict.clean() && row.expected.finds().containsAll(found());
        }

        /** {@code clean}, or the properties. */
        public String text() {
            return found().isEmpty()
                    ? verdict.complete() ? "clean" : "bounds not exhausted"
                    : String.join(" ", found());
        }
    }

    private Catalogue() {}

    /** In the order of the scenarios' index. */
    public static List<Row> rows() {
        List<Row> all = new ArrayList<>();
        for (String name : Scenario.names()) {
            Scenario s = Scenario.builtIn(name);
            for (Expectation e : s.expectations()) all.add(new Row(s, e));
        }
        return List.copyOf(all);
    }

    /**
     * The scenarios of the sources, each both ways at the default bounds, source by source.
     *
     * @param only one of them, empty for all
     * @throws IllegalArgumentException where that one is of no source
     */
    public static List<Row> ofSources(String only) {
        List<Row> all = new ArrayList<>();
        for (String name : Scenario.names()) {
            Scenario s = Scenario.builtIn(name);
            if (s.source().isEmpty() || !only.isEmpty() && !name.equals(only)) continue;
            for (Expectation e : s.expectations()) all.add(new Row(s.atDefaultBounds(), e));
        }
        if (all.isEmpty()) throw new IllegalArgumentException("scenario '" + only + "' shows none of the five sources");
        all.sort(Comparator.comparing(r -> r.scenario().source()));
        return List.copyOf(all);
    }

    /** Those of one scenario, built in or a file; all when it has no name. */
    public static List<Row> rows(String only) {
        if (only.isEmpty()) return rows();
        Scenario s = Scenario.of(only);
        return s.expectations().stream().map(e -> new Row(s, e)).toList();
    }

    /**
     * Each row's outcome as it comes, told to {@code each}; true when all are as expected.
     *
     * @param only the scenario whose rows are run, empty for all
     * @param audit as of {@link Row#run}
     */
    public static boolean run(String only, boolean audit, Consumer<Outcome> each) {
        boolean good = true;
        for (Row r : rows(only)) {
            Outcome o = r.run(audit);
            each.accept(o);
            good &= o.asExpected();
        }
        return good;
    }

    /** Patches that an expectation of the catalogue leaves out or adds, in the order in which they are met. */
    public static List<Patch> patches() {
        Set<Patch> all = new LinkedHashSet<>();
        for (Row r : rows()) {
            String[] word = r.expected.changes().split(" +");
            for (int i = 0; i + 1 < word.length; i += 2)
                if (!word[i].equals("--kernel")) all.add(Patch.of(word[i + 1]));
        }
        return List.copyOf(all);
    }
}
