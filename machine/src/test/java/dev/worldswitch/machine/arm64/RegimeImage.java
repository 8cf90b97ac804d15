package dev.worldswitch.machine.arm64;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Memory for {@code native/semantics/a64-regime.S}: the program, keys, random translation tables and cases. A case says how to
 * set the translation regime and which instruction to execute on which address.
 */
final class RegimeImage {
    static final long BASE = 0x40200000L, RESULTS = 0x40280000L;
    static final int SIZE = 0x3000000, CASE = 128, RESULT = 64, MOST = 3400;
    private static final long HEADER = 0x4020f000L, CASES = 0x40210000L, TABLES = 0x40400000L, DATA = 0x43100000L;
    /** What cases branch to: undefined instructions. */
    private static final long TARGETS = BASE + SIZE - 0x10000;

    private static final int PAUTH = 32, AFTER_PAUTH = 42, SVE = 43, BRANCH = 47, OPERATIONS = 50;

    private static final List<Integer> LOADS = List.of(0, 2, 4, 6, 8, 10, 12, 14, 16, 17, 28, 30, 42, 43);

    /** What one case is, in words. */
    record Case(String text) {}

    final ByteBuffer bytes = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
    final List<Case> cases = new ArrayList<>();
    private final Random random;
    private long free = TABLES;

    RegimeImage(byte[] program, long seed) throws IOException {
        if (program.length > HEADER - BASE) throw new IOException("the program does not fit");
        bytes.put(0, program);
        random = new Random(seed);
        for (int i = 0; i < 10; i++) put(HEADER + 8 + 8 * i, random.nextLong());
        for (long at = DATA; at < TARGETS; at += 8) put(at, random.nextLong());
    }

    private void put(long at, long v) {
        bytes.putLong((int) (at - BASE), v);
    }

