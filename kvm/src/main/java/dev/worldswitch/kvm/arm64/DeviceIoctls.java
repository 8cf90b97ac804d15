package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Mm;
import java.util.ArrayList;
import java.util.List;

/** Making devices: interrupt controllers, the ITS and VFIO's link. */
final class DeviceIoctls {
    static final int VFIO = 4, VGIC_V2 = 5, VGIC_V3 = 7, ITS = 8;
    private static final int TEST = 1;

    private DeviceIoctls() {}

    static void rows(Rows t) {
        t.vm("KVM_CREATE_DEVICE", iowr(0xe0, 12), 89, "api.rst 4.79", DeviceIoctls::create);
        t.vm("KVM_CREATE_IRQCHIP", io(0x60), 0, "api.rst 4.24", (vm, c) -> createVgic(vm, false));
        t.vm("KVM_ARM_SET_DEVICE_ADDR", iow(0xab, 16), 88, "api.rst 4.85", (vm, c) -> {
            Bytes b = c.in(16);
            if (b == null) return Errno.EFAULT;
            // Only a GICv2 has addresses of the old kind.
            Vgic g = vm.vgic().get();
            boolean v2 = g != null && !g.isV3() && b.u64(0) >>> 16 == 0;
            if (!v2 || b.u64(0) > 1) return Errno.ENODEV;
            return b.u64(0) == 0 ? g.setDist(b.u64(8)) : g.setCpu(b.u64(8));
        });
    }

    /** The host's own interrupt controller: 3, or 2 where the machine says so. */
    private static boolean hostIsV2(Vm vm) {
        return vm.kvm().profile().gicVersion() == 2;
    }

    private static boolean supported(Vm vm, int type) {
        return switch (type) {
            case VFIO -> true;
            case VGIC_V2 -> vm.kvm().profile().gicv();
            case VGIC_V3, ITS -> !hostIsV2(vm);
            default -> false;
        };
    }

    private static long create(Vm vm, Call call) {
        Bytes b = call.in(12);
        if (b == null) return Errno.EFAULT;
        int type = b.u32(0);
        if (!supported(vm, type)) return Errno.ENODEV;
        if ((b.u32(8) & TEST) != 0) return 0;
        long r = switch (type) {
            case VGIC_V2 -> createVgic(vm, false);
            case VGIC_V3 -> createVgic(vm, true);
            case VFIO -> vm.devices().test(1L << VFIO) ? Errno.EBUSY : 0;
            default -> 0;
        };
        if (r != 0) return r;
        vm.devices().or(1L << type);
        vm.hold();
        call.made().storeAt = 4;
        return call.open(new Device(vm, type, type == ITS ? newIts(vm) : null), Mm.O_RDWR_CLOEXEC);
    }

    /** vgic_its_create. */
    private static Its newIts(Vm vm) {
        List<Its> all = new ArrayList<>(vm.translationServices().get());
        Its made = new Its(vm, vm.region().child("its" + all.size()));
        all.add(made);
        vm.translationServices().set(List.copyOf(all));
        return made;
    }

    /** kvm_vgic_create: one per VM, before any vCPU ran. */
    private static long createVgic(Vm vm, boolean v3) {
        if (v3 ? hostIsV2(vm) : !vm.kvm().profile().gicv()) return Errno.ENODEV;
        if (vm.vgic().get() != null) return Errno.EEXIST;
        if (vm.hasRunOnce()) return Errno.EBUSY;
        vm.vgic().set(new Vgic(vm, v3));
        return 0;
    }
}
