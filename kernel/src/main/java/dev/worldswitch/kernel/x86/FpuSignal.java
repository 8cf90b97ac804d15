package dev.worldswitch.kernel.x86;

import static dev.worldswitch.kernel.Task.TIF_NEED_FPU_LOAD;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import dev.worldswitch.machine.x86.XsaveLayout;
import org.jspecify.annotations.Nullable;

/** A task's registers around a signal's handler: arch/x86/kernel/fpu/signal.c. One frame, that of the handler that runs. */
public final class FpuSignal {
    /** Access disabled for keys 1 to 15: what init_pkru_value allows. */
    private static final long INIT_PKRU = 0x55555554L;

    private static final int BV = XsaveLayout.XSTATE_BV / 8;
    private final Fpu fpu;
    private final Scheduler scheduler;
    private final XsaveLayout layout;
    private final boolean readsOwnerAgain, invalidates, xfdFirst, preparesPkru, pkruInUse;

    /** The user's memory that a handler's frame is written to. Its page may be away: a first touch faults. */
    public static final class Frame {
        private final Words image;
        private final Word mapped;

        public Frame(Region region, X86Profile profile) {
            this.image = region.words("image", (profile.xsave().standardSize(-1) + 7) / 8);
            this.mapped = region.word("mapped");
        }

        /** Another thread unmaps it, or reclaim takes it. */
        public void unmap() {
            mapped.set(0);
        }
    }

    public FpuSignal(Kernel kernel, Fpu fpu, Scheduler scheduler, X86Profile profile) {
        this.fpu = fpu;
        this.scheduler = scheduler;
        this.layout = profile.xsave();
        this.readsOwnerAgain = kernel.has(Patch.SIGFRAME_OWNER_READ_AGAIN);
        this.invalidates = kernel.has(Patch.SIGRETURN_FAULT_INVALIDATES);
        this.xfdFirst = kernel.has(Patch.SIGNAL_XFD_STATE);
        this.preparesPkru = kernel.has(Patch.SIG_PREPARE_PKRU);
        this.pkruInUse = kernel.has(Patch.SIGFRAME_PKRU_IN_USE);
    }

    private static X86Cpu cpu(Task task) {
        return Fpu.cpu(task);
    }

    private boolean hasPkru() {
        return layout.has(XsaveLayout.PKRU);
    }

    /** setup_rt_frame: sig_prepare_pkru, copy_fpstate_to_sigframe. */
    public void copyFpstateToSigframe(Task task, Frame to) {
        // A compiler may keep the first answer: the page fault below does not tell it that the CPU may be another.
        X86Thread kept = fpu.fpregsOwner(task);
        long pkru = 0;
        boolean written = false;
        while (!written) {
            fpu.fpregsLock(task);
            if (task.flags().test(TIF_NEED_FPU_LOAD)) restoreUserregs(task, kept);
            if (hasPkru()) pkru = sigPreparePkru(task);
            written = cpu(task).xsaveUser(to.image, fpu.ownFeatures(task), to.mapped.get() != 0);
            if (hasPkru() && preparesPkru && !written) cpu(task).wrpkru(pkru);
            fpu.fpregsUnlock(task);
            if (!written) faultIn(task, to);
        }
        if (hasPkru() && preparesPkru) updatePkruInSigframe(to, pkru);
    }

    private void restoreUserregs(Task task, @Nullable X86Thread kept) {
        fpu.fpregsRestoreUserregs(task, readsOwnerAgain ? fpu.fpregsOwner(task) : kept, "fpregs_restore_userregs");
    }

    private long sigPreparePkru(Task task) {
        long pkru = cpu(task).rdpkru();
        if (preparesPkru) cpu(task).wrpkru(0);
        return pkru;
    }

    private void updatePkruInSigframe(Frame to, long pkru) {
        if (pkruInUse) to.image.set(BV, to.image.get(BV) | 1L << XsaveLayout.PKRU);
        to.image.set(layout.component(XsaveLayout.PKRU).offset() / 8, pkru);
    }

    /** The fault's handler may sleep. */
    private void faultIn(Task task, Frame f) {
        cpu(task).moment("handle_mm_fault");
        f.mapped.set(1);
        scheduler.condResched(task);
    }

    /** fpu__clear_user_states: the handler starts with initial registers. */
    public void fpuClearUserStates(Task task) {
        fpu.fpregsLock(task);
        if (xfdFirst) fpu.xfdUpdateState(task);
        cpu(task).xrstorsInit();
        if (hasPkru()) cpu(task).wrpkru(INIT_PKRU);
        fpu.fpregsMarkActivate(task);
        fpu.fpregsUnlock(task);
    }

    /** rt_sigreturn: restore_fpregs_from_user. */
    public void fpuRestoreSig(Task task, Frame from) {
        while (true) {
            fpu.fpregsLock(task);
            fpu.xfdUpdateState(task);
            if (cpu(task).xrstorUser(from.image, fpu.ownFeatures(task), from.mapped.get() != 0)) break;
            // What XRSTOR may have changed were another task's registers, or nobody's.
            if (invalidates && task.flags().test(TIF_NEED_FPU_LOAD)) fpu.cpuInvalidateFpregsState(task);
            fpu.fpregsUnlock(task);
            faultIn(task, from);
        }
        fpu.fpregsMarkActivate(task);
        fpu.fpregsUnlock(task);
    }
}
