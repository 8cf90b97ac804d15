package dev.worldswitch.kvm;

import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The memory slots of one address space: one immutable record, swapped whole, slots in the order of their gpa. */
public record MemorySlots(List<Slot> byGpa) {
    public static final MemorySlots NONE = new MemorySlots(List.of());
    public static final int LOG_DIRTY_PAGES = 1, READONLY = 2, GUEST_MEMFD = 4;

    /**
     * struct kvm_memory_slot: pages of 4 KiB. While LOG_DIRTY_PAGES is set {@code dirty} has a bit for each dirty page, or is
     * null where only rings tell of them, and {@code inRing} one for each page that a ring told of since its last reset.
     * Where reading a page makes it writable for the guest, {@code mapped} has a bit for each page that the guest has reached.
     * Pages of a slot with a guest_memfd are in that file, from {@code memfdOffset} on, if they are private or it can be mapped.
     */
    public record Slot(
            int id,
            long gpa,
            long size,
            long hva,
            int flags,
            @Nullable Words dirty,
            @Nullable Words inRing,
            @Nullable Words mapped,
            @Nullable GuestMemfd memfd,
            long memfdOffset) {
        public boolean readOnly() {
            return (flags & READONLY) != 0;
        }

        /** mark_page_dirty_in_slot, for the page at {@code offset}; {@code ring} is the running vCPU's. */
        void markDirty(int addressSpace, long offset, @Nullable DirtyRing ring) {
            int word = (int) (offset >>> 18);
            long bit = 1L << (offset >>> Mm.PAGE_SHIFT);
            if (inRing != null && ring != null) {
                if ((inRing.or(word, bit) & bit) == 0) ring.push(addressSpace << 16 | id, offset >>> Mm.PAGE_SHIFT);
            } else if (dirty != null) dirty.or(word, bit);
        }

        /** The guest reaches the page at {@code offset}; true when that maps it. */
        boolean map(long offset) {
            if (mapped == null) return false;
            long bit = 1L << (offset >>> Mm.PAGE_SHIFT);
            return (mapped.or((int) (offset >>> 18), bit) & bit) == 0;
        }

        public long pages() {
            return size >>> Mm.PAGE_SHIFT;
        }
    }

    /** The slot that holds {@code gpa}, by binary search. */
    public @Nullable Slot at(long gpa) {
        int low = 0, high = byGpa.size() - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            Slot s = byGpa.get(middle);
            if (gpa < s.gpa) high = middle - 1;
            else if (gpa - s.gpa >= s.size) low = middle + 1;
            else return s;
        }
        return null;
    }

    public @Nullable Slot find(int id) {
        for (Slot s : byGpa) if (s.id == id) return s;
        return null;
    }

    /** True when a slot other than {@code except} has a byte of the range. */
    public boolean overlaps(long gpa, long size, int except) {
        for (int i = firstAtOrAbove(gpa) - 1; i < byGpa.size(); i++) {
            if (i < 0) continue;
            Slot s = byGpa.get(i);
            if (s.gpa >= gpa + size) return false;
            if (s.id != except && gpa < s.gpa + s.size) return true;
        }
        return false;
    }

    private int firstAtOrAbove(long gpa) {
        int low = 0, high = byGpa.size();
        while (low < high) {
            int middle = low + high >>> 1;
            if (byGpa.get(middle).gpa < gpa) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    public MemorySlots without(int id) {
        Slot old = find(id);
        if (old == null) return this;
        List<Slot> fewer = new ArrayList<>(byGpa);
        fewer.remove(firstAtOrAbove(old.gpa));
        return new MemorySlots(Collections.unmodifiableList(fewer));
    }

    public MemorySlots with(Slot slot) {
        MemorySlots others = without(slot.id);
        List<Slot> more = new ArrayList<>(others.byGpa.size() + 1);
        more.addAll(others.byGpa);
        more.add(others.firstAtOrAbove(slot.gpa), slot);
        return new MemorySlots(Collections.unmodifiableList(more));
    }
}
