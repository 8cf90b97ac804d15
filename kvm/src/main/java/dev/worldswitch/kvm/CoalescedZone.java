package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.machine.cell.Ref;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One KVM_REGISTER_COALESCED_MMIO: writes that wait in a ring until the client looks. The ring is in the mapping of the
 * VM's first vCPU; writes by others leave the guest, as those do that find it full.
 */
public record CoalescedZone(boolean pio, long address, long size) {
    /** A VM with such zones. */
    public interface Zoned extends MemoryVm {
        Ref<List<CoalescedZone>> coalescedZones();

        /** The mapping that has the ring, null while there is none. */
        @Nullable
        SharedPages coalescedRing();
    }

    /** KVM_COALESCED_MMIO_PAGE_OFFSET; struct kvm_coalesced_mmio_ring and its entries. */
    private static final int RING = 2 * 4096, FIRST = RING, LAST = RING + 4, ENTRIES = RING + 8, ENTRY = 24;

    private static final int MAX = (4096 - 8) / ENTRY, LENGTH = 8, PIO = 12, DATA = 16, SIZE = 16;

    /** Adds its rows to an architecture's table. */
    public static void rows(IoctlTable.Builder t) {
        row(t, "KVM_REGISTER_COALESCED_MMIO", 0x67, true);
        row(t, "KVM_UNREGISTER_COALESCED_MMIO", 0x68, false);
    }

    private static void row(IoctlTable.Builder t, String name, int number, boolean add) {
        t.add(Zoned.class, KvmFile.Kind.VM, name, iow(number, SIZE), 15, "api.rst 4.116", (vm, c) -> set(vm, c, add));
    }

    private static long set(Zoned vm, Call call, boolean add) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        if (Integer.compareUnsigned(b.u32(12), 1) > 0) return Errno.EINVAL;
        CoalescedZone zone = new CoalescedZone(b.u32(12) != 0, b.u64(0), b.u32(8) & 0xffffffffL);
        List<CoalescedZone> now = new ArrayList<>(vm.coalescedZones().get());
        if (add) now.add(zone);
        else now.removeIf(z -> z.pio == zone.pio && z.holds(zone.address, zone.size));
        vm.coalescedZones().set(List.copyOf(now));
        return 0;
    }

    private boolean holds(long at, long n) {
        return Long.compareUnsigned(at, address) >= 0
                && Long.compareUnsigned(at + n, at) >= 0
                && Long.compareUnsigned(at + n, address + size) <= 0;
    }

    /** coalesced_mmio_write: true when the write by the vCPU with this mapping waits in the ring. */
    public static boolean takes(Zoned vm, SharedPages run, boolean pio, long at, int n, long value) {
        List<CoalescedZone> zones = vm.coalescedZones().get();
        if (zones.isEmpty() || run != vm.coalescedRing()) return false;
        for (CoalescedZone z : zones) if (z.pio == pio && z.holds(at, n)) return put(run, pio, at, n, value);
        return false;
    }

    private static boolean put(SharedPages run, boolean pio, long at, int n, long value) {
        long first = run.get(FIRST, 4) & 0xffffffffL, last = run.get(LAST, 4) & 0xffffffffL;
        // The client may have written anything there. One entry stays free. (6.1 takes some rings for full too early.)
        if (last >= MAX || (last + 1) % MAX == first) return false;
        int entry = ENTRIES + (int) last * ENTRY;
        run.set(entry, 8, at);
        run.set(entry + LENGTH, 4, n);
        run.set(entry + PIO, 4, pio ? 1 : 0);
        for (int i = 0; i < n; i++) run.set(entry + DATA + i, 1, value >>> 8 * i);
        // The entry is there before the client may count on it.
        VarHandle.releaseFence();
        run.set(LAST, 4, (last + 1) % MAX);
        return true;
    }
}
