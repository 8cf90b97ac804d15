package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Mm;

/** Ioctls of /dev/kvm itself, except those about CPUID and MSRs. */
final class SystemIoctls {
    private SystemIoctls() {}

    static void rows(Rows t) {
        attributeRows(t);
        t.system("KVM_GET_API_VERSION", io(0x00), 0, "api.rst 4.1", (k, c) -> c.argument() != 0 ? Errno.EINVAL : 12);
        t.system("KVM_CREATE_VM", io(0x01), 0, "api.rst 4.2", SystemIoctls::createVm);
        t.system(
                "KVM_GET_VCPU_MMAP_SIZE",
                io(0x04),
                0,
                "api.rst 4.5",
                (k, c) -> c.argument() != 0 ? Errno.EINVAL : KvmX86Abi.VCPU_MMAP_SIZE);
    }

    static void attributeRows(Rows t) {
        t.system("KVM_HAS_DEVICE_ATTR", iow(0xe3, 24), 209, "api.rst 4.80", (k, c) -> attr(k, c, false));
        t.system("KVM_GET_DEVICE_ATTR", iow(0xe2, 24), 209, "api.rst 4.79", (k, c) -> attr(k, c, true));
    }

    /** Group 0: KVM_X86_XCOMP_GUEST_SUPP; group 1: what SEV offers to guests, which is nothing. */
    private static long attr(Kvm k, Call call, boolean get) {
        Bytes b = call.in(24);
        if (b == null) return Errno.EFAULT;
        int known = b.u32(4) == 0 ? 1 : b.u32(4) == 1 && k.config("sev") ? sevAttributes(k) : 0;
        if (Long.compareUnsigned(b.u64(8), known) >= 0) return Errno.ENXIO;
        if (!get) return 0;
        long odd = VcpuIoctls.errorPointer(k, b.u64(16));
        if (odd != 0) return odd;
        long value = b.u32(4) == 0 ? k.caps().supportedXcr0() : 0;
        return call.out(b.u64(16), new Bytes(8).u64(0, value));
    }

    /** KVM_X86_SEV_VMSA_FEATURES, and in the newest release SNP's policy bits and certificate requests. */
    private static int sevAttributes(Kvm k) {
        if (!k.kernel().has(Patch.SEV_VMSA_FEATURES)) return 0;
        return k.kernel().has(Patch.X86_SNP_ATTRIBUTES) ? 3 : 1;
    }

    private static long createVm(Kvm kvm, Call call) {
        // A type that there is not is refused before anything is allocated.
        long type = call.argument();
        if (type < 0 || type >= 64 || (kvm.capabilities().vmTypes() >>> type & 1) == 0) return Errno.EINVAL;
        return call.open(new Vm(kvm, call.client(), type), Mm.O_RDWR_CLOEXEC);
    }
}
