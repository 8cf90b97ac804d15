package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.machine.arm64.SysReg;

/** The Power State Coordination Interface (DEN0022) 0.1, 0.2 and 1.0 to 1.3 as psci.c has it. */
final class Psci {
    private static final long NOT_SUPPORTED = -1, INVALID_PARAMS = -2, ALREADY_ON = -4, INTERNAL_FAILURE = -6;
    private static final int VERSION = 0x8400_0000,
            SUSPEND = 0x8400_0001,
            SUSPEND64 = 0xc400_0001,
            CPU_OFF = 0x8400_0002;
    private static final int CPU_ON = 0x8400_0003,
            CPU_ON64 = 0xc400_0003,
            AFFINITY = 0x8400_0004,
            AFFINITY64 = 0xc400_0004;
    private static final int MIGRATE_TYPE = 0x8400_0006, SYSTEM_OFF = 0x8400_0008, SYSTEM_RESET = 0x8400_0009;
    private static final int FEATURES = 0x8400_000a, SYSTEM_SUSPEND = 0x8400_000e, SYSTEM_SUSPEND64 = 0xc400_000e;
    private static final int RESET2 = 0x8400_0012, RESET2_64 = 0xc400_0012, OFF2 = 0x8400_0015, OFF2_64 = 0xc400_0015;
    private static final int SMCCC_VERSION = 0x8000_0000, FN64 = 0x4000_0000;
    private static final int OLD_CPU_OFF = 0x95c1_ba5e + 1, OLD_CPU_ON = 0x95c1_ba5e + 2;
    private static final long TOS_MP = 2, HWID = 0xff_00ff_ffffL, VENDOR_RESET = 0x8000_0000L;

    private final VcpuRun run;
    private final Vcpu vcpu;
    private final Smccc smccc;

