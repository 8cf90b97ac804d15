package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;

/** vCPU ioctls that fit nowhere else: TSC, signal mask, machine checks, ONE_REG, device attributes. */
final class VcpuIoctls {
    static final int SET_ONE_REG = iow(0xac, 16);
    private static final long ONE_REG_MSR = 0x2030_0002_0000_0000L;

    private VcpuIoctls() {}

    static void rows(Rows t) {
        t.vcpu(
                "KVM_GET_TSC_KHZ",
                io(0xa3),
                61,
                "api.rst 4.56",
                (v, c) -> v.tscKhz().get());
        t.vcpu("KVM_SET_TSC_KHZ", io(0xa2), 60, "api.rst 4.55", VcpuIoctls::setTscKhz);
        t.vcpu("KVM_KVMCLOCK_CTRL", io(0xad), 76, "api.rst 4.69", (v, c) -> KvmClock.ctrl(v));
        t.vcpu("KVM_TPR_ACCESS_REPORTING", iowr(0x92, 40), 6, "vapic", (v, c) -> {
            Bytes b = c.in(40);
            if (b == null) return Errno.EFAULT;
            return b.u32(4) != 0 ? Errno.EINVAL : c.out(b);
        });
        t.vcpu("KVM_SET_VAPIC_ADDR", iow(0x93, 8), 6, "api.rst 4.61", VcpuIoctls::setVapicAddr);
        t.vcpu("KVM_PRE_FAULT_MEMORY", iowr(0xd5, 64), 236, "api.rst 4.143", VcpuIoctls::preFault);
        t.system(
                "KVM_X86_GET_MCE_CAP_SUPPORTED",
                ior(0x9d, 8),
                31,
                "api.rst 4.104",
                (k, c) -> c.out(new Bytes(8).u64(0, k.profile().isAmd() ? 0x1000100 : 0x9000100)));
        t.vcpu("KVM_X86_SETUP_MCE", iow(0x9c, 8), 31, "api.rst 4.105", VcpuIoctls::setupMce);
        t.vcpu("KVM_X86_SET_MCE", iow(0x9e, 64), 31, "api.rst 4.106", VcpuIoctls::setMce);
        t.vcpu("KVM_GET_ONE_REG", iow(0xab, 16), 70, "api.rst 4.69", (v, c) -> oneReg(v, c, false));
        t.vcpu("KVM_SET_ONE_REG", SET_ONE_REG, 70, "api.rst 4.68", (v, c) -> oneReg(v, c, true));
        t.vcpu("KVM_GET_REG_LIST", iowr(0xb0, 8), 70, "api.rst 4.84", (v, c) -> {
            if (!v.vm().kvm().kernel().has(Patch.X86_ONE_REG)) return Errno.EINVAL;
            Bytes b = c.in(8);
            return b == null ? Errno.EFAULT : c.out(b.u64(0, 0));
        });
        t.vcpu("KVM_HAS_DEVICE_ATTR", iow(0xe3, 24), 128, "vcpu.rst 4", (v, c) -> attr(v, c, 'h'));
        t.vcpu("KVM_GET_DEVICE_ATTR", iow(0xe2, 24), 128, "vcpu.rst 4", (v, c) -> attr(v, c, 'g'));
        t.vcpu("KVM_SET_DEVICE_ATTR", iow(0xe1, 24), 128, "vcpu.rst 4", (v, c) -> attr(v, c, 's'));
        t.vcpu("KVM_TRANSLATE", iowr(0x85, 24), 0, "api.rst 4.15", (v, c) -> {
            Bytes b = c.in(24);
            if (b == null) return Errno.EFAULT;
            long gpa = PageWalk.translate(v, b.u64(0));
            return c.out(b.u64(8, gpa).u8(16, gpa == -1 ? 0 : 1).u8(17, 1).u8(18, 0));
        });
    }

    private static long setVapicAddr(Vcpu v, Call call) {
        if (!v.vm().lapicInKernel()) return Errno.EINVAL;
        Bytes b = call.in(8);
        if (b == null) return Errno.EFAULT;
        var slots = v.vm().memory().slots(0).get();
        long at = b.u64(0);
        return at == 0 || slots.at(at) != null && slots.at(at + 3) != null ? 0 : Errno.EINVAL;
    }

