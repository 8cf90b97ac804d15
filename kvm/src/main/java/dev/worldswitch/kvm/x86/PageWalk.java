package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.GuestMemory;
import dev.worldswitch.machine.x86.X86State;
import org.jspecify.annotations.Nullable;

/** KVM's own walk of the guest's page tables (KVM_TRANSLATE), supervisor read; it sets accessed bits as the CPU does. */
final class PageWalk {
    private final Vcpu v;
    private final GuestMemory memory;
    /** A debugger asks: nothing is written. */
    private final boolean asking;

    private PageWalk(Vcpu v, boolean asking) {
        this.v = v;
        this.memory = v.vm().memory();
        this.asking = asking;
    }

    /** The guest-physical address, or -1. */
    static long translate(Vcpu v, long va) {
        return new PageWalk(v, false).translate(va);
    }

    /** The same for a debugger: no accessed bit is set. */
    static long ask(Vcpu v, long va) {
        return new PageWalk(v, true).translate(va);
    }

    private @Nullable Bytes entry(long at, int size) {
        return asking ? memory.peek(at, size) : v.readSeen(at, size);
    }

    private long translate(long va) {
        X86State s = v.state();
        if ((s.cr.get(0) & X86State.CR0_PG) == 0) return va;
        boolean pae = (s.cr.get(4) & X86State.CR4_PAE) != 0;
        if (!s.longMode()) return pae ? pae(va & 0xffffffffL) : legacy(va & 0xffffffffL);
        int levels = (s.cr.get(4) & X86State.CR4_LA57) != 0 ? 5 : 4, width = levels * 9 + 12;
        if (va << 64 - width >> 64 - width != va) return -1;
        return walk(va, s.cr.get(3) & 0x000f_ffff_ffff_f000L, levels);
    }

    private long walk(long va, long table, int levels) {
        for (int level = levels; level > 0; level--) {
            int shift = 12 + (level - 1) * 9;
            long at = table + (va >>> shift & 511) * 8;
            Bytes e = entry(at, 8);
            if (e == null || (e.u64(0) & 1) == 0) return -1;
            long entry = e.u64(0);
            if ((entry & v.reservedGpaBits() & 0x000f_ffff_ffff_f000L) != 0) return -1;
            if ((entry & 0x20) == 0 && !asking && !v.writeSeen(at, e.u64(0, entry | 0x20))) return -1;
            boolean large = level > 1 && level < 4 && (entry & 0x80) != 0;
            if (level == 1 || large) return entry & 0x000f_ffff_ffff_f000L & -1L << shift | va & (1L << shift) - 1;
            table = entry & 0x000f_ffff_ffff_f000L;
        }
        return -1;
    }

    private long pae(long va) {
        long top = v.pdptrs().get((int) (va >>> 30));
        return (top & 1) == 0 ? -1 : walk(va, top & 0x000f_ffff_ffff_f000L, 2);
    }

    private long legacy(long va) {
        long table = v.state().cr.get(3) & 0xffff_f000L;
        for (int shift = 22; shift >= 12; shift -= 10) {
            long at = table + (va >>> shift & 1023) * 4;
            Bytes e = entry(at, 4);
            if (e == null || (e.u32(0) & 1) == 0) return -1;
            long entry = e.u32(0) & 0xffffffffL;
            if ((entry & 0x20) == 0 && !asking && !v.writeSeen(at, e.u32(0, entry | 0x20))) return -1;
            boolean large = shift == 22 && (entry & 0x80) != 0 && (v.state().cr.get(4) & X86State.CR4_PSE) != 0;
            if (large) return (entry & 0xffc0_0000L) + ((entry >> 13 & 0xff) << 32) + (va & 0x3f_ffff);
            if (shift == 12) return entry & 0xffff_f000L | va & 0xfff;
            table = entry & 0xffff_f000L;
        }
        return -1;
    }
}
