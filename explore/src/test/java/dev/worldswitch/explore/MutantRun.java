package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelVersion;
import java.util.List;
import java.util.function.Function;

/** Explores a scenario; loaded anew beside changed classes of the kernel or KVM. */
public final class MutantRun implements Function<String, List<String>> {
    /** The ids of properties that fail, up to the second one given; "SCENARIO PROPERTY", maybe with a kernel as schedules have it. */
    @Override
    public List<String> apply(String asked) {
        String[] word = asked.split(" ");
        String scenario = word[0], property = word[1];
        Scenario s = scenario.equals(RecordedClientTest.NAME)
                ? RecordedClientTest.versionThatIs(12)
                : Scenario.builtIn(scenario);
        KernelVersion kernel =
                word.length > 2 ? Exploration.kernelOf(word[2]) : s.kernelFor(new Scenario.Expectation("", ""));
        Explorer e = Explorer.of(s, kernel).untilFound(property);
        return e.explore(s.bounds(), n -> {}).found().stream()
                .map(f -> f.property().id())
                .distinct()
                .toList();
    }
}