    /** Memory here needs no faulting in: what is in a slot is there. The part done is told in the structure. */
    private static long preFault(Vcpu v, Call call) {
        if (!v.vm().kvm().config("pre_fault") || !v.vm().kvm().kernel().has(Patch.X86_PRE_FAULT_MEMORY))
            return Errno.EINVAL;
        Bytes b = call.in(64);
        if (b == null) return Errno.EFAULT;
        long gpa = b.u64(0), size = b.u64(8), r = 0;
        if (b.u64(16) != 0 || ((gpa | size) & 4095) != 0 || Long.compareUnsigned(gpa + size, gpa) <= 0)
            r = Errno.EINVAL;
        else {
            var slots = v.vm().memory().slots(0).get();
            while (size > 0 && slots.at(gpa) != null) {
                gpa += 4096;
                size -= 4096;
            }
            if (size == b.u64(8)) r = Errno.ENOENT;
        }
        return call.out(b.u64(0, gpa).u64(8, size)) != 0 ? Errno.EFAULT : r;
    }

    private static long setTscKhz(Vcpu v, Call call) {
        long khz = call.argument() & 0xffffffffL;
        Kvm kvm = v.vm().kvm();
        if (TscSync.tooFast(kvm, khz)) return Errno.EINVAL;
        return TscSync.setKhz(v, khz == 0 ? kvm.profile().tscKhz() : khz) ? 0 : Errno.EINVAL;
    }

    private static long setupMce(Vcpu v, Call call) {
        Bytes b = call.in(8);
        if (b == null) return Errno.EFAULT;
        long cap = b.u64(0), banks = cap & 0xff;
        long legal = (v.vm().kvm().profile().isAmd() ? 0x1000100L : 0x9000100L) | 0xff | 0xff0000;
        if (banks == 0 || banks > 32 || (cap & ~legal) != 0) return Errno.EINVAL;
        v.mcgCap().set(cap);
        for (int i = 0; i < banks; i++) v.vm().kvm().msrTable().write(v, 0x400 + i * 4, -1, true);
        if ((cap & 0x100) != 0) v.vm().kvm().msrTable().write(v, 0x17b, -1, true);
        return 0;
    }

    private static long setMce(Vcpu v, Call call) {
        Bytes b = call.in(64);
        if (b == null) return Errno.EFAULT;
        int bank = b.u8(32);
        if (bank >= (v.mcgCap().get() & 0xff) || b.u64(0) >= 0) return Errno.EINVAL;
        MsrTable t = v.vm().kvm().msrTable();
        boolean uncorrected = (b.u64(0) >> 61 & 1) != 0;
        if (!uncorrected || t.read(v, 0x401 + bank * 4, true).value() >= 0) {
            t.write(v, 0x401 + bank * 4, b.u64(0), true);
            t.write(v, 0x402 + bank * 4, b.u64(8), true);
            t.write(v, 0x403 + bank * 4, b.u64(16), true);
            t.write(v, 0x17a, b.u64(24), true);
        }
        if (uncorrected) v.events().queueException(18, -1);
        return 0;
    }

    private static long oneReg(Vcpu v, Call call, boolean set) {
        if (!v.vm().kvm().kernel().has(Patch.X86_ONE_REG)) return Errno.EINVAL;
        Bytes b = call.in(16);
        if (b == null) return Errno.EFAULT;
        if ((b.u64(0) & 0xffffffff_00000000L) != ONE_REG_MSR) return Errno.EINVAL;
        MsrTable t = v.vm().kvm().msrTable();
        int index = (int) b.u64(0);
        if (set) {
            Bytes value = call.in(b.u64(8), 8);
            if (value == null) return Errno.EFAULT;
            return MsrIoctls.write(v, call.caller(), index, value.u64(0)) ? 0 : Errno.EINVAL;
        }
        MsrTable.Access a = t.read(v, index, true);
        return a.status() != MsrTable.OK ? Errno.EINVAL : call.out(b.u64(8), new Bytes(8).u64(0, a.value()));
    }

    /** Older kernels take an attribute's address among the last 4095 for an error pointer, and answer with it (kvm_get_attr_addr). */
    static long errorPointer(Kvm kvm, long address) {
        boolean odd = !kvm.kernel().has(Patch.X86_ATTR_ADDRESS_NO_ERROR_POINTER);
        return odd && address < 0 && address >= -4095 ? address : 0;
    }

    /** KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET. */
    private static long attr(Vcpu v, Call call, char what) {
        Bytes b = call.in(24);
        if (b == null) return Errno.EFAULT;
        if (b.u32(4) != 0 || b.u64(8) != 0) return Errno.ENXIO;
        if (what == 'h') return 0;
        long odd = errorPointer(v.vm().kvm(), b.u64(16));
        if (odd != 0) return odd;
        if (what == 'g')
            return call.out(b.u64(16), new Bytes(8).u64(0, v.state().tscOffset.get()));
        Bytes value = call.in(b.u64(16), 8);
        if (value == null) return Errno.EFAULT;
        v.vm().tscSync().setOffset(v, value.u64(0));
        return 0;
    }
}