    private long get(long at) {
        return bytes.getLong((int) (at - BASE));
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private long allocate(int grain) {
        long at = free + (1L << grain) - 1 & -1L << grain;
        free = at + (1L << grain);
        if (free > DATA) throw new IllegalStateException("too many translation tables");
        return at;
    }

    /** A translation regime's half: granule, size, tables; descriptors big-endian where SCTLR_EL1.EE will be set. */
    private final class Half {
        final int grain, in;
        final boolean bigEndian;
        final long root;
        final long[] areas;

        Half(int grain, int in, boolean bigEndian) {
            this.grain = grain;
            this.in = in;
            this.bigEndian = bigEndian;
            this.root = allocate(grain);
            this.areas = new long[] {random.nextLong() >>> 64 - in, random.nextLong() >>> 64 - in};
        }

        private long descriptor(long at) {
            return bigEndian ? Long.reverseBytes(get(at)) : get(at);
        }

        private void descriptor(long at, long v) {
            put(at, bigEndian ? Long.reverseBytes(v) : v);
        }

        int first() {
            return 4 - (in - grain + grain - 4) / (grain - 3);
        }

        int shift(int level) {
            return (3 - level) * (grain - 3) + grain;
        }

        /** Puts a descriptor for an address at a level; where it is, or -1 when a block is in the way. */
        long map(long va, int level, long value, long tableBits) {
            long table = root;
            for (int l = first(); ; l++) {
                int shift = shift(l), width = Math.min(grain - 3, in - shift);
                long at = table + (va >>> shift & (1L << width) - 1) * 8;
                if (l == level) {
                    if (descriptor(at) != 0) return -1;
                    descriptor(at, value);
                    return at;
                }
                if (descriptor(at) == 0) descriptor(at, allocate(grain) | 3 | tableBits);
                else if ((descriptor(at) & 3) != 3) return -1;
                table = descriptor(at) & 0xfffffffff000L & -1L << grain;
            }
        }

        void mapProgram(boolean ds) {
            for (long p = BASE; p < BASE + 0x10000; p += 1L << grain) map(p, 3, p | (ds ? 0x4c3 : 0x7c3), 0);
        }
    }

    /** Adds cases of one random regime. */
    void regime(int count) {
        int grain = 12 + 2 * random.nextInt(3);
        boolean high = random.nextBoolean(), bigEndian = chance(30);
        // Below 31 bits the program would not be in reach; more than 48 need FEAT_LVA or FEAT_LPA2.
        int in = chance(15) && grain == 16 ? 52 : 31 + random.nextInt(18);
        boolean ds = grain != 16 && chance(15);
        if (ds && chance(50)) in = 49 + random.nextInt(4);
        if (free > DATA - 0x100000) return;
        Half half = new Half(grain, in, bigEndian);
        Half other = high ? new Half(12, 39, bigEndian) : half;
        other.mapProgram(ds);
        long tg = grain == 12 ? 0 : grain == 14 ? 2 : 1, tg1 = grain == 12 ? 2 : grain == 14 ? 1 : 3;
        int ips = chance(50) ? 5 : random.nextInt(7);
        long tcr =
                (high ? 25 : 64 - in) | (high ? 0 : tg << 14) | (high ? 64L - in : 25) << 16 | (high ? tg1 : 2) << 30;
        tcr |= (long) ips << 32 | 3L << 12 | 3L << 28;
        if (!high) tcr |= 1L << 23;
        for (int bit : new int[] {37, 38, 39, 40, 41, 42, 51, 52}) if (random.nextBoolean()) tcr |= 1L << bit;
        if (chance(10)) tcr |= 1L << (high ? 56 : 55);
        if (ds) tcr |= 1L << 59;
        for (int i = 0; i < count && cases.size() < MOST && free < DATA - 0x100000; i++)
            one(half, other, high, tcr, bigEndian, ds);
    }

    private void one(Half half, Half other, boolean high, long tcr, boolean bigEndian, boolean ds) {
        int grain = half.grain, op = random.nextInt(OPERATIONS);
        // Blocks where the architecture has them: the reference takes more.
        int largest = grain == 12 ? ds ? 0 : 1 : grain == 14 ? ds ? 1 : 2 : 1;
        int level = chance(70) ? 3 : Math.max(Math.max(half.first(), largest), random.nextInt(4));
        long data = DATA + 0x1000L * random.nextInt((int) (TARGETS - DATA >> 12));
        if (op == BRANCH) data = TARGETS + 0x1000L * random.nextInt(16);
        // Loads of two pages only: a store may have written the first when the second faults.
        data += chance(15) && LOADS.contains(op)
                ? 0xff0 + random.nextInt(16)
                : random.nextInt(0xf0) * 16 + (chance(75) ? 0 : random.nextInt(16));
        int shift = half.shift(level);
        long page = data & -1L << shift, offset = random.nextLong() >>> 64 - half.in;
        // Most pages near each other, so that they share tables.
        if (level == 3 && chance(90)) offset = half.areas[random.nextInt(2)] ^ offset & (1L << half.shift(2) + 2) - 1;
        offset &= -1L << shift;
        long bits = random.nextLong() & (0x3L << 53 | 1L << 51 | 0xfc0L)
                | (chance(60) ? 1 << 10 : 0)
                | (chance(50) ? 0x40 : 0);
        if (ds) bits &= ~0x300L;
        // The reference fetches from pages that hardware may make writable for EL0.
        if (op == BRANCH) bits &= ~(1L << 51);
        if (random.nextBoolean()) bits |= 4;
        long type = chance(5) ? random.nextInt(3) : level == 3 ? 3 : 1;
        // Beyond the output size, so that no address without memory is reached.
        long out = (tcr >>> 32 & 7) < 5 && chance(5) ? random.nextLong() & 0xf00000000000L : 0;
        long tableBits = chance(30) ? (long) random.nextInt(32) << 59 : 0;
        long at = half.map(offset, level, page | out | bits | type, tableBits);
        long va = offset | data & (1L << shift) - 1;
        if (high) va |= -1L << half.in;
        if (chance(20)) va ^= random.nextLong() & -1L << 56;
        if (chance(4)) va ^= 1L << random.nextInt(64);
        // The reference looks at the address before it looks at its alignment.
        if (op == BRANCH) va &= -4L;
        if (op >= PAUTH && op < AFTER_PAUTH) {
            if (chance(50)) va = random.nextLong();
            // It takes size and tags from the half that bit 55 names, the architecture in places from the other's.
            if ((tcr >>> 37 & 3) != 3 || (tcr >>> 51 & 3) != 0) va = va & Long.MAX_VALUE | va << 8 & Long.MIN_VALUE;
        }
        long sctlr = 0x00c50078L | 1 | 1L << 31 | 1L << 30 | 1L << 27 | 1L << 13 | 1L << 12 | 1L << 2;
        if (chance(10) && (op < SVE || op > SVE + 1)) sctlr |= 2;
        if (chance(10)) sctlr |= 1L << 19;
        if (bigEndian) sctlr |= 1L << 25;
        if (chance(30)) sctlr |= 1L << 24;
        long at0 = CASES + (long) CASE * cases.size();
        long lower = high ? other.root : half.root, upper = high ? half.root : 0;
        long[] words = {
            sctlr, tcr, lower, upper, va, op, random.nextLong(), random.nextLong(), data & -16L, at < 0 ? half.root : at
        };
        for (int i = 0; i < words.length; i++) put(at0 + 8 * i, words[i]);
        cases.add(new Case(String.format(
                "case %d: operation %d on %x, granule %d, %d bits, level %d, data %x, SCTLR %x, TCR %x, descriptor %x under %x",
                cases.size(),
                op,
                va,
                1 << grain,
                half.in,
                level,
                data,
                sctlr,
                tcr,
                page | out | bits | type,
                tableBits)));
        put(HEADER, cases.size());
    }
}
