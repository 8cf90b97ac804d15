package dev.worldswitch.junit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;

/** Also the sample: what a test of a kernel patch looks like. */
class ExploreTest {
    @Explore(scenario = "xcr0")
    void the_guest_s_XCR0_does_not_stay() {}

    @Explore(scenario = "xcr0", finds = "guest-registers", bounds = "events=1")
    @Kernel(without = "kvm-fpu-check-at-entry")
    void without_the_check_at_entry_the_guest_s_registers_are_wrong(Verdict v) {
        assertThat(v.findings().getFirst().timeline()).contains("FIRST WRONG");
        assertThat(v.kernel()).isEqualTo("6.12~kvm-fpu-check-at-entry");
    }

    @Explore(text = """
                    description = a guest that only exits
                    machine = sapphire-rapids
                    vmm.does = own-registers, run
                    vmm.guest = out
                    events = interrupt
                    bound.events = 1
                    """)
    @Machine("skylake-server")
    void a_scenario_may_stand_in_the_test_and_run_on_another_machine(Verdict v) {
        assertThat(v.scenario()).endsWith("%skylake-server");
        assertThat(v.figures().runs()).isPositive();
    }

    @Test
    void a_failure_is_the_timeline_and_the_command_that_repeats_it() {
        Scenario s = Scenario.builtIn("xcr0");
        Verdict v = Exploration.of(
                        s, KernelVersion.of("6.12").changed(List.of(Patch.of("kvm-fpu-check-at-entry")), List.of()))
                .run(n -> {});
        assertThatThrownBy(() -> ExploreExtension.check(v, List.of()))
                .isInstanceOf(AssertionFailedError.class)
                .hasMessageStartingWith("expected clean, found guest-registers\n")
                .hasMessageContaining("FIRST WRONG")
                .hasMessageContaining("repeat: ws replay ws2:xcr0:6.12~kvm-fpu-check-at-entry:");
    }

    @Test
    void nothing_found_within_bounds_that_were_not_exhausted_is_not_clean() {
        Scenario s = Scenario.builtIn("xcr0");
        Verdict v = Exploration.of(s, KernelVersion.of("6.12"))
                .within(s.bounds().withStates(3))
                .run(n -> {});
        assertThatThrownBy(() -> ExploreExtension.check(v, List.of())).hasMessageContaining("not exhausted");
    }
}
