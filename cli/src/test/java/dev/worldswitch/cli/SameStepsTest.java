package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Session;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.HostServer;
import dev.worldswitch.server.HostThread;
import dev.worldswitch.server.SimulatedHost;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One body of code serves clients and is explored: a real client, through shim, socket and server, makes KVM and the
 * kernel take the very steps that an exploration without events takes for the same calls.
 */
class SameStepsTest {
    @TempDir
    static Path folder;

    @BeforeAll
    static void compile() throws Exception {
        List<String> shim =
                new ArrayList<>(List.of("cc", "-O1", "-shared", "-fPIC", "-pthread", "-o", folder + "/shim.so"));
        try (Stream<Path> s = Files.list(Path.of("../shim"))) {
            s.filter(p -> p.toString().endsWith(".c")).map(Path::toString).forEach(shim::add);
        }
        cc(shim);
        cc(List.of("cc", "-O1", "-w", "-o", folder + "/session", "src/test/c/session.c"));
    }

    private static void cc(List<String> command) throws Exception {
        assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
                .as(String.join(" ", command))
                .isZero();
    }

    /** What the server's host does for a client: steps within KVM's calls. */
    private static final class Steps implements CallListener {
        final List<String> seen = Collections.synchronizedList(new ArrayList<>());

        void step(String name) {
            boolean inCall = StackWalker.getInstance()
                    .walk(s -> s.anyMatch(f -> f.getClassName().startsWith("dev.worldswitch.kvm.")
                            && f.getMethodName().equals("dispatch")));
            if (inCall) seen.add(name);
        }

        @Override
        public void enter(HostThread thread, KvmFile file, int command, long argument) {
            seen.add("> 0x" + Integer.toHexString(command));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"xfd", "xfd-nm", "xcr0"})
    void a_real_client_and_an_exploration_without_events_take_the_same_steps(String scenario) throws Exception {
        Scenario s = Scenario.builtIn(scenario);
        KernelVersion kernel = KernelVersion.of("6.12");
        Session explored = Exploration.of(s, kernel).session();
        Path recording = Files.write(folder.resolve(scenario + ".session"), explored.recording());
        Path socket = Files.createTempDirectory("ws-steps").resolve("socket");
        Steps steps = new Steps();
        SimulatedHost host =
                SimulatedHost.observed(MachineProfile.builtIn(s.machine()), kernel, 1, (cpu, step) -> steps.step(step));
        HostServer.start(socket, host, steps);
        ProcessBuilder client = new ProcessBuilder(folder + "/session", recording.toString()).inheritIO();
        client.environment().put("LD_PRELOAD", folder + "/shim.so");
        client.environment().put("WORLDSWITCH_SOCKET", socket.toString());
        assertThat(client.start().waitFor()).isZero();
        // Explored guests have a moment before each instruction, served ones run in blocks.
        List<String> expected = explored.steps().stream()
                .filter(t -> !t.equals("guest instruction"))
                .toList();
        assertThat(steps.seen).containsExactlyElementsOf(expected);
        assertThat(expected).contains("xsaves", "xrstors");
    }
}
