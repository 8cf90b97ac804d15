package dev.worldswitch.explore;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** Memory of the in-process VMMs, of all architectures: one range of addresses, native because guest code uses it in place. */
public final class VmmMemory {
    public static final long BASE = 0x7000_0000_0000L;
    private static final int BLOCK = 256, PAGE = 4096;
    private final MemorySegment segment;
    private final BitSet writable = new BitSet();
    private int used, generation;

    @Nullable
    World world;

    @Nullable
    Session session;

    public VmmMemory(int size) {
        segment = Arena.ofAuto().allocate(size, PAGE);
    }

    /** A zeroed range, aligned to pages; its virtual address. */
    public long allocate(int bytes) {
        long at = BASE + used;
        used += bytes + PAGE - 1 & -PAGE;
        if (used > segment.byteSize()) throw new IllegalStateException("the VMM's memory is full");
        return at;
    }

    int used() {
        return used;
    }

    public boolean holds(long address, long length) {
        return address >= BASE && length >= 0 && address - BASE <= used - length;
    }

    /** Where guest code finds a page; one that it may write counts as written by every guest step from here on. */
    long hostAddress(long address, boolean write) {
        if (write) writable.set((int) ((address - BASE) / PAGE));
        return segment.address() + (address - BASE);
    }

    /** A range of pages. */
    interface Pages {
        void at(long offset, int bytes);
    }

    void writablePages(Pages visit) {
        for (int p = writable.nextSetBit(0); p >= 0; p = writable.nextSetBit(p + 1)) visit.at((long) p * PAGE, PAGE);
    }

    void markWritable() {
        World w = world;
        if (w != null) writablePages(w::markMemory);
    }

    /** Another state was put in: translations are asked for again. */
    void restored() {
        writable.clear();
        generation++;
    }

    int generation() {
        return generation;
    }

    public void read(long address, byte[] into, int offset, int length) {
        Runnable read = () -> MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, address - BASE, into, offset, length);
        if (world == null) read.run();
        else world.bytes(address - BASE, into, offset, length, read);
    }

    public void write(long address, byte[] from, int offset, int length) {
        if (world != null && !world.mayWriteMemory(address - BASE, length)) return;
        if (world != null && world.tapes.recording())
            world.tapes.writeBytes(address - BASE, Arrays.copyOfRange(from, offset, offset + length));
        MemorySegment.copy(from, offset, segment, ValueLayout.JAVA_BYTE, address - BASE, length);
    }

    public long get(long address, int size) {
        long at = address - BASE;
        return world == null ? raw(at, size) : world.value(at, size, () -> raw(at, size));
    }

    /** The value without the context's log knowing. */
    public long peek(long address, int size) {
        long v = raw(address - BASE, size);
        if (world != null) world.peeked(address - BASE, size, v);
        return v;
    }

    long raw(long at, int size) {
        long v = 0;
        for (int i = size - 1; i >= 0; i--) v = v << 8 | segment.get(ValueLayout.JAVA_BYTE, at + i) & 0xff;
        return v;
    }

    byte[] rawBytes(long at, int size) {
        byte[] b = new byte[size];
        MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, at, b, 0, size);
        return b;
    }

    void rawSet(long at, byte[] b) {
        MemorySegment.copy(b, 0, segment, ValueLayout.JAVA_BYTE, at, b.length);
    }

    public void set(long address, int size, long value) {
        if (world != null && !world.mayWriteMemory(address - BASE, size)) return;
        if (world != null && world.tapes.recording()) world.tapes.writeMemory(address - BASE, size, value);
        for (int i = 0; i < size; i++) segment.set(ValueLayout.JAVA_BYTE, address - BASE + i, (byte) (value >>> 8 * i));
    }

    byte[] copy() {
        byte[] b = new byte[used];
        MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, 0, b, 0, used);
        return b;
    }

    // ---- blocks of state

    void words(int block, long[] into) {
        MemorySegment.copy(segment, ValueLayout.JAVA_LONG, (long) block * BLOCK, into, 0, into.length);
    }

    boolean same(int block, long[] with) {
        long at = (long) block * BLOCK;
        for (int i = 0; i < with.length; i++)
            if (segment.get(ValueLayout.JAVA_LONG, at + 8L * i) != with[i]) return false;
        return true;
    }

    void setWords(int block, long[] from) {
        MemorySegment.copy(from, 0, segment, ValueLayout.JAVA_LONG, (long) block * BLOCK, from.length);
    }
}
