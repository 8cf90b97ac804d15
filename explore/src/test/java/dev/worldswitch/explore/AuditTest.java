package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The audit of the scenario {@code xfd} itself, with one field of the kernel or of KVM taken out of the cells. */
class AuditTest {
    private static Explorer.Result audit(String hidden) {
        boolean[] there = new boolean[1];
        Explorer e = Explorer.of(Scenario.builtIn("xfd"), KernelVersion.of("6.12"), c -> {
                    if (c.path().equals(hidden)) there[0] = true;
                    return !c.path().equals(hidden);
                })
                .audited();
        assertThat(there[0] || hidden.isEmpty()).as("there is a cell " + hidden).isTrue();
        return e.explore(new Bounds(1, 0, 0), n -> {});
    }

    @Test
    void equal_states_go_on_equally() {
        Explorer.Result r = audit("");
        assertThat(r.audit()).isNull();
        assertThat(r.merged()).isPositive();
    }

    @Test
    void an_interrupt_at_another_moment_is_another_stack_though_nothing_was_read_between_them() {
        Scenario s = Scenario.builtIn("sve-vl-window");
        Explorer e = Explorer.of(s, s.kernelFor(new Scenario.Expectation("--without host-fp-save-flush", "")));
        assertThat(e.audited().explore(s.bounds(), n -> {}).audit()).isNull();
    }

    @Test
    void what_code_holds_over_its_point_of_rest_is_found() {
        BiFunction<TinySubject.Parts, Integer, Runnable> body = (p, n) -> () -> {
            p.moment("before");
            if (n == 1) p.shared().set(1);
            boolean held = n == 0 && p.shared().get() != 0;
            p.rest();
            p.moment("rests");
            p.moment(held ? "it was set" : "it was not set");
        };
        Explorer e = TinySubject.explorer(2, 2, body).audited();
        assertThat(e.explore(new Bounds(0, 2, 0), n -> {}).audit()).contains("equal stacks went on differently");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "host/vmm.flags",
                "host/percpu0.fpuFpregsOwnerCtx",
                "host/percpu0.xfdState",
                "host/kvm/vm0/vcpu0/guestFpu.xfd",
                "host/kvm/vm0/vcpu0/run.xfdNoWriteIntercept",
                "host/kvm/vm0/vcpu0/state.rip"
            })
    void a_field_of_the_kernel_or_of_kvm_outside_the_cells_is_found(String field) {
        assertThat(audit(field).audit()).isNotNull();
    }
}
