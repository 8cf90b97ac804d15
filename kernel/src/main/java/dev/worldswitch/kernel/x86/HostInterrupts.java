package dev.worldswitch.kernel.x86;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.InterruptEntry;
import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.x86.X86Cpu;
import org.jspecify.annotations.Nullable;

/** The host's interrupt entry: handler, softirqs on the way out, preemption. */
public final class HostInterrupts implements InterruptEntry {
    private static final long SOFTIRQ_WITH_FPU = 1;
    private final Fpu fpu;
    private final Scheduler scheduler;

    public HostInterrupts(Fpu fpu, Scheduler scheduler) {
        this.fpu = fpu;
        this.scheduler = scheduler;
    }

    @Override
    public void interrupt(PhysicalCpu physical, Line line) {
        interruptAndReturn(physical, line);
    }

    @Override
    public PhysicalCpu interruptAndReturn(PhysicalCpu physical, Line line) {
        X86Cpu cpu = (X86Cpu) physical;
        PerCpu p = fpu.perCpu(cpu);
        Task current = p.current.get();
        irqEnter(current);
        switch (line) {
            case INTERRUPT -> p.softirqPending.or(SOFTIRQ_WITH_FPU);
            case RESCHEDULE -> {
                if (current != null) current.flags().or(Task.TIF_NEED_RESCHED);
            }
            case KICK, NMI -> {}
        }
        irqExit(cpu, current);
        if (current == null || line == Line.NMI) return cpu;
        scheduler.irqentryExitCondResched(current);
        return current.cpu();
    }

    private void irqEnter(@Nullable Task current) {
        if (current != null) current.preemptCount().set(current.preemptCount().get() + Fpu.HARDIRQ_OFFSET);
    }

    private void irqExit(X86Cpu cpu, @Nullable Task current) {
        long count = 0;
        if (current != null) {
            count = current.preemptCount().get() - Fpu.HARDIRQ_OFFSET;
            current.preemptCount().set(count);
        }
        boolean inInterrupt = (count & (Fpu.SOFTIRQ_MASK | Fpu.HARDIRQ_MASK)) != 0;
        if (!inInterrupt && fpu.perCpu(cpu).softirqPending.get() != 0) fpu.doSoftirq(cpu, current);
    }
}
