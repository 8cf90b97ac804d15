package dev.worldswitch.server;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Runs guests.c, a client of the real KVM, with the shim; also a program of its own, for a KVM with a step left out. */
final class GuestClients {
    private GuestClients() {}

    /** Compiles shim and client into {@code folder}. */
    static void compile(Path folder) throws IOException, InterruptedException {
        List<String> shim =
                new ArrayList<>(List.of("cc", "-O2", "-shared", "-fPIC", "-pthread", "-o", folder + "/shim.so"));
        try (Stream<Path> s = Files.list(Path.of("../shim"))) {
            s.filter(p -> p.toString().endsWith(".c")).forEach(p -> shim.add(p.toString()));
        }
        run(new ProcessBuilder(shim));
        run(new ProcessBuilder("cc", "-O1", "-pthread", "-o", folder + "/guests", "src/test/c/guests.c"));
    }

    private static void run(ProcessBuilder b) throws IOException, InterruptedException {
        if (b.inheritIO().start().waitFor() != 0) throw new IOException("failed: " + String.join(" ", b.command()));
    }

    /** Exit status of the client, or -1 when it does not end in time. */
    static int client(Path folder, Path socket, int seconds, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(folder + "/guests"));
        command.addAll(List.of(arguments));
        ProcessBuilder b = new ProcessBuilder(command).inheritIO();
        b.environment().put("LD_PRELOAD", folder + "/shim.so");
        b.environment().put("WORLDSWITCH_SOCKET", socket.toString());
        Process p = b.start();
        if (p.waitFor(seconds, TimeUnit.SECONDS)) return p.exitValue();
        p.destroyForcibly();
        return -1;
    }

    static SimulatedHost tortured(long seed) {
        return SimulatedHost.torture(MachineProfile.builtIn("sapphire-rapids"), KernelVersion.of("6.12"), 2, seed);
    }

    /** FOLDER SEED: a tortured host, four vCPUs on its two CPUs; the exit status is the client's, 4 after a panic. */
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        SimulatedHost host = tortured(Long.parseLong(args[1]));
        Path socket = Files.createTempDirectory("ws-test").resolve("socket");
        HostServer.start(socket, host, CallListener.NONE);
        int status = client(folder, socket, 60, "check", "4", "60");
        System.exit(host.panicked() ? 4 : status);
    }
}
