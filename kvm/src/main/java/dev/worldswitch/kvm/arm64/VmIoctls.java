package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IrqRouting;
import dev.worldswitch.kvm.Mm;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;

/** Ioctls of a VM about the VM itself, its vCPUs and its interrupt lines. */
final class VmIoctls {
    private static final int FEATURE_IDS = 3 * 8 * 8;
    private static final int IRQ_CPU = 0, IRQ_SPI = 1, IRQ_PPI = 2;
    private static final int PINS = 988, MSI_VALID_DEVID = 1;

    private VmIoctls() {}

    static void rows(Rows t) {
        t.vm("KVM_CREATE_VCPU", io(0x41), 0, "api.rst 4.7", VmIoctls::createVcpu);
        t.vm("KVM_ARM_SET_COUNTER_OFFSET", iow(0xb5, 16), 227, "api.rst 4.138", VmIoctls::setCounterOffset);
        t.vm("KVM_ARM_GET_REG_WRITABLE_MASKS", ior64(0xb6, 64), 230, "api.rst 4.139", VmIoctls::writableMasks);
        t.vm("KVM_ARM_MTE_COPY_TAGS", ior64(0xb4, 48), 205, "api.rst 4.130", (vm, c) -> {
            if (c.in(48) == null) return Errno.EFAULT;
            // No VM here has MTE.
            return Errno.EINVAL;
        });
        t.vm("KVM_IRQ_LINE", iow(0x61, 8), 0, "api.rst 4.25", VmIoctls::irqLine);
        t.vm("KVM_SET_GSI_ROUTING", iow(0x6a, 8), 25, "api.rst 4.52", VmIoctls::setRoutes);
        t.vm("KVM_SIGNAL_MSI", iow(0xa5, 32), 77, "api.rst 4.70", VmIoctls::signalMsi);
        t.vm("KVM_IRQ_LINE_STATUS", iowr(0x67, 8), 26, "api.rst 4.25", (vm, c) -> {
            long r = irqLine(vm, c);
            if (r != 0) return r;
            Bytes b = c.in(8);
            // The answer is in the place of the number: what is delivered is not known, so 1.
            return b == null ? Errno.EFAULT : c.out(b.u32(0, 1));
        });
    }

    /** kvm_set_irq_routing; pins are shared interrupts, of which up to 988 can exist. */
    private static long setRoutes(Vm vm, Call call) {
        Vgic gic = vm.vgic().get();
        if (call.in(8) == null) return Errno.EFAULT;
        long[] error = new long[1];
        IrqRouting next = IrqRouting.read(
                call,
                r -> r.type() == IrqRouting.MSI
                        || r.type() == IrqRouting.IRQCHIP && r.chip() == 0 && r.pin() >= 0 && r.pin() < PINS,
                error);
        if (next == null) return error[0];
        // Without an interrupt controller they lead nowhere, and making one sets its own.
        if (gic != null) gic.routes().set(next);
        return 0;
    }

    /** kvm_send_userspace_msi. */
    private static long signalMsi(Vm vm, Call call) {
        Bytes b = call.in(32);
        if (b == null) return Errno.EFAULT;
        if (!vm.irqchipInKernel() || (b.u32(12) & ~MSI_VALID_DEVID) != 0) return Errno.EINVAL;
        return vm.message(b.u64(0), b.u32(8), b.u32(12) != 0, b.u32(16));
    }

    private static int ior64(int nr, int size) {
        return dev.worldswitch.kvm.IoctlTable.ior(nr, size);
    }

