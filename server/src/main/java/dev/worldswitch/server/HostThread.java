package dev.worldswitch.server;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** The host side of one client thread: its connection, its task, its calls one after the other. */
public final class HostThread implements Caller {
    private final OrderedLock lock = new OrderedLock("HostThread");
    private static final ThreadLocal<@Nullable HostThread> CURRENT = new ThreadLocal<>();
    /** Words of the thread's slot in the signal page. */
    private static final int PENDING = 0, WAKE = 4;

    private static final int FUTEX_WAIT = 0, FUTEX_WAKE = 1;
    private static final int KVM_RUN = 0xAE80,
            COPY_MAX = 4096,
            PROT_EXEC = 4,
            PROT_WRITE = 2,
            MAP_TYPE = 3,
            MAP_PRIVATE = 2;
    private static final long POSITION = -1;

    private final HostServer server;
    private final ClientProcess process;
    private final Wire wire;
    private final Native sys;
    private final Native wakeSys = new Native();
    private final int tid, slot;
    private final Task task;
    private final MemorySegment bounce, vectors;
    private final Mailbox mailbox;
    private final KvmFile.Made made = new KvmFile.Made();
    private volatile boolean dead;

    HostThread(HostServer server, ClientProcess process, Wire wire, Native sys, int tid, int slot) {
        this.server = server;
        this.process = process;
        this.wire = wire;
        this.sys = sys;
        this.tid = tid;
        this.slot = slot;
        this.task = server.host().newTask();
        this.bounce = sys.allocate(Wire.PAYLOAD_MAX);
        this.vectors = sys.allocate(32);
        this.mailbox = new Mailbox(slotAddress(), server.looking(), sys);
        wire.use(mailbox);
    }

    /** Whose call this thread does, null when it does none. */
    public static @Nullable HostThread current() {
        return CURRENT.get();
    }

    /** Thread id in the client. */
    public int tid() {
        return tid;
    }

    public ClientProcess process() {
        return process;
    }

    int slot() {
        return slot;
    }

    @Override
    public Client client() {
        return process;
    }

    @Override
    public Task task() {
        return task;
    }

    // ---- signals and waiting

    private long slotAddress() {
        return process.signals().address() + (long) slot * ClientProcess.SLOT;
    }

    private int slotGet(int word) {
        return (int) process.signals().get(slot * ClientProcess.SLOT + word, 4);
    }

    @Override
    public boolean signalPending() {
        return givesWay || isSignalled();
    }

    /** The client has a signal to take, or is gone. */
    public boolean isSignalled() {
        return dead || slotGet(PENDING) != 0;
    }

    private volatile boolean givesWay;

    /** While set, KVM_RUN ends as by a signal; the client is not told, since the listener has the call done again. */
    public void giveWay(boolean now) {
        givesWay = now;
        if (now) wake();
    }

    @Override
    public void runSignalMask(long mask, boolean set) {
        // The shim keeps it, and applies it to each run of this file.
        ask(Wire.SIGNAL_MASK, mask, set ? 1 : 0, 0, bounceBytes, 0);
    }

    private final byte[] bounceBytes = new byte[COPY_MAX];

    @Override
    public void block(BooleanSupplier until) {
        if (until.getAsBoolean() || signalPending()) return;
        server.host().sleep(task);
        server.listener().waits(this);
        mailbox.asleep();
        while (true) {
            // The futex word first, the conditions after: a wake-up in between changes the word.
            int seen = slotGet(WAKE);
            if (until.getAsBoolean() || signalPending()) break;
            sys.call(Native.Nr.FUTEX, slotAddress() + WAKE, FUTEX_WAIT, seen, 0, 0, 0);
        }
        mailbox.awake();
        server.host().wakeUp(task);
    }

    private @Nullable RandomAccessFile schedstat;

    /** The second number of the client thread's schedstat (proc(5)); 0 where the kernel does not count it. */
    @Override
    public long runDelay() {
        byte[] text = new byte[64];
        try {
            if (schedstat == null)
                schedstat = new RandomAccessFile("/proc/" + process.pid() + "/task/" + tid + "/schedstat", "r");
            schedstat.seek(0);
            int n = schedstat.read(text);
            String[] numbers = new String(text, 0, Math.max(n, 0), StandardCharsets.US_ASCII).split("\\s+");
            return numbers.length < 2 ? 0 : Long.parseLong(numbers[1]);
        } catch (IOException e) {
            return 0;
        }
    }

