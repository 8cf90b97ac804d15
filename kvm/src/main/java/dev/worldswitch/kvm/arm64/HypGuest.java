package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Words;

/** What the hypervisor gives each guest beside its own registers: identity, timers, a virtual SError, no GIC where there is none. */
final class HypGuest {
    private static final long ICH_TC = 1L << 10, ICH_TALL0 = 1L << 11, ICH_TALL1 = 1L << 12, ICH_TDIR = 1L << 14;

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
        if (interfaceOf != null) {
            interfaceOf.load(cpu);
            return;
        }
        boolean hidden = gic == null && v.kvm().has(Patch.ARM64_GIC_REGS_TRAP);
        set(sys, SysReg.ICH_HCR_EL2, hidden ? ICH_TC | ICH_TALL0 | ICH_TALL1 | ICH_TDIR : 0);
    }

    /** __vgic_v3_save_state. */
    static void save(Arm64Cpu cpu, Vcpu v) {
        Vgic gic = v.vm().vgic().get();
        VgicCpu interfaceOf = gic == null ? null : gic.delivery().cpu(v);
        if (interfaceOf != null) interfaceOf.save(cpu);
    }
}
