package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.PatchesInView;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What kernels do differently is patches that can be taken out and put in, one by one. */
class KernelDifferencesTest {
    private static final Path SOURCES = Path.of("src/main/java/dev/worldswitch/kvm/arm64");
    private static final List<String> MACHINES = List.of("max,sve-max-vq=2", "neoverse-v2");
    /** Seen only by a guest that runs, or by a tracer: the recorded transcripts and their own tests show them. */
    private static final Set<String> NOT_IN_THE_VIEW = Set.of(
            "smc-handled",
            "debug-trace-removed",
            "power-off-ephemeral",
            "vcpu-features-per-vm",
            "generic-target",
            "nested-feature-bits",
            "init-keeps-lines",
            "vcpu-id-regs-reset-once",
            "esr-not-sign-extended",
            "abort-taken-at-once",
            "events-need-init",
            "mmio-sign-extension",
            "abort-il-set");

    private static final PatchesInView VIEW = new PatchesInView("ARM64_", NOT_IN_THE_VIEW, MACHINES, ClientView::of);

    @Test
    void kvmAsksForPatchesAndNeverForARelease() {
        assertThat(PatchesInView.askingForARelease(SOURCES)).isEmpty();
    }

    @Test
    void eachPatchTakenOutOfAReleaseChangesWhatAClientOrItsGuestSees() {
        assertThat(VIEW.patches()).hasSizeGreaterThan(80);
        assertThat(VIEW.unseen()).isEmpty();
    }

    @Test
    void aReleaseWithAllPatchesOfTheNextOneIsTheNextOne() {
        List<String> names = KernelVersion.names();
        for (int i = 1; i < names.size(); i++) {
            KernelVersion older = KernelVersion.of(names.get(i - 1)), newer = KernelVersion.of(names.get(i));
            List<Patch> added = newer.patches().stream()
                    .filter(p -> !older.patches().contains(p))
                    .toList();
            for (String machine : MACHINES)
                assertThat(ClientView.of(machine, older.changed(List.of(), added)))
                        .as(newer.name())
                        .isEqualTo(ClientView.of(machine, newer));
        }
    }
}
