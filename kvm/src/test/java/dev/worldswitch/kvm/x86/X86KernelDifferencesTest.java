package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.PatchesInView;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
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

    private static final PatchesInView VIEW = new PatchesInView("X86_", NOT_IN_THE_VIEW, MACHINES, X86ClientView::of);

    @Test
    void kvmAsksForPatchesAndNeverForARelease() {
        assertThat(SOURCES.stream().flatMap(d -> PatchesInView.askingForARelease(d).stream()))
                .isEmpty();
    }

    @Test
    void eachPatchTakenOutOfAReleaseChangesWhatAClientSees() {
        assertThat(VIEW.patches()).hasSizeGreaterThan(35);
        assertThat(VIEW.unseen()).isEmpty();
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
