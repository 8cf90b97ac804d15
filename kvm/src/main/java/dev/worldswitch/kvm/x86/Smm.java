package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.machine.x86.Debug;
import dev.worldswitch.machine.x86.X86State;

/**
 * System management mode of one vCPU (arch/x86/kvm/smm.c): KVM itself stores the state where SMBASE says, starts the
 * handler, and loads it again at RSM. Guest memory is address space 1 meanwhile.
 */
final class Smm {
    /** Offset of the state save area from SMBASE, and its size; the handler's first instruction. */
    private static final int AREA = 0xfe00, AREA_SIZE = 512, ENTRY = 0x8000;

    static final long SMBASE_AT_RESET = 0x30000;
    private static final int REVISION_32 = 0x0002_0000, REVISION_64 = 0x0002_0064;
    private static final long CR4_PCIDE = 1 << 17;
    private static final long FIXED_RFLAGS = 2, FIXED_DR7 = 0x400;

    /** Offsets in the area. Both layouts keep KVM's interrupt shadow in a byte that hardware does not use. */
    private static final int GPRS_64 = 0x180, RIP_64 = 0x178, RFLAGS_64 = 0x170, DR6_64 = 0x168, DR7_64 = 0x160;

    private static final int CR0_64 = 0x158, CR3_64 = 0x150, CR4_64 = 0x148, SMBASE_64 = 0x100, REVISION_AT_64 = 0xfc;
    private static final int EFER_64 = 0xd0, SHADOW_64 = 0xcb, GDTR_64 = 0x60, IDTR_64 = 0x80;
    private static final int CR0_32 = 0x1fc, CR3_32 = 0x1f8, EFLAGS_32 = 0x1f4, EIP_32 = 0x1f0, GPRS_32 = 0x1d0;
    private static final int DR6_32 = 0x1cc, DR7_32 = 0x1c8, GDTR_32 = 0x16c, IDTR_32 = 0x150, SHADOW_32 = 0x11a;
    private static final int CR4_32 = 0x114, REVISION_AT_32 = 0xfc, SMBASE_32 = 0xf8;

    /** A segment's place in the 64-bit layout; its flags, limit and base, and its selector, in the 32-bit one. */
    private record Place(int segment, int in64, int in32, int selector32) {}

    private static final Place[] SYSTEM = {
        new Place(X86State.TR, 0x90, 0x15c, 0x1c4), new Place(X86State.LDTR, 0x70, 0x178, 0x1c0)
    };
    private static final Place[] DATA = {
        new Place(X86State.ES, 0x00, 0x184, 0x1a8),
        new Place(X86State.CS, 0x10, 0x190, 0x1ac),
        new Place(X86State.SS, 0x20, 0x19c, 0x1b0),
        new Place(X86State.DS, 0x30, 0x12c, 0x1b4),
        new Place(X86State.FS, 0x40, 0x138, 0x1b8),
        new Place(X86State.GS, 0x50, 0x144, 0x1bc)
    };
    /** SMBASE and the MSR of the number of SMIs (msr-index.h). */
    static final int MSR_SMBASE = 0x9e, MSR_COUNT = 0x34;

    private final Vcpu vcpu;
    private final X86State state;
    private final PendingEvents ev;

    Smm(Vcpu vcpu) {
        this.vcpu = vcpu;
        this.state = vcpu.state();
        this.ev = vcpu.events();
    }

    /** Whether KVM was built with it. */
    boolean built() {
        return vcpu.vm().kvm().config("smm");
    }

    /** is_smm. */
    boolean active() {
        return ev.smm.get() != 0;
    }

    /** kvm_inject_smi, from any thread. */
    void inject() {
        vcpu.runLoop().kick(RunState.REQ_SMI);
    }

    /** KVM_REQ_SMI: what was asked for elsewhere waits in the vCPU now. */
    void process() {
        RunState rs = vcpu.runLoop().runState();
        if (rs.mode.requests().test(RunState.REQ_SMI)
                && (rs.mode.requests().and(~RunState.REQ_SMI) & RunState.REQ_SMI) != 0) ev.smiPending.set(1);
    }

    boolean requested() {
        return vcpu.runLoop().runState().mode.requests().test(RunState.REQ_SMI)
                || ev.smiPending.get() != 0 && !active();
    }

