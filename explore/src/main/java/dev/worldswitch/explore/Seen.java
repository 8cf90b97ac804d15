package dev.worldswitch.explore;

import java.util.Arrays;

/**
 * States seen, by two hash lanes, each with what was left of the bounds and which choices were still to be placed. A
 * visit adds nothing when another had as much left, or more, and as much to place, or more. Workers share one.
 */
final class Seen {
    private static final int SEGMENTS = 64;
    private final Segment[] segments = new Segment[SEGMENTS];

    Seen() {
        for (int i = 0; i < SEGMENTS; i++) segments[i] = new Segment();
    }

    /** What a visit is to the table. */
    enum Visit {
        /** The state was never seen. */
        FIRST,
        /** It was, but not with as much left and to place. */
        MORE,
        NOTHING_NEW
    }

    Visit visit(long h1, long h2, long left, long dirty) {
        Segment s = segments[(int) (h2 >>> 58)];
        synchronized (s) {
            return s.visit(h1, h2, left, dirty);
        }
    }

    /** Open addressing by the first lane; the visits of a state are a chain in rows of their own. */
    private static final class Segment {
        private long[] lane1 = new long[256], lane2 = new long[256];
        private int[] heads = new int[256];
        private long[] left = new long[256], dirty = new long[256];
        private int[] next = new int[256];
        private int states, visits;

        Visit visit(long h1, long h2, long l, long d) {
            int at = slot(h1, h2);
            boolean first = heads[at] == 0;
            for (int v = heads[at]; v != 0; v = next[v - 1])
                if (Budget.atLeast(left[v - 1], l) && (d & ~dirty[v - 1]) == 0) return Visit.NOTHING_NEW;
            if (visits == left.length) {
                int more = visits + (visits >> 1);
                left = Arrays.copyOf(left, more);
                dirty = Arrays.copyOf(dirty, more);
                next = Arrays.copyOf(next, more);
            }
            left[visits] = l;
            dirty[visits] = d;
            next[visits] = heads[at];
            lane1[at] = h1;
            lane2[at] = h2;
            heads[at] = ++visits;
            if (first && 3 * ++states > 2 * heads.length) grow();
            return first ? Visit.FIRST : Visit.MORE;
        }

        private int slot(long h1, long h2) {
            int mask = heads.length - 1, at = (int) h1 & mask;
            while (heads[at] != 0 && (lane1[at] != h1 || lane2[at] != h2)) at = at + 1 & mask;
            return at;
        }

        private void grow() {
            long[] old1 = lane1, old2 = lane2;
            int[] old = heads;
            lane1 = new long[2 * old.length];
            lane2 = new long[2 * old.length];
            heads = new int[2 * old.length];
            for (int i = 0; i < old.length; i++) {
                if (old[i] == 0) continue;
                int at = slot(old1[i], old2[i]);
                lane1[at] = old1[i];
                lane2[at] = old2[i];
                heads[at] = old[i];
            }
        }
    }
}
