package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.CoalescedZone;
import dev.worldswitch.kvm.DirtyLog;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoEvent;
import dev.worldswitch.kvm.IrqFd;
import dev.worldswitch.kvm.Mm;
import dev.worldswitch.kvm.PrivateRanges;
import dev.worldswitch.kvm.SharedPages;

/** Ioctls of a VM about the VM itself and its vCPUs. */
final class VmIoctls {
    private VmIoctls() {}

    static void rows(Rows t) {
        IoEvent.rows(t.builder());
        IrqFd.rows(t.builder());
        CoalescedZone.rows(t.builder());
        DirtyLog.rows(t.builder());
        t.vm("KVM_SET_TSS_ADDR", io(0x47), 4, "api.rst 4.36", (vm, c) -> {
            if (Long.compareUnsigned(c.argument(), 0xffffd000L) > 0) return Errno.EINVAL;
            vm.tssAddress().set(c.argument());
            return 0;
        });
        t.vm("KVM_SET_IDENTITY_MAP_ADDR", iow(0x48, 8), 37, "api.rst 4.41", (vm, c) -> {
            if (!vm.vcpus().get().all().isEmpty()) return Errno.EINVAL;
            Bytes b = c.in(8);
            if (b == null) return Errno.EFAULT;
            vm.identityMap().set(b.u64(0));
            return 0;
        });
        t.vm("KVM_SET_BOOT_CPU_ID", io(0x78), 34, "api.rst 4.40", (vm, c) -> {
            if (!vm.vcpus().get().all().isEmpty()) return Errno.EBUSY;
            boolean checked = vm.kvm().kernel().has(Patch.X86_BOOT_CPU_ID_CHECKED);
            if (checked && Long.compareUnsigned(c.argument(), vm.maxVcpuId()) >= 0) return Errno.EINVAL;
            vm.bootCpuIdCell().set(c.argument());
            return 0;
        });
        // The shadow MMU has no pages here that a limit could bound.
        t.vm("KVM_SET_NR_MMU_PAGES", io(0x44), 2, "api.rst 4.4", (vm, c) -> {
            if (Long.compareUnsigned(c.argument(), 64) < 0) return Errno.EINVAL;
            vm.maxMmuPages().set(c.argument());
            return 0;
        });
        t.vm(
                "KVM_GET_NR_MMU_PAGES",
                io(0x45),
                0,
                "api.rst of 6.1, 4.5; removed since",
                (vm, c) -> vm.kvm().kernel().has(Patch.X86_NO_GET_NR_MMU_PAGES)
                        ? Errno.ENOTTY
                        : vm.maxMmuPages().get());
        t.vm(
                "KVM_GET_CLOCK",
                ior(0x7c, KvmClock.SIZE),
                39,
                "api.rst 4.29",
                (vm, c) -> vm.clock().get(c));
        t.vm(
                "KVM_SET_CLOCK",
                iow(0x7b, KvmClock.SIZE),
                39,
                "api.rst 4.30",
                (vm, c) -> vm.clock().set(c));
        t.vm(
                "KVM_GET_TSC_KHZ",
                io(0xa3),
                61,
                "api.rst 4.56",
                (vm, c) -> vm.tscKhz().get());
        t.vm("KVM_SET_TSC_KHZ", io(0xa2), 60, "api.rst 4.55", (vm, c) -> {
            boolean late = !vm.vcpus().get().all().isEmpty();
            if (late && vm.kvm().kernel().has(Patch.VM_TSC_KHZ_BEFORE_VCPUS)) return Errno.EINVAL;
            long khz = c.argument() & 0xffffffffL;
            if (TscSync.tooFast(vm.kvm(), khz)) return Errno.EINVAL;
            vm.tscKhz().set(khz == 0 ? vm.kvm().profile().tscKhz() : khz);
            return 0;
        });
        t.vm("KVM_CREATE_DEVICE", iowr(0xe0, 12), 89, "api.rst 4.79", VmIoctls::createDevice);
        t.vm("KVM_SET_MEMORY_ATTRIBUTES", iow(0xd2, 32), 233, "api.rst 4.141", (vm, c) -> {
            return vm.kvm().config("guest_memfd") ? PrivateRanges.setAttributes(vm, c) : Errno.ENOTTY;
        });
        t.vm("KVM_CREATE_VCPU", io(0x41), 0, "api.rst 4.7", VmIoctls::createVcpu);
    }

    /** The one device type of this architecture is VFIO. */
    private static long createDevice(Vm vm, Call call) {
        Bytes b = call.in(12);
        if (b == null) return Errno.EFAULT;
        if (b.u32(0) != VfioDevice.TYPE) return Errno.ENODEV;
        return (b.u32(8) & 1) != 0 ? 0 : VfioDevice.create(vm, call);
    }

    private static long createVcpu(Vm vm, Call call) {
        // Older kernels look at 32 bits of the argument.
        boolean wide = vm.kvm().kernel().has(Patch.X86_VCPU_ID_64BIT);
        long id = wide ? call.argument() : call.argument() & 0xffffffffL;
        if (id < 0 || id >= vm.maxVcpuId()) return Errno.EINVAL;
        if (vm.vcpus().get().find((int) id) != null) return Errno.EEXIST;
        SharedPages run = call.client().newSharedPages(vm.dirtyLog().mappingBytes(KvmX86Abi.VCPU_MMAP_SIZE));
        if (run == null) return Errno.ENOMEM;
        Vcpu v = new Vcpu(vm, (int) id, run);
        call.client().freezeXcompGuestPerm();
        vm.vcpus().set(vm.vcpus().get().plus(v));
        vm.clock().update();
        vm.hold();
        return call.open(v, Mm.O_RDWR_CLOEXEC);
    }
}
