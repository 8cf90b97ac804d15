package dev.worldswitch.server;

import dev.worldswitch.kvm.KvmFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Serves the clients of one simulated host on a Unix socket: one thread for each client thread. */
public final class HostServer {
    private final SimulatedHost host;
    private final OpenFile device;
    private final Looking looking = new Looking(Runtime.getRuntime().availableProcessors());
    private final CallListener listener;
    private final Native sys = new Native();
    private static final int MSG_DONTWAIT = 0x40, EAGAIN = 11;

    private final int listening;
    private final MemorySegment slots = sys.allocate(256);
    private final String nameOfFiles;
    private final Map<Long, OpenFile> files = new ConcurrentHashMap<>();
    private final Map<Long, ClientProcess> processes = new ConcurrentHashMap<>();
    private final Map<Long, Integer> lifelines = new ConcurrentHashMap<>();
    /** Handles start where no server before it had any: a client may hold descriptors of one that has ended. */
    private final AtomicLong numbers = new AtomicLong((System.nanoTime() >>> 10 & 0x3fff_ffff) << 24);

    private final Watch watch = new Watch(this::closed);
    private volatile boolean noProcessVm = Boolean.getBoolean("worldswitch.shimCopies");

    private HostServer(int listening, SimulatedHost host, CallListener listener) {
        this.host = host;
        this.device = new OpenFile(0, host.openKvm());
        this.listener = listener;
        this.nameOfFiles =
                "worldswitch/" + ProcessHandle.current().pid() + "." + Long.toHexString(System.nanoTime()) + "/";
        this.listening = listening;
    }

    /** Listens on {@code socket}, which must not exist and whose folder should be private; its threads are daemons. */
    public static HostServer start(Path socket, SimulatedHost host, CallListener listener) {
        return start(new Native().listen(socket.toString()), host, listener);
    }

    /** Serves on a socket that already listens; clients may have connected. */
    public static HostServer start(int listening, SimulatedHost host, CallListener listener) {
        HostServer s = new HostServer(listening, host, listener);
        thread("ws-accept", s::accept);
        thread("ws-watch", s.watch::loop);
        return s;
    }

    private static void thread(String name, Runnable body) {
        Thread t = new Thread(null, body, name, 0);
        t.setDaemon(true);
        t.start();
    }

    public SimulatedHost host() {
        return host;
    }

    Looking looking() {
        return looking;
    }

    CallListener listener() {
        return listener;
    }

    /** Of the file that was made last. */
    long newestHandle() {
        return numbers.get();
    }

    /** Descriptors that clients have open. */
    public int openFiles() {
        watch.handleClosed();
        return files.size();
    }

    /** Address spaces of clients that are alive. */
    public int liveProcesses() {
        watch.handleClosed();
        return processes.size();
    }

    /** The same by what they are: system, vm, vcpu, device, stats. */
    Map<String, Integer> openFilesByKind() {
        watch.handleClosed();
        Map<String, Integer> n = new java.util.TreeMap<>();
        for (KvmFile.Kind k : KvmFile.Kind.values())
            if (k != KvmFile.Kind.SYSTEM) n.put(k.name().toLowerCase(java.util.Locale.ROOT), 0);
        for (OpenFile f : files.values())
            n.merge(f.file().kind().name().toLowerCase(java.util.Locale.ROOT), 1, Integer::sum);
        return n;
    }

    /** Threads of clients that are served. */
    int clientThreads() {
        int n = 0;
        for (ClientProcess p : processes.values()) n += p.threads();
        return n;
    }

    boolean noProcessVm() {
        return noProcessVm;
    }

    /** process_vm_readv is forbidden here (seccomp, Yama): the shim copies. */
    void processVmRefused() {
        noProcessVm = true;
    }

    /** One line in the log of what can't be done for a client, and why. */
    void says(String what) {
        System.err.println("ws: " + what);
    }

    /** Kept open for the moment when there is no other: who connects then is told so, and does not wait for ever. */
    private int spare;

    /** Of the thread that accepts. */
    private final Native door = new Native();

    private void accept() {
        spare = door.memfd("worldswitch-spare", 0);
        boolean said = false;
        while (true) {
            int fd = (int) door.call(Native.Nr.ACCEPT4, listening, 0, 0, Native.SOCK_CLOEXEC, 0, 0);
            if (fd == -Native.EBADF) return;
            boolean full = fd == -Native.EMFILE || fd == -Native.ENFILE;
            if (full && !said)
                says("the server has no free descriptor for a new client (errno " + -fd + "; see ulimit -n)");
            said = full;
            if (fd >= 0) welcome(fd);
            else if (full) turnAway();
        }
    }

    private void welcome(int fd) {
        int uid = door.peerUid(fd);
        if (uid != UID && uid != 0) {
            says("a client of another user was refused");
            door.close(fd);
            return;
        }
        try {
            thread("ws-client", () -> session(fd));
        } catch (OutOfMemoryError e) {
            says("no thread for a new client: " + e.getMessage());
            refuse(fd, Native.EAGAIN);
        }
    }

