package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.DebugPort;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.translate.TlbMemory;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Guest memory as instructions see it: linear addresses, paging (SDM vol. 3, chapter 4) and the TLB. A linear address
 * found in the TLB is one compare and one addition away from host memory; everything else goes the slow way.
 */
abstract sealed class GuestMemory extends TlbMemory permits Interpreter {
    private static final VarHandle CAS = ValueLayout.JAVA_LONG.varHandle();
    private static final int SIZE = 1024;
    static final int READ = 0, WRITE = 1, FETCH = 2;

    final X86State state;
    final PhysicalMemory memory;
    final MmioQueue mmio = new MmioQueue();
    final X86Exit exit = new X86Exit();
    private final long[] xTag = new long[SIZE], xGpa = new long[SIZE];

    int cpl;
    boolean careful;
    /** The hypervisor executes the instruction: memory that nobody backs is answered by it, page by page. */
    boolean emulating;
    /** While emulating: where the exit was; an operand at the same offset in its page is taken to be there. */
    long knownGpa = NO_GPA;

    static final long NO_GPA = -1;

    boolean watching;
    long watchHits;

    /** The guest's debugger. */
    final @Nullable DebugPort port;

    /** PKRU while protection keys count, else 0: no key denies anything. */
    private long protection;

    private long cr0, cr3, cr4, efer, physMask;
    /** Bits above those of a linear address in 64-bit mode. */
    private int canonicalShift = 16;

    GuestMemory(X86State state, PhysicalMemory memory, int physBits, @Nullable DebugPort port) {
        this.port = port;
        this.state = state;
        this.memory = memory;
        this.physMask = (1L << physBits) - 1;
        flushTlb();
    }

    abstract Signal pageFault(long la, long error);

    abstract Signal gp(long error);

    abstract Signal ss(long error);

    /** True when a write of {@code size} bytes, all in one page, may change decoded code. */
    abstract boolean isCode(long gpa, int size);

    abstract boolean isCodePage(long gpa);

    abstract void codeWritten(long gpa, int size);

    /** PKRU as it is in the CPU. */
    abstract long pkru();

    /** Forgets all translations. */
    public final void flushTlb() {
        rTlb.flush();
        wTlb.flush();
        Arrays.fill(xTag, -1);
        epoch++;
    }

    /** Writes to this page take the slow path from now on. */
    final void protect(long gpaPage) {
        wTlb.flush();
    }

    /** True for a linear address that 64-bit code may use: 48 bits, sign-extended, or 57 with CR4.LA57. */
    final boolean isCanonical(long la) {
        return la << canonicalShift >> canonicalShift == la;
    }

    /** Takes over the control registers; flushes when one that paging depends on changed. */
    final void loadPaging() {
        long c0 = state.cr.get(0), c3 = state.cr.get(3), c4 = state.cr.get(4), e = state.efer.get();
        long keys = (c4 & X86State.CR4_PKE) != 0 && (e & X86State.EFER_LMA) != 0 ? pkru() : 0;
        if (c0 != cr0 || c3 != cr3 || c4 != cr4 || e != efer || keys != protection) flushTlb();
        protection = keys;
        cr0 = c0;
        cr3 = c3;
        cr4 = c4;
        canonicalShift = (c4 & X86State.CR4_LA57) != 0 ? 7 : 16;
        efer = e;
        cpl = state.cpl();
        loadAccess(state.rflags.get());
    }

    final void loadAccess(long rflags) {
        boolean smap = (cr4 & X86State.CR4_SMAP) != 0 && cpl != 3 && (rflags & X86State.AC) == 0;
        // Low bits of a TLB tag: 1 for user mode, 2 for SMAP in force.
        access = cpl == 3 ? 1 : smap ? 2 : 0;
    }

