package dev.worldswitch.kvm;

import org.jspecify.annotations.Nullable;

/**
 * The process on the other side as KVM sees it: its memory, its files, its signals. Implemented by the server for real
 * processes and by the explorer's in-process VMM. All addresses are the client's virtual addresses.
 */
public interface Client {
    /** copy_from_user: false when any byte is not readable; the buffer may then be partly filled. */
    boolean read(long address, byte[] into, int offset, int length);

    /** copy_to_user: false when any byte is not writable; part may have been written. */
    boolean write(long address, byte[] from, int offset, int length);

    /**
     * Makes a range the common memory of client and guest, contents kept.
     *
     * @return 0 or a negative errno
     */
    long adopt(long address, long size);

    /** Address in this process of the 4 KiB page of adopted memory at {@code address}, or 0 when it is not accessible. */
    long hostPage(long address, boolean write);

    /** Changes when an answer of {@link #hostPage} may have become wrong. */
    int memoryGeneration();

    /** New zeroed memory that the client can mmap from a file descriptor; null where there is no more (ENOMEM). */
    @Nullable
    SharedPages newSharedPages(int bytes);

    /** Does the host have memory for so many bytes of its own that this client makes it keep? */
    default boolean roomFor(long bytes) {
        return true;
    }

    /** New zeroed memory for guests; null where there can be none. */
    default @Nullable GuestFile newGuestFile(long bytes, boolean mappable) {
        return null;
    }

    /**
     * What {@link #newGuestFile} made and the client has under this descriptor.
     *
     * @param error its first element gets EBADF or EINVAL where the answer is null
     */
    default @Nullable GuestFile guestFile(int fd, long[] error) {
        error[0] = eventfdError(fd) == Errno.EBADF ? Errno.EBADF : Errno.EINVAL;
        return null;
    }

    /** Identity of the address space: a forked child has another, and gets EIO from its parent's VM. */
    long mm();

    /** ARCH_GET_XCOMP_GUEST_PERM of the process; and the first vCPU freezes it. */
    long xcompGuestPerm();

    void freezeXcompGuestPerm();

    /** 0 when the client's descriptor is an eventfd, else what eventfd_ctx_fdget says: EBADF or EINVAL. */
    long eventfdError(int fd);

    /** Holds the client's eventfd with this number; null when there is none that could be held. */
    default @Nullable Eventfd eventfd(int fd) {
        return null;
    }

    /** Adds 1 to the eventfd with this number in the client; false when there is no such eventfd. */
    boolean signalEventfd(int fd);
}
