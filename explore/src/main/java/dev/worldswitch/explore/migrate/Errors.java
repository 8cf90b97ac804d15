package dev.worldswitch.explore.migrate;

import java.util.Map;

/** Names of the errnos that KVM's state ioctls answer (uapi asm-generic/errno-base.h, errno.h). */
final class Errors {
    private static final Map<Long, String> NAMES = Map.of(
            1L, "EPERM", 2L, "ENOENT", 5L, "EIO", 6L, "ENXIO", 7L, "E2BIG", 14L, "EFAULT", 16L, "EBUSY", 22L, "EINVAL",
            25L, "ENOTTY", 8L, "ENOEXEC");

    private Errors() {}

    static String name(long r) {
        return NAMES.getOrDefault(-r, "errno " + -r);
    }
}
