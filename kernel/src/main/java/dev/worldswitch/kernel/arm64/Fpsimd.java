package dev.worldswitch.kernel.arm64;

import static dev.worldswitch.kernel.Task.TIF_FOREIGN_FPSTATE;
import static dev.worldswitch.kernel.Task.TIF_KERNEL_FPSTATE;
import static dev.worldswitch.kernel.Task.TIF_SME;
import static dev.worldswitch.kernel.Task.TIF_SVE;

import dev.worldswitch.kernel.FpSwitch;
import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Softirq;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.CpuFpState.ToSave;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.Sme;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Who owns a CPU's FP and SVE registers: arch/arm64/kernel/fpsimd.c. A task's registers are live where its note of the CPU
 * and the CPU's binding agree; else, with TIF_FOREIGN_FPSTATE, memory is the truth.
 */
public final class Fpsimd implements FpSwitch {
    private static final long CPACR_ZEN_EL0 = 1L << 17, CPACR_SMEN_EL0 = 1L << 25;
    private final Kernel kernel;
    private final Arm64Profile profile;
    private final Softirq softirq;
    private final List<PerCpuFp> perCpu;
    private final boolean knowsKvm, flushSetsForeign, trapDiscards, smeTrapDiscards, saveFlushMasked, sveDiscardAtLoad;
    private final boolean preemptible, switchFlushes, switchFlushesFirst, fpmrAfterSvcr;

    /** Per-CPU variables: fpsimd_last_state, and kernel-mode NEON in progress. */
    private record PerCpuFp(Ref<@Nullable CpuFpState> last, Word busy) {}

    public Fpsimd(Kernel kernel, Arm64Profile profile) {
        this.kernel = kernel;
        this.profile = profile;
        this.softirq = new Softirq(kernel, this);
        this.knowsKvm = kernel.has(Patch.SAVE_PATH_KNOWS_KVM);
        this.flushSetsForeign = kernel.has(Patch.FLUSH_SETS_FOREIGN);
        this.trapDiscards = kernel.has(Patch.SVE_TRAP_DISCARDS);
        this.smeTrapDiscards = kernel.has(Patch.SME_TRAP_DISCARDS);
        this.saveFlushMasked = kernel.has(Patch.SAVE_FLUSH_SOFTIRQ_SAFE) || kernel.has(Patch.NEON_WITHOUT_BUSY);
        this.sveDiscardAtLoad = kernel.has(Patch.SVE_DISCARD_AT_LOAD);
        this.preemptible = kernel.has(Patch.NEON_PREEMPTIBLE);
        this.switchFlushes = kernel.has(Patch.NEON_SWITCH_FLUSHES);
        this.switchFlushesFirst = kernel.has(Patch.NEON_SWITCH_FLUSHES_FIRST);
        this.fpmrAfterSvcr = kernel.has(Patch.FPMR_AFTER_SVCR);
        this.perCpu = kernel.perCpus().stream()
                .map(p -> new PerCpuFp(
                        p.region().ref("fpsimdLastState", null), p.region().word("fpsimdContextBusy")))
                .toList();
    }

    Softirq softirq() {
        return softirq;
    }

    /** The physical CPU that the task runs on. */
    public static Arm64Cpu cpu(Task task) {
        return (Arm64Cpu) task.cpu();
    }

    /** The task's struct thread_struct. */
    public static Arm64Thread thread(Task task) {
        if (task.thread().get() instanceof Arm64Thread t) return t;
        throw new IllegalStateException("task " + task + " has never run: Scheduler.start comes first");
    }

    private PerCpuFp perCpu(PhysicalCpu cpu) {
        return perCpu.get(cpu.id());
    }

    /** Which image the CPU's live registers belong to, null for none. */
    public @Nullable CpuFpState lastState(PhysicalCpu cpu) {
        return perCpu(cpu).last().get();
    }

    /** The CPU was reset. */
    void cameUp(PhysicalCpu cpu) {
        perCpu(cpu).last().set(null);
        perCpu(cpu).busy().set(0);
    }

    @Override
    public void fork(Task task) {
        if (task.thread().get() != null) return;
        task.thread()
                .set(new Arm64Thread(
                        task.region().child("thread"),
                        new FpState(task.region().child("fpsimd"), profile, true),
                        new FpState(task.region().child("kernelFpsimd"), profile),
                        profile.maxVq(),
                        profile.maxSvq()));
        task.flags().setBits(TIF_FOREIGN_FPSTATE);
    }