    /** Loads {@code bytes} bytes into little-endian words from {@code at} on; all or nothing. */
    final void load(long la, int bytes, long[] into, int at) {
        long[] got = new long[(bytes + 7) / 8];
        if (emulating) pieces(la, bytes, got, 0, false);
        else for (int k = 0; k < bytes; k += 8) got[k / 8] = loadPart(la + k, Math.min(8, bytes - k));
        System.arraycopy(got, 0, into, at, got.length);
    }

    private long loadPart(long la, int n) {
        if (n == 8 || n == 4 || n == 2 || n == 1) return ld(la, n);
        long v = 0;
        for (int k = 0; k < n; k++) v |= ld8(la + k) << 8 * k;
        return v;
    }

    /** Stores {@code bytes} bytes of little-endian words from {@code at} on; all or nothing. */
    final void store(long la, int bytes, long[] from, int at) {
        if (bytes > 8) checkWrite(la, bytes);
        if (emulating) {
            pieces(la, bytes, from, at, true);
            return;
        }
        for (int k = 0; k < bytes; k += 8) {
            int n = Math.min(8, bytes - k);
            if (n == 8) st64(la + k, from[at + k / 8]);
            else for (int j = 0; j < n; j++) st8(la + k + j, from[at + k / 8] >>> 8 * j);
        }
    }

    /** The hypervisor goes page by page, and in each by 8 bytes (emulator_read_write). */
    private void pieces(long la, int bytes, long[] words, int at, boolean write) {
        int n;
        for (int k = 0; k < bytes; k += n) {
            n = (int) Math.min(Math.min(8, bytes - k), 4096 - (la + k & 0xfff));
            int i = at + k / 8, shift = 8 * (k & 7), here = Math.min(n, 8 - (k & 7));
            long gpa = translate(la + k, write ? WRITE : READ);
            if (write) {
                long v = words[i] >>> shift | (here < n ? words[i + 1] << 8 * here : 0);
                physStore(gpa, n, v, la + k);
                continue;
            }
            long v = Flags.unsigned(physLoad(gpa, n, la + k), n);
            words[i] |= v << shift;
            if (here < n) words[i + 1] |= v >>> 8 * here;
        }
    }

    /** Raises now whatever a store of {@code bytes} bytes would raise. */
    final void checkWrite(long la, int bytes) {
        for (long p = la & PAGE; p <= (la + bytes - 1 & PAGE); p += 4096) {
            long a = Math.max(p, la);
            if (wTlb.has(a, access)) continue;
            long gpa = translate(a, WRITE);
            long host = page(gpa, true);
            int here = (int) (Math.min(la + bytes - a, p + 4096 - a));
            if ((host == PhysicalMemory.MMIO || isCode(gpa, here) || watching) && !careful) throw Signal.CAREFUL;
        }
    }

    // Locked read-modify-write.

    /** Compares and swaps {@code size} bytes; within an aligned 8 bytes as one atomic step. True when it was done. */
    final boolean cas(long la, int size, long expected, long v) {
        checkWrite(la, size);
        int low = (int) la & 7;
        boolean together = low + size <= 8;
        long host = together && wTlb.has(la, access) ? wTlb.host(la & PAGE) : lockedPage(la, size);
        // Memory-mapped I/O has one read and one write cycle; an operand split over two words is not atomic here.
        if (host == PhysicalMemory.MMIO || !together) {
            if (!emulating && ld(la, size) != expected) return false;
            st(la, size, v);
            return true;
        }
        long at = host + (la & 0xff8);
        if (size == 8) return CAS.compareAndSet(HOST, at, expected, v);
        long mask = (1L << 8 * size) - 1 << 8 * low;
        for (; ; ) {
            long old = (long) CAS.getVolatile(HOST, at);
            if ((old & mask) != expected << 8 * low) return false;
            if (CAS.compareAndSet(HOST, at, old, old & ~mask | v << 8 * low & mask)) return true;
        }
    }

