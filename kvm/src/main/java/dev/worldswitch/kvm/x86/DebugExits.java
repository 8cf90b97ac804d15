package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** KVM_EXIT_DEBUG: single steps, breakpoints and accesses to debug registers. */
final class DebugExits {
    private static final long GUESTDBG_SINGLESTEP = 2, USE_SW_BP = 0x10000, USE_HW_BP = 0x20000;
    private static final long DR6_ACTIVE_LOW = 0xffff0ff0L, DR6_BS = 0x4000, DR6_BD = 0x2000, DR7_GD = 0x2000;
    private final VcpuRun run;
    private final Vcpu vcpu;
    private final X86State state;

    DebugExits(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.state = vcpu.state();
    }

    private long pc() {
        return state.segBase.get(X86State.CS) + state.rip.get();
    }

    /** kvm_vcpu_do_singlestep: an instruction that KVM itself completed. */
    long singleStep() {
        if ((vcpu.guestDebug().get() & GUESTDBG_SINGLESTEP) != 0) {
            run.page().debug(Injection.DB, pc(), DR6_BS | DR6_ACTIVE_LOW, state.dr.get(7));
            return 0;
        }
        run.injection().queueExceptionP(Injection.DB, false, 0, DR6_BS);
        return 1;
    }

    long handleDb(X86Exit e) {
        if ((vcpu.guestDebug().get() & (GUESTDBG_SINGLESTEP | USE_HW_BP)) == 0) {
            run.injection().queueExceptionP(Injection.DB, false, 0, e.payload);
            return 1;
        }
        run.page().debug(Injection.DB, pc(), e.payload | DR6_ACTIVE_LOW, state.dr.get(7));
        return 0;
    }

    long handleBp() {
        if ((vcpu.guestDebug().get() & USE_SW_BP) == 0) {
            run.injection().queueException(Injection.BP);
            return 1;
        }
        run.page().debug(Injection.BP, pc(), 0, 0);
        return 0;
    }

    /** MOV DR: with general detect on, #DB before anything else; otherwise the guest's own registers. */
    long handleDrAccess(X86Exit e) {
        long dr7 = state.dr.get(7);
        if ((dr7 & DR7_GD) != 0) {
            if ((vcpu.guestDebug().get() & USE_HW_BP) != 0) {
                run.page().debug(Injection.DB, pc(), DR6_BD | DR6_ACTIVE_LOW, dr7);
                return 0;
            }
            run.injection().queueExceptionP(Injection.DB, false, 0, DR6_BD);
            return 1;
        }
        int n = e.vector == 4 ? 6 : e.vector == 5 ? 7 : e.vector;
        if (e.in) {
            state.gpr.set(e.gpr, vcpu.db().get(n));
            return run.skip(e.length);
        }
        long v = state.gpr.get(e.gpr);
        if (n >= 6 && v >>> 32 != 0) {
            run.injection().queueExceptionE(Injection.GP, 0);
            return 1;
        }
        if (n == 6) v = v & 0x1e00fL | DR6_ACTIVE_LOW & ~(v & 0x10000L ^ 0x10000L) & ~0x10000L | v & 0x10000L;
        if (n == 7) v = v & 0xffff2bffL | 0x400;
        vcpu.db().set(n, v);
        vcpu.updateDr();
        return run.skip(e.length);
    }
}
