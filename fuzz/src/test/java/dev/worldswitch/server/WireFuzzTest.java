package dev.worldswitch.server;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.fuzz.Input;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Arbitrary frames, descriptors and mailbox contents of a client: the server goes on, says nothing of an internal error, and when the
 * client is gone everything of it is gone.
 */
class WireFuzzTest {
    private static final int FRAMES_MAX = 24, SLOT = 256, SLOTS_WRITTEN = 4;
    private static final int SYS_CONNECT = System.getProperty("os.arch").equals("aarch64") ? 203 : 42;
    private static final long WAIT_NS = TimeUnit.SECONDS.toNanos(20);
    private static final int[] KVM = {
        0xae01, 0xae41, 0x4020ae46, 0xae80, 0x8138ae83, 0x4138ae84, 0xae03, 0xc008ae05, 0x4008ae48
    };

    /** What the server says while a client is served. */
    private static final class Said extends ByteArrayOutputStream {
        synchronized String taken() {
            String s = toString(StandardCharsets.UTF_8);
            reset();
            return s;
        }
    }

    private static final Said SAID = new Said();
    private static final Path SOCKET;
    private static final HostServer SERVER;
    private static volatile Throwable uncaught;

    static {
        // The server would use process_vm_readv on its client, which is this process: the shim's copies instead.
        System.setProperty("worldswitch.shimCopies", "true");
        System.setErr(new PrintStream(SAID, true, StandardCharsets.UTF_8));
        Thread.setDefaultUncaughtExceptionHandler((t, e) -> uncaught = e);
        try {
            Path dir = Files.createTempDirectory("wsfuzz");
            dir.toFile().deleteOnExit();
            SOCKET = dir.resolve("s");
            SOCKET.toFile().deleteOnExit();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        SimulatedHost host =
                SimulatedHost.plain(MachineProfile.builtIn("sapphire-rapids"), KernelVersion.of("6.12"), 2);
        SERVER = HostServer.start(SOCKET, host, new CallListener() {});
    }

    private Native sys = new Native();

    private int connect() {
        int fd = (int) sys.must(
                "socket", Native.Nr.SOCKET, Native.AF_UNIX, Native.SOCK_STREAM | Native.SOCK_CLOEXEC, 0, 0, 0, 0);
        try (Arena a = Arena.ofConfined()) {
            byte[] path = SOCKET.toString().getBytes(StandardCharsets.UTF_8);
            MemorySegment address = a.allocate(110, 2);
            address.set(ValueLayout.JAVA_SHORT, 0, (short) Native.AF_UNIX);
            MemorySegment.copy(path, 0, address, ValueLayout.JAVA_BYTE, 2, path.length);
            Connect.connect(SYS_CONNECT, fd, address);
        }
        return fd;
    }

    @FuzzTest
    void any_client_harms_only_itself(byte[] data) throws IOException {
        Input in = new Input(data);
        SAID.taken();
        sys = Native.ofConnection();
        int lifeline = connect(), talk = connect(), memory = -1;
        int[] passed = {sys.memfd("fuzz", 4096)};
        long slots = 0, slotBytes = (long) SLOT * SLOTS_WRITTEN;
        try {
            Wire process = new Wire(sys, lifeline), thread = new Wire(sys, talk);
            int how = in.u8();
            if ((how & 1) == 0) {
                process.send(Wire.HELLO_PROCESS, Wire.PROTOCOL_VERSION, (how & 2) == 0 ? 0 : in.u64(), 0);
                process.receive();
                long id = process.a();
                memory = process.takeDescriptor();
                process.receive();
                int signals = process.takeDescriptor();
                slots = sys.map(signals, 0, slotBytes, Native.PROT_READ_WRITE);
                sys.close(signals);
                thread.send(Wire.HELLO_THREAD, (how & 4) == 0 ? id : in.u64(), 1, 0x10000);
            }
            for (int n = 0; n < FRAMES_MAX && !in.isEmpty(); n++) frame(in, thread, passed[0], slots);
        } catch (IOException e) {
            // The server ended the connection, as it may.
        } finally {
            sys.call(Native.Nr.SHUTDOWN, talk, 1, 0);
            drain(talk);
            for (int fd : new int[] {talk, lifeline, memory, passed[0]}) sys.close(fd);
            if (slots > 0) sys.unmap(slots, slotBytes);
            sys.free();
        }
        await();
        String said = SAID.taken();
        if (said.contains("internal error")) throw new AssertionError(said);
        Throwable u = uncaught;
        uncaught = null;
        if (u != null) throw new AssertionError("a thread of the server ended", u);
    }

    /** A frame that is mostly one, or bytes that are none. */
    private void frame(Input in, Wire wire, int descriptor, long slots) throws IOException {
        int kind = in.u8();
        int type = kind < 0x60 ? 4 : kind < 0xa0 ? 1 + (kind & 15) : kind < 0xc0 ? 128 + (kind & 1) : in.u8();
        if (kind >= 0xf0) {
            byte[] raw = in.take(1 + in.u8());
            try (Arena a = Arena.ofConfined()) {
                MemorySegment m = a.allocate(raw.length + 1);
                MemorySegment.copy(raw, 0, m, ValueLayout.JAVA_BYTE, 0, raw.length);
                sys.call(Native.Nr.SENDTO, wire.fd(), m.address(), raw.length, Native.MSG_NOSIGNAL, 0, 0);
            }
            return;
        }
        if (kind >= 0xe0 && slots > 0) {
            // A request in the mailbox, or nonsense there.
            for (int i = 0; i < 8; i++) MailboxBytes.put(slots + (in.number(2) & SLOT * SLOTS_WRITTEN - 4), in.u32());
            return;
        }
        long a = (in.u8() & 1) == 0 ? handle(in.u8()) : in.u64();
        long b = type == 4 ? KVM[in.u8() % KVM.length] : in.u64();
        long c = (in.u8() & 1) == 0 ? in.u8() << 12 : in.u64();
        byte[] payload = in.take(in.u8());
        wire.send(type, a, b, c, payload, 0, payload.length, (kind & 0x11) == 0x11 ? descriptor : -1);
    }

    /** The device, or one of the newest files. */
    private static long handle(int which) {
        return which == 0 ? 0 : SERVER.newestHandle() + 1 - which;
    }

    private void drain(int fd) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment m = a.allocate(4096);
            while (sys.call(Native.Nr.RECVFROM, fd, m.address(), 4096, 0, 0, 0) > 0) {}
        }
    }

    private static void await() {
        long start = System.nanoTime();
        while (SERVER.liveProcesses() != 0
                || SERVER.openFiles() != 0
                || SERVER.host().idleCpus() != 2) {
            if (System.nanoTime() - start > WAIT_NS)
                throw new AssertionError(
                        "the client is gone, but " + SERVER.liveProcesses() + " processes, " + SERVER.openFiles()
                                + " files and " + (2 - SERVER.host().idleCpus()) + " CPUs are in use");
            LockSupport.parkNanos(50_000);
        }
    }
}
