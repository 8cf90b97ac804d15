package dev.worldswitch.cli;

import dev.worldswitch.explore.Part;
import dev.worldswitch.explore.Report;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The verdict over shards. */
@Command(
        name = "merge",
        description =
                "Adds up files of ws explore --shard I/N --save FILE. Exit status as of explore; 3 when one is missing.")
final class MergeCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", arity = "1..*")
    private List<Path> files = List.of();

    @Option(names = "--json", description = "the verdict as one JSON object")
    private boolean json;

    @Option(names = "--report", paramLabel = "FILE", description = "the verdict and all findings as one HTML page")
    private @Nullable Path report;

    @Override
    public Integer call() {
        Verdict v = Part.merged(files.stream().map(ExploreCommand::read).toList());
        System.out.print(json ? v.json() + "\n" : v.text());
        if (report != null) ReportCommand.write(report, Report.of(v, Scenario.of(v.scenario())));
        return v.exitStatus();
    }
}
