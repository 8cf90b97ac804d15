package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.arm64.ItsTables.Device;
import dev.worldswitch.kvm.arm64.ItsTables.Event;
import dev.worldswitch.machine.cell.Ref;
import org.jspecify.annotations.Nullable;

/**
 * Commands of an ITS (Arm IHI 0069, 5.3; vgic_its_handle_command). A command that the tables or numbers forbid does nothing:
 * the guest is not told.
 */
final class ItsCommands {
    static final int SIZE = 32;
    /** Any error of the ITS's own (E_ITS_*). */
    static final long UNMAPPED = 1;

    private static final int MOVI = 1, INT = 3, CLEAR = 4, SYNC = 5, MAPD = 8, MAPC = 9, MAPTI = 10, MAPI = 11;
    private static final int INV = 12, INVALL = 13, MOVALL = 14, DISCARD = 15;

    private final Its its;
    private final Ref<ItsTables> tables;

    ItsCommands(Its its) {
        this.its = its;
        this.tables = its.tables;
    }

    private VgicDelivery lpis() {
        return its.delivery();
    }

    void handle(Bytes c) {
        its.lock.lock();
        try {
            command(c);
        } finally {
            its.lock.unlock();
        }
    }

    private void command(Bytes c) {
        int device = c.u32(4), event = c.u32(8), collection = c.u16(16);
        boolean valid = c.u64(16) < 0;
        ItsTables t = tables.get();
        Event e = t.event(device, event);
        switch (c.u8(0)) {
            case MAPD -> mapDevice(device, valid, (c.u8(8) & 31) + 1, c.u64(16) & 0x000f_ffff_ffff_ff00L);
            case MAPC -> mapCollection(collection, valid, (int) (c.u64(16) >>> 16));
            case MAPTI -> map(device, event, c.u32(12), collection);
            case MAPI -> map(device, event, event, collection);
            case MOVI -> {
                Integer to = t.collections().get(collection);
                if (e == null || t.target(e) < 0 || to == null) return;
                tables.set(t.event(device, event, new Event(e.lpi(), collection)));
                lpis().target(e.lpi(), its.index(to));
            }
            case DISCARD -> {
                if (e != null && t.target(e) >= 0) drop(device, event, e);
            }
            case CLEAR -> {
                if (e != null) lpis().clear(e.lpi());
            }
            case INT -> its.trigger(device, event);
            case INV -> {
                if (e != null) lpis().configure(e.lpi(), -1);
            }
            case INVALL -> {
                Integer to = t.collections().get(collection);
                if (to != null) lpis().configureAll(its.index(to));
            }
            case MOVALL -> {
                int from = its.index((int) (c.u64(16) >>> 16)), to = its.index((int) (c.u64(24) >>> 16));
                if (from >= 0 && to >= 0 && from != to) lpis().moveAll(from, to);
            }
            // All is done when the guest looks.
            case SYNC -> {}
            default -> {}
        }
    }

    private void mapDevice(int id, boolean valid, int bits, long itt) {
        long entry = entry(its.baserDevices.get(), id);
        if (entry == -1 || valid && bits > Its.LPI_BITS) return;
        forget(id);
        if (valid) tables.set(tables.get().device(id, ItsTables.device(itt, bits)));
        else write(entry, 0);
    }

    private void mapCollection(int id, boolean valid, int vcpu) {
        if (!valid) {
            tables.set(tables.get().withoutCollection(id));
            return;
        }
        int index = its.index(vcpu);
        if (index < 0 || !tables.get().collections().containsKey(id) && entry(its.baserCollections.get(), id) == -1)
            return;
        ItsTables t = tables.get().collection(id, vcpu);
        tables.set(t);
        for (Device d : t.devices().values())
            for (Event e : d.events().values()) if (e.collection() == id) lpis().target(e.lpi(), index);
    }

    private void map(int device, int event, int lpi, int collection) {
        ItsTables t = tables.get();
        Device d = t.devices().get(device);
        if (d == null || !eventFits(d, event) || !lpis().isLpi(lpi) || t.event(device, event) != null) return;
        if (!t.collections().containsKey(collection)) {
            if (entry(its.baserCollections.get(), collection) == -1) return;
            t = t.collection(collection, ItsTables.NONE);
        }
        Event e = new Event(lpi, collection);
        t = t.event(device, event, e);
        tables.set(t);
        lpis().add(lpi, its.index(t.target(e)));
    }

    boolean eventFits(Device d, int event) {
        boolean inside = event >= 0 && event < 1 << d.bits();
        return inside && isMemory(d.itt() + (long) event * Its.ENTRY);
    }

    private void drop(int device, int event, Event e) {
        Device d = tables.get().devices().get(device);
        remove(device, event, e);
        if (d != null) write(d.itt() + (long) event * Its.ENTRY, 0);
    }

    private void remove(int device, int event, Event e) {
        tables.set(tables.get().event(device, event, null));
        if (!tables.get().maps(e.lpi())) lpis().remove(e.lpi());
    }

    /** vgic_its_free_device. */
    private void forget(int device) {
        Device d = tables.get().devices().get(device);
        if (d == null) return;
        d.events().forEach((event, e) -> remove(device, event, e));
        tables.set(tables.get().device(device, null));
    }

    void forgetDevices() {
        for (int id : tables.get().devices().keySet()) forget(id);
    }

    void forgetCollections() {
        for (int id : tables.get().collections().keySet())
            tables.set(tables.get().withoutCollection(id));
    }

    /** vgic_its_check_id: the address of an entry of a table, flat or of two levels; -1 where it has none. */
    long entry(long baser, int id) {
        long at = baser & 0x0000_ffff_ffff_0000L | (baser >>> 12 & 15) << 48,
                size = ((baser & 0xff) + 1) * Its.TABLE_PAGE;
        if (id < 0 || id >= 1 << Its.LPI_BITS) return -1;
        if ((baser & Its.INDIRECT) == 0) {
            long address = at + (long) id * Its.ENTRY;
            return (long) id * Its.ENTRY < size && isMemory(address) ? address : -1;
        }
        int perPage = Its.TABLE_PAGE / Its.ENTRY, index = id / perPage;
        if (index * 8L >= size) return -1;
        Long first = read(at + index * 8L);
        if (first == null || first >= 0) return -1;
        long address = (first & 0x000f_ffff_ffff_0000L) + (long) (id % perPage) * Its.ENTRY;
        return isMemory(address) ? address : -1;
    }

    private boolean isMemory(long gpa) {
        return its.vm.memory().slots(0).get().at(gpa) != null;
    }

    @Nullable
    Long read(long gpa) {
        Bytes b = its.vm.memory().read(gpa, 8);
        return b == null ? null : b.u64(0);
    }

    boolean write(long gpa, long value) {
        return its.vm.memory().write(gpa, new Bytes(8).u64(0, value), null);
    }
}
