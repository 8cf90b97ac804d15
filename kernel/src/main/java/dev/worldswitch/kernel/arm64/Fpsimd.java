package dev.worldswitch.kernel.arm64;

import static dev.worldswitch.kernel.Task.TIF_FOREIGN_FPSTATE;
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
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who owns a CPU's FP and SVE registers: arch/arm64/kernel/fpsimd.c. A task's registers are live where its note of the CPU
 * and the CPU's binding agree; else, with TIF_FOREIGN_FPSTATE, memory is the truth.
 */
public final class Fpsimd implements FpSwitch {
    private static final long CPACR_ZEN_EL0 = 1L << 17;
    private final Kernel kernel;
    private final Arm64Profile profile;
    private final Softirq softirq;
    private final List<PerCpuFp> perCpu;
    private final boolean knowsKvm;

    /** Per-CPU variables: fpsimd_last_state, and kernel-mode NEON in progress. */
    private record PerCpuFp(Ref<@Nullable CpuFpState> last, Word busy) {}

    public Fpsimd(Kernel kernel, Arm64Profile profile) {
        this.kernel = kernel;
        this.profile = profile;
        this.softirq = new Softirq(kernel, this);
        this.knowsKvm = kernel.has(Patch.SAVE_PATH_KNOWS_KVM);
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

    @Override
    public void fork(Task task) {
        if (task.thread().get() != null) return;
        task.thread()
                .set(new Arm64Thread(
                        task.region().child("thread"),
                        new FpState(task.region().child("fpsimd"), profile),
                        profile.maxVq()));
        task.flags().or(TIF_FOREIGN_FPSTATE);
    }

    /** The first half of fpsimd_thread_switch: what is live is saved. */
    @Override
    public void switchOut(Task task) {
        fpsimdSaveUserState(cpu(task));
    }

    /** The second half: the registers are the task's only if its note and the CPU's binding agree. */
    @Override
    public void switchIn(Task task) {
        Arm64Cpu cpu = cpu(task);
        CpuFpState last = lastState(cpu);
        boolean wrongTask = last == null || last.st() != thread(task).own();
        boolean wrongCpu = thread(task).fpsimdCpu().get() != cpu.id();
        if (wrongTask || wrongCpu) task.flags().or(TIF_FOREIGN_FPSTATE);
        else task.flags().and(~TIF_FOREIGN_FPSTATE);
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

    /** get_cpu_fpsimd_context: neither preemption nor softirqs until {@link #putCpuFpsimdContext}. */
    private void getCpuFpsimdContext(PhysicalCpu cpu) {
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null) Softirq.localBhDisable(current);
        if (perCpu(cpu).busy().get() != 0)
            throw new KernelPanic("kernel BUG at fpsimd.c: get_cpu_fpsimd_context nested");
        perCpu(cpu).busy().set(1);
    }

    private void putCpuFpsimdContext(PhysicalCpu cpu) {
        perCpu(cpu).busy().set(0);
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null) softirq.localBhEnable(current);
    }

    /** kernel_neon_begin: the registers are the kernel's until {@link #kernelNeonEnd}; also in a softirq. */
    public void kernelNeonBegin(Arm64Cpu cpu) {
        getCpuFpsimdContext(cpu);
        fpsimdSaveUserState(cpu);
        fpsimdFlushCpuState(cpu);
    }

