package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.Arm64Exit;
import dev.worldswitch.machine.arm64.SysReg;

/** handle_exit.c: what KVM does about an exit; above 0 to go on, 0 or an errno to leave to user space. */
final class HandleExit {
    private static final int WFX = 0x01,
            FP_ASIMD = 0x07,
            PAC = 0x09,
            HVC32 = 0x12,
            SMC32 = 0x13,
            HVC64 = 0x16,
            ERET = 0x1a,
            SMC64 = 0x17;
    private static final int SYS64 = 0x18, SVE = 0x19, IABT_LOW = 0x20, DABT_LOW = 0x24, BREAKPT_LOW = 0x30;
    private static final int SOFTSTP_LOW = 0x32, WATCHPT_LOW = 0x34, BKPT32 = 0x38, BRK64 = 0x3c;
    private static final long WFE = 1, WFXT = 2, WFX_RV = 4;

    private final VcpuRun run;
    private final Vcpu vcpu;
    private final MmioExits mmio;
    private final Smccc smccc;

    HandleExit(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.mmio = new MmioExits(run);
        this.smccc = new Smccc(run);
    }

    MmioExits mmio() {
        return mmio;
    }

    long handle(Caller caller, Arm64Exit exit) {
        return switch (exit.kind) {
            case Arm64Exit.INTERRUPT -> 1;
            case Arm64Exit.SYNC -> trap(caller);
            case Arm64Exit.SERROR -> {
                Inject.serror(vcpu, vcpu.esr());
                yield 1;
            }
            case Arm64Exit.FAULT -> Errno.EFAULT;
            default -> unimplemented("instruction", exit.instruction);
        };
    }

    /** This machine lacks something that the guest needs: said by name, and the client gets the instruction. */
    long unimplemented(String what, int instruction) {
        TraceText t = vcpu.trace();
        if (t != null) t.unimplemented(vcpu, what, instruction);
        run.page().internalError(RunPage.INTERNAL_ERROR_EMULATION, instruction & 0xffffffffL);
        return 0;
    }

    private long trap(Caller caller) {
        return switch ((int) (vcpu.esr() >>> 26 & 0x3f)) {
            case WFX -> wfx(caller);
            case ERET -> eret(caller);
            case HVC32, HVC64 -> {
                // kvm_inject_nested_sync: of its guest the guest hypervisor hears first.
                if (vcpu.isNested() && !vcpu.inHypContext()) {
                    run.switchNestedContext(caller.task(), true);
                    yield 1;
                }
                TraceText t = vcpu.trace();
                if (t != null) t.kvmHvcArm64(vcpu);
                vcpu.stats().add("hvc_exit_stat");
                yield smccc.call(caller, false);
            }
            case SMC32, SMC64 -> smc(caller);
            case SYS64 -> sysReg(caller);
            case IABT_LOW, DABT_LOW -> mmio.guestAbort();
            case SOFTSTP_LOW, WATCHPT_LOW, BREAKPT_LOW, BKPT32, BRK64 -> debug();
            case PAC -> ptrauth(caller);
            case SVE, FP_ASIMD -> undefined();
            default -> undefined();
        };
    }

    /** kvm_emulate_nested_eret: the guest hypervisor enters its guest. */
    private long eret(Caller caller) {
        if (!vcpu.inHypContext()) return undefined();
        run.switchNestedContext(caller.task(), false);
        return 1;
    }

    private long undefined() {
        Inject.undefined(vcpu);
        return 1;
    }

    /** kvm_handle_ptrauth: the guest's first use, where its keys are not switched yet. */
    private long ptrauth(Caller caller) {
        if (!vcpu.hasPtrauth() || vcpu.kvm().has(Patch.PTRAUTH_KEYS_AT_LOAD)) return undefined();
        run.hyp().ptrauthTrap(caller.task(), vcpu);
        return 1;
    }

    private long wfx(Caller caller) {
        long esr = vcpu.esr();
        TraceText t = vcpu.trace();
        if (t != null) t.kvmWfxArm64(vcpu, (esr & WFE) != 0);
        vcpu.stats().add((esr & WFE) != 0 ? "wfe_exit_stat" : "wfi_exit_stat");
        boolean expired = false;
        if ((esr & WFXT) != 0 && (esr & WFX_RV) != 0) {
            long until = vcpu.context().reg((int) (esr >>> 5 & 31));
            expired = Long.compareUnsigned(TimerRegs.virtualCounter(vcpu), until) >= 0;
        }
        // Spinning guests give way, waiting ones sleep.
        if (!expired && (esr & WFE) != 0) vcpu.kvm().scheduler().condResched(caller.task());
        else if (!expired) run.waitForInterrupt(caller);
        Inject.incrementPc(vcpu);
        return 1;
    }

    /** A trapped SMC is not done: it is skipped before anything else. */
    private long smc(Caller caller) {
        Inject.incrementPc(vcpu);
        boolean handled = vcpu.kvm().has(Patch.ARM64_SMC_HANDLED);
        if (!handled || (vcpu.esr() & 0xffff) != 0) {
            vcpu.context().reg(0, -1);
            return 1;
        }
        return smccc.call(caller, true);
    }

    /** kvm_handle_guest_debug: the debugger asked for it. */
    private long debug() {
        long esr = vcpu.esr();
        if ((esr >>> 26 & 0x3f) == SOFTSTP_LOW) vcpu.debug().stepped();
        run.page().debug(esr, vcpu.fault().get(1), (esr >>> 26 & 0x3f) == WATCHPT_LOW);
        return 0;
    }

    /** kvm_handle_sys_reg: ISS of a trapped MSR, MRS or system instruction. */
    private long sysReg(Caller caller) {
        long esr = vcpu.esr();
        TraceText t = vcpu.trace();
        if (t != null) t.kvmHandleSysReg(vcpu);
        int op0 = (int) (esr >>> 20 & 3), op2 = (int) (esr >>> 17 & 7), op1 = (int) (esr >>> 14 & 7);
        int crn = (int) (esr >>> 10 & 15), rt = (int) (esr >>> 5 & 31), crm = (int) (esr >>> 1 & 15);
        boolean read = (esr & 1) != 0;
        if (op0 < 2) return systemInstruction(op1, crn, crm, op2);
        Row row = vcpu.kvm().sysRegs().find(SysReg.encoding(op0, op1, crn, crm, op2));
        if (row == null) return undefined();
        if (t != null) t.kvmSysAccess(vcpu, row, !read);
        if (row.hidden(vcpu)) return undefined();
        long value =
                row.access().access(vcpu, row, !read, read ? 0 : vcpu.context().reg(rt));
        if (vcpu.is(Vcpu.PENDING_EXCEPTION)) return 1;
        // access_pmcnten: a counter of the guest may have come on.
        if (!read && row.storage() == SysReg.PMCNTENSET_EL0)
            vcpu.kvm().pmuEvents().restoreGuest(caller.task());
        Inject.incrementPc(vcpu);
        if (read) vcpu.context().reg(rt, value);
        return 1;
    }

    /** Cache maintenance by set and way is taken and means nothing: client memory is coherent. */
    private long systemInstruction(int op1, int crn, int crm, int op2) {
        boolean setWay = op1 == 0 && crn == 7 && op2 == 2 && (crm == 6 || crm == 10 || crm == 14);
        if (!setWay) return undefined();
        Inject.incrementPc(vcpu);
        return 1;
    }
}
