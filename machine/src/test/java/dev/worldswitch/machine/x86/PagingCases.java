package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Random page tables, control bits and accesses for {@code native/semantics/x86-paging.S}. */
final class PagingCases {
    static final int RESULT = 64;
    private static final int COUNT = 0x108000, CASES = 0x120000, STACK = 0x109000, TSS32 = 0x10a800, TSS64 = 0x10a900;
    private static final int IDT32 = 0x10b000, IDT64 = 0x10c000, STUBS32 = 0x101000, STUBS64 = 0x101400;
    /** Top tables of the program's own mapping, and what they lead to. */
    private static final int PD32 = 0x300000, PT32 = 0x301000, PDPT_PAE = 0x30f000, PD = 0x307000, PML4 = 0x30a000;

    private static final int PDPT = 0x30b000, PML5 = 0x30d000;
    /** The tables of the cases, leaf first. */
    private static final int CASE_PT32 = 0x305000, CASE_PT = 0x309000, CASE_PD = 0x308000, CASE_PDPT = 0x30c000;

    private static final int CASE_PML4 = 0x30e000, PAGES = 0x800000;
    private static final int LEGACY = 0, PAE = 1, LONG = 2;
    private static final String[] KINDS = {"read", "write", "fetch"};

    private final SplittableRandom random;
    private final BareMetal metal;
    final List<String> names = new ArrayList<>();
    private int entries;

    PagingCases(BareMetal metal, long seed) {
        this.metal = metal;
        this.random = new SplittableRandom(seed);
        for (int i = 0; i < 4; i++) {
            metal.put32(PD32 + 4 * i, PT32 + 4096L * i | 7);
            for (int p = 0; p < 1024; p++)
                metal.put32(PT32 + 4096 * i + 4 * p, (long) i << 22 | (long) p << 12 | (i == 1 ? 0x67 : 0x63));
        }
        for (int i = 0; i < 8; i++) put64(PD + 8 * i, (long) i << 21 | (i >> 1 == 1 ? 0xe7 : 0xe3));
        put64(PDPT_PAE, PD | 1);
        put64(PML4, PDPT | 7);
        put64(PDPT, PD | 7);
        put64(PML5, PML4 | 7);
        metal.put32(TSS32 + 4, STACK);
        metal.put32(TSS32 + 8, 16);
        metal.put32(TSS64 + 4, STACK);
        for (int v = 0; v <= 48; v++) {
            put64(IDT32 + 8 * v, gate(STUBS32 + 16 * v, 8));
            put64(IDT64 + 16 * v, gate(STUBS64 + 16 * v, 0x18));
        }
    }

    private static long gate(long to, long selector) {
        return to & 0xffff | selector << 16 | 0xee00L << 32 | to >>> 16 << 48;
    }

    private void put64(int at, long v) {
        metal.put32(at, v);
        metal.put32(at + 4, v >>> 32);
    }

    private boolean once(int in) {
        return random.nextInt(in) == 0;
    }

    void add() {
        int mode = random.nextInt(3), kind = random.nextInt(3), at = CASES + 128 * names.size();
        boolean user = random.nextBoolean(), five = mode == LONG && once(3), nxe = !once(4);
        long cr4 = bit(0x10) | bit(0x80) | bit(1 << 20) | bit(1 << 21) | bit(1 << 22);
        if (mode != LEGACY) cr4 |= X86State.CR4_PAE;
        if (five) cr4 |= X86State.CR4_LA57;
        long cr0 = 0x80000011L | bit(1 << 16), efer = (mode == LONG ? 0x100 : 0) | (nxe ? 0x800 : 0);
        long pkru = once(2) ? random.nextInt() & 0xffffffffL : 0, flags = 2 | bit(1 << 18);
        long la = random.nextInt(0x80000) * 16L | 0x800000;
        StringBuilder name = new StringBuilder("case " + names.size());
        name.append(String.format(
                ": %s %s, mode %d, CR0 %x, CR4 %x, EFER %x, PKRU %x, flags %x,",
                user ? "user" : "supervisor", KINDS[kind], mode, cr0, cr4, efer, pkru, flags));
        entries = 0;
        int top = mode == LEGACY ? PD32 : mode == PAE ? PDPT_PAE : five ? PML5 : PML4;
        if (mode == LEGACY) la |= (long) random.nextInt(4, 1024) << 22;
        else if (mode == PAE) la |= (long) random.nextInt(1, 4) << 30;
        else la = wide(la, five);
        if (mode == LEGACY) legacy(name, at, la, (cr4 & 0x10) != 0);
        else levels(name, at, la, mode, five ? 5 : mode == LONG ? 4 : 3);
        long[] head = {mode, cr0, cr4, efer, pkru, user ? 1 : 0, 16L * kind, flags};
        for (int k = 0; k < 8; k++) metal.put32(at + 4 * k, head[k]);
        put64(at + 32, la);
        metal.put32(at + 40, top);
        for (; entries < 5; entries++) metal.put32(at + 48 + 16 * entries, 0x10fff0 - 8 * entries);
        names.add(name + String.format(" at %x", la));
        metal.put32(COUNT, names.size());
    }

