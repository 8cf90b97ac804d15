package dev.worldswitch.kernel;

import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import org.jspecify.annotations.Nullable;

/** Per-CPU variables of the host kernel that every architecture has. */
public final class PerCpu {
    private final Region region;
    private final Ref<@Nullable Task> current;
    private final Word idlePreemptCount;
    private final Word softirqPending;

    PerCpu(Region region) {
        this.region = region;
        this.current = region.ref("current", null);
        this.idlePreemptCount = region.word("idlePreemptCount");
        this.softirqPending = region.word("softirqPending");
    }

    /** Where an architecture's own per-CPU variables go. */
    public Region region() {
        return region;
    }

    /** preempt_count: of the task that runs here, or of the idle task. */
    Word preemptCount() {
        Task t = current.get();
        return t == null ? idlePreemptCount : t.preemptCount();
    }

    /** current. */
    public Ref<@Nullable Task> current() {
        return current;
    }

    /** __softirq_pending. */
    public Word softirqPending() {
        return softirqPending;
    }
}
