package dev.worldswitch.machine;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/**
 * One physical CPU: interrupt mask, pending lines, and (in the subclass) registers. Every hardware touch of the host
 * goes through a method here that first calls {@link #moment}. Belongs to the thread that leases it; only
 * {@link #raise} may be called from others.
 */
public abstract class PhysicalCpu {
    private final int id;
    private final Region region;
    private final Timing timing;
    private final Word irqsOn;
    private final Word pending;
    private final Word inGuest;
    private final InterruptEntry entry;

    protected PhysicalCpu(Region region, int id, Timing timing, InterruptEntry entry) {
        this.id = id;
        this.region = region;
        this.timing = timing;
        this.entry = entry;
        this.irqsOn = region.word("irqsOn");
        this.pending = region.word("pendingLines");
        this.inGuest = region.word("inGuest");
        irqsOn.set(1);
    }

    public final int id() {
        return id;
    }

    public final Region region() {
        return region;
    }

    public final Timing timing() {
        return timing;
    }

    /** Time may pass here, before the step so named. Lines that the timing raises are taken if unmasked. */
    public final void moment(String step) {
        timing.pass(this, step);
    }

    /** Raises a line; any thread. It is taken at this CPU's next moment, guest poll or unmasking. */
    public final void raise(Line line) {
        pending.or(line.bit());
    }

    public final boolean isPending(Line line) {
        return pending.test(line.bit());
    }

    /** Takes a line back, for hardware that tells of it otherwise: was it raised? */
    public final boolean retract(Line line) {
        boolean was = isPending(line);
        if (was) pending.and(~line.bit());
        return was;
    }

    /** Any line at all: what the guest instruction loop polls, one opaque load. */
    public final boolean anyPending() {
        return pending.get() != 0;
    }

    public final boolean irqsOn() {
        return irqsOn.get() != 0;
    }

    /** local_irq_save: masks and returns whether interrupts were on. */
    public final boolean irqSave() {
        boolean was = irqsOn();
        if (was) irqDisable();
        return was;
    }

    /** local_irq_restore. */
    public final void irqRestore(boolean wasOn) {
        if (wasOn) irqEnable();
    }

    public final void irqDisable() {
        moment("local_irq_disable");
        irqsOn.set(0);
    }

    /** Unmasks; lines raised meanwhile are taken at once. */
    public final void irqEnable() {
        irqsOn.set(1);
        moment("local_irq_enable");
    }

    /** Host mode with interrupts on, whatever a call that broke down left behind. */
    public final void recover() {
        inGuest.set(0);
        irqsOn.set(1);
    }

    /** Marks guest mode: lines end the guest's execution instead of being taken on top of it. */
    public final void guestMode(boolean on) {
        inGuest.set(on ? 1 : 0);
    }

    public final boolean inGuest() {
        return inGuest.get() != 0;
    }

    /** Host code executed an instruction that this CPU does not have. */
    protected final void undefined(String instruction) {
        entry.undefined(this, instruction);
    }

    /** The CPU's profiling unit may sample an operation now. */
    public boolean maySample() {
        return false;
    }

    /** An operation is sampled by the profiling unit; nothing where there is none. */
    public void sample() {}

    /** Records of the profiling unit wait to be written to memory. */
    public boolean sampleWaits() {
        return false;
    }

    /** A waiting record of the profiling unit reaches memory. */
    public void writeSample() {}

    /** What the hardware does at each exception entry, before the first instruction of the handler. */
    protected void exceptionEntry() {}

    /** Takes what is pending and unmasked: the end of each moment, for {@link Timing#pass} only. */
    public final void takePending() {
        if (!anyPending() || inGuest()) return;
        for (Line l : Line.values()) {
            if (!isPending(l) || (l.maskable() && !irqsOn())) continue;
            pending.and(~l.bit());
            boolean was = irqsOn();
            irqsOn.set(0);
            exceptionEntry();
            PhysicalCpu now = entry.interruptAndReturn(this, l);
            // After a migration this CPU belongs to another task: the flag goes back where the code goes on.
            now.irqsOn.set(was ? 1 : 0);
            if (now != this) return;
        }
    }

    /** Its path: two CPUs are two values of a cell. */
    @Override
    public final String toString() {
        return region.path();
    }

    /** Instructions of user mode fill the vector registers with values made of this one. */
    public abstract void fillVectors(long value);

    /** Are the vector registers as {@link #fillVectors} left them? */
    public abstract boolean vectorsHold(long value);
}