    /** The first half of fpsimd_thread_switch: what is live is saved. */
    @Override
    public void switchOut(Task task) {
        if (task.flags().test(TIF_KERNEL_FPSTATE)) fpsimdSaveKernelState(task);
        else fpsimdSaveUserState(cpu(task));
    }

    /** The second half: the registers are the task's only if its note and the CPU's binding agree. */
    @Override
    public void switchIn(Task task) {
        Arm64Cpu cpu = cpu(task);
        thread(task).ptrauthThreadSwitch(cpu);
        if (task.flags().test(TIF_KERNEL_FPSTATE)) {
            // Flushing ends streaming mode, which zeroes registers: before the load.
            if (switchFlushes && switchFlushesFirst) fpsimdFlushCpuState(cpu);
            fpsimdLoadKernelState(task);
            if (switchFlushes && !switchFlushesFirst) fpsimdFlushCpuState(cpu);
            return;
        }
        CpuFpState last = lastState(cpu);
        boolean wrongTask = last == null || last.st() != thread(task).own();
        boolean wrongCpu = thread(task).fpsimdCpu().get() != cpu.id();
        if (wrongTask || wrongCpu) task.flags().setBits(TIF_FOREIGN_FPSTATE);
        else task.flags().clearBits(TIF_FOREIGN_FPSTATE);
    }

    @Override
    public void returnToUser(Task task) {
        if (task.flags().test(TIF_FOREIGN_FPSTATE)) fpsimdRestoreCurrentState(task);
    }

    @Override
    public void softirqUsesFp(PhysicalCpu physical) {
        Arm64Cpu cpu = (Arm64Cpu) physical;
        kernelNeonBegin(cpu);
        cpu.host().clobberVectors();
        kernelNeonEnd(cpu);
    }

    /** fpsimd_save_kernel_state. */
    private void fpsimdSaveKernelState(Task task) {
        Arm64Thread t = thread(task);
        cpu(task).host().fpsimdSave(t.kernelFpsimd().z());
        fpsimdBindStateToCpu(cpu(task), new CpuFpState(t.kernelFpsimd(), 0, 0, ToSave.FPSIMD, null));
        t.kernelFpsimdCpu().set(cpu(task).id());
    }

    /** fpsimd_load_kernel_state: nothing to do where they still are. */
    private void fpsimdLoadKernelState(Task task) {
        Arm64Thread t = thread(task);
        CpuFpState last = lastState(cpu(task));
        if (last != null
                && last.st() == t.kernelFpsimd()
                && t.kernelFpsimdCpu().get() == cpu(task).id()) return;
        cpu(task).host().fpsimdLoad(t.kernelFpsimd().z());
    }

