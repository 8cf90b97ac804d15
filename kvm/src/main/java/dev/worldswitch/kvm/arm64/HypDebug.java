package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;

/** Debug and profiling at the world switch: MDCR_EL2, and the nVHE host's SPE (hyp/nvhe/debug-sr.c). */
final class HypDebug {
    private static final long HPMN = 0x1f, TPMS = 1 << 14, E2PB = 3 << 12, PMBLIMITR_E = 1, PMBIDR_P = 1 << 4;
    /** ARMV8_PMU_USERENR_MASK. */
    private static final long PMUSERENR_MASK = 0xf;

    private final boolean mdcrSavedFirst, mdcrBeforeFirstLoad, hostPmuserenr, bufferOff, pmuserenrShadow;
    private final boolean vhe, keepHpmn, e2pbBack, featureCheck, ownerCheck, trapGuest;
    private final boolean zeroPmscr, clearSaved, isbBeforeDrain, drain, isbBeforeRestore;

    HypDebug(Kernel kernel, boolean vhe) {
        this.vhe = vhe;
        this.mdcrSavedFirst = kernel.has(Patch.MDCR_HOST_SAVED_FIRST);
        this.mdcrBeforeFirstLoad = kernel.has(Patch.MDCR_BEFORE_FIRST_LOAD);
        this.hostPmuserenr = kernel.has(Patch.PMUSERENR_HOST_KEPT);
        this.pmuserenrShadow = kernel.has(Patch.PMUSERENR_SHADOW);
        this.bufferOff = kernel.has(Patch.PROFILING_BUFFER_OFF);
        this.keepHpmn = kernel.has(Patch.SPE_KEEP_HPMN);
        this.e2pbBack = kernel.has(Patch.SPE_E2PB_BACK);
        this.featureCheck = kernel.has(Patch.SPE_FEATURE_CHECK);
        this.ownerCheck = kernel.has(Patch.SPE_OWNER_CHECK);
        this.trapGuest = kernel.has(Patch.SPE_TRAP_GUEST);
        this.zeroPmscr = kernel.has(Patch.SPE_ZERO_PMSCR);
        this.clearSaved = kernel.has(Patch.SPE_CLEAR_SAVED);
        this.isbBeforeDrain = kernel.has(Patch.SPE_ISB_BEFORE_DRAIN);
        this.drain = kernel.has(Patch.SPE_DRAIN);
        this.isbBeforeRestore = kernel.has(Patch.SPE_ISB_BEFORE_RESTORE);
    }

    /** TPMS and E2PB are RES0 on a CPU without SPE. */
    private boolean mayWriteSpeControls(Arm64Cpu cpu) {
        return cpu.spe().implemented() || !featureCheck;
    }

    /**
     * __activate_traps_common: MDCR_EL2 for the guest, and EL0's accesses to the PMU, which MDCR_EL2 traps, not PMUSERENR_EL0.
     * On nVHE at each entry, on VHE at load.
     */
    void activateTrapsCommon(Arm64Cpu cpu, HostData host, Vcpu vcpu) {
        if (mdcrSavedFirst || !vhe) host.mdcr().set(cpu.host().mrs(SysReg.MDCR_EL2));
        host.pmuserenr().set(cpu.host().mrs(SysReg.PMUSERENR_EL0));
        cpu.host().msr(SysReg.PMUSERENR_EL0, PMUSERENR_MASK);
        host.pmuserenrOnCpu().set(1);
        boolean madeUp = mdcrBeforeFirstLoad || vcpu.debug().wasSetUp();
        cpu.host().msr(SysReg.MDCR_EL2, madeUp || !vhe ? guestMdcr(cpu, host, vcpu) : 0);
        if (!mdcrSavedFirst && vhe) host.mdcr().set(cpu.host().mrs(SysReg.MDCR_EL2));
    }

