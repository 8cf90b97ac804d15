package dev.worldswitch.server;

import dev.worldswitch.kvm.GuestFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A guest_memfd: a file in memory whose descriptor the client gets. Its name tells the shim that read, write and, unless it is
 * mappable, mmap are not possible; and it tells the server which file a descriptor is.
 */
final class GuestMemoryFile implements GuestFile {
    private final OrderedLock lock = new OrderedLock("GuestMemoryFile");
    private static final AtomicLong NUMBERS = new AtomicLong();
    private static final Pattern NAME = Pattern.compile("/memfd:\\[kvm-gmem(?:-mmap)?]:(\\d+).*");

    private final Native sys = new Native();
    private final long number = NUMBERS.incrementAndGet(), bytes, address;
    private final int fd;
    private final Consumer<GuestMemoryFile> whenClosed;
    private boolean closed;

    /** @throws Native.Refused when there is no descriptor or no room for it */
    GuestMemoryFile(long bytes, boolean mappable, Consumer<GuestMemoryFile> whenClosed) {
        this.bytes = bytes;
        this.whenClosed = whenClosed;
        Native.Mapping made = sys.mappedMemfd("[kvm-gmem" + (mappable ? "-mmap" : "") + "]:" + number, bytes);
        fd = made.fd();
        address = made.address();
    }

    /** The number in a descriptor's name, null when it is of another kind. */
    static @Nullable Long numberOf(int fd) {
        try {
            Matcher m = NAME.matcher(
                    Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString());
            return m.matches() ? Long.valueOf(m.group(1)) : null;
        } catch (IOException e) {
            return null;
        }
    }

    long number() {
        return number;
    }

    int descriptor() {
        return fd;
    }

    @Override
    public long page(long offset) {
        return offset < 0 || offset >= bytes ? 0 : address + offset;
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public void close() {
        try (var _ = lock.hold()) {
            if (closed) return;
            closed = true;
            whenClosed.accept(this);
            sys.unmap(address, bytes);
            sys.close(fd);
        }
    }
}
