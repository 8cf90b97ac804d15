package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.machine.MachineProfile;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BuiltInProfilesTest {
    static List<String> names() {
        return MachineProfile.names().stream()
                .filter(n -> MachineProfile.builtIn(n).arch().equals("x86"))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("names")
    void every_built_in_machine_is_consistent(String name) {
        X86Profile p = X86Profile.builtIn(name);
        assertThat(p.name()).isEqualTo(name);
        assertThat(p.source().text("description")).isNotEmpty();
        assertThat(p.source().text("vendor")).isIn("intel", "amd");
        assertThat(p.kvmXcr0() & ~p.xcr0()).isZero();
        assertThat(p.cpuid(1, 0).eax()).isNotZero();
    }

    @ParameterizedTest
    @MethodSource("names")
    void leaf_numbers_stay_within_the_limits_that_leaves_0_and_80000000_give(String name) {
        X86Profile p = X86Profile.builtIn(name);
        for (Cpuid c : p.cpuid()) {
            int limit = p.cpuid(c.leaf() & 0x80000000, 0).eax();
            assertThat(Integer.compareUnsigned(c.leaf(), limit))
                    .as("leaf 0x%x", c.leaf())
                    .isLessThanOrEqualTo(0);
        }
    }

    @Test
    void sapphire_rapids_has_tiles_that_xfd_can_disable_and_skylake_has_not() {
        XsaveLayout spr = X86Profile.builtIn("sapphire-rapids").xsave();
        XsaveLayout skl = X86Profile.builtIn("skylake-server").xsave();
        assertThat(spr.xfdMask()).isEqualTo(1L << XsaveLayout.TILEDATA);
        assertThat(skl.xfdMask()).isZero();
        assertThat(skl.has(XsaveLayout.TILEDATA)).isFalse();
        assertThat(skl.has(XsaveLayout.ZMM_HI256)).isTrue();
        assertThat(X86Profile.builtIn("x86-64-v1").xsave().components()).isEmpty();
    }

    @Test
    void a_machine_whose_size_contradicts_its_components_is_refused_by_name() {
        MachineProfile bad = MachineProfile.parse("wrong", """
                base = sapphire-rapids
                cpuid 0xd.0 = 0x602e7 0x2b40 0x2b40 0x0
                """);
        assertThatThrownBy(() -> X86Profile.of(bad))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("wrong")
                .hasMessageContaining("0xd.0 ebx");
    }
}
