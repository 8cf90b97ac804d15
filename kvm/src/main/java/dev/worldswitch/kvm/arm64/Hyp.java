package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.Fpsimd;
import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Exit;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Words;
import java.util.List;

/**
 * The world switch, on the task's physical CPU with interrupts masked: from the host's registers to the guest's and back,
 * by a VHE host at EL2 or by nVHE hypervisor code that the host calls.
 */
final class Hyp {
    private static final long HCR_E2H = 1L << 34, HCR_TGE = 1L << 27, HCR_RW = 1L << 31;
    /** HCR_EL2.API and APK. */
    private static final long HCR_PTRAUTH = 3L << 40;

    private static final int EC_SHIFT = 26;
    /** struct kvm_vcpu_fault_info. */
    private static final SysReg[] FAULT = {SysReg.ESR_EL2, SysReg.FAR_EL2, SysReg.HPFAR_EL2, SysReg.VDISR_EL2};

    private static final int ESR = 0, EC_HVC64 = 0x16;

    private final List<HostData> hostData;
    private final HypFp fp;
    private final HypDebug debug;
    private final Mops mops;
    private final KvmFp kvmFp;
    private final boolean vhe, speEarly, speRestoreLate, keysAtLoad, serrorWithoutSyndrome;

    Hyp(Kernel kernel, Arm64Profile profile, Fpsimd fpsimd, List<Arm64Cpu> cpus) {
        this.vhe = profile.vhe();
        this.hostData = HostData.perCpu(kernel);
        this.fp = new HypFp(kernel, vhe, profile, hostData);
        this.debug = new HypDebug(kernel, vhe);
        this.mops = new Mops(kernel, profile);
        this.kvmFp = new KvmFp(kernel, profile, fpsimd, hostData);
        this.keysAtLoad = kernel.has(Patch.PTRAUTH_KEYS_AT_LOAD);
        this.serrorWithoutSyndrome = kernel.has(Patch.SERROR_WITHOUT_SYNDROME);
        this.speEarly = kernel.has(Patch.SPE_EARLY);
        this.speRestoreLate = kernel.has(Patch.SPE_RESTORE_LATE);
        for (Arm64Cpu c : cpus) {
            c.host().hypVectors(fp);
            c.sys().set(SysReg.HCR_EL2.ordinal(), hostHcr());
            mops.boot(c);
            HostData.of(hostData, c).mdcrAtBoot().set(c.sys().get(SysReg.MDCR_EL2.ordinal()));
            if (vhe && kernel.has(Patch.PMSCR_DEFINED_ON_VHE)) c.sys().set(SysReg.PMSCR_EL1.ordinal(), 0);
        }
    }

    /** perf writes PMUSERENR_EL0. */
    boolean kvmSetPmuserenr(PhysicalCpu cpu, long value) {
        return debug.setPmuserenr(HostData.of(hostData, cpu), value);
    }

    /** Host side of the FP switch: called by the run loop at load, around each entry, and at put. */
    KvmFp kvmFp() {
        return kvmFp;
    }

    boolean guestOwnsFpRegs(PhysicalCpu cpu) {
        return HostData.of(hostData, cpu).guestOwnsFpRegs();
    }

    private long hostHcr() {
        return vhe ? HCR_E2H | HCR_TGE | HCR_RW : HCR_RW;
    }

    /** The hypervisor's part of kvm_arch_vcpu_load, preemption off. */
    void vcpuLoad(Task task, Vcpu vcpu) {
        Arm64Cpu cpu = Fpsimd.cpu(task);
        HostData host = HostData.of(hostData, cpu);
        // activate_traps_vhe_load: before interrupts can bring perf's.
        if (vhe) {
            boolean were = cpu.irqSave();
            activateTrapsCommon(cpu, host, vcpu);
            cpu.irqRestore(were);
        }
        if (!vcpu.hasPtrauth()) return;
        if (keysAtLoad) SwitchedRegs.saveKeys(cpu, host.hostSys());
        else vcpu.hcr().and(~HCR_PTRAUTH);
    }

    /** The hypervisor's part of kvm_arch_vcpu_put. */
    void vcpuPut(Task task) {
        if (!vhe) return;
        Arm64Cpu cpu = Fpsimd.cpu(task);
        boolean were = cpu.irqSave();
        deactivateTrapsCommon(cpu, HostData.of(hostData, cpu));
        cpu.irqRestore(were);
    }

