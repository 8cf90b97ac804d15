package dev.worldswitch.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real C programs, compiled here, with the real shim, against a toy device. */
class ClientTest {
    private static final Path SOURCES = Path.of("src/test/c").toAbsolutePath();
    private static final Path SHIM = Path.of("../shim").toAbsolutePath().normalize();

    @TempDir
    static Path folder;

    private final ToyKvm toy = new ToyKvm();
    private final SimulatedHost host =
            SimulatedHost.withDevice(MachineProfile.builtIn("sapphire-rapids"), KernelVersion.of("6.12"), 2, toy);
    private Path socket = folder;
    private HostServer server = null;

    @BeforeAll
    static void compileEverything() throws Exception {
        List<String> shim = new ArrayList<>(List.of(
                "cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread", "-o", folder + "/shim.so"));
        try (Stream<Path> s = Files.list(SHIM)) {
            s.filter(p -> p.toString().endsWith(".c")).forEach(p -> shim.add(p.toString()));
        }
        run(new ProcessBuilder(shim));
        for (String c : List.of("descriptors", "memory", "signals", "many", "crowd", "broken", "mailbox"))
            run(new ProcessBuilder("cc", "-O1", "-pthread", "-w", "-o", folder + "/" + c, SOURCES + "/" + c + ".c"));
    }

    /** The same programs linked statically, whose system calls are trapped; on x86-64 computers only. */
    private static void compileStatic() throws Exception {
        Assumptions.assumeTrue(System.getProperty("os.arch").equals("amd64"));
        run(new ProcessBuilder("sh", SHIM + "/trap/build", folder + "/ws-trap"));
        Path into = Files.createDirectories(folder.resolve("static"));
        for (String c : List.of("descriptors", "memory", "signals", "many", "crowd", "broken", "mailbox"))
            run(new ProcessBuilder(
                    "cc", "-O1", "-static", "-pthread", "-w", "-o", into + "/" + c, SOURCES + "/" + c + ".c"));
    }

    private void trappedClient(Path program, String... arguments) throws Exception {
        List<String> words = new ArrayList<>(List.of(folder + "/ws-trap", "0", socket.toString()));
        words.addAll(List.of(program.toString(), program.toString()));
        words.addAll(List.of(arguments));
        ended(new ProcessBuilder(words));
        nothingIsLeft();
    }

    private static boolean installed(String command) {
        return Stream.of(System.getenv("PATH").split(":")).anyMatch(d -> Files.isExecutable(Path.of(d, command)));
    }

    /** The same programs as arm64 clients under qemu-user; tests are skipped where the tools are not installed. */
    private static void compileForArm64() throws Exception {
        Assumptions.assumeTrue(installed("qemu-aarch64") && installed("aarch64-linux-gnu-gcc"));
        Path arm = Files.createDirectories(folder.resolve("arm64"));
        List<String> shim = new ArrayList<>(List.of("aarch64-linux-gnu-gcc", "-O2", "-shared", "-fPIC", "-pthread"));
        shim.addAll(List.of("-o", arm + "/shim.so"));
        try (Stream<Path> s = Files.list(SHIM)) {
            s.filter(p -> p.toString().endsWith(".c")).forEach(p -> shim.add(p.toString()));
        }
        run(new ProcessBuilder(shim));
        for (String c : List.of("descriptors", "memory", "signals", "mailbox"))
            run(new ProcessBuilder(
                    "aarch64-linux-gnu-gcc", "-O1", "-pthread", "-w", "-o", arm + "/" + c, SOURCES + "/" + c + ".c"));
    }

    private void arm64Client(String name) throws Exception {
        Path arm = folder.resolve("arm64");
        ended(new ProcessBuilder(
                "qemu-aarch64",
                "-L",
                "/usr/aarch64-linux-gnu",
                "-E",
                "LD_PRELOAD=" + arm + "/shim.so",
                "-E",
                "WORLDSWITCH_SOCKET=" + socket,
                "-E",
                "NO_EXEC=1",
                arm + "/" + name));
    }

    private static void run(ProcessBuilder b) throws IOException, InterruptedException {
        assertThat(b.inheritIO().start().waitFor())
                .as(String.join(" ", b.command()))
                .isZero();
    }

    @BeforeEach
    void startServer() throws IOException {
        socket = Files.createTempDirectory("ws-test").resolve("socket");
        server = HostServer.start(socket, host, CallListener.NONE);
    }

    private void client(String... command) throws Exception {
        command[0] = folder + "/" + command[0];
        ProcessBuilder b = new ProcessBuilder(command);
        b.environment().put("LD_PRELOAD", folder + "/shim.so");
        b.environment().put("WORLDSWITCH_SOCKET", socket.toString());
        ended(b);
    }

    private static void ended(ProcessBuilder b) throws Exception {
        Process p = b.inheritIO().start();
        boolean ended = p.waitFor(120, TimeUnit.SECONDS);
        if (!ended) p.destroyForcibly();
        assertThat(ended).as("%s ended in time", b.command()).isTrue();
        assertThat(p.exitValue()).as("exit status of %s", b.command()).isZero();
    }

    private void nothingIsLeft() throws InterruptedException {
        long end = System.nanoTime() + 5_000_000_000L;
        while (System.nanoTime() < end
                && (server.openFiles() != 0 || server.liveProcesses() != 0 || toy.alive.get() != 0)) Thread.sleep(5);
        assertThat(server.openFiles()).as("open files").isZero();
        assertThat(server.liveProcesses()).as("processes").isZero();
        assertThat(toy.alive.get()).as("KVM objects").isZero();
        assertThat(host.idleCpus()).as("idle CPUs").isEqualTo(2);
    }

