package dev.worldswitch.cli;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.HostServer;
import dev.worldswitch.server.SimulatedHost;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs an unmodified KVM program on a simulated machine. */
@Command(
        name = "run",
        description = "Runs an unmodified KVM program on a simulated machine.",
        footer = {
            "",
            "Exit status: the client's own; 128+n when signal n ended it; 2 when it can't be started.",
            "Static programs and inline system calls can't be caught: they see the real kernel."
        })
final class RunCommand implements Callable<Integer> {
    @Option(
            names = "--machine",
            paramLabel = "NAME",
            description = "machine (ws machines); default: the first of the client's architecture")
    private @Nullable String machine;

    @Option(
            names = "--kernel",
            paramLabel = "NAME",
            defaultValue = KernelVersion.DEFAULT,
            description = "host kernel (ws kernels)")
    private String kernel = "";

    @Option(names = "--without", paramLabel = "PATCH", description = "leave a kernel patch out (ws patches)")
    private List<Patch> without = new ArrayList<>();

    @Option(names = "--with", paramLabel = "PATCH", description = "add a kernel patch")
    private List<Patch> with = new ArrayList<>();

    @Option(
            names = "--cpus",
            paramLabel = "N",
            defaultValue = "4",
            description = "physical CPUs of the machine (default: 4)")
    private int cpus;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            arity = "0..1",
            fallbackValue = "-",
            description = "print each call and exit, to stderr or to FILE (--trace=FILE)")
    private @Nullable String trace;

    @Option(
            names = "--torture",
            paramLabel = "SEED",
            description = "random interrupts, preemption and migration, by this seed")
    private @Nullable Long torture;

    @Parameters(paramLabel = "CLIENT", arity = "1..*", description = "the program and its arguments, after --")
    private List<String> client = new ArrayList<>();

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (cpus < 1 || cpus > 512) throw new IllegalArgumentException("--cpus takes 1 to 512, not " + cpus);
        Path build = Path.of(System.getProperty("worldswitch.build", ".build")).toAbsolutePath();
        ClientProgram program = ClientProgram.find(client.getFirst());
        if (program == null) throw new IllegalArgumentException("no program '" + client.getFirst() + "'");
        if (program.kind() == ClientProgram.Kind.STATIC)
            System.err.println("ws: " + program.file() + " is statically linked: its system calls can't be caught");
        MachineProfile profile = machine(program);
        KernelVersion version = KernelVersion.of(kernel).changed(without, with);
        SimulatedHost host = torture == null
                ? SimulatedHost.plain(profile, version, cpus)
                : SimulatedHost.torture(profile, version, cpus, torture);
        Path folder = Files.createTempDirectory(
                "worldswitch", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path socket = folder.resolve("socket");
        try (IoctlTrace tracer = trace == null ? null : IoctlTrace.to(trace, host)) {
            HostServer.start(socket, host, tracer == null ? CallListener.NONE : tracer);
            return start(ClientCommand.of(program, client, build, socket)).waitFor();
        } finally {
            Files.deleteIfExists(socket);
            Files.deleteIfExists(folder);
        }
    }

    /** The machine asked for, or one of the client's own architecture. */
    private MachineProfile machine(ClientProgram program) {
        boolean arm64 = program.machine() == ClientProgram.Machine.ARM64
                || program.machine() == ClientProgram.Machine.HOST
                        && System.getProperty("os.arch").equals("aarch64");
        String arch = arm64 ? "arm64" : "x86";
        if (machine == null) {
            for (String name : MachineProfile.names()) {
                MachineProfile m = MachineProfile.builtIn(name);
                if (m.arch().equals(arch)) return m;
            }
            throw new IllegalArgumentException("there is no machine with arch " + arch + " yet; --machine names another");
        }
        MachineProfile m = MachineProfile.builtIn(machine);
        if (!m.arch().equals(arch))
            System.err.println("ws: " + program.file() + " is a program for " + arch + ", machine " + machine + " is "
                    + m.arch() + ": its KVM has other structures than the client was compiled for");
        return m;
    }

    private static Process start(ClientCommand command) {
        ProcessBuilder builder = new ProcessBuilder(command.words()).inheritIO();
        builder.environment().putAll(command.environment());
        // Before the client exists: a signal that comes now reaches it too.
        Signals signals = new Signals();
        try {
            Process p = builder.start();
            signals.passTo(p);
            return p;
        } catch (IOException e) {
            throw new IllegalArgumentException("can't start the client: " + e.getMessage(), e);
        }
    }
}
