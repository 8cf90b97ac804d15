package dev.worldswitch.cli;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Every timing of a scenario. */
@Command(
        name = "explore",
        description = "Tries every timing of a scenario within its bounds. Exit status 0: clean, 1: something found.")
final class ExploreCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "SCENARIO", description = "none: lists the scenarios")
    private String scenario = "";

    @Option(names = "--kernel", paramLabel = "NAME", description = "kernel release (default: ${DEFAULT-VALUE})")
    private String kernel = KernelVersion.DEFAULT;

    @Option(names = "--without", paramLabel = "PATCH", split = ",", description = "a patch left out of the kernel")
    private List<String> without = List.of();

    @Option(names = "--with", paramLabel = "PATCH", split = ",", description = "a patch added to the kernel")
    private List<String> with = List.of();

    @Option(names = "--preempt", paramLabel = "full|voluntary|none", description = "default: full")
    private String preempt = "full";

    @Option(
            names = "--events",
            paramLabel = "N",
            description = "most interrupts in one timing (default: the scenario's)")
    private int events = -1;

    @Option(names = "--audit", description = "goes on at repeated states too and compares: no state outside the cells")
    private boolean audit;

    @Override
    public Integer call() {
        if (scenario.isEmpty()) {
            for (String s : Scenario.names()) {
                Scenario one = Scenario.builtIn(s);
                System.out.printf("%-18s %s%n%-18s expected: %s%n", s, one.description(), "", one.expected());
            }
            return 0;
        }
        KernelVersion version = KernelVersion.of(kernel)
                .changed(
                        without.stream().map(Patch::of).toList(),
                        with.stream().map(Patch::of).toList())
                .preempted(mode());
        Verdict v = Exploration.of(scenario, version, events, audit).run(n -> {});
        System.out.print(v.text());
        return v.exitStatus();
    }

    private KernelVersion.Preempt mode() {
        try {
            return KernelVersion.Preempt.valueOf(preempt.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("no --preempt '" + preempt + "'; known: full, voluntary, none", e);
        }
    }
}
