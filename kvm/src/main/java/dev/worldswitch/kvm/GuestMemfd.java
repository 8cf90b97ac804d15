package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.iowr;

/**
 * KVM_CREATE_GUEST_MEMFD: a file of guest memory that user space can't map. A default VM can make one; no slot of it takes
 * the file (KVM_MEM_GUEST_MEMFD needs private memory or a file that can be mapped, neither of which is here), so it has no
 * content.
 */
public final class GuestMemfd implements KvmFile {
    private static final int SIZE = 64, OF_BYTES = 0, FLAGS = 8;
    private final MemoryVm vm;

    private GuestMemfd(MemoryVm vm) {
        this.vm = vm;
        vm.hold();
    }

    /** Adds its row to an architecture's table. */
    public static void rows(IoctlTable.Builder t) {
        t.add(
                MemoryVm.class,
                KvmFile.Kind.VM,
                "KVM_CREATE_GUEST_MEMFD",
                iowr(0xd4, SIZE),
                234,
                "api.rst 4.142",
                GuestMemfd::create);
    }

    /** kvm_gmem_create. */
    private static long create(MemoryVm vm, Call call) {
        long legal = vm.guestMemfdFlags();
        if (legal < 0) return legal;
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        if ((b.u64(FLAGS) & ~legal) != 0) return Errno.EINVAL;
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
