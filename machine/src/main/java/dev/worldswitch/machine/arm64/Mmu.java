package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.PhysicalMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * Guest memory as instructions see it: virtual addresses, the EL1&amp;0 translation regime's stage 1 ({@link Stage1}) and
 * the TLB. An address found in the TLB is one compare and one addition away from host memory; everything else goes the
 * slow way: misses, memory-mapped I/O, code, watchpoints, alignment checks, big-endian data.
 */
abstract class Mmu {
    static final MemorySegment HOST = host();
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final VarHandle CAS64 = ValueLayout.JAVA_LONG.varHandle();
    private static final VarHandle CAS32 = ValueLayout.JAVA_INT.varHandle();
    private static final int SIZE = 1024;
    static final long PAGE = -4096L;
    static final int READ = 0, WRITE = 1, FETCH = 2;

    /** Bits of {@link #access}: EL0's rights, PAN in force, no TLB. */
    static final int USER = 1, PAN = 2, SLOW = 4;

    static final int ALIGNMENT = 0x21;

    final PhysicalMemory memory;
    final Stage1 stage1;
    private final long[] rTag = new long[SIZE], rAdd = new long[SIZE], wTag = new long[SIZE], wAdd = new long[SIZE];
    private final long[] xTag = new long[SIZE], xIpa = new long[SIZE];

    /** Low bits of a TLB tag. */
    long access;

    boolean alignmentCheck, bigEndian, watching;
    /** Changes when a cached block may no longer be what is at its address. */
    int epoch = 1;

    Mmu(Arm64Cpu cpu, PhysicalMemory memory) {
        this.memory = memory;
        this.stage1 = new Stage1(cpu, memory);
        flushTlb();
    }

    @SuppressWarnings("restricted")
    private static MemorySegment host() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    /** Fills the exception fields for a stage 1 abort and answers what to throw. */
    abstract Stop abort(long va, int kind, int fsc);

    /** The same for stage 2: {@code walk} when the access was for a translation table. */
    abstract Stop abort2(long va, int kind, long ipa, boolean walk, int fsc);

    abstract Stop inaccessible(long ipa);

    abstract void watch(long va, int size, int kind);

    abstract boolean isCode(long ipa);

    abstract void codeWritten(long ipa);

    /** Forgets all translations. */
    final void flushTlb() {
        Arrays.fill(rTag, -1);
        Arrays.fill(wTag, -1);
        Arrays.fill(xTag, -1);
        epoch++;
    }

    /** Writes to code pages take the slow path from now on. */
    final void protectCode() {
        Arrays.fill(wTag, -1);
    }

    // Loads and stores; values are zero-extended.