    /** get_cpu_fpsimd_context: neither preemption nor softirqs until {@link #putCpuFpsimdContext}. */
    private void getCpuFpsimdContext(PhysicalCpu cpu) {
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null) Softirq.localBhDisable(current);
        if (perCpu(cpu).busy().get() != 0)
            throw new KernelPanic("kernel BUG at fpsimd.c: get_cpu_fpsimd_context nested");
        perCpu(cpu).busy().set(1);
    }

    /** Somebody changes whose registers are live on this CPU, and has it for himself. */
    public boolean ownerChanges(PhysicalCpu cpu) {
        return perCpu(cpu).busy().get() != 0;
    }

    private void putCpuFpsimdContext(PhysicalCpu cpu) {
        perCpu(cpu).busy().set(0);
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null) softirq.localBhEnable(current);
    }

    /** kernel_neon_begin: the registers are the kernel's until {@link #kernelNeonEnd}; also in a softirq. */
    public void kernelNeonBegin(Arm64Cpu cpu) {
        getCpuFpsimdContext(cpu);
        Task current = kernel.perCpu(cpu).current().get();
        boolean ofTask = current != null && current.flags().test(TIF_KERNEL_FPSTATE);
        if (ofTask) fpsimdSaveKernelState(current);
        else fpsimdSaveUserState(cpu);
        if (preemptible && current != null && !softirq.serving(cpu))
            current.flags().setBits(TIF_KERNEL_FPSTATE);
        fpsimdFlushCpuState(cpu);
        if (preemptible) putCpuFpsimdContext(cpu);
    }

    /** kernel_neon_end: a softirq gives the registers back to the kernel code that it interrupted. */
    public void kernelNeonEnd(Arm64Cpu cpu) {
        if (!preemptible) {
            putCpuFpsimdContext(cpu);
            return;
        }
        Task current = kernel.perCpu(cpu).current().get();
        if (current == null) return;
        boolean ofTask = current.flags().test(TIF_KERNEL_FPSTATE);
        if (ofTask && softirq.serving(cpu)) fpsimdLoadKernelState(current);
        else current.flags().clearBits(TIF_KERNEL_FPSTATE);
    }

    /** fpsimd_save_user_state: live registers into the image that this CPU is bound to, a task's or a vCPU's. */
    public void fpsimdSaveUserState(Arm64Cpu cpu) {
        Task current = kernel.perCpu(cpu).current().get();
        if (current == null || current.flags().test(TIF_FOREIGN_FPSTATE)) return;
        CpuFpState last = lastState(cpu);
        if (last == null) throw new KernelPanic("WARNING: fpsimd_save_user_state: nothing is bound to CPU " + cpu.id());
        boolean sve = last.toSave() == ToSave.SVE
                || last.toSave() == ToSave.CURRENT && current.flags().test(TIF_SVE);
        FpState st = last.st();
        int vq = last.sveVq();
        if (profile.hasFpmr()) st.fpmr().set(cpu.host().mrs(SysReg.FPMR));
        if (profile.hasSme()) {
            st.svcr().set(cpu.host().mrs(SysReg.SVCR));
            if (st.svcr().test(Sme.SVCR_ZA)) cpu.host().smeSave(st.za(), st.zt0());
            if (st.svcr().test(Sme.SVCR_SM)) {
                sve = true;
                vq = last.smeVq();
            }
        }
        if (sve) {
            cpu.host().useSve();
            if (knowsKvm && last.guest() != null) saveGuestAtItsLength(cpu, last, last.guest());
            else if (cpu.host().liveVq() != vq) {
                kernel.warn("fpsimd_save_user_state: VL is " + cpu.host().liveVq() * 16 + ", bound is " + vq * 16);
                forceSignalInjectSigkill(current);
                return;
            } else cpu.host().sveSave(st.z(), st.p());
            st.fpType().set(FpState.SVE);
        } else {
            cpu.host().fpsimdSave(st.z());
            st.fpType().set(FpState.FPSIMD);
        }
        st.fpsr().set(cpu.sys().get(SysReg.FPSR.ordinal()));
        st.fpcr().set(cpu.sys().get(SysReg.FPCR.ordinal()));
    }

    /** The saver keeps the guest's ZCR_EL1, puts the vector length right for a vCPU's image, and back. */
    private void saveGuestAtItsLength(Arm64Cpu cpu, CpuFpState last, CpuFpState.GuestZcr guest) {
        guest.sys().set(guest.at(), cpu.host().mrs(profile.vhe() ? SysReg.ZCR_EL12 : SysReg.ZCR_EL1));
        long zcr = cpu.host().mrs(SysReg.ZCR_EL1);
        cpu.host().msr(SysReg.ZCR_EL1, last.sveVq() - 1L);
        cpu.host().isb();
        cpu.host().sveSave(last.st().z(), last.st().p());
        cpu.host().msr(SysReg.ZCR_EL1, zcr);
        cpu.host().isb();
    }

    private static void forceSignalInjectSigkill(Task current) {
        current.killed().set(1);
        current.flags().setBits(Task.TIF_SIGPENDING);
    }

    /**
     * fpsimd_kvm_prepare, before {@code host-fp-save-flush}: a system call may drop the task's SVE bits, so its state becomes
     * FPSIMD.
     */
    public void fpsimdKvmPrepare(Task task) {
        if (!profile.hasSve() || !sveDiscardAtLoad) return;
        getCpuFpsimdContext(cpu(task));
        if (task.flags().test(TIF_SVE)) {
            task.flags().clearBits(TIF_SVE);
            thread(task).own().fpType().set(FpState.FPSIMD);
        }
        putCpuFpsimdContext(cpu(task));
    }

    /** fpsimd_flush_cpu_state: nobody's registers are live on this CPU. */
    public void fpsimdFlushCpuState(Arm64Cpu cpu) {
        perCpu(cpu).last().set(null);
        if (profile.hasSme()) cpu.host().smstop();
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null && flushSetsForeign) current.flags().setBits(TIF_FOREIGN_FPSTATE);
    }

    /** fpsimd_flush_task_state: the task's registers are live nowhere. */
    void fpsimdFlushTaskState(Task task) {
        thread(task).fpsimdCpu().set(-1);
        task.flags().setBits(TIF_FOREIGN_FPSTATE);
    }

    /** fpsimd_flush_thread at exec(): the new program starts from zeroes, without SVE, out of streaming mode. */
    public void fpsimdFlushThread(Task task) {
        getCpuFpsimdContext(cpu(task));
        fpsimdFlushTaskState(task);
        FpState own = thread(task).own();
        own.z().fill(0, own.z().length(), 0);
        own.p().fill(0, own.p().length(), 0);
        for (Word w : List.of(own.fpsr(), own.fpcr(), own.svcr(), own.fpmr())) w.set(0);
        own.fpType().set(FpState.FPSIMD);
        task.flags().clearBits(TIF_SVE | TIF_SME);
        putCpuFpsimdContext(cpu(task));
    }

    /** fpsimd_preserve_current_state: the task's image in memory is as its registers, which stay live. */
    void fpsimdPreserveCurrentState(Task task) {
        getCpuFpsimdContext(cpu(task));
        fpsimdSaveUserState(cpu(task));
        putCpuFpsimdContext(cpu(task));
    }

    /** fpsimd_save_and_flush_current_state: memory is the truth, whoever has the CPU next. */
    void fpsimdSaveAndFlushCurrentState(Task task) {
        getCpuFpsimdContext(cpu(task));
        fpsimdSaveUserState(cpu(task));
        fpsimdFlushTaskState(task);
        putCpuFpsimdContext(cpu(task));
    }

    /** The second half of fpsimd_update_current_state: the image in memory goes into the registers at once. */
    void fpsimdUpdateCurrentState(Task task) {
        getCpuFpsimdContext(cpu(task));
        taskFpsimdLoad(task, cpu(task));
        fpsimdBindTaskToCpu(task);
        task.flags().and(~TIF_FOREIGN_FPSTATE);
        putCpuFpsimdContext(cpu(task));
    }

    /** A debugger has set the V registers of a stopped task (sve_set with FPSIMD data); {@code values} puts them there. */
    public void sveSetFpsimd(Task task, Consumer<FpState> values) {
        FpState own = thread(task).own();
        task.flags().clearBits(TIF_SVE);
        own.fpType().set(FpState.FPSIMD);
        values.accept(own);
        fpsimdFlushTaskState(task);
    }

    /** fpsimd_save_and_flush_cpu_state. */
    public void fpsimdSaveAndFlushCpuState(Arm64Cpu cpu) {
        boolean were = saveFlushMasked && cpu.irqSave();
        if (!saveFlushMasked) perCpu(cpu).busy().set(1);
        fpsimdSaveUserState(cpu);
        fpsimdFlushCpuState(cpu);
        if (!saveFlushMasked) perCpu(cpu).busy().set(0);
        cpu.irqRestore(were);
    }

    /** fpsimd_bind_state_to_cpu: the live registers are this image's. */
    public void fpsimdBindStateToCpu(Arm64Cpu cpu, CpuFpState state) {
        perCpu(cpu).last().set(state);
    }

    private void fpsimdBindTaskToCpu(Task task) {
        Arm64Cpu cpu = cpu(task);
        Arm64Thread t = thread(task);
        fpsimdBindStateToCpu(
                cpu,
                new CpuFpState(t.own(), (int) t.sveVq().get(), (int) t.smeVq().get(), ToSave.CURRENT, null));
        t.fpsimdCpu().set(cpu.id());
        if (!profile.hasSve()) return;
        long cpacr = cpu.host().mrs(SysReg.CPACR_EL1) & ~(CPACR_ZEN_EL0 | CPACR_SMEN_EL0);
        if (task.flags().test(TIF_SVE)) cpacr |= CPACR_ZEN_EL0;
        if (profile.hasSme() && task.flags().test(TIF_SME)) cpacr |= CPACR_SMEN_EL0;
        cpu.host().msr(SysReg.CPACR_EL1, cpacr);
    }

    /** fpsimd_restore_current_state: on the way to user mode, or before SVE is used. */
    public void fpsimdRestoreCurrentState(Task task) {
        Arm64Cpu cpu = cpu(task);
        getCpuFpsimdContext(cpu);
        if (task.flags().test(TIF_FOREIGN_FPSTATE)) {
            task.flags().clearBits(TIF_FOREIGN_FPSTATE);
            taskFpsimdLoad(task, cpu);
            fpsimdBindTaskToCpu(task);
        }
        putCpuFpsimdContext(cpu);
    }

    private void taskFpsimdLoad(Task task, Arm64Cpu cpu) {
        FpState own = thread(task).own();
        boolean sve = task.flags().test(TIF_SVE);
        if (sve) sveSetVq(cpu, thread(task).sveVq().get());
        if (profile.hasSme() && task.flags().test(TIF_SME))
            smeSetVq(cpu, thread(task).smeVq().get());
        if (profile.hasFpmr() && !fpmrAfterSvcr)
            cpu.host().msr(SysReg.FPMR, own.fpmr().get());
        if (profile.hasSme()) cpu.host().msr(SysReg.SVCR, own.svcr().get());
        // A change of streaming mode zeroes FPMR: it comes after SVCR.
        if (profile.hasFpmr() && fpmrAfterSvcr)
            cpu.host().msr(SysReg.FPMR, own.fpmr().get());
        if (profile.hasSme() && own.svcr().test(Sme.SVCR_ZA)) cpu.host().smeLoad(own.za(), own.zt0());
        boolean streaming = profile.hasSme() && own.svcr().test(Sme.SVCR_SM);
        if ((sve || streaming) && own.fpType().get() == FpState.SVE) cpu.host().sveLoad(own.z(), own.p());
        else cpu.host().fpsimdLoad(own.z());
        cpu.sys().set(SysReg.FPSR.ordinal(), own.fpsr().get());
        cpu.sys().set(SysReg.FPCR.ordinal(), own.fpcr().get());
    }

    private static void sveSetVq(Arm64Cpu cpu, long vq) {
        if (cpu.host().mrs(SysReg.ZCR_EL1) != vq - 1) cpu.host().msr(SysReg.ZCR_EL1, vq - 1);
    }

    private static void smeSetVq(Arm64Cpu cpu, long vq) {
        long smcr = cpu.host().mrs(SysReg.SMCR_EL1), with = smcr & ~Sme.SMCR_LEN | vq - 1;
        if (with != smcr) cpu.host().msr(SysReg.SMCR_EL1, with);
    }

    /** fp_user_discard at system call entry: streaming mode ends; what is above V is gone, P and FFR too. */
    public void fpUserDiscard(Task task) {
        if (task.flags().test(TIF_FOREIGN_FPSTATE)) return;
        long svcr = cpu(task).sys().get(SysReg.SVCR.ordinal());
        // SMSTOP SM: ZA stays.
        if (profile.hasSme() && (svcr & Sme.SVCR_SM) != 0) cpu(task).host().msr(SysReg.SVCR, svcr & ~Sme.SVCR_SM);
        if (task.flags().test(TIF_SVE)) cpu(task).host().sveFlushLive();
    }

    /** The task's SVE instruction has trapped (do_sve_acc): its registers become SVE's. */
    public void doSveAcc(Task task) {
        getCpuFpsimdContext(cpu(task));
        if (task.flags().test(TIF_SVE)) kernel.warn("do_sve_acc: SVE access shouldn't have trapped");
        task.flags().setBits(TIF_SVE);
        sveInitRegs(task);
        putCpuFpsimdContext(cpu(task));
    }

    /** The task's SME instruction has trapped (do_sme_acc): it may use SME, still outside of streaming mode. */
    public void doSmeAcc(Task task) {
        getCpuFpsimdContext(cpu(task));
        if (task.flags().test(TIF_SME)) kernel.warn("do_sme_acc: SME access shouldn't have trapped");
        task.flags().setBits(TIF_SME);
        if (!task.flags().test(TIF_FOREIGN_FPSTATE)) {
            smeSetVq(cpu(task), thread(task).smeVq().get());
            fpsimdBindTaskToCpu(task);
        } else if (smeTrapDiscards) fpsimdFlushTaskState(task);
        putCpuFpsimdContext(cpu(task));
    }

    /** In the registers where they are live, else in memory. */
    private void sveInitRegs(Task task) {
        Arm64Cpu cpu = cpu(task);
        if (!task.flags().test(TIF_FOREIGN_FPSTATE)) {
            sveSetVq(cpu, thread(task).sveVq().get());
            cpu.host().sveFlushLive();
            fpsimdBindTaskToCpu(task);
            return;
        }
        FpState own = thread(task).own();
        for (int n = 0; n < 32; n++) own.z().fill(n * own.zStride() + 2, own.zStride() - 2, 0);
        own.p().fill(0, own.p().length(), 0);
        own.fpType().set(FpState.SVE);
        // Registers that another CPU may still have are older than this.
        if (trapDiscards) fpsimdFlushTaskState(task);
    }
}
