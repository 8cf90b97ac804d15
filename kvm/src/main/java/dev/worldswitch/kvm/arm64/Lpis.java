package dev.worldswitch.kvm.arm64;

import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import org.jspecify.annotations.Nullable;

/** States of a VM's LPIs, {@link VgicIrq}; memory for them is there from the first one on. */
final class Lpis {
    private static final int COUNT = (1 << Its.LPI_BITS) - Its.FIRST_LPI;

    /** The states, and a bit for each that {@link VgicIrq#queued} is true of. */
    private record Store(Words states, Words queued) {}

    private final Region region;
    private final Ref<@Nullable Store> store;
    private final Word queuedCount;

    Lpis(Region r) {
        region = r;
        store = r.ref("lpis", null);
        queuedCount = r.word("lpisQueued");
    }

    long get(int id) {
        Store s = store.get();
        return s == null ? 0 : s.states.get(id - Its.FIRST_LPI);
    }

    /** The GIC's lock is held. */
    void set(int id, long state, boolean queued) {
        Store s = store.get();
        if (s == null) {
            if (state == 0) return;
            s = new Store(region.words("lpiStates", COUNT), region.words("lpisQueuedBits", COUNT / 64));
            store.set(s);
        }
        int i = id - Its.FIRST_LPI;
        s.states.set(i, state);
        boolean was = (s.queued.get(i >>> 6) >>> i & 1) != 0;
        if (was == queued) return;
        if (queued) s.queued.or(i >>> 6, 1L << i);
        else s.queued.and(i >>> 6, ~(1L << i));
        queuedCount.add(queued ? 1 : -1);
    }

    /** The next queued one after {@code id}; -1 at the end. */
    int next(int id) {
        Store s = store.get();
        if (s == null || queuedCount.acquire() == 0) return -1;
        int from = Math.max(id + 1 - Its.FIRST_LPI, 0);
        for (int word = from >>> 6; word < COUNT / 64; word++) {
            long bits = s.queued.get(word);
            if (word == from >>> 6) bits &= -1L << from;
            if (bits != 0) return Its.FIRST_LPI + (word << 6) + Long.numberOfTrailingZeros(bits);
        }
        return -1;
    }

    /** The next one after {@code id} that an event is mapped to; -1 at the end. */
    int mapped(int id) {
        Store s = store.get();
        if (s == null) return -1;
        for (int i = Math.max(id + 1 - Its.FIRST_LPI, 0); i < COUNT; i++)
            if ((s.states.get(i) & VgicIrq.MAPPED) != 0) return Its.FIRST_LPI + i;
        return -1;
    }
}
