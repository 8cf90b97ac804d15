package dev.worldswitch.kernel.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.Task;

/** Machine checks about memory that user mode or a guest used: arch/x86/kernel/cpu/mce/core.c. It touches no vector register. */
public final class MachineCheck {
    private final Scheduler scheduler;
    private final boolean inTaskWork;

    public MachineCheck(Kernel kernel, Scheduler scheduler) {
        this.scheduler = scheduler;
        this.inTaskWork = kernel.has(Patch.MCE_IN_TASK_WORK);
    }

    /** do_machine_check, as from user mode: the page has to be taken from the task, which may sleep. Interrupts are off. */
    public void doMachineCheck(Task current) {
        if (inTaskWork) {
            current.flags().setBits(Task.TIF_NOTIFY_RESUME);
            return;
        }
        // ist_begin_non_atomic: as if it were a system call of the task.
        current.cpu().irqEnable();
        memoryFailure(current);
        current.cpu().irqDisable();
    }

    /** memory_failure: waits for the page's lock, and others run meanwhile. */
    private void memoryFailure(Task current) {
        scheduler.schedule(current);
    }
}
