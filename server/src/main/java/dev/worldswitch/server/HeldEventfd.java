package dev.worldswitch.server;

import dev.worldswitch.kvm.Eventfd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** A client's eventfd by a descriptor of our own. */
final class HeldEventfd implements Eventfd {
    private final OrderedLock lock = new OrderedLock("HeldEventfd");
    private static final String ID = "eventfd-id:";
    private static final ThreadLocal<Native> SYS = ThreadLocal.withInitial(Native::new);
    private static final MemorySegment ONE = Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 1);
    private final int fd;
    private final long id;
    private @Nullable Runnable then;
    private boolean closed;

    /** @param fd is ours from here on */
    HeldEventfd(int fd) {
        this.fd = fd;
        this.id = idOf(fd);
    }

    /** proc(5): fdinfo of an eventfd. */
    private static long idOf(int fd) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/fdinfo/" + fd)))
                if (line.startsWith(ID))
                    return Long.parseLong(line.substring(ID.length()).trim());
        } catch (IOException e) {
            throw new IllegalStateException("no fdinfo of an eventfd", e);
        }
        throw new IllegalStateException("the computer's kernel does not tell eventfds apart (before Linux 5.2)");
    }

    @Override
    public long id() {
        return id;
    }

    @Override
    public void signal() {
        try (var _ = lock.hold()) {
            if (closed) return;
            SYS.get().call(Native.Nr.WRITE, fd, ONE.address(), 8);
        }
    }

    @Override
    public void onSignal(Runnable what) {
        then = what;
        Loop.ALL.add(this);
    }

    /** Waits for a callback under way: what it reaches may go after this. */
    @Override
    public void close() {
        try (var _ = lock.hold()) {
            if (closed) return;
            closed = true;
            if (then != null) Loop.ALL.remove(this);
            SYS.get().close(fd);
        }
    }

    private void signalled(Native sys, MemorySegment count) {
        try (var _ = lock.hold()) {
            Runnable what = then;
            if (closed || what == null || sys.call(Native.Nr.READ, fd, count.address(), 8) != 8) return;
            try {
                what.run();
            } catch (RuntimeException | Error e) {
                System.err.println("ws: internal error in an interrupt by an eventfd: " + e);
            }
        }
    }

    /** One thread for all eventfds that somebody waits for (epoll), made with the first. */
    private static final class Loop implements Runnable {
        static final Loop ALL = new Loop();
        private static final int EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLLIN = 1;
        /** Edges only: a count that a callback found closed or taken is no reason to spin. */
        private static final int EPOLLET = 1 << 31;

        private final Map<Integer, HeldEventfd> waited = new ConcurrentHashMap<>();
        private final int epoll;

        private Loop() {
            epoll = (int) SYS.get().must("epoll_create1", Native.Nr.EPOLL_CREATE1, Native.SOCK_CLOEXEC, 0, 0, 0, 0, 0);
            Thread t = new Thread(this, "eventfds");
            t.setDaemon(true);
            t.start();
        }

        void add(HeldEventfd e) {
            waited.put(e.fd, e);
            try (Arena a = Arena.ofConfined()) {
                MemorySegment event = a.allocate(16, 8);
                event.set(ValueLayout.JAVA_INT, 0, EPOLLIN | EPOLLET);
                event.set(ValueLayout.JAVA_LONG_UNALIGNED, Watch.DATA, e.fd);
                SYS.get().must("epoll_ctl", Native.Nr.EPOLL_CTL, epoll, EPOLL_CTL_ADD, e.fd, event.address(), 0, 0);
            }
        }

        void remove(HeldEventfd e) {
            SYS.get().call(Native.Nr.EPOLL_CTL, epoll, EPOLL_CTL_DEL, e.fd, 0, 0, 0);
            waited.remove(e.fd, e);
        }

        @Override
        public void run() {
            Native sys = new Native();
            MemorySegment event = sys.allocate(16), count = sys.allocate(8);
            while (true) {
                if (sys.call(Native.Nr.EPOLL_PWAIT, epoll, event.address(), 1, -1, 0, 8) != 1) continue;
                HeldEventfd e = waited.get((int) event.get(ValueLayout.JAVA_LONG_UNALIGNED, Watch.DATA));
                if (e != null) e.signalled(sys, count);
            }
        }
    }
}
