package dev.worldswitch.machine.x86;

import java.util.Arrays;

/**
 * Translations for one kind of access. Even elements of {@link #pairs} are tags (page and access rights), odd ones what
 * is added to a linear address of that page to get the host's. The array itself is handed to translated code.
 */
final class Tlb {
    private static final int SIZE = 1024;
    final long[] pairs = new long[2 * SIZE];

    Tlb() {
        flush();
    }

    static int slot(long la) {
        return (int) (la >>> 11) & 2 * SIZE - 2;
    }

    /** True when all {@code size} bytes are in the page that {@code pairs} has at {@code slot}. */
    static boolean hit(long[] pairs, int slot, long la, int size, long access) {
        // The page after la's is never in the slot of la's: an access that leaves the page misses.
        return pairs[slot] == (la + (size - 1) & GuestMemory.PAGE | access);
    }

    boolean has(long la, long access) {
        return hit(pairs, slot(la), la, 1, access);
    }

    /** Host address of {@code la}, which {@link #has} found. */
    long host(long la) {
        return la + pairs[slot(la) + 1];
    }

    void put(long la, long access, long hostPage) {
        int i = slot(la);
        pairs[i] = la & GuestMemory.PAGE | access;
        pairs[i + 1] = hostPage - (la & GuestMemory.PAGE);
    }

    void flush() {
        Arrays.fill(pairs, -1);
    }
}
