package dev.worldswitch.cli;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.server.gdb.GdbServer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs an unmodified KVM program on a simulated machine. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = "Runs an unmodified KVM program on a simulated machine.",
        footer = {
            "",
            "Exit status: the client's own; 128+n when signal n ended it; 2 when it can't be started.",
            "Static programs have their system calls trapped (x86-64). --trap does so with any program: it also catches",
            "inline system calls, at about 2 microseconds each."
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

    @Option(
            names = "--without",
            paramLabel = "PATCH",
            split = ",",
            description = "leave a kernel patch out (ws patches)")
    private List<String> without = List.of();

    @Option(names = "--with", paramLabel = "PATCH", split = ",", description = "add a kernel patch")
    private List<String> with = List.of();

    @Option(
            names = "--cpus",
            paramLabel = "N",
            defaultValue = "" + RunOptions.CPUS,
            description = "physical CPUs of the machine (default: 4)")
    private int cpus;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            arity = "0..1",
            fallbackValue = "-",
            description = "print each call and exit, to stderr or to FILE (--trace=FILE)")
    private @Nullable String trace;

    @Option(names = "--ftrace", paramLabel = "FILE", description = "KVM's tracepoints as the kernel's trace file")
    private @Nullable String ftrace;

    @Option(names = "--perfetto", paramLabel = "FILE", description = "calls and tracepoints as a trace for Perfetto")
    private @Nullable String perfetto;

    @Option(
            names = "--torture",
            paramLabel = "SEED",
            description = "random interrupts, preemption and migration, by this seed")
    private @Nullable Long torture;

    @Option(
            names = "--record",
            paramLabel = "FILE",
            description = "write all calls to FILE, for ws replay and ws explore; time stands still")
    private @Nullable String record;

    @Option(names = "--trap", description = "trap system calls instead of preloading the shim: catches inline ones too")
    private boolean trap;

    @Mixin
    private final RunSuite suite = new RunSuite();

    @Option(
            names = "--gdb",
            paramLabel = "PORT",
            arity = "0..1",
            fallbackValue = "" + GdbServer.DEFAULT_PORT,
            description = "let GDB debug the guest: target remote :PORT (default: 1234; 0: any that is free)")
    private @Nullable Integer gdb;

    @Option(names = "--gdb-wait", description = "--gdb, and no guest instruction before GDB says so")
    private boolean gdbWait;

    @Parameters(paramLabel = "CLIENT", arity = "0..*", description = "the program and its arguments, after --")
    private List<String> client = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        if (suite.file != null) return suite.run(suite.file, options(), machine, client);
        suite.checkUnused();
        if (client.isEmpty()) throw new IllegalArgumentException("run takes a client: ws run -- CLIENT ARGS");
        return RunServer.serve(new RunOptions(
                machine,
                kernel,
                without.stream().map(Patch::of).toList(),
                with.stream().map(Patch::of).toList(),
                cpus,
                trace,
                ftrace,
                perfetto,
                torture,
                record,
                trap,
                gdb == null && gdbWait ? Integer.valueOf(GdbServer.DEFAULT_PORT) : gdb,
                gdbWait,
                client));
    }

    /** What every client of a suite is run with. */
    private List<String> options() {
        if (trace != null || ftrace != null || perfetto != null || record != null)
            throw new IllegalArgumentException("--suite does not go with --trace, --ftrace, --perfetto or --record");
        List<String> all = new ArrayList<>(List.of("--kernel", kernel, "--cpus", "" + cpus));
        if (machine != null) all.addAll(List.of("--machine", machine));
        if (!without.isEmpty()) all.addAll(List.of("--without", String.join(",", without)));
        if (!with.isEmpty()) all.addAll(List.of("--with", String.join(",", with)));
        if (torture != null) all.addAll(List.of("--torture", "" + torture));
        if (trap) all.add("--trap");
        return all;
    }
}
