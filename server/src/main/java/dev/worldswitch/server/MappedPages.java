package dev.worldswitch.server;

import dev.worldswitch.kvm.SharedPages;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/** Zeroed memory with a descriptor that a client maps too, as the kvm_run page. */
final class MappedPages implements SharedPages {
    private final OrderedLock lock = new OrderedLock("MappedPages");
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle(), LONG = ValueLayout.JAVA_LONG.varHandle();
    private static final VarHandle SHORT = ValueLayout.JAVA_SHORT.varHandle(), BYTE = ValueLayout.JAVA_BYTE.varHandle();

    private final Native sys = new Native();
    private final int bytes, fd;
    private final long address;
    private boolean closed;

    /** @throws Native.Refused when there is no descriptor or no room for it */
    MappedPages(String name, int bytes) {
        this.bytes = bytes;
        Native.Mapping made = sys.mappedMemfd(name, bytes);
        fd = made.fd();
        address = made.address();
    }

    int descriptor() {
        return fd;
    }

    long address() {
        return address;
    }

    private long check(int at, int size) {
        if (at < 0 || at + size > bytes || closed) throw new IndexOutOfBoundsException(at);
        return address + at;
    }

    /** Opaque where aligned: the client changes these bytes at any time (immediate_exit), so a loop must look again. */
    @Override
    public long get(int at, int size) {
        long p = check(at, size);
        if ((at & size - 1) != 0) {
            long v = 0;
            for (int i = 0; i < size; i++) v |= ((byte) BYTE.getOpaque(Native.memory(), p + i) & 0xffL) << 8 * i;
            return v;
        }
        return switch (size) {
            case 1 -> (byte) BYTE.getOpaque(Native.memory(), p) & 0xffL;
            case 2 -> (short) SHORT.getOpaque(Native.memory(), p) & 0xffffL;
            case 4 -> (int) INT.getOpaque(Native.memory(), p) & 0xffffffffL;
            case 8 -> (long) LONG.getOpaque(Native.memory(), p);
            default -> throw new IllegalArgumentException("size " + size);
        };
    }

    @Override
    public void set(int at, int size, long value) {
        long p = check(at, size);
        if ((at & size - 1) != 0) {
            for (int i = 0; i < size; i++) BYTE.setOpaque(Native.memory(), p + i, (byte) (value >>> 8 * i));
            return;
        }
        switch (size) {
            case 1 -> BYTE.setOpaque(Native.memory(), p, (byte) value);
            case 2 -> SHORT.setOpaque(Native.memory(), p, (short) value);
            case 4 -> INT.setOpaque(Native.memory(), p, (int) value);
            case 8 -> LONG.setOpaque(Native.memory(), p, value);
            default -> throw new IllegalArgumentException("size " + size);
        }
    }

    @Override
    public int bytes() {
        return bytes;
    }

    /** The server's side only: a client's mapping stays until it unmaps. */
    @Override
    public void close() {
        try (var _ = lock.hold()) {
            if (closed) return;
            closed = true;
            sys.unmap(address, bytes);
            sys.close(fd);
        }
    }
}