    /** kvm_arm_setup_debug's write, where the vCPU's MDCR_EL2 is live already. */
    void updateMdcr(Task task, Vcpu vcpu) {
        Arm64Cpu cpu = Fpsimd.cpu(task);
        if (vhe) debug.updateMdcr(cpu, HostData.of(hostData, cpu), vcpu);
    }

    /** kvm_arm_vcpu_ptrauth_trap, before {@code ptrauth-keys-at-load}: preemptible, and the variables are this CPU's. */
    void ptrauthTrap(Task task, Vcpu vcpu) {
        Words hostContext = HostData.of(hostData, Fpsimd.cpu(task)).hostSys();
        Fpsimd.cpu(task).moment("__ptrauth_save_key");
        SwitchedRegs.saveKeys(Fpsimd.cpu(task), hostContext);
        vcpu.hcr().or(HCR_PTRAUTH);
        Fpsimd.cpu(task).moment("vcpu_ptrauth_enable");
    }

    /** kvm_call_hyp_ret(__kvm_vcpu_run): guest execution until an exit that the hypervisor does not handle itself. */
    Arm64Exit kvmVcpuRun(Task task, Vcpu vcpu) {
        Arm64Cpu cpu = Fpsimd.cpu(task);
        Arm64Exit[] exit = new Arm64Exit[1];
        if (vhe) {
            exit[0] = switchToAndFro(cpu, task, vcpu);
            // kvm_call_hyp(): traps and limits of the host are in effect before it goes on.
            cpu.host().isb();
            return exit[0];
        }
        cpu.host().hvc(() -> {
            exit[0] = switchToAndFro(cpu, task, vcpu);
            return 0;
        });
        return exit[0];
    }

    private Arm64Exit switchToAndFro(Arm64Cpu cpu, Task task, Vcpu vcpu) {
        HostData host = HostData.of(hostData, cpu);
        fp.fpsimdLazySwitchToGuest(cpu, vcpu);
        sysregSaveHostState(cpu, host);
        // The host's profiling buffer is translated by what the next steps replace.
        if (speEarly) debug.saveSpe(cpu, host);
        cpu.host().dsbNsh();
        sysregRestoreGuestState(cpu, vcpu);
        loadStage2(cpu, vcpu);
        activateTraps(cpu, host, vcpu);
        if (!speEarly) debug.saveSpe(cpu, host);
        vcpu.debug().switchToGuest(cpu);
        Arm64Exit exit = enterUntilHandled(cpu, task, vcpu);
        sysregSaveGuestState(cpu, vcpu);
        cpu.host().dsbNsh();
        deactivateTraps(cpu, host, vcpu);
        if (!speRestoreLate) debug.restoreSpe(cpu, host);
        sysregRestoreHostState(cpu, host);
        if (vcpu.hcr().test(HCR_PTRAUTH)) SwitchedRegs.restoreKeys(cpu, host.hostSys());
        // After the host's system registers: on nVHE the buffer's addresses mean nothing before.
        if (speRestoreLate) debug.restoreSpe(cpu, host);
        fp.fpsimdLazySwitchToHost(cpu, vcpu);
        return exit;
    }

    /** __guest_enter and fixup_guest_exit. */
    private Arm64Exit enterUntilHandled(Arm64Cpu cpu, Task task, Vcpu vcpu) {
        for (; ; ) {
            cpu.host().enterGuest();
            Arm64Exit exit = vcpu.guestEnter(cpu);
            boolean serror = cpu.retract(Line.SERROR);
            cpu.host().leaveGuest();
            // Before the SError is looked at: an interrupt's exit leaves the syndrome of the one before.
            if (exit.kind != Arm64Exit.INTERRUPT)
                vcpu.fault().set(ESR, cpu.sys().get(SysReg.ESR_EL2.ordinal()));
            if (serror) return afterSerror(cpu, vcpu, exit);
            if (exit.kind != Arm64Exit.SYNC) return exit;
            int ec = (int) (cpu.sys().get(SysReg.ESR_EL2.ordinal()) >>> EC_SHIFT) & 0x3f;
            if (ec == Mops.EC) Mops.handle(cpu);
            else if (!fp.kvmHypHandleFpsimd(cpu, task, vcpu, ec)) return exit;
        }
    }