    /** kvm_smm_changed. */
    void changed(boolean entering) {
        Trace t = vcpu.vm().kvm().trace();
        if (t != null) t.kvmSmmTransition(vcpu, smbase(), entering);
        ev.smm.set(entering ? 1 : 0);
        if (entering) return;
        ev.smmInsideNmi.set(0);
        // An INIT or an SMI that had to wait.
        vcpu.runLoop().kick(RunState.REQ_EVENT);
    }

    private long msr(int index) {
        return vcpu.vm().kvm().msrTable().read(vcpu, index, true).value();
    }

    private void msr(int index, long value) {
        vcpu.vm().kvm().msrTable().write(vcpu, index, value, true);
    }

    private long smbase() {
        return msr(MSR_SMBASE);
    }

    private boolean longMode() {
        return vcpu.cpuid().get().has(0x8000_0001, 0, 3, 29);
    }

    private boolean keepsShadow() {
        return vcpu.vm().kvm().kernel().has(Patch.SMM_INTERRUPT_SHADOW);
    }

    // Entering.

    /** enter_smm. */
    void enter() {
        ev.smiPending.set(0);
        msr(MSR_COUNT, msr(MSR_COUNT) + 1);
        long smbase = smbase();
        Bytes area = new Bytes(AREA_SIZE);
        if (longMode()) save64(area);
        else save32(area);
        changed(true);
        if (!vcpu.writeSeen(smbase + AREA, area) && vcpu.vm().kvm().kernel().has(Patch.SMM_ENTRY_CHECKED)) {
            vcpu.vm().brokeDown();
            return;
        }
        if (state.nmiMasked.get() != 0) ev.smmInsideNmi.set(1);
        else state.nmiMasked.set(1);
        vcpu.rflags(FIXED_RFLAGS);
        state.rip.set(ENTRY);
        state.shadow.set(0);
        state.cr.and(0, ~(X86State.CR0_PE | X86State.CR0_EM | X86State.CR0_TS | X86State.CR0_PG));
        state.cr.set(4, 0);
        state.idtBase.set(0);
        state.idtLimit.set(0);
        vcpu.db().set(7, FIXED_DR7);
        vcpu.updateDr();
        for (Place p : DATA) {
            boolean code = p.segment == X86State.CS;
            segment(p.segment, code ? smbase >> 4 & 0xffff : 0, code ? smbase : 0, 0xffffffffL, 0x8093);
        }
        state.efer.set(0);
    }

    /** Attributes in the format of {@link X86State#segAttr}, as struct kvm_segment would give them. */
    private long attributes(int segment) {
        Bytes b = new Bytes(24);
        vcpu.vendor().getSegment(state, segment, b, 0);
        return b.u8(14)
                | b.u8(18) << 4
                | b.u8(16) << 5
                | b.u8(15) << 7
                | b.u8(21) << 12
                | b.u8(19) << 13
                | b.u8(17) << 14
                | b.u8(20) << 15;
    }

    /** kvm_set_segment. */
    private void segment(int segment, long selector, long base, long limit, long attributes) {
        Bytes b = new Bytes(24).u64(0, base).u32(8, limit).u16(12, selector).u8(14, attributes & 15);
        b.u8(15, attributes >> 7 & 1).u8(16, attributes >> 5 & 3).u8(17, attributes >> 14 & 1);
        b.u8(18, attributes >> 4 & 1).u8(19, attributes >> 13 & 1).u8(20, attributes >> 15 & 1);
        b.u8(21, attributes >> 12 & 1).u8(22, (attributes >> 7 & 1) ^ 1);
        vcpu.vendor().setSegment(state, segment, b, 0);
    }

