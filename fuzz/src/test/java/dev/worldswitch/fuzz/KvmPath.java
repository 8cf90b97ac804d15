package dev.worldswitch.fuzz;

import dev.worldswitch.kvm.KvmFile.Kind;

/** A way to KVM: into it in this process, or by the system calls of a real client. Files are numbered as they are made, /dev/kvm is 0. */
public interface KvmPath {
    /** What {@link #ioctl} answers when it made a file, which has the next number then. */
    long MADE = Long.MIN_VALUE;

    /** The answer, a negative errno, or {@link #MADE}; -EBADF for a file that is closed. */
    long ioctl(int file, int command, long argument);

    /** Files so far, closed ones too. */
    int files();

    Kind kind(int file);

    void close(int file);

    /** Writes to the memory that a vCPU's file shares with its client; nothing for other files. */
    void page(int file, int at, long value);
}
