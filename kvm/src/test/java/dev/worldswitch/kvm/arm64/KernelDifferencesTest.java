package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
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

    @Test
    void kvmAsksForPatchesAndNeverForARelease() throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            assertThat(files.filter(f -> text(f).matches("(?s).*(atLeast\\(|version\\(\\)\\.name).*")))
                    .isEmpty();
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Patch> abi() {
        return Stream.of(Patch.values())
                .filter(p -> p.name().startsWith("ARM64_") && !NOT_IN_THE_VIEW.contains(p.id()))
                .toList();
    }

    private static boolean shows(Patch p, String machine, Map<String, List<String>> releases) {
        return KernelVersion.names().stream()
                .map(KernelVersion::of)
                .filter(k -> k.patches().contains(p))
                .anyMatch(k -> {
                    List<String> release =
                            releases.computeIfAbsent(machine + " on " + k.name(), name -> ClientView.of(machine, k));
                    return !ClientView.of(machine, k.changed(List.of(p), List.of()))
                            .equals(release);
                });
    }

    @Test
    void eachPatchTakenOutOfAReleaseChangesWhatAClientOrItsGuestSees() {
        Map<String, List<String>> releases = new HashMap<>();
        assertThat(abi()).hasSizeGreaterThan(80);
        assertThat(abi())
                .filteredOn(p -> MACHINES.stream().noneMatch(m -> shows(p, m, releases)))
                .extracting(Patch::id)
                .isEmpty();
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
