package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Recording;
import dev.worldswitch.explore.RecordingFile;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.HostServer;
import dev.worldswitch.server.SimulatedHost;
import dev.worldswitch.server.gdb.GdbServer;
import dev.worldswitch.server.gdb.Parking;
import dev.worldswitch.server.gdb.ReplayStops;
import dev.worldswitch.server.gdb.Stops;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real GDB, its commands typed, on guests of real clients. */
class GdbTest {
    @TempDir
    static Path folder;

    @BeforeAll
    static void build_guests_and_shims() throws Exception {
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "one of the clients is an x86-64 program");
        for (String arch : List.of("x86", "arm64")) {
            run("bash", "../conformance/gdb/build", arch, folder + "/" + arch);
            shim(arch.equals("x86") ? "cc" : "aarch64-linux-gnu-gcc", arch);
        }
    }

    static void shim(String compiler, String arch) throws Exception {
        List<String> words = new ArrayList<>(
                List.of(compiler, "-O1", "-shared", "-fPIC", "-pthread", "-o", folder + "/" + arch + "/shim.so"));
        try (Stream<Path> s = Files.list(Path.of("../shim"))) {
            s.filter(p -> p.toString().endsWith(".c")).map(Path::toString).forEach(words::add);
        }
        run(words.toArray(String[]::new));
    }

    private static void run(String... command) throws Exception {
        assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
                .as(String.join(" ", command))
                .isZero();
    }

    /** What GDB prints for these commands, typed one after the other. */
    static String gdb(int port, @Nullable Path program, String... commands) throws Exception {
        List<String> words = new ArrayList<>(List.of("gdb-multiarch", "-nx", "-batch"));
        List<String> all = new ArrayList<>(List.of("set pagination off", "set confirm off"));
        if (program != null) all.add("file " + program);
        all.add("target remote 127.0.0.1:" + port);
        all.addAll(List.of(commands));
        for (String c : all) words.addAll(List.of("-ex", c));
        Path out = Files.createTempFile(folder, "gdb", ".txt");
        Process p = new ProcessBuilder(words)
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        assertThat(p.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return Files.readString(out, StandardCharsets.UTF_8);
    }

    private static ProcessBuilder client(String arch, List<String> client, Path socket) {
        Path in = folder.resolve(arch);
        List<String> words = new ArrayList<>();
        String preload = "LD_PRELOAD=" + in + "/shim.so", to = "WORLDSWITCH_SOCKET=" + socket;
        if (arch.equals("x86")) words.addAll(List.of("env", preload, to));
        else words.addAll(List.of("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-E", preload, "-E", to));
        words.addAll(client);
        return new ProcessBuilder(words);
    }

    /** The client's output, after GDB's, that waited for its first vCPU. */
    private static String debug(String machine, String arch, String... commands) throws Exception {
        return debug(machine, flat(arch, "guest.bin"), arch, commands);
    }

    private static String debug(String machine, List<String> client, String arch, String... commands) throws Exception {
        return debug(machine, arch, true, client, commands);
    }

    /** A VMM for one image. */
    private static List<String> flat(String arch, String image) {
        return List.of(folder + "/" + arch + "/vmm", folder + "/" + arch + "/" + image);
    }

    private static String debug(String machine, String arch, boolean waits, List<String> words, String... commands)
            throws Exception {
        Path in = folder.resolve(arch),
                socket = Files.createTempDirectory("ws-gdb").resolve("socket");
        SimulatedHost host = SimulatedHost.plain(MachineProfile.builtIn(machine), KernelVersion.of("6.12"), 2);
        Stops stops = new Stops(Parking.BLOCKING, waits);
        host.kvm().debug(stops);
        try (GdbServer server = GdbServer.start(0, stops)) {
            HostServer.start(socket, host, CallListener.NONE);
            Path out = Files.createTempFile(folder, "client", ".txt");
            Process client = client(arch, words, socket)
                    .redirectErrorStream(true)
                    .redirectOutput(out.toFile())
                    .start();
            // As ws run does: GDB may end the client, and hears of its end.
            stops.onKill(client::destroy);
            client.onExit().thenRun(server::close);
            String printed = gdb(server.port(), in.resolve("guest.elf"), commands);
            assertThat(client.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return printed + Files.readString(out);
        }
    }

    @Test
    void an_x86_guest_stops_at_breakpoints_that_it_does_not_see_and_is_stepped_read_and_changed() throws Exception {
        String said = debug(
                "sapphire-rapids",
                "x86",
                "info threads",
                "break square",
                "continue",
                "print n",
                "stepi",
                "x/i $pc",
                "delete",
                "watch numbers[2]",
                "continue",
                "print numbers",
                "delete",
                "hbreak vectors",
                "continue",
                "finish",
                "print $xmm3.v4_int32",
                "print/x $cr3",
                "print sizeof($tmm0)",
                "set var numbers[7] = 5",
                "print numbers",
                "maintenance packet Qqemu.PhyMemMode:1",
                "x/1xw 0x2000",
                "maintenance packet Qqemu.PhyMemMode:0",
                "set $rax = 3",
                "print $rax",
                "delete",
                "continue");
        assertThat(said)
                .contains("vm0 vcpu0")
                .containsSubsequence(
                        "Breakpoint 1, square (n=n@entry=1)",
                        "$1 = 1",
                        "=> 0x",
                        "<square+3>",
                        "Hardware watchpoint 2: numbers[2]",
                        "New value = 9",
                        "= {1, 4, 9, 0, 0, 0, 0, 0}",
                        "vectors (value=",
                        "= {204, 204, 204, 204}",
                        "= 0x1000",
                        "= 1024",
                        "= {1, 4, 9, 16, 25, 36, 49, 5}",
                        "0x2000:",
                        "3023",
                        "= 3",
                        "exited normally]",
                        "000000cc");
    }

    @Test
    void kill_ends_the_client_of_a_guest_that_is_held() throws Exception {
        assertThat(debug("sapphire-rapids", "x86", "break square", "continue", "kill"))
                .containsSubsequence("Breakpoint 1, square", "killed]")
                .doesNotContain("000000cc");
    }

    @Test
    void a_guest_that_runs_already_is_interrupted_changed_and_goes_on_once_gdb_is_gone() throws Exception {
        byte[] image = Files.readAllBytes(folder.resolve("x86/guest.bin"));
        int entry = image[0x20] & 0xff | (image[0x21] & 0xff) << 8;
        // At its entry: a branch to itself, until GDB puts back what was there.
        image[0x20] = (byte) 0xeb;
        image[0x21] = (byte) 0xfe;
        Files.write(folder.resolve("x86/loop.bin"), image);
        String said = debug(
                "sapphire-rapids",
                "x86",
                false,
                flat("x86", "loop.bin"),
                "python import os,threading,signal; threading.Timer(2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()",
                "continue",
                "print $rip",
                "set {unsigned short}$rip = " + entry,
                "detach");
        assertThat(said).containsSubsequence("SIGINT", "0x100020 <entry64>", "detached]", "000000cc");
    }

    @Test
    void an_arm64_guest_with_sve_stops_at_breakpoints_and_is_stepped_read_and_changed() throws Exception {
        String said = debug(
                "max",
                "arm64",
                "break square",
                "continue",
                "print n",
                "stepi",
                "x/i $pc",
                "delete",
                "watch numbers[2]",
                "continue",
                "print numbers",
                "delete",
                "break vectors",
                "continue",
                "finish",
                "print $z3.s[3]",
                "print $p1[1]",
                "print $vg",
                "print/x $TTBR0_EL1",
                "set var numbers[7] = 5",
                "print numbers",
                "set $x20 = 7",
                "print $x20",
                "delete",
                "continue");
        assertThat(said)
                .containsSubsequence(
                        "Breakpoint 1, square (n=n@entry=1)",
                        "$1 = 1",
                        "=> 0x",
                        "<square+4>",
                        "Hardware watchpoint 2: numbers[2]",
                        "New value = 9",
                        "= {1, 4, 9, 0, 0, 0, 0, 0}",
                        "vectors (value=",
                        "= 204",
                        "= 17",
                        "= 32",
                        "= 0x40081000",
                        "= {1, 4, 9, 16, 25, 36, 49, 5}",
                        "= 7",
                        "exited normally]");
    }

    @Test
    void two_vcpus_are_threads_that_are_stepped_one_without_the_other_and_watched_together() throws Exception {
        run("cc", "-O1", "-pthread", "-o", folder + "/x86/two", "../conformance/clients/two-vcpus.c");
        String said = debug(
                "sapphire-rapids",
                List.of(folder + "/x86/two"),
                "x86",
                "break *0x2000",
                "continue",
                "info threads",
                "set scheduler-locking on",
                "stepi",
                "stepi",
                "print $cx",
                "thread 1",
                "stepi",
                "info threads",
                "delete",
                "set scheduler-locking off",
                "watch *(short *) 0x3100",
                "continue",
                "continue",
                "delete",
                "detach");
        assertThat(said)
                .containsSubsequence(
                        "Thread 2 received signal SIGTRAP",
                        "1    Thread 1 (vm0 vcpu0, held)",
                        "* 2    Thread 2 (vm0 vcpu1, held) 0x0000000000000000",
                        "0x0000000000000003",
                        "= 1",
                        "Switching to thread 1",
                        "2    Thread 2 (vm0 vcpu1, held) 0x0000000000000003",
                        "Thread 2 hit Hardware watchpoint",
                        "New value = 1",
                        "New value = 2",
                        "detached]",
                        "counted to 80 and 80");
    }

    /** What GDB says while it goes through a recording of that client, and what the repetition came to. */
    private static String replay(String machine, String arch, String... commands) throws Exception {
        Path in = folder.resolve(arch),
                socket = Files.createTempDirectory("ws-gdb").resolve("socket");
        KernelVersion kernel = KernelVersion.of("6.12");
        SimulatedHost host = SimulatedHost.observed(MachineProfile.builtIn(machine), kernel, 1, (cpu, step) -> {});
        SessionRecorder recorder = SessionRecorder.of(host);
        HostServer.start(socket, host, recorder);
        assertThat(client(arch, flat(arch, "guest.bin"), socket).start().waitFor())
                .isZero();
        Recording r = recorder.recording(machine, Recording.kernelText(kernel), 1, arch);
        String file =
                Files.write(in.resolve("session.ws"), RecordingFile.bytes(r)).toString();
        return gone((guests, steps) -> Exploration.repeat(file, guests), in.resolve("guest.elf"), commands);
    }

    private static String gone(ReplayStops.Repetition through, @Nullable Path program, String... commands)
            throws Exception {
        ReplayStops stops = new ReplayStops(through);
        try (GdbServer server = GdbServer.start(0, stops)) {
            FutureTask<String> repetition =
                    new FutureTask<>(() -> "came to " + stops.run() + (stops.isKilled() ? ", killed" : ""));
            Thread t = new Thread(repetition);
            t.setDaemon(true);
            t.start();
            String said = gdb(server.port(), program, commands);
            return said + repetition.get(60, TimeUnit.SECONDS);
        }
    }

    private static String schedule(String text, String... commands) throws Exception {
        return gone((guests, steps) -> Exploration.debug(text, guests, steps), null, commands);
    }

    private static String found(String scenario, String without) {
        KernelVersion kernel = KernelVersion.of("6.12").changed(List.of(Patch.of(without)), List.of());
        return Exploration.of(Scenario.of(scenario), kernel).run(p -> {}).findings().stream()
                .max(Comparator.comparingInt(f -> f.schedule().toString().length()))
                .orElseThrow()
                .schedule()
                .toString();
    }

    @Test
    void the_guest_of_a_schedule_into_the_host_panic_is_gone_through_and_the_schedule_stays_what_it_is()
            throws Exception {
        assertThat(schedule(
                        found("xfd", "clear-xstate-bv-on-xfd"),
                        "x/5i $pc",
                        "break *0x4023",
                        "continue",
                        "print/x $xmm1.uint128",
                        "print/x $tmm0[0][0]",
                        "print/x $cr4",
                        "continue",
                        "monitor where",
                        "monitor steps",
                        "reverse-continue",
                        "print/x $rax",
                        "stepi",
                        "stepi",
                        "delete",
                        "reverse-stepi",
                        "watch *(int *) 0x9800",
                        "reverse-continue",
                        "delete",
                        "reverse-continue",
                        "monitor where",
                        "set $rax = 1",
                        "detach"))
                .containsSubsequence(
                        "=> 0x4000:\tmovdqu (%r9),%xmm1",
                        "tileloadd (%rsi,%rbx,1),%tmm0",
                        "Breakpoint 1, 0x0000000000004023",
                        "= 0x47554553545858594755455354585859",
                        "= 0x44415441",
                        "= 0x40220",
                        "The end: no-kernel-nm: unexpected #NM exception",
                        "No more reverse-execution history",
                        "after 9 instructions, at the end: no-kernel-nm",
                        "INTERRUPT, its softirq uses the FPU",
                        "FIRST WRONG",
                        "Breakpoint 1, 0x0000000000004023",
                        "= 0x40000",
                        "The end",
                        "0x0000000000004025",
                        "0x0000000000004023",
                        "Hardware watchpoint 2",
                        "Old value = 1415075929",
                        "New value = 0",
                        "0x0000000000004010",
                        "No more reverse-execution history",
                        "after 0 instructions",
                        "Could not write",
                        "detached]",
                        "came to no-kernel-nm: unexpected #NM exception");
    }

    @Test
    void sve_registers_of_a_guest_in_a_schedule_are_read_where_they_are() throws Exception {
        assertThat(schedule(
                        found("sve-guest", "zcr-eager-switch"),
                        "print $z0.d",
                        "break *0x4044",
                        "continue",
                        "print $z0.d",
                        "print $x19",
                        "print/x $CPACR_EL1",
                        "reverse-stepi",
                        "info registers sp x19 cpsr",
                        "x/2i $pc",
                        "delete",
                        "continue",
                        "kill"))
                .containsSubsequence(
                        "0x0000000000004000",
                        "= {0, 0, 0, 0}",
                        "= {2, 2, 0, 0}",
                        "= 2",
                        "= 0x330000",
                        "x19            0x2",
                        "=> 0x",
                        "mov\tz31.d, x19",
                        "The end",
                        "killed]",
                        ", killed");
    }

    @Test
    void a_schedule_whose_guest_is_a_script_has_no_code_to_debug() {
        ReplayStops stops =
                new ReplayStops((guests, steps) -> Exploration.debug("ws2:sve-vl-window:6.12:-", guests, steps));
        assertThatThrownBy(stops::run).hasMessageContaining("no code to debug").hasMessageNotContaining("\n");
    }

    private static final String[] BACK_AND_FORTH = {
        "monitor where",
        "break square",
        "continue",
        "continue",
        "print n",
        "stepi",
        "reverse-stepi",
        "print $pc == square",
        "reverse-continue",
        "print n",
        "delete",
        "continue",
        "monitor where",
        "break vectors",
        "reverse-continue",
        "print numbers",
        "delete",
        "watch numbers[2]",
        "reverse-continue",
        "print numbers",
        "continue",
        "delete",
        "reverse-continue",
        "monitor where",
        "set var numbers[0] = 3",
        "detach"
    };

    private static void wentBackAndForth(String said) {
        assertThat(said)
                .containsSubsequence(
                        "after 0 instructions",
                        "square (n=n@entry=1)",
                        "square (n=n@entry=2)",
                        "$1 = 2",
                        "$2 = 1",
                        "square (n=n@entry=1)",
                        "$3 = 1",
                        "No more reverse-execution history",
                        "instructions, at the end",
                        "vectors (value=",
                        "= {1, 4, 9, 16, 25, 36, 49, 64}",
                        "Hardware watchpoint",
                        "Old value = 9",
                        "New value = 0",
                        "= {1, 4, 0, 0, 0, 0, 0, 0}",
                        "Old value = 0",
                        "New value = 9",
                        "No more reverse-execution history",
                        "after 0 instructions",
                        "Cannot access memory",
                        "came to null");
    }

    @Test
    void a_recorded_x86_guest_is_gone_through_forwards_and_back_and_ends_as_recorded() throws Exception {
        wentBackAndForth(replay("sapphire-rapids", "x86", BACK_AND_FORTH));
    }

    @Test
    void a_recorded_arm64_guest_is_gone_through_forwards_and_back_and_ends_as_recorded() throws Exception {
        wentBackAndForth(replay("max", "arm64", BACK_AND_FORTH));
    }
}
