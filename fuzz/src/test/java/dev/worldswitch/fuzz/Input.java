package dev.worldswitch.fuzz;

import java.util.Arrays;

/** Takes arbitrary bytes apart from their start; behind their end all is zero, so that every input means something. */
public final class Input {
    private final byte[] bytes;
    private int at;

    public Input(byte[] bytes) {
        this.bytes = bytes;
    }

    public boolean isEmpty() {
        return at >= bytes.length;
    }

    public int u8() {
        return at < bytes.length ? bytes[at++] & 0xff : 0;
    }

    /** Little-endian, of this many bytes. */
    public long number(int size) {
        long v = 0;
        for (int i = 0; i < size; i++) v |= (long) u8() << 8 * i;
        return v;
    }

    public int u32() {
        return (int) number(4);
    }

    public long u64() {
        return number(8);
    }

    /** So many bytes, fewer at the end. */
    public byte[] take(int most) {
        int from = Math.min(at, bytes.length);
        at = Math.min(from + most, bytes.length);
        return Arrays.copyOfRange(bytes, from, at);
    }

    public byte[] rest() {
        return take(bytes.length);
    }
}
