package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a verdict says of how much was looked at. */
class CoverageTest {
    private static CoverageMap map(String scenario) {
        Scenario s = Scenario.builtIn(scenario);
        return Exploration.of(s, KernelVersion.of("6.12"))
                .run(n -> {})
                .figures()
                .coverage();
    }

    @ParameterizedTest
    @CsvSource({"xcr0,x86", "host-state,arm64"})
    void each_step_is_in_a_function_that_touches_the_hardware_by_its_code(String scenario, String architecture) {
        CoverageMap map = map(scenario);
        TreeSet<String> functions = new TreeSet<>();
        for (String s : map.steps()) functions.add(s.substring(0, s.indexOf(": ")));
        functions.remove(Place.USER_MODE);
        assertThat(HardwareFunctions.of(architecture)).containsAll(functions);
        assertThat(map.functionsNotReached()).isNotEmpty().doesNotContainAnyElementsOf(functions);
    }

    @Test
    void a_pair_is_a_step_and_an_event_that_was_placed_right_before_it() {
        CoverageMap map = map("xcr0");
        assertThat(map.events()).containsOnlyKeys("interrupt", "fpu-interrupt");
        assertThat(map.events().get("interrupt").tried()).contains("enter: local_irq_enable");
        assertThat(map.functionsNotReached()).contains("take_xfd_err");
        assertThat(map.lines().getFirst()).startsWith(map.pairs() + " pairs (step x event) exercised");
    }

    @Test
    void maps_add_up() {
        CoverageMap a = new CoverageMap(
                "x86", List.of("f: a"), events(new CoverageMap.OfEvent(List.of(), List.of("f: a"))), List.of("ends"));
        CoverageMap b = new CoverageMap(
                "x86", List.of("f: a", "g: b"), events(new CoverageMap.OfEvent(List.of("f: a"), List.of())), List.of());
        CoverageMap sum = CoverageMap.sum(List.of(a, b));
        assertThat(sum.steps()).containsExactly("f: a", "g: b");
        assertThat(sum.events().get("nmi").tried()).containsExactly("f: a");
        assertThat(sum.events().get("nmi").not()).isEmpty();
        assertThat(sum.calls()).isEmpty();
    }

    private static Map<String, CoverageMap.OfEvent> events(CoverageMap.OfEvent nmi) {
        return new TreeMap<>(Map.of("nmi", nmi));
    }
}
