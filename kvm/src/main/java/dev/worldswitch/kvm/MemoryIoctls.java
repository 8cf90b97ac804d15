package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.MemorySlots.Slot;
import dev.worldswitch.machine.cell.Words;
import org.jspecify.annotations.Nullable;

/** Memory slots and their dirty logs. */
public final class MemoryIoctls {
    public static final int SLOTS = 32764;
    private static final int REGION_SIZE = 32, REGION2_SIZE = 160, DIRTY_SIZE = 16, CLEAR_SIZE = 24;
    /** Words of a dirty log that are copied at once. */
    private static final int LOG_WORDS = 1 << 16;

    private static final long MAX_PAGES = (1L << 31) - 1;

    private MemoryIoctls() {}

    /** Adds the rows that this kernel has to an architecture's table. */
    public static void rows(IoctlTable.Builder t, Kernel kernel) {
        t.add(
                MemoryVm.class,
                KvmFile.Kind.VM,
                "KVM_SET_USER_MEMORY_REGION",
                iow(0x46, REGION_SIZE),
                3,
                "api.rst 4.35",
                (vm, c) -> set(vm, c, REGION_SIZE));
        if (kernel.has(Patch.MEMORY_REGION2))
            t.add(
                    MemoryVm.class,
                    KvmFile.Kind.VM,
                    "KVM_SET_USER_MEMORY_REGION2",
                    iow(0x49, REGION2_SIZE),
                    231,
                    "api.rst 4.140",
                    (vm, c) -> set(vm, c, REGION2_SIZE));
        t.add(
                MemoryVm.class,
                KvmFile.Kind.VM,
                "KVM_GET_DIRTY_LOG",
                iow(0x42, DIRTY_SIZE),
                0,
                "api.rst 4.8",
                MemoryIoctls::getDirtyLog);
        t.add(
                MemoryVm.class,
                KvmFile.Kind.VM,
                "KVM_CLEAR_DIRTY_LOG",
                iowr(0xc0, CLEAR_SIZE),
                168,
                "api.rst 4.117",
                MemoryIoctls::clearDirtyLog);
    }

    private static long set(MemoryVm vm, Call call, int size) {
        Bytes b = call.in(size);
        if (b == null) return Errno.EFAULT;
        boolean memfd = (b.u32(4) & MemorySlots.GUEST_MEMFD) != 0;
        if (size == REGION2_SIZE && memfd && vm.slotsTakeGuestMemfd()) return setWithMemfd(vm, b);
        return set(vm, b.u32(0), b.u32(4), b.u64(8), b.u64(16), b.u64(24));
    }

    /** A slot with KVM_MEM_GUEST_MEMFD: it can be made and deleted, not changed. */
    private static long setWithMemfd(MemoryVm vm, Bytes b) {
        long size = b.u64(16), offset = b.u64(32);
        boolean legal = (b.u32(4) & ~MemorySlots.GUEST_MEMFD) == 0
                && vm.pageAligned(offset)
                && Long.compareUnsigned(offset + size, offset) >= 0;
        if (!legal) return Errno.EINVAL;
        if (size == 0) return set(vm, b.u32(0), 0, b.u64(8), size, b.u64(24));
        long bad = check(vm, b.u32(0), b.u64(8), size, b.u64(24));
        if (bad != 0) return bad;
        MemorySlots slots = vm.memory().slots(b.u32(0) >>> 16).get();
        int id = b.u32(0) & 0xffff;
        if (slots.find(id) != null) return Errno.EINVAL;
        if (slots.overlaps(b.u64(8), size, id)) return Errno.EEXIST;
        long[] error = new long[1];
        GuestMemfd file = GuestMemfd.bind(vm, b.u32(40), offset, size, error);
        if (file == null) return error[0];
        long range = vm.checkRange(b.u64(8), size);
        if (range != 0) return range;
        long e = b.u64(24) == 0 ? 0 : vm.client().adopt(b.u64(24), size);
        if (e != 0) return e;
        Slot slot = new Slot(id, b.u64(8), size, b.u64(24), b.u32(4), null, null, null, file, offset, vm.pageShift());
        vm.memory().slots(b.u32(0) >>> 16).set(slots.with(slot));
        vm.memoryChanged();
        return 0;
    }

    /** What is asked of the numbers of any slot. */
    private static long check(MemoryVm vm, int slot, long gpa, long size, long hva) {
        if (!vm.pageAligned(size) || !vm.pageAligned(gpa)) return Errno.EINVAL;
        if (!vm.pageAligned(hva) || !vm.accessOk(hva, size)) return Errno.EINVAL;
        if (slot >>> 16 >= vm.addressSpaces() || (slot & 0xffff) >= vm.memorySlots()) return Errno.EINVAL;
        return Long.compareUnsigned(gpa + size, gpa) < 0 ? Errno.EINVAL : 0;
    }

