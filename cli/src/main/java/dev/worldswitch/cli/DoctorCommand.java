package dev.worldswitch.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** What of this computer Worldswitch can use, and what is missing. */
@Command(name = "doctor", description = "Says what of this computer Worldswitch can use and what is missing.")
final class DoctorCommand implements Callable<Integer> {
    private record Tool(String program, String debianPackage, String use, boolean required) {}

    private static final List<Tool> TOOLS = List.of(
            new Tool("cc", "gcc", "compiles the shim", true),
            new Tool("mvn", "maven", "builds Worldswitch", true),
            new Tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu", "compiles the shim for arm64 clients", false),
            new Tool("qemu-aarch64", "qemu-user", "runs arm64 clients on x86-64", false),
            new Tool("qemu-system-x86_64", "qemu-system-x86", "the peer in bench/", false));

    @Override
    public Integer call() throws IOException {
        boolean ok = true;
        System.out.printf(
                "host       %s, %d CPUs, Java %s%n",
                System.getProperty("os.arch"), Runtime.getRuntime().availableProcessors(), Runtime.version());
        for (Tool t : TOOLS) {
            boolean there = onPath(t.program);
            ok &= there || !t.required;
            System.out.printf(
                    "%-10s %-22s %s%s%n",
                    there ? "found" : t.required ? "MISSING" : "missing",
                    t.program,
                    t.use,
                    there ? "" : "; install: sudo apt-get install -y " + t.debianPackage);
        }
        Path shim = Path.of(System.getProperty("worldswitch.build", ".build"), "libworldswitch.so");
        System.out.printf(
                "%-10s shim                   %s%n", Files.exists(shim) ? "found" : "MISSING", shim.getFileName());
        System.out.printf(
                "%-10s /dev/kvm               not needed and never used%n",
                Files.exists(Path.of("/dev/kvm")) ? "present" : "absent");
        Path yama = Path.of("/proc/sys/kernel/yama/ptrace_scope");
        String scope = Files.exists(yama) ? Files.readString(yama).strip() : "none";
        System.out.printf(
                "%-10s client memory          ptrace_scope %s%n",
                "info", scope.equals("none") ? "none (no restriction)" : scope.toLowerCase(Locale.ROOT));
        return ok && Files.exists(shim) ? 0 : 1;
    }

    private static boolean onPath(String program) {
        String path = System.getenv("PATH");
        return path != null
                && Arrays.stream(path.split(":"))
                        .anyMatch(d -> Files.isExecutable(Path.of(d.isEmpty() ? "." : d, program)));
    }
}
