package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** MOV to and from control registers, XSETBV, and instructions that KVM only lets pass or refuses. */
final class ControlRegisters {
    private static final long CR0_RESERVED = ~0xe005003fL;
    /** X86Exit.vector of an X86Exit.OTHER. */
    private static final int MONITOR = 0x0f01c8, MWAIT = 0x0f01c9, RDPMC = 0x0f33;

    private static final long CR4_PCE = 1 << 8;
    private static final long CR0_PG_PE = X86State.CR0_PG | X86State.CR0_PE;
    private final VcpuRun run;
    private final Vcpu vcpu;
    private final X86State state;

    ControlRegisters(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.state = vcpu.state();
    }

    long handleCr(X86Exit e) {
        if (e.in) {
            long read = e.vector == 8 ? vcpu.cr8() : state.cr.get(e.vector);
            state.gpr.set(e.gpr, read);
            trace(false, e.vector, read);
            return run.skip(e.length);
        }
        long v = state.gpr.get(e.gpr);
        trace(true, e.vector, v);
        boolean ok = switch (e.vector) {
            case 0 -> setCr0(v);
            case 3 -> setCr3(v);
            case 4 -> setCr4(v);
            case 8 -> vcpu.setCr8(v);
            default -> false;
        };
        return ok ? run.skip(e.length) : gp();
    }

    private void trace(boolean write, int cr, long value) {
        Trace t = run.trace();
        if (t != null) t.kvmCr(vcpu, write, cr, value);
    }

    private long rdpmc(X86Exit e) {
        int n = vcpu.pmu().readable((int) state.gpr.get(X86State.RCX));
        if (n >= 0) {
            boolean open =
                    state.cpl() == 0 || (state.cr.get(4) & CR4_PCE) != 0 || (state.cr.get(0) & X86State.CR0_PE) == 0;
            if (!open) return gp();
            long value = vcpu.pmu().counter(n);
            state.gpr.set(X86State.RAX, value & 0xffffffffL);
            state.gpr.set(X86State.RDX, value >>> 32);
            return run.skip(e.length);
        }
        boolean amd = vcpu.vm().kvm().profile().isAmd();
        if (vcpu.vm().kvm().caps().pmu().exists()) return gp();
        long counter = state.gpr.get(X86State.RCX) & 0x3fffffff;
        if (vcpu.vm().kvm().kernel().has(Patch.AMD_NO_COUNTERS_WITHOUT_PMU) || !amd || counter > 3) return gp();
        // AMD's four oldest counters are not in CPUID; nothing counts in them.
        state.gpr.set(X86State.RAX, 0);
        state.gpr.set(X86State.RDX, 0);
        return run.skip(e.length);
    }

    private long gp() {
        run.injection().queueExceptionE(Injection.GP, 0);
        return 1;
    }

    /** kvm_set_cr0. */
    boolean setCr0(long v) {
        long cr0 = v | X86State.CR0_ET;
        if (cr0 >>> 32 != 0) return false;
        cr0 &= ~CR0_RESERVED;
        if ((cr0 & X86State.CR0_NW) != 0 && (cr0 & X86State.CR0_CD) == 0) return false;
        if ((cr0 & CR0_PG_PE) == X86State.CR0_PG) return false;
        long old = state.cr.get(0), efer = state.efer.get();
        boolean pg = (cr0 & X86State.CR0_PG) != 0, was = (old & X86State.CR0_PG) != 0;
        if (pg && !was && (efer & X86State.EFER_LME) != 0) {
            if ((state.cr.get(4) & X86State.CR4_PAE) == 0) return false;
            // A 64-bit code segment can't be active while long mode is being turned on.
            if ((state.segAttr.get(X86State.CS) & X86State.ATTR_L) != 0) return false;
            state.efer.set(efer | X86State.EFER_LMA);
        }
        if (!pg && was && (state.code64() || (state.cr.get(4) & 1 << 17) != 0)) return false;
        if (!pg && was) state.efer.set(efer & ~X86State.EFER_LMA);
        state.cr.set(0, cr0);
        return true;
    }

    /** kvm_set_cr3. */
    boolean setCr3(long v) {
        long cr3 = (state.cr.get(4) & 1 << 17) != 0 ? v & Long.MAX_VALUE : v;
        if (state.longMode() && (cr3 & vcpu.reservedGpaBits()) != 0) return false;
        state.cr.set(3, cr3);
        run.entry().interpreter().flushTlb();
        return true;
    }

    /** kvm_set_cr4. */
    boolean setCr4(long v) {
        if ((v & (vcpu.vm().kvm().caps().cr4Reserved() | vcpu.cr4GuestReserved())) != 0) return false;
        long old = state.cr.get(4);
        if (state.longMode()) {
            if ((v & X86State.CR4_PAE) == 0 || ((v ^ old) & X86State.CR4_LA57) != 0) return false;
        }
        boolean pcide = (v & 1 << 17) != 0 && (old & 1 << 17) == 0;
        if (pcide && (!state.longMode() || (state.cr.get(3) & 0xfff) != 0)) return false;
        state.cr.set(4, v);
        run.entry().interpreter().flushTlb();
        return true;
    }

    /** kvm_emulate_xsetbv: only XCR0, only at CPL 0, only what the guest's CPUID offers. */
    long handleXsetbv(X86Exit e) {
        long value = state.gpr.get(X86State.RAX) & 0xffffffffL | state.gpr.get(X86State.RDX) << 32;
        int index = (int) state.gpr.get(X86State.RCX);
        if (state.cpl() != 0 || index != 0 || !vcpu.setXcr0(value)) return gp();
        return run.skip(e.length);
    }

    /**
     * PAUSE, INVD and WBINVD do nothing here. MONITOR and MWAIT neither, but are #UD when CPUID lacks them and the client
     * disabled KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS.
     */
    long handleOther(X86Exit e) {
        if (e.vector == RDPMC) return rdpmc(e);
        boolean monitor = e.vector == MONITOR || e.vector == MWAIT;
        if (monitor && !vcpu.vm().hasQuirk(EnableCap.QUIRK_MWAIT_NEVER_UD_FAULTS)) {
            CpuidTable.Entry one = CpuidIoctls.guestCpuid(vcpu, 1, 0);
            if (one == null || (one.ecx() >> 3 & 1) == 0) {
                run.injection().queueException(Injection.UD);
                return 1;
            }
        }
        return run.skip(e.length);
    }
}
