package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Words;

/** What the hypervisor gives each guest beside its own registers: identity, timers, a virtual SError, no GIC where there is none. */
final class HypGuest {
    /** ICH_HCR_EL2: TC, TALL0, TALL1, TDIR. */
    private static final long ICH_HIDE = 1L << 10 | 1L << 11 | 1L << 12 | 1L << 14;

    private static final long EL1TVT = 1L << 13;

    private HypGuest() {}

    private static void set(Words sys, SysReg r, long v) {
        sys.set(r.ordinal(), v);
    }

    /** __sysreg_restore_el1_state, timer_restore_state and __vgic_v3_activate_traps, as far as a guest can tell. */
    static void load(Arm64Cpu cpu, Vcpu v) {
        Words sys = cpu.sys();
        GuestContext c = v.context();
        set(sys, SysReg.VMPIDR_EL2, c.sys(SysReg.MPIDR_EL1));
        set(sys, SysReg.VPIDR_EL2, InvariantRegs.current(v, SysReg.MIDR_EL1));
        set(sys, SysReg.VSESR_EL2, v.vsesr().get());
        set(sys, SysReg.CNTVOFF_EL2, v.vm().voffset().get());
        // The physical counter and timer trap: nothing but KVM knows their offset. The virtual timer's registers trap
        // too:
        // its interrupt is KVM's to raise, and KVM must know when it is due.
        set(sys, SysReg.CNTHCTL_EL2, EL1TVT);
        // The host's own timer, which interrupts the guest in time.
        long deadline = v.runLoop().runState().deadline.get();
        set(sys, SysReg.CNTHP_CTL_EL2, deadline == Long.MAX_VALUE ? 0 : TimerRegs.ENABLE);
        set(sys, SysReg.CNTHP_CVAL_EL2, deadline);
        Vgic gic = v.vm().vgic().get();
        VgicCpu interfaceOf = gic == null ? null : gic.delivery().cpu(v);
        set(sys, SysReg.ICC_SRE_EL1, 7);
        boolean v2 = gic != null && !gic.isV3();
        // The second stage shows the guest of a GICv2 the hardware's virtual interface as its own.
        cpu.gicvFrame().set(v2 ? gic.cpu().get() : -1);
        if (interfaceOf != null) {
            interfaceOf.load(cpu);
            if (v2) set(sys, SysReg.ICH_HCR_EL2, sys.get(SysReg.ICH_HCR_EL2.ordinal()) | ICH_HIDE);
            return;
        }
        boolean hidden = gic == null && v.kvm().has(Patch.ARM64_GIC_REGS_TRAP);
        set(sys, SysReg.ICH_HCR_EL2, hidden ? ICH_HIDE : 0);
    }

    /** __vgic_v3_save_state. */
    static void save(Arm64Cpu cpu, Vcpu v) {
        Vgic gic = v.vm().vgic().get();
        VgicCpu interfaceOf = gic == null ? null : gic.delivery().cpu(v);
        if (interfaceOf != null) interfaceOf.save(cpu);
    }
}