    /**
     * Compares and swaps 16 aligned bytes; the halves that were found are left in {@code found}. The JVM has no 16-byte
     * compare-and-swap: those of this memory take turns, and each half is swapped on its own, so that an 8-byte write of
     * another CPU between is seen and the step begins again.
     */
    final boolean cas16(long la, long low, long high, long newLow, long newHigh, long[] found) {
        checkWrite(la, 16);
        long host = lockedPage(la, 16);
        if (host == PhysicalMemory.MMIO) {
            found[0] = ld64(la);
            found[1] = ld64(la + 8);
            boolean equal = found[0] == low && found[1] == high;
            st64(la, equal ? newLow : found[0]);
            st64(la + 8, equal ? newHigh : found[1]);
            return equal;
        }
        memory.lockWide();
        boolean done = swapHalves(host + (la & 0xff0), low, high, newLow, newHigh, found);
        memory.unlockWide();
        return done;
    }

    private static boolean swapHalves(long at, long low, long high, long newLow, long newHigh, long[] found) {
        for (; ; ) {
            found[0] = (long) CAS.getVolatile(HOST, at);
            found[1] = (long) CAS.getVolatile(HOST, at + 8);
            if (found[0] != low || found[1] != high) return false;
            if (!CAS.compareAndSet(HOST, at, low, newLow)) continue;
            if (CAS.compareAndSet(HOST, at + 8, high, newHigh)) return true;
            CAS.compareAndSet(HOST, at, newLow, low);
        }
    }

    /** Host address of the page of a locked write, after what any write does to watchpoints and code; or MMIO. */
    private long lockedPage(long la, int size) {
        long gpa = translate(la, WRITE), host = page(gpa, true);
        if (host == PhysicalMemory.MMIO) return host;
        if (watching) watch(la, size, true);
        if (isCode(gpa, size)) codeWritten(gpa, size);
        return host;
    }

    // The slow way.

    @Override
    protected long slowLoad(long la, int size) {
        int first = (int) Math.min(size, 4096 - (la & 0xfff));
        if (first == size) return loadWithin(la, size);
        long a = translate(la, READ), b = translate(la + first, READ);
        long low = physLoad(a, first, la);
        return low | physLoad(b, size - first, la + first) << 8 * first;
    }

    private long loadWithin(long la, int size) {
        long gpa = translate(la, READ);
        long host = page(gpa, false);
        if (watching) watch(la, size, false);
        else if (host != PhysicalMemory.MMIO) rTlb.put(la, access, host);
        return physLoad(gpa, size, la);
    }

    private long physLoad(long gpa, int size, long la) {
        if (watching) watch(la, size, false);
        long host = page(gpa, false);
        if (host == PhysicalMemory.MMIO) return mmioLoad(gpa, size, la);
        long at = host + (gpa & 0xfff), v = 0;
        for (int k = 0; k < size; k++) v |= (HOST.get(BYTE, at + k) & 0xffL) << 8 * k;
        if (size == 8 || size == 4 || size == 2)
            v = size == 8
                    ? HOST.get(LONG, at)
                    : size == 4 ? HOST.get(INT, at) & 0xffffffffL : HOST.get(SHORT, at) & 0xffffL;
        return v;
    }

    private long mmioLoad(long gpa, int size, long la) {
        if (!careful) throw Signal.CAREFUL;
        if (!emulating) throw unbacked(gpa, la, 0);
        if (mmio.hasRead()) return Flags.unsigned(mmio.takeRead(), size);
        exit.reason = X86Exit.MMIO_READ;
        exit.gpa = gpa;
        exit.gva = la;
        exit.size = size;
        throw Signal.EXIT;
    }

    /** The guest touched memory that nobody backs: it leaves before the instruction did anything. */
    private Signal unbacked(long gpa, long la, long error) {
        exit.walk = false;
        exit.reason = X86Exit.UNBACKED;
        exit.gpa = gpa;
        exit.gva = la;
        exit.errorCode = error;
        return Signal.EXIT;
    }

