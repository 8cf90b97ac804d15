package dev.worldswitch.server;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * One connection of a client thread: little-endian frames of a length (of what follows it), a type, three numbers and a
 * payload, at most one descriptor with each. Used by one thread.
 */
final class Wire {
    /** Requests of the shim. */
    static final int HELLO_PROCESS = 1, HELLO_THREAD = 2, OPEN = 3, IOCTL = 4, MMAP = 5, READ = 6;

    static final int MEMORY_CHANGED = 7, SYNC = 8, ARCH_PRCTL = 9, REFUSED = 10;
    /** Alone on a connection: what the server holds. */
    static final int STATUS = 11;
    /** From the server; all but ANSWER are answered by the shim while the call is under way. */
    static final int ANSWER = 64, COPY_IN = 65, COPY_OUT = 66, ADOPT = 67, SIGNAL_MASK = 68, EVENTFD = 69;

    static final int PROVE = 70;
    /** Answers of the shim. */
    static final int REPLY = 128, SEGMENT = 129;

    static final int PROTOCOL_VERSION = 2;
    /** Longest payload in either direction. */
    static final int PAYLOAD_MAX = 64 << 10;

    /** Bytes of a frame without payload. */
    static final int HEAD = 32;

    private static final int REST = HEAD - 4, CONTROL = 24, ECONNRESET = -104;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final Native sys;
    private final int fd;
    private final MemorySegment in, out, message, control;
    private int received = -1;
    private @Nullable Mailbox mailbox;

    Wire(Native sys, int fd) {
        this.sys = sys;
        this.fd = fd;
        in = sys.allocate(HEAD + PAYLOAD_MAX);
        out = sys.allocate(HEAD + PAYLOAD_MAX);
        // struct iovec at 0, struct msghdr at 16 (asm-generic, 64-bit).
        message = sys.allocate(16 + 56);
        control = sys.allocate(CONTROL);
    }

    /** Frames without payload and descriptor may go through this from now on. */
    void use(Mailbox m) {
        mailbox = m;
    }

    int fd() {
        return fd;
    }

    int type() {
        return in.get(INT, 4);
    }

    long a() {
        return in.get(LONG, 8);
    }

    long b() {
        return in.get(LONG, 16);
    }

    long c() {
        return in.get(LONG, 24);
    }

    int payloadSize() {
        return in.get(INT, 0) - REST;
    }

    int payloadInt() {
        return payloadInt(0);
    }

    /** The int number {@code n} of the payload; 0 behind its end. */
    int payloadInt(int n) {
        return payloadSize() < 4 * n + 4 ? 0 : in.get(INT, HEAD + 4 * n);
    }

    /** The payload as a text. */
    String payloadText() {
        byte[] b = new byte[payloadSize()];
        payload(b, 0, b.length);
        return new String(b, StandardCharsets.US_ASCII);
    }

    void payload(byte[] into, int offset, int length) {
        MemorySegment.copy(in, ValueLayout.JAVA_BYTE, HEAD, into, offset, length);
    }

    /** The descriptor that came with the frame, or -1; the caller closes it. */
    int takeDescriptor() {
        int d = received;
        received = -1;
        return d;
    }

    /** Gets the client's next request. @throws as {@link #receive} */
    void receiveRequest() throws IOException {
        Mailbox m = mailbox;
        if (m == null) {
            receive();
            return;
        }
        if (m.look(in)) {
            // A frame there has no payload, whatever it says.
            in.set(INT, 0, REST);
            sys.close(takeDescriptorOrNone());
            return;
        }
        m.asleep();
        receive();
        m.awake();
    }

    /** Reads a frame from the socket. @throws EOFException at the end, @throws IOException when what came is no frame */
    void receive() throws IOException {
        sys.close(takeDescriptorOrNone());
        receiveHead();
        int length = in.get(INT, 0);
        if (length < REST || length > REST + PAYLOAD_MAX) throw new IOException("frame of " + length + " bytes");
        readFully(HEAD, length - REST);
    }

