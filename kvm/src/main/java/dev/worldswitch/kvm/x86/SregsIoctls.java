package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.x86.X86State;

/** Segments, tables, control registers: KVM_GET_SREGS, KVM_SET_SREGS and their second forms. */
final class SregsIoctls {
    static final int SREGS_SIZE = 312;
    private static final int SREGS2_SIZE = 320, PDPTRS_VALID = 1;

    /** struct kvm_sregs: cs ds es fs gs ss tr ldt, by X86State's numbers, 24 bytes each. */
    private static final int[] SEGMENTS = {
        X86State.CS, X86State.DS, X86State.ES, X86State.FS, X86State.GS, X86State.SS, X86State.TR, X86State.LDTR
    };

    private static final int GDT = 192, IDT = 208, CR0 = 224, CR2 = 232, CR3 = 240, CR4 = 248, CR8 = 256, EFER = 264;
    private static final int APIC_BASE = 272, BITMAP = 280, FLAGS = 280, PDPTRS = 288;

    private SregsIoctls() {}

    static void rows(Rows t) {
        t.vcpu("KVM_GET_SREGS", ior(0x83, SREGS_SIZE), 0, "api.rst 4.13", (v, c) -> {
            Bytes b = new Bytes(SREGS_SIZE);
            getSregs(v, b);
            return c.out(b);
        });
        t.vcpu("KVM_SET_SREGS", iow(0x84, SREGS_SIZE), 0, "api.rst 4.14", (v, c) -> {
            Bytes b = c.in(SREGS_SIZE);
            return b == null ? Errno.EFAULT : setSregs(v, b);
        });
        t.vcpu("KVM_GET_SREGS2", ior(0xcc, SREGS2_SIZE), 200, "api.rst 4.132", SregsIoctls::getSregs2);
        t.vcpu("KVM_SET_SREGS2", iow(0xcd, SREGS2_SIZE), 200, "api.rst 4.133", SregsIoctls::setSregs2);
    }

    /** __get_sregs. */
    static void getSregs(Vcpu v, Bytes b) {
        common(v, b);
        var e = v.events();
        if (e.interruptInjected.get() != 0 && e.interruptSoft.get() == 0) {
            int nr = (int) e.interruptNr.get() & 255;
            b.u64(BITMAP + nr / 64 * 8, 1L << nr);
        }
    }

    private static void common(Vcpu v, Bytes b) {
        X86State s = v.state();
        for (int i = 0; i < 8; i++) v.vendor().getSegment(s, SEGMENTS[i], b, i * 24);
        b.u64(GDT, s.gdtBase.get()).u16(GDT + 8, s.gdtLimit.get());
        b.u64(IDT, s.idtBase.get()).u16(IDT + 8, s.idtLimit.get());
        b.u64(CR0, s.cr.get(0)).u64(CR2, s.cr.get(2)).u64(CR3, s.cr.get(3)).u64(CR4, s.cr.get(4));
        b.u64(CR8, v.cr8()).u64(EFER, s.efer.get()).u64(APIC_BASE, v.apicBase().get());
    }

    private static boolean paePaging(long cr0, long cr4, long efer) {
        return (cr0 & X86State.CR0_PG) != 0 && (cr4 & X86State.CR4_PAE) != 0 && (efer & X86State.EFER_LMA) == 0;
    }

    /** __set_sregs; nothing is changed when it is refused. */
    static long setSregs(Vcpu v, Bytes b) {
        if (!valid(v, b)) return Errno.EINVAL;
        apply(v, b, true);
        for (int w = 0; w < 4; w++) {
            long bits = b.u64(BITMAP + w * 8);
            if (bits == 0) continue;
            // Only one vector can be on its way: the lowest wins.
            v.events().queueInterrupt(w * 64 + Long.numberOfTrailingZeros(bits), false);
            break;
        }
        return 0;
    }

