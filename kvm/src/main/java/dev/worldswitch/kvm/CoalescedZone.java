package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.machine.cell.Ref;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One KVM_REGISTER_COALESCED_MMIO: writes that wait in a ring until the client looks; those that find it full leave the
 * guest. The VM has one ring, in the memory of its first vCPU's mapping; the mappings of the others show it too.
 */
public record CoalescedZone(boolean pio, long address, long size) {
    /** A VM with such zones. */
    public interface Zoned extends MemoryVm {
        Ref<List<CoalescedZone>> coalescedZones();

        /** The first vCPU's mapping, which has the ring; null while there is none. */
        default @Nullable SharedPages coalescedRing() {
            return hasVcpus() ? vcpuFiles().getFirst().run() : null;
        }

        /** KVM_COALESCED_MMIO_PAGE_OFFSET, in bytes. */
        int coalescedRingAt();

        /** Devices of KVM itself on the bus of ports or of memory-mapped I/O. */
        int busDevices(boolean pio);

        /** Held by who writes to the ring. */
        Mutex ringLock();
    }

    /** NR_IOBUS_DEVS (linux/kvm_host.h); ioeventfds do not count. */
    static final int BUS_DEVICES = 1000;

    /** struct kvm_coalesced_mmio_ring and its entries. */
    private static final int FIRST = 0, LAST = 4, ENTRIES = 8, ENTRY = 24;

    private static final int LENGTH = 8, PIO = 12, DATA = 16, SIZE = 16;

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
        if (add) {
            long onBus = vm.busDevices(zone.pio)
                    + now.stream().filter(z -> z.pio == zone.pio).count();
            if (onBus >= BUS_DEVICES) return Errno.ENOSPC;
            now.add(zone);
        } else now.removeIf(z -> z.pio == zone.pio && z.holds(zone.address, zone.size));
        vm.coalescedZones().set(List.copyOf(now));
        return 0;
    }

    private boolean holds(long at, long n) {
        return Long.compareUnsigned(at, address) >= 0
                && Long.compareUnsigned(at + n, at) >= 0
                && Long.compareUnsigned(at + n, address + size) <= 0;
    }

    /** What the mapping of a vCPU with these pages shows at an offset: the VM's ring at its place. */
    public static KvmFile.Mapped mapped(Zoned vm, SharedPages run, long offset) {
        int ring = vm.coalescedRingAt(), page = 1 << vm.pageShift();
        SharedPages first = vm.coalescedRing();
        if (first == null || first == run || offset >= ring + page)
            return new KvmFile.Mapped(run, offset, Long.MAX_VALUE);
        if (offset < ring) return new KvmFile.Mapped(run, offset, ring - offset);
        return new KvmFile.Mapped(first, offset, ring + page - offset);
    }

    /** coalesced_mmio_write: true when the write waits in the ring. */
    public static boolean takes(Zoned vm, boolean pio, long at, int n, long value) {
        List<CoalescedZone> zones = vm.coalescedZones().get();
        SharedPages ring = zones.isEmpty() ? null : vm.coalescedRing();
        if (ring == null) return false;
        for (CoalescedZone z : zones) if (z.pio == pio && z.holds(at, n)) return put(vm, ring, pio, at, n, value);
        return false;
    }

    private static boolean put(Zoned vm, SharedPages ring, boolean pio, long at, int n, long value) {
        vm.ringLock().lock();
        boolean room = put(ring, vm.coalescedRingAt(), maxEntries(vm), pio, at, n, value);
        vm.ringLock().unlock();
        return room;
    }

    /** KVM_COALESCED_MMIO_MAX. */
    private static int maxEntries(Zoned vm) {
        return ((1 << vm.pageShift()) - ENTRIES) / ENTRY;
    }

    private static boolean put(SharedPages run, int ring, int max, boolean pio, long at, int n, long value) {
        long first = run.get(ring + FIRST, 4) & 0xffffffffL, last = run.get(ring + LAST, 4) & 0xffffffffL;
        // The client may have written anything there. One entry stays free. (6.1 takes some rings for full too early.)
        if (last >= max || (last + 1) % max == first) return false;
        int entry = ring + ENTRIES + (int) last * ENTRY;
        run.set(entry, 8, at);
        run.set(entry + LENGTH, 4, n);
        run.set(entry + PIO, 4, pio ? 1 : 0);
        for (int i = 0; i < n; i++) run.set(entry + DATA + i, 1, value >>> 8 * i);
        // The entry is there before the client may count on it.
        VarHandle.releaseFence();
        run.set(ring + LAST, 4, (last + 1) % max);
        return true;
    }
}
