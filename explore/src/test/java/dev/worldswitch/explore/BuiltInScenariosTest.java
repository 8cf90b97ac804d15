package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class BuiltInScenariosTest {
    static Stream<Arguments> expectations() {
        return Scenario.names().stream()
                .map(Scenario::builtIn)
                .flatMap(s -> s.expectations().stream().map(e -> Arguments.of(s.name(), e.changes(), e.verdict())));
    }

    @ParameterizedTest(name = "{0} {1}: {2}")
    @MethodSource("expectations")
    void come_out_as_their_files_say(String scenario, String changes, String expected) {
        Scenario s = Scenario.builtIn(scenario);
        Verdict v = Exploration.of(s, kernel(s, changes)).run(n -> {});
        List<String> found =
                v.findings().stream().map(f -> f.property().id()).sorted().toList();
        if (expected.equals("clean")) assertThat(found).isEmpty();
        else
            assertThat(found)
                    .isEqualTo(Stream.of(expected.replaceFirst("^finds ", "").split(", "))
                            .sorted()
                            .toList());
    }

    private static KernelVersion kernel(Scenario s, String changes) {
        List<Patch> without = new ArrayList<>(), with = new ArrayList<>();
        String[] word = changes.split(" +");
        for (int i = 0; i + 1 < word.length; i += 2)
            (word[i].equals("--without") ? without : with).add(Patch.of(word[i + 1]));
        String name = s.kernel();
        return KernelVersion.of(name == null ? KernelVersion.DEFAULT : name).changed(without, with);
    }
}
