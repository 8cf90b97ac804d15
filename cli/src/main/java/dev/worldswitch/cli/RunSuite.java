package dev.worldswitch.cli;

import dev.worldswitch.cli.results.Results;
import dev.worldswitch.cli.suite.Suite;
import dev.worldswitch.cli.suite.SuiteRunner;
import dev.worldswitch.cli.suite.Vmm;
import dev.worldswitch.machine.MachineProfile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code ws run --suite}: many clients, each by a {@code ws run} of its own. */
final class RunSuite {
    @Option(
            names = "--suite",
            paramLabel = "FILE",
            description = "runs every client of FILE (a list of kselftest, unittests.cfg of kvm-unit-tests), or those "
                    + "named behind --; prints KTAP, exit status 1 when one fails")
    @Nullable
    Path file;

    @Option(names = "--vmm", paramLabel = "COMMAND", description = "for unittests.cfg: QEMU, or what takes its options")
    private @Nullable String vmm;

    @Option(names = "--timeout", paramLabel = "SECONDS", description = "with --suite: for each client")
    private long seconds;

    @Option(names = "--jobs", paramLabel = "N", description = "with --suite: clients at once (default: 1)")
    private int jobs;

    @Option(names = "--junit", paramLabel = "FILE", description = "with --suite: the results as JUnit XML too")
    private @Nullable Path junit;

    @Option(names = "--json", description = "with --suite: the results as one JSON object instead of KTAP")
    private boolean json;

    /** @throws IllegalArgumentException for options that mean nothing without {@code --suite} */
    void checkUnused() {
        if (vmm != null || seconds > 0 || jobs != 0 || junit != null || json)
            throw new IllegalArgumentException("--vmm, --timeout, --jobs, --junit and --json go with --suite FILE");
    }

    /** @param given the options that each client gets */
    int run(Path list, List<String> given, @Nullable String machine, List<String> names) throws IOException {
        if (jobs < 0) throw new IllegalArgumentException("--jobs takes at least 1, not " + jobs);
        String home = System.getProperty("worldswitch.home");
        if (home == null)
            throw new IllegalArgumentException("run is started by the launcher: ./ws run --suite " + list);
        String arch = machine == null ? here() : MachineProfile.builtIn(machine).arch();
        Suite suite = Suite.read(list, arch, vmm(arch)).only(names);
        List<String> launcher = new ArrayList<>(List.of(Path.of(home, "ws").toString(), "run"));
        launcher.addAll(given);
        launcher.add("--");
        Results results = new Results(suite.name(), SuiteRunner.planned(suite), System.out, json, junit);
        new SuiteRunner(launcher, seconds).run(suite, results, Math.max(jobs, 1));
        return results.end() ? 0 : 1;
    }

    private static String here() {
        return System.getProperty("os.arch").equals("aarch64") ? "arm64" : "x86";
    }

    private Vmm vmm(String arch) throws IOException {
        String command = vmm != null ? vmm : arch.equals("x86") ? "qemu-system-x86_64" : "qemu-system-aarch64";
        List<String> words = List.of(command.strip().split(" +"));
        ClientProgram program = ClientProgram.find(words.getFirst());
        String whyNot = "";
        if (program == null)
            whyNot = words.getFirst() + " is missing: --vmm names another, or sudo apt-get install -y "
                    + (arch.equals("x86") ? "qemu-system-x86" : "qemu-system-arm");
        else if (program.machine() != ClientProgram.Machine.HOST
                && (program.machine() == ClientProgram.Machine.ARM64) != arch.equals("arm64"))
            whyNot = program.file() + " is not an " + arch + " program: it can't use that machine's KVM";
        return new Vmm(words, whyNot);
    }
}
