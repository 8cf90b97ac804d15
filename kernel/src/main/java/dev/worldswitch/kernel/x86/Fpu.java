package dev.worldswitch.kernel.x86;

import static dev.worldswitch.kernel.Task.TIF_NEED_FPU_LOAD;

import dev.worldswitch.kernel.FpSwitch;
import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Softirq;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import dev.worldswitch.machine.x86.Xsave;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who owns a CPU's FPU registers: arch/x86/kernel/fpu. A task's registers are either in the CPU or, with
 * TIF_NEED_FPU_LOAD set, in its current image. PKRU moves with the rest of the image here, not apart as in Linux.
 */
public final class Fpu implements FpSwitch {
    private static final int BV = XsaveLayout.XSTATE_BV / 8;
    private final Kernel kernel;
    private final XsaveLayout layout;
    private final Xsave format;
    private final long maxFeatures;
    private final List<FpuPerCpu> perCpu;
    private final boolean guestXfdZero, swapChecks, irqUsable, xfdAtHotplug, xfdAtResume, execInvalidates, xfdUnbinds;
    private final Softirq softirq;

    public Fpu(Kernel kernel, X86Profile profile) {
        this.softirq = new Softirq(kernel, this);
        this.kernel = kernel;
        this.layout = profile.xsave();
        this.format = new Xsave(layout);
        this.maxFeatures = profile.xcr0();
        this.swapChecks = kernel.has(Patch.KVM_FPU_NEED_LOAD);
        this.irqUsable = kernel.has(Patch.IRQ_FPU_USABLE);
        this.xfdAtHotplug = kernel.has(Patch.XFD_STATE_AT_HOTPLUG);
        this.xfdAtResume = kernel.has(Patch.XFD_STATE_AT_RESUME);
        this.xfdUnbinds = kernel.has(Patch.GUEST_XFD_UNBINDS);
        this.execInvalidates = kernel.has(Patch.EXEC_INVALIDATES);
        this.guestXfdZero = kernel.has(Patch.RESTORE_WITH_XFD_ZERO);
        this.perCpu =
                kernel.perCpus().stream().map(p -> new FpuPerCpu(p.region())).toList();
    }

    FpuPerCpu perCpu(X86Cpu cpu) {
        return perCpu.get(cpu.id());
    }

    /** The physical CPU that the task runs on. */
    public static X86Cpu cpu(Task task) {
        return (X86Cpu) task.cpu();
    }

    /** The task's struct fpu. */
    public static X86Thread thread(Task task) {
        if (task.thread().get() instanceof X86Thread t) return t;
        throw new IllegalStateException("task " + task + " has never run: Scheduler.start comes first");
    }

    /** Softirqs as this host's kernel serves them. */
    Softirq softirq() {
        return softirq;
    }

    @Override
    public void fork(Task task) {
        fpuClone(task);
    }

    /** switch_fpu_prepare. */
    @Override
    public void switchOut(Task task) {
        switchFpuPrepare(task);
    }

    /** switch_fpu_finish. */
    @Override
    public void switchIn(Task task) {
        switchFpuFinish(task);
    }

    @Override
    public void returnToUser(Task task) {
        if (task.flags().test(TIF_NEED_FPU_LOAD)) switchFpuReturn(task);
        fpregsAssertStateConsistent(task);
    }

    /** fpu_clone for a fresh task: initial state; dynamic components disabled by IA32_XFD until asked for. */
    public void fpuClone(Task task) {
        if (task.thread().get() != null) return;
        long dynamic = layout.xfdMask();
        task.thread().set(new X86Thread(task.region().child("fpu"), format, maxFeatures & ~dynamic, dynamic));
        task.flags().setBits(TIF_NEED_FPU_LOAD);
    }

    /** Permission for the task to use dynamic components, as ARCH_REQ_XCOMP_PERM and the first #NM give it. */
    public void xfdEnableFeature(Task task, long components) {
        fpregsLock(task);
        FpState own = thread(task).own();
        own.xfeatures().or(components & maxFeatures);
        own.userXfeatures().or(components & maxFeatures);
        own.xfd().and(~components);
        if (thread(task).fpstate().get() == own) xfdUpdateState(cpu(task), own);
        fpregsUnlock(task);
    }

