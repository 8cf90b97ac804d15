package dev.worldswitch.kvm;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import org.jspecify.annotations.Nullable;

/** What KVM of all architectures has and does in the same way: what {@code /dev/kvm} opens. */
public abstract class AbstractKvm implements KvmFile {
    private final Kernel kernel;
    private final Scheduler scheduler;
    private final Region region;
    private final Word vmNumber;
    private final Ref<@Nullable Debugger> debugger;
    private final @Nullable BoundEventfds boundEventfds;

    protected AbstractKvm(Kernel kernel, Scheduler scheduler) {
        this.kernel = kernel;
        this.scheduler = scheduler;
        this.region = kernel.region().child("kvm");
        this.vmNumber = region.word("vmNumber");
        this.debugger = region.ref("debugger", null);
        this.boundEventfds = kernel.has(Patch.IRQFD_EXCLUSIVE) ? new BoundEventfds(region) : null;
    }

    /** All ioctls: for tracing too. */
    public abstract IoctlTable ioctls();

    /** From now on this one hears of tracepoints, null for nobody. */
    public abstract void listen(@Nullable Tracepoints listener);

    /** Calls the handler of an ioctl, or answers that there is none. */
    protected abstract long dispatch(KvmFile file, Caller caller, int command, long argument, Made made);

    public final Kernel kernel() {
        return kernel;
    }

    /** The host's scheduler. */
    public final Scheduler scheduler() {
        return scheduler;
    }

    public final Region region() {
        return region;
    }

    /** How many VMs there were. */
    final Word vmNumber() {
        return vmNumber;
    }

    /** Who debugs guests, null for nobody: set before there is a vCPU. */
    public final Ref<@Nullable Debugger> debugger() {
        return debugger;
    }

    final @Nullable BoundEventfds boundEventfds() {
        return boundEventfds;
    }

    @Override
    public final Kind kind() {
        return Kind.SYSTEM;
    }

    @Override
    public final String fileName() {
        return "kvm";
    }

    @Override
    public final long ioctl(Caller caller, int command, long argument, Made made) {
        return dispatch(this, caller, command, argument, made);
    }

    @Override
    public final void release() {}
}