    /** __kvm_set_memory_region. */
    public static long set(MemoryVm vm, int slot, int flags, long gpa, long size, long hva) {
        int as = slot >>> 16, id = slot & 0xffff;
        GuestMemory memory = vm.memory();
        if ((flags & ~(MemorySlots.LOG_DIRTY_PAGES | MemorySlots.READONLY)) != 0) return Errno.EINVAL;
        long bad = check(vm, slot, gpa, size, hva);
        if (bad != 0) return bad;
        MemorySlots slots = memory.slots(as).get();
        Slot old = slots.find(id);
        if (size == 0) {
            if (old == null) return Errno.EINVAL;
            memory.slots(as).set(slots.without(id));
            vm.memoryChanged();
            forget(old.dirty());
            forget(old.inRing());
            forget(old.mapped());
            unmapAll(vm);
            return 0;
        }
        if (size >>> vm.pageShift() > MAX_PAGES) return Errno.EINVAL;
        long range = vm.checkRange(gpa, size);
        if (range != 0) return range;
        if (old != null) {
            if (old.hva() != hva
                    || old.size() != size
                    || ((old.flags() ^ flags) & (MemorySlots.READONLY | MemorySlots.GUEST_MEMFD)) != 0)
                return Errno.EINVAL;
            if (old.gpa() == gpa && old.flags() == flags) return 0;
        }
        if ((old == null || old.gpa() != gpa) && slots.overlaps(gpa, size, id)) return Errno.EEXIST;
        if (old == null && hva != 0) {
            long e = vm.client().adopt(hva, size);
            if (e != 0) return e;
        }
        Words dirty = null, inRing = null, mapped = null;
        if ((flags & MemorySlots.LOG_DIRTY_PAGES) != 0) {
            DirtyLog log = vm.dirtyLog();
            dirty = old == null ? null : old.dirty();
            inRing = old == null ? null : old.inRing();
            // kvm_alloc_dirty_bitmap: 8 TiB of one slot are 256 MiB of bits.
            if (dirty == null && inRing == null && !vm.client().roomFor(size >>> Mm.PAGE_SHIFT + 3))
                return Errno.ENOMEM;
            mapped = old == null ? null : old.mapped();
            try {
                if (dirty == null && log.usesBitmap()) dirty = log.newLog(slot, size >>> vm.pageShift());
                if (inRing == null && log.usesRing()) inRing = log.newBitmap(slot, size >>> vm.pageShift());
                if (mapped == null && vm.readsMapForWriting()) {
                    mapped = log.newBitmap(slot, size >>> vm.pageShift());
                    // What a guest that ran has mapped is not known: counted as all, as with huge pages.
                    if (old != null && vm.guestRan()) mapped.fill(0, mapped.length(), -1);
                }
            } catch (OutOfMemoryError e) {
                return Errno.ENOMEM;
            }
        }
        memory.slots(as)
                .set(slots.with(new Slot(id, gpa, size, hva, flags, dirty, inRing, mapped, null, 0, vm.pageShift())));
        vm.memoryChanged();
        if (old != null && old.dirty() != dirty) forget(old.dirty());
        if (old != null && old.inRing() != inRing) forget(old.inRing());
        if (old != null && old.mapped() != mapped) forget(old.mapped());
        if (old != null && old.gpa() != gpa) unmapAll(vm);
        return 0;
    }

    /** kvm_mmu_zap_all_fast: a slot that goes takes the translations of all with it. */
    private static void unmapAll(MemoryVm vm) {
        for (int as = 0; as < vm.addressSpaces(); as++)
            for (Slot s : vm.memory().slots(as).get().byGpa())
                if (s.mapped() != null) s.mapped().fill(0, s.mapped().length(), 0);
    }

    /** kvm_destroy_dirty_bitmap: no vCPU uses it any more. */
    private static void forget(@Nullable Words dirty) {
        if (dirty != null) dirty.region().drop();
    }

    private static long getDirtyLog(MemoryVm vm, Call call) {
        Bytes b = call.in(DIRTY_SIZE);
        if (b == null) return Errno.EFAULT;
        if (!vm.dirtyLog().usesBitmap()) return Errno.ENXIO;
        boolean manual = vm.dirtyLog().manualProtect();
        int as = b.u32(0) >>> 16, id = b.u32(0) & 0xffff;
        if (as >= vm.addressSpaces() || id >= vm.memorySlots()) return Errno.EINVAL;
        Slot s = vm.memory().slots(as).get().find(id);
        Words dirty = s == null ? null : s.dirty();
        if (dirty == null) return Errno.ENOENT;
        // A write that marked its page, or is about to, is done before its page is told of.
        vm.kickOutOfGuest();
        long answer = 0;
        for (int from = 0; from < dirty.length(); from += LOG_WORDS) {
            int n = Math.min(LOG_WORDS, dirty.length() - from);
            Bytes out = new Bytes(n * 8);
            for (int i = 0; i < n; i++) out.u64(i * 8, manual ? dirty.get(from + i) : dirty.and(from + i, 0));
            if (answer == 0) answer = call.out(b.u64(8) + from * 8L, out);
        }
        // Writers that cached the page as dirty must mark it again: their translations go before the client sees the
        // log.
        if (!manual) vm.memoryChanged();
        return answer;
    }

    private static long clearDirtyLog(MemoryVm vm, Call call) {
        Bytes b = call.in(CLEAR_SIZE);
        if (b == null) return Errno.EFAULT;
        if (!vm.dirtyLog().usesBitmap()) return Errno.ENXIO;
        int as = b.u32(0) >>> 16, id = b.u32(0) & 0xffff;
        if (as >= vm.addressSpaces() || id >= vm.memorySlots() || (b.u64(8) & 63) != 0) return Errno.EINVAL;
        Slot s = vm.memory().slots(as).get().find(id);
        Words dirty = s == null ? null : s.dirty();
        if (s == null || dirty == null) return Errno.ENOENT;
        long first = b.u64(8), count = b.u32(4) & 0xffffffffL;
        if (Long.compareUnsigned(first, s.pages()) > 0
                || count > s.pages() - first
                || (count & 63) != 0 && first + count < s.pages()) return Errno.EINVAL;
        Bytes mask = call.in(b.u64(16), (int) ((count + 63) / 64 * 8));
        if (mask == null) return Errno.EFAULT;
        for (int i = 0; i < mask.size() / 8; i++) dirty.and((int) (first / 64) + i, ~mask.u64(i * 8));
        vm.memoryChanged();
        return 0;
    }
}
