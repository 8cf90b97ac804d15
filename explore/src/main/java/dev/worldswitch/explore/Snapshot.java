package dev.worldswitch.explore;

import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Count;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** All cells of a host and the memory of its client at a rest of the VMM, with a 128-bit hash of their content. */
final class Snapshot {
    /** Identity of a state: two 64-bit hashes with different mixing. */
    record Key(long high, long low) {}

    private final List<Cell> cells = new ArrayList<>();
    private final long[][] words;
    private final @Nullable Object[] refs;
    private final byte[] memory;
    private final Key key;

    private Snapshot(Region root, VmmMemory client, Predicate<Cell> hashed) {
        root.forEachCell(cells::add);
        words = new long[cells.size()][];
        refs = new Object[cells.size()];
        long high = 0x243f6a8885a308d3L, low = 0x13198a2e03707344L;
        for (int c = 0; c < words.length; c++) {
            Cell cell = cells.get(c);
            long[] w = new long[cell instanceof Count ? 0 : cell.length()];
            for (int i = 0; i < w.length; i++) w[i] = cell.peek(i);
            words[c] = w;
            if (cell instanceof Ref<?> r) refs[c] = r.peekRef();
            if (!hashed.test(cell)) continue;
            for (long v : w) {
                high = mix(high ^ v, 0x9e3779b97f4a7c15L);
                low = mix(low + v, 0xc2b2ae3d27d4eb4fL);
            }
            if (cell instanceof Ref<?>) {
                for (byte b : identity(refs[c]).getBytes(java.nio.charset.StandardCharsets.UTF_8)) {
                    high = mix(high ^ b, 0x9e3779b97f4a7c15L);
                    low = mix(low + b, 0xc2b2ae3d27d4eb4fL);
                }
            }
        }
        memory = client.save();
        for (int i = 0; i + 8 <= memory.length; i += 8) {
            long v = 0;
            for (int b = 7; b >= 0; b--) v = v << 8 | memory[i + b] & 0xff;
            high = mix(high ^ v, 0x9e3779b97f4a7c15L);
            low = mix(low + v, 0xc2b2ae3d27d4eb4fL);
        }
        key = new Key(high, low);
    }

    /** @param hashed cells that count in the hash: all, but for a test of the audit */
    static Snapshot take(Region root, VmmMemory client, Predicate<Cell> hashed) {
        return new Snapshot(root, client, hashed);
    }

    Key key() {
        return key;
    }

    /** Copies every cell and the client's memory back. */
    void restore(Region root, VmmMemory client) {
        List<Cell> now = new ArrayList<>();
        root.forEachCell(now::add);
        if (!now.equals(cells)) throw new IllegalStateException("cells were made or dropped after the first rest");
        for (int c = 0; c < words.length; c++) {
            Cell cell = cells.get(c);
            for (int i = 0; i < words[c].length; i++) cell.poke(i, words[c][i]);
            if (cell instanceof Ref<?> r) r.pokeRef(refs[c]);
        }
        client.load(memory);
    }

    private static long mix(long a, long multiplier) {
        long x = (a ^ a >>> 29) * multiplier;
        return x ^ x >>> 32;
    }

    /** A record by its content, an object by the path that its toString gives, else by its class. */
    static String identity(@Nullable Object value) {
        if (value == null) return "null";
        if (value instanceof Record || value instanceof Number || value instanceof String) return value.toString();
        String name = value.getClass().getSimpleName();
        String text = value.toString();
        return text.contains("@") ? name : name + " " + text;
    }

    @Override
    public String toString() {
        return Long.toHexString(key.high) + Long.toHexString(key.low) + " " + Arrays.hashCode(memory);
    }
}
