package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;

/** Debug and profiling at the world switch: MDCR_EL2, and the nVHE host's SPE (hyp/nvhe/debug-sr.c). */
final class HypDebug {
    private static final long HPMN = 0x1f, TPMS = 1 << 14, E2PB = 3 << 12, PMBLIMITR_E = 1;
    private final boolean vhe, keepHpmn, e2pbBack, featureCheck, trapGuest;
    private final boolean zeroPmscr, clearSaved, isbBeforeDrain, drain, isbBeforeRestore;

    HypDebug(Kernel kernel, boolean vhe) {
        this.vhe = vhe;
        this.keepHpmn = kernel.has(Patch.SPE_KEEP_HPMN);
        this.e2pbBack = kernel.has(Patch.SPE_E2PB_BACK);
        this.featureCheck = kernel.has(Patch.SPE_FEATURE_CHECK);
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

    /** __activate_traps_common: MDCR_EL2 for the guest. */
    void activateMdcr(Arm64Cpu cpu, HostData host, Vcpu vcpu) {
        long now = cpu.host().mrs(SysReg.MDCR_EL2);
        host.mdcr().set(now);
        long v = now & HPMN | vcpu.debug().mdcr();
        if (mayWriteSpeControls(cpu)) v |= trapGuest ? TPMS : E2PB;
        cpu.host().msr(SysReg.MDCR_EL2, v);
    }

    /** One write, in the VHE or nVHE part: a second one in a common part would undo it. */
    void deactivateMdcr(Arm64Cpu cpu, HostData host) {
        long was = host.mdcr().get();
        long v = keepHpmn ? was & HPMN : 0;
        if (vhe) v |= was & (E2PB | TPMS);
        else if (e2pbBack && mayWriteSpeControls(cpu)) v |= E2PB;
        cpu.host().msr(SysReg.MDCR_EL2, v);
    }

    /** __debug_save_spe: before the guest's tables are live and before E2PB changes. VHE stops nothing. */
    void saveSpe(Arm64Cpu cpu, HostData host) {
        if (vhe) return;
        // Zero first: a value left from an earlier run would turn profiling on again at the next restore.
        if (clearSaved) host.pmscr().set(0);
        if (featureCheck && !cpu.spe().implemented()) return;
        if ((cpu.host().mrs(SysReg.PMBLIMITR_EL1) & PMBLIMITR_E) == 0) return;
        host.pmscr().set(cpu.host().mrs(SysReg.PMSCR_EL1));
        if (zeroPmscr) cpu.host().msr(SysReg.PMSCR_EL1, 0);
        // No sample is made from here on; without it one made after the drain would be written by the guest's tables.
        if (isbBeforeDrain) cpu.host().isb();
        if (drain) cpu.host().psbCsync();
    }

    /** __debug_restore_spe: after the host's system registers, which translate the buffer, are back. */
    void restoreSpe(Arm64Cpu cpu, HostData host) {
        if (vhe || host.pmscr().get() == 0) return;
        // The host's tables are installed, but not in effect before this.
        if (isbBeforeRestore) cpu.host().isb();
        cpu.host().msr(SysReg.PMSCR_EL1, host.pmscr().get());
    }
}