    private void save64(Bytes a) {
        for (int i = 0; i < 16; i++) a.u64(GPRS_64 + 8 * (15 - i), state.gpr.get(i));
        a.u64(RIP_64, state.rip.get()).u64(RFLAGS_64, vcpu.rflags());
        a.u64(DR6_64, vcpu.db().get(6)).u64(DR7_64, vcpu.db().get(7));
        a.u64(CR0_64, state.cr.get(0)).u64(CR3_64, state.cr.get(3)).u64(CR4_64, state.cr.get(4));
        a.u32(SMBASE_64, smbase()).u32(REVISION_AT_64, REVISION_64).u64(EFER_64, state.efer.get());
        for (Place[] places : new Place[][] {SYSTEM, DATA})
            for (Place p : places)
                a.u16(p.in64, state.segSelector.get(p.segment))
                        .u16(p.in64 + 2, attributes(p.segment))
                        .u32(p.in64 + 4, state.segLimit.get(p.segment))
                        .u64(p.in64 + 8, state.segBase.get(p.segment));
        a.u32(IDTR_64 + 4, state.idtLimit.get()).u64(IDTR_64 + 8, state.idtBase.get());
        a.u32(GDTR_64 + 4, state.gdtLimit.get()).u64(GDTR_64 + 8, state.gdtBase.get());
        if (keepsShadow()) a.u8(SHADOW_64, vcpu.vendor().shownShadow(state.shadow.get()));
    }

    private void save32(Bytes a) {
        for (int i = 0; i < 8; i++) a.u32(GPRS_32 + 4 * i, state.gpr.get(i));
        a.u32(EIP_32, state.rip.get()).u32(EFLAGS_32, vcpu.rflags());
        a.u32(DR6_32, vcpu.db().get(6)).u32(DR7_32, vcpu.db().get(7));
        a.u32(CR0_32, state.cr.get(0)).u32(CR3_32, state.cr.get(3)).u32(CR4_32, state.cr.get(4));
        a.u32(SMBASE_32, smbase()).u32(REVISION_AT_32, REVISION_32);
        for (Place[] places : new Place[][] {SYSTEM, DATA})
            for (Place p : places)
                a.u32(p.selector32, state.segSelector.get(p.segment))
                        .u32(p.in32, attributes(p.segment) << 8)
                        .u32(p.in32 + 4, state.segLimit.get(p.segment))
                        .u32(p.in32 + 8, state.segBase.get(p.segment));
        a.u32(IDTR_32 + 4, state.idtLimit.get()).u32(IDTR_32 + 8, state.idtBase.get());
        a.u32(GDTR_32 + 4, state.gdtLimit.get()).u32(GDTR_32 + 8, state.gdtBase.get());
        if (keepsShadow()) a.u8(SHADOW_32, vcpu.vendor().shownShadow(state.shadow.get()));
    }

    // Leaving.

    /** What RSM led to. */
    enum Left {
        DONE,
        /** Nothing could be read: nothing changed. */
        UNREADABLE,
        /** The area holds what no CPU can be in. */
        SHUTDOWN
    }

    /** emulator_leave_smm. */
    Left leave(ControlRegisters control) {
        Bytes area = vcpu.readSeen(smbase() + AREA, AREA_SIZE);
        if (area == null) return Left.UNREADABLE;
        if (ev.smmInsideNmi.get() == 0) state.nmiMasked.set(0);
        changed(false);
        backToRealMode(control);
        boolean good = longMode() ? load64(area, control) : load32(area, control);
        return good ? Left.DONE : Left.SHUTDOWN;
    }

    /** The mode in which all control registers can be loaded. */
    private void backToRealMode(ControlRegisters control) {
        boolean longMode = longMode();
        if (longMode) {
            if ((state.cr.get(4) & CR4_PCIDE) != 0) control.setCr4(state.cr.get(4) & ~CR4_PCIDE);
            segment(X86State.CS, 0, 0, 0, 0x809b);
        }
        if ((state.cr.get(0) & X86State.CR0_PE) != 0)
            control.setCr0(state.cr.get(0) & ~(X86State.CR0_PG | X86State.CR0_PE));
        if (!longMode) return;
        if ((state.cr.get(4) & X86State.CR4_PAE) != 0) control.setCr4(state.cr.get(4) & ~X86State.CR4_PAE);
        state.efer.set(0);
    }

