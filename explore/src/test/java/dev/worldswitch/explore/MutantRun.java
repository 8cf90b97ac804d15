package dev.worldswitch.explore;

import java.util.List;
import java.util.function.Function;

/** Explores a scenario; loaded anew beside changed classes of the kernel or KVM. */
public final class MutantRun implements Function<String, List<String>> {
    /** The ids of properties that fail, up to the second one given; "SCENARIO PROPERTY", maybe with a kernel as schedules have it. */
    @Override
    public List<String> apply(String asked) {
        String[] word = asked.split(" ");
        String scenario = word[0], property = word[1], kernel = word.length > 2 ? word[2] : "6.12";
        Scenario s = scenario.equals(RecordedClientTest.NAME)
                ? RecordedClientTest.versionThatIs(12)
                : Scenario.builtIn(scenario);
        Explorer e = Explorer.of(s, Exploration.kernelOf(kernel)).untilFound(property);
        return e.explore(s.bounds(), n -> {}).found().stream()
                .map(f -> f.property().id())
                .distinct()
                .toList();
    }
}