    public void kernelNeonEnd(Arm64Cpu cpu) {
        putCpuFpsimdContext(cpu);
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
        if (sve) {
            cpu.host().useSve();
            if (knowsKvm && last.vcpu()) saveGuestAtItsLength(cpu, last);
            else if (cpu.host().liveVq() != last.sveVq()) {
                kernel.warn("fpsimd_save_user_state: VL is " + cpu.host().liveVq() * 16 + ", bound is "
                        + last.sveVq() * 16);
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

    /** Fix B of spec/1: the saver puts the vector length right for a vCPU's image, and back. */
    private void saveGuestAtItsLength(Arm64Cpu cpu, CpuFpState last) {
        long zcr = cpu.host().mrs(SysReg.ZCR_EL1);
        cpu.host().msr(SysReg.ZCR_EL1, last.sveVq() - 1L);
        cpu.host().isb();
        cpu.host().sveSave(last.st().z(), last.st().p());
        cpu.host().msr(SysReg.ZCR_EL1, zcr);
        cpu.host().isb();
    }

    private static void forceSignalInjectSigkill(Task current) {
        current.killed().set(1);
        current.flags().or(Task.TIF_SIGPENDING);
    }

    /**
     * fpsimd_kvm_prepare, before {@code host-fp-save-flush}: a system call may drop the task's SVE bits, so its state becomes
     * FPSIMD.
     */
    public void fpsimdKvmPrepare(Task task) {
        if (!profile.hasSve()) return;
        getCpuFpsimdContext(cpu(task));
        if (task.flags().test(TIF_SVE)) {
            task.flags().and(~TIF_SVE);
            thread(task).own().fpType().set(FpState.FPSIMD);
        }
        putCpuFpsimdContext(cpu(task));
    }

    /** fpsimd_flush_cpu_state: nobody's registers are live on this CPU. */
    public void fpsimdFlushCpuState(Arm64Cpu cpu) {
        perCpu(cpu).last().set(null);
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null) current.flags().or(TIF_FOREIGN_FPSTATE);
    }

    /** fpsimd_save_and_flush_cpu_state. */
    public void fpsimdSaveAndFlushCpuState(Arm64Cpu cpu) {
        boolean were = cpu.irqSave();
        fpsimdSaveUserState(cpu);
        fpsimdFlushCpuState(cpu);
        cpu.irqRestore(were);
    }

    /** fpsimd_bind_state_to_cpu: the live registers are this image's. */
    public void fpsimdBindStateToCpu(Arm64Cpu cpu, CpuFpState state) {
        perCpu(cpu).last().set(state);
    }

    private void fpsimdBindTaskToCpu(Task task) {
        Arm64Cpu cpu = cpu(task);
        Arm64Thread t = thread(task);
        fpsimdBindStateToCpu(cpu, new CpuFpState(t.own(), (int) t.sveVq().get(), ToSave.CURRENT, false));
        t.fpsimdCpu().set(cpu.id());
        if (!profile.hasSve()) return;
        long cpacr = cpu.host().mrs(SysReg.CPACR_EL1);
        cpu.host().msr(SysReg.CPACR_EL1, task.flags().test(TIF_SVE) ? cpacr | CPACR_ZEN_EL0 : cpacr & ~CPACR_ZEN_EL0);
    }

    /** fpsimd_restore_current_state: on the way to user mode, or before SVE is used. */
    public void fpsimdRestoreCurrentState(Task task) {
        Arm64Cpu cpu = cpu(task);
        getCpuFpsimdContext(cpu);
        if (task.flags().test(TIF_FOREIGN_FPSTATE)) {
            task.flags().and(~TIF_FOREIGN_FPSTATE);
            taskFpsimdLoad(task, cpu);
            fpsimdBindTaskToCpu(task);
        }
        putCpuFpsimdContext(cpu);
    }

    private void taskFpsimdLoad(Task task, Arm64Cpu cpu) {
        FpState own = thread(task).own();
        boolean sve = task.flags().test(TIF_SVE);
        if (sve) sveSetVq(cpu, thread(task).sveVq().get());
        if (sve && own.fpType().get() == FpState.SVE) cpu.host().sveLoad(own.z(), own.p());
        else cpu.host().fpsimdLoad(own.z());
        cpu.sys().set(SysReg.FPSR.ordinal(), own.fpsr().get());
        cpu.sys().set(SysReg.FPCR.ordinal(), own.fpcr().get());
    }

    private static void sveSetVq(Arm64Cpu cpu, long vq) {
        if (cpu.host().mrs(SysReg.ZCR_EL1) != vq - 1) cpu.host().msr(SysReg.ZCR_EL1, vq - 1);
    }

    /** fp_user_discard at system call entry: what is above the V registers is gone, P and FFR too. */
    public void fpUserDiscard(Task task) {
        if (!task.flags().test(TIF_SVE) || task.flags().test(TIF_FOREIGN_FPSTATE)) return;
        cpu(task).host().sveFlushLive();
    }

    /** The task's first SVE instruction (do_sve_acc): its registers become SVE's. */
    public void doSveAcc(Task task) {
        fpsimdRestoreCurrentState(task);
        Arm64Cpu cpu = cpu(task);
        getCpuFpsimdContext(cpu);
        task.flags().or(TIF_SVE);
        sveSetVq(cpu, thread(task).sveVq().get());
        fpsimdBindTaskToCpu(task);
        putCpuFpsimdContext(cpu);
    }
}
