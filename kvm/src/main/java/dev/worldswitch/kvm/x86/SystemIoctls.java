package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Mm;

/** Ioctls of /dev/kvm itself, except those about CPUID and MSRs. */
final class SystemIoctls {
    private SystemIoctls() {}

    static void rows(Rows t) {
        t.system("KVM_GET_API_VERSION", io(0x00), 0, "api.rst 4.1", (k, c) -> c.argument() != 0 ? Errno.EINVAL : 12);
        t.system("KVM_CREATE_VM", io(0x01), 0, "api.rst 4.2", SystemIoctls::createVm);
        t.system(
                "KVM_GET_VCPU_MMAP_SIZE",
                io(0x04),
                0,
                "api.rst 4.5",
                (k, c) -> c.argument() != 0 ? Errno.EINVAL : KvmX86Abi.VCPU_MMAP_SIZE);
    }

    private static long createVm(Kvm kvm, Call call) {
        // An out-of-range type is refused before anything is allocated; only KVM_X86_DEFAULT_VM exists here.
        if (call.argument() != 0) return Errno.EINVAL;
        return call.open(new Vm(kvm, call.client()), Mm.O_RDWR_CLOEXEC);
    }
}
