package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.Mm;

/**
 * KVM_CREATE_GUEST_MEMFD: a file of guest memory that user space can't map. A default VM can make one; no slot of it takes
 * the file (KVM_MEM_GUEST_MEMFD needs a VM type with private memory, which is not offered), so it has no content here.
 */
final class GuestMemfd implements KvmFile {
    private static final int SIZE = 64, OF_BYTES = 0, FLAGS = 8;
    private final Vm vm;

    private GuestMemfd(Vm vm) {
        this.vm = vm;
        vm.hold();
    }

    static void rows(Rows t) {
        t.vm("KVM_CREATE_GUEST_MEMFD", iowr(0xd4, SIZE), 234, "api.rst 4.142", GuestMemfd::create);
    }

    /** kvm_gmem_create. */
    private static long create(Vm vm, Call call) {
        if (vm.kvm().capabilities().value(Kind.SYSTEM, 234) == 0) return Errno.ENOTTY;
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        if ((b.u64(FLAGS) & ~vm.kvm().capabilities().memfdFlags()) != 0) return Errno.EINVAL;
        if (b.u64(OF_BYTES) <= 0 || (b.u64(OF_BYTES) & Mm.PAGE_SIZE - 1) != 0) return Errno.EINVAL;
        // get_unused_fd_flags(0): unlike the VM's and vCPU's, this descriptor survives exec.
        return call.open(new GuestMemfd(vm), 2);
    }

    @Override
    public Kind kind() {
        return Kind.DEVICE;
    }

    @Override
    public String fileName() {
        return "[kvm-gmem]";
    }

    @Override
    public long ioctl(Caller caller, int command, long argument, Made made) {
        return Errno.ENOTTY;
    }

    @Override
    public void release() {
        vm.put();
    }
}
