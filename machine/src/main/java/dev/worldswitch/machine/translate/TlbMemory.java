package dev.worldswitch.machine.translate;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Guest memory as instructions see it: an address found in the TLB is one compare and one addition away from host memory;
 * everything else goes the slow way. The static forms are for translated code, which knows the TLB's array as a constant.
 */
public abstract class TlbMemory {
    public static final MemorySegment HOST = host();
    protected static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    protected static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    protected static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    protected static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    public static final long PAGE = -4096L;

    /** Translations for loads and for stores. */
    public final Tlb rTlb = new Tlb(), wTlb = new Tlb();
    /** Low bits of a TLB tag: with which rights instructions access memory now. */
    public long access;
    /** Changes when a cached block may no longer be what is at its address. */
    public int epoch = 1;

    @SuppressWarnings("restricted")
    private static MemorySegment host() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    /** A load of {@code size} bytes that the TLB does not answer. */
    protected abstract long slowLoad(long va, int size);

    protected abstract void slowStore(long va, int size, long v);

    // Loads and stores of up to 8 bytes at a virtual address; values are zero-extended.

    public final long ld64(long va) {
        return ld64(this, rTlb.pairs, access, va);
    }

    public static long ld64(TlbMemory m, long[] tlb, long access, long va) {
        int i = Tlb.slot(va);
        if (Tlb.hit(tlb, i, va, 8, access)) return HOST.get(LONG, va + tlb[i + 1]);
        return m.slowLoad(va, 8);
    }

    public final long ld32(long va) {
        return ld32(this, rTlb.pairs, access, va);
    }

    public static long ld32(TlbMemory m, long[] tlb, long access, long va) {
        int i = Tlb.slot(va);
        if (Tlb.hit(tlb, i, va, 4, access)) return HOST.get(INT, va + tlb[i + 1]) & 0xffffffffL;
        return m.slowLoad(va, 4);
    }

    public final long ld16(long va) {
        return ld16(this, rTlb.pairs, access, va);
    }

    public static long ld16(TlbMemory m, long[] tlb, long access, long va) {
        int i = Tlb.slot(va);
        if (Tlb.hit(tlb, i, va, 2, access)) return HOST.get(SHORT, va + tlb[i + 1]) & 0xffffL;
        return m.slowLoad(va, 2);
    }

    public final long ld8(long va) {
        return ld8(this, rTlb.pairs, access, va);
    }

    public static long ld8(TlbMemory m, long[] tlb, long access, long va) {
        int i = Tlb.slot(va);
        if (Tlb.hit(tlb, i, va, 1, access)) return HOST.get(BYTE, va + tlb[i + 1]) & 0xffL;
        return m.slowLoad(va, 1);
    }

    public final long ld(long va, int size) {
        return switch (size) {
            case 1 -> ld8(va);
            case 2 -> ld16(va);
            case 4 -> ld32(va);
            default -> ld64(va);
        };
    }

    public final void st64(long va, long v) {
        st64(this, wTlb.pairs, access, va, v);
    }

    public static void st64(TlbMemory m, long[] tlb, long access, long va, long v) {
        int i = Tlb.slot(va);
        if (Tlb.hit(tlb, i, va, 8, access)) HOST.set(LONG, va + tlb[i + 1], v);
        else m.slowStore(va, 8, v);
    }

    public final void st32(long va, long v) {
        st32(this, wTlb.pairs, access, va, v);
    }

    public static void st32(TlbMemory m, long[] tlb, long access, long va, long v) {
        int i = Tlb.slot(va);
        if (Tlb.hit(tlb, i, va, 4, access)) HOST.set(INT, va + tlb[i + 1], (int) v);
        else m.slowStore(va, 4, v);
    }

    public final void st16(long va, long v) {
        st16(this, wTlb.pairs, access, va, v);
    }

    public static void st16(TlbMemory m, long[] tlb, long access, long va, long v) {
        int i = Tlb.slot(va);
        if (Tlb.hit(tlb, i, va, 2, access)) HOST.set(SHORT, va + tlb[i + 1], (short) v);
        else m.slowStore(va, 2, v);
    }

    public final void st8(long va, long v) {
        st8(this, wTlb.pairs, access, va, v);
    }

    public static void st8(TlbMemory m, long[] tlb, long access, long va, long v) {
        int i = Tlb.slot(va);
        if (Tlb.hit(tlb, i, va, 1, access)) HOST.set(BYTE, va + tlb[i + 1], (byte) v);
        else m.slowStore(va, 1, v);
    }

    public final void st(long va, int size, long v) {
        switch (size) {
            case 1 -> st8(va, v);
            case 2 -> st16(va, v);
            case 4 -> st32(va, v);
            default -> st64(va, v);
        }
    }

    // Loads and stores at an address of the host's, which the TLB gave.

    public static long hostLoad(long host, int size) {
        return switch (size) {
            case 1 -> HOST.get(BYTE, host) & 0xffL;
            case 2 -> HOST.get(SHORT, host) & 0xffffL;
            case 4 -> HOST.get(INT, host) & 0xffffffffL;
            default -> HOST.get(LONG, host);
        };
    }

    public static void hostStore(long host, int size, long v) {
        switch (size) {
            case 1 -> HOST.set(BYTE, host, (byte) v);
            case 2 -> HOST.set(SHORT, host, (short) v);
            case 4 -> HOST.set(INT, host, (int) v);
            default -> HOST.set(LONG, host, v);
        }
    }
}