    /** fpregs_lock: softirqs off, so that none uses the FPU on this CPU; interrupts may still come. */
    public void fpregsLock(Task task) {
        Softirq.localBhDisable(task);
    }

    public void fpregsUnlock(Task task) {
        softirq.localBhEnable(task);
    }

    @Override
    public boolean irqFpuUsable(PhysicalCpu cpu) {
        if (perCpu((X86Cpu) cpu).inKernelFpu.get() != 0) return false;
        return !irqUsable || !softirq.softirqCount(cpu);
    }

    /** fpu__init_cpu: a CPU has come up with nobody's registers. */
    void fpuInitCpu(X86Cpu cpu) {
        FpuPerCpu p = perCpu(cpu);
        cpuInvalidateFpregsState(p);
        cpu.xfd().set(layout.xfdMask());
        if (xfdAtHotplug) p.xfdState.set(layout.xfdMask());
    }

    /** The task that a CPU has is frozen in a moment: saved as one that is switched out, and nobody comes between. */
    void fpuFreeze(X86Cpu cpu) {
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null && !current.flags().test(TIF_NEED_FPU_LOAD)) {
            cpu.save(thread(current).fpstate().get().image(), maxFeatures);
            current.flags().setBits(TIF_NEED_FPU_LOAD);
        }
        cpuInvalidateFpregsState(perCpu(cpu));
    }

    /** fpu__resume_cpu on the CPU that never went off, for the task that suspends: its IA32_XFD is the default one. */
    void fpuResumeCpu(X86Cpu cpu) {
        cpu.xfd().set(layout.xfdMask());
        if (xfdAtResume) perCpu(cpu).xfdState.set(layout.xfdMask());
    }

    /** fpu_flush_thread at exec(): the task starts from initial registers. */
    public void fpuFlushThread(Task task) {
        X86Thread t = thread(task);
        fpregsLock(task);
        // Registers that another CPU still has may count as the task's when it comes back there.
        if (execInvalidates) t.lastCpu().set(-1);
        else cpuInvalidateFpregsState(perCpu(cpu(task)));
        format.init(t.own().image(), -1);
        task.flags().setBits(TIF_NEED_FPU_LOAD);
        fpregsUnlock(task);
    }

    @Override
    public void softirqUsesFp(PhysicalCpu physical) {
        X86Cpu cpu = (X86Cpu) physical;
        kernelFpuBegin(cpu);
        cpu.moment("softirq uses SSE registers");
        cpu.clobberVectors();
        kernelFpuEnd(cpu);
    }

    /** kernel_fpu_begin: also in a softirq; the registers are the kernel's until {@link #kernelFpuEnd}. */
    public void kernelFpuBegin(X86Cpu cpu) {
        FpuPerCpu p = perCpu(cpu);
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null) current.preemptCount().set(current.preemptCount().get() + 1);
        if (p.inKernelFpu.get() != 0) throw new KernelPanic("kernel BUG: kernel_fpu_begin() nested");
        p.inKernelFpu.set(1);
        if (current != null && !current.flags().test(TIF_NEED_FPU_LOAD)) {
            current.flags().setBits(TIF_NEED_FPU_LOAD);
            saveFpregsToFpstate(current);
        }
        cpuInvalidateFpregsState(p);
    }

    public void kernelFpuEnd(X86Cpu cpu) {
        FpuPerCpu p = perCpu(cpu);
        if (p.inKernelFpu.get() == 0) throw new KernelPanic("kernel BUG: kernel_fpu_end() without begin");
        p.inKernelFpu.set(0);
        Task current = kernel.perCpu(cpu).current().get();
        if (current != null) current.preemptCount().set(current.preemptCount().get() - 1);
    }

    /** Between kernel_fpu_begin and its end on this CPU. */
    public boolean inKernelFpu(PhysicalCpu cpu) {
        return perCpu((X86Cpu) cpu).inKernelFpu.get() != 0;
    }

    /** __cpu_invalidate_fpregs_state on the task's CPU. */
    void cpuInvalidateFpregsState(Task task) {
        cpuInvalidateFpregsState(perCpu(cpu(task)));
    }

    private static void cpuInvalidateFpregsState(FpuPerCpu p) {
        p.fpregsOwner.set(null);
    }

    /** Saves the registers to the task's current image, with whatever IA32_XFD is live. */
    public void saveFpregsToFpstate(Task task) {
        cpu(task).xsaves(thread(task).fpstate().get().image(), maxFeatures);
    }

    /** IA32_XFD that goes with an image in the kernel. */
    private long xfdFor(FpState fpstate, boolean guest) {
        return guest && guestXfdZero ? 0 : fpstate.xfd().get();
    }

    /** Writes IA32_XFD unless the per-CPU copy says that it is so already. */
    public void xfdUpdateState(X86Cpu cpu, FpState fpstate) {
        if (layout.xfdMask() == 0) return;
        setXfd(cpu, xfdFor(fpstate, fpstate.inUse().get() != 0));
    }

    /** The same on behalf of the task, whose registers come next. */
    void xfdUpdateState(Task task) {
        xfdUpdateState(cpu(task), thread(task).fpstate().get());
    }

    private void setXfd(X86Cpu cpu, long xfd) {
        FpuPerCpu p = perCpu(cpu);
        if (p.xfdState.get() == xfd) return;
        cpu.wrmsrXfd(xfd);
        p.xfdState.set(xfd);
    }

    /** IA32_XFD first, then XRSTORS: a component that is disabled and not initial makes the kernel itself take #NM. */
    public void restoreFpregsFromFpstate(X86Cpu cpu, FpState fpstate, String caller) {
        xfdUpdateState(cpu, fpstate);
        if (cpu.xrstors(fpstate.image(), maxFeatures)) excDeviceNotAvailable(caller);
        // SDM vol. 1, 13.12: XRSTORS takes #GP for a component of XCOMP_BV that XCR0 does not have; so does the fixup's
        // own.
        if ((maxFeatures & ~cpu.xcr0().get()) != 0)
            throw new KernelPanic("general protection fault, then double fault: Bad FPU state detected, XCR0 is 0x"
                    + Long.toHexString(cpu.xcr0().get()) + "; restore_fpregs_from_fpstate <- " + caller);
    }

    /** exc_device_not_available in kernel mode. */
    private static void excDeviceNotAvailable(String caller) {
        throw new KernelPanic("unexpected #NM exception: 0000 [#1] SMP; restore_fpregs_from_fpstate <- " + caller);
    }

    private static void fpregsActivate(FpuPerCpu p, X86Thread t) {
        p.fpregsOwner.set(t);
    }

    /** fpregs_mark_activate: owner and last CPU before the flag says that the registers are good. */
    void fpregsMarkActivate(Task task) {
        fpregsActivate(perCpu(cpu(task)), thread(task));
        thread(task).lastCpu().set(cpu(task).id());
        task.flags().clearBits(TIF_NEED_FPU_LOAD);
    }

    /** Just before user mode or guest entry, interrupts off: registers that are not the task's are loaded. */
    public void switchFpuReturn(Task task) {
        if (task.flags().test(TIF_NEED_FPU_LOAD)) fpregsRestoreUserregs(task, fpregsOwner(task), "switch_fpu_return");
    }

    /** user_xfeatures of the task's own image. */
    long ownFeatures(Task task) {
        return thread(task).own().userXfeatures().get();
    }

    /** fpu_fpregs_owner_ctx of the task's CPU. */
    @Nullable
    X86Thread fpregsOwner(Task task) {
        return perCpu(cpu(task)).fpregsOwner.get();
    }

    /** @param owner whose registers this CPU is believed to have */
    void fpregsRestoreUserregs(Task task, @Nullable X86Thread owner, String caller) {
        X86Cpu cpu = cpu(task);
        X86Thread t = thread(task);
        if (owner != t || t.lastCpu().get() != cpu.id()) {
            restoreFpregsFromFpstate(cpu, t.fpstate().get(), caller);
            fpregsActivate(perCpu(cpu), t);
            t.lastCpu().set(cpu.id());
        }
        task.flags().clearBits(TIF_NEED_FPU_LOAD);
    }

    /** fpregs_assert_state_consistent: flag clear means that this CPU's registers are the task's. */
    public void fpregsAssertStateConsistent(Task task) {
        if (task.flags().test(TIF_NEED_FPU_LOAD)) return;
        X86Thread t = thread(task);
        if (perCpu(cpu(task)).fpregsOwner.get() != t
                || t.lastCpu().get() != cpu(task).id())
            throw new KernelPanic("WARNING: fpregs_assert_state_consistent: registers are not those of " + task);
    }

    /** Swaps the guest's image in ({@code enter}) or out around the run loop of one KVM_RUN, and loads it at once. */
    public void fpuSwapKvmFpstate(Task task, FpuGuest guest, boolean enter) {
        X86Thread t = thread(task);
        fpregsLock(task);
        if (!task.flags().test(TIF_NEED_FPU_LOAD) || !swapChecks) saveFpregsToFpstate(task);
        if (enter) {
            t.fpstate().set(guest.fpstate());
            guest.fpstate().inUse().set(1);
        } else {
            guest.fpstate().inUse().set(0);
            t.fpstate().set(t.own());
        }
        restoreFpregsFromFpstate(
                cpu(task), t.fpstate().get(), "fpu_swap_kvm_fpstate <- kvm_" + (enter ? "load" : "put") + "_guest_fpu");
        fpregsMarkActivate(task);
        fpregsUnlock(task);
    }

    /** A guest's or user space's write of the guest's IA32_XFD. */
    public void fpuUpdateGuestXfd(Task task, FpuGuest guest, long xfd) {
        FpState fps = guest.fpstate();
        fpregsLock(task);
        // Resident state needs no care: the next XSAVE leaves disabled components out of XSTATE_BV by itself.
        if (kernel.has(Patch.CLEAR_XSTATE_BV_GUEST_WRITE) && task.flags().test(TIF_NEED_FPU_LOAD))
            fps.image().set(BV, fps.image().get(BV) & ~xfd);
        fps.xfd().set(xfd);
        if (fps.inUse().get() != 0) {
            xfdUpdateState(cpu(task), fps);
            // A CPU where they are still found valid has its old IA32_XFD.
            if (xfdUnbinds && task.flags().test(TIF_NEED_FPU_LOAD))
                thread(task).lastCpu().set(-1);
        }
        fpregsUnlock(task);
    }

    /** After an exit of a guest that writes IA32_XFD without exits, interrupts still off. */
    public void fpuSyncGuestVmexitXfdState(Task task) {
        X86Cpu cpu = cpu(task);
        long xfd = cpu.rdmsrXfd();
        thread(task).fpstate().get().xfd().set(xfd);
        perCpu(cpu).xfdState.set(xfd);
    }

    /** Last before guest entry, interrupts off: loads the guest's IA32_XFD where the kernel's own use has it zero. */
    public void fpuLoadGuestXfd(Task task) {
        if (guestXfdZero) setXfd(cpu(task), thread(task).fpstate().get().xfd().get());
    }

    /** After the exit and {@link #fpuSyncGuestVmexitXfdState}, interrupts still off: the reverse. */
    public void fpuPutGuestXfd(Task task) {
        if (guestXfdZero) setXfd(cpu(task), 0);
    }

    /** switch_fpu_prepare: a task leaves its CPU. */
    void switchFpuPrepare(Task task) {
        if (task.flags().test(TIF_NEED_FPU_LOAD)) return;
        saveFpregsToFpstate(task);
        thread(task).lastCpu().set(cpu(task).id());
    }

    /** switch_fpu_finish: a task has got a CPU. */
    void switchFpuFinish(Task task) {
        task.flags().setBits(TIF_NEED_FPU_LOAD);
    }
}
