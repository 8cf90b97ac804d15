package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.Mm;

/**
 * The device of KVM_DEV_TYPE_VFIO (virt/kvm/vfio.c). A client of this host can have no VFIO file, so what is added is refused
 * as the wrong kind of file and what is removed is not there.
 */
final class VfioDevice implements KvmFile {
    static final int TYPE = 4;
    private static final int ATTR_SIZE = 24, GROUP_FILE = 1, ADD = 1, DEL = 2;
    private final Vm vm;

    private VfioDevice(Vm vm) {
        this.vm = vm;
    }

    /** One for each VM; the number of the new descriptor is told in the structure. */
    static long create(Vm vm, Call call) {
        if (vm.vfioDevices().get() != 0) return Errno.EBUSY;
        vm.vfioDevices().set(1);
        vm.hold();
        call.made().storeAt = 4;
        return call.open(new VfioDevice(vm), Mm.O_RDWR_CLOEXEC);
    }

    static void rows(Rows t) {
        t.device("KVM_SET_DEVICE_ATTR", iow(0xe1, ATTR_SIZE), 89, "vfio.rst", (d, c) -> d.attr(c, true));
        // The device has no get_attr.
        t.device("KVM_GET_DEVICE_ATTR", iow(0xe2, ATTR_SIZE), 89, "vfio.rst", (d, c) -> Errno.EPERM);
        t.device("KVM_HAS_DEVICE_ATTR", iow(0xe3, ATTR_SIZE), 89, "vfio.rst", (d, c) -> d.attr(c, false));
    }

    private long attr(Call call, boolean set) {
        Bytes b = call.in(ATTR_SIZE);
        if (b == null) return Errno.EFAULT;
        if (b.u32(4) != GROUP_FILE || b.u64(8) != ADD && b.u64(8) != DEL) return Errno.ENXIO;
        if (!set) return 0;
        Bytes fd = call.in(b.u64(16), 4);
        if (fd == null) return Errno.EFAULT;
        if (call.client().eventfdError(fd.u32(0)) == Errno.EBADF) return Errno.EBADF;
        return b.u64(8) == ADD ? Errno.EINVAL : Errno.ENOENT;
    }

    @Override
    public Kind kind() {
        return Kind.DEVICE;
    }

    @Override
    public String fileName() {
        return "kvm-vfio";
    }

    @Override
    public long ioctl(Caller caller, int command, long argument, Made made) {
        if (caller.client().mm() != vm.mm()) return Errno.EIO;
        return vm.kvm().dispatch(this, caller, command, argument, made);
    }

    @Override
    public void release() {
        vm.vfioDevices().set(0);
        vm.put();
    }
}
