package dev.worldswitch.fuzz;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Eventfd;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.kvm.hosts.Hosts;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Count;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** A host of its own with one client of one thread, whose memory is {@link GuardedMemory}. */
public final class InProcess implements KvmPath, Client, Caller {
    private static final int RUN = IoctlTable.io(0x80), EVENTFDS = 100;
    /** XTILEDATA. */
    private static final long DYNAMIC = 1L << 18;

    private static final Kicker KICKER = new Kicker();

    private final GuardedMemory memory = GuardedMemory.get();
    private final Region root = Region.root("host");
    private final KvmHost host;
    private final Task task;
    private final List<PhysicalCpu> cpus = new ArrayList<>();
    private final List<@Nullable KvmFile> files = new ArrayList<>();
    private final List<KvmFile.Kind> kinds = new ArrayList<>();
    private long now;
    private boolean plain;

    public InProcess(String machine, String kernel) {
        this(MachineProfile.builtIn(machine), kernel);
    }

    public InProcess(MachineProfile machine, String kernel) {
        Timing timing = Timing.plain(() -> now);
        host = Hosts.boot(root, KernelVersion.of(kernel), machine, 1, timing, new Pools(cpus));
        task = host.newTask("task0");
        host.start(task);
        add(host.kvm());
    }

    /** One CPU for one task; it is remembered. */
    private record Pools(List<PhysicalCpu> seen) implements CpuPools {
        @Override
        public <C extends PhysicalCpu> CpuPool<C> over(List<C> all) {
            seen.addAll(all);
            return CpuPools.FIRST_CPU.over(all);
        }
    }

    /** Without the eventfds that are there for fuzzing, and with the XSAVE permissions that a process starts with. */
    public InProcess plainProcess() {
        plain = true;
        return this;
    }

    public KvmHost host() {
        return host;
    }

    public PhysicalCpu cpu() {
        return cpus.getFirst();
    }

    public @Nullable KvmFile file(int number) {
        return number < files.size() ? files.get(number) : null;
    }

    private void add(KvmFile f) {
        files.add(f);
        kinds.add(f.kind());
    }

    @Override
    public long ioctl(int number, int command, long argument) {
        KvmFile f = file(number);
        if (f == null) return Errno.EBADF;
        KvmFile.Made made = new KvmFile.Made();
        boolean run = f.kind() == KvmFile.Kind.VCPU && command == RUN;
        if (run) KICKER.arm(cpu());
        long r = f.ioctl(this, command, argument, made);
        if (run) KICKER.disarm();
        now += 1000;
        if (made.file == null) return r;
        add(made.file);
        if (made.storeAt >= 0) memory.put(argument + made.storeAt, 4, files.size() - 1);
        return made.storeAt >= 0 ? r : MADE;
    }

    /** CPU time that the last KVM_RUN took after it was kicked, in nanoseconds. */
    static long cpuTimeAfterKick() {
        return KICKER.cpuTimeAfterKick();
    }

    @Override
    public int files() {
        return files.size();
    }

    @Override
    public KvmFile.Kind kind(int number) {
        return kinds.get(number);
    }

    @Override
    public void close(int number) {
        KvmFile f = file(number);
        if (f == null || number == 0) return;
        files.set(number, null);
        f.release();
    }

    /** Closes all, the newest first. */
    public void closeAll() {
        for (int i = files.size() - 1; i > 0; i--) {
            close(i);
            files.removeLast();
            kinds.removeLast();
        }
    }

    @Override
    public void page(int number, int at, long value) {
        KvmFile f = file(number);
        SharedPages p = f == null ? null : f.pages();
        if (p != null && at >= 0 && at + 8 <= p.bytes()) p.set(at, 8, value);
    }

    // ---- the state

    /** A hash of every cell but statistics. */
    public long stateHash() {
        long[] h = {1};
        root.forEachCell(c -> {
            switch (c) {
                case Count ignored -> {}
                case Ref<?> r -> mix(h, java.util.Objects.hashCode(r.peekRef()));
                default -> {
                    for (int i = 0; i < c.length(); i++) mix(h, c.peek(i));
                }
            }
        });
        return h[0];
    }

    private static void mix(long[] h, long v) {
        h[0] = (h[0] ^ v) * 0x9e3779b97f4a7c15L + (h[0] >>> 29);
    }

    /** Every cell's value as text, to say what changed. */
    public Map<String, String> state() {
        Map<String, String> all = new TreeMap<>();
        root.forEachCell(c -> {
            if (c instanceof Count) return;
            if (c instanceof Ref<?> r) all.put(c.path(), String.valueOf(r.peekRef()));
            else for (int i = 0; i < c.length(); i++) all.put(c.path() + "[" + i + "]", Long.toHexString(c.peek(i)));
        });
        return all;
    }

    /** Cells that the host has. */
    public int cells() {
        int[] n = {0};
        root.forEachCell((Cell c) -> n[0]++);
        return n[0];
    }

    // ---- the client

    @Override
    public boolean read(long address, byte[] into, int offset, int length) {
        return memory.read(address, into, offset, length);
    }

    @Override
    public boolean write(long address, byte[] from, int offset, int length) {
        return memory.write(address, from, offset, length);
    }

    @Override
    public long adopt(long address, long size) {
        return 0;
    }

    @Override
    public long hostPage(long address, boolean write) {
        long page = address & -GuardedMemory.PAGE;
        return memory.holds(page, GuardedMemory.PAGE, write) ? page : 0;
    }

    @Override
    public int memoryGeneration() {
        return 0;
    }

    @Override
    public SharedPages newSharedPages(int bytes) {
        Bytes b = new Bytes(bytes);
        return new SharedPages() {
            @Override
            public long get(int at, int size) {
                long v = 0;
                for (int i = size - 1; i >= 0; i--) v = v << 8 | b.u8(at + i) & 0xff;
                return v;
            }

            @Override
            public void set(int at, int size, long value) {
                for (int i = 0; i < size; i++) b.u8(at + i, value >>> 8 * i);
            }

            @Override
            public int bytes() {
                return bytes;
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public long mm() {
        return 1;
    }

    @Override
    public long xcompGuestPerm() {
        return host.xcompSupported() & ~(plain ? DYNAMIC : 0);
    }

    @Override
    public void freezeXcompGuestPerm() {}

    @Override
    public long eventfdError(int fd) {
        return fd >= EVENTFDS && !plain ? 0 : Errno.EBADF;
    }

    @Override
    public @Nullable Eventfd eventfd(int fd) {
        if (fd < EVENTFDS || plain) return null;
        return new Eventfd() {
            @Override
            public long id() {
                return fd;
            }

            @Override
            public void signal() {}

            @Override
            public void onSignal(Runnable then) {}

            @Override
            public void close() {}
        };
    }

    @Override
    public boolean signalEventfd(int fd) {
        return fd >= EVENTFDS;
    }

    @Override
    public Client client() {
        return this;
    }

    @Override
    public Task task() {
        return task;
    }

    @Override
    public boolean signalPending() {
        return KICKER.signal();
    }

    @Override
    public void runSignalMask(long mask, boolean set) {}

    /** Nobody else is there who could end the wait: time passes to where a timer may be due, then a signal comes. */
    @Override
    public void block(BooleanSupplier until) {
        for (int i = 0; i < 4 && !until.getAsBoolean(); i++) now += 1_000_000;
        if (!until.getAsBoolean()) KICKER.now();
    }

    @Override
    public void wake() {}
}
