package dev.worldswitch.kvm;

import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The memory slots of one address space, in the order of their gpa and in that of their id: one record, swapped whole. */
public record MemorySlots(List<Slot> byGpa, List<Slot> byId) {
    public static final MemorySlots NONE = new MemorySlots(List.of(), List.of());
    public static final int LOG_DIRTY_PAGES = 1, READONLY = 2, GUEST_MEMFD = 4;

    /**
     * struct kvm_memory_slot: pages of the host's size. While LOG_DIRTY_PAGES is set {@code dirty} has a bit for each dirty page, or is
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
            long memfdOffset,
            int pageShift) {
        public boolean readOnly() {
            return (flags & READONLY) != 0;
        }

        /** mark_page_dirty_in_slot, for the page at {@code offset}; {@code ring} is the running vCPU's. */
        void markDirty(int addressSpace, long offset, @Nullable DirtyRing ring) {
            long page = offset >>> pageShift, bit = 1L << page;
            int word = (int) (page >>> 6);
            if (inRing != null && ring != null) {
                if ((inRing.or(word, bit) & bit) == 0) ring.push(addressSpace << 16 | id, page);
            } else if (dirty != null) dirty.or(word, bit);
        }

        /** The guest reaches the page at {@code offset}; true when that maps it. */
        boolean map(long offset) {
            if (mapped == null) return false;
            long page = offset >>> pageShift, bit = 1L << page;
            return (mapped.or((int) (page >>> 6), bit) & bit) == 0;
        }

        public long pages() {
            return size >>> pageShift;
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
        int i = firstIdFrom(id);
        return i < byId.size() && byId.get(i).id == id ? byId.get(i) : null;
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

    private int firstIdFrom(int id) {
        int low = 0, high = byId.size();
        while (low < high) {
            int middle = low + high >>> 1;
            if (byId.get(middle).id < id) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    public MemorySlots without(int id) {
        Slot old = find(id);
        if (old == null) return this;
        return new MemorySlots(without(byGpa, firstAtOrAbove(old.gpa)), without(byId, firstIdFrom(id)));
    }

    public MemorySlots with(Slot slot) {
        MemorySlots others = without(slot.id);
        return new MemorySlots(
                with(others.byGpa, others.firstAtOrAbove(slot.gpa), slot),
                with(others.byId, others.firstIdFrom(slot.id), slot));
    }

    private static List<Slot> without(List<Slot> all, int place) {
        List<Slot> fewer = new ArrayList<>(all);
        fewer.remove(place);
        return Collections.unmodifiableList(fewer);
    }

    private static List<Slot> with(List<Slot> all, int place, Slot slot) {
        Slot[] more = all.toArray(new Slot[all.size() + 1]);
        System.arraycopy(more, place, more, place + 1, all.size() - place);
        more[place] = slot;
        return Collections.unmodifiableList(Arrays.asList(more));
    }
}
