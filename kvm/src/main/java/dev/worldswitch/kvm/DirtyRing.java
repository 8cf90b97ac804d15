package dev.worldswitch.kvm;

import dev.worldswitch.kvm.MemorySlots.Slot;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.lang.invoke.VarHandle;

/**
 * struct kvm_dirty_ring: the pages that one vCPU was the first to write since they were last reset, for the client to harvest.
 * Its entries (struct kvm_dirty_gfn) are in the vCPU's mapping.
 */
public final class DirtyRing {
    /** KVM_DIRTY_LOG_PAGE_OFFSET. */
    static final int PAGE_OFFSET = 64;

    static final int ENTRY = 16;
    /** KVM_DIRTY_RING_RSVD_ENTRIES: room for what is written before the vCPU has left the guest. */
    static final int RESERVED = 64;

    private static final int F_DIRTY = 1, F_RESET = 2, FLAGS = 0, SLOT = 4, GFN = 8;

    private final SharedPages pages;
    private final Runnable softFull;
    private final Word dirtyIndex, resetIndex;
    private final int offset, size, softLimit;

    /**
     * @param offset its place in the mapping
     * @param softFull what makes the vCPU leave the guest
     */
    DirtyRing(Region region, SharedPages pages, int offset, int size, int reserved, Runnable softFull) {
        this.offset = offset;
        this.pages = pages;
        this.softFull = softFull;
        this.size = size;
        this.softLimit = size - reserved;
        this.dirtyIndex = region.word("dirtyIndex");
        this.resetIndex = region.word("resetIndex");
    }

    private static boolean aboveOrEqual(long a, long b) {
        return Long.compareUnsigned(a, b) >= 0;
    }

    private int entry(long index) {
        return offset + (int) (index & size - 1) * ENTRY;
    }

    /** kvm_dirty_ring_push, by the thread of its vCPU. */
    void push(int slot, long page) {
        long at = dirtyIndex.get();
        pages.set(entry(at) + SLOT, 4, slot);
        pages.set(entry(at) + GFN, 8, page);
        // Slot and page are there before the flag that invites the client to read them.
        VarHandle.releaseFence();
        pages.set(entry(at) + FLAGS, 4, F_DIRTY);
        dirtyIndex.set(at + 1);
        if (isSoftFull()) softFull.run();
    }

    /** kvm_dirty_ring_soft_full. */
    public boolean isSoftFull() {
        return dirtyIndex.get() - resetIndex.get() >= softLimit;
    }

    /** kvm_dirty_ring_reset: harvested entries are free again and their pages are watched anew; how many. */
    int reset(MemoryVm vm) {
        int count = 0;
        for (; ; count++) {
            long at = resetIndex.get();
            int entry = entry(at);
            boolean harvested = (pages.get(entry + FLAGS, 4) & F_RESET) != 0;
            // The flag before what it stands for: the client may have changed the rest until it set the flag.
            VarHandle.acquireFence();
            if (!harvested) return count;
            int slot = (int) pages.get(entry + SLOT, 4);
            long page = pages.get(entry + GFN, 8);
            // Read before the entry may be taken for another page.
            VarHandle.releaseFence();
            pages.set(entry + FLAGS, 4, 0);
            resetIndex.set(at + 1);
            watchAgain(vm, slot, page);
        }
    }

    /** kvm_reset_dirty_gfn. The client may have written anything into the entry. */
    private static void watchAgain(MemoryVm vm, int slot, long page) {
        if (slot >>> 16 >= vm.addressSpaces()) return;
        Slot s = vm.memory().slots(slot >>> 16).get().find(slot & 0xffff);
        Words inRing = s == null ? null : s.inRing();
        if (inRing == null || aboveOrEqual(page, s.pages())) return;
        inRing.and((int) (page >>> 6), ~(1L << page));
    }
}
