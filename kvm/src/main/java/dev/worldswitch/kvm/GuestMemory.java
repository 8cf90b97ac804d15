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
    private final Word generation, wideLock;

    public GuestMemory(Region region, Client client) {
        this.region = region;
        this.client = client;
        this.slots = region.ref("slots", MemorySlots.NONE);
        this.smmSlots = region.ref("smmSlots", MemorySlots.NONE);
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

    /** Writes guest memory for KVM itself and marks it dirty; false where it can't be written. */
    public boolean write(long gpa, Bytes b) {
        MemorySlots.Slot s = slots.get().at(gpa);
        if (s == null || s.readOnly() || gpa - s.gpa() + b.size() > s.size()) return false;
        if (!client.write(s.hva() + gpa - s.gpa(), b.array(), 0, b.size())) return false;
        var dirty = s.dirty();
        long offset = gpa - s.gpa();
        if (dirty != null) dirty.or((int) (offset >>> 18), 1L << (offset >>> Mm.PAGE_SHIFT));
        return true;
    }

    @Override
    public long page(long gpa, boolean write) {
        MemorySlots.Slot s = slots.get().at(gpa);
        if (s == null || write && s.readOnly()) return MMIO;
        long offset = gpa - s.gpa() & -Mm.PAGE_SIZE;
        long host = client.hostPage(s.hva() + offset, write);
        if (host == 0) return FAULT;
        var dirty = s.dirty();
        if (write && dirty != null) dirty.or((int) (offset >>> 18), 1L << (offset >>> Mm.PAGE_SHIFT));
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
