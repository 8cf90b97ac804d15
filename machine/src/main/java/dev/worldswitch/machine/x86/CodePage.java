package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/** A guest-physical page with decoded code in it: the blocks, and which of its 64-byte lines they touch. */
final class CodePage {
    private static final int CLEAN = 64;
    private final long page;
    private final List<Block> blocks = new ArrayList<>();
    private long lines;
    /** Lines of replaced blocks that are forgotten here but may still run until the epoch changes. */
    private long loose;

    private int cleanAt = CLEAN;

    CodePage(long page) {
        this.page = page;
    }

    private static long lines(int from, int to) {
        return -1L << (from >> 6) & -1L >>> 63 - (to >> 6);
    }

    boolean has(long gpa, int size) {
        int from = (int) gpa & 0xfff, to = Math.min(from + size - 1, 4095);
        long touched = lines(from, to);
        if ((lines & touched) == 0) return false;
        if ((loose & touched) != 0) return true;
        for (Block b : blocks) if (first(b) <= to && last(b) >= from) return true;
        return false;
    }

    void add(Block b) {
        if (blocks.size() >= cleanAt) {
            // A replaced block may still run until the epoch changes; its lines stay, so that a write to it changes
            // that.
            for (Block x : blocks) if (x.replaced) loose |= lines(first(x), last(x));
            blocks.removeIf(x -> x.dropped || x.replaced);
            cleanAt = Math.max(CLEAN, 2 * blocks.size());
        }
        blocks.add(b);
        lines |= lines(first(b), last(b));
    }

    private int first(Block b) {
        return (b.gpa & GuestMemory.PAGE) == page ? (int) b.gpa & 0xfff : 0;
    }

    private int last(Block b) {
        int here = 4096 - ((int) b.gpa & 0xfff);
        if ((b.gpa & GuestMemory.PAGE) == page) return Math.min(4096 - here + b.bytes.length, 4096) - 1;
        return b.bytes.length - here - 1;
    }

    /** Drops the blocks that a write changed. */
    void written(long gpa, int size) {
        int from = (int) gpa & 0xfff, to = from + size - 1;
        for (Block b : blocks) if (first(b) <= to && last(b) >= from) b.dropped = true;
        blocks.removeIf(b -> b.dropped);
        // The epoch changes with this write, so that no replaced block goes on.
        loose = 0;
        lines = 0;
        for (Block b : blocks) lines |= lines(first(b), last(b));
    }
}
