package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.PhysicalMemory;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decoded blocks by address. A pure cache: a block is compared with memory when it is first used after {@link Mmu#epoch}
 * changed, because the client and other CPUs write code too.
 */
final class Blocks {
    private static final int SIZE = 8192, MAX_OPS = 64;

    /** A basic block: operation objects and the last two successors. It does not cross a page. */
    static final class Block {
        final long pc, ipa, end;
        final boolean guarded;
        final A64Op[] ops;
        /** Index of the first operation that needs the FP unit, and of the first that needs SVE. */
        final int fpAt, sveAt;

        @Nullable
        Block next0, next1;
        int linkEpoch, checkedEpoch;
        boolean dropped;

        Block(long pc, long ipa, boolean guarded, A64Op[] ops) {
            this.pc = pc;
            this.ipa = ipa;
            this.guarded = guarded;
            this.ops = ops;
            this.end = pc + 4L * ops.length;
            int fp = ops.length, sve = ops.length;
            for (int i = ops.length - 1; i >= 0; i--) {
                if (ops[i].unit() != A64Op.CORE) fp = i;
                if (ops[i].unit() == A64Op.SVE) sve = i;
            }
            this.fpAt = fp;
            this.sveAt = sve;
        }

        /** The linked successor at {@code at}, if links are still good. */
        @Nullable
        Block successor(long at, int epoch) {
            if (linkEpoch != epoch) return null;
            Block a = next0;
            if (a != null && a.pc == at) return a;
            Block b = next1;
            return b != null && b.pc == at ? b : null;
        }

        void link(Block b, int epoch) {
            if (linkEpoch != epoch) {
                linkEpoch = epoch;
                next0 = b;
                next1 = null;
            } else if (next0 == null) next0 = b;
            else {
                next1 = next0;
                next0 = b;
            }
        }
    }

    private final Arm64Interpreter c;
    private final boolean[] features;
    private final @Nullable Block[] table = new @Nullable Block[SIZE];
    private final Map<Long, List<Block>> byPage = new HashMap<>();
    private long lastPage = -1;
    private boolean lastIsCode;

    Blocks(Arm64Interpreter c) {
        this.c = c;
        this.features = A64Table.features(c.cpu.profile());
    }

    boolean has(Feature f) {
        return features[f.ordinal()];
    }

    void clear() {
        for (int i = 0; i < SIZE; i++) table[i] = null;
        byPage.clear();
        lastPage = -1;
    }

    boolean isCode(long ipa) {
        long page = ipa & Mmu.PAGE;
        if (page != lastPage) {
            lastPage = page;
            lastIsCode = byPage.containsKey(page);
        }
        return lastIsCode;
    }

    void drop(long ipa) {
        List<Block> blocks = byPage.remove(ipa & Mmu.PAGE);
        lastPage = -1;
        if (blocks != null) for (Block b : blocks) b.dropped = true;
    }

    /** The block at {@code pc}; {@code at} is its physical address, bit 0 set in a guarded page. */
    Block find(long pc, long at) {
        long ipa = at & -2L;
        boolean guarded = (at & 1) != 0;
        int slot = (int) (ipa >>> 2 ^ ipa >>> 14 ^ pc >>> 40) & SIZE - 1;
        Block b = table[slot];
        if (b == null || b.ipa != ipa || b.pc != pc || b.guarded != guarded || b.dropped || !current(b)) {
            b = decode(pc, ipa, guarded);
            table[slot] = b;
        }
        return b;
    }

    private boolean current(Block b) {
        if (b.checkedEpoch == c.epoch) return true;
        long host = c.memory.page(b.ipa & Mmu.PAGE, false);
        if (host == PhysicalMemory.MMIO || host == PhysicalMemory.FAULT) return false;
        long p = host + (b.ipa & 0xfff);
        for (int k = 0; k < b.ops.length; k++) if (word(p + 4L * k) != b.ops[k].word) return false;
        b.checkedEpoch = c.epoch;
        return true;
    }

    private static int word(long host) {
        return Mmu.HOST.get(ValueLayout.JAVA_INT, host);
    }

    private Block decode(long pc, long ipa, boolean guarded) {
        long host = c.host(pc, Mmu.FETCH, ipa) + (ipa & 0xfff);
        List<A64Op> ops = new ArrayList<>();
        int room = (int) (4096 - (ipa & 0xfff)) / 4;
        while (ops.size() < Math.min(room, MAX_OPS)) {
            long k = 4L * ops.size();
            A64Op op = A64Table.decode(word(host + k), pc + k, features);
            ops.add(op);
            if (op.ends()) break;
        }
        Block b = new Block(pc, ipa, guarded, ops.toArray(new A64Op[0]));
        b.checkedEpoch = c.epoch;
        own(ipa & Mmu.PAGE, b);
        return b;
    }

    private void own(long page, Block b) {
        List<Block> list = byPage.get(page);
        if (list == null) {
            list = new ArrayList<>();
            byPage.put(page, list);
            lastPage = -1;
            c.protectCode();
        }
        if (list.size() > 2000) list.removeIf(o -> o.dropped);
        list.add(b);
    }
}
