package dev.worldswitch.machine.arm64;

import java.util.Arrays;

/** Where SVE instructions put results together before they write them: plain memory, empty between instructions. */
final class SveScratch {
    private final long[][] vectors, predicates;
    /** Elements of a register, one a word. */
    final long[] elements = new long[256];

    private int nextVector, nextPredicate;

    SveScratch(int vectorWords, int predicateWords) {
        vectors = new long[6][vectorWords];
        predicates = new long[6][predicateWords];
    }

    void begin() {
        nextVector = nextPredicate = 0;
    }

    /** All zeros. */
    long[] vector() {
        long[] v = vectors[nextVector++];
        Arrays.fill(v, 0);
        return v;
    }

    /** The vector handed out as number {@code k} of this instruction. */
    long[] vector(int k) {
        return vectors[k];
    }

    long[] predicate() {
        long[] p = predicates[nextPredicate++];
        Arrays.fill(p, 0);
        return p;
    }
}
