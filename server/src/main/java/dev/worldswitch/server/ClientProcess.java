package dev.worldswitch.server;

import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Eventfd;
import dev.worldswitch.kvm.GuestFile;
import dev.worldswitch.kvm.Mm;
import dev.worldswitch.kvm.SharedPages;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** One address space of a client: from its first call until exit or exec. */
public final class ClientProcess implements Client {
    private final OrderedLock lock = new OrderedLock("ClientProcess");
    /** Bytes that each thread has in the shared page: words about signals, and its {@link Mailbox}. */
    static final int SLOT = 256;

    static final int THREADS_MAX = 16384;

    private final HostServer server;
    private final long id;
    private final int pid;
    private final XcompPermissions xcomp;
    private final ClientMemory memory;
    private final MappedPages signals;
    private final Set<HostThread> threads = ConcurrentHashMap.newKeySet();
    private final java.util.BitSet slots = new java.util.BitSet();
    private boolean dead, closed;
    private volatile boolean noProcessVm;

    /** @throws Native.Refused when there is no descriptor or no room for it */
    ClientProcess(HostServer server, long id, int pid, XcompPermissions xcomp) {
        this.server = server;
        this.id = id;
        this.pid = pid;
        this.xcomp = xcomp;
        this.signals = new MappedPages("worldswitch-signals", SLOT * THREADS_MAX);
        try {
            this.memory = new ClientMemory();
        } catch (Native.Refused e) {
            signals.close();
            throw e;
        }
    }

    /** process_vm_readv is forbidden, or does not find this process's memory by its own addresses: the shim copies. */
    void processVmRefused() {
        noProcessVm = true;
    }

    boolean noProcessVm() {
        return noProcessVm;
    }

    long id() {
        return id;
    }

    /** As the client's own kernel numbers it. */
    public int pid() {
        return pid;
    }

    /** Files that it has, or had, a descriptor of. */
    private final Set<Long> had = ConcurrentHashMap.newKeySet();

    boolean has(long handle) {
        return had.contains(handle);
    }

    void got(long handle) {
        had.add(handle);
    }

    void closed(long handle) {
        had.remove(handle);
    }

    int threads() {
        return threads.size();
    }

    XcompPermissions xcomp() {
        return xcomp;
    }

    ClientMemory memory() {
        return memory;
    }

    MappedPages signals() {
        return signals;
    }

    int takeSlot() {
        try (var _ = lock.hold()) {
            int slot = slots.nextClearBit(0);
            if (slot >= THREADS_MAX)
                throw new Native.Refused("a thread of a client that has " + THREADS_MAX, Native.EAGAIN);
            slots.set(slot);
            return slot;
        }
    }

    /** False when the process is gone already. */
    boolean add(HostThread t) {
        try (var _ = lock.hold()) {
            return !dead && threads.add(t);
        }
    }

    void remove(HostThread t, int slot) {
        try (var _ = lock.hold()) {
            threads.remove(t);
            slots.clear(slot);
            closeIfUnused();
        }
    }

    /** The shim says that a signal is pending for the thread with this slot. */
    void kick(int slot) {
        for (HostThread t : threads) if (t.slot() == slot) t.kick();
    }

    /** Exit, kill or exec: calls under way end as by a signal. */
    void died() {
        try (var _ = lock.hold()) {
            dead = true;
            for (HostThread t : threads) t.processDied();
            closeIfUnused();
        }
    }

    // Guest code of a thread still in KVM_RUN uses the mappings: they go with the last thread.
    private void closeIfUnused() {
        if (!dead || closed || !threads.isEmpty()) return;
        closed = true;
        memory.close();
        signals.close();
        server.gone(this);
    }

    private static HostThread caller() {
        HostThread t = HostThread.current();
        if (t == null) throw new IllegalStateException("client memory used outside a call");
        return t;
    }

    @Override
    public boolean read(long address, byte[] into, int offset, int length) {
        if (length == 0) return true;
        HostThread t = caller();
        if (!Mm.accessOk(address, length) || !t.copy(this, true, address, into, offset, length)) return false;
        server.listener().copied(t, true, address, into, offset, length);
        return true;
    }

    @Override
    public boolean write(long address, byte[] from, int offset, int length) {
        if (length == 0) return true;
        HostThread t = caller();
        if (!Mm.accessOk(address, length) || !t.copy(this, false, address, from, offset, length)) return false;
        server.listener().copied(t, false, address, from, offset, length);
        return true;
    }

