package dev.worldswitch.explore;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Memory of the in-process VMM: one range of addresses, native because guest code uses it in place. */
final class VmmMemory {
    static final long BASE = 0x7000_0000_0000L;
    private final MemorySegment segment;
    private int used;

    VmmMemory(int size) {
        segment = Arena.ofAuto().allocate(size, 4096);
    }

    /** A zeroed range, aligned to pages; its virtual address. */
    long allocate(int bytes) {
        long at = BASE + used;
        used += bytes + 4095 & -4096;
        if (used > segment.byteSize()) throw new IllegalStateException("the VMM's memory is full");
        return at;
    }

    boolean holds(long address, long length) {
        return address >= BASE && length >= 0 && address - BASE <= used - length;
    }

    long hostAddress(long address) {
        return segment.address() + (address - BASE);
    }

    void read(long address, byte[] into, int offset, int length) {
        MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, address - BASE, into, offset, length);
    }

    void write(long address, byte[] from, int offset, int length) {
        MemorySegment.copy(from, offset, segment, ValueLayout.JAVA_BYTE, address - BASE, length);
    }

    long get(long address, int size) {
        long v = 0;
        for (int i = size - 1; i >= 0; i--) v = v << 8 | segment.get(ValueLayout.JAVA_BYTE, address - BASE + i) & 0xff;
        return v;
    }

    void set(long address, int size, long value) {
        for (int i = 0; i < size; i++) segment.set(ValueLayout.JAVA_BYTE, address - BASE + i, (byte) (value >>> 8 * i));
    }

    byte[] save() {
        byte[] b = new byte[used];
        read(BASE, b, 0, used);
        return b;
    }

    void load(byte[] b) {
        write(BASE, b, 0, b.length);
    }
}
