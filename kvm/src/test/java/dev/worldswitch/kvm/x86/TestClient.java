package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.Eventfd;
import dev.worldswitch.kvm.GuestFile;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Profile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** A client inside the test: one stretch of memory at {@link #BASE}, everything else is unmapped. */
final class TestClient implements Client, Caller {
    static final long BASE = 0x10000;
    static final int SIZE = 1 << 20;
    private final MemorySegment memory = Arena.ofAuto().allocate(SIZE, 4096);
    private final java.util.concurrent.atomic.AtomicLong now = new java.util.concurrent.atomic.AtomicLong();
    private final Kernel kernel;
    private final Kvm kvm;
    private final Task task;
    private long mm = 1, guestPerm;

    TestClient(String machine, String kernelName) {
        this(machine, KernelVersion.of(kernelName));
    }

    TestClient(String machine, KernelVersion version) {
        X86Profile profile = X86Profile.builtIn(machine);
        X86Host host = X86Host.boot(
                Region.root("test"), version, profile, 1, Timing.plain(now::get), CpuPools.FIRST_CPU::over);
        kernel = host.kernel();
        kvm = TestHosts.kvm(host);
        task = host.newTask("task0");
        host.scheduler().start(task);
        guestPerm = profile.xsave().supported() & ~profile.xsave().xfdMask();
    }

    Kernel kernel() {
        return kernel;
    }

    Kvm kvm() {
        return kvm;
    }

    TestClient permitted(long components) {
        guestPerm |= components;
        return this;
    }

    void forked() {
        mm++;
    }

    /** Nanoseconds go by. */
    void pass(long nanoseconds) {
        now.addAndGet(nanoseconds);
    }

    /** ioctl with a plain argument. */
    long ioctl(KvmFile file, int command, long argument) {
        return file.ioctl(this, command, argument, new KvmFile.Made());
    }

    /** ioctl with a structure at {@link #BASE}; the structure afterwards is {@link #after}. */
    long ioctl(KvmFile file, int command, Bytes struct) {
        write(BASE, struct.array(), 0, struct.size());
        return ioctl(file, command, BASE);
    }

    Bytes after(int size) {
        byte[] b = new byte[size];
        read(BASE, b, 0, size);
        return new Bytes(b);
    }

    Vm newVm() {
        KvmFile.Made made = new KvmFile.Made();
        kvm.ioctl(this, 0xae01, 0, made);
        return (Vm) Objects.requireNonNull(made.file);
    }

    Vcpu newVcpu(Vm vm, int id) {
        KvmFile.Made made = new KvmFile.Made();
        vm.ioctl(this, 0xae41, id, made);
        return (Vcpu) Objects.requireNonNull(made.file);
    }

    private boolean inside(long a, int n) {
        return a >= BASE && a + n <= BASE + SIZE;
    }

    @Override
    public boolean read(long address, byte[] into, int offset, int length) {
        if (!inside(address, length)) return false;
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, address - BASE, into, offset, length);
        return true;
    }

    @Override
    public boolean write(long address, byte[] from, int offset, int length) {
        if (!inside(address, length)) return false;
        MemorySegment.copy(from, offset, memory, ValueLayout.JAVA_BYTE, address - BASE, length);
        return true;
    }

    @Override
    public long adopt(long address, long size) {
        return 0;
    }

    @Override
    public long hostPage(long address, boolean write) {
        return inside(address & -4096, 4096) ? memory.address() + (address & -4096) - BASE : 0;
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
                return switch (size) {
                    case 1 -> b.u8(at);
                    case 2 -> b.u16(at);
                    case 4 -> b.u32(at) & 0xffffffffL;
                    default -> b.u64(at);
                };
            }

            @Override
            public void set(int at, int size, long value) {
                for (int i = 0; i < size; i++) b.u8(at + i, value >>> i * 8);
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
        return mm;
    }

    @Override
    public long xcompGuestPerm() {
        return guestPerm;
    }

    @Override
    public void freezeXcompGuestPerm() {}

    /** Files of guest memory without a page in them. */
    @Override
    public GuestFile newGuestFile(long bytes, boolean mappable) {
        return new GuestFile() {
            @Override
            public long page(long offset) {
                return 0;
            }

            @Override
            public long bytes() {
                return bytes;
            }

            @Override
            public void close() {}
        };
    }

    /** One hold on an eventfd of the test; what it waits for happens at once. */
    private final class Held implements Eventfd {
        private final int fd;
        private @Nullable Runnable then;

        Held(int fd) {
            this.fd = fd;
        }

        @Override
        public long id() {
            return fd;
        }

        @Override
        public void signal() {
            signalEventfd(fd);
        }

        @Override
        public void onSignal(Runnable what) {
            then = what;
        }

        @Override
        public void close() {
            held.remove(this);
        }
    }

    /** Descriptors from here on are eventfds. */
    static final int EVENTFDS = 100;

    private final List<Held> held = new ArrayList<>();
    private final List<Integer> signals = new ArrayList<>();

    /** Numbers of the eventfds that were signalled. */
    List<Integer> signals() {
        return signals;
    }

    /** How many eventfds KVM holds. */
    int heldEventfds() {
        return held.size();
    }

    @Override
    public long eventfdError(int fd) {
        return fd >= EVENTFDS ? 0 : dev.worldswitch.kvm.Errno.EBADF;
    }

    @Override
    public Eventfd eventfd(int fd) {
        Held made = new Held(fd);
        held.add(made);
        return made;
    }

    @Override
    public boolean signalEventfd(int fd) {
        signals.add(fd);
        for (Held h : List.copyOf(held)) if (h.fd == fd && h.then != null) h.then.run();
        return eventfdError(fd) == 0;
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
        return false;
    }

    @Override
    public void runSignalMask(long mask, boolean set) {}

    @Override
    public void block(BooleanSupplier until) {}

    @Override
    public void wake() {}
}
