package dev.worldswitch.kernel;

import dev.worldswitch.machine.InterruptEntry;
import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;

/** The host's interrupt entry: handler, softirqs on the way out, preemption. */
public final class HostInterrupts implements InterruptEntry {
    private static final long SOFTIRQ_WITH_FP = 1;
    private final Kernel kernel;
    private final Softirq softirq;
    private final Scheduler scheduler;
    private final HostPerf perf;

    public HostInterrupts(Kernel kernel, Softirq softirq, Scheduler scheduler, HostPerf perf) {
        this.perf = perf;
        this.kernel = kernel;
        this.softirq = softirq;
        this.scheduler = scheduler;
    }

    @Override
    public void interrupt(PhysicalCpu physical, Line line) {
        interruptAndReturn(physical, line);
    }

    @Override
    public void undefined(PhysicalCpu cpu, String instruction) {
        throw new KernelPanic("Internal error: Oops - Undefined instruction: " + instruction + " on CPU " + cpu.id());
    }

    @Override
    public PhysicalCpu interruptAndReturn(PhysicalCpu cpu, Line line) {
        PerCpu p = kernel.perCpu(cpu);
        Task current = p.current().get();
        softirq.irqEnter(cpu);
        switch (line) {
            case INTERRUPT -> p.softirqPending().or(SOFTIRQ_WITH_FP);
            case RESCHEDULE -> {
                if (current != null) current.flags().setBits(Task.TIF_NEED_RESCHED);
            }
            case PERF -> perf.crossCall(cpu);
            case FPU -> softirq.hardirqUsesFp(cpu);
            case NMI -> perf.nmi(cpu);
            // A machine check while the kernel itself runs: nothing that it needs was lost.
            case KICK, TIMER, SERROR, MACHINE_CHECK -> {}
        }
        softirq.irqExit(cpu);
        if (current == null || !line.maskable()) return cpu;
        scheduler.irqentryExitCondResched(current);
        return current.cpu();
    }
}
