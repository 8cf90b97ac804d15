package dev.worldswitch.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Torture finds a world switch that lacks a step: the step is taken out of a copy of the source. */
class TortureTest {
    private static final Path FPU = Path.of("../kernel/src/main/java/dev/worldswitch/kernel/x86/Fpu.java");

    @TempDir
    static Path folder;

    @BeforeAll
    static void compile() throws Exception {
        GuestClients.compile(folder);
    }

    @Test
    void fourVcpusOnTwoCpusKeepTheirRegistersWhateverInterruptsThem() throws Exception {
        SimulatedHost host = GuestClients.tortured(1);
        Path socket = Files.createTempDirectory("ws-test").resolve("socket");
        HostServer.start(socket, host, CallListener.NONE);
        assertThat(GuestClients.client(folder, socket, 60, "check", "4", "60")).isZero();
        assertThat(host.tortured()).doesNotContain(" 0 ");
    }

    /** A step of arch/x86/kernel/fpu left out: its name, the source that is it, and what stands there instead. */
    private record LeftOut(String name, String step, String instead) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<LeftOut> steps() {
        return Stream.of(
                new LeftOut("kernel_fpu_begin saves nothing", "            saveFpregsToFpstate(current);\n", ""),
                new LeftOut(
                        "kernel_fpu_begin leaves the owner as it is",
                        "        cpuInvalidateFpregsState(p);\n    }",
                        "    }"),
                new LeftOut(
                        "KVM_RUN swaps images without saving",
                        "if (!task.flags().test(TIF_NEED_FPU_LOAD) || !swapChecks) saveFpregsToFpstate(task);\n        if (enter)",
                        "if (enter)"),
                new LeftOut(
                        "switch_fpu_prepare saves nothing",
                        "if (task.flags().test(TIF_NEED_FPU_LOAD)) return;\n        saveFpregsToFpstate(task);",
                        "if (task.flags().test(TIF_NEED_FPU_LOAD)) return;"),
                new LeftOut(
                        "switch_fpu_return forgets on which CPU the task was",
                        " || t.lastCpu().get() != cpu.id()) {\n            restore",
                        ") {\n            restore"));
    }

    @ParameterizedTest
    @MethodSource("steps")
    void aStepLeftOutIsFound(LeftOut leftOut, @TempDir Path mutant) throws Exception {
        String source = Files.readString(FPU);
        assertThat(source).contains(leftOut.step);
        Path changed = mutant.resolve("Fpu.java");
        Files.writeString(changed, source.replace(leftOut.step, leftOut.instead));
        String classes = Stream.of("machine", "kernel", "kvm", "server")
                .map(m -> Path.of("..", m, "target", "classes").toString())
                .reduce((a, b) -> a + ":" + b)
                .orElseThrow();
        Path jspecify = Path.of(org.jspecify.annotations.Nullable.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        Path bin = Path.of(System.getProperty("java.home"), "bin");
        int compiled = new ProcessBuilder(
                        bin.resolve("javac").toString(),
                        "-nowarn",
                        "-d",
                        mutant.toString(),
                        "-cp",
                        classes + ":" + jspecify,
                        changed.toString())
                .redirectErrorStream(true)
                .redirectOutput(mutant.resolve("log").toFile())
                .start()
                .waitFor();
        assertThat(compiled).as(Files.readString(mutant.resolve("log"))).isZero();
        boolean found = false;
        // Chance: a seed may miss it, three hardly do.
        for (int seed = 1; seed <= 3 && !found; seed++) {
            List<String> command = new ArrayList<>(List.of(
                    bin.resolve("java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    "-XX:TieredStopAtLevel=1",
                    "-XX:+UseSerialGC",
                    "-cp",
                    mutant + ":" + classes + ":target/test-classes:" + jspecify));
            command.addAll(List.of(GuestClients.class.getName(), folder.toString(), Integer.toString(seed)));
            int status = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(mutant.resolve("log").toFile())
                    .start()
                    .waitFor();
            found = status == 3 || status == 4;
        }
        assertThat(found)
                .as("%s is found: %s", leftOut, Files.readString(mutant.resolve("log")))
                .isTrue();
    }
}
