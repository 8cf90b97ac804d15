package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import org.jspecify.annotations.Nullable;

/** What the debugger of a guest, or the guest itself, needs in the CPU: arch/arm64/kvm/debug.c. */
final class GuestDebug {
    /** KVM_GUESTDBG_*, uapi asm/kvm.h. */
    private static final long SINGLESTEP = 2, USE_HW = 1 << 17;

    private static final long MDSCR_SS = 1, MDSCR_MDE = 1 << 15, OSLSR_OSLK = 2;
    /** MDCR_EL2, Arm ARM D24.3.17: what a guest must not reach by itself. */
    private static final long TPMCR = 1 << 5, TPM = 1 << 6, TDE = 1 << 8, TDA = 1 << 9, TDOSA = 1 << 10, TDRA = 1 << 11;

    private static final long TTRF = 1 << 19;
    private static final SysReg[][] UNITS = new SysReg[4][16];

    static {
        String[] families = {"DBGBCR", "DBGBVR", "DBGWCR", "DBGWVR"};
        for (int f = 0; f < 4; f++) for (int n = 0; n < 16; n++) UNITS[f][n] = SysReg.nth(families[f], n, "_EL1");
    }

    private final Vcpu vcpu;
    private final Word savedMdscr, savedSs, activePending, setUp;

    GuestDebug(Vcpu vcpu, Region region) {
        this.vcpu = vcpu;
        this.savedMdscr = region.word("savedMdscr");
        this.savedSs = region.word("savedSs");
        this.setUp = region.word("setUp");
        this.activePending = region.word("ssActivePending");
    }

    private long asked() {
        return vcpu.guestDebug().get();
    }

    private boolean takesOver() {
        return asked() != 0 || (vcpu.sys(SysReg.OSLSR_EL1) & OSLSR_OSLK) != 0;
    }

    /** MDCR_EL2 beside what profiling needs. Accesses to debug registers always trap: KVM keeps them in memory. */
    long mdcr() {
        long ttrf = vcpu.kvm().has(Patch.TRACE_FILTER_TRAPS) ? TTRF : 0;
        return TPMCR | TPM | TDA | TDOSA | TDRA | ttrf | (asked() != 0 ? TDE : 0);
    }

    /** {@link #setup} was called before. */
    boolean wasSetUp() {
        return setUp.get() != 0;
    }

    /** kvm_arm_setup_debug. */
    void setup() {
        setUp.set(1);
        TraceText t = traced();
        if (t != null) t.kvmArmSetupDebug(vcpu);
        if (takesOver()) takeOver(t);
        if (t != null) t.kvmArmSetDreg32(vcpu, "MDSCR_EL1", vcpu.sys(SysReg.MDSCR_EL1));
    }

    private @Nullable TraceText traced() {
        return vcpu.kvm().has(Patch.ARM64_DEBUG_TRACE_REMOVED) ? null : vcpu.trace();
    }

    private void takeOver(@Nullable TraceText t) {
        GuestContext c = vcpu.context();
        long mdscr = c.sys(SysReg.MDSCR_EL1);
        savedMdscr.set(mdscr);
        if (t != null) t.kvmArmSetDreg32(vcpu, "Saved MDSCR_EL1", mdscr);
        savedSs.set(c.pstate().get() & Pstate.SS);
        if ((asked() & SINGLESTEP) != 0) {
            // A step whose exception is still to be taken must not execute one more instruction.
            boolean pending = activePending.get() != 0 && vcpu.kvm().has(Patch.STEP_ACTIVE_PENDING);
            if (pending) c.pstate().and(~Pstate.SS);
            else c.pstate().or(Pstate.SS);
            mdscr |= MDSCR_SS;
        } else mdscr &= ~MDSCR_SS;
        if (t != null) t.kvmArmSetDreg32(vcpu, "SPSR_EL2", c.pstate().get());
        if ((asked() & USE_HW) != 0) mdscr |= MDSCR_MDE;
        else if ((vcpu.sys(SysReg.OSLSR_EL1) & OSLSR_OSLK) != 0) mdscr &= ~MDSCR_MDE;
        c.sys(SysReg.MDSCR_EL1, mdscr);
    }

    /** kvm_arm_clear_debug. */
    void clear() {
        TraceText t = traced();
        if (t != null) t.kvmArmClearDebug(vcpu);
        if (!takesOver()) return;
        GuestContext c = vcpu.context();
        c.sys(SysReg.MDSCR_EL1, savedMdscr.get());
        if (t != null) t.kvmArmSetDreg32(vcpu, "Restored MDSCR_EL1", savedMdscr.get());
        if ((asked() & SINGLESTEP) == 0) return;
        if ((c.pstate().get() & Pstate.SS) == 0) activePending.set(1);
        long ss = vcpu.kvm().has(Patch.STEP_KEEPS_GUEST_SS) ? savedSs.get() : 0;
        c.pstate().set(c.pstate().get() & ~Pstate.SS | ss);
    }

    /** A software step exception was taken. */
    void stepped() {
        activePending.set(0);
    }

    /** __debug_switch_to_guest: breakpoints and watchpoints, where any can hit. */
    void switchToGuest(Arm64Cpu cpu) {
        if ((cpu.sys().get(SysReg.MDSCR_EL1.ordinal()) & MDSCR_MDE) == 0) return;
        boolean external = (asked() & USE_HW) != 0;
        for (int f = 0; f < 4; f++)
            for (int n = 0; n < 16; n++) {
                SysReg r = UNITS[f][n];
                cpu.sys().set(r.ordinal(), external ? vcpu.externalDebug().get(16 * f + n) : vcpu.sys(r));
            }
    }
}
