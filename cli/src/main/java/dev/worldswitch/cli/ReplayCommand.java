package dev.worldswitch.cli;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** One schedule again. */
@Command(
        name = "replay",
        description = "Repeats one schedule that ws explore printed. Exit status 1: it goes wrong again.")
final class ReplayCommand implements Callable<Integer> {
    @Parameters(paramLabel = "SCHEDULE")
    private String schedule = "";

    @Option(names = "--perfetto", paramLabel = "FILE", description = "its steps in Chrome's trace format, for Perfetto")
    private @Nullable Path perfetto;

    @Option(names = "--json", description = "the verdict as one JSON object")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        Verdict v = Exploration.replay(schedule);
        if (perfetto != null) Files.writeString(perfetto, Exploration.perfetto(schedule));
        System.out.print(json ? v.json() + "\n" : v.text());
        return v.exitStatus();
    }
}