    @Override
    public long adopt(long address, long size) {
        // Nothing of the client is there: what slots may name is checked by who sets them.
        if (!Mm.accessOk(address, size)) return 0;
        HostThread t = caller();
        for (long[] gap : memory.missing(address, address + size))
            if (!t.adopt(this, gap[0], gap[1])) return Errno.ENOMEM;
        return 0;
    }

    @Override
    public long hostPage(long address, boolean write) {
        long page = sharedPage(address, write);
        HostThread t = HostThread.current();
        if (page != 0 && t != null) server.listener().pageUsed(t, address & -4096L);
        return page;
    }

    /** What is now in a page that {@link CallListener#pageUsed} named; false when it is gone. */
    public boolean look(long page, byte[] into) {
        long host = memory.hostPage(page, false);
        if (host == 0) return false;
        MemorySegment.copy(Native.memory(), ValueLayout.JAVA_BYTE, host, into, 0, into.length);
        return true;
    }

    private long sharedPage(long address, boolean write) {
        long page = memory.hostPage(address, write);
        if (page != 0) return page;
        // As a page fault would: what was mapped or made accessible since the slot was set is adopted now.
        if (memory.isCommon(address)) return 0;
        HostThread t = HostThread.current();
        long[] around = t == null ? null : memory.askedAround(address);
        if (t == null || around == null) return 0;
        for (long[] gap : memory.missing(around[0], around[1])) t.adopt(this, gap[0], gap[1]);
        page = memory.hostPage(address, write);
        if (page != 0 || memory.isCommon(address)) return page;
        // The page alone: what lies around it may be the client's program, of which only what a guest touches is
        // common.
        t.adopt(this, address & -4096L, (address & -4096L) + 4096);
        return memory.hostPage(address, write);
    }

    @Override
    public int memoryGeneration() {
        return memory.generation();
    }

    /** Of the heap: what others go on with when one client has filled the rest. */
    private static final int RESERVE = 4;

    /** What a vCPU takes with its registers, caches and translated code: rather too much. */
    private static final long VCPU_BYTES = 2 << 20;

    @Override
    public boolean roomFor(long bytes) {
        if (isFree(bytes)) return true;
        // What nobody uses any more still counts.
        System.gc();
        if (isFree(bytes)) return true;
        server.says("client " + pid + ": no memory for " + bytes + " bytes more, the server's heap has "
                + (Runtime.getRuntime().maxMemory() >> 20) + " MiB");
        return false;
    }

    private static boolean isFree(long bytes) {
        Runtime r = Runtime.getRuntime();
        long used = r.totalMemory() - r.freeMemory();
        return bytes <= r.maxMemory() - r.maxMemory() / RESERVE - used;
    }

    @Override
    public @Nullable SharedPages newSharedPages(int bytes) {
        if (!roomFor(VCPU_BYTES)) return null;
        try {
            return new MappedPages("kvm-vcpu", bytes);
        } catch (Native.Refused e) {
            server.says("no memory for a vCPU's page: " + e.getMessage());
            return null;
        }
    }

    /** Files of guest memory by their numbers, which their names tell. */
    private final Map<Long, GuestMemoryFile> guestFiles = new ConcurrentHashMap<>();

    @Override
    public @Nullable GuestFile newGuestFile(long bytes, boolean mappable) {
        try {
            GuestMemoryFile made = new GuestMemoryFile(bytes, mappable, f -> guestFiles.remove(f.number()));
            guestFiles.put(made.number(), made);
            return made;
        } catch (Native.Refused e) {
            server.says("no memory for a guest_memfd: " + e.getMessage());
            return null;
        }
    }

    @Override
    public @Nullable GuestFile guestFile(int fd, long[] error) {
        Long number = caller().guestFileNumber(this, fd, error);
        return number == null ? null : guestFiles.get(number);
    }

    @Override
    public long mm() {
        return id;
    }

    @Override
    public long xcompGuestPerm() {
        return xcomp.guest();
    }

    @Override
    public void freezeXcompGuestPerm() {
        xcomp.freezeGuest();
    }

    @Override
    public long eventfdError(int fd) {
        return caller().eventfdError(this, fd);
    }

    @Override
    public @Nullable Eventfd eventfd(int fd) {
        return caller().eventfd(this, fd);
    }

    @Override
    public boolean signalEventfd(int fd) {
        return caller().signalEventfd(this, fd);
    }
}