    @Test
    void descriptorsBehaveAsTheKernelsOwnUnderDupForkExecAndClose() throws Exception {
        client("descriptors");
        nothingIsLeft();
    }

    @Test
    void clientAndGuestSeeTheSameMemoryHoweverItIsMapped() throws Exception {
        client("memory");
        nothingIsLeft();
    }

    @Test
    void memoryIsCopiedByTheShimWhereTheServerMayNotReachIt() throws Exception {
        server.processVmRefused();
        client("memory");
        client("descriptors");
    }

    @Test
    void aSignalEndsKvmRunWithEintrOrStaysPendingAsItsMaskSays() throws Exception {
        client("signals");
        nothingIsLeft();
    }

    @Test
    void shortCallsThroughSharedMemorySurviveManyThreadsSignalsForkExecStopAndKill() throws Exception {
        client("mailbox");
        nothingIsLeft();
    }

    @Test
    void aCallOrAnEndThatBreaksDownLeavesNoLockHeldNoCpuTakenAndNoOtherFileOpen() throws Exception {
        client("broken");
        nothingIsLeft();
    }

    @Test
    void aThousandClientsSomeKilledLeaveNothingBehind() throws Exception {
        client("crowd", folder + "/many", "50");
        nothingIsLeft();
        long before = openDescriptors(), mappings = mappings();
        client("crowd", folder + "/many", "1000");
        nothingIsLeft();
        assertThat(openDescriptors()).isLessThanOrEqualTo(before + 5);
        assertThat(mappings()).isLessThanOrEqualTo(mappings + 60);
    }

    private static long buffers() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .mapToLong(BufferPoolMXBean::getTotalCapacity)
                .sum();
    }

    @Test
    void connectionsThatHaveEndedKeepNoBuffers() throws Exception {
        long before = buffers();
        for (int i = 0; i < 100; i++) {
            try (SocketChannel c = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                c.connect(UnixDomainSocketAddress.of(socket));
                c.write(ByteBuffer.allocate(32)
                        .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                        .putInt(0, 28)
                        .putInt(4, 99));
            }
        }
        for (int i = 0; i < 400 && buffers() > before + (1 << 20); i++) Thread.sleep(25);
        assertThat(buffers()).isLessThan(before + (1 << 20));
    }

    @Test
    void aClientHasOnlySoManyThreads() {
        ClientProcess p = new ClientProcess(server, 1, 1, host.newXcompPermissions());
        for (int i = 0; i < ClientProcess.THREADS_MAX; i++)
            assertThat(p.takeSlot()).isEqualTo(i);
        assertThatThrownBy(p::takeSlot).isInstanceOf(Native.Refused.class).hasMessageContaining("16384");
    }

    @Test
    void staticClientsHaveTheSameDescriptorsMemorySignalsAndShortCalls() throws Exception {
        compileStatic();
        for (String c : List.of("descriptors", "memory", "signals", "broken", "mailbox"))
            trappedClient(folder.resolve("static").resolve(c));
        trappedClient(
                folder.resolve("static/crowd"), folder.resolve("static/many").toString(), "300");
        server.processVmRefused();
        trappedClient(folder.resolve("static/memory"));
    }

    @Test
    void aPreloadedClientMayStartStaticOnes() throws Exception {
        compileStatic();
        client("crowd", folder.resolve("static/many").toString(), "50");
        nothingIsLeft();
    }

    @Test
    void aDynamicClientMayHaveItsSystemCallsTrappedInstead() throws Exception {
        compileStatic();
        for (String c : List.of("descriptors", "memory", "signals", "mailbox")) trappedClient(folder.resolve(c));
    }

    @Test
    void arm64ClientsUnderQemuUserHaveTheSameDescriptorsMemoryAndSignals() throws Exception {
        compileForArm64();
        for (String c : List.of("descriptors", "memory", "signals", "mailbox")) arm64Client(c);
        nothingIsLeft();
    }

    private static long openDescriptors() {
        return count(Path.of("/proc/self/fd"));
    }

    private static long count(Path p) {
        try (Stream<Path> s = Files.list(p)) {
            return s.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long mappings() throws IOException {
        try (Stream<String> s = Files.lines(Path.of("/proc/self/maps"))) {
            return s.filter(l -> l.contains("memfd")).count();
        }
    }

    @Test
    void randomBytesOnTheSocketDoNotDisturbTheServer() throws Exception {
        Random random = new Random(5);
        for (int i = 0; i < 200; i++) {
            try (SocketChannel c = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                c.connect(UnixDomainSocketAddress.of(socket));
                byte[] b = new byte[random.nextInt(200)];
                random.nextBytes(b);
                ByteBuffer bytes = ByteBuffer.wrap(b).order(java.nio.ByteOrder.LITTLE_ENDIAN);
                // Half of them have a right head, so that the requests behind the greeting are reached.
                if (b.length >= 32 && i % 2 == 0)
                    bytes.putInt(0, 28).putInt(4, 1 + random.nextInt(10)).putLong(8, random.nextInt(3));
                try {
                    c.write(bytes);
                } catch (IOException closed) {
                    continue;
                }
            }
        }
        client("descriptors");
        nothingIsLeft();
    }
}
