package dev.worldswitch.kvm.x86;

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

/** What kernels do differently on x86 is patches that can be taken out and put in, one by one. */
class X86KernelDifferencesTest {
    private static final List<Path> SOURCES = List.of(
            Path.of("src/main/java/dev/worldswitch/kvm/x86"),
            Path.of("src/main/java/dev/worldswitch/kvm"),
            Path.of("../kernel/src/main/java/dev/worldswitch/kernel/x86"));
    private static final List<String> MACHINES =
            List.of("conformance-svm", "sapphire-rapids", "sapphire-rapids-private");
    /** Seen only by a guest that runs: their own tests show them. */
    private static final Set<String> NOT_IN_THE_VIEW = Set.of();

    @Test
    void kvmAsksForPatchesAndNeverForARelease() {
        assertThat(SOURCES.stream().flatMap(X86KernelDifferencesTest::files))
                .filteredOn(f -> text(f).matches("(?s).*(atLeast\\(|version\\(\\)\\.name).*"))
                .isEmpty();
    }

    private static Stream<Path> files(Path directory) {
        try (Stream<Path> all = Files.list(directory)) {
            return all.filter(f -> f.toString().endsWith(".java")).toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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
                .filter(p -> p.name().startsWith("X86_") && !NOT_IN_THE_VIEW.contains(p.id()))
                .toList();
    }

    private static boolean shows(Patch p, String machine, Map<String, List<String>> releases) {
        return KernelVersion.names().stream()
                .map(KernelVersion::of)
                .filter(k -> k.patches().contains(p))
                .anyMatch(k -> !X86ClientView.of(machine, k.changed(List.of(p), List.of()))
                        .equals(releases.computeIfAbsent(
                                machine + " on " + k.name(), name -> X86ClientView.of(machine, k))));
    }

    @Test
    void eachPatchTakenOutOfAReleaseChangesWhatAClientSees() {
        Map<String, List<String>> releases = new HashMap<>();
        assertThat(abi()).hasSizeGreaterThan(35);
        assertThat(abi())
                .filteredOn(p -> MACHINES.stream().noneMatch(m -> shows(p, m, releases)))
                .extracting(Patch::id)
                .isEmpty();
    }

    @Test
    void aReleaseWithThePatchesOfTheNextOneIsTheNextOne() {
        List<String> names = KernelVersion.names();
        for (int i = 1; i < names.size(); i++) {
            KernelVersion older = KernelVersion.of(names.get(i - 1)), newer = KernelVersion.of(names.get(i));
            List<Patch> gone = without(older, newer), added = without(newer, older);
            for (String machine : MACHINES)
                assertThat(X86ClientView.of(machine, older.changed(gone, added)))
                        .as(newer.name())
                        .isEqualTo(X86ClientView.of(machine, newer));
        }
    }

    private static List<Patch> without(KernelVersion of, KernelVersion other) {
        return of.patches().stream().filter(p -> !other.patches().contains(p)).toList();
    }
}
