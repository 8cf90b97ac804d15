package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelVersion;
import java.util.List;
import java.util.function.Function;

/** Explores a scenario; loaded anew beside changed classes of the kernel or KVM. */
public final class MutantRun implements Function<String, List<String>> {
    /** The ids of properties that fail, up to the second one given; "SCENARIO PROPERTY". */
    @Override
    public List<String> apply(String asked) {
        String scenario = asked.split(" ")[0], property = asked.split(" ")[1];
        Scenario s = Scenario.builtIn(scenario);
        Explorer e = Explorer.of(s, KernelVersion.of("6.12")).untilFound(property);
        return e.explore(s.bounds(), n -> {}).found().stream()
                .map(f -> f.property().id())
                .distinct()
                .toList();
    }
}
