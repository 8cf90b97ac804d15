package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import org.jspecify.annotations.Nullable;

/** A device made by KVM_CREATE_DEVICE: all that user space does with it is attributes. */
public final class Device implements KvmFile {
    private static final int HAS = IoctlTable.iow(0xe3, 24),
            GET = IoctlTable.iow(0xe2, 24),
            SET = IoctlTable.iow(0xe1, 24);

    private final Vm vm;
    private final int type;
    private final @Nullable Its its;

    Device(Vm vm, int type, @Nullable Its its) {
        this.vm = vm;
        this.type = type;
        this.its = its;
    }

    @Override
    public Kind kind() {
        return Kind.DEVICE;
    }

    @Override
    public String fileName() {
        return switch (type) {
            case DeviceIoctls.VFIO -> "kvm-vfio";
            case DeviceIoctls.VGIC_V2 -> "kvm-arm-vgic-v2";
            case DeviceIoctls.VGIC_V3 -> "kvm-arm-vgic-v3";
            default -> "kvm-arm-vgic-its";
        };
    }

    @Override
    public long ioctl(Caller caller, int command, long argument, Made made) {
        if (vm.refuses(caller)) return Errno.EIO;
        if (command != HAS && command != GET && command != SET) return Errno.ENOTTY;
        Call call = new Call(caller, argument, made);
        Bytes b = call.in(24);
        if (b == null) return Errno.EFAULT;
        vm.lock().lock();
        try {
            VgicAttributes a = new VgicAttributes(vm, call, b.u32(4), b.u64(8), b.u64(16));
            Attributes.What what =
                    command == HAS ? Attributes.What.HAS : command == GET ? Attributes.What.GET : Attributes.What.SET;
            return switch (type) {
                case DeviceIoctls.VFIO -> vfio(what, b.u32(4), b.u64(8));
                case DeviceIoctls.ITS -> its == null ? Errno.ENXIO : a.its(what, its);
                case DeviceIoctls.VGIC_V3 -> a.v3(what);
                default -> a.v2(what);
            };
        } finally {
            vm.lock().unlock();
        }
    }

    /** Group 1: add and remove a file. There are no VFIO files here. */
    private static long vfio(Attributes.What what, int group, long attribute) {
        boolean known = group == 1 && (attribute == 1 || attribute == 2);
        if (!known) return Errno.ENXIO;
        return what == Attributes.What.HAS ? 0 : what == Attributes.What.SET ? Errno.EBADF : Errno.ENXIO;
    }

    @Override
    public void release() {
        vm.put();
    }
}