    @Override
    protected void slowStore(long la, int size, long v) {
        int first = (int) Math.min(size, 4096 - (la & 0xfff));
        if (first == size) {
            long gpa = translate(la, WRITE);
            long host = page(gpa, true);
            if (!watching && host != PhysicalMemory.MMIO && !isCodePage(gpa)) wTlb.put(la, access, host);
            physStore(gpa, size, v, la);
            return;
        }
        long a = translate(la, WRITE), b = translate(la + first, WRITE);
        page(a, true);
        page(b, true);
        if (!careful) checkWrite(la, size);
        physStore(a, first, v, la);
        physStore(b, size - first, v >>> 8 * first, la + first);
    }

    private void physStore(long gpa, int size, long v, long la) {
        if (watching) watch(la, size, true);
        long host = page(gpa, true);
        if (host == PhysicalMemory.MMIO) {
            if (!careful) throw Signal.CAREFUL;
            if (!emulating) throw unbacked(gpa, la, 2);
            mmio.write(gpa, size, Flags.unsigned(v, size));
            return;
        }
        if (isCode(gpa, size)) {
            if (!careful) throw Signal.CAREFUL;
            codeWritten(gpa, size);
        }
        long at = host + (gpa & 0xfff);
        switch (size) {
            case 8 -> HOST.set(LONG, at, v);
            case 4 -> HOST.set(INT, at, (int) v);
            case 2 -> HOST.set(SHORT, at, (short) v);
            default -> {
                for (int k = 0; k < size; k++) HOST.set(BYTE, at + k, (byte) (v >>> 8 * k));
            }
        }
    }

    /** Host address of a guest-physical page, or {@link PhysicalMemory#MMIO}; an inaccessible one ends the run. */
    final long page(long gpa, boolean write) {
        return accessible(memory.page(gpa & PAGE, write), gpa);
    }

    private long accessible(long host, long gpa) {
        if (host == PhysicalMemory.FAULT) {
            exit.reason = X86Exit.FAULT;
            exit.gpa = gpa;
            throw Signal.EXIT;
        }
        return host;
    }

    private void watch(long la, int size, boolean write) {
        if (port != null) port.touches(la, size, write);
        long dr7 = state.dr.get(7);
        for (int n = 0; n < 4; n++) {
            if ((dr7 >> 2 * n & 3) == 0) continue;
            int kind = (int) (dr7 >> 16 + 4 * n & 3);
            if (kind != 3 && !(kind == 1 && write)) continue;
            int len = (int) (dr7 >> 18 + 4 * n & 3);
            int bytes = len == 0 ? 1 : len == 1 ? 2 : len == 2 ? 8 : 4;
            long from = state.dr.get(n) & -bytes;
            if (la < from + bytes && from < la + size) {
                if (!careful) throw Signal.CAREFUL;
                watchHits |= 1L << n;
            }
        }
    }

    /** Guest-physical address for fetching at {@code la}. */
    final long fetch(long la) {
        int i = (int) (la >>> 12) & SIZE - 1;
        if (xTag[i] == (la & PAGE | access)) return xGpa[i] | la & 0xfff;
        long gpa = translate(la, FETCH);
        xTag[i] = la & PAGE | access;
        xGpa[i] = gpa & PAGE;
        return gpa;
    }

    final long translate(long la, int kind) {
        if (emulating && kind != FETCH && knownGpa != NO_GPA && (la & 0xfff) == (knownGpa & 0xfff)) return knownGpa;
        return walk(la, kind, cpl == 3, access == 2);
    }

    // Accesses of the CPU itself to descriptor tables and the TSS: supervisor accesses at any CPL.

    final long sysLoad(long la, int size) {
        long v = 0;
        for (int k = 0; k < size; k++) v |= sysByte(la + k) << 8 * k;
        return v;
    }

    private long sysByte(long la) {
        long gpa = walk(la, READ, false, (cr4 & X86State.CR4_SMAP) != 0);
        long host = page(gpa, false);
        if (host == PhysicalMemory.MMIO) throw table(gpa, la, 0);
        return HOST.get(BYTE, host + (gpa & 0xfff)) & 0xff;
    }

