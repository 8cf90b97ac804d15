package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
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
