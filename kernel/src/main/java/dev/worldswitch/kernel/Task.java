package dev.worldswitch.kernel;

import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import org.jspecify.annotations.Nullable;

/** A host task: one client thread in the simulated kernel. Thread flags are cells; interrupts set them too. */
public final class Task {
    /** Thread flag bits, our own numbering. */
    public static final long TIF_NEED_FPU_LOAD = 1, TIF_NEED_RESCHED = 2, TIF_SIGPENDING = 4, TIF_NOTIFY_RESUME = 8;

    /** arm64: the CPU's FP registers are not the task's; the task uses SVE. */
    public static final long TIF_FOREIGN_FPSTATE = 16, TIF_SVE = 32;

    /** arm64: the V registers are those of kernel code; the task uses SME. */
    public static final long TIF_KERNEL_FPSTATE = 1 << 10, TIF_SME = 1 << 11;

    private final Region region;
    private final Word flags;
    /** Names of the cells of each task's thread flags and preempt_count. */
    public static final String FLAGS = "flags", PREEMPT_COUNT = "preemptCount";

    private final Word preemptCount;
    private final Word killed;
    private final Ref<@Nullable PhysicalCpu> cpu;
    private final Ref<@Nullable ThreadStruct> thread;
    private final Ref<@Nullable PreemptNotifier> notifier;

    public Task(Region region) {
        this.region = region;
        this.flags = region.word(FLAGS);
        this.preemptCount = region.word(PREEMPT_COUNT);
        this.killed = region.word("killed");
        this.cpu = region.ref("cpu", null);
        this.thread = region.ref("thread", null);
        this.notifier = region.ref("preemptNotifier", null);
    }

    public Region region() {
        return region;
    }

    public Word flags() {
        return flags;
    }

    public Word preemptCount() {
        return preemptCount;
    }

    /** Nonzero once the kernel has sent the task SIGKILL. */
    public Word killed() {
        return killed;
    }

    /** @throws IllegalStateException when the task runs on no CPU */
    public PhysicalCpu cpu() {
        PhysicalCpu c = cpu.get();
        if (c == null) throw new IllegalStateException("task " + region + " is on no CPU");
        return c;
    }

    /** The CPU that the task runs on, null while it runs on none. */
    public @Nullable PhysicalCpu cpuIfAny() {
        return cpu.get();
    }

    /** The architecture's part of the task, null until the task first runs. */
    public Ref<@Nullable ThreadStruct> thread() {
        return thread;
    }

    /** Told when the task is scheduled out and in: KVM's vCPU while it is loaded. */
    public Ref<@Nullable PreemptNotifier> preemptNotifier() {
        return notifier;
    }

    @Override
    public String toString() {
        return region.path();
    }

    public void onCpu(@Nullable PhysicalCpu c) {
        cpu.set(c);
    }
}
