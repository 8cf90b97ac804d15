package dev.worldswitch.explore.migrate;

import java.util.Arrays;

/**
 * One piece of a vCPU's state.
 *
 * @param id how KVM knows it: a register id, an MSR's index; -1 for structures
 */
record Item(String name, long id, byte[] value) {
    boolean same(byte[] other) {
        return Arrays.equals(value, other);
    }

    /** Little-endian, most significant byte first, leading zeroes left out; long values by their first difference. */
    static String text(byte[] value, byte[] than) {
        int at = 0;
        if (value.length > 16) {
            int m = Arrays.mismatch(value, than);
            at = Math.max(0, m) & -8;
        }
        StringBuilder b = new StringBuilder();
        for (int i = Math.min(value.length, at + 8) - 1; i >= at; i--)
            if (b.length() > 0 || value[i] != 0 || i == at)
                b.append(String.format(b.length() == 0 ? "%x" : "%02x", value[i]));
        return "0x" + b + (value.length > 16 ? " at byte " + at : "");
    }
}
