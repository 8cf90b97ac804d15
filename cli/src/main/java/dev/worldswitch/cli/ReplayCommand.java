package dev.worldswitch.cli;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Verdict;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** One schedule again. */
@Command(
        name = "replay",
        description = "Repeats one schedule that ws explore printed. Exit status 1: it goes wrong again.")
final class ReplayCommand implements Callable<Integer> {
    @Parameters(paramLabel = "SCHEDULE")
    private String schedule = "";

    @Override
    public Integer call() {
        Verdict v = Exploration.replay(schedule);
        System.out.print(v.text());
        return v.exitStatus();
    }
}
