package dev.worldswitch.kvm;

/** Error numbers as ioctl answers: negative, values of uapi asm-generic/errno-base.h and errno.h. */
public final class Errno {
    public static final long EPERM = -1,
            ENOENT = -2,
            EINTR = -4,
            EIO = -5,
            ENXIO = -6,
            E2BIG = -7,
            ENOEXEC = -8,
            EBADF = -9;
    public static final long EAGAIN = -11, ENOMEM = -12, EFAULT = -14, EBUSY = -16, EEXIST = -17, ENODEV = -19;
    public static final long EACCES = -13, ESPIPE = -29;
    public static final long EINVAL = -22, EMFILE = -24, ENOTTY = -25, ENOSPC = -28, ENOSYS = -38, EOPNOTSUPP = -95;

    private Errno() {}
}
