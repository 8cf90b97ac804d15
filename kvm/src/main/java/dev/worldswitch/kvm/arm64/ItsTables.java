package dev.worldswitch.kvm.arm64;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What an interrupt translation service has been told: one immutable record, swapped whole.
 *
 * @param devices by their number
 * @param collections the vCPU id of each mapped collection
 */
record ItsTables(SortedMap<Integer, Device> devices, SortedMap<Integer, Integer> collections) {
    static final ItsTables EMPTY = new ItsTables(Collections.emptySortedMap(), Collections.emptySortedMap());
    /** COLLECTION_NOT_MAPPED, and the collection of an event whose collection went. */
    static final int NONE = -1;

    /**
     * A device.
     *
     * @param itt guest-physical address of its table of events
     * @param bits of its event numbers
     */
    record Device(long itt, int bits, SortedMap<Integer, Event> events) {}

    /** An event: the LPI that it is, and its collection. */
    record Event(int lpi, int collection) {}

    private static <T> SortedMap<Integer, T> with(SortedMap<Integer, T> map, int key, @Nullable T value) {
        TreeMap<Integer, T> m = new TreeMap<>(map);
        if (value == null) m.remove(key);
        else m.put(key, value);
        return Collections.unmodifiableSortedMap(m);
    }

    ItsTables device(int id, @Nullable Device d) {
        return new ItsTables(with(devices, id, d), collections);
    }

    static Device device(long itt, int bits) {
        return new Device(itt, bits, Collections.emptySortedMap());
    }

    ItsTables event(int device, int id, @Nullable Event e) {
        Device d = devices.get(device);
        if (d == null) return this;
        return device(device, new Device(d.itt, d.bits, with(d.events, id, e)));
    }

    ItsTables collection(int id, @Nullable Integer vcpu) {
        return new ItsTables(devices, with(collections, id, vcpu));
    }

    /** vgic_its_free_collection: its events stay, without a collection. */
    ItsTables withoutCollection(int id) {
        ItsTables t = collection(id, null);
        for (int device : devices.keySet())
            for (var e : find(device).events.entrySet())
                if (e.getValue().collection == id) t = t.event(device, e.getKey(), new Event(e.getValue().lpi, NONE));
        return t;
    }

    private Device find(int id) {
        Device d = devices.get(id);
        if (d == null) throw new IllegalStateException("no device " + id);
        return d;
    }

    @Nullable
    Event event(int device, int id) {
        Device d = devices.get(device);
        return d == null ? null : d.events.get(id);
    }

    /** The vCPU id that an event goes to; NONE where its collection is not mapped. */
    int target(Event e) {
        Integer vcpu = collections.get(e.collection);
        return vcpu == null ? NONE : vcpu;
    }

    boolean maps(int lpi) {
        for (Device d : devices.values()) for (Event e : d.events.values()) if (e.lpi == lpi) return true;
        return false;
    }
}
