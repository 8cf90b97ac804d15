package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** launcher/ws-run.c with shell scripts as clients and as the server. */
class LauncherTest {
    @TempDir
    static Path home;

    private record Result(int status, String out, String err) {}

    @BeforeAll
    static void build() throws Exception {
        Path build = Files.createDirectories(home.resolve("build"));
        Path empty = Files.writeString(home.resolve("empty.c"), "");
        compile("-O1", "-o", build + "/ws-run", "../launcher/ws-run.c");
        compile("-shared", "-o", build + "/libworldswitch.so", empty.toString());
        Files.writeString(build.resolve("names"), "\nmachine big\nkernel 6.12\n");
        server("echo server was started >&2; exit 3");
        Files.writeString(build.resolve("stamp"), "");
    }

    private static void compile(String... words) throws Exception {
        List<String> cc = new ArrayList<>(List.of("cc"));
        cc.addAll(List.of(words));
        assertThat(new ProcessBuilder(cc).inheritIO().start().waitFor()).isZero();
    }

    /** The server's command line; its own options follow the marker that the launcher compares. */
    private static void server(String script) throws IOException {
        String here = "-Dworldswitch.home=" + home.toRealPath();
        // The launcher puts its own options behind the first word: a script that drops them.
        Path shell = home.resolve("build/server");
        Files.writeString(
                shell, "#!/bin/sh\nfor a do case $a in -D* | -X*) ;; *) break ;; esac; shift; done\n" + script + "\n");
        assertThat(shell.toFile().setExecutable(true)).isTrue();
        String words = String.join("\0", shell.toString(), here) + "\0";
        Files.write(home.resolve("build/launch"), words.getBytes(StandardCharsets.UTF_8));
    }

    private static ProcessBuilder run(String... arguments) {
        // Whoever runs the tests may ignore signals, as a shell does for its background jobs: the launcher shall not.
        List<String> words = new ArrayList<>(
                List.of("env", "--default-signal", home + "/build/ws-run", home.toString(), "build", "run"));
        words.addAll(List.of(arguments));
        ProcessBuilder b = new ProcessBuilder(words);
        b.environment().put("WS_FRESH", "1");
        b.environment().put("TMPDIR", home.toString());
        return b;
    }

