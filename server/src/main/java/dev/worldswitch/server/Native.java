package dev.worldswitch.server;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

/**
 * Linux system calls of the server, all through libc's {@code syscall}: one native handle keeps the start short. An
 * answer is 0 or more, or a negative errno. Not for two threads at once: each has its own.
 */
final class Native {
    /** A system call's number on the two architectures: asm/unistd_64.h, asm-generic/unistd.h. */
    enum Nr {
        READ(0, 63),
        WRITE(1, 64),
        CLOSE(3, 57),
        MMAP(9, 222),
        MPROTECT(10, 226),
        MUNMAP(11, 215),
        SOCKET(41, 198),
        SENDTO(44, 206),
        RECVFROM(45, 207),
        SENDMSG(46, 211),
        RECVMSG(47, 212),
        SHUTDOWN(48, 210),
        BIND(49, 200),
        LISTEN(50, 201),
        GETSOCKNAME(51, 204),
        SOCKETPAIR(53, 199),
        GETSOCKOPT(55, 209),
        GETUID(102, 174),
        KILL(62, 129),
        FCNTL(72, 25),
        FTRUNCATE(77, 46),
        FUTEX(202, 98),
        EPOLL_CTL(233, 21),
        EPOLL_PWAIT(281, 22),
        FALLOCATE(285, 47),
        ACCEPT4(288, 242),
        SCHED_SETATTR(314, 274),
        SCHED_GETATTR(315, 275),
        EPOLL_CREATE1(291, 20),
        PROCESS_VM_READV(310, 270),
        PROCESS_VM_WRITEV(311, 271),
        GETRANDOM(318, 278),
        MEMFD_CREATE(319, 279);

        private final long number;

        Nr(int x86, int arm64) {
            number = System.getProperty("os.arch").equals("aarch64") ? arm64 : x86;
        }
    }

    private static final int SCHED_OTHER = 0;
    private static final long SLICE_NS = 100_000, RESET_ON_FORK = 1;
    static final int EPERM = 1,
            EINTR = 4,
            EBADF = 9,
            EAGAIN = 11,
            EFAULT = 14,
            ESRCH = 3,
            ENOMEM = 12,
            ENFILE = 23,
            EMFILE = 24;
    static final int AF_UNIX = 1, SOCK_STREAM = 1, SOCK_CLOEXEC = 0x80000, SOL_SOCKET = 1, SCM_RIGHTS = 1;
    static final int MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000;
    static final int PROT_READ_WRITE = 3, MAP_SHARED = 1, MAP_NORESERVE = 0x4000;
    private static final int MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, F_ADD_SEALS = 1033, F_SEAL_SHRINK = 2;

    /** Calls any native function of up to seven numbers: one handle keeps the start short. */
    private static final MethodHandle CALL;

    private static final MemorySegment SYSCALL, GETCPU;
    private static final MemoryLayout CAPTURE = Linker.Option.captureStateLayout();

    private static final long ERRNO = CAPTURE.byteOffset(MemoryLayout.PathElement.groupElement("errno"));
    /** Everything: addresses of the server's own memory as one segment. */
    private static final MemorySegment ALL = all();

    static {
        CALL = link();
        SYSCALL = Linker.nativeLinker().defaultLookup().find("syscall").orElseThrow();
        GETCPU = Linker.nativeLinker().defaultLookup().find("sched_getcpu").orElseThrow();
    }

    private final MemorySegment capture = Arena.ofAuto().allocate(CAPTURE);
    private final Arena buffers;

    Native() {
        this(Arena.ofAuto());
    }

    private Native(Arena buffers) {
        this.buffers = buffers;
    }

    /** For a connection: its buffers are big, and go by {@link #free} and not when memory is looked for. */
    static Native ofConnection() {
        return new Native(Arena.ofShared());
    }

    /** The connection is over. */
    void free() {
        buffers.close();
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link() {
        ValueLayout.OfLong l = ValueLayout.JAVA_LONG;
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                FunctionDescriptor.of(l, l, l, l, l, l, l, l), Linker.Option.captureCallState("errno"));
    }

    @SuppressWarnings("restricted")
    private static MemorySegment all() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    static MemorySegment memory() {
        return ALL;
    }

