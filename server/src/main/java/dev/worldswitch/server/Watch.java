package dev.worldswitch.server;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.LongConsumer;

/** Tells when the other end of a socket is closed, or has sent something (epoll). */
final class Watch {
    private final OrderedLock lock = new OrderedLock("Watch");
    private static final int EPOLL_CTL_ADD = 1, EPOLLIN = 1, EPOLLRDHUP = 0x2000;
    /** struct epoll_event is packed on x86-64 only. */
    static final int DATA = System.getProperty("os.arch").equals("aarch64") ? 8 : 4;

    private static final int EVENT = DATA + 8, BATCH = 64;
    private final Native sys = new Native(), waiting = new Native();
    private final int epoll;
    private final MemorySegment one = sys.allocate(16),
            batch = sys.allocate(BATCH * EVENT),
            wakeup = waiting.allocate(16);
    private final LongConsumer closed;

    /** @param closed gets the number given to {@link #add}; it must read the input or close the watched descriptor */
    Watch(LongConsumer closed) {
        this.closed = closed;
        epoll = (int) sys.must("epoll_create1", Native.Nr.EPOLL_CREATE1, Native.SOCK_CLOEXEC, 0, 0, 0, 0, 0);
    }

    void add(int fd, long number, boolean input) {
        try (var _ = lock.hold()) {
            one.set(ValueLayout.JAVA_INT, 0, input ? EPOLLRDHUP | EPOLLIN : EPOLLRDHUP);
            one.set(ValueLayout.JAVA_LONG_UNALIGNED, DATA, number);
            sys.must("epoll_ctl", Native.Nr.EPOLL_CTL, epoll, EPOLL_CTL_ADD, fd, one.address(), 0, 0);
        }
    }

    /** Handles all ends that are closed by now, before it returns. */
    void handleClosed() {
        try (var _ = lock.hold()) {
            long n;
            do {
                n = sys.call(Native.Nr.EPOLL_PWAIT, epoll, batch.address(), BATCH, 0, 0, 8);
                for (int i = 0; i < n; i++) handle(batch.get(ValueLayout.JAVA_LONG_UNALIGNED, (long) i * EVENT + DATA));
            } while (n == BATCH);
        }
    }

    // Whatever breaks down in the end of one file must not keep the others from ending.
    private void handle(long number) {
        try {
            closed.accept(number);
        } catch (RuntimeException | Error e) {
            System.err.println("ws: internal error when a descriptor was closed: " + e);
        }
    }

    /** Waits for ends to close, for ever. */
    void loop() {
        while (true) {
            waiting.call(Native.Nr.EPOLL_PWAIT, epoll, wakeup.address(), 1, -1, 0, 8);
            handleClosed();
        }
    }
}