    private long bit(long b) {
        return random.nextBoolean() ? b : 0;
    }

    /** An address beyond the first entry of the top table, canonical. */
    private long wide(long la, boolean five) {
        int shift = five ? 48 : 39;
        long l = la | random.nextLong(1, 512) << shift;
        if (five) l |= random.nextLong(512) << 39;
        l |= random.nextLong(512) << 30;
        return l << 55 - shift >> 55 - shift;
    }

    private void entry(StringBuilder name, int at, int table, int index, int width, long value) {
        int address = table + index * width;
        metal.put32(at + 48 + 16 * entries, address | (width == 8 ? 1 : 0));
        put64(at + 56 + 16 * entries++, value);
        name.append(String.format(" %x", value));
    }

    private long flagBits() {
        return (once(12) ? 0 : 1) | (once(4) ? 0 : 2) | (once(4) ? 0 : 4) | bit(8) | bit(0x10) | bit(0x20) | bit(0x40);
    }

    private void legacy(StringBuilder name, int at, long la, boolean pse) {
        boolean large = once(3), ps = large || once(8);
        long e = flagBits() | (ps ? 0x80 : 0);
        // With CR4.PSE bits 20 to 13 are address bits 39 to 32; bit 21 is reserved.
        if (ps && pse) e |= PAGES + (random.nextBoolean() ? 0 : 0x400000) | (once(6) ? 0x200000 : 0) | bit(0x1000);
        else e |= CASE_PT32 | bit(0x100);
        entry(name, at, PD32, (int) (la >>> 22), 4, e);
        entry(name, at, CASE_PT32, (int) (la >>> 12) & 1023, 4, leaf(0x1000));
    }

    private long leaf(long size) {
        return flagBits() | PAGES + size * random.nextInt((int) (0x800000 / size)) | bit(0x100);
    }

    /** NX, keys and reserved bits: physical addresses have 40. */
    private long high() {
        return (once(5) ? 1L << 63 : 0)
                | (once(3) ? random.nextLong(16) << 59 : 0)
                | (once(20) ? 1L << random.nextInt(52, 59) : 0)
                | (once(20) ? 1L << random.nextInt(40, 52) : 0);
    }

    private void levels(StringBuilder name, int at, long la, int mode, int top) {
        int[] tables = {0, CASE_PT, CASE_PD, CASE_PDPT, CASE_PML4};
        for (int level = top; level >= 1; level--) {
            int index = (int) (la >>> 12 + 9 * (level - 1)) & 511;
            int table = level < top ? tables[level] : mode == PAE ? PDPT_PAE : top == 5 ? PML5 : PML4;
            if (mode == PAE && level == 3) {
                // Reserved bits of these are looked at when CR3 is loaded.
                entry(name, at, table, index & 3, 8, CASE_PD | (once(12) ? 0 : 1));
                continue;
            }
            boolean large = level > 1 && level < 4 && once(3);
            long e = high();
            if (level == 1) e |= leaf(0x1000) | bit(0x80);
            else if (large && level == 2) e |= leaf(0x200000) | 0x80 | bit(0x1000);
            else if (large) e |= flagBits() | 0x80;
            else e |= flagBits() | tables[level - 1] | (level > 3 && once(20) ? 0x80 : 0);
            if (large && once(8)) e |= 1L << random.nextInt(13, level == 2 ? 21 : 30);
            entry(name, at, table, index, 8, e);
        }
    }
}