    private Signal walked(long gpa, long la) {
        unbacked(gpa, la, 2);
        exit.walk = true;
        return Signal.EXIT;
    }

    /** While emulating, ends an access to memory that nobody backs by instructions for which there is no answer. */
    final void mustBeBacked(long la, boolean write) {
        if (emulating && page(translate(la, write ? WRITE : READ), write) == PhysicalMemory.MMIO) {
            exit.reason = X86Exit.IO_NEEDED;
            throw Signal.EXIT;
        }
    }

    /** A descriptor table or TSS that nobody backs: the hypervisor can't answer for such an access. */
    private Signal table(long gpa, long la, long error) {
        unbacked(gpa, la, error);
        if (emulating) exit.reason = X86Exit.IO_NEEDED;
        return Signal.EXIT;
    }

    final void sysStore(long la, int size, long v) {
        for (int k = 0; k < size; k++) {
            long gpa = walk(la + k, WRITE, false, (cr4 & X86State.CR4_SMAP) != 0);
            long host = page(gpa, true);
            if (host == PhysicalMemory.MMIO) throw table(gpa, la + k, 2);
            HOST.set(BYTE, host + (gpa & 0xfff), (byte) (v >>> 8 * k));
            if (isCode(gpa, 1)) codeWritten(gpa, 1);
        }
    }

    /** Raises what {@link #sysStore} to these bytes would. */
    final void sysWritable(long la, int size) {
        for (long at = la; at < la + size; at = (at & PAGE) + 4096) {
            long gpa = walk(at, WRITE, false, (cr4 & X86State.CR4_SMAP) != 0);
            if (page(gpa, true) == PhysicalMemory.MMIO) throw table(gpa, at, 2);
        }
    }

    // Paging.

    private long walk(long la, int kind, boolean user, boolean smap) {
        if ((cr0 & X86State.CR0_PG) == 0) return la & 0xffffffffL;
        boolean nxe = (efer & X86State.EFER_NX) != 0 && (cr4 & X86State.CR4_PAE) != 0;
        long base = (kind == WRITE ? 2 : 0)
                | (user ? 4 : 0)
                | (kind == FETCH && (nxe || (cr4 & X86State.CR4_SMEP) != 0) ? 16 : 0);
        if ((efer & X86State.EFER_LMA) != 0) {
            boolean five = (cr4 & X86State.CR4_LA57) != 0;
            if (!isCanonical(la)) throw gp(0);
            return levels(la, five ? 5 : 4, cr3 & physMask & PAGE, 8, kind, user, smap, base, nxe);
        }
        if ((cr4 & X86State.CR4_PAE) != 0) {
            long at = (cr3 & 0xffffffe0L) + (la >>> 30 & 3) * 8;
            long pdpte = pte(at, 8, la, base);
            if ((pdpte & 1) == 0) throw pageFault(la, base);
            return levels(la, 2, pdpte & physMask & PAGE, 8, kind, user, smap, base, nxe);
        }
        return levels(la & 0xffffffffL, 2, cr3 & 0xfffff000L, 4, kind, user, smap, base, false);
    }