    long call(Nr nr, long a, long b, long c, long d, long e, long f) {
        try {
            long r = (long) CALL.invokeExact(SYSCALL, capture, nr.number, a, b, c, d, e, f);
            return r == -1 ? -capture.get(ValueLayout.JAVA_INT, ERRNO) : r;
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** Calls a function at this address; its errno is not looked at. */
    long callFunction(MemorySegment function) {
        try {
            return (long) CALL.invokeExact(function, capture, 0L, 0L, 0L, 0L, 0L, 0L, 0L);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** The CPU of this computer that executes this, by libc, without a system call. */
    int currentCpu() {
        return (int) callFunction(GETCPU);
    }

    long call(Nr nr, long a, long b, long c) {
        return call(nr, a, b, c, 0, 0, 0);
    }

    /** This computer has no more of something for us: descriptors, memory, addresses. */
    static final class Refused extends IllegalStateException {
        private static final long serialVersionUID = 1;
        private final int errno;

        Refused(String what, long errno) {
            super(what + " failed with errno " + errno);
            this.errno = (int) errno;
        }

        int errno() {
            return errno;
        }
    }

    /** As {@link #call}, but an error is ours: says what failed. */
    long must(String what, Nr nr, long a, long b, long c, long d, long e, long f) {
        long r = call(nr, a, b, c, d, e, f);
        if (r < 0 && r > -4096) throw new Refused(what, -r);
        return r;
    }

    /**
     * Asks for short time slices for the calling thread, so that it is not behind many busy ones when it is woken (Linux
     * 6.12 and later; others ignore it). sched_setattr(2), struct sched_attr of 48 bytes.
     */
    void askForShortSlices() {
        MemorySegment attributes = allocate(48);
        attributes.set(ValueLayout.JAVA_INT, 0, 48);
        if (call(Nr.SCHED_GETATTR, 0, attributes.address(), 48) < 0) return;
        int policy = attributes.get(ValueLayout.JAVA_INT, 4);
        if (policy != SCHED_OTHER) return;
        attributes.set(ValueLayout.JAVA_LONG, 8, attributes.get(ValueLayout.JAVA_INT, 16) < 0 ? 0 : RESET_ON_FORK);
        attributes.set(ValueLayout.JAVA_LONG, 24, SLICE_NS);
        call(Nr.SCHED_SETATTR, 0, attributes.address(), 0);
    }

    void close(int fd) {
        if (fd >= 0) call(Nr.CLOSE, fd, 0, 0);
    }

    MemorySegment allocate(long bytes) {
        return buffers.allocate(bytes, 16);
    }

    /** Memory that has a descriptor and can't be made shorter by whoever gets it. */
    int memfd(String name, long size) {
        int fd;
        try (Arena a = Arena.ofConfined()) {
            long text = a.allocateFrom(name).address();
            fd = (int) must("memfd_create", Nr.MEMFD_CREATE, text, MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0, 0);
        }
        try {
            must("ftruncate", Nr.FTRUNCATE, fd, size, 0, 0, 0, 0);
            must("fcntl(F_ADD_SEALS)", Nr.FCNTL, fd, F_ADD_SEALS, F_SEAL_SHRINK, 0, 0, 0);
        } catch (Refused e) {
            close(fd);
            throw e;
        }
        return fd;
    }

    /** {@link #memfd} and where it is mapped here, or neither. */
    record Mapping(int fd, long address) {}

    Mapping mappedMemfd(String name, long size) {
        int fd = memfd(name, size);
        long address = map(fd, 0, size, PROT_READ_WRITE);
        if (address < 0 && address > -4096) {
            close(fd);
            throw new Refused("mmap", -address);
        }
        return new Mapping(fd, address);
    }

    /** Maps a descriptor shared; a negative errno when that fails. */
    long map(int fd, long offset, long size, int prot) {
        return call(Nr.MMAP, 0, size, prot, MAP_SHARED | MAP_NORESERVE, fd, offset);
    }

    void unmap(long address, long size) {
        call(Nr.MUNMAP, address, size, 0);
    }

    /** The two ends of a stream; the first has {@code name} in the abstract name space, which getsockname(2) tells. */
    int[] namedPair(String name) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment fds = a.allocate(8, 4);
            must("socketpair", Nr.SOCKETPAIR, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.address(), 0, 0);
            int[] pair = {fds.getAtIndex(ValueLayout.JAVA_INT, 0), fds.getAtIndex(ValueLayout.JAVA_INT, 1)};
            try {
                bind(a, pair[0], "\0" + name);
            } catch (Refused e) {
                close(pair[0]);
                close(pair[1]);
                throw e;
            }
            return pair;
        }
    }

    int listen(String path) {
        int fd = (int) must("socket", Nr.SOCKET, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
        if (path.length() > 107) throw new IllegalArgumentException("the run directory's path is too long: " + path);
        try (Arena a = Arena.ofConfined()) {
            bind(a, fd, path);
        }
        must("listen", Nr.LISTEN, fd, 4096, 0, 0, 0, 0);
        return fd;
    }

    private void bind(Arena a, int fd, String path) {
        byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
        MemorySegment address = a.allocate(2 + bytes.length, 2);
        address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
        MemorySegment.copy(bytes, 0, address, ValueLayout.JAVA_BYTE, 2, bytes.length);
        must("bind", Nr.BIND, fd, address.address(), address.byteSize(), 0, 0, 0);
    }

    /** The name in the abstract name space that a socket is bound to, empty when it is to none. */
    String abstractName(int fd) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment address = a.allocate(110, 8), size = a.allocate(4, 4);
            size.set(ValueLayout.JAVA_INT, 0, 110);
            if (call(Nr.GETSOCKNAME, fd, address.address(), size.address()) < 0) return "";
            int n = Math.min(size.get(ValueLayout.JAVA_INT, 0), 110);
            if (n < 4
                    || address.get(ValueLayout.JAVA_SHORT, 0) != AF_UNIX
                    || address.get(ValueLayout.JAVA_BYTE, 2) != 0) return "";
            return new String(address.asSlice(3, n - 3).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        }
    }

    /** SO_PEERCRED: the process on the other end of a connection. */
    int peerPid(int fd) {
        return peer(fd, 0);
    }

    /** The user of that process. */
    int peerUid(int fd) {
        return peer(fd, 4);
    }

    private int peer(int fd, int at) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment cred = a.allocate(12, 4), size = a.allocate(4, 4);
            size.set(ValueLayout.JAVA_INT, 0, 12);
            must("SO_PEERCRED", Nr.GETSOCKOPT, fd, SOL_SOCKET, 17, cred.address(), size.address(), 0);
            return cred.get(ValueLayout.JAVA_INT, at);
        }
    }
}
