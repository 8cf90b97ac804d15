package dev.worldswitch.cli;

import dev.worldswitch.explore.Bounds;
import dev.worldswitch.explore.Effort;
import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.FileError;
import dev.worldswitch.explore.Part;
import dev.worldswitch.explore.Report;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Every timing of a scenario. */
@Command(
        name = "explore",
        description = "Tries every timing of a scenario within its bounds.",
        footer = {"", "Exit status: 0 clean, 1 something found, 2 usage, 3 nothing found but the bounds not exhausted."
        })
final class ExploreCommand implements Callable<Integer> {
    @Parameters(
            arity = "0..1",
            paramLabel = "SCENARIO",
            description =
                    "a name, a file's path, or a recording (FILE@CALL: one window of it); none: lists the scenarios")
    private String scenario = "";

    @Option(names = "--machine", paramLabel = "NAME", description = "machine (ws machines; default: the scenario's)")
    private @Nullable String machine;

    @Option(names = "--kernel", paramLabel = "NAME", description = "kernel release (default: the scenario's)")
    private @Nullable String kernel;

    @Option(names = "--without", paramLabel = "PATCH", split = ",", description = "a patch left out of the kernel")
    private List<String> without = List.of();

    @Option(names = "--with", paramLabel = "PATCH", split = ",", description = "a patch added to the kernel")
    private List<String> with = List.of();

    @Option(names = "--preempt", paramLabel = "full|voluntary|none", description = "default: full")
    private String preempt = "full";

    @Option(names = "--events", paramLabel = "N", description = "most events in one timing (default: the scenario's)")
    private @Nullable Integer events;

    @Option(names = "--cpus", paramLabel = "N", description = "physical CPUs (default: the scenario's, else 2)")
    private @Nullable Integer cpus;

    @Option(names = "--tasks", paramLabel = "N", description = "host tasks (default: the scenario's, else 2)")
    private @Nullable Integer tasks;

    @Option(names = "--audit", description = "goes on at repeated states too and compares: no state outside the cells")
    private boolean audit;

    @Option(names = "--switches", paramLabel = "N", description = "most switches between tasks on different CPUs")
    private @Nullable Integer switches;

    @Option(names = "--states", paramLabel = "N", description = "stop after so many states (exit status 3)")
    private @Nullable Long states;

    @Option(
            names = "--bounds",
            split = ",",
            paramLabel = "KIND=N",
            description = "events=N, switches=N, preemptions=N, or most events of a kind, as interrupt=2")
    private List<String> kinds = List.of();

    @Option(names = "--time", paramLabel = "SECONDS", description = "stop after so long (exit status 3)")
    private @Nullable Long seconds;

    @Option(names = "--jobs", paramLabel = "N", description = "workers (default: one for each core)")
    private @Nullable Integer jobs;

    @Option(names = "--first", description = "end with the first finding")
    private boolean first;

    @Option(names = "--shard", paramLabel = "I/N", description = "only this part of the work; ws merge adds up")
    private String shard = "1/1";

    @Option(names = "--save", paramLabel = "FILE", description = "what was found and what is left, for merge, --resume")
    private @Nullable Path save;

    @Option(names = "--resume", paramLabel = "FILE", description = "go on with what --save left, and save again")
    private @Nullable Path resume;

    @Option(names = "--no-reduction", description = "events also where they commute with the step before")
    private boolean noReduction;

    @Option(names = "--random", paramLabel = "N", description = "N runs with events at random places instead")
    private @Nullable Long random;

    @Option(names = "--seed", paramLabel = "S", description = "for --random")
    private long seed = 1;

    @Option(names = "--progress", description = "a progress line also when stderr is no terminal")
    private boolean showProgress;

    @Option(names = "--json", description = "the verdict, with --all the results, as one JSON object")
    private boolean json;

    @Option(names = "--report", paramLabel = "FILE", description = "the verdict and all findings as one HTML page")
    private @Nullable Path report;

    @Option(names = "--ftrace", paramLabel = "FILE", description = "the first finding as the kernel's trace file")
    private @Nullable Path ftrace;

    @Option(names = "--perfetto", paramLabel = "FILE", description = "the first finding as a trace for Perfetto")
    private @Nullable Path perfetto;

    @Option(
            names = "--all",
            description = "runs the catalogue, or the scenario's part of it: expected against found, as KTAP")
    private boolean all;

    @Option(names = "--table", description = "with --all: a table instead of KTAP")
    private boolean table;

    @Option(names = "--junit", paramLabel = "FILE", description = "with --all: the results as JUnit XML too")
    private @Nullable Path junit;

    @Option(names = "--matrix", description = "each workload, or the scenario's, without each patch of the catalogue")
    private boolean matrix;

    @Option(
            names = "--sources",
            description = "the scenarios of the five sources at the default bounds, each both ways; --time: for each")
    private boolean sources;

    @Option(names = "--also", paramLabel = "EVENT", split = ",", description = "what may happen besides (ws list)")
    private List<String> also = List.of();

