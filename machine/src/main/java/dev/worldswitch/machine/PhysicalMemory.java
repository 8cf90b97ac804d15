package dev.worldswitch.machine;

import dev.worldswitch.machine.translate.TlbMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Guest-physical memory as the CPU's second-stage translation sees it. Pages are 4 KiB. */
public interface PhysicalMemory {
    /** No memory here: the access is memory-mapped I/O (also: a write to a read-only page). */
    long MMIO = 0;
    /** There is a slot, but the client's memory behind it can't be accessed so: KVM_RUN answers EFAULT. */
    long FAULT = -1;

    /**
     * Host address of the page holding {@code gpa}, or {@link #MMIO} or {@link #FAULT}. With {@code write} the page is
     * marked dirty where a dirty log is kept.
     */
    long page(long gpa, boolean write);

    /** As {@link #page} for reading, for a walk of paging structures that the second stage takes for a write. */
    default long tablePage(long gpa) {
        return page(gpa, false);
    }

    /** Changes whenever an answer of {@link #page} may have become wrong; cached translations are dropped then. */
    int generation();

    /** Begins a locked access wider than the host can do in one step; other CPUs' wait. One CPU alone needs nothing. */
    default void lockWide() {}

    /** Ends what {@link #lockWide} began. */
    default void unlockWide() {}

    /** Reads {@code n} bytes of one page for a debugger; false where no memory is. */
    default boolean peek(long gpa, byte[] into, int at, int n) {
        long host = page(gpa & TlbMemory.PAGE, false);
        if (host == MMIO || host == FAULT) return false;
        MemorySegment.copy(TlbMemory.HOST, ValueLayout.JAVA_BYTE, host + (gpa & ~TlbMemory.PAGE), into, at, n);
        return true;
    }

    /** Writes as {@link #peek} reads. */
    default boolean poke(long gpa, byte[] from, int at, int n) {
        long host = page(gpa & TlbMemory.PAGE, true);
        if (host == MMIO || host == FAULT) return false;
        MemorySegment.copy(from, at, TlbMemory.HOST, ValueLayout.JAVA_BYTE, host + (gpa & ~TlbMemory.PAGE), n);
        return true;
    }
}
