package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.translate.CodePages;
import dev.worldswitch.machine.translate.Translation;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decoded blocks by the physical address of their first byte. A pure cache: a block is compared with memory when it is
 * first used after {@link GuestMemory#epoch} changed, because the client and other CPUs write code too.
 */
final class BlockCache implements Translation.Memory<Block> {
    private static final int SIZE = 32768, JUMPS = 4096, MAX_OPS = 48;
    private final Interpreter m;
    private final @Nullable Block[] table = new @Nullable Block[SIZE];
    private final @Nullable Block[] jumps = new @Nullable Block[JUMPS];
    private final CodePages<Block> pages = new CodePages<>();

    BlockCache(Interpreter m) {
        this.m = m;
    }

    void clear() {
        for (int i = 0; i < SIZE; i++) table[i] = null;
        for (int i = 0; i < JUMPS; i++) jumps[i] = null;
        pages.clear();
    }

    boolean isCodePage(long gpa) {
        return pages.isCodePage(gpa);
    }

    /** True when a write of {@code size} bytes in one page may change a block. */
    boolean isCode(long gpa, int size) {
        return pages.isCode(gpa, size);
    }

    void drop(long gpa, int size) {
        pages.written(gpa, size);
    }

    /** A block that was found at {@code rip} in this epoch and mode, with the access rights of now. */
    @Nullable
    Block jump(long rip) {
        Block b = jumps[(int) (rip ^ rip >>> 10) & JUMPS - 1];
        return b != null && b.start == rip && b.foundEpoch == m.epoch && b.foundAccess == m.access && b.mode == m.code
                ? b
                : null;
    }

    /** The block at this address if it was decoded already and memory still says the same. */
    @Nullable
    Block peek(long rip, long gpa, int mode) {
        Block b = table[slot(gpa)];
        return b == null || b.gpa != gpa || b.start != rip || b.mode != mode || b.dropped || !isCurrent(b) ? null : b;
    }

    private static int slot(long gpa) {
        return (int) ((gpa ^ gpa >>> 12) & SIZE - 1);
    }

    Block find(long rip, long gpa, int mode) {
        int slot = slot(gpa);
        Block b = table[slot];
        if (b == null || b.gpa != gpa || b.start != rip || b.mode != mode || b.dropped || !isCurrent(b)) {
            if (b != null) b.replaced = true;
            b = decode(rip, gpa, mode);
            table[slot] = b;
        }
        b.foundEpoch = m.epoch;
        b.foundAccess = m.access;
        jumps[(int) (rip ^ rip >>> 10) & JUMPS - 1] = b;
        return b;
    }

    /** True when memory still says what {@code b} was decoded from. */
    @Override
    public boolean isCurrent(Block b) {
        if (b.checkedEpoch == m.epoch) return true;
        int first = (int) Math.min(b.bytes.length, 4096 - (b.gpa & 0xfff));
        if (!same(b.gpa, b.bytes, 0, first)) return false;
        if (first < b.bytes.length) {
            long second = m.fetch(m.codeLinear(b.start + first));
            if (second != b.gpa2 || !same(second, b.bytes, first, b.bytes.length - first)) return false;
        }
        b.checkedEpoch = m.epoch;
        return true;
    }

    private boolean same(long gpa, byte[] bytes, int at, int n) {
        long host = m.page(gpa, false);
        if (host == PhysicalMemory.MMIO) return false;
        long p = host + (gpa & 0xfff);
        for (int k = 0; k < n; k++)
            if (GuestMemory.HOST.get(ValueLayout.JAVA_BYTE, p + k) != bytes[at + k]) return false;
        return true;
    }

    private Block decode(long rip, long gpa, int mode) {
        List<Op> ops = new ArrayList<>();
        List<byte[]> parts = new ArrayList<>();
        long at = rip, gpa2 = 0;
        int room = (int) (4096 - (gpa & 0xfff)), total = 0;
        int most = pages.isChurning(gpa) ? 1 : MAX_OPS;
        while (ops.size() < most) {
            int left = room - total;
            if (left <= 0 || !ops.isEmpty() && m.breaksAt(at)) break;
            long start = at;
            Insn i;
            try {
                i = m.decodeAt(start);
            } catch (Signal s) {
                // A later instruction that can't be fetched faults when it is reached.
                if (ops.isEmpty()) throw s;
                break;
            }
            if (i.length > left) {
                if (!ops.isEmpty()) break;
                gpa2 = m.fetch(m.codeLinear(start + left));
            }
            Op op = m.makeOp(i);
            ops.add(op);
            byte[] raw = new byte[i.length];
            System.arraycopy(i.bytes, 0, raw, 0, i.length);
            parts.add(raw);
            total += i.length;
            at = op.next;
            if (op.ends() || gpa2 != 0) break;
        }
        byte[] bytes = new byte[total];
        int p = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, bytes, p, part.length);
            p += part.length;
        }
        Block b = new Block(rip, gpa, gpa2, mode, ops.toArray(new Op[0]), bytes);
        b.checkedEpoch = m.epoch;
        own(gpa & GuestMemory.PAGE, b);
        if (gpa2 != 0) own(gpa2 & GuestMemory.PAGE, b);
        return b;
    }

    private void own(long page, Block b) {
        if (pages.isFull() && !pages.isCodePage(page)) m.flushBlocks();
        if (pages.add(page, b)) m.protect(page);
    }
}
