package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.IoctlTable;
import java.util.List;
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
}
