package dev.worldswitch.explore;

import dev.worldswitch.machine.cell.Watcher;
import java.util.IdentityHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Hashes of values: a record by its content, an object by the path that its toString gives, else by its class. */
final class Digests {
    private static final long[] MULTIPLIER = {
        0x9e3779b97f4a7c15L,
        0xc2b2ae3d27d4eb4fL,
        0x165667b19e3779f9L,
        0xff51afd7ed558ccdL,
        0xc4ceb9fe1a85ec53L,
        0x9fb21c651e98df25L,
        0xd6e8feb86659fd93L
    };
    private final Map<Object, Long> known = new IdentityHashMap<>();

    static long mix(long v, int lane) {
        long x = (v ^ v >>> 32) * MULTIPLIER[lane];
        x = (x ^ x >>> 29) * MULTIPLIER[lane + 1 & 3];
        return x ^ x >>> 32;
    }

    long of(@Nullable Object value) {
        if (value == null) return 0;
        if (value instanceof Watcher.Result r) return r.digest();
        Long d = known.get(value);
        if (d == null) {
            d = of(identity(value));
            known.put(value, d);
        }
        return d;
    }

    static long of(String text) {
        long h = text.length();
        for (int i = 0; i < text.length(); i++) h = (h ^ text.charAt(i)) * 0x100000001b3L + (h >>> 47);
        return mix(h, 0);
    }

    static long of(byte[] b) {
        long h = b.length;
        for (byte v : b) h = (h ^ v & 0xff) * 0x100000001b3L + (h >>> 47);
        return mix(h, 0);
    }

    /** Objects in a record that have no text of their own are known by their class: an address is another in each host. */
    private static String withoutAddresses(String text) {
        return text.indexOf('@') < 0 ? text : text.replaceAll("@[0-9a-f]+", "");
    }

    static String identity(Object value) {
        if (value instanceof Record || value instanceof Number || value instanceof String || value instanceof Enum<?>)
            return withoutAddresses(value.toString());
        String name = value.getClass().getSimpleName();
        String text = value.toString();
        return text.contains("@") ? name : name + " " + text;
    }
}
