package dev.worldswitch.kernel;

import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Word;

/** Softirqs and the parts of preempt_count that keep them off. */
public final class Softirq {
    /** preempt_count: bottom halves off, as local_bh_disable counts; softirq being served; hardirq. */
    static final long DISABLE_OFFSET = 0x200, OFFSET = 0x100, HARDIRQ_OFFSET = 0x10000;

    static final long SOFTIRQ_MASK = 0xff00, HARDIRQ_MASK = 0xf0000;

    private final Kernel kernel;
    private final FpSwitch fp;

    public Softirq(Kernel kernel, FpSwitch fp) {
        this.kernel = kernel;
        this.fp = fp;
    }

    /** local_bh_disable: no softirq on this CPU until the matching {@link #localBhEnable}. */
    public static void localBhDisable(Task task) {
        task.preemptCount().set(task.preemptCount().get() + DISABLE_OFFSET);
    }

    /** local_bh_enable: softirqs that waited run now. */
    public void localBhEnable(Task task) {
        long count = task.preemptCount().get() - DISABLE_OFFSET;
        PhysicalCpu cpu = task.cpu();
        // Softirqs that waited run while preemption is still off: one unit of preempt_count stays until after them.
        task.preemptCount().set(count + 1);
        if (!inInterrupt(count) && pending(cpu)) doSoftirq(cpu);
        task.preemptCount().set(count);
        cpu.moment("local_bh_enable");
    }

    /**
     * All that code asks of a preempt_count, as bits: anything at all, bottom halves off, a softirq being served, a hardirq.
     * The explorer relies on it: where these stay the same, so does what an interrupt does.
     */
    public static int asked(long count) {
        return (count == 0 ? 0 : 1)
                | ((count & SOFTIRQ_MASK) == 0 ? 0 : 2)
                | ((count & OFFSET) == 0 ? 0 : 4)
                | ((count & HARDIRQ_MASK) == 0 ? 0 : 8);
    }

    private static boolean inInterrupt(long count) {
        return (count & (SOFTIRQ_MASK | HARDIRQ_MASK)) != 0;
    }

    /** in_serving_softirq. */
    public boolean serving(PhysicalCpu cpu) {
        return (kernel.perCpu(cpu).preemptCount().get() & OFFSET) != 0;
    }

    private boolean pending(PhysicalCpu cpu) {
        return kernel.perCpu(cpu).softirqPending().get() != 0;
    }

    void irqEnter(PhysicalCpu cpu) {
        Word count = kernel.perCpu(cpu).preemptCount();
        count.set(count.get() + HARDIRQ_OFFSET);
    }

    void irqExit(PhysicalCpu cpu) {
        Word count = kernel.perCpu(cpu).preemptCount();
        long now = count.get() - HARDIRQ_OFFSET;
        count.set(now);
        if (!inInterrupt(now) && pending(cpu)) doSoftirq(cpu);
    }

    /** Bottom halves are off or one is being served: softirq_count. */
    public boolean softirqCount(PhysicalCpu cpu) {
        return (kernel.perCpu(cpu).preemptCount().get() & SOFTIRQ_MASK) != 0;
    }

    /** A hard interrupt's own work in vector registers. */
    void hardirqUsesFp(PhysicalCpu cpu) {
        if (fp.irqFpuUsable(cpu)) fp.softirqUsesFp(cpu);
    }

    /** Runs what interrupts left pending: here always work that uses vector registers in the kernel. */
    private void doSoftirq(PhysicalCpu cpu) {
        PerCpu p = kernel.perCpu(cpu);
        Word count = p.preemptCount();
        count.set(count.get() + OFFSET);
        boolean were = cpu.irqsOn();
        while (p.softirqPending().get() != 0) {
            p.softirqPending().set(0);
            if (!were) cpu.irqEnable();
            fp.softirqUsesFp(cpu);
            if (!were) cpu.irqDisable();
        }
        count.set(count.get() - OFFSET);
    }
}
