package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.GuestMode;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the run loop keeps of a vCPU between two KVM_RUNs, and what other threads ask of it. */
final class RunState {
    /** Bits of {@link GuestMode#requests}, in the kernel's meaning of KVM_REQ_*. */
    static final long REQ_SLEEP = 1, REQ_SUSPEND = 2, REQ_IRQ_PENDING = 4, REQ_VM_DEAD = 8, REQ_UNBLOCK = 16;

    static final long REQ_DIRTY_RING_SOFT_FULL = 32, REQ_RECORD_STEAL = 64;

    final GuestMode mode;
    /** The thread in KVM_RUN. */
    final Ref<@Nullable Caller> runner;
    /** A memory-mapped access waits for user space's answer. */
    final Word mmioNeeded;
    /** Timer lines as user space was last told: KVM_ARM_DEV_* bits. */
    final Word toldLevels;
    /** Physical counter value at which the host's timer is due for a timer of the guest; Long.MAX_VALUE for never. */
    final Word deadline;

    RunState(Region r, List<? extends PhysicalCpu> cpus) {
        mode = new GuestMode(r, cpus);
        runner = r.ref("runner", null);
        mmioNeeded = r.word("mmioNeeded");
        toldLevels = r.word("toldLevels");
        deadline = r.word("deadline");
        deadline.set(Long.MAX_VALUE);
    }

    boolean take(long request) {
        return (mode.requests().and(~request) & request) != 0;
    }
}
