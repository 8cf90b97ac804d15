package dev.worldswitch.kvm;

/** Constants of the client's virtual memory and descriptors that all architectures share. */
public final class Mm {
    public static final int PAGE_SHIFT = 12, PAGE_SIZE = 4096;
    /** O_CLOEXEC, which KVM gives every descriptor it makes. */
    public static final int O_RDWR_CLOEXEC = 0x80000 | 2;
    /** End of the user half of the address space (4-level paging). */
    public static final long TASK_SIZE = 0x7fff_ffff_f000L;

    private Mm() {}

    /** access_ok: the range lies in the user half. */
    public static boolean accessOk(long address, long size) {
        return size >= 0 && size <= TASK_SIZE && address >= 0 && address <= TASK_SIZE - size;
    }
}
