package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.machine.cell.Region;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What vCPUs of all architectures have and do in the same way (struct kvm_vcpu). */
public abstract class AbstractVcpu implements VcpuFile {
    private final AbstractVm<?> vm;
    private final int id;
    private final Region region;
    private final Mutex mutex;
    private final SharedPages run;
    private final Stats.Counts stats;

    /**
     * @param run what its descriptor maps
     * @param statistics names of its statistics
     */
    protected AbstractVcpu(AbstractVm<?> vm, int id, SharedPages run, List<String> statistics) {
        this.vm = vm;
        this.id = id;
        this.run = run;
        this.region = vm.region().child("vcpu" + id);
        this.mutex = new Mutex(region, "mutex");
        this.stats = new Stats.Counts(region.child("stats"), statistics);
    }

    /** Adds the rows of all vCPUs to an architecture's table. */
    public static void rows(IoctlTable.Builder t) {
        t.add(AbstractVcpu.class, Kind.VCPU, "KVM_RUN", io(0x80), 0, "api.rst 4.10", (v, c) -> v.run(c));
        t.add(
                AbstractVcpu.class,
                Kind.VCPU,
                "KVM_GET_STATS_FD",
                io(0xce),
                203,
                "api.rst 4.131",
                (v, c) ->
                        c.open(new Stats("kvm-" + v.vm.region().name() + "/vcpu-" + v.id, v.stats), Mm.O_RDWR_CLOEXEC));
    }

    private long run(Call call) {
        return call.argument() != 0 ? Errno.EINVAL : kvmArchVcpuIoctlRun(call.caller());
    }

    /** KVM_RUN: 0 with an exit in kvm_run, or a negative errno. */
    protected abstract long kvmArchVcpuIoctlRun(Caller caller);

    /** Makes it leave the guest and answer EIO: its VM is dead. */
    protected abstract void kickDead();

    /** Makes it leave the guest; returns when it has. */
    protected abstract void kickOutOfGuest();

    /** A call on it ended by an error of ours. */
    protected abstract void runBrokeDown();

    /** Of the guest's debugger, null when nobody debugs it. */
    protected abstract @Nullable VcpuPort port();

    public final int id() {
        return id;
    }

    public final Region region() {
        return region;
    }

    /** Held during every ioctl of this vCPU, KVM_RUN included. */
    public final Mutex mutex() {
        return mutex;
    }

    /** kvm_run, and what of its architecture comes behind it. */
    @Override
    public final SharedPages run() {
        return run;
    }

    public final Stats.Counts stats() {
        return stats;
    }

    @Override
    public final Kind kind() {
        return Kind.VCPU;
    }

    @Override
    public final String fileName() {
        return "kvm-vcpu:" + id;
    }

    @Override
    public final long ioctl(Caller caller, int command, long argument, Made made) {
        if (vm.refuses(caller)) return Errno.EIO;
        mutex.lock();
        try {
            return vm.kvm().dispatch(this, caller, command, argument, made);
        } finally {
            mutex.unlock();
        }
    }

    @Override
    public final SharedPages pages() {
        return run;
    }

    @Override
    public final Mapped mapped(long offset) {
        return CoalescedZone.mapped(vm, run, offset);
    }

    @Override
    public final long refusesMapping(long offset, long size, boolean executable, boolean shared) {
        return vm.dirtyLog().refusesMapping(offset, size, executable, shared);
    }

    @Override
    public final void brokeDown() {
        runBrokeDown();
        vm.brokeDown();
    }

    /** It was not made after all; under the VM's lock. */
    public final void forget() {
        vm.forget(this);
        region.drop();
        run.close();
    }

    @Override
    public final void refused() {
        vm.lock().lock();
        forget();
        vm.lock().unlock();
    }

    @Override
    public final void release() {
        VcpuPort port = port();
        if (port != null) port.released();
        // The id stays taken until the VM goes: only the VM's teardown frees vCPUs.
        vm.put();
    }

    /** Its path: what identifies it to the explorer. */
    @Override
    public final String toString() {
        return region.path();
    }
}
