package dev.worldswitch.server;

import dev.worldswitch.kvm.Errno;

/** Dynamic XSAVE components a process may use: arch_prctl(2) ARCH_GET_XCOMP_SUPP to ARCH_REQ_XCOMP_GUEST_PERM. */
final class XcompPermissions {
    private final OrderedLock lock = new OrderedLock("XcompPermissions");
    static final int GET_SUPP = 0x1021, GET_PERM = 0x1022, REQ_PERM = 0x1023, GET_GUEST_PERM = 0x1024;
    static final int REQ_GUEST_PERM = 0x1025;
    /** Documentation/arch/x86/xstate.rst: TILE_DATA is the one component that must be asked for. */
    private static final int TILE_DATA = 18;

    private static final long DYNAMIC = 1L << TILE_DATA;

    private final long supported;
    private final int componentsKnown;
    private long host, guest;
    private boolean guestFrozen;

    /** @param componentsKnown number of the first component that the kernel has no name for (XFEATURE_MAX) */
    XcompPermissions(long supported, int componentsKnown) {
        this.supported = supported;
        this.componentsKnown = componentsKnown;
        host = guest = supported & ~DYNAMIC;
    }

    /** A child starts with its parent's permissions; what either asks for later is its own. */
    XcompPermissions forChild() {
        try (var _ = lock.hold()) {
            XcompPermissions child = new XcompPermissions(supported, componentsKnown);
            child.host = host;
            child.guest = guest;
            child.guestFrozen = guestFrozen;
            return child;
        }
    }

    long guest() {
        try (var _ = lock.hold()) {
            return guest;
        }
    }

    /** The first vCPU of the process fixes the size of guest images, for good. */
    void freezeGuest() {
        try (var _ = lock.hold()) {
            guestFrozen = true;
        }
    }

    /** Value of a GET, or null where the code asks for no value. */
    @org.jspecify.annotations.Nullable
    Long value(int code) {
        try (var _ = lock.hold()) {
            return switch (code) {
                case GET_SUPP -> supported;
                case GET_PERM -> host;
                case GET_GUEST_PERM -> guest;
                default -> null;
            };
        }
    }

    long request(int code, long component) {
        try (var _ = lock.hold()) {
            if (Long.compareUnsigned(component, componentsKnown) >= 0) return Errno.EINVAL;
            if (component != TILE_DATA || (supported & DYNAMIC) == 0) return Errno.EOPNOTSUPP;
            boolean forGuest = code == REQ_GUEST_PERM;
            if (((forGuest ? guest : host) & DYNAMIC) != 0) return 0;
            if (forGuest && guestFrozen) return Errno.EBUSY;
            if (forGuest) guest |= DYNAMIC;
            else host |= DYNAMIC;
            return 0;
        }
    }
}
