package dev.worldswitch.machine;

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

    /** Changes whenever an answer of {@link #page} may have become wrong; cached translations are dropped then. */
    int generation();

    /** Begins a locked access wider than the host can do in one step; other CPUs' wait. One CPU alone needs nothing. */
    default void lockWide() {}

    /** Ends what {@link #lockWide} began. */
    default void unlockWide() {}
}