    private void closeSchedstat() {
        try {
            if (schedstat != null) schedstat.close();
        } catch (IOException e) {
            // Nothing was written to it.
        }
    }

    private @Nullable ScheduledFuture<?> alarm;

    @Override
    public void kickAfter(long nanoseconds) {
        ScheduledFuture<?> before = alarm;
        if (before != null) before.cancel(false);
        alarm = nanoseconds == 0 ? null : Alarms.ALL.schedule(this::kick, nanoseconds, TimeUnit.NANOSECONDS);
    }

    /** One thread for the alarms of all client threads, made when the first guest timer is set. */
    private static final class Alarms {
        static final ScheduledThreadPoolExecutor ALL = new ScheduledThreadPoolExecutor(1, r -> {
            Thread t = new Thread(r, "guest timers");
            t.setDaemon(true);
            return t;
        });

        static {
            ALL.setRemoveOnCancelPolicy(true);
        }
    }

    /** A signal arrived in the client: the guest exits, or the wait ends. */
    void kick() {
        wake();
        server.host().kick(task);
    }

    @Override
    public void wake() {
        try (var _ = lock.hold()) {
            if (ended) return;
            ValueLayout.JAVA_INT.varHandle().getAndAdd(Native.memory(), slotAddress() + WAKE, 1);
            wakeSys.call(Native.Nr.FUTEX, slotAddress() + WAKE, FUTEX_WAKE, 1, 0, 0, 0);
        }
    }

    private boolean ended;

    void processDied() {
        dead = true;
        kick();
        // By the other Native: this thread's own may be in a call. Not once it has ended: the number may be another
        // connection's.
        try (var _ = lock.hold()) {
            if (!ended) wakeSys.call(Native.Nr.SHUTDOWN, wire.fd(), 2, 0);
        }
    }

    private void ended() {
        try (var _ = lock.hold()) {
            ended = true;
        }
    }

    // ---- the client's memory, with the shim's help where needed

    /**
     * Asks the shim while its thread is in a call. Null when the client is gone: KVM's code then goes its usual way out,
     * by EFAULT or EINTR, with every lock given back.
     */
    private @Nullable Wire ask(int type, long a, long b, long c, byte[] payload, int length) {
        if (dead) return null;
        try {
            wire.send(type, a, b, c, payload, 0, length, -1);
            return next();
        } catch (IOException e) {
            lost(e);
            return null;
        }
    }

    private @Nullable Wire next() {
        try {
            wire.receive();
            if (wire.type() != Wire.REPLY && wire.type() != Wire.SEGMENT)
                throw new IOException("type " + wire.type() + " instead of a reply");
            return wire;
        } catch (IOException e) {
            lost(e);
            return null;
        }
    }

    private void lost(IOException e) {
        dead = true;
        if (!isEnd(e)) server.says("client " + process.pid() + " was cut off: " + e.getMessage());
    }

    boolean copy(ClientProcess of, boolean in, long address, byte[] bytes, int offset, int length) {
        for (int done = 0; done < length; ) {
            int n = Math.min(length - done, COPY_MAX);
            if (!copyPart(of, in, address + done, bytes, offset + done, n)) return false;
            done += n;
        }
        return true;
    }

    /** Between the client's memory and {@code bounce}: bytes moved, or a negative errno. */
    private long processVm(ClientProcess of, boolean in, long address, int n) {
        vectors.set(ValueLayout.JAVA_LONG, 0, bounce.address());
        vectors.set(ValueLayout.JAVA_LONG, 8, n);
        vectors.set(ValueLayout.JAVA_LONG, 16, address);
        vectors.set(ValueLayout.JAVA_LONG, 24, n);
        long v = vectors.address();
        return sys.call(in ? Native.Nr.PROCESS_VM_READV : Native.Nr.PROCESS_VM_WRITEV, of.pid(), v, 1, v + 16, 1, 0);
    }

