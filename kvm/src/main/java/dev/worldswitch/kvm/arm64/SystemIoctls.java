package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Mm;

/** Ioctls of /dev/kvm itself. */
final class SystemIoctls {
    private static final int DEFAULT_IPA_BITS = 40, MIN_IPA_BITS = 32;

    private SystemIoctls() {}

    static void rows(Rows t) {
        t.system("KVM_GET_API_VERSION", io(0x00), 0, "api.rst 4.1", (k, c) -> c.argument() != 0 ? Errno.EINVAL : 12);
        t.system("KVM_CREATE_VM", io(0x01), 0, "api.rst 4.2", SystemIoctls::createVm);
        t.system(
                "KVM_GET_VCPU_MMAP_SIZE",
                io(0x04),
                0,
                "api.rst 4.5",
                (k, c) -> c.argument() != 0 ? Errno.EINVAL : vcpuMmapSize(k));
    }

    /** One page of kvm_run and one of the coalesced ring. */
    static int vcpuMmapSize(Kvm kvm) {
        return 2 << kvm.host().pageShift();
    }

    /** The type is the width of guest-physical addresses: 0 for 40, else 32 up to what the host has. */
    private static long createVm(Kvm kvm, Call call) {
        long type = call.argument();
        int limit = kvm.host().ipaLimit();
        if ((type & ~0xffL) != 0) return Errno.EINVAL;
        if (type != 0 && (type < MIN_IPA_BITS || type > limit)) return Errno.EINVAL;
        int bits = type == 0 ? Math.min(DEFAULT_IPA_BITS, limit) : (int) type;
        if (type == 0 && limit < DEFAULT_IPA_BITS) return Errno.EINVAL;
        return call.open(new Vm(kvm, call.client(), bits), Mm.O_RDWR_CLOEXEC);
    }
}