    private long levels(
            long la, int top, long table, int width, int kind, boolean user, boolean smap, long err, boolean nxe) {
        boolean us = true, rw = true, nx = false;
        int bits = width == 8 ? 9 : 10;
        for (int level = top; ; level--) {
            int shift = 12 + bits * (level - 1);
            long at = table + (la >>> shift & (1L << bits) - 1) * width;
            long e = pte(at, width, la, err);
            if ((e & 1) == 0) throw pageFault(la, err);
            boolean leaf = level == 1 || (e & 0x80) != 0 && level <= 3 && (width == 8 || (cr4 & X86State.CR4_PSE) != 0);
            if (reserved(e, level, leaf, width, nxe)) throw pageFault(la, err | 9);
            us &= (e & 4) != 0;
            rw &= (e & 2) != 0;
            nx |= nxe && e < 0;
            if (!leaf) {
                setBits(at, width, e, 0x20, la);
                table = e & (width == 8 ? physMask : 0xffffffffL) & PAGE;
                continue;
            }
            boolean key = us && kind != FETCH && protection != 0 && keyDenies(e, kind, user);
            if (key || denied(kind, user, us, rw, nx, smap)) throw pageFault(la, err | (key ? 0x21 : 1));
            setBits(at, width, e, kind == WRITE ? 0x60 : 0x20, la);
            long offset = (1L << shift) - 1;
            long frame = width == 8 ? e & physMask : e & 0xffffffffL | (level == 2 ? (e >> 13 & 0xff) << 32 : 0);
            return frame & ~offset & PAGE | la & offset;
        }
    }

    private boolean reserved(long e, int level, boolean leaf, int width, boolean nxe) {
        if (width == 4) return level == 2 && leaf && (e & 0x200000) != 0;
        if ((e & 0x000f_ffff_ffff_f000L & ~physMask) != 0 || e < 0 && !nxe) return true;
        // Bits 62 to 52 are ignored in IA-32e mode only (SDM vol. 3, 4.4.2).
        if ((e & 0x7ff0_0000_0000_0000L) != 0 && (efer & X86State.EFER_LMA) == 0) return true;
        if (level >= 4 && (e & 0x80) != 0) return true;
        return leaf && level > 1 && (e & (1L << 12 + 9 * (level - 1)) - 1 & 0xffff_ffff_ffff_e000L) != 0;
    }

    private boolean denied(int kind, boolean user, boolean us, boolean rw, boolean nx, boolean smap) {
        if (user) return !us || kind == WRITE && !rw || kind == FETCH && nx;
        if (kind == FETCH) return nx || us && (cr4 & X86State.CR4_SMEP) != 0;
        if (us && smap) return true;
        return kind == WRITE && !rw && (cr0 & X86State.CR0_WP) != 0;
    }

    /** Protection keys of user-mode pages: AD denies data accesses, WD writes as CR0.WP does (SDM vol. 3, 4.6.2). */
    private boolean keyDenies(long e, int kind, boolean user) {
        long rights = protection >> 2 * (e >>> 59 & 15);
        return (rights & 1) != 0 || (rights & 2) != 0 && kind == WRITE && (user || (cr0 & X86State.CR0_WP) != 0);
    }

    private long pte(long gpa, int width, long la, long err) {
        // Walks are writes to the second stage, whether they set bits or not (SDM vol. 3, 29.3.5; APM vol. 2, 15.25.6).
        long host = emulating ? page(gpa, false) : accessible(memory.tablePage(gpa & PAGE), gpa);
        // Paging structures in unbacked memory: the CPU leaves the guest; the hypervisor's own walk finds nothing
        // there.
        if (host == PhysicalMemory.MMIO) throw emulating ? pageFault(la, err) : walked(gpa, la);
        long at = host + (gpa & 0xfff);
        return width == 8 ? HOST.get(LONG, at) : HOST.get(INT, at) & 0xffffffffL;
    }

    /** Sets accessed and dirty bits as one atomic step, for another CPU may walk or edit the same entry. */
    private void setBits(long gpa, int width, long e, long bits, long la) {
        if ((e & bits) == bits) return;
        long host = page(gpa, true);
        // Read-only memory: the CPU can't go on without the bits, the hypervisor's own walk can.
        if (host == PhysicalMemory.MMIO && !emulating) throw walked(gpa, la);
        if (host == PhysicalMemory.MMIO) return;
        long at = host + (gpa & 0xfff);
        if (width == 8) CAS.getAndBitwiseOr(HOST, at, bits);
        else CAS.getAndBitwiseOr(HOST, at & -8L, bits << 8 * (at & 7));
    }
}