    private void turnAway() {
        door.close(spare);
        int fd = (int) door.call(Native.Nr.ACCEPT4, listening, 0, 0, Native.SOCK_CLOEXEC, 0, 0);
        if (fd >= 0) refuse(fd, Native.EMFILE);
        // Another thread may have been faster; then the next one waits until there is room.
        try {
            spare = door.memfd("worldswitch-spare", 0);
        } catch (Native.Refused e) {
            spare = -1;
            pause();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Answers its greeting by an errno, and ends the connection. */
    private void refuse(int fd, int errno) {
        new Wire(door, fd).refuse(errno);
        door.close(fd);
    }

    private void session(int fd) {
        Native own = Native.ofConnection();
        own.askForShortSlices();
        Wire wire = new Wire(own, fd);
        boolean keep = false;
        try {
            wire.receive();
            if (wire.type() == Wire.HELLO_PROCESS) {
                greetProcess(own, wire);
                keep = true;
            } else if (wire.type() == Wire.HELLO_THREAD) greetThread(own, wire);
            else if (wire.type() == Wire.STATUS) wire.send(Figures.of(this, wire.a() != 0));
            else throw new IOException("greeting " + wire.type());
        } catch (IOException e) {
            if (!HostThread.isEnd(e)) says(cutOff(own, fd) + e.getMessage());
        } catch (Native.Refused e) {
            says("a client was refused: " + e.getMessage());
            wire.refuse(e.errno());
        } catch (RuntimeException | Error e) {
            says(cutOff(own, fd) + "an internal error: " + e);
        } finally {
            own.close(wire.takeDescriptor());
            if (!keep) own.close(fd);
            own.free();
        }
    }

    private static String cutOff(Native own, int fd) {
        return "client " + own.peerPid(fd) + " was cut off: ";
    }

    private void greetProcess(Native own, Wire wire) throws IOException {
        if (wire.a() != Wire.PROTOCOL_VERSION)
            throw new IOException("the shim speaks protocol " + wire.a() + ", the server " + Wire.PROTOCOL_VERSION
                    + "; build both together");
        ClientProcess parent = processes.get(wire.b());
        if (parent != null) parent.memory().forked();
        XcompPermissions xcomp =
                parent == null ? host.newXcompPermissions() : parent.xcomp().forChild();
        long id = newProcessId(own);
        ClientProcess p = new ClientProcess(this, id, own.peerPid(wire.fd()), xcomp);
        processes.put(id, p);
        try {
            byte[] none = {};
            wire.send(Wire.ANSWER, id, 0, 0, none, 0, 0, p.memory().descriptor());
            wire.send(
                    Wire.ANSWER,
                    p.signals().bytes(),
                    ProcessHandle.current().pid(),
                    0,
                    none,
                    0,
                    0,
                    p.signals().descriptor());
        } catch (IOException e) {
            p.died();
            throw e;
        }
        lifelines.put(id, wire.fd());
        watch.add(wire.fd(), id, true);
    }

    /** Who names a process as its own or as its parent must know this number, and it is not to be guessed. */
    private static long newProcessId(Native own) {
        MemorySegment random = own.allocate(8);
        own.must("getrandom", Native.Nr.GETRANDOM, random.address(), 8, 0, 0, 0, 0);
        return random.get(ValueLayout.JAVA_LONG, 0) & Long.MAX_VALUE | 1L << 62;
    }

    private static final int UID = ownUid();

    private static int ownUid() {
        Native own = new Native();
        return (int) own.call(Native.Nr.GETUID, 0, 0, 0);
    }

    private void greetThread(Native own, Wire wire) throws IOException {
        ClientProcess p = processes.get(wire.a());
        // A thread that connects while its process ends, or the number is not one of ours.
        if (p == null) return;
        if (p.pid() != own.peerPid(wire.fd())) throw new IOException("it named another process as its own");
        int slot = p.takeSlot();
        HostThread t = new HostThread(this, p, wire, own, (int) wire.b(), slot);
        boolean added = p.add(t);
        try {
            if (added) t.serve(wire.c());
            else t.neverServed();
        } finally {
            p.remove(t, slot);
        }
    }

    /** Handle 0 is the device: the shim makes descriptors to it by itself. */
    @Nullable
    OpenFile find(long handle) {
        return handle == 0 ? device : files.get(handle);
    }

    /**
     * Makes a descriptor for a file; the caller sends it to the client and closes its own copy.
     *
     * @return the descriptor, or a negative errno: then nothing of the file is left
     */
    int publish(KvmFile file, ClientProcess to) {
        long handle = numbers.incrementAndGet();
        Native own = new Native();
        int[] pair = {-1, -1};
        try {
            OpenFile open = new OpenFile(handle, file);
            pair = own.namedPair(nameOf(open));
            open.peer(pair[1]);
            files.put(handle, open);
            to.got(handle);
            watch.add(pair[1], handle, false);
            return pair[0];
        } catch (Native.Refused e) {
            says("no descriptor for " + file.fileName() + ": " + e.getMessage());
            files.remove(handle);
            to.closed(handle);
            own.close(pair[0]);
            own.close(pair[1]);
            file.refused();
            file.release();
            return -e.errno();
        }
    }

    /** What the socket that stands for it is called. */
    String nameOf(OpenFile open) {
        return nameOfFiles + open.file().fileName() + "/" + open.handle();
    }

    void releaseClosed() {
        watch.handleClosed();
    }

    private void closed(long number) {
        OpenFile f = files.remove(number);
        if (f != null) {
            sys.close(f.peer());
            for (ClientProcess p : processes.values()) p.closed(number);
            f.leave();
        }
        Integer lifeline = lifelines.get(number);
        if (lifeline != null) lifeline(number, lifeline);
    }

    /** A process's own connection carries the slots of threads with a pending signal, 4 bytes each, until it ends. */
    private void lifeline(long number, int fd) {
        ClientProcess p = processes.get(number);
        long n = sys.call(Native.Nr.RECVFROM, fd, slots.address(), slots.byteSize(), MSG_DONTWAIT, 0, 0);
        for (int i = 0; i + 4 <= n; i += 4) if (p != null) p.kick(slots.get(ValueLayout.JAVA_INT, i));
        if (n > 0 || n == -EAGAIN) return;
        lifelines.remove(number);
        sys.close(fd);
        if (p != null) p.died();
    }

    void gone(ClientProcess p) {
        processes.remove(p.id());
    }
}
