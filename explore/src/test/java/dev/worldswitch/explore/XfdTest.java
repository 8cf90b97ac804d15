package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class XfdTest {
    private static final KernelVersion FIXED = KernelVersion.of("6.12");
    private static final KernelVersion BROKEN = FIXED.changed(List.of(Patch.CLEAR_XSTATE_BV_ON_XFD), List.of());

    private static Verdict explore(String scenario, KernelVersion kernel) {
        return Exploration.of(Scenario.builtIn(scenario), kernel).audited().run(n -> {});
    }

    private static KernelVersion onlyWith(Patch half) {
        return BROKEN.changed(List.of(), List.of(half));
    }

    @ParameterizedTest
    @EnumSource(KernelVersion.Preempt.class)
    void the_fixed_kernel_is_clean(KernelVersion.Preempt mode) {
        Verdict v = explore("xfd", FIXED.preempted(mode));
        assertThat(v.text()).startsWith("clean");
        assertThat(v.exitStatus()).isZero();
    }

    @Test
    void two_interrupts_change_nothing_for_the_fixed_kernel() {
        assertThat(Exploration.of(Scenario.builtIn("xfd"), FIXED)
                        .within(new Bounds(2, 0, 0))
                        .audited()
                        .run(n -> {})
                        .findings())
                .isEmpty();
    }

    @Test
    void bounds_that_were_not_exhausted_have_an_exit_status_of_their_own() {
        Verdict v = Exploration.of(Scenario.builtIn("xfd"), FIXED)
                .within(new Bounds(1, 0, 10))
                .run(n -> {});
        assertThat(v.exitStatus()).isEqualTo(3);
        assertThat(v.text()).containsPattern("NOT\\s+exhausted");
    }

    @Test
    void without_the_fix_both_ways_into_the_panic_are_found_apart() {
        Verdict v = explore("xfd", BROKEN);
        assertThat(v.exitStatus()).isEqualTo(1);
        assertThat(v.findings()).hasSize(2);
        assertThat(v.findings()).allSatisfy(f -> {
            assertThat(f.property()).isEqualTo(Property.NO_NM);
            assertThat(f.also()).singleElement().asString().contains("XSTATE_BV & IA32_XFD is 0x40000");
        });
        assertThat(v.findings()).anySatisfy(f -> {
            assertThat(f.what()).contains("fpu_swap_kvm_fpstate <- kvm_load_guest_fpu");
            assertThat(f.schedule().turns()).isEmpty();
        });
        assertThat(v.findings()).anySatisfy(f -> {
            assertThat(f.what()).contains("switch_fpu_return");
            assertThat(f.schedule().turns()).hasSize(1);
            assertThat(f.schedule().events()).isEqualTo(1);
            assertThat(f.timeline()).contains("* INTERRUPT, its softirq uses the FPU");
        });
        assertThat(v.text().lines().filter(l -> !l.contains("ws replay")))
                .allSatisfy(l -> assertThat(l.length()).as(l).isLessThanOrEqualTo(72));
    }

    @Test
    void a_guest_that_releases_its_tiles_first_leaves_only_the_way_through_set_xsave() {
        assertThat(explore("xfd-tilerelease", BROKEN).findings())
                .singleElement()
                .satisfies(f -> assertThat(f.what()).contains("kvm_load_guest_fpu"));
    }

    @Test
    void half_of_the_fix_leaves_the_other_way_in() {
        assertThat(explore("xfd", onlyWith(Patch.CLEAR_XSTATE_BV_GUEST_WRITE)).findings())
                .singleElement()
                .satisfies(f -> assertThat(f.what()).contains("kvm_load_guest_fpu"));
        assertThat(explore("xfd", onlyWith(Patch.CLEAR_XSTATE_BV_SET_XSAVE)).findings())
                .singleElement()
                .satisfies(f -> assertThat(f.what()).contains("switch_fpu_return"));
    }

    @Test
    void setting_xfd_from_user_space_after_set_xsave_gets_past_the_fix() {
        assertThat(explore("xfd-set-msrs", FIXED).findings())
                .singleElement()
                .satisfies(f -> assertThat(f.schedule().turns()).isEmpty());
    }

    @Test
    void a_schedule_repeats_what_it_was_found_with() {
        for (Finding f : explore("xfd", BROKEN).findings()) {
            Verdict again = Exploration.replay(f.schedule().toString());
            assertThat(again.findings()).containsExactly(f);
        }
        assertThat(Exploration.replay("ws2:xfd:6.12:-").clean()).isTrue();
    }

    @Test
    void a_bad_schedule_is_refused_with_an_example() {
        assertThatThrownBy(() -> Exploration.replay("nonsense")).hasMessageContaining("one looks like");
        assertThatThrownBy(() -> Exploration.replay("ws2:xfd:6.12:x")).hasMessageContaining("one looks like");
    }

    @Test
    void a_schedule_that_does_not_fit_these_sources_is_refused() {
        assertThatThrownBy(() -> Exploration.replay("ws2:xfd:6.12:35i.0000")).hasMessageContaining("does not fit");
        assertThatThrownBy(() -> Exploration.replay("ws2:xfd:6.12:99999i.0000"))
                .hasMessageContaining("its run ends before");
    }
}