    private int takeDescriptorOrNone() {
        int d = received > 0 ? received : -1;
        received = -1;
        return d;
    }

    private void receiveHead() throws IOException {
        message.set(LONG, 0, in.address());
        message.set(LONG, 8, HEAD);
        long r = messageCall(Native.Nr.RECVMSG, CONTROL, Native.MSG_CMSG_CLOEXEC);
        if (r == 0 || r == ECONNRESET) throw new EOFException();
        if (r < 0) throw new IOException("recvmsg: errno " + -r);
        long n = message.get(LONG, 16 + 40);
        if (n >= 20 && control.get(INT, 12) == Native.SCM_RIGHTS) received = control.get(INT, 16);
        readFully((int) r, HEAD - (int) r);
    }

    private void readFully(int at, int n) throws IOException {
        while (n > 0) {
            long r = sys.call(Native.Nr.RECVFROM, fd, in.address() + at, n, 0, 0, 0);
            if (r == -Native.EINTR) continue;
            if (r == 0 || r == ECONNRESET) throw new IOException("it ended inside a frame");
            if (r < 0) throw new IOException("recv: errno " + -r);
            at += (int) r;
            n -= (int) r;
        }
    }

    private long messageCall(Native.Nr nr, int controlSize, int flags) {
        message.set(LONG, 16, 0);
        message.set(LONG, 24, 0);
        message.set(LONG, 32, message.address());
        message.set(LONG, 40, 1);
        message.set(LONG, 48, controlSize == 0 ? 0 : control.address());
        message.set(LONG, 56, controlSize);
        message.set(LONG, 64, 0);
        long r;
        do r = sys.call(nr, fd, message.address() + 16, flags);
        while (r == -Native.EINTR);
        return r;
    }

    void send(int type, long a, long b, long c) throws IOException {
        send(type, a, b, c, NOTHING, 0, 0, -1);
    }

    private static final byte[] NOTHING = {};

    /** Answers by a text. */
    void send(String text) throws IOException {
        byte[] b = text.getBytes(StandardCharsets.US_ASCII);
        send(ANSWER, 0, 0, 0, b, 0, Math.min(b.length, PAYLOAD_MAX), -1);
    }

    /** Answers a greeting by an errno, if anybody listens. */
    void refuse(int errno) {
        try {
            send(ANSWER, -errno, 0, 0);
        } catch (IOException e) {
            // Who was to be refused is gone.
        }
    }

    void send(int type, long a, long b, long c, byte[] payload, int offset, int length, int descriptor)
            throws IOException {
        out.set(INT, 0, REST + length);
        out.set(INT, 4, type);
        out.set(LONG, 8, a);
        out.set(LONG, 16, b);
        out.set(LONG, 24, c);
        Mailbox m = mailbox;
        if (m != null && type == ANSWER && length == 0 && descriptor < 0 && m.answer(out)) return;
        if (m != null) m.bySocket();
        if (length > 0) MemorySegment.copy(payload, offset, out, ValueLayout.JAVA_BYTE, HEAD, length);
        int at = 0, n = HEAD + length;
        if (descriptor >= 0) {
            control.set(LONG, 0, 20);
            control.set(INT, 8, Native.SOL_SOCKET);
            control.set(INT, 12, Native.SCM_RIGHTS);
            control.set(INT, 16, descriptor);
            message.set(LONG, 0, out.address());
            message.set(LONG, 8, n);
            long r = messageCall(Native.Nr.SENDMSG, CONTROL, Native.MSG_NOSIGNAL);
            if (r < 0) throw new EOFException("sendmsg: errno " + -r);
            at = (int) r;
        }
        while (at < n) {
            long r = sys.call(Native.Nr.SENDTO, fd, out.address() + at, n - at, Native.MSG_NOSIGNAL, 0, 0);
            if (r == -Native.EINTR) continue;
            if (r < 0) throw new EOFException("send: errno " + -r);
            at += (int) r;
        }
    }
}
