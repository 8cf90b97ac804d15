package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Ctrl-C while {@code ws explore} runs. */
class InterruptedTest {
    private static final String CLASSES = Stream.of("jdk.module.path", "java.class.path")
            .map(System::getProperty)
            .filter(p -> p != null && !p.isEmpty())
            .collect(Collectors.joining(File.pathSeparator));

    @Test
    @Timeout(120)
    void ctrl_c_shows_what_was_found_so_far_and_says_that_the_bounds_were_not_exhausted() throws Exception {
        // Whoever runs the tests may ignore signals, as a shell does for its background jobs: this process shall not.
        Process p = new ProcessBuilder(List.of(
                        "env",
                        "--default-signal=INT",
                        System.getProperty("java.home") + "/bin/java",
                        "--add-exports=java.base/jdk.internal.vm=ALL-UNNAMED",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        CLASSES,
                        "dev.worldswitch.cli.Main",
                        "explore",
                        "fpu-migrate",
                        "--events=4",
                        "--jobs=1",
                        "--progress",
                        "--json"))
                .start();
        // Its first line of progress: it is under way.
        assertThat(p.getErrorStream().read()).isNotNegative();
        assertThat(new ProcessBuilder("kill", "-INT", "" + p.pid()).start().waitFor())
                .isZero();
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(p.waitFor()).isEqualTo(3);
        assertThat(out).contains("\"complete\":false").contains("\"findings\":[]");
    }
}
