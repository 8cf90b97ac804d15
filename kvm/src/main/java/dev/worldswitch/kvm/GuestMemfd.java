package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kvm.MemorySlots.Slot;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * KVM_CREATE_GUEST_MEMFD: a file of guest memory, which a slot can have behind it (KVM_MEM_GUEST_MEMFD). The client's
 * descriptor is the file itself, so its end is not seen here: the memory stays until the VM goes.
 */
public final class GuestMemfd implements KvmFile {
    /** GUEST_MEMFD_FLAG_MMAP, GUEST_MEMFD_FLAG_INIT_SHARED. */
    public static final int MMAP = 1, INIT_SHARED = 2;

    private static final int SIZE = 64, OF_BYTES = 0, FLAGS = 8;

    private final GuestFile content;
    private final boolean mappable;

    private GuestMemfd(GuestFile content, boolean mappable) {
        this.content = content;
        this.mappable = mappable;
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
        long size = b.u64(OF_BYTES), flags = b.u64(FLAGS);
        if ((flags & ~legal) != 0) return Errno.EINVAL;
        if (size <= 0 || !vm.pageAligned(size)) return Errno.EINVAL;
        GuestFile content = call.client().newGuestFile(size, (flags & MMAP) != 0);
        if (content == null) return Errno.ENOMEM;
        GuestMemfd made = new GuestMemfd(content, (flags & MMAP) != 0);
        List<GuestMemfd> all = new ArrayList<>(vm.guestMemfds().get());
        all.add(made);
        vm.guestMemfds().set(List.copyOf(all));
        // get_unused_fd_flags(0): unlike the VM's and vCPU's, this descriptor survives exec.
        return call.open(made, 2);
    }

    /** The VM is gone, and with it who could look at the memory. */
    public static void closeAll(MemoryVm vm) {
        for (GuestMemfd f : vm.guestMemfds().get()) f.content.close();
        vm.guestMemfds().set(List.of());
    }

    /**
     * kvm_gmem_bind: the client's descriptor as the memory behind a new slot of this size.
     *
     * @param error its first element gets the errno where the answer is null
     */
    static @Nullable GuestMemfd bind(MemoryVm vm, int fd, long offset, long size, long[] error) {
        GuestFile content = vm.client().guestFile(fd, error);
        GuestMemfd file = content == null ? null : of(vm, content);
        if (content != null) error[0] = Errno.EINVAL;
        if (file == null || Long.compareUnsigned(offset + size, content.bytes()) > 0) return null;
        for (int as = 0; as < vm.addressSpaces(); as++)
            for (Slot s : vm.memory().slots(as).get().byGpa())
                if (s.memfd() == file && offset < s.memfdOffset() + s.size() && s.memfdOffset() < offset + size)
                    return null;
        return file;
    }

    private static @Nullable GuestMemfd of(MemoryVm vm, GuestFile content) {
        for (GuestMemfd f : vm.guestMemfds().get()) if (f.content == content) return f;
        return null;
    }

    /** The client may map it: then it is all that a slot has, for shared pages too. */
    boolean mappable() {
        return mappable;
    }

    /** Host address of its page at {@code offset}. */
    long page(long offset) {
        return content.page(offset);
    }

    @Override
    public GuestFile guestFile() {
        return content;
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
    public void release() {}
}
