package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.IoctlTable;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class RecordedClientTest {
    static final String NAME = "recorded";
    private static final int KVM_GET_API_VERSION = IoctlTable.io(0x00);

    /** A client that asks twice for the version of the API and was told this one. */
    static Scenario versionThatIs(long answer) {
        Recording.Call asks =
                new Recording.Call(0, 0, KVM_GET_API_VERSION, 0, answer, Recording.NO_FILE, 0, List.of(), List.of());
        return Scenario.of(NAME, new Recording("sapphire-rapids", "6.12", 1, NAME, List.of(asks, asks), List.of(), ""));
    }

    private static List<String> found(Scenario s) {
        return Exploration.of(s, KernelVersion.of("6.12")).run(n -> {}).findings().stream()
                .map(f -> f.property().id())
                .distinct()
                .toList();
    }

    @Test
    void a_client_that_gets_the_recorded_answers_is_clean() {
        assertThat(found(versionThatIs(12))).isEmpty();
    }

    @Test
    void another_answer_than_the_recorded_one_is_found() {
        assertThat(found(versionThatIs(11))).containsExactly("client-answers");
    }

    @Test
    void a_part_of_a_window_is_named_by_its_first_and_last_calls() {
        Recording r = recorded(versionThatIs(12)).recording();
        assertThat(recorded(Scenario.of(NAME + "@1-1", r)).window()).isEqualTo(new Recording.Window(1, 2));
        assertThatThrownBy(() -> Scenario.of(NAME + "@1-2", r))
                .hasMessage(NAME + "@1-2: these calls are not within one window of 0-1");
    }

    private static Scenario.Recorded recorded(Scenario s) {
        return Objects.requireNonNull(s.recorded());
    }

    @Test
    void a_kernel_without_a_patch_is_named_as_recordings_name_it() {
        String name = "6.12~asidbits-fixed/voluntary";
        assertThat(Exploration.kernelText(Exploration.kernelOf(name))).isEqualTo(name);
        assertThatThrownBy(() -> Exploration.kernelOf("6.12/sometimes")).hasMessageContaining("no preemption");
    }
}
