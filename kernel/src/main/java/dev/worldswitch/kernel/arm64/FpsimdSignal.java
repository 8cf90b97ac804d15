package dev.worldswitch.kernel.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.Sme;
import dev.worldswitch.machine.cell.Region;

/**
 * A task's registers around a signal's handler: the FPSIMD, SVE, ZA, ZT0 and FPMR records of arch/arm64/kernel/signal.c. One frame,
 * that of the handler that runs.
 */
public final class FpsimdSignal {
    private final Fpsimd fpsimd;
    private final Arm64Profile profile;
    private final boolean savesEarly;

    /** The user's memory that a handler's frame is written to. */
    public static final class Frame {
        private final FpState records;

        public Frame(Region region, Arm64Profile profile) {
            this.records = new FpState(region, profile, true);
        }
    }

    public FpsimdSignal(Kernel kernel, Fpsimd fpsimd, Arm64Profile profile) {
        this.fpsimd = fpsimd;
        this.profile = profile;
        this.savesEarly = kernel.has(Patch.SIGNAL_SAVES_EARLY);
    }

    /** setup_rt_frame: the handler starts outside of streaming mode, with ZA off. */
    public void setupRtFrame(Task task, Frame to) {
        if (savesEarly) fpsimd.fpsimdSaveAndFlushCurrentState(task);
        else fpsimd.fpsimdPreserveCurrentState(task);
        FpState own = Fpsimd.thread(task).own();
        // Writing to user memory may fault, sleep and be preempted.
        Fpsimd.cpu(task).moment("copy_to_user");
        copy(own, to.records);
        setupReturn(task, own);
        Fpsimd.cpu(task).moment("copy_siginfo_to_user");
    }

    private void setupReturn(Task task, FpState own) {
        if (!profile.hasSme()) return;
        if (own.svcr().test(Sme.SVCR_SM)) {
            own.z().fill(0, own.z().length(), 0);
            own.fpType().set(FpState.FPSIMD);
        }
        own.svcr().and(~(Sme.SVCR_SM | Sme.SVCR_ZA));
        // Right only while the live registers are the task's.
        if (!savesEarly) Fpsimd.cpu(task).host().smstop();
    }

    /** restore_sigframe at rt_sigreturn. */
    public void restoreSigframe(Task task, Frame from) {
        if (savesEarly) fpsimd.fpsimdSaveAndFlushCurrentState(task);
        FpState own = Fpsimd.thread(task).own();
        boolean sve = from.records.fpType().get() == FpState.SVE;
        // From here on a context switch does not write registers over what is read from the frame.
        fpsimd.fpsimdFlushTaskState(task);
        Fpsimd.cpu(task).moment("copy_from_user");
        copy(from.records, own);
        if (sve && !own.svcr().test(Sme.SVCR_SM)) task.flags().or(Task.TIF_SVE);
        if (!sve) task.flags().and(~Task.TIF_SVE);
        if (!savesEarly) fpsimd.fpsimdUpdateCurrentState(task);
    }

    private static void copy(FpState from, FpState to) {
        to.z().copy(from.z(), 0, from.z().length());
        to.p().copy(from.p(), 0, from.p().length());
        to.za().copy(from.za(), 0, from.za().length());
        to.zt0().copy(from.zt0(), 0, from.zt0().length());
        to.fpsr().set(from.fpsr().get());
        to.fpcr().set(from.fpcr().get());
        to.fpType().set(from.fpType().get());
        to.svcr().set(from.svcr().get());
        to.fpmr().set(from.fpmr().get());
    }
}