    private static long getSregs2(Vcpu v, Call call) {
        Bytes b = new Bytes(SREGS2_SIZE);
        common(v, b);
        X86State s = v.state();
        if (paePaging(s.cr.get(0), s.cr.get(4), s.efer.get())) {
            b.u64(FLAGS, PDPTRS_VALID);
            for (int i = 0; i < 4; i++) b.u64(PDPTRS + i * 8, v.pdptrs().get(i));
        }
        return call.out(b);
    }

    private static long setSregs2(Vcpu v, Call call) {
        Bytes b = call.in(SREGS2_SIZE);
        if (b == null) return Errno.EFAULT;
        boolean given = (b.u64(FLAGS) & PDPTRS_VALID) != 0;
        if ((b.u64(FLAGS) & ~PDPTRS_VALID) != 0) return Errno.EINVAL;
        if (given && !paePaging(b.u64(CR0), b.u64(CR4), b.u64(EFER))) return Errno.EINVAL;
        if (!valid(v, b)) return Errno.EINVAL;
        apply(v, b, !given);
        if (given) for (int i = 0; i < 4; i++) v.pdptrs().set(i, b.u64(PDPTRS + i * 8));
        return 0;
    }

    /** kvm_is_valid_sregs and the checks of kvm_set_apic_base. */
    private static boolean valid(Vcpu v, Bytes b) {
        long cr0 = b.u64(CR0), cr4 = b.u64(CR4), efer = b.u64(EFER);
        if ((efer & X86State.EFER_LME) != 0 && (cr0 & X86State.CR0_PG) != 0) {
            if ((cr4 & X86State.CR4_PAE) == 0 || (efer & X86State.EFER_LMA) == 0) return false;
            if ((b.u64(CR3) & v.reservedGpaBits()) != 0) return false;
        } else if ((efer & X86State.EFER_LMA) != 0 || b.u8(19) != 0) {
            return false; // cs.l outside long mode
        }
        if ((cr4 & (v.vm().kvm().caps().cr4Reserved() | v.cr4GuestReserved())) != 0) return false;
        if (cr0 >>> 32 != 0) return false;
        if ((cr0 & X86State.CR0_NW) != 0 && (cr0 & X86State.CR0_CD) == 0) return false;
        if ((cr0 & X86State.CR0_PG) != 0 && (cr0 & X86State.CR0_PE) == 0) return false;
        boolean checked = v.vm().kvm().kernel().has(Patch.SREGS_EFER_CHECK);
        if (checked && !v.vm().kvm().msrTable().validEfer(v, efer)) return false;
        return v.validApicBase(b.u64(APIC_BASE));
    }

    private static void apply(Vcpu v, Bytes b, boolean loadPdptrs) {
        X86State s = v.state();
        v.setApicBase(b.u64(APIC_BASE));
        s.gdtBase.set(b.u64(GDT));
        s.gdtLimit.set(b.u16(GDT + 8));
        s.idtBase.set(b.u64(IDT));
        s.idtLimit.set(b.u16(IDT + 8));
        s.cr.set(2, b.u64(CR2));
        s.cr.set(3, b.u64(CR3));
        v.setCr8(b.u64(CR8));
        s.efer.set(b.u64(EFER));
        s.cr.set(0, b.u64(CR0));
        s.cr.set(4, b.u64(CR4));
        for (int i = 0; i < 8; i++) v.vendor().setSegment(s, SEGMENTS[i], b, i * 24);
        if (loadPdptrs && paePaging(s.cr.get(0), s.cr.get(4), s.efer.get())) v.loadPdptrs();
        // Old user space resets a vCPU this way without KVM_SET_MP_STATE: the boot CPU at its reset vector runs again.
        if (v.id() == v.vm().bootCpuId()
                && s.rip.get() == 0xfff0
                && s.segSelector.get(X86State.CS) == 0xf000
                && s.segBase.get(X86State.CS) == 0xffff0000L
                && (s.cr.get(0) & X86State.CR0_PE) == 0) v.mpState().set(KvmX86Abi.MP_STATE_RUNNABLE);
    }
}
