package dev.worldswitch.cli;

import dev.worldswitch.explore.Bounds;
import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.io.Console;
import java.util.List;
import java.util.Locale;
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
            description = "a name, or a file's path; none: lists the scenarios")
    private String scenario = "";

    @Option(names = "--kernel", paramLabel = "NAME", description = "kernel release (default: the scenario's)")
    private @Nullable String kernel;

    @Option(names = "--without", paramLabel = "PATCH", split = ",", description = "a patch left out of the kernel")
    private List<String> without = List.of();

    @Option(names = "--with", paramLabel = "PATCH", split = ",", description = "a patch added to the kernel")
    private List<String> with = List.of();

    @Option(names = "--preempt", paramLabel = "full|voluntary|none", description = "default: full")
    private String preempt = "full";

    @Option(names = "--events", paramLabel = "N", description = "most events in one timing (default: the scenario's)")
    private int events = -1;

    @Option(names = "--audit", description = "goes on at repeated states too and compares: no state outside the cells")
    private boolean audit;

    @Option(names = "--switches", paramLabel = "N", description = "most switches between tasks on different CPUs")
    private int switches = -1;

    @Option(names = "--states", paramLabel = "N", description = "stop after so many states (exit status 3)")
    private long states;

    @Option(names = "--json", description = "the verdict as one JSON object")
    private boolean json;

    @Option(names = "--all", description = "runs the catalogue, or the scenario's part of it: expected against found")
    private boolean all;

    @Option(names = "--matrix", description = "each built-in scenario without each patch of the catalogue")
    private boolean matrix;

    @Override
    public Integer call() {
        if (all) return CatalogueReport.all(scenario);
        if (matrix) return CatalogueReport.matrix(states);
        if (scenario.isEmpty()) {
            ListCommands.scenarios();
            return 0;
        }
        Scenario what = Scenario.of(scenario);
        String named = what.kernel();
        KernelVersion version = KernelVersion.of(
                        kernel != null ? kernel : named != null ? named : KernelVersion.DEFAULT)
                .changed(
                        without.stream().map(Patch::of).toList(),
                        with.stream().map(Patch::of).toList())
                .preempted(mode());
        Bounds usual = what.bounds();
        Bounds bounds = usual.withStates(states);
        if (events >= 0) bounds = bounds.withEvents(events);
        if (switches >= 0) bounds = bounds.withSwitches(switches);
        Exploration e = Exploration.of(what, version).within(bounds);
        Verdict v = (audit ? e.audited() : e).run(ExploreCommand::progress);
        if (onTerminal()) System.err.print("\r\033[K");
        System.out.print(json ? v.json() + "\n" : v.text());
        return v.exitStatus();
    }

    /** On a terminal only: a run takes seconds or minutes. */
    private static void progress(long states) {
        if (onTerminal()) System.err.print("\r" + states + " states so far");
    }

    private static boolean onTerminal() {
        Console c = System.console();
        return c != null && c.isTerminal();
    }

    private KernelVersion.Preempt mode() {
        try {
            return KernelVersion.Preempt.valueOf(preempt.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("no --preempt '" + preempt + "'; known: full, voluntary, none", e);
        }
    }
}