    /** fixup_guest_exit's first part: the guest does again what it left for, an HVC's PC is behind it already. */
    private Arm64Exit afterSerror(Arm64Cpu cpu, Vcpu vcpu, Arm64Exit exit) {
        boolean hasSyndrome = exit.kind != Arm64Exit.INTERRUPT;
        if (hasSyndrome || !serrorWithoutSyndrome) {
            long ec = vcpu.fault().get(ESR) >>> EC_SHIFT & 0x3f;
            if (ec == EC_HVC64) cpu.pc().set(cpu.pc().get() - 4);
        }
        exit.kind = Arm64Exit.INTERRUPT;
        return exit;
    }

    /** nVHE: the guest's EL1 is the host's own EL1. A VHE host keeps its state in EL2 registers. */
    private void sysregSaveHostState(Arm64Cpu cpu, HostData host) {
        cpu.moment("__sysreg_save_state host");
        SwitchedRegs.save(cpu, host.hostSys());
    }

    private void sysregRestoreHostState(Arm64Cpu cpu, HostData host) {
        cpu.moment("__sysreg_restore_state host");
        SwitchedRegs.restore(cpu, host.hostSys());
    }

    private static void sysregRestoreGuestState(Arm64Cpu cpu, Vcpu vcpu) {
        cpu.moment("__sysreg_restore_state guest");
        GuestContext c = vcpu.context();
        SwitchedRegs.restore(cpu, c.sys());
        if (vcpu.hcr().test(HCR_PTRAUTH)) SwitchedRegs.restoreKeys(cpu, c.sys());
        cpu.gpr().copy(c.x(), 0, 31);
        cpu.pc().set(c.pc().get());
        cpu.pstate().set(c.pstate().get());
        HypGuest.load(cpu, vcpu);
    }

    private static void sysregSaveGuestState(Arm64Cpu cpu, Vcpu vcpu) {
        cpu.moment("__sysreg_save_state guest");
        GuestContext c = vcpu.context();
        SwitchedRegs.save(cpu, c.sys());
        if (vcpu.hcr().test(HCR_PTRAUTH)) SwitchedRegs.saveKeys(cpu, c.sys());
        c.x().copy(cpu.gpr(), 0, 31);
        c.pc().set(cpu.pc().get());
        c.pstate().set(cpu.pstate().get());
        HypGuest.save(cpu, vcpu);
        for (int i = ESR + 1; i < FAULT.length; i++)
            vcpu.fault().set(i, cpu.sys().get(FAULT[i].ordinal()));
    }

    private static void loadStage2(Arm64Cpu cpu, Vcpu vcpu) {
        cpu.host().msr(SysReg.VTTBR_EL2, vcpu.vm().vttbr());
    }

    private void activateTrapsCommon(Arm64Cpu cpu, HostData host, Vcpu vcpu) {
        debug.activateTrapsCommon(cpu, host, vcpu);
        mops.activateTraps(cpu, vcpu);
    }

    private void deactivateTrapsCommon(Arm64Cpu cpu, HostData host) {
        debug.deactivateTrapsCommon(cpu, host);
        mops.deactivateTraps(cpu);
    }

    private void activateTraps(Arm64Cpu cpu, HostData host, Vcpu vcpu) {
        cpu.host().msr(SysReg.HCR_EL2, vcpu.hcr().get());
        if (!vhe) activateTrapsCommon(cpu, host, vcpu);
        fp.activateCptrTraps(cpu, vcpu);
    }

    private void deactivateTraps(Arm64Cpu cpu, HostData host, Vcpu vcpu) {
        // A virtual SError that the guest has taken is no longer pending: hardware cleared the bit.
        long hcr = cpu.host().mrs(SysReg.HCR_EL2);
        vcpu.hcr().and(hcr | ~Inject.HCR_VSE);
        cpu.host().msr(SysReg.HCR_EL2, hostHcr());
        if (!vhe) deactivateTrapsCommon(cpu, host);
        fp.deactivateCptrTraps(cpu, vcpu);
    }
}