    Psci(VcpuRun run, Smccc smccc) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.smccc = smccc;
    }

    /** kvm_psci_call. */
    long call(Caller caller) {
        int function = (int) smccc.argument(0);
        if ((function & FN64) != 0 && vcpu.modeIs32Bit()) return smccc.answer(NOT_SUPPORTED);
        long version = vcpu.vm().firmware().psciVersion(vcpu);
        if (version == Firmware.PSCI_0_1) return call01(function);
        if (version == Firmware.PSCI_0_2) return call02(caller, function);
        return call1x(caller, function, (int) version & 0xffff);
    }

    private long call01(int function) {
        return switch (function) {
            case OLD_CPU_OFF -> cpuOff();
            case OLD_CPU_ON -> smccc.answer(cpuOn(true));
            default -> smccc.answer(NOT_SUPPORTED);
        };
    }

    private long cpuOff() {
        run.powerOff();
        return smccc.answer(0);
    }

    private long call02(Caller caller, int function) {
        return switch (function) {
            case VERSION -> smccc.answer(2);
            // Standby and power-down are both a wait for an interrupt; the registers stay.
            case SUSPEND, SUSPEND64 -> {
                run.waitForInterrupt(caller);
                yield smccc.answer(0);
            }
            case CPU_OFF -> cpuOff();
            case CPU_ON -> smccc.answer(cpuOn(narrowed()));
            case CPU_ON64 -> smccc.answer(cpuOn(true));
            case AFFINITY -> smccc.answer(affinityInfo(narrowed()));
            case AFFINITY64 -> smccc.answer(affinityInfo(true));
            case MIGRATE_TYPE -> smccc.answer(TOS_MP);
            case SYSTEM_OFF -> systemEvent(RunPage.SYSTEM_EVENT_SHUTDOWN, 0);
            case SYSTEM_RESET -> systemEvent(RunPage.SYSTEM_EVENT_RESET, 0);
            default -> smccc.answer(NOT_SUPPORTED);
        };
    }

    private long call1x(Caller caller, int function, int minor) {
        return switch (function) {
            case VERSION -> smccc.answer(0x10000 | minor);
            case FEATURES -> smccc.answer(features((int) smccc.argument(1), minor));
            case SYSTEM_SUSPEND, SYSTEM_SUSPEND64 -> {
                if (function == SYSTEM_SUSPEND) narrowed();
                if (!vcpu.vm().flags().test(Vm.SYSTEM_SUSPEND)) yield smccc.answer(NOT_SUPPORTED);
                // The registers stay: user space reads the arguments there.
                run.page().systemEvent(RunPage.SYSTEM_EVENT_SUSPEND, 0, 0);
                yield 0;
            }
            case RESET2, RESET2_64 -> {
                if (function == RESET2) narrowed();
                if (minor < 1) yield smccc.answer(NOT_SUPPORTED);
                long type = smccc.argument(1);
                if (type != 0 && Long.compareUnsigned(type, VENDOR_RESET) < 0) yield smccc.answer(INVALID_PARAMS);
                yield stopAll(RunPage.SYSTEM_EVENT_RESET, RunPage.RESET_FLAG_PSCI_RESET2);
            }
            case OFF2, OFF2_64 -> {
                if (function == OFF2) narrowed();
                if (minor < 3) yield smccc.answer(NOT_SUPPORTED);
                boolean hibernate = smccc.argument(1) == 0 || smccc.argument(1) == 1;
                if (!hibernate || smccc.argument(2) != 0) yield smccc.answer(INVALID_PARAMS);
                yield stopAll(RunPage.SYSTEM_EVENT_SHUTDOWN, RunPage.SHUTDOWN_FLAG_PSCI_OFF2);
            }
            default -> call02(caller, function);
        };
    }

    private long features(int function, int minor) {
        if ((function & FN64) != 0 && vcpu.modeIs32Bit()) return NOT_SUPPORTED;
        return switch (function) {
            case VERSION, SUSPEND, SUSPEND64, CPU_OFF, CPU_ON, CPU_ON64, AFFINITY, AFFINITY64, MIGRATE_TYPE -> 0;
            case SYSTEM_OFF, SYSTEM_RESET, FEATURES, SMCCC_VERSION -> 0;
            case SYSTEM_SUSPEND, SYSTEM_SUSPEND64 -> vcpu.vm().flags().test(Vm.SYSTEM_SUSPEND) ? 0 : NOT_SUPPORTED;
            case RESET2, RESET2_64 -> minor >= 1 ? 0 : NOT_SUPPORTED;
            case OFF2, OFF2_64 -> minor >= 3 ? 1 : NOT_SUPPORTED;
            default -> NOT_SUPPORTED;
        };
    }

    /** kvm_psci_narrow_to_32bit; true. */
    private boolean narrowed() {
        for (int i = 1; i < 4; i++) vcpu.context().reg(i, vcpu.context().reg(i) & 0xffffffffL);
        return true;
    }

    private static long affinity(Vcpu v) {
        return v.sys(SysReg.MPIDR_EL1) & HWID;
    }

    private long cpuOn(boolean ready) {
        long wanted = smccc.argument(1);
        if (!ready || (wanted & ~HWID) != 0) return INVALID_PARAMS;
        Vcpu target = null;
        for (Vcpu v : vcpu.vm().vcpus().get().all()) if (target == null && affinity(v) == wanted) target = v;
        if (target == null) return INVALID_PARAMS;
        boolean old = vcpu.vm().firmware().psciVersion(vcpu) == Firmware.PSCI_0_1;
        if (!target.stopped()) return old ? INVALID_PARAMS : ALREADY_ON;
        target.resetPc().set(smccc.argument(2));
        target.resetX0().set(smccc.argument(3));
        target.resetBigEndian().set((vcpu.sys(SysReg.SCTLR_EL1) & 1L << 25) != 0 ? 1 : 0);
        // The request is seen by whoever sees the vCPU runnable: released before the state.
        target.resetPending().release(1);
        target.mpState().release(MpState.RUNNABLE);
        target.runLoop().kick(RunState.REQ_UNBLOCK);
        return 0;
    }

    private long affinityInfo(boolean ready) {
        long wanted = smccc.argument(1), level = smccc.argument(2);
        if (!ready || (wanted & ~HWID) != 0 || level < 0 || level > 3) return INVALID_PARAMS;
        long mask = HWID & -1L << 8 * (level == 3 ? 4 : level);
        boolean any = false;
        for (Vcpu v : vcpu.vm().vcpus().get().all()) {
            if ((affinity(v) & mask) != (wanted & mask)) continue;
            any = true;
            if (!v.stopped()) return 0;
        }
        return any ? 1 : INVALID_PARAMS;
    }

    /** A guest that is resumed after this sees that the call failed. */
    private long systemEvent(int type, long flags) {
        stop(type, flags);
        smccc.answer(INTERNAL_FAILURE);
        return 0;
    }

    private long stopAll(int type, long flags) {
        stop(type, flags);
        vcpu.context().reg(0, INTERNAL_FAILURE);
        return 0;
    }

    /** kvm_prepare_system_event: no vCPU runs until it is initialised again. */
    private void stop(int type, long flags) {
        for (Vcpu v : vcpu.vm().vcpus().get().all()) {
            v.mpState().release(MpState.STOPPED);
            v.runLoop().kick(RunState.REQ_SLEEP);
        }
        run.page().systemEvent(type, 1, flags);
    }
}