    /** kvm_arm_setup_debug before an entry on VHE: what the debugger asked for since load. */
    void updateMdcr(Arm64Cpu cpu, HostData host, Vcpu vcpu) {
        long wanted = guestMdcr(cpu, host, vcpu);
        if (vhe && cpu.sys().get(SysReg.MDCR_EL2.ordinal()) != wanted)
            cpu.host().msr(SysReg.MDCR_EL2, wanted);
    }

    private long guestMdcr(Arm64Cpu cpu, HostData host, Vcpu vcpu) {
        long v = host.mdcrAtBoot().get() & HPMN | vcpu.debug().mdcr();
        if (mayWriteSpeControls(cpu)) v |= trapGuest ? TPMS : E2PB;
        return v;
    }

    /** __deactivate_traps_common: on nVHE at each exit, on VHE at put. */
    void deactivateTrapsCommon(Arm64Cpu cpu, HostData host) {
        deactivateMdcr(cpu, host);
        cpu.host().msr(SysReg.PMUSERENR_EL0, hostPmuserenr ? host.pmuserenr().get() : 0);
        host.pmuserenrOnCpu().set(0);
    }

    /** kvm_set_pmuserenr; on nVHE interrupts are off for as long as the guest's value is live. */
    boolean setPmuserenr(HostData host, long value) {
        if (!vhe || !pmuserenrShadow || host.pmuserenrOnCpu().get() == 0) return false;
        host.pmuserenr().set(value);
        return true;
    }

    /** One write, in the VHE or nVHE part: a second one in a common part would undo it. */
    private void deactivateMdcr(Arm64Cpu cpu, HostData host) {
        long was = host.mdcr().get();
        long v = keepHpmn ? was & HPMN : 0;
        // VHE: what was there before load, as a whole.
        if (vhe) v |= was & ~HPMN;
        else if (e2pbBack && mayWriteSpeControls(cpu)) v |= E2PB;
        cpu.host().msr(SysReg.MDCR_EL2, v);
    }

    /** __debug_save_spe: before the guest's tables are live and before E2PB changes. VHE stops nothing. */
    void saveSpe(Arm64Cpu cpu, HostData host) {
        if (vhe) return;
        // Zero first: a value left from an earlier run would turn profiling on again at the next restore.
        if (clearSaved) host.pmscr().set(0);
        if (featureCheck && !cpu.spe().implemented()) return;
        // EL3 has the buffer: it traps every other register.
        if (ownerCheck && (cpu.host().mrs(SysReg.PMBIDR_EL1) & PMBIDR_P) != 0) return;
        if ((cpu.host().mrs(SysReg.PMBLIMITR_EL1) & PMBLIMITR_E) == 0) return;
        host.pmscr().set(cpu.host().mrs(SysReg.PMSCR_EL1));
        if (zeroPmscr) cpu.host().msr(SysReg.PMSCR_EL1, 0);
        // No sample is made from here on; without it one made after the drain would be written by the guest's tables.
        if (isbBeforeDrain) cpu.host().isb();
        if (drain) cpu.host().psbCsync();
        if (!bufferOff) return;
        // The drain is complete before the buffer goes, and the buffer is off before the guest's tables are live.
        cpu.host().dsbNsh();
        host.pmblimitr().set(cpu.host().mrs(SysReg.PMBLIMITR_EL1));
        cpu.host().msr(SysReg.PMBLIMITR_EL1, 0);
        cpu.host().isb();
    }

    /** __debug_restore_spe: after the host's system registers, which translate the buffer, are back. */
    void restoreSpe(Arm64Cpu cpu, HostData host) {
        if (vhe || host.pmscr().get() == 0) return;
        // The host's tables are installed, but not in effect before this.
        if (isbBeforeRestore) cpu.host().isb();
        if (bufferOff) {
            cpu.host().msr(SysReg.PMBLIMITR_EL1, host.pmblimitr().get());
            cpu.host().isb();
        }
        cpu.host().msr(SysReg.PMSCR_EL1, host.pmscr().get());
    }
}
