package dev.worldswitch.kvm;

import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
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
        MemorySlots.Slot s = slots.get().at(gpa);
        if (s == null || gpa - s.gpa() + size > s.size()) return null;
        byte[] b = new byte[size];
        return client.read(s.hva() + gpa - s.gpa(), b, 0, size) ? new Bytes(b) : null;
    }

    /** Guest memory as a vCPU with this ring writes it. */
    public PhysicalMemory writtenBy(@Nullable DirtyRing ring) {
        return ring == null ? this : new Ringed(this, ring);
    }

    /** Writes that a ring tells of. */
    private record Ringed(GuestMemory of, DirtyRing ring) implements PhysicalMemory {
        @Override
        public long page(long gpa, boolean write) {
            return of.page(gpa, write, ring);
        }

        @Override
        public int generation() {
            return of.generation();
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
        MemorySlots.Slot s = slots.get().at(gpa);
        if (s == null || s.readOnly() || gpa - s.gpa() + b.size() > s.size()) return false;
        if (!client.write(s.hva() + gpa - s.gpa(), b.array(), 0, b.size())) return false;
        s.markDirty(0, gpa - s.gpa(), ring);
        return true;
    }

    /** {@code n} bytes for a debugger's walk of page tables. */
    public @Nullable Bytes peek(long gpa, int n) {
        byte[] b = new byte[n];
        return peek(gpa, b, 0, n) ? new Bytes(b) : null;
    }

    @Override
    public long page(long gpa, boolean write) {
        return page(gpa, write, null);
    }

    private long page(long gpa, boolean write, @Nullable DirtyRing ring) {
        MemorySlots.Slot s = slots.get().at(gpa);
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
        if (write) s.markDirty(0, offset, ring);
        return host;
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
