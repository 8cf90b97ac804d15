package dev.worldswitch.explore.migrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.explore.migrate.Report.Kind;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import java.util.List;
import org.junit.jupiter.api.Test;

class MigrationTest {
    private static final KernelVersion K = KernelVersion.of("6.12");

    private static Report run(String from, String to, String order) {
        return Migration.run(MachineProfile.builtIn(from), K, MachineProfile.builtIn(to), K, order);
    }

    private static List<String> names(Report r, Kind kind) {
        return r.rows().stream()
                .filter(x -> x.kind() == kind)
                .map(Report.Row::name)
                .toList();
    }

    @Test
    void a_vcpu_with_all_its_tiles_comes_back_whole_on_the_same_machine() {
        assertThat(run("sapphire-rapids", "sapphire-rapids", "documented").text())
                .startsWith("clean: ");
    }

    @Test
    void an_arm64_vcpu_loses_only_what_6_12_drops_when_a_pmu_mask_is_written_back() {
        Report r = run("max", "max", "documented");
        assertThat(r.rows()).allSatisfy(x -> assertThat(x.name()).startsWith("PM"));
        assertThat(r.unchanged()).isGreaterThan(300);
    }

    @Test
    void shorter_vectors_on_the_destination_are_refused_and_cut() {
        Report r = run("max,sve-max-vq=4", "neoverse-v1", "documented");
        assertThat(names(r, Kind.REFUSED)).contains("KVM_REG_ARM64_SVE_VLS", "MIDR_EL1");
        assertThat(names(r, Kind.DIFFERENT)).contains("Z0", "Z31");
    }

    @Test
    void finalizing_first_keeps_the_destinations_vector_lengths_as_firecracker_did() {
        Report r = run("max,sve-max-vq=4", "max", "finalize-first");
        assertThat(names(r, Kind.REFUSED)).contains("KVM_REG_ARM64_SVE_VLS");
        assertThat(names(r, Kind.DIFFERENT)).contains("KVM_REG_ARM64_SVE_VLS");
    }

    @Test
    void core_ids_of_vectors_are_refused_with_sve_as_cloud_hypervisor_found() {
        Report r = run("neoverse-v1", "neoverse-v1", "core-registers");
        assertThat(names(r, Kind.REFUSED)).contains("V0", "V31");
        assertThat(names(r, Kind.LEFT_OUT)).contains("Z0", "KVM_REG_ARM64_SVE_VLS");
    }

    @Test
    void a_vmm_that_never_asks_for_sve_is_told_what_its_guests_lose() {
        assertThat(names(run("neoverse-v1", "neoverse-v1", "no-sve"), Kind.LEFT_OUT))
                .containsExactly("SVE");
    }

    @Test
    void tiles_do_not_fit_the_legacy_xsave_structure() {
        assertThat(names(run("sapphire-rapids", "sapphire-rapids", "legacy-xsave"), Kind.REFUSED))
                .contains("XSAVE");
        assertThat(names(run("skylake-server", "skylake-server", "legacy-xsave"), Kind.REFUSED))
                .isEmpty();
    }

    @Test
    void an_msr_list_without_ia32_xss_leaves_it_out_as_firecrackers_did() {
        assertThat(names(run("sapphire-rapids", "sapphire-rapids", "no-xss"), Kind.LEFT_OUT))
                .containsExactly("MSR IA32_XSS");
    }

    @Test
    void a_machine_without_tiles_refuses_a_state_that_has_them() {
        Report r = run("sapphire-rapids", "skylake-server", "documented");
        assertThat(names(r, Kind.REFUSED)).contains("CPUID", "XCRS", "XSAVE");
        assertThat(names(r, Kind.MISSING)).anyMatch(n -> n.startsWith("CPUID 0x7.0"));
    }

    @Test
    void architectures_and_orders_that_do_not_fit_are_refused_in_one_line() {
        assertThatThrownBy(() -> run("max", "skylake-server", "documented")).hasMessageContaining("architectures");
        assertThatThrownBy(() -> run("max", "max", "backwards"))
                .hasMessageContaining("known: documented, finalize-first");
    }
}
