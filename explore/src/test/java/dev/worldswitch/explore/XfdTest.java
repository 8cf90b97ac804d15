package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kernel.x86.Fpu;
import dev.worldswitch.machine.x86.X86Profile;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class XfdTest {
    private static final KernelVersion FIXED = KernelVersion.of("6.12");
    private static final KernelVersion BROKEN = FIXED.changed(List.of(Patch.CLEAR_XSTATE_BV_ON_XFD), List.of());

    private static Verdict explore(String scenario, KernelVersion kernel) {
        return Exploration.of(scenario, kernel, -1, true).run(n -> {});
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
        assertThat(Exploration.of("xfd", FIXED, 2, true).run(n -> {}).findings())
                .isEmpty();
    }

    @Test
    void without_the_fix_both_ways_into_the_panic_are_found_apart() {
        Verdict v = explore("xfd", BROKEN);
        assertThat(v.exitStatus()).isEqualTo(1);
        assertThat(v.findings()).hasSize(2);
        assertThat(v.findings()).anySatisfy(f -> {
            assertThat(f.what()).contains("fpu_swap_kvm_fpstate <- kvm_load_guest_fpu");
            assertThat(f.schedule().events()).isEmpty();
        });
        assertThat(v.findings()).anySatisfy(f -> {
            assertThat(f.what()).contains("switch_fpu_return");
            assertThat(f.schedule().events()).hasSize(1);
            assertThat(f.timeline()).contains("* INTERRUPT, softirq uses the FPU");
        });
        assertThat(v.findings())
                .allSatisfy(f -> assertThat(f.timeline().lines())
                        .allSatisfy(l -> assertThat(l.length()).isLessThanOrEqualTo(72)));
    }

    @Test
    void a_guest_that_releases_its_tiles_first_leaves_only_the_way_through_set_xsave() {
        Verdict v = explore("xfd-tilerelease", BROKEN);
        assertThat(v.findings())
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
    void the_alternative_fix_is_clean_in_every_scenario() {
        KernelVersion alternative = FIXED.changed(List.of(), List.of(Patch.RESTORE_WITH_XFD_ZERO));
        for (String s : Scenario.names())
            assertThat(explore(s, alternative).findings()).as(s).isEmpty();
    }

    @Test
    void setting_xfd_from_user_space_after_set_xsave_gets_past_the_fix() {
        assertThat(explore("xfd-set-msrs", FIXED).findings())
                .singleElement()
                .satisfies(f -> assertThat(f.schedule().events()).isEmpty());
    }

    @Test
    void a_schedule_repeats_what_it_was_found_with() {
        for (Finding f : explore("xfd", BROKEN).findings()) {
            Verdict again = Exploration.replay(f.schedule().toString());
            assertThat(again.findings()).containsExactly(f);
        }
        assertThat(Exploration.replay("ws1:xfd:6.12:-").clean()).isTrue();
    }

    @Test
    void a_bad_schedule_is_refused_with_an_example() {
        assertThatThrownBy(() -> Exploration.replay("nonsense")).hasMessageContaining("one looks like");
        assertThatThrownBy(() -> Exploration.replay("ws1:xfd:6.12:x")).hasMessageContaining("one looks like");
    }

    @Test
    void the_kernels_fpu_code_alone_with_a_scripted_guest_shows_the_same() {
        assertThat(Exploration.explorer(Scenario.builtIn("xfd"), FIXED, FpuDriver::new)
                        .explore(1, true, n -> {})
                        .found())
                .isEmpty();
        assertThat(Exploration.explorer(Scenario.builtIn("xfd"), BROKEN, FpuDriver::new)
                        .explore(1, true, n -> {})
                        .found())
                .hasSize(2);
    }

    // Each property is able to fail: the damage is done around the calls, the explorer is the same.

    private record Damaged(VcpuDriver inner, Runnable before, Runnable after) implements VcpuDriver {
        @Override
        public void run() {
            before.run();
            inner.run();
            after.run();
        }

        @Override
        public void getXsave() {
            inner.getXsave();
        }

        @Override
        public void setXsave() {
            inner.setXsave();
        }

        @Override
        public void setXfd(long v) {
            inner.setXfd(v);
        }

        @Override
        public FpState guestImage() {
            return inner.guestImage();
        }
    }

    private static List<String> failing(BiConsumer<Task, FpState> before, BiConsumer<Task, FpState> after) {
        Explorer e = Exploration.explorer(Scenario.builtIn("xfd"), FIXED, (host, task, memory, guest) -> {
            VcpuDriver d = new KvmDriver(host, task, memory, guest);
            return new Damaged(d, () -> before.accept(task, d.guestImage()), () -> after.accept(task, d.guestImage()));
        });
        return e.explore(0, false, n -> {}).found().values().stream()
                .map(Explorer.Found::property)
                .toList();
    }

    @Test
    void a_vmm_register_that_is_not_back_is_found() {
        assertThat(failing((t, g) -> {}, (t, g) -> Fpu.cpu(t).fpregs().set(XsaveLayout.XMM0 / 8, 1)))
                .containsExactly("the VMM's own registers are back after KVM_RUN");
    }

    @Test
    void an_xfd_that_is_not_back_is_found() {
        assertThat(failing((t, g) -> {}, (t, g) -> Fpu.cpu(t).xfd().set(0)))
                .containsExactly("the VMM's own IA32_XFD is back after KVM_RUN");
    }

    @Test
    void a_guest_register_that_changed_is_found() {
        assertThat(failing((t, g) -> g.image().set(XsaveLayout.XMM0 / 8 + 2, 1), (t, g) -> {}))
                .containsExactly("the guest sees its own registers");
    }

    @Test
    void half_a_tile_is_found() {
        int tile = X86Profile.builtIn("sapphire-rapids")
                        .xsave()
                        .component(XsaveLayout.TILEDATA)
                        .offset()
                / 8;
        assertThat(failing(
                        (t, g) -> {
                            g.image().set(tile + 5, 99);
                            int bv = XsaveLayout.XSTATE_BV / 8;
                            if (g.xfd().get() == 0) g.image().set(bv, g.image().get(bv) | 1 << XsaveLayout.TILEDATA);
                        },
                        (t, g) -> {
                            g.xfd().set(0);
                        }))
                .containsExactly("tiles that were disabled are whole: old or initial");
    }
}
