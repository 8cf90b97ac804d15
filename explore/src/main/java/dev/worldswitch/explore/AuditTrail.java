package dev.worldswitch.explore;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What happened between two points of choice: steps, reads, writes, each as a kind with its place, and a value. */
final class AuditTrail {
    /** Stands for the client's memory in place of a cell's number. */
    static final int MEMORY = 0xffffff;

    private static final int READ = 1, WRITE = 2, OPAQUE = 3, STEP = 4;
    private long[] entries = new long[512];
    private int n;
    private final List<String> steps = new ArrayList<>();

    void clear() {
        n = 0;
    }

    void read(int cell, int index, long value) {
        add((long) READ << 56 | (long) cell << 32 | index, value);
    }

    void write(int cell, int index, long value) {
        add((long) WRITE << 56 | (long) cell << 32 | index, value);
    }

    void opaque(long digest) {
        add((long) OPAQUE << 56, digest);
    }

    void step(String name) {
        int i = steps.indexOf(name);
        if (i < 0) {
            i = steps.size();
            steps.add(name);
        }
        add((long) STEP << 56, i);
    }

    private void add(long what, long value) {
        if (n + 2 > entries.length) entries = Arrays.copyOf(entries, 2 * n);
        entries[n++] = what;
        entries[n++] = value;
    }

    long[] taken() {
        return Arrays.copyOf(entries, n);
    }

    /** Where two trails part, in words; null when they are the same. */
    @Nullable
    String difference(World world, long[] first, long[] now) {
        for (int i = 0; i + 1 < Math.min(first.length, now.length); i += 2)
            if (first[i] != now[i] || first[i + 1] != now[i + 1])
                return "first visit " + text(world, first, i) + ", now " + text(world, now, i);
        if (first.length == now.length) return null;
        long[] longer = first.length > now.length ? first : now;
        return (longer == first ? "only the first visit " : "only now ")
                + text(world, longer, Math.min(first.length, now.length));
    }

    private String text(World world, long[] t, int i) {
        int cell = (int) (t[i] >>> 32) & 0xffffff, index = (int) t[i];
        String where = cell == MEMORY ? "client memory" : world.nameOf(cell) + (index == 0 ? "" : "[" + index + "]");
        String value = " 0x" + Long.toHexString(t[i + 1]);
        return switch ((int) (t[i] >>> 56)) {
            case READ -> "reads " + where + " =" + value;
            case WRITE -> "writes " + where + " =" + value;
            case OPAQUE -> "does a guest step with result" + value;
            default -> "comes to step '" + steps.get((int) t[i + 1]) + "'";
        };
    }
}