    private boolean copyPart(ClientProcess of, boolean in, long address, byte[] bytes, int offset, int n) {
        if (!server.noProcessVm() && !of.noProcessVm()) {
            if (!in) MemorySegment.copy(bytes, offset, bounce, ValueLayout.JAVA_BYTE, 0, n);
            long r = processVm(of, in, address, n);
            if (r == n) {
                if (in) MemorySegment.copy(bounce, ValueLayout.JAVA_BYTE, 0, bytes, offset, n);
                return true;
            }
            if (r >= 0 || r == -Native.EFAULT || r == -Native.ESRCH) return false;
            of.processVmRefused();
        }
        if (of != process) return false;
        if (in) {
            Wire answer = ask(Wire.COPY_IN, address, n, 0, bounceBytes, 0);
            if (answer == null || answer.a() == 0 || answer.payloadSize() != n) return false;
            answer.payload(bytes, offset, n);
            return true;
        }
        System.arraycopy(bytes, offset, bounceBytes, 0, n);
        Wire answer = ask(Wire.COPY_OUT, address, 0, 0, bounceBytes, n);
        return answer != null && answer.a() != 0;
    }

    /**
     * Makes a range common with the help of the shim; only the process itself can.
     *
     * @return false when there was no room for it, in the client or here
     */
    boolean adopt(ClientProcess of, long from, long to) {
        if (of != process) return true;
        ClientMemory memory = of.memory();
        long base = memory.reserve(to - from), last = to;
        boolean room = true;
        Wire answer = ask(Wire.ADOPT, from, to - from, base, bounceBytes, 0);
        while (answer != null && answer.type() == Wire.SEGMENT) {
            long a = answer.a(), size = answer.b();
            int fd = answer.takeDescriptor();
            boolean odd = (a & 4095) != 0 || (size & 4095) != 0;
            boolean elsewhere = fd < 0 && !memory.wasReserved(answer.c(), size);
            if (a < from || a >= to || size <= 0 || size > to + ClientMemory.ADOPT_AHEAD - a || odd || elsewhere) {
                sys.close(fd);
                lost(new IOException("segment outside what was asked for"));
                return false;
            }
            last = Math.max(last, a + size);
            room &= fd < 0
                    ? memory.common(a, size, answer.c(), answer.payloadInt())
                    : memory.file(a, size, fd, answer.c(), answer.payloadInt());
            sys.close(fd);
            answer = next();
        }
        memory.giveBack(base, to - from, last - from);
        room &= answer == null || answer.a() != 0;
        if (!room) server.says("client " + process.pid() + ": no room for guest memory of " + (to - from) + " bytes");
        return room;
    }

    long eventfdError(ClientProcess of, int fd) {
        if (of != process) return Errno.EBADF;
        Wire answer = ask(Wire.EVENTFD, fd, 1, 0, bounceBytes, 0);
        return answer == null ? Errno.EBADF : -answer.a();
    }

    @Nullable
    HeldEventfd eventfd(ClientProcess of, int fd) {
        if (of != process) return null;
        Wire answer = ask(Wire.EVENTFD, fd, 2, 0, bounceBytes, 0);
        int held = answer == null ? -1 : answer.takeDescriptor();
        return held < 0 ? null : new HeldEventfd(held);
    }

    /** The number of the guest memory file that the client has under this descriptor; null with an errno when it is none. */
    @Nullable
    Long guestFileNumber(ClientProcess of, int fd, long[] error) {
        error[0] = Errno.EBADF;
        Wire answer = of != process ? null : ask(Wire.EVENTFD, fd, 3, 0, bounceBytes, 0);
        int held = answer == null ? -1 : answer.takeDescriptor();
        if (held < 0) return null;
        error[0] = Errno.EINVAL;
        Long number = GuestMemoryFile.numberOf(held);
        sys.close(held);
        return number;
    }

    boolean signalEventfd(ClientProcess of, int fd) {
        if (of != process) return false;
        Wire answer = ask(Wire.EVENTFD, fd, 0, 0, bounceBytes, 0);
        return answer != null && answer.a() != 0;
    }

    /** As in the shim: the word that it keeps at the address it greets with is this, changed by the process's number. */
    private static final long PROBE = 0x776f726c64737769L;

    /** Is the client's memory where its addresses say? An emulator may have moved it; the shim copies then. */
    private void probe(long address) {
        if (server.noProcessVm() || process.noProcessVm()) return;
        boolean read = processVm(process, true, address, Long.BYTES) == Long.BYTES;
        if (!read || bounce.get(ValueLayout.JAVA_LONG, 0) != (PROBE ^ process.id())) process.processVmRefused();
    }

