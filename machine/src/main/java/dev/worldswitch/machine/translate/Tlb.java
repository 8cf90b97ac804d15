package dev.worldswitch.machine.translate;

import java.util.Arrays;

/**
 * Translations for one kind of access. Even elements of {@link #pairs} are tags (page and access rights), odd ones what
 * is added to a virtual address of that page to get the host's. The array itself is handed to translated code.
 */
public final class Tlb {
    private static final int SIZE = 1024;
    public final long[] pairs = new long[2 * SIZE];

    public Tlb() {
        flush();
    }

    public static int slot(long va) {
        return (int) (va >>> 11) & 2 * SIZE - 2;
    }

    /** True when all {@code size} bytes are in the page that {@code pairs} has at {@code slot}. */
    public static boolean hit(long[] pairs, int slot, long va, int size, long access) {
        // The page after va's is never in the slot of va's: an access that leaves the page misses.
        return pairs[slot] == (va + (size - 1) & TlbMemory.PAGE | access);
    }

    public boolean has(long va, long access) {
        return hit(pairs, slot(va), va, 1, access);
    }

    /** Host address of {@code va}, which {@link #has} found. */
    public long host(long va) {
        return va + pairs[slot(va) + 1];
    }

    public void put(long va, long access, long hostPage) {
        int i = slot(va);
        pairs[i] = va & TlbMemory.PAGE | access;
        pairs[i + 1] = hostPage - (va & TlbMemory.PAGE);
    }

    public void flush() {
        Arrays.fill(pairs, -1);
    }
}
