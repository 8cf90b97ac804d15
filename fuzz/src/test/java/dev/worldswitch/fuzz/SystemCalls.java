package dev.worldswitch.fuzz;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/** KVM as a real program uses it, by the C library: under {@code ws run} ours, without it the computer's own. */
public final class SystemCalls implements KvmPath {
    private static final int O_RDWR_CLOEXEC = 0x80002, PROT_READ_WRITE = 3, MAP_SHARED = 1, RUN_PAGE = 4096;
    private static final int CREATE_VM = IoctlTable.io(1),
            CREATE_VCPU = IoctlTable.io(0x41),
            STATS = IoctlTable.io(0xce);
    private static final int GUEST_MEMFD = IoctlTable.iowr(0xd4, 64),
            CREATE_DEVICE = IoctlTable.iowr(0xe0, 12),
            TEST = 1;
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MemoryLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final long ERRNO = CAPTURE.byteOffset(MemoryLayout.PathElement.groupElement("errno"));
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private final MemorySegment capture = Arena.global().allocate(CAPTURE);
    private final MethodHandle open = function("open", 2, FunctionDescriptor.of(INT, LONG, INT));
    private final MethodHandle ioctl = function("ioctl", 2, FunctionDescriptor.of(INT, INT, LONG, LONG));
    private final MethodHandle close = function("close", -1, FunctionDescriptor.of(INT, INT));
    private final MethodHandle mmap =
            function("mmap", -1, FunctionDescriptor.of(LONG, LONG, LONG, INT, INT, INT, LONG));
    private final List<Integer> descriptors = new ArrayList<>();
    private final List<Kind> kinds = new ArrayList<>();
    private final List<Long> pages = new ArrayList<>();

    /** As a program of its own finds it: a preloaded library comes before the C library, where Java's lookup goes at once. */
    @SuppressWarnings("restricted")
    private static MemorySegment global(String name) {
        MethodHandle dlsym = LINKER.downcallHandle(
                LINKER.defaultLookup().findOrThrow("dlsym"), FunctionDescriptor.of(LONG, LONG, LONG));
        try (Arena a = Arena.ofConfined()) {
            return MemorySegment.ofAddress(
                    (long) dlsym.invokeExact(0L, a.allocateFrom(name).address()));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    /** Is this the computer's own KVM? Then only whoever asks for it by WS_REAL_KVM=1 gets it. */
    private static boolean isReal() {
        return global("ioctl").equals(LINKER.defaultLookup().findOrThrow("ioctl"));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, int fixed, FunctionDescriptor type) {
        MemorySegment at = global(name);
        Linker.Option errno = Linker.Option.captureCallState("errno");
        return fixed < 0
                ? LINKER.downcallHandle(at, type, errno)
                : LINKER.downcallHandle(at, type, errno, Linker.Option.firstVariadicArg(fixed));
    }

    public SystemCalls() {
        if (isReal() && !"1".equals(System.getenv("WS_REAL_KVM")))
            throw new IllegalStateException("not under ws run; WS_REAL_KVM=1 allows the computer's own /dev/kvm");
        try (Arena a = Arena.ofConfined()) {
            int fd = (int) open.invokeExact(capture, a.allocateFrom("/dev/kvm").address(), O_RDWR_CLOEXEC);
            if (fd < 0) throw new IllegalStateException("there is no /dev/kvm: errno " + errno());
            add(fd, Kind.SYSTEM);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    private int errno() {
        return capture.get(INT, ERRNO);
    }

    private void add(int fd, Kind kind) {
        descriptors.add(fd);
        kinds.add(kind);
        pages.add(0L);
    }

    private long raw(int fd, int command, long argument) {
        try {
            int r = (int) ioctl.invokeExact(capture, fd, command & 0xffffffffL, argument);
            return r == -1 ? -errno() : r;
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    @Override
    public long ioctl(int file, int command, long argument) {
        int fd = descriptors.get(file);
        if (fd < 0) return Errno.EBADF;
        long r = raw(fd, command, argument);
        if (r < 0) return r;
        Kind kind = kinds.get(file);
        if (kind == Kind.SYSTEM && command == CREATE_VM) add((int) r, Kind.VM);
        else if (kind == Kind.VM && command == CREATE_VCPU) add((int) r, Kind.VCPU);
        else if (command == STATS) add((int) r, Kind.STATS);
        else if (kind == Kind.VM && command == GUEST_MEMFD) add((int) r, Kind.STATS);
        else if (kind == Kind.VM && command == CREATE_DEVICE) {
            GuardedMemory m = GuardedMemory.get();
            if ((m.get(argument + 8, 4) & TEST) != 0) return r;
            add((int) m.get(argument + 4, 4), Kind.DEVICE);
            m.put(argument + 4, 4, files() - 1);
            return r;
        } else return r;
        return MADE;
    }

    @Override
    public int files() {
        return descriptors.size();
    }

    @Override
    public Kind kind(int file) {
        return kinds.get(file);
    }

    @Override
    public void close(int file) {
        int fd = descriptors.get(file);
        if (fd < 0 || file == 0) return;
        descriptors.set(file, -1);
        try {
            int ignored = (int) close.invokeExact(capture, fd);
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    /** Closes all but /dev/kvm, the newest first. */
    public void closeAll() {
        for (int i = files() - 1; i > 0; i--) {
            close(i);
            descriptors.removeLast();
            kinds.removeLast();
            pages.removeLast();
        }
    }

    @Override
    public void page(int file, int at, long value) {
        if (kinds.get(file) != Kind.VCPU || descriptors.get(file) < 0 || at < 0 || at + 8 > RUN_PAGE) return;
        try {
            if (pages.get(file) == 0) {
                long made = (long) mmap.invokeExact(
                        capture, 0L, (long) RUN_PAGE, PROT_READ_WRITE, MAP_SHARED, (int) descriptors.get(file), 0L);
                if (made == -1) throw new IllegalStateException("mmap of a vCPU: errno " + errno());
                pages.set(file, made);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
        put(pages.get(file) + at, value);
    }

    @SuppressWarnings("restricted")
    private static void put(long address, long value) {
        MemorySegment.ofAddress(address).reinterpret(8).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value);
    }
}
