package dev.worldswitch.cli;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Verdict;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** A schedule's failure as simple as can be. */
@Command(name = "shrink", description = "Finds what goes wrong in a schedule with fewest events, then fewest steps.")
final class ShrinkCommand implements Callable<Integer> {
    @Parameters(paramLabel = "SCHEDULE")
    private String schedule = "";

    @Override
    public Integer call() {
        Verdict v = Exploration.shrink(schedule);
        System.out.print(v.text());
        return v.exitStatus();
    }
}