    private static Result result(ProcessBuilder b) throws Exception {
        Process p = b.start();
        p.getOutputStream().close();
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String err = new String(p.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(p.waitFor(), out, err);
    }

    private static Result client(String script) throws Exception {
        return result(run("--", "sh", "-c", script));
    }

    @Test
    void aClientThatNeedsNoServerStartsNone() throws Exception {
        assertThat(client("exit 0")).isEqualTo(new Result(0, "", ""));
    }

    @Test
    void theStatusIsTheClientsOwnOr128AndTheSignal() throws Exception {
        assertThat(client("exit 7").status()).isEqualTo(7);
        assertThat(client("kill -9 $$").status()).isEqualTo(128 + 9);
        assertThat(client("kill -TERM $$").status()).isEqualTo(128 + 15);
    }

    @Test
    void signalsForTheLauncherReachTheClient() throws Exception {
        for (String name : List.of("INT", "TERM", "HUP", "USR1", "USR2", "QUIT")) {
            Result r = client("trap 'echo got; exit 5' " + name + "; kill -" + name + " $PPID; sleep 5 & wait");
            assertThat(r).as(name).isEqualTo(new Result(5, "got\n", ""));
        }
    }

    @Test
    void aSignalThatTheClientDoesNotHandleEndsBoth() throws Exception {
        assertThat(client("kill -INT $PPID; exec sleep 5").status()).isEqualTo(128 + 2);
    }

    @Test
    void inheritedDescriptorsAndTheEnvironmentReachTheClient() throws Exception {
        Files.writeString(home.resolve("given"), "from nine");
        ProcessBuilder b = run("--", "sh", "-c", "cat <&9; echo $LD_PRELOAD; test -S $WORLDSWITCH_SOCKET; exit $?");
        List<String> words = new ArrayList<>(List.of("sh", "-c", "exec \"$@\" 9<" + home.resolve("given"), "x"));
        words.addAll(b.command());
        Result r = result(b.command(words));
        assertThat(r.out()).isEqualTo("from nine" + home.toRealPath() + "/build/libworldswitch.so\n");
        assertThat(r.status()).isZero();
    }

    @Test
    void theSocketLiesInAFolderOfItsUsersAlone() throws Exception {
        assertThat(client("umask 0; stat -c %a \"${WORLDSWITCH_SOCKET%/*}\"").out())
                .isEqualTo("700\n");
    }

    @Test
    void nothingIsLeftInTheTemporaryFolder() throws Exception {
        client("exit 0");
        client("kill -9 $$");
        try (Stream<Path> left = Files.list(home)) {
            assertThat(left.filter(p -> p.getFileName().toString().startsWith("worldswitch-")))
                    .isEmpty();
        }
    }

    @Test
    void whatIsNotPlainIsLeftToTheServerWhichMayRefuse() throws Exception {
        server("echo refused >&2; exit 2");
        for (String[] odd : new String[][] {
            {"--machine", "unknown", "--", "true"},
            {"--cpus", "0", "--", "true"},
            {"--torture", "1", "--", "true"},
            {"--", home + "/no-such-program"},
            {"--help"}
        }) assertThat(result(run(odd))).as(String.join(" ", odd)).isEqualTo(new Result(2, "", "refused\n"));
        assertThat(result(run("--machine", "big", "--kernel", "6.12", "--cpus", "2", "--", "true")))
                .isEqualTo(new Result(0, "", ""));
    }

    @Test
    void theServersPlanIsWhatIsRun() throws Exception {
        server(
                "printf '\\001worldswitch-plan\\000A=1\\000\\000sh\\000-c\\000echo $A \"$1\"; exit 4\\000x\\000last\\000';"
                        + " exec >&-; cat >/dev/null");
        assertThat(result(run("--torture", "1", "--", "ignored"))).isEqualTo(new Result(4, "1 last\n", ""));
    }

    /** A client that greets the server and prints the errno that it hears, so often. */
    private static Path greeter() throws Exception {
        Path source = Files.writeString(home.resolve("greet.c"), """
                #include <stdint.h>
                #include <stdio.h>
                #include <stdlib.h>
                #include <string.h>
                #include <sys/socket.h>
                #include <sys/un.h>
                int main(int argc, char **argv) {
                    for (int n = atoi(argv[1]); n > 0; n--) {
                        struct sockaddr_un to = {.sun_family = AF_UNIX};
                        int64_t frame[4] = {28 | 1ll << 32};
                        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
                        strcpy(to.sun_path, getenv("WORLDSWITCH_SOCKET"));
                        if (connect(fd, (void *)&to, sizeof to)) return 1;
                        send(fd, frame, sizeof frame, MSG_NOSIGNAL);
                        if (recv(fd, frame, sizeof frame, MSG_WAITALL) != sizeof frame) return 2;
                        printf("%d ", (int)-frame[1]);
                    }
                }
                """);
        compile("-w", "-o", home + "/greet", source.toString());
        return home.resolve("greet");
    }

    @Test
    void aServerThatCannotStartIsSaidOnceAndItsClientsHearAnErrno() throws Exception {
        String greet = greeter().toString();
        server("exit 1");
        assertThat(result(run("--", greet, "3")))
                .isEqualTo(new Result(
                        0,
                        "12 12 12 ",
                        "ws: the server ended with status 1; its VMs are gone, calls on"
                                + " them fail with EIO; other KVM calls fail with ENOMEM\n"));
        server("kill -9 $$");
        Result r = result(run("--", greet, "2"));
        assertThat(r.out()).isEqualTo("5 5 ");
        assertThat(r.err()).startsWith("ws: the server ended by signal 9").hasLineCount(1);
    }

    @Test
    void aServerWithoutRoomForItsAddressesIsNotStarted() throws Exception {
        server("echo server was started >&2; exit 3");
        ProcessBuilder b = run("--", greeter().toString(), "2");
        List<String> words = new ArrayList<>(List.of("sh", "-c", "ulimit -v 500000; exec \"$@\"", "x"));
        words.addAll(b.command());
        Result r = result(b.command(words));
        assertThat(r.out()).isEqualTo("12 12 ");
        assertThat(r.err())
                .startsWith("ws: the server needs 1280 MiB of addresses, the limit is 488 MiB")
                .hasLineCount(1);
    }
}
