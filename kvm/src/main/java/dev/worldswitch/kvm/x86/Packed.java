package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.cell.Words;

/** A C structure in a range of cells: fields at byte offsets, each inside one 8-byte word. */
final class Packed {
    private final Words words;
    private final int from;

    /** The structure begins at word {@code from}. */
    Packed(Words words, int from) {
        this.words = words;
        this.from = from;
    }

    private long get(int at, int bits) {
        return words.get(from + at / 8) >>> 8 * (at & 7) & (1L << bits) - 1;
    }

    private void set(int at, int bits, long v) {
        long mask = (1L << bits) - 1 << 8 * (at & 7);
        int word = from + at / 8;
        words.set(word, words.get(word) & ~mask | v << 8 * (at & 7) & mask);
    }

    int u8(int at) {
        return (int) get(at, 8);
    }

    void u8(int at, long v) {
        set(at, 8, v);
    }

    int u16(int at) {
        return (int) get(at, 16);
    }

    void u16(int at, long v) {
        set(at, 16, v);
    }

    long u32(int at) {
        return get(at, 32);
    }

    void u32(int at, long v) {
        set(at, 32, v);
    }

    long u64(int at) {
        return words.get(from + at / 8);
    }

    void u64(int at, long v) {
        words.set(from + at / 8, v);
    }
}
