package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Finding;
import dev.worldswitch.explore.Recording;
import dev.worldswitch.explore.RecordingFile;
import dev.worldswitch.explore.Report;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.server.HostServer;
import dev.worldswitch.server.SimulatedHost;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients of other processes, recorded through shim and server, repeated and explored without them. */
class RecordedClientTest {
    private static final KernelVersion FIXED = KernelVersion.of("6.12");

    @TempDir
    static Path folder;

    private static Path amx = Path.of("");

    @BeforeAll
    static void record_the_amx_client() throws Exception {
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "the AMX client is an x86-64 program");
        run("cc", "-O1", "-o", folder + "/amx", "../conformance/clients/amx-out-of-sync.c");
        shim("cc", "shim.so");
        amx = record("sapphire-rapids", "amx", Map.of("LD_PRELOAD", folder + "/shim.so"), folder + "/amx");
    }

    private static void shim(String compiler, String name) throws Exception {
        List<String> words =
                new ArrayList<>(List.of(compiler, "-O1", "-shared", "-fPIC", "-pthread", "-o", folder + "/" + name));
        try (Stream<Path> s = Files.list(Path.of("../shim"))) {
            s.filter(p -> p.toString().endsWith(".c")).map(Path::toString).forEach(words::add);
        }
        run(words.toArray(String[]::new));
    }

    private static void run(String... command) throws Exception {
        assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
                .as(String.join(" ", command))
                .isZero();
    }

    private static Path record(String machine, String name, Map<String, String> environment, String... client)
            throws Exception {
        Path socket = Files.createTempDirectory("ws-record").resolve("socket");
        SimulatedHost host = SimulatedHost.observed(MachineProfile.builtIn(machine), FIXED, 1, (cpu, step) -> {});
        SessionRecorder recorder = SessionRecorder.of(host);
        HostServer.start(socket, host, recorder);
        List<String> words = new ArrayList<>(List.of(client));
        if (client[0].startsWith("qemu")) words.addAll(1, List.of("-E", "WORLDSWITCH_SOCKET=" + socket));
        ProcessBuilder b = new ProcessBuilder(words).inheritIO();
        b.environment().putAll(environment);
        b.environment().put("WORLDSWITCH_SOCKET", socket.toString());
        assertThat(b.start().waitFor()).isZero();
        Recording r = recorder.recording(machine, Recording.kernelText(FIXED), 1, name);
        return Files.write(folder.resolve(name + ".ws"), RecordingFile.bytes(r));
    }

    private static Verdict explore(Path file, String... without) {
        KernelVersion k = FIXED.changed(Stream.of(without).map(Patch::of).toList(), List.of());
        return Exploration.of(Scenario.of(file.toString()), k).run(n -> {});
    }

    private static List<String> found(Verdict v) {
        return v.findings().stream().map(f -> f.property().id()).toList();
    }

    @Test
    void the_calls_of_a_client_are_answered_again_without_it() {
        assertThat(Exploration.repeat(amx.toString())).isNull();
        assertThat(RecordingFile.read(amx).calls()).hasSizeGreaterThan(15);
        assertThat(amx).satisfies(f -> assertThat(Files.size(f)).isLessThan(10_000));
    }

    @Test
    void a_client_recorded_on_the_fixed_kernel_shows_both_ways_into_the_panic_without_the_fix() {
        Verdict v = explore(amx, "clear-xstate-bv-on-xfd");
        assertThat(found(v)).containsExactly("no-kernel-nm", "no-kernel-nm");
        assertThat(v.findings().stream().map(Finding::what)).anyMatch(w -> w.contains("fpu_swap_kvm_fpstate"));
        assertThat(v.findings().stream().map(Finding::what)).anyMatch(w -> w.contains("switch_fpu_return"));
        for (Finding f : v.findings())
            assertThat(Exploration.replay(f.schedule().toString()).exitStatus()).isEqualTo(Verdict.FINDING);
    }

    @Test
    void the_same_recording_is_clean_with_the_fix() {
        assertThat(explore(amx).exitStatus()).isEqualTo(Verdict.CLEAN);
    }

    @Test
    void an_sve_client_that_narrows_its_vector_length_is_killed_in_some_timing_without_the_fix() throws Exception {
        run("aarch64-linux-gnu-gcc", "-O1", "-o", folder + "/sve", "../conformance/clients/sve-narrow.c");
        shim("aarch64-linux-gnu-gcc", "shim-arm64.so");
        String preload = "LD_PRELOAD=" + folder + "/shim-arm64.so";
        Path sve = record(
                "max,sve-max-vq=2,nvhe",
                "sve",
                Map.of(),
                "qemu-aarch64",
                "-L",
                "/usr/aarch64-linux-gnu",
                "-E",
                preload,
                folder + "/sve");
        assertThat(explore(sve).exitStatus()).isEqualTo(Verdict.CLEAN);
        assertThat(found(explore(sve, "zcr-eager-switch"))).contains("no-kill", "no-warn", "client-answers");
    }

    @Test
    void two_processes_whose_vcpus_wait_for_each_other_while_others_call_are_repeated_in_the_order_of_their_threads()
            throws Exception {
        run("cc", "-O1", "-pthread", "-o", folder + "/two", "../conformance/clients/two-vcpus.c");
        Path two = record(
                "sapphire-rapids", "two", Map.of("LD_PRELOAD", folder + "/shim.so"), folder + "/two", "and a child");
        Recording r = RecordingFile.read(two);
        assertThat(r.unrepeatable()).isEmpty();
        assertThat(r.pages()).hasSize(2);
        assertThat(r.processes()).hasSize(6).contains(0, 1);
        assertThat(r.calls()).anyMatch(c -> c.gaveWay() == Recording.WAITING);
        assertThat(r.calls()).anyMatch(c -> c.gaveWay() > 0 && c.gaveWay() != Recording.WAITING);
        assertThat(Exploration.repeat(two.toString())).isNull();
    }

    @Test
    void the_report_of_a_finding_is_one_page_that_loads_nothing() {
        Verdict v = explore(amx, "clear-xstate-bv-on-xfd");
        String page = Report.of(v.findings().getFirst().schedule().toString());
        assertThat(page)
                .startsWith("<!doctype html>")
                .contains("unexpected #NM")
                .endsWith("</html>\n");
        assertThat(page).doesNotContain("http://").doesNotContain("https://").doesNotContain("src=");
    }
}
