package dev.worldswitch.kernel;

import static dev.worldswitch.kernel.Task.TIF_NEED_RESCHED;
import static dev.worldswitch.kernel.Task.TIF_NOTIFY_RESUME;

import dev.worldswitch.kernel.KernelVersion.Preempt;
import dev.worldswitch.machine.PhysicalCpu;

/** Which task runs where, as far as the tasks see it: context switch out of one physical CPU and into another. */
public final class Scheduler {
    private final Preempt preempt;
    private final Kernel kernel;
    private final FpSwitch fp;
    private final CpuPool<? extends PhysicalCpu> pool;

    public Scheduler(Kernel kernel, FpSwitch fp, CpuPool<? extends PhysicalCpu> pool) {
        this.preempt = kernel.version().preempt();
        this.kernel = kernel;
        this.fp = fp;
        this.pool = pool;
    }

    /** The task's first CPU, or its next one after {@link #sleep}; interrupts are on then. */
    public void start(Task task) {
        fp.fork(task);
        preemptDisable(task);
        schedIn(task, true);
    }

    /** The task gives its CPU up until {@link #start}: it waits, or its thread is outside the simulated kernel. */
    public void sleep(Task task) {
        schedOut(task);
        task.preemptCount().set(0);
    }

    /** schedule(): off this CPU and, when it is the task's turn again, on a CPU, maybe another. */
    public void schedule(Task task) {
        schedIn(task, schedOut(task));
    }

    private boolean schedOut(Task task) {
        // Preemption is off first: an interrupt before the mask is set could else move the task to another CPU.
        preemptDisable(task);
        PhysicalCpu cpu = task.cpu();
        boolean were = cpu.irqSave();
        task.flags().clearBits(TIF_NEED_RESCHED);
        PreemptNotifier n = task.preemptNotifier().get();
        if (n != null) n.schedOut(task, cpu);
        fp.switchOut(task);
        kernel.perCpu(cpu).current().set(null);
        task.onCpu(null);
        pool.release(task);
        return were;
    }

    private void schedIn(Task task, boolean irqsWere) {
        PhysicalCpu cpu = pool.lease(task);
        cpu.irqSave();
        task.onCpu(cpu);
        kernel.perCpu(cpu).current().set(task);
        fp.switchIn(task);
        PreemptNotifier n = task.preemptNotifier().get();
        if (n != null) n.schedIn(task, cpu);
        if (irqsWere) cpu.irqEnable();
        task.preemptCount().set(task.preemptCount().get() - 1);
    }

    public void preemptDisable(Task task) {
        task.preemptCount().set(task.preemptCount().get() + 1);
    }

    /** preempt_enable: a pending reschedule is honoured at once on a preemptible kernel. */
    public void preemptEnable(Task task) {
        long count = task.preemptCount().get() - 1;
        task.preemptCount().set(count);
        if (count == 0 && preempt == Preempt.FULL && task.cpu().irqsOn()) preemptSchedule(task);
    }

    /** cond_resched: the points where kernels without full preemption give way. */
    public void condResched(Task task) {
        if (preempt != Preempt.FULL && task.preemptCount().get() == 0) preemptSchedule(task);
    }

    /** resume_user_mode_work: what an exception left to the task itself (memory_failure), which may sleep. */
    private void resumeUserModeWork(Task task) {
        task.flags().clearBits(TIF_NOTIFY_RESUME);
        schedule(task);
    }

    /** Work before user mode or the guest (exit_to_user_mode_loop, xfer_to_guest_mode_handle_work). */
    public void handleResched(Task task) {
        preemptSchedule(task);
    }

    private void preemptSchedule(Task task) {
        if (task.flags().test(TIF_NEED_RESCHED)) schedule(task);
    }

    /** On the way out of an interrupt (preempt_schedule_irq). */
    void irqentryExitCondResched(Task task) {
        if (preempt == Preempt.FULL && task.preemptCount().get() == 0) preemptSchedule(task);
    }

    /** exit_to_user_mode: the task's own registers are in its CPU afterwards; interrupts off until {@link #enterFromUserMode}. */
    public void exitToUserMode(Task task) {
        preemptDisable(task);
        while (task.flags().test(TIF_NEED_RESCHED | TIF_NOTIFY_RESUME)) {
            task.preemptCount().set(task.preemptCount().get() - 1);
            if (task.flags().test(TIF_NOTIFY_RESUME)) resumeUserModeWork(task);
            handleResched(task);
            preemptDisable(task);
        }
        PhysicalCpu cpu = task.cpu();
        cpu.irqSave();
        // Interrupts are off from this test on: one that used the FPU before it has set the flag, none comes after it.
        fp.returnToUser(task);
        task.preemptCount().set(task.preemptCount().get() - 1);
    }

    /** From user mode into the kernel: interrupts come on. */
    public void enterFromUserMode(Task task) {
        task.cpu().irqEnable();
    }

    /**
     * A whole turn of a task in user mode: it gets a CPU, looks at its vector registers, fills them and sleeps again.
     *
     * @param had what it filled them with last, 0 when it never did
     * @return false when something else was in them
     */
    public boolean userTurn(Task task, long had, long fills) {
        start(task);
        boolean intact = inUserMode(task, had, fills);
        sleep(task);
        return intact;
    }

    /** The same for a task that has its CPU and keeps it. */
    public boolean inUserMode(Task task, long had, long fills) {
        exitToUserMode(task);
        PhysicalCpu cpu = task.cpu();
        boolean intact = had == 0 || cpu.vectorsHold(had);
        cpu.fillVectors(fills);
        enterFromUserMode(task);
        return intact;
    }
}
