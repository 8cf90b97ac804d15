package dev.worldswitch.machine.arm64;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.machine.MachineProfile;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class Arm64ProfileTest {
    static List<String> names() {
        return MachineProfile.names().stream()
                .filter(n -> MachineProfile.builtIn(n).arch().equals("arm64"))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("names")
    void every_built_in_arm64_machine_is_consistent(String name) {
        Arm64Profile p = Arm64Profile.builtIn(name);
        assertThat(p.name()).isEqualTo(name);
        assertThat(p.source().text("description")).isNotEmpty();
        assertThat(p.register(SysReg.MIDR_EL1)).isNotZero();
    }

    @Test
    void machines_have_the_vector_lengths_of_their_cores() {
        assertThat(Arm64Profile.builtIn("neoverse-n1").vqs()).isZero();
        assertThat(Arm64Profile.builtIn("a64fx").vqs()).isEqualTo(0b1011);
        assertThat(Arm64Profile.builtIn("neoverse-v1").vqs()).isEqualTo(0b11);
        assertThat(Arm64Profile.builtIn("max").maxVq()).isEqualTo(16);
        assertThat(Arm64Profile.builtIn("a64fx").vqAtMost(3)).isEqualTo(2);
    }

    @Test
    void properties_after_the_name_change_the_machine_as_qemus_do() {
        assertThat(Arm64Profile.builtIn("max,sve-max-vq=4").vqs()).isEqualTo(0b1111);
        assertThat(Arm64Profile.builtIn("max,sve512=off").maxVq()).isEqualTo(3);
        assertThat(Arm64Profile.builtIn("max,sve384=off").vqAtMost(3)).isEqualTo(2);
        assertThat(Arm64Profile.builtIn("max,sve=off").hasSve()).isFalse();
        assertThat(Arm64Profile.builtIn("max").vhe()).isTrue();
        assertThat(Arm64Profile.builtIn("max,sve-max-vq=16,nvhe").vhe()).isFalse();
    }

    @Test
    void what_a_machine_cannot_be_is_refused_in_one_line_that_names_it() {
        for (String bad :
                List.of("a64fx,sve384=on", "neoverse-n1,sve=on", "max,sve-max-vq=17", "max,turbo", "max,nvhe=maybe"))
            assertThatThrownBy(() -> Arm64Profile.builtIn(bad))
                    .as(bad)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(bad);
    }
}
