package dev.worldswitch.explore;

import java.util.function.BooleanSupplier;

/**
 * How an exploration is done, which never changes what is found.
 *
 * @param jobs workers, each in a thread of its own
 * @param reduce leaves out choices that commute with what came before
 * @param shard which part of the work, from 1
 * @param shards how many parts there are
 * @param first ends with the first finding
 * @param stop asked now and then: end with what was found so far
 */
public record Effort(int jobs, boolean reduce, int shard, int shards, boolean first, BooleanSupplier stop) {
    public static final Effort USUAL = new Effort(1, true, 1, 1, false, () -> false);

    Effort withJobs(int other) {
        return new Effort(other, reduce, shard, shards, first, stop);
    }

    public Effort {
        if (jobs < 1) throw new IllegalArgumentException("no workers");
        if (shard < 1 || shard > shards) throw new IllegalArgumentException("no shard " + shard + " of " + shards);
    }
}