    @Override
    public Integer call() {
        check();
        if (all && table) return CatalogueReport.table(scenario, audit);
        if (all) return CatalogueReport.all(scenario, audit, json, junit);
        if (sources) return CatalogueReport.sources(scenario, seconds == null ? 0 : seconds, workers());
        if (matrix) return CatalogueReport.matrix(scenario, states == null ? 0 : states);
        if (scenario.isEmpty()) {
            ListCommands.scenarios();
            return 0;
        }
        if (cpus != null) scenario += ",cpus=" + cpus;
        if (tasks != null) scenario += ",tasks=" + tasks;
        for (String event : also) scenario += ",also=" + event;
        if (machine != null) scenario += "%" + machine;
        Scenario what = Scenario.of(scenario);
        String named = what.kernel();
        // A recording's may be one with patches left out.
        KernelVersion version = Exploration.kernelOf(
                        kernel != null ? kernel : named != null ? named : KernelVersion.DEFAULT)
                .changed(
                        without.stream().map(Patch::of).toList(),
                        with.stream().map(Patch::of).toList())
                .preempted(KernelVersion.Preempt.of(preempt));
        Bounds bounds = bounds(what.bounds());
        String[] part = shard.split("/");
        // From here on a signal shows what was found so far: whatever ends this says so to it.
        Stopping stopping = new Stopping(bounds.seconds());
        try {
            Effort effort = new Effort(
                    workers(), !noReduction, Integer.parseInt(part[0]), Integer.parseInt(part[1]), first, stopping);
            List<Exploration> each = new ArrayList<>();
            for (Scenario s : windows(what)) {
                Exploration e = Exploration.of(s, version).within(bounds).with(effort);
                each.add(audit ? e.audited() : e);
            }
            return stopping.ended(each.size() == 1 ? explore(each.getFirst(), bounds) : windows(each, bounds));
        } finally {
            stopping.ended(2);
        }
    }

    private int workers() {
        return jobs != null ? jobs : Runtime.getRuntime().availableProcessors();
    }

    private Bounds bounds(Bounds usual) {
        Bounds b = usual;
        if (states != null) b = b.withStates(states);
        if (events != null) b = b.withEvents(events);
        if (switches != null) b = b.withSwitches(switches);
        if (seconds != null) b = b.withSeconds(seconds);
        for (String k : kinds) b = b.with(k);
        return b;
    }

    /** What an option takes, and which go together. */
    private void check() {
        if (!shard.matches("\\d{1,4}/\\d{1,4}"))
            throw new IllegalArgumentException("--shard takes I/N, for example 1/4; not '" + shard + "'");
        atLeast("--states", 0, states);
        atLeast("--time", 0, seconds);
        atLeast("--random", 1, random);
        atLeast("--jobs", 1, jobs == null ? null : jobs.longValue());
        boolean changed = machine != null
                || kernel != null
                || cpus != null
                || tasks != null
                || !without.isEmpty()
                || !with.isEmpty()
                || !kinds.isEmpty()
                || !also.isEmpty()
                || events != null
                || switches != null
                || save != null
                || resume != null
                || random != null
                || report != null
                || perfetto != null
                || ftrace != null;
        if ((all || matrix || sources) && changed)
            throw new IllegalArgumentException(
                    (all ? "--all" : matrix ? "--matrix" : "--sources")
                            + " runs scenarios as their files say: it takes no machine, kernel, patches or bounds, and writes no report");
    }

    private static void atLeast(String option, long least, @Nullable Long given) {
        if (given != null && given < least)
            throw new IllegalArgumentException(option + " takes a number from " + least + " on, not " + given);
    }

    /** A recording is explored window by window, unless it is said which. */
    private static List<Scenario> windows(Scenario s) {
        Scenario.Recorded r = s.recorded();
        if (r == null || Scenario.namesWindow(s.name())) return List.of(s);
        return r.recording().windows().stream()
                .map(w -> Scenario.of(s.name() + "@" + w.from()))
                .toList();
    }

    private int windows(List<Exploration> all, Bounds bounds) {
        if (save != null || resume != null || random != null)
            throw new IllegalArgumentException("--save, --resume and --random take one window: " + scenario + "@CALL");
        return print(Verdict.sum(
                scenario, Exploration.all(all, workers(), new ProgressLine(showProgress, bounds.seconds()))));
    }

    private int explore(Exploration e, Bounds bounds) {
        if (random != null) return print(e.random(random, seed));
        Exploration.Outcome o =
                e.run(resume == null ? null : read(resume), new ProgressLine(showProgress, bounds.seconds()));
        Path to = save != null ? save : resume;
        if (to != null) replace(to, o.part().text());
        return print(o.verdict());
    }

    private int print(Verdict v) {
        if (showProgress || ProgressLine.onTerminal()) System.err.print("\r\033[K");
        System.out.print(json ? v.json() + "\n" : v.text());
        System.out.flush();
        if (report != null) ReportCommand.write(report, Report.of(v, Scenario.of(v.scenario())));
        if (!v.clean()) {
            String first = v.findings().getFirst().schedule().toString();
            if (perfetto != null) write(perfetto, Exploration.perfetto(first));
            if (ftrace != null) write(ftrace, Exploration.ftrace(first));
        }
        return v.exitStatus();
    }

    static Part read(Path file) {
        try {
            return Part.parse(file.toString(), Files.readString(file));
        } catch (IOException e) {
            throw FileError.of("can't read", file, e);
        }
    }

    /** All of it or, when this program is ended or the disk is full, what was there before. */
    private static void replace(Path file, String text) {
        Path beside = file.resolveSibling(file.getFileName() + ".new");
        try {
            write(beside, text);
            Files.move(beside, file, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw FileError.of("can't write", file, e);
        } finally {
            beside.toFile().delete();
        }
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw FileError.of("can't write", file, e);
        }
    }
}
