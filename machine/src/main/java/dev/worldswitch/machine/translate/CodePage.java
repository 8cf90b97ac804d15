package dev.worldswitch.machine.translate;

import java.util.ArrayList;
import java.util.List;

/** A guest-physical page with decoded code in it: the blocks, and which of its 64-byte lines they touch. */
final class CodePage<B extends BasicBlock<B>> {
    private static final int CLEAN = 64;
    private final long page;
    private final List<B> blocks = new ArrayList<>();
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
        for (B b : blocks) if (first(b) <= to && last(b) >= from) return true;
        return false;
    }

    void add(B b) {
        if (blocks.size() >= cleanAt) {
            // A replaced block may still run until the epoch changes; its lines stay, so that a write to it changes
            // that.
            for (B x : blocks) if (x.replaced) loose |= lines(first(x), last(x));
            blocks.removeIf(x -> x.dropped || x.replaced);
            cleanAt = Math.max(CLEAN, 2 * blocks.size());
        }
        blocks.add(b);
        lines |= lines(first(b), last(b));
    }

    private int first(B b) {
        return (b.gpa & TlbMemory.PAGE) == page ? (int) b.gpa & 0xfff : 0;
    }

    private int last(B b) {
        int here = 4096 - ((int) b.gpa & 0xfff);
        if ((b.gpa & TlbMemory.PAGE) == page) return Math.min(4096 - here + b.byteLength(), 4096) - 1;
        return b.byteLength() - here - 1;
    }

    /** Drops the blocks that a write changed. */
    void written(long gpa, int size) {
        int from = (int) gpa & 0xfff, to = from + size - 1;
        for (B b : blocks) if (first(b) <= to && last(b) >= from) b.dropped = true;
        blocks.removeIf(b -> b.dropped);
        // The epoch changes with this write, so that no replaced block goes on.
        loose = 0;
        lines = 0;
        for (B b : blocks) lines |= lines(first(b), last(b));
    }
}
