package dev.worldswitch.kvm;

import org.jspecify.annotations.Nullable;

/** What an open KVM file descriptor stands for. */
public interface KvmFile {
    /** Kind of descriptor: an ioctl number means different things on different kinds. */
    enum Kind {
        SYSTEM,
        VM,
        VCPU,
        DEVICE,
        STATS
    }

    Kind kind();

    /** Name in /proc/PID/fd as the kernel gives it: kvm, kvm-vm, kvm-vcpu:0, kvm-vm-stats... */
    String fileName();

    /**
     * ioctl(2): {@code command} is the full 32-bit number.
     *
     * @return the answer or a negative errno; when it made a descriptor, {@code made} has it and the answer is 0
     */
    long ioctl(Caller caller, int command, long argument, Made made);

    /** Memory behind mmap(2) of this descriptor, null where mmap is not possible (ENODEV). */
    default @Nullable SharedPages pages() {
        return null;
    }

    /** The file that the client gets a descriptor of, where it is one by itself. */
    default @Nullable GuestFile guestFile() {
        return null;
    }

    /** What mmap(2) shows at an offset: {@code bytes} from {@code at} on in {@code pages}. */
    record Mapped(SharedPages pages, long at, long bytes) {}

    /** What is at this offset of the mapping, null where mmap is not possible. */
    default @Nullable Mapped mapped(long offset) {
        SharedPages all = pages();
        return all == null ? null : new Mapped(all, offset, Long.MAX_VALUE);
    }

    /** 0, or why mmap(2) refuses this part of it. */
    default long refusesMapping(long offset, long size, boolean executable, boolean shared) {
        return 0;
    }

    /** read(2) and pread(2), for statistics; a negative errno where reading is not possible. */
    default long read(byte[] into, long offset) {
        return Errno.EINVAL;
    }

    /** The client had no free descriptor for it: {@link #release} comes too, and nothing of it may be left. */
    default void refused() {}

    /** A call on it ended by an error of ours: its VM can't be trusted any more, and answers EIO from now on. */
    default void brokeDown() {}

    /** The last descriptor to it is closed. */
    void release();

    /** Takes the file that an ioctl made. */
    final class Made {
        public @Nullable KvmFile file;
        /** Flags of the new descriptor, as O_CLOEXEC. */
        public int flags;
        /** Where in the argument's structure the descriptor's number goes, with 0 as the answer; -1 when it is the answer. */
        public int storeAt = -1;
    }
}
