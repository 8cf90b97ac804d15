package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a scenario is where its file says nothing, and how a command changes it. */
class ScenarioTest {
    private static final String SHORT = """
            description = short
            machine = sapphire-rapids
            vmm.does = own-registers, run
            vmm.guest = out
            events = interrupt
            """;

    private static List<String> tasks(Scenario s) {
        return s.tasks().stream().map(Scenario.TaskText::name).toList();
    }

    @Test
    void where_it_says_nothing_there_are_two_cpus_two_tasks_and_two_events() {
        Scenario s = Scenario.parse("short", SHORT);
        assertThat(s.cpus()).isEqualTo(2);
        assertThat(tasks(s)).containsExactly("vmm", "other");
        assertThat(s.tasks().getLast().does()).containsExactly("own-registers", "null-call");
        assertThat(s.bounds().events()).isEqualTo(2);
    }

    @Test
    void a_name_changes_the_number_of_cpus_and_of_tasks() {
        Scenario s = Scenario.of("fpu-two-tasks,cpus=2,tasks=3");
        assertThat(s.cpus()).isEqualTo(2);
        assertThat(tasks(s)).containsExactly("vmm", "other", "other1");
        assertThat(tasks(Scenario.of("fpu-two-tasks,tasks=1"))).containsExactly("vmm");
        assertThatThrownBy(() -> Scenario.of("xfd,cpus=9")).hasMessage("scenario xfd: cpus: 9 is not within 1 and 8");
    }

    @Test
    void a_finding_on_other_cpus_is_repeated_by_its_schedule() {
        KernelVersion faulty = KernelVersion.of("6.12").changed(List.of(Patch.of("clear-xstate-bv-on-xfd")), List.of());
        Verdict v = Exploration.of(Scenario.of("xfd,cpus=2,tasks=2"), faulty)
                .with(new Effort(1, true, 1, 1, true, () -> false))
                .run(n -> {});
        assertThat(v.bounds()).startsWith("2 CPUs, 2 tasks, at most 1 event");
        Finding f = v.findings().getFirst();
        assertThat(Exploration.replay(f.schedule().toString())
                        .findings()
                        .getFirst()
                        .what())
                .isEqualTo(f.what());
    }

    @Test
    void a_form_of_a_workload_says_only_what_is_different() {
        Scenario s = Scenario.parse("mine", """
                description = as fpu-two-tasks, on two CPUs
                workload = fpu-two-tasks
                cpus = 2
                """);
        Scenario workload = Scenario.builtIn("fpu-two-tasks");
        assertThat(s.workload()).isEqualTo("fpu-two-tasks");
        assertThat(s.tasks()).isEqualTo(workload.tasks());
        assertThat(s.cpus()).isEqualTo(2);
        assertThat(s.bounds()).isEqualTo(workload.bounds());
        assertThat(s.expectations()).isEmpty();
    }

    @Test
    void a_form_with_events_of_its_own_has_bounds_of_its_own_and_may_have_no_guest() {
        Scenario s = Scenario.parse("mine", """
                description = no guest
                workload = fpu-two-tasks
                vmm.does = null-call
                vmm.guest = none
                events = preempt
                """);
        assertThat(s.bounds().events()).isEqualTo(2);
        assertThat(s.tasks().getFirst().guest()).isEmpty();
    }

    @Test
    void a_workload_that_there_is_not_is_named() {
        assertThatThrownBy(() -> Scenario.parse("mine", "workload = nosuch"))
                .hasMessageStartingWith("no scenario 'nosuch'");
        assertThatThrownBy(() -> Scenario.parse("mine", "workload = xfd-nm"))
                .hasMessage("scenario mine: 'xfd-nm' is no workload, it is one of xfd");
    }

    @Test
    void there_are_about_ten_workloads() {
        assertThat(Scenario.names().stream()
                        .map(n -> Scenario.builtIn(n).workload())
                        .distinct())
                .hasSizeLessThanOrEqualTo(12);
    }
}
