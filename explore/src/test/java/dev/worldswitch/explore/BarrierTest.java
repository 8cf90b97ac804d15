package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each ISB, PSB CSYNC and DSB of the arm64 world switch, left out of the source: a scenario finds it, or the reason why none
 * can is stated.
 */
class BarrierTest {
    private static final String KVM = "kvm/src/main/java/dev/worldswitch/kvm/arm64/";
    private static final String KERNEL = "kernel/src/main/java/dev/worldswitch/kernel/arm64/";
    private static final Pattern BARRIER = Pattern.compile("cpu\\.host\\(\\)\\.(isb|psbCsync|dsbNsh)\\(\\);");

    /**
     * The {@code number}-th barrier of a file.
     *
     * @param found scenario, property and kernel that find it left out; empty where {@code reason} says why not
     */
    private record Barrier(String file, int number, String call, String found, String reason) {
        /** As docs/explore.md has it. */
        String row() {
            String source = file.replaceFirst(".*/dev/worldswitch/(.*)\\.java", "$1");
            String name = Map.of("isb", "ISB", "psbCsync", "PSB CSYNC", "dsbNsh", "DSB")
                    .get(call);
            return "| %s | %d | %s | %s |"
                    .formatted(source, number, name, found.isEmpty() ? reason : "`" + found + "`");
        }
    }

    private static final List<Barrier> BARRIERS = List.of(
            new Barrier(
                    KVM + "Hyp.java",
                    1,
                    "isb",
                    "",
                    "kvm_call_hyp() on VHE: in these kernels nothing uses a control that "
                            + "the hypervisor put back before an exception, an ERET to user mode or the next entry synchronises it; "
                            + "the registers are the guest's, whose traps were off already, or nobody's"),
            new Barrier(KVM + "Hyp.java", 2, "dsbNsh", "spe spe-memory", ""),
            new Barrier(
                    KVM + "Hyp.java",
                    3,
                    "dsbNsh",
                    "",
                    "before the host's tables come back: it ends walks that the CPU "
                            + "does ahead of time through the guest's; such walks, and TLB entries of the host's, are not modelled"),
            new Barrier(KVM + "HypFp.java", 1, "isb", "sve-vl-window no-panic 6.12~zcr-eager-switch", ""),
            new Barrier(KVM + "HypFp.java", 2, "isb", "sve-vl-window no-panic", ""),
            new Barrier(KVM + "HypDebug.java", 1, "isb", "spe spe-memory", ""),
            new Barrier(KVM + "HypDebug.java", 2, "psbCsync", "spe spe-memory", ""),
            new Barrier(
                    KVM + "HypDebug.java",
                    3,
                    "dsbNsh",
                    "",
                    "with profiling-buffer-off: the DSB before the tables are "
                            + "replaced completes the drain as well; what a buffer does with a record while it is turned off is not "
                            + "modelled"),
            new Barrier(
                    KVM + "HypDebug.java",
                    4,
                    "isb",
                    "",
                    "with profiling-buffer-off: nothing is sampled any more, and "
                            + "the switch's later steps synchronise before the guest's tables are used"),
            new Barrier(KVM + "HypDebug.java", 5, "isb", "spe spe-memory", ""),
            new Barrier(
                    KVM + "HypDebug.java",
                    6,
                    "isb",
                    "",
                    "with profiling-buffer-off: the buffer and the sampling come "
                            + "back, in either order, to the host's own tables"),
            new Barrier(
                    KERNEL + "Fpsimd.java",
                    1,
                    "isb",
                    "",
                    "after a write of ZCR_EL1 only: reads of LEN by SVE instructions "
                            + "come after it in program order without synchronisation (Arm ARM, ZCR_EL1)"),
            new Barrier(KERNEL + "Fpsimd.java", 2, "isb", "", "as the one before it"));

    @TempDir
    static Path folder;

    @Test
    void every_barrier_in_the_source_is_listed() throws IOException {
        List<String> listed = new ArrayList<>(), there = new ArrayList<>();
        for (Barrier b : BARRIERS) listed.add(b.file + " " + b.number + " " + b.call);
        for (String dir : List.of(KVM, KERNEL))
            try (Stream<Path> files = Files.list(Path.of("..", dir))) {
                for (Path f : files.sorted().toList()) {
                    Matcher m = BARRIER.matcher(Files.readString(f));
                    for (int n = 1; m.find(); n++) there.add(dir + f.getFileName() + " " + n + " " + m.group(1));
                }
            }
        assertThat(listed).containsExactlyInAnyOrderElementsOf(there);
        assertThat(BARRIERS).allMatch(b -> b.found.isEmpty() != b.reason.isEmpty());
    }

    @Test
    void the_page_has_a_row_for_each() throws IOException {
        String page = Files.readString(Path.of("../docs/explore.md"));
        assertThat(BARRIERS)
                .extracting(Barrier::row)
                .allSatisfy(r -> assertThat(page).contains(r));
    }

    @TestFactory
    Stream<DynamicTest> a_barrier_left_out_is_found() {
        return BARRIERS.stream()
                .filter(b -> !b.found.isEmpty())
                .map(b -> DynamicTest.dynamicTest(
                        b.file.substring(b.file.lastIndexOf('/') + 1) + " " + b.number + ": " + b.call,
                        () -> assertThat(Mutants.explore(folder, b.file, without(b), b.found))
                                .contains(b.found.split(" ")[1])));
    }

    private static String without(Barrier b) {
        String text = Mutants.source(b.file);
        Matcher m = BARRIER.matcher(text);
        for (int n = 0; n < b.number; n++) assertThat(m.find()).isTrue();
        return text.substring(0, m.start()) + "{}" + text.substring(m.end());
    }
}
