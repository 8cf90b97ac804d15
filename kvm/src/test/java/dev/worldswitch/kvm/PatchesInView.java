package dev.worldswitch.kvm;

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
import java.util.function.BiFunction;
import java.util.stream.Stream;

/** Which patches of an architecture a client can tell, by {@code view}: what it sees of a machine and a kernel. */
public record PatchesInView(
        String prefix,
        Set<String> notInTheView,
        List<String> machines,
        BiFunction<String, KernelVersion, List<String>> view) {

    /** Patches that the view should show. */
    public List<Patch> patches() {
        return Stream.of(Patch.values())
                .filter(p -> p.name().startsWith(prefix) && !notInTheView.contains(p.id()))
                .toList();
    }

    /** Those of them which, taken out of any release that has them, change nothing on any machine. */
    public List<String> unseen() {
        Map<String, List<String>> releases = new HashMap<>();
        return patches().stream()
                .filter(p -> machines.stream().noneMatch(m -> shows(p, m, releases)))
                .map(Patch::id)
                .toList();
    }

    private boolean shows(Patch p, String machine, Map<String, List<String>> releases) {
        return KernelVersion.names().stream()
                .map(KernelVersion::of)
                .filter(k -> k.patches().contains(p))
                .anyMatch(k -> !view.apply(machine, k.changed(List.of(p), List.of()))
                        .equals(releases.computeIfAbsent(machine + " on " + k.name(), n -> view.apply(machine, k))));
    }

    /** Source files of {@code directory} that ask for a release's name or order instead of a patch. */
    public static List<Path> askingForARelease(Path directory) {
        try (Stream<Path> all = Files.list(directory)) {
            return all.filter(f -> f.toString().endsWith(".java")
                            && text(f).matches("(?s).*(atLeast\\(|version\\(\\)\\.name).*"))
                    .toList();
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
}