    // ---- the calls

    /** Its process ended before the first call: the task goes. */
    void neverServed() {
        server.host().ended(task);
    }

    /** @param word address of the word by which the client's memory is recognised */
    void serve(long word) throws IOException {
        CURRENT.set(this);
        mailbox.start();
        try {
            probe(word);
            wire.send(Wire.ANSWER, slot, 0, 0);
            while (!dead) {
                wire.receiveRequest();
                one();
            }
        } finally {
            mailbox.asleep();
            server.listener().gone(this);
            CURRENT.remove();
            closeSchedstat();
            ended();
            server.host().ended(task);
        }
    }

    /** What the last call made, until the next one: the client may have had no free descriptor for it. */
    private @Nullable KvmFile lastMade;

    private void one() throws IOException {
        switch (wire.type()) {
            case Wire.OPEN -> {
                if (wire.payloadSize() != 0) parameter(wire.payloadText());
                else answerFile(server.host().openKvm(), (int) wire.a(), "open(\"/dev/kvm\")");
            }
            case Wire.IOCTL -> ioctl(wire.a(), (int) wire.b(), wire.c());
            case Wire.MMAP -> mmap(wire.a(), wire.b(), wire.c(), wire.payloadInt(0), wire.payloadInt(1));
            case Wire.READ -> read(wire.a(), wire.b(), wire.c());
            case Wire.MEMORY_CHANGED -> {
                if (wire.c() != 0) process.memory().trim(wire.a(), wire.a() + wire.b());
                process.memory().changed(wire.a(), wire.a() + wire.b());
                wire.send(Wire.ANSWER, 0, 0, 0);
            }
            case Wire.SYNC -> {
                server.releaseClosed();
                wire.send(Wire.ANSWER, 0, 0, 0);
            }
            case Wire.REFUSED -> {
                if (lastMade != null) lastMade.refused();
                lastMade = null;
                wire.send(Wire.ANSWER, 0, 0, 0);
            }
            case Wire.ARCH_PRCTL -> archPrctl((int) wire.a(), wire.b());
            default -> throw new IOException("request " + wire.type());
        }
    }

    /**
     * The file with this handle, if the process has a descriptor of it: it was given one, or shows one at its first call, as
     * after fork and exec. A number alone reaches nothing of other clients.
     */
    private @Nullable OpenFile find(long handle) {
        OpenFile open = server.find(handle);
        if (open == null || handle == 0 || process.has(handle)) return open;
        Wire answer = ask(Wire.PROVE, handle, 0, 0, bounceBytes, 0);
        int shown = answer == null ? -1 : answer.takeDescriptor();
        boolean proved = shown >= 0 && sys.abstractName(shown).equals(server.nameOf(open));
        sys.close(shown);
        if (proved) process.got(handle);
        else if (server.find(handle) != null)
            server.says("client " + process.pid() + " has no descriptor of "
                    + open.file().fileName() + " and may not use it");
        return proved ? open : null;
    }

    private void ioctl(long handle, int command, long argument) throws IOException {
        OpenFile open = find(handle);
        if (open == null || !open.enter()) {
            wire.send(Wire.ANSWER, Errno.EBADF, 0, 0);
            return;
        }
        KvmFile file = open.file();
        long r;
        try {
            do {
                made.file = null;
                made.flags = 0;
                made.storeAt = -1;
                server.listener().enter(this, file, command, argument);
                r = server.host().ioctl(this, open, command, argument, made);
                server.listener().exit(this, file, command, argument, r, made.file);
            } while (server.listener().again(this));
        } finally {
            open.leave();
        }
        KvmFile product = made.file;
        lastMade = product;
        if (product == null) wire.send(Wire.ANSWER, r, 0, 0);
        else answerFile(product, made.flags & 0xffffffffL | (made.storeAt + 1L) << 32, null);
    }

