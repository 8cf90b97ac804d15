package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.ItsTables.Device;
import dev.worldswitch.kvm.arm64.ItsTables.Event;
import java.util.List;
import java.util.Map;

/**
 * An ITS's tables to guest memory and back, in the layout of the first revision (arm-vgic-its.rst): 8 bytes an entry; those of
 * devices and events say how far it is to the next.
 */
final class ItsMigration {
    private static final int NEXT_DEVICE = 49, ITT = 5, NEXT_EVENT = 48, LPI = 16, TARGET = 16;
    private static final int FURTHEST_DEVICE = (1 << 14) - 1, FURTHEST_EVENT = (1 << 16) - 1;

    private final Its its;
    private final ItsCommands at;

    ItsMigration(Its its) {
        this.its = its;
        this.at = its.commands();
    }

    /** KVM_DEV_ARM_ITS_SAVE_TABLES. */
    long save() {
        ItsTables t = its.tables.get();
        if ((its.baserDevices.get() & Its.VALID) != 0) {
            List<Integer> ids = t.devices().keySet().stream()
                    .filter(id -> at.entry(its.baserDevices.get(), id) != -1)
                    .toList();
            for (int i = 0; i < ids.size(); i++) {
                int id = ids.get(i), next = i + 1 < ids.size() ? Math.min(ids.get(i + 1) - id, FURTHEST_DEVICE) : 0;
                Device d = t.devices().get(id);
                if (d == null || !saveEvents(d)) return Errno.EFAULT;
                long entry = Its.VALID | (long) next << NEXT_DEVICE | d.itt() >>> 8 << ITT | d.bits() - 1;
                if (!at.write(at.entry(its.baserDevices.get(), id), entry)) return Errno.EFAULT;
            }
        }
        return (its.baserCollections.get() & Its.VALID) == 0 ? 0 : saveCollections(t);
    }

    private boolean saveEvents(Device d) {
        List<Map.Entry<Integer, Event>> all = List.copyOf(d.events().entrySet());
        for (int i = 0; i < all.size(); i++) {
            int id = all.get(i).getKey();
            Event e = all.get(i).getValue();
            int next = i + 1 < all.size() ? Math.min(all.get(i + 1).getKey() - id, FURTHEST_EVENT) : 0;
            long entry = e.collection() == ItsTables.NONE
                    ? 0
                    : (long) next << NEXT_EVENT | (long) e.lpi() << LPI | e.collection();
            if (!at.write(d.itt() + (long) id * Its.ENTRY, entry)) return false;
        }
        return true;
    }

    private static long base(long baser) {
        return baser & 0x0000_ffff_ffff_0000L | (baser >>> 12 & 15) << 48;
    }

    private static long size(long baser) {
        return ((baser & 0xff) + 1) * Its.TABLE_PAGE;
    }

    private long saveCollections(ItsTables t) {
        long baser = its.baserCollections.get(), gpa = base(baser);
        for (var c : t.collections().entrySet()) {
            long entry = Its.VALID | (c.getValue() & 0xffffffffL) << TARGET | c.getKey();
            if (!at.write(gpa, entry)) return Errno.EFAULT;
            gpa += Its.ENTRY;
        }
        return gpa == base(baser) + size(baser) || at.write(gpa, 0) ? 0 : Errno.EFAULT;
    }

    /** KVM_DEV_ARM_ITS_RESTORE_TABLES: collections first, as events name them. */
    long restore() {
        long r = (its.baserCollections.get() & Its.VALID) == 0 ? 0 : restoreCollections();
        if (r == 0 && (its.baserDevices.get() & Its.VALID) != 0) r = restoreDevices();
        if (r == 0) return 0;
        at.forgetDevices();
        at.forgetCollections();
        return r;
    }

    private long restoreCollections() {
        long baser = its.baserCollections.get();
        for (long gpa = base(baser); gpa < base(baser) + size(baser); gpa += Its.ENTRY) {
            Long entry = at.read(gpa);
            if (entry == null) return Errno.EFAULT;
            if (entry >= 0) return 0;
            int id = (int) (entry & 0xffff), vcpu = (int) (entry >>> TARGET);
            if (vcpu != ItsTables.NONE && its.index(vcpu) < 0) return Errno.EINVAL;
            if (its.tables.get().collections().containsKey(id)) return Errno.EEXIST;
            if (at.entry(baser, id) == -1) return Errno.EINVAL;
            its.tables.set(its.tables.get().collection(id, vcpu));
        }
        return 0;
    }

    /** scan_its_table with what each entry is: how far to the next, 0 at the end, an errno. */
    @FunctionalInterface
    private interface EntryOf {
        long restore(int id, long entry);
    }

    private long scan(long gpa, long size, int first, EntryOf of) {
        for (long at = 0, id = first; at < size; ) {
            Long entry = this.at.read(gpa + at);
            if (entry == null) return Errno.EFAULT;
            long next = of.restore((int) id, entry);
            if (next <= 0) return next;
            id += next;
            at += next * Its.ENTRY;
        }
        return 1;
    }

    private long restoreDevices() {
        long baser = its.baserDevices.get();
        int perPage = Its.TABLE_PAGE / Its.ENTRY;
        EntryOf level1 = (id, entry) -> entry >= 0
                ? 1
                : scan(entry & 0x000f_ffff_ffff_0000L, Its.TABLE_PAGE, id * perPage, this::restoreDevice);
        boolean two = (baser & Its.INDIRECT) != 0;
        long r = scan(base(baser), size(baser), 0, two ? level1 : this::restoreDevice);
        return Math.min(r, 0);
    }

    private long restoreDevice(int id, long entry) {
        if (entry >= 0) return 1;
        int bits = (int) (entry & 31) + 1;
        long itt = (entry >>> ITT & (1L << 44) - 1) << 8;
        if (bits > Its.LPI_BITS || at.entry(its.baserDevices.get(), id) == -1) return Errno.EINVAL;
        its.tables.set(its.tables.get().device(id, ItsTables.device(itt, bits)));
        long r = scan(itt, (1L << bits) * Its.ENTRY, 0, (event, e) -> restoreEvent(id, event, e));
        return r < 0 ? r : entry >>> NEXT_DEVICE & FURTHEST_DEVICE;
    }

    private long restoreEvent(int device, int id, long entry) {
        int lpi = (int) (entry >>> LPI), collection = (int) (entry & 0xffff);
        long next = entry >>> NEXT_EVENT;
        if (lpi == 0) return 1;
        Device d = its.tables.get().devices().get(device);
        Integer target = its.tables.get().collections().get(collection);
        boolean legal = lpi >= Its.FIRST_LPI && d != null && id + next < 1L << d.bits();
        if (!legal || target == null || !at.eventFits(d, id)) return Errno.EINVAL;
        its.tables.set(its.tables.get().event(device, id, new Event(lpi, collection)));
        its.delivery().add(lpi, its.index(target));
        return next;
    }
}
