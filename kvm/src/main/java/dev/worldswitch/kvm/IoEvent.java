package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.iow;

import java.util.ArrayList;
import java.util.List;

/** One KVM_IOEVENTFD: a write that signals an eventfd of the client instead of leaving the guest. */
public record IoEvent(boolean pio, long address, int length, boolean match, long data, int fd) {
    private static final int SIZE = 64, DATAMATCH = 1, PIO = 2, DEASSIGN = 4, VALID = 31;

    /** Adds its row to an architecture's table. */
    public static void rows(IoctlTable.Builder t) {
        t.add(MemoryVm.class, KvmFile.Kind.VM, "KVM_IOEVENTFD", iow(0x79, SIZE), 36, "api.rst 4.59", IoEvent::set);
    }

    /** A guest's write to a port or to memory-mapped I/O: true when an eventfd of this VM takes it, and was signalled. */
    public static boolean signals(MemoryVm vm, boolean port, long at, int n, long value) {
        long written = n == 8 ? value : value & (1L << 8 * n) - 1;
        for (IoEvent event : vm.ioEvents().get())
            if (event.takes(port, at, n, written)) return vm.client().signalEventfd(event.fd);
        return false;
    }

    /** True when this write of {@code n} bytes is what the eventfd waits for; length 0 takes any. */
    private boolean takes(boolean port, long at, int n, long value) {
        return pio == port && address == at && (length == 0 || length == n && (!match || data == value));
    }

    private static long set(MemoryVm vm, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        int flags = b.u32(24), length = b.u32(16);
        long address = b.u64(8);
        // Taking away checks nothing but the descriptor: what does not match is not there.
        boolean deassign = (flags & DEASSIGN) != 0;
        boolean legal = deassign || length == 0 || length == 1 || length == 2 || length == 4 || length == 8;
        if (!legal || !deassign && (flags & ~VALID) != 0) return Errno.EINVAL;
        if (!deassign && Long.compareUnsigned(address + length, address) < 0) return Errno.EINVAL;
        boolean match = (flags & DATAMATCH) != 0;
        if (length == 0 && match && !deassign) return Errno.EINVAL;
        long bad = call.client().eventfdError(b.u32(20));
        if (bad != 0) return bad;
        IoEvent event = new IoEvent((flags & PIO) != 0, address, length, match, match ? b.u64(0) : 0, b.u32(20));
        List<IoEvent> now = new ArrayList<>(vm.ioEvents().get());
        if (deassign) {
            if (!now.remove(event)) return Errno.ENOENT;
        } else {
            for (IoEvent e : now) if (e.collides(event)) return Errno.EEXIST;
            now.add(event);
        }
        vm.ioEvents().set(List.copyOf(now));
        return 0;
    }

    private boolean collides(IoEvent o) {
        boolean place = pio == o.pio && address == o.address;
        return place && (length == 0 || o.length == 0 || length == o.length && (!match || !o.match || data == o.data));
    }
}
