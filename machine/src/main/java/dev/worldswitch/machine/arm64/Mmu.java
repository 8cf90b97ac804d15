package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.translate.Tlb;
import dev.worldswitch.machine.translate.TlbMemory;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * Guest memory as instructions see it: virtual addresses, the EL1&amp;0 translation regime's stage 1 ({@link Stage1}) and
 * the TLB. An address found in the TLB is one compare and one addition away from host memory; everything else goes the
 * slow way: misses, memory-mapped I/O, code, watchpoints, alignment checks, big-endian data.
 */
abstract class Mmu extends TlbMemory {
    private static final VarHandle CAS64 = ValueLayout.JAVA_LONG.varHandle();
    private static final VarHandle CAS32 = ValueLayout.JAVA_INT.varHandle();
    private static final int SIZE = 1024;
    static final int READ = 0, WRITE = 1, FETCH = 2;

    /** Bits of {@link #access}: EL0's rights, PAN in force, no TLB. */
    static final int USER = 1, PAN = 2, SLOW = 4;

    static final int ALIGNMENT = 0x21;

    final PhysicalMemory memory;
    final Stage1 stage1;
    private final long[] xTag = new long[SIZE], xIpa = new long[SIZE];
    boolean alignmentCheck, bigEndian, watching;

    Mmu(Arm64Cpu cpu, PhysicalMemory memory) {
        this.memory = memory;
        this.stage1 = new Stage1(cpu, memory);
        flushTlb();
    }

    /** Fills the exception fields for a stage 1 abort and answers what to throw. */
    abstract Stop abort(long va, int kind, int fsc);

    /** The same for stage 2: {@code walk} when the access was for a translation table. */
    abstract Stop abort2(long va, int kind, long ipa, boolean walk, int fsc);

    abstract Stop inaccessible(long ipa);

    abstract void watch(long va, int size, int kind);

    abstract boolean isCodePage(long ipa);

    /** True when a write of {@code size} bytes in one page may change decoded code. */
    abstract boolean isCode(long ipa, int size);

    abstract void codeWritten(long ipa, int size);

    /** Forgets all translations. */
    final void flushTlb() {
        rTlb.flush();
        wTlb.flush();
        Arrays.fill(xTag, -1);
        epoch++;
    }

    /** Writes to code pages take the slow path from now on. */
    final void protectCode() {
        wTlb.flush();
    }

    /** Raises now whatever a store of {@code bytes} bytes would raise. */
    final void checkWrite(long va, int bytes) {
        for (long p = va & PAGE; p - (va + bytes - 1) <= 0; p += 4096) {
            long at = p - va < 0 ? va : p;
            if (wTlb.has(at, access)) continue;
            host(at, WRITE, translate(at, WRITE));
            if (watching) watch(at, bytes, WRITE);
        }
    }

    /** Alignment comes before everything that translation may raise (D8.2.2 "Synchronous exception priorities"). */
    final void checkAlignment(long va, int size, int kind) {
        if (alignmentCheck && (va & size - 1) != 0) throw abort(va, kind, ALIGNMENT);
    }

    /** What {@link #checkWrite} does, needed before the stores of a pair only where they reach two pages. */
    final void checkCrossing(long va, int bytes) {
        checkAlignment(va, bytes / 2, WRITE);
        if ((va & 0xfff) > 4096 - bytes) checkWrite(va, bytes);
    }

    // Exclusive and atomic accesses. The address is aligned to the size.

    /** Host address for an atomic access of {@code size} bytes with write permission. */
    final long atomic(long va, int size) {
        if ((va & size - 1) != 0) throw abort(va, WRITE, ALIGNMENT);
        if (wTlb.has(va, access)) return wTlb.host(va);
        long ipa = translate(va, WRITE);
        long host = host(va, WRITE, ipa);
        if (watching) watch(va, size, WRITE);
        if (isCode(ipa, size)) codeWritten(ipa, size);
        return host + (ipa & 0xfff);
    }

    /** The same for an instruction that reads and writes: what a read would raise as well is raised as a read's (WnR). */
    final long update(long va, int size) {
        if (wTlb.has(va, access) && (va & size - 1) == 0) return wTlb.host(va);
        if ((va & size - 1) != 0) throw abort(va, READ, ALIGNMENT);
        // Stage 1 refuses before stage 2 does.
        long ipa = translate(va, READ);
        translate(va, WRITE);
        host(va, READ, ipa);
        return atomic(va, size);
    }

    /** Host address of {@code size} bytes that are all in one page: what is read or written there are bytes. */
    final long within(long va, int size, int kind) {
        Tlb tlb = kind == WRITE ? wTlb : rTlb;
        if (tlb.has(va, access)) return tlb.host(va);
        long ipa = translate(va, kind), host = host(va, kind, ipa);
        if (watching) watch(va, size, kind);
        if (kind == WRITE && isCode(ipa, size)) codeWritten(ipa, size);
        if ((access & SLOW) == 0 && (kind != WRITE || !isCodePage(ipa))) tlb.put(va, access, host);
        return host + (ipa & 0xfff);
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

    @Override
    protected final long slowLoad(long va, int size) {
        check(va, size, READ);
        int first = (int) Math.min(size, 4096 - (va & 0xfff));
        if (first == size) return order(loadWithin(va, size), size);
        long a = translate(va, READ), b = translate(va + first, READ);
        long low = physLoad(va, a, first);
        return order(low | physLoad(va + first, b, size - first) << 8 * first, size);
    }

    private void check(long va, int size, int kind) {
        checkAlignment(va, size, kind);
        if (!watching) return;
        // A watchpoint is only reached where the access is allowed.
        long last = va + size - 1;
        host(va, kind, translate(va, kind));
        if (((va ^ last) & PAGE) != 0) host(last & PAGE, kind, translate(last & PAGE, kind));
        watch(va, size, kind);
    }

    private long loadWithin(long va, int size) {
        long ipa = translate(va, READ), host = host(va, READ, ipa);
        if ((access & SLOW) == 0) rTlb.put(va, access, host);
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

    @Override
    protected final void slowStore(long va, int size, long value) {
        check(va, size, WRITE);
        long v = order(value, size);
        int first = (int) Math.min(size, 4096 - (va & 0xfff));
        if (first == size) {
            long ipa = translate(va, WRITE), host = host(va, WRITE, ipa);
            if ((access & SLOW) == 0 && !isCodePage(ipa)) wTlb.put(va, access, host);
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
        if (isCode(ipa, size)) codeWritten(ipa, size);
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