    final long ld64(long va) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (rTag[i] == (va & PAGE | access) && (va & 0xfff) <= 4088) return HOST.get(LONG, va + rAdd[i]);
        return slowLoad(va, 8);
    }

    final long ld32(long va) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (rTag[i] == (va & PAGE | access) && (va & 0xfff) <= 4092) return HOST.get(INT, va + rAdd[i]) & 0xffffffffL;
        return slowLoad(va, 4);
    }

    final long ld16(long va) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (rTag[i] == (va & PAGE | access) && (va & 0xfff) <= 4094) return HOST.get(SHORT, va + rAdd[i]) & 0xffffL;
        return slowLoad(va, 2);
    }

    final long ld8(long va) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (rTag[i] == (va & PAGE | access)) return HOST.get(BYTE, va + rAdd[i]) & 0xffL;
        return slowLoad(va, 1);
    }

    /** Of 1, 2, 4 or 8 bytes. */
    final long ld(long va, int size) {
        return switch (size) {
            case 1 -> ld8(va);
            case 2 -> ld16(va);
            case 4 -> ld32(va);
            default -> ld64(va);
        };
    }

    final void st64(long va, long v) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (wTag[i] == (va & PAGE | access) && (va & 0xfff) <= 4088) HOST.set(LONG, va + wAdd[i], v);
        else slowStore(va, 8, v);
    }

    final void st32(long va, long v) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (wTag[i] == (va & PAGE | access) && (va & 0xfff) <= 4092) HOST.set(INT, va + wAdd[i], (int) v);
        else slowStore(va, 4, v);
    }

    final void st16(long va, long v) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (wTag[i] == (va & PAGE | access) && (va & 0xfff) <= 4094) HOST.set(SHORT, va + wAdd[i], (short) v);
        else slowStore(va, 2, v);
    }

    final void st8(long va, long v) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (wTag[i] == (va & PAGE | access)) HOST.set(BYTE, va + wAdd[i], (byte) v);
        else slowStore(va, 1, v);
    }

    final void st(long va, int size, long v) {
        switch (size) {
            case 1 -> st8(va, v);
            case 2 -> st16(va, v);
            case 4 -> st32(va, v);
            default -> st64(va, v);
        }
    }

    /** Raises now whatever a store of {@code bytes} bytes would raise. */
    final void checkWrite(long va, int bytes) {
        for (long p = va & PAGE; p - (va + bytes - 1) <= 0; p += 4096) {
            long at = p - va < 0 ? va : p;
            int i = (int) (at >>> 12) & SIZE - 1;
            if (wTag[i] == (at & PAGE | access)) continue;
            host(at, WRITE, translate(at, WRITE));
            if (watching) watch(at, bytes, WRITE);
        }
    }

    // Exclusive and atomic accesses. The address is aligned to the size.

    /** Host address for an atomic access of {@code size} bytes with write permission. */
    final long atomic(long va, int size) {
        if ((va & size - 1) != 0) throw abort(va, WRITE, ALIGNMENT);
        int i = (int) (va >>> 12) & SIZE - 1;
        if (wTag[i] == (va & PAGE | access)) return va + wAdd[i];
        long ipa = translate(va, WRITE);
        long host = host(va, WRITE, ipa);
        if (watching) watch(va, size, WRITE);
        if (isCode(ipa)) codeWritten(ipa);
        return host + (ipa & 0xfff);
    }

    /** The same for an instruction that reads and writes: what a read would raise as well is raised as a read's (WnR). */
    final long update(long va, int size) {
        int i = (int) (va >>> 12) & SIZE - 1;
        if (wTag[i] == (va & PAGE | access) && (va & size - 1) == 0) return va + wAdd[i];
        if ((va & size - 1) != 0) throw abort(va, READ, ALIGNMENT);
        host(va, READ, translate(va, READ));
        return atomic(va, size);
    }

    final boolean cas(long host, int size, long expected, long v) {
        if (size == 8) return CAS64.compareAndSet(HOST, host, order(expected, 8), order(v, 8));
        if (size == 4) return CAS32.compareAndSet(HOST, host, (int) order(expected, 4), (int) order(v, 4));
        int low = (int) host & 3, shift = 8 * low;
        int mask = (1 << 8 * size) - 1 << shift;
        for (; ; ) {
            int old = (int) CAS32.getVolatile(HOST, host - low);
            if ((old & mask) != ((int) order(expected, size) << shift & mask)) return false;
            if (CAS32.compareAndSet(HOST, host - low, old, old & ~mask | (int) order(v, size) << shift & mask))
                return true;
        }
    }

    final long atomicLoad(long host, int size) {
        return switch (size) {
            case 8 -> order((long) CAS64.getVolatile(HOST, host), 8);
            case 4 -> order((int) CAS32.getVolatile(HOST, host) & 0xffffffffL, 4);
            case 2 -> order(HOST.get(SHORT, host) & 0xffffL, 2);
            default -> HOST.get(BYTE, host) & 0xffL;
        };
    }

    private long order(long v, int size) {
        if (!bigEndian) return v;
        return switch (size) {
            case 8 -> Long.reverseBytes(v);
            case 4 -> Integer.reverseBytes((int) v) & 0xffffffffL;
            case 2 -> Short.reverseBytes((short) v) & 0xffffL;
            default -> v;
        };
    }

    // The slow way.

    private long slowLoad(long va, int size) {
        check(va, size, READ);
        int first = (int) Math.min(size, 4096 - (va & 0xfff));
        if (first == size) return order(loadWithin(va, size), size);
        long a = translate(va, READ), b = translate(va + first, READ);
        long low = physLoad(va, a, first);
        return order(low | physLoad(va + first, b, size - first) << 8 * first, size);
    }

    private void check(long va, int size, int kind) {
        if (alignmentCheck && (va & size - 1) != 0) throw abort(va, kind, ALIGNMENT);
        if (!watching) return;
        // A watchpoint is only reached where the access is allowed.
        long last = va + size - 1;
        host(va, kind, translate(va, kind));
        if (((va ^ last) & PAGE) != 0) host(last & PAGE, kind, translate(last & PAGE, kind));
        watch(va, size, kind);
    }

    private long loadWithin(long va, int size) {
        long ipa = translate(va, READ), host = host(va, READ, ipa);
        if ((access & SLOW) == 0) {
            int i = (int) (va >>> 12) & SIZE - 1;
            rTag[i] = va & PAGE | access;
            rAdd[i] = host - (va & PAGE);
        }
        return physLoad(va, ipa, size);
    }

    private long physLoad(long va, long ipa, int size) {
        long at = host(va, READ, ipa) + (ipa & 0xfff), v = 0;
        switch (size) {
            case 8 -> v = HOST.get(LONG, at);
            case 4 -> v = HOST.get(INT, at) & 0xffffffffL;
            case 2 -> v = HOST.get(SHORT, at) & 0xffffL;
            default -> {
                for (int k = 0; k < size; k++) v |= (HOST.get(BYTE, at + k) & 0xffL) << 8 * k;
            }
        }
        return v;
    }

    private void slowStore(long va, int size, long value) {
        check(va, size, WRITE);
        long v = order(value, size);
        int first = (int) Math.min(size, 4096 - (va & 0xfff));
        if (first == size) {
            long ipa = translate(va, WRITE), host = host(va, WRITE, ipa);
            if ((access & SLOW) == 0 && !isCode(ipa)) {
                int i = (int) (va >>> 12) & SIZE - 1;
                wTag[i] = va & PAGE | access;
                wAdd[i] = host - (va & PAGE);
            }
            physStore(va, ipa, size, v);
            return;
        }
        long a = translate(va, WRITE), b = translate(va + first, WRITE);
        host(va, WRITE, a);
        host(va + first, WRITE, b);
        physStore(va, a, first, v);
        physStore(va + first, b, size - first, v >>> 8 * first);
    }

    private void physStore(long va, long ipa, int size, long v) {
        long at = host(va, WRITE, ipa) + (ipa & 0xfff);
        if (isCode(ipa)) codeWritten(ipa);
        switch (size) {
            case 8 -> HOST.set(LONG, at, v);
            case 4 -> HOST.set(INT, at, (int) v);
            case 2 -> HOST.set(SHORT, at, (short) v);
            default -> {
                for (int k = 0; k < size; k++) HOST.set(BYTE, at + k, (byte) (v >>> 8 * k));
            }
        }
    }

    /** Host address of the page of an intermediate physical address; a stage 2 abort when there is no memory. */
    final long host(long va, int kind, long ipa) {
        long host = memory.page(ipa & PAGE, kind == WRITE);
        if (host == PhysicalMemory.FAULT) throw inaccessible(ipa);
        if (host == PhysicalMemory.MMIO) {
            // Memory that only refuses the write: permission fault, level 3; none at all: translation fault, level 3.
            boolean readable = kind == WRITE && memory.page(ipa & PAGE, false) != PhysicalMemory.MMIO;
            throw abort2(va, kind, ipa, false, readable ? 0x0f : 0x07);
        }
        return host;
    }

    /** Whether a load would go through: what a non-faulting load asks. */
    final boolean readable(long va, int bytes) {
        for (long at = va; ; at = (va + bytes - 1)) {
            int fsc = stage1.walk(at, READ, (access & USER) != 0, (access & PAN) != 0);
            if (fsc != Stage1.OK) return false;
            long host = memory.page(stage1.ipa & PAGE, false);
            if (host == PhysicalMemory.MMIO || host == PhysicalMemory.FAULT) return false;
            if (at != va || bytes == 1) return true;
        }
    }

    /** Intermediate physical address of {@code va}; raises what the architecture raises. */
    final long translate(long va, int kind) {
        int fsc = stage1.walk(va, kind, (access & USER) != 0, (access & PAN) != 0);
        if (fsc == Stage1.OK) return stage1.ipa;
        if (stage1.stage2) {
            if (fsc == Stage1.INACCESSIBLE) throw inaccessible(stage1.ipa);
            throw abort2(va, kind, stage1.ipa, true, fsc);
        }
        throw abort(va, kind, fsc);
    }

    /** Intermediate physical address for fetching at {@code va}; bit 0 says that the page is guarded (FEAT_BTI). */
    final long fetch(long va) {
        int i = (int) (va >>> 12) & SIZE - 1;
        long tag = va & PAGE | access & USER;
        if (xTag[i] == tag) return xIpa[i] | va & 0xffc;
        long ipa = translate(va, FETCH);
        xTag[i] = tag;
        xIpa[i] = ipa & PAGE | (stage1.guarded ? 1 : 0);
        return xIpa[i] | va & 0xffc;
    }
}
