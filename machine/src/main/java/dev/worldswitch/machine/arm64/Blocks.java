package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.translate.CodePages;
import dev.worldswitch.machine.translate.Translation;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decoded blocks by address. A pure cache: a block is compared with memory when it is first used after {@link Mmu#epoch}
 * changed, because the client and other CPUs write code too.
 */
final class Blocks implements Translation.Memory<Block> {
    private static final int SIZE = 8192, MAX_OPS = 64;

    private final Arm64Interpreter c;
    private final boolean[] features;
    private final @Nullable Block[] table = new @Nullable Block[SIZE];
    private final CodePages<Block> pages = new CodePages<>();

    Blocks(Arm64Interpreter c) {
        this.c = c;
        this.features = A64Table.features(c.cpu.profile());
    }

    boolean has(Feature f) {
        return features[f.ordinal()];
    }

    void clear() {
        for (int i = 0; i < SIZE; i++) table[i] = null;
        pages.clear();
    }

    boolean isCodePage(long ipa) {
        return pages.isCodePage(ipa);
    }

    boolean isCode(long ipa, int size) {
        return pages.isCode(ipa, size);
    }

    void drop(long ipa, int size) {
        pages.written(ipa, size);
    }

    /** The block at this address if it was decoded already and memory still says the same. */
    @Nullable
    Block peek(long pc, long ipa, boolean guarded) {
        Block b = table[slot(pc, ipa)];
        boolean right = b != null && b.gpa == ipa && b.start == pc && b.guarded == guarded && !b.dropped;
        return right && isCurrent(b) ? b : null;
    }

    private static int slot(long pc, long ipa) {
        return (int) (ipa >>> 2 ^ ipa >>> 14 ^ pc >>> 40) & SIZE - 1;
    }

    /** The block at {@code pc}; {@code at} is its physical address, bit 0 set in a guarded page. */
    Block find(long pc, long at) {
        long ipa = at & -2L;
        boolean guarded = (at & 1) != 0;
        Block b = peek(pc, ipa, guarded);
        if (b != null) return b;
        int slot = slot(pc, ipa);
        Block old = table[slot];
        if (old != null) old.replaced = true;
        b = decode(pc, ipa, guarded);
        table[slot] = b;
        return b;
    }

    @Override
    public boolean isCurrent(Block b) {
        if (b.checkedEpoch == c.epoch) return true;
        long host = c.memory.page(b.gpa & Mmu.PAGE, false);
        if (host == PhysicalMemory.MMIO || host == PhysicalMemory.FAULT) return false;
        long p = host + (b.gpa & 0xfff);
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
        while (ops.size() < Math.min(room, pages.isChurning(ipa) ? 1 : MAX_OPS)) {
            long k = 4L * ops.size();
            if (k != 0 && c.breaksAt(pc + k)) break;
            A64Op op = A64Table.decode(word(host + k), pc + k, features);
            ops.add(op);
            if (op.ends()) break;
        }
        Block b = new Block(pc, ipa, guarded, ops.toArray(new A64Op[0]));
        b.checkedEpoch = c.epoch;
        own(b);
        return b;
    }

    private void own(Block b) {
        if (pages.isFull() && !pages.isCodePage(b.gpa)) {
            clear();
            c.epoch++;
        }
        if (pages.add(b.gpa, b)) c.protectCode();
    }
}