    /** @param flags of the descriptor; in the upper half where it goes in the argument plus 1, 0 when it is the answer */
    private void answerFile(KvmFile file, long flags, @Nullable String call) throws IOException {
        if (file.guestFile() instanceof GuestMemoryFile content) {
            wire.send(Wire.ANSWER, 0, 0, flags, bounceBytes, 0, 0, content.descriptor());
            return;
        }
        int end = server.publish(file, process);
        if (end < 0) {
            wire.send(Wire.ANSWER, end, 0, 0);
            return;
        }
        try {
            wire.send(Wire.ANSWER, 0, 0, flags, bounceBytes, 0, 0, end);
        } finally {
            sys.close(end);
        }
        if (call != null) server.listener().other(this, call, 0);
    }

    private void mmap(long handle, long size, long offset, int prot, int flags) throws IOException {
        OpenFile open = find(handle);
        if (open != null && !open.enter()) open = null;
        try {
            mmap(open, size, offset, prot, flags);
        } finally {
            if (open != null) open.leave();
        }
    }

    private void mmap(@Nullable OpenFile open, long size, long offset, int prot, int flags) throws IOException {
        KvmFile.Mapped what = open == null ? null : open.file().mapped(offset);
        long r = open == null ? Errno.EBADF : what == null ? Errno.ENODEV : 0;
        boolean shared = (flags & MAP_TYPE) != MAP_PRIVATE;
        if (open != null && r == 0) r = open.file().refusesMapping(offset, size, (prot & PROT_EXEC) != 0, shared);
        // A file open for reading only can't be mapped shared and writable, whatever it is.
        boolean sharedWritable = (prot & PROT_WRITE) != 0 && shared;
        if (open != null && open.file().kind() == KvmFile.Kind.STATS && sharedWritable) r = Errno.EACCES;
        if (r == 0 && (prot & PROT_EXEC) != 0 && server.host().refusesExecutableVcpuPages()) r = Errno.EPERM;
        if (open != null)
            server.listener().other(this, "mmap(" + open.file().fileName() + ", " + size + ", " + offset + ")", r);
        if (r == 0 && what != null && what.pages() instanceof MappedPages m)
            wire.send(Wire.ANSWER, 0, what.bytes(), what.at(), bounceBytes, 0, 0, m.descriptor());
        else wire.send(Wire.ANSWER, r == 0 ? Errno.ENODEV : r, 0, 0);
    }

    private void read(long handle, long size, long offset) throws IOException {
        OpenFile open = find(handle);
        if (open != null && !open.enter()) open = null;
        byte[] into = new byte[Math.clamp(size, 0, Wire.PAYLOAD_MAX)];
        long r;
        try {
            r = open == null
                    ? Errno.EBADF
                    : offset == POSITION
                            ? open.readOn(into)
                            : seekable(open.file()) ? open.file().read(into, offset) : Errno.ESPIPE;
        } finally {
            if (open != null) open.leave();
        }
        wire.send(Wire.ANSWER, r, 0, 0, into, 0, (int) Math.max(r, 0), -1);
    }

    /** Descriptors that an ioctl made have no position, except those of statistics. */
    private static boolean seekable(KvmFile file) {
        return file.kind() == KvmFile.Kind.SYSTEM || file.kind() == KvmFile.Kind.STATS;
    }

    /** The text of a module's parameter, or that there is none. */
    private void parameter(String path) throws IOException {
        String text = server.host().kvm().moduleParameter(path);
        byte[] b = text == null ? new byte[0] : text.getBytes(StandardCharsets.US_ASCII);
        wire.send(Wire.ANSWER, text == null ? Errno.ENOENT : b.length, 0, 0, b, 0, b.length, -1);
    }

    private void archPrctl(int code, long argument) throws IOException {
        long r;
        Long value = process.xcomp().value(code);
        if (value == null) r = process.xcomp().request(code, argument);
        else {
            byte[] b = new byte[8];
            for (int i = 0; i < 8; i++) b[i] = (byte) (value >>> 8 * i);
            r = process.write(argument, b, 0, 8) ? 0 : Errno.EFAULT;
        }
        server.listener()
                .other(
                        this,
                        "arch_prctl(0x" + Integer.toHexString(code) + ", 0x" + Long.toHexString(argument) + ")",
                        r);
        wire.send(Wire.ANSWER, r, 0, 0);
    }

    /** Is this KVM_RUN? */
    static boolean isRun(int command) {
        return command == KVM_RUN;
    }

    static boolean isEnd(IOException e) {
        return e instanceof EOFException;
    }
}
