package dev.worldswitch.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients of the real KVM that end in every way, and what is left of them. */
class RealClientsTest {
    @TempDir
    static Path folder;

    @BeforeAll
    static void compile() throws Exception {
        GuestClients.compile(folder);
    }

    /** Descriptors, mappings, threads, open files, address spaces, CPUs in use, tasks and VMs. */
    private static long[] held(HostServer server, SimulatedHost host) throws IOException {
        long fds, maps, threads;
        try (Stream<Path> s = Files.list(Path.of("/proc/self/fd"))) {
            fds = s.count();
        } catch (UncheckedIOException e) {
            fds = -1;
        }
        try (Stream<String> s = Files.lines(Path.of("/proc/self/maps"))) {
            maps = s.filter(l -> l.contains("memfd")).count();
        }
        threads = Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().equals("ws-client"))
                .count();
        long[] regions = new long[1];
        host.kvm().kernel().region().forEachCell(c -> regions[0]++);
        return new long[] {fds, maps, threads, server.openFiles(), server.liveProcesses(), host.idleCpus(), regions[0]};
    }

    @Test
    void aThousandClientsWithGuestsSomeKilledLeaveNothingBehind() throws Exception {
        SimulatedHost host =
                SimulatedHost.plain(MachineProfile.builtIn("sapphire-rapids"), KernelVersion.of("6.12"), 2);
        Path socket = Files.createTempDirectory("ws-test").resolve("socket");
        HostServer server = HostServer.start(socket, host, CallListener.NONE);
        assertThat(GuestClients.client(folder, socket, 60, "crowd", "30", "1")).isZero();
        long[] before = settled(server, host, null);
        assertThat(GuestClients.client(folder, socket, 120, "crowd", "1000", "2"))
                .isZero();
        assertThat(settled(server, host, before))
                .as("descriptors, mappings, threads, files, processes, idle CPUs, cells")
                .isEqualTo(before);
    }

    /** What is held as soon as nothing of a client is, or after 20 s. */
    private static long[] settled(
            HostServer server, SimulatedHost host, long @org.jspecify.annotations.Nullable [] wanted) throws Exception {
        long[] now = held(server, host);
        for (int i = 0; i < 400; i++) {
            if (wanted == null ? now[2] == 0 && now[4] == 0 : java.util.Arrays.equals(now, wanted)) break;
            Thread.sleep(50);
            now = held(server, host);
        }
        return now;
    }
}