    private boolean load64(Bytes a, ControlRegisters control) {
        for (int i = 0; i < 16; i++) state.gpr.set(i, a.u64(GPRS_64 + 8 * (15 - i)));
        state.rip.set(a.u64(RIP_64));
        long rflags = a.u64(RFLAGS_64) | FIXED_RFLAGS;
        if (!debug(a.u64(DR6_64), a.u64(DR7_64))) return false;
        msr(MSR_SMBASE, a.u32(SMBASE_64) & 0xffffffffL);
        long efer = a.u64(EFER_64) & ~X86State.EFER_LMA;
        if (vcpu.vm().kvm().msrTable().write(vcpu, 0xc0000080, efer, false) != MsrTable.OK) return false;
        for (Place p : SYSTEM) load64(a, p);
        state.idtLimit.set(a.u32(IDTR_64 + 4) & 0xffff);
        state.idtBase.set(a.u64(IDTR_64 + 8));
        state.gdtLimit.set(a.u32(GDTR_64 + 4) & 0xffff);
        state.gdtBase.set(a.u64(GDTR_64 + 8));
        if (!enterProtectedMode(control, a.u64(CR0_64), a.u64(CR3_64), a.u64(CR4_64))) return false;
        for (Place p : DATA) load64(a, p);
        state.shadow.set(keepsShadow() ? a.u8(SHADOW_64) & 3 : 0);
        vcpu.rflags(rflags);
        return true;
    }

    private void load64(Bytes a, Place p) {
        segment(p.segment, a.u16(p.in64), a.u64(p.in64 + 8), a.u32(p.in64 + 4) & 0xffffffffL, a.u16(p.in64 + 2));
    }

    private boolean load32(Bytes a, ControlRegisters control) {
        for (int i = 0; i < 8; i++) state.gpr.set(i, a.u32(GPRS_32 + 4 * i) & 0xffffffffL);
        state.rip.set(a.u32(EIP_32) & 0xffffffffL);
        long rflags = a.u32(EFLAGS_32) & 0xffffffffL | FIXED_RFLAGS;
        if (!debug(a.u32(DR6_32) & 0xffffffffL, a.u32(DR7_32) & 0xffffffffL)) return false;
        state.gdtBase.set(a.u32(GDTR_32 + 8) & 0xffffffffL);
        state.gdtLimit.set(a.u32(GDTR_32 + 4) & 0xffff);
        state.idtBase.set(a.u32(IDTR_32 + 8) & 0xffffffffL);
        state.idtLimit.set(a.u32(IDTR_32 + 4) & 0xffff);
        for (Place[] places : new Place[][] {SYSTEM, DATA})
            for (Place p : places)
                segment(
                        p.segment,
                        a.u32(p.selector32) & 0xffff,
                        a.u32(p.in32 + 8) & 0xffffffffL,
                        a.u32(p.in32 + 4) & 0xffffffffL,
                        a.u32(p.in32) >>> 8 & 0xf0ff);
        msr(MSR_SMBASE, a.u32(SMBASE_32) & 0xffffffffL);
        boolean good = enterProtectedMode(
                control, a.u32(CR0_32) & 0xffffffffL, a.u32(CR3_32) & 0xffffffffL, a.u32(CR4_32) & 0xffffffffL);
        state.shadow.set(keepsShadow() ? a.u8(SHADOW_32) & 3 : 0);
        vcpu.rflags(rflags);
        return good;
    }

    /** kvm_set_dr of DR6 and DR7. */
    private boolean debug(long dr6, long dr7) {
        if (dr6 >>> 32 != 0 || dr7 >>> 32 != 0) return false;
        vcpu.db().set(6, Debug.dr6(vcpu.vm().kvm().profile(), dr6));
        vcpu.db().set(7, Debug.dr7(vcpu.vm().kvm().profile(), dr7));
        vcpu.updateDr();
        return true;
    }

    /** rsm_enter_protected_mode: CR4.PCIDE needs long mode, and CR3's PCID needs CR4.PCIDE. */
    private static boolean enterProtectedMode(ControlRegisters control, long cr0, long cr3, long cr4) {
        boolean pcide = (cr4 & CR4_PCIDE) != 0;
        long pcid = pcide ? cr3 & 0xfff : 0;
        if (!control.setCr3(cr3 & ~pcid) || !control.setCr4(cr4 & ~CR4_PCIDE) || !control.setCr0(cr0)) return false;
        if (!pcide) return true;
        return control.setCr4(cr4) && (pcid == 0 || control.setCr3(cr3));
    }
}
