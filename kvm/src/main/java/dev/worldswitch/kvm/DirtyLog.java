package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import org.jspecify.annotations.Nullable;

/** How a VM tells of the pages that its guest writes: bitmaps of its slots, or a ring for each vCPU. */
public final class DirtyLog {
    /** KVM_DIRTY_RING_MAX_ENTRIES, in bytes: what the capabilities answer. */
    public static final int RING_MAX = 65536 * DirtyRing.ENTRY;
    /** KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, KVM_DIRTY_LOG_INITIALLY_SET. */
    private static final int MANUAL_PROTECT = 1, INITIALLY_SET = 2;

    private final Region region;
    private final int pageShift;
    private final Word bitmaps, manual, ringBytes, ringWithBitmap;

    /**
     * @param region the VM's
     * @param pageShift of the host's pages
     */
    public DirtyLog(Region region, int pageShift) {
        this.region = region;
        this.pageShift = pageShift;
        this.bitmaps = region.word("dirtyBitmaps");
        this.manual = region.word("manualDirty");
        this.ringBytes = region.word("dirtyRingBytes");
        this.ringWithBitmap = region.word("dirtyRingWithBitmap");
    }

    /** Adds its row to an architecture's table. */
    public static void rows(IoctlTable.Builder t) {
        t.add(
                MemoryVm.class,
                KvmFile.Kind.VM,
                "KVM_RESET_DIRTY_RINGS",
                io(0xc7),
                192,
                "api.rst 8.29",
                (vm, c) -> vm.dirtyLog().resetRings(vm));
    }

    /** KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. */
    public long enableManualProtect(long how) {
        long legal = (how & MANUAL_PROTECT) != 0 ? MANUAL_PROTECT | INITIALLY_SET : 0;
        if ((how & ~legal) != 0) return Errno.EINVAL;
        manual.set(how);
        return 0;
    }

    boolean manualProtect() {
        return (manual.get() & MANUAL_PROTECT) != 0;
    }

    /** KVM_CAP_DIRTY_LOG_RING, KVM_CAP_DIRTY_LOG_RING_ACQ_REL. */
    public long enableRing(MemoryVm vm, long bytes) {
        long size = bytes & 0xffffffffL;
        if (Long.bitCount(size) != 1) return Errno.EINVAL;
        if (size < (long) reserved(vm) * DirtyRing.ENTRY || size < 1L << pageShift) return Errno.EINVAL;
        if (size > RING_MAX) return Errno.E2BIG;
        if (ringBytes.get() != 0 || vm.hasVcpus()) return Errno.EINVAL;
        ringBytes.set(size);
        return 0;
    }

    /** kvm_dirty_ring_get_rsvd_entries. */
    private static int reserved(MemoryVm vm) {
        return DirtyRing.RESERVED + vm.hardwareLogEntries();
    }

    /** KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP: writes by no vCPU go into the bitmaps. */
    public long enableBitmapBesideRing(MemoryVm vm) {
        if (ringBytes.get() == 0) return Errno.EINVAL;
        for (int as = 0; as < vm.addressSpaces(); as++)
            if (!vm.memory().slots(as).get().byGpa().isEmpty()) return Errno.EINVAL;
        ringWithBitmap.set(1);
        return 0;
    }

    boolean usesRing() {
        return ringBytes.get() != 0;
    }

    /** kvm_use_dirty_bitmap. */
    boolean usesBitmap() {
        return !usesRing() || ringWithBitmap.get() != 0;
    }

    private int ringAt() {
        return DirtyRing.PAGE_OFFSET << pageShift;
    }

    /** Bytes of a vCPU's mapping whose other parts have {@code others}: the ring lies at its own offset. */
    public int mappingBytes(int others) {
        return usesRing() ? ringAt() + (int) ringBytes.get() : others;
    }

    /** The ring of a new vCPU in its mapping; null where the VM has none. */
    public @Nullable DirtyRing newRing(MemoryVm vm, Region vcpu, SharedPages pages, Runnable softFull) {
        if (!usesRing()) return null;
        int size = (int) (ringBytes.get() / DirtyRing.ENTRY);
        return new DirtyRing(vcpu.child("dirtyRing"), pages, ringAt(), size, reserved(vm), softFull);
    }

    /** kvm_vcpu_mmap: a ring is for both to write. */
    public long refusesMapping(long offset, long size, boolean executable, boolean shared) {
        long last = offset + (size - 1 & -(1L << pageShift));
        return (inRing(offset) || inRing(last)) && (executable || !shared) ? Errno.EINVAL : 0;
    }

    private boolean inRing(long offset) {
        return offset >= ringAt() && offset < ringAt() + ringBytes.get();
    }

    private long resetRings(MemoryVm vm) {
        if (!usesRing()) return Errno.EINVAL;
        int reset = 0;
        for (VcpuFile v : vm.vcpuFiles()) {
            DirtyRing ring = v.dirtyRing();
            if (ring != null) reset += ring.reset(vm);
        }
        // Who cached a page of them as writable must tell of it again: before the client reads what they hold.
        if (reset != 0) vm.memoryChanged();
        return reset;
    }

    /** A bit for each page of a slot; numbered, as a slot can get more than one in its life. */
    Words newBitmap(int slot, long pages) {
        return region.child("dirty" + slot + "." + bitmaps.add(1)).words("bitmap", (int) ((pages + 63) / 64));
    }

    /** A slot's dirty log as the client will read it first. */
    Words newLog(int slot, long pages) {
        Words log = newBitmap(slot, pages);
        if ((manual.get() & INITIALLY_SET) == 0) return log;
        log.fill(0, log.length(), -1);
        if ((pages & 63) != 0) log.set(log.length() - 1, (1L << pages) - 1);
        return log;
    }
}