    private static long createVcpu(Vm vm, Call call) {
        long id = call.argument();
        // The id was an int once.
        if (!vm.kvm().has(Patch.ARM64_VCPU_ID_64BIT)) id &= 0xffffffffL;
        if (id < 0 || id >= Vgic.MAX_VCPUS_V3) return Errno.EINVAL;
        Vgic gic = vm.vgic().get();
        if (gic != null && gic.initialized()) return Errno.EBUSY;
        if (id >= vm.maxVcpus()) return Errno.EINVAL;
        if (vm.vcpus().get().all().size() >= vm.maxVcpus()) return Errno.EINVAL;
        if (vm.vcpus().get().find((int) id) != null) return Errno.EEXIST;
        SharedPages run = call.client().newSharedPages(vm.dirtyLog().mappingBytes(SystemIoctls.vcpuMmapSize(vm.kvm())));
        if (run == null) return Errno.ENOMEM;
        Vcpu v = new Vcpu(vm, (int) id, run);
        vm.vcpus().set(vm.vcpus().get().plus(v));
        long r = gic == null ? 0 : gic.vcpuCreated();
        if (r != 0) {
            v.forget();
            return r;
        }
        vm.hold();
        return call.open(v, Mm.O_RDWR_CLOEXEC);
    }

    private static long setCounterOffset(Vm vm, Call call) {
        if (!vm.kvm().has(Patch.ARM64_COUNTER_OFFSET)) return Errno.EINVAL;
        Bytes b = call.in(16);
        return b == null ? Errno.EFAULT : TimerRegs.setCounterOffset(vm, b.u64(0), b.u64(8));
    }

    /** One 64-bit mask for each place in the feature ID space. */
    private static long writableMasks(Vm vm, Call call) {
        if (!vm.kvm().has(Patch.ARM64_ID_WRITABLE_MASKS)) return Errno.EINVAL;
        Bytes b = call.in(64);
        if (b == null) return Errno.EFAULT;
        if (b.u32(8) != 0) return Errno.EINVAL;
        for (int at = 12; at < 64; at += 4) if (b.u32(at) != 0) return Errno.EINVAL;
        Bytes masks = new Bytes(FEATURE_IDS * 8);
        for (Row r : vm.kvm().sysRegs().rows()) {
            Integer place = r.set() == null ? null : IdRegs.maskIndex(r.encoding());
            if (place == null) continue;
            boolean aarch32 = IdRegs.isVmIdReg(r.encoding()) && (r.encoding() >>> 3 & 15) <= 3 && r.encoding() < 0xc020;
            if (aarch32 && !vm.kvm().host().el0Aarch32()) continue;
            masks.u64(place * 8, r.value());
        }
        return call.out(b.u64(0), masks);
    }

    /** Bits 31-28 the upper half of the vCPU's number, 27-24 the type, 23-16 the vCPU, 15-0 the interrupt. */
    private static long irqLine(Vm vm, Call call) {
        Bytes b = call.in(8);
        if (b == null) return Errno.EFAULT;
        int irq = b.u32(0);
        boolean level = b.u32(4) != 0;
        int number = irq & 0xffff;
        Vcpu v = vm.vcpus().get().find((irq >>> 28) * 256 + (irq >>> 16 & 0xff));
        Vgic gic = vm.vgic().get();
        TraceText t = vm.kvm().trace().get();
        if (t != null) t.kvmIrqLine(vm, irq >>> 24 & 15, (irq >>> 28) * 256 + (irq >>> 16 & 0xff), number, b.u32(4));
        return switch (irq >>> 24 & 15) {
            case IRQ_CPU -> {
                if (gic != null) yield Errno.ENXIO;
                if (v == null || number > 1) yield Errno.EINVAL;
                v.runLoop().interruptLine(number == 0 ? Inject.HCR_VI : Inject.HCR_VF, level);
                yield 0;
            }
            case IRQ_PPI -> {
                if (gic == null) yield Errno.ENXIO;
                yield v == null || number < 16 || number >= 32 ? Errno.EINVAL : gic.injectPrivate(v, number, level);
            }
            case IRQ_SPI -> {
                if (gic == null) yield Errno.ENXIO;
                yield number < 32 ? Errno.EINVAL : gic.injectShared(number, level);
            }
            default -> Errno.EINVAL;
        };
    }
}
