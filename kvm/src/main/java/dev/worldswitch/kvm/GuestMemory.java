package dev.worldswitch.kvm;

import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** Guest-physical memory made of a VM's slots: address space 0, and 1 for SMM. */
public final class GuestMemory implements PhysicalMemory {
    private final Region region;
    private final Client client;
    private final Ref<MemorySlots> slots, smmSlots;
    private final Ref<PrivateRanges> privateRanges;
    private final Word generation, wideLock;

    public GuestMemory(Region region, Client client) {
        this.region = region;
        this.client = client;
        this.slots = region.ref("slots", MemorySlots.NONE);
        this.smmSlots = region.ref("smmSlots", MemorySlots.NONE);
        this.privateRanges = region.ref("private", PrivateRanges.NONE);
        this.generation = region.word("generation");
        this.wideLock = region.word("wideLock");
    }

    Region region() {
        return region;
    }

    Client client() {
        return client;
    }

    public Ref<MemorySlots> slots(int addressSpace) {
        return addressSpace == 0 ? slots : smmSlots;
    }

    /** What KVM_SET_MEMORY_ATTRIBUTES made private. */
    public Ref<PrivateRanges> privateRanges() {
        return privateRanges;
    }

    /** Cached translations are wrong from here on. */
    public void changed() {
        generation.add(1);
    }

    /** Reads guest memory for KVM itself, null where it is not there. */
    public @Nullable Bytes read(long gpa, int size) {
        return read(0, gpa, size);
    }

    /** The same of an address space. */
    public @Nullable Bytes read(int addressSpace, long gpa, int size) {
        MemorySlots.Slot s = slots(addressSpace).get().at(gpa);
        if (s == null || gpa - s.gpa() + size > s.size()) return null;
        byte[] b = new byte[size];
        return client.read(s.hva() + gpa - s.gpa(), b, 0, size) ? new Bytes(b) : null;
    }

    /** Guest memory as a vCPU with this ring writes it. */
    public PhysicalMemory writtenBy(@Nullable DirtyRing ring) {
        return ring == null ? this : seenBy(ring, () -> 0);
    }

    /** Guest memory as a vCPU sees it that changes between address spaces. */
    public PhysicalMemory seenBy(@Nullable DirtyRing ring, IntSupplier addressSpace) {
        return new Seen(this, ring, addressSpace);
    }

    private record Seen(GuestMemory of, @Nullable DirtyRing ring, IntSupplier addressSpace) implements PhysicalMemory {
        @Override
        public long page(long gpa, boolean write) {
            return of.page(addressSpace.getAsInt(), gpa, write, write, ring);
        }

        @Override
        public long tablePage(long gpa) {
            return of.page(addressSpace.getAsInt(), gpa, false, true, ring);
        }

        /** Translations of one address space are wrong in the other. */
        @Override
        public int generation() {
            return of.generation() ^ addressSpace.getAsInt() << 31;
        }

        @Override
        public void lockWide() {
            of.lockWide();
        }

        @Override
        public void unlockWide() {
            of.unlockWide();
        }
    }

    /**
     * Writes guest memory for KVM itself and marks it dirty; false where it can't be written.
     *
     * @param ring of the vCPU that runs, null for none
     */
    public boolean write(long gpa, Bytes b, @Nullable DirtyRing ring) {
        return write(0, gpa, b, ring);
    }

    /** The same in an address space. */
    public boolean write(int addressSpace, long gpa, Bytes b, @Nullable DirtyRing ring) {
        MemorySlots.Slot s = slots(addressSpace).get().at(gpa);
        if (s == null || s.readOnly() || gpa - s.gpa() + b.size() > s.size()) return false;
        if (!client.write(s.hva() + gpa - s.gpa(), b.array(), 0, b.size())) return false;
        s.markDirty(addressSpace, gpa - s.gpa(), ring);
        return true;
    }

    /** {@code n} bytes for a debugger's walk of page tables. */
    public @Nullable Bytes peek(long gpa, int n) {
        byte[] b = new byte[n];
        return peek(gpa, b, 0, n) ? new Bytes(b) : null;
    }

    @Override
    public long page(long gpa, boolean write) {
        return page(0, gpa, write, write, null);
    }

    @Override
    public long tablePage(long gpa) {
        return page(0, gpa, false, true, null);
    }

    /** {@code dirties}: where it can be written it counts as written. */
    private long page(int addressSpace, long gpa, boolean write, boolean dirties, @Nullable DirtyRing ring) {
        MemorySlots.Slot s = slots(addressSpace).get().at(gpa);
        PrivateRanges hidden = privateRanges.get();
        boolean isPrivate = hidden != PrivateRanges.NONE && hidden.has(gpa);
        // Private memory that is nowhere is no MMIO: the client shall say where it is, or make it shared.
        if (isPrivate && (s == null || s.memfd() == null)) return FAULT;
        if (s == null || write && s.readOnly()) return MMIO;
        long offset = gpa - s.gpa() & -Mm.PAGE_SIZE;
        GuestMemfd file = s.memfd();
        if (file != null && (isPrivate || file.mappable())) {
            long page = file.page(s.memfdOffset() + offset);
            return page == 0 ? FAULT : page;
        }
        long host = client.hostPage(s.hva() + offset, write);
        if (host == 0) return FAULT;
        boolean maps = s.map(offset);
        // kvm_tdp_page_fault maps a page that is there for reading and writing at once: hva_to_pfn_slow asks for both.
        boolean marks = dirties || maps && isWritten(s, offset);
        if (marks && !s.readOnly()) s.markDirty(addressSpace, offset, ring);
        return host;
    }

    /** A page that holds nothing counts as one that the client has never touched: the kernel's zero page, read-only. */
    private boolean isWritten(MemorySlots.Slot s, long offset) {
        byte[] page = new byte[Mm.PAGE_SIZE];
        if (!client.read(s.hva() + offset, page, 0, page.length)) return false;
        for (byte b : page) if (b != 0) return true;
        return false;
    }

    @Override
    public int generation() {
        return (int) generation.acquire() + client.memoryGeneration();
    }

    @Override
    public void lockWide() {
        while (!wideLock.cas(0, 1)) Thread.onSpinWait();
    }

    @Override
    public void unlockWide() {
        wideLock.release(0);
    }
}
