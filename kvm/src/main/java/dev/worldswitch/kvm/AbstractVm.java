package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What VMs of all architectures have and do in the same way (struct kvm).
 *
 * @param <V> its vCPUs
 */
public abstract class AbstractVm<V extends AbstractVcpu> implements InterruptVm, CoalescedZone.Zoned {
    private final Client client;
    private final long mm, number;
    private final Region region;
    private final Mutex lock, ringLock;
    private final GuestMemory memory;
    private final DirtyLog dirtyLog;
    private final Ref<VcpuList<V>> vcpus;
    private final int pageShift;
    private final Word users, dead;
    private final Stats.Counts stats;
    private final Ref<List<CoalescedZone>> coalescedZones;
    private final Ref<List<IoEvent>> ioEvents;
    private final Ref<List<IrqFd>> irqFds;
    private final Ref<List<GuestMemfd>> guestMemfds;

    /**
     * @param statistics names of its statistics
     * @param pageShift of the host's pages
     */
    protected AbstractVm(AbstractKvm kvm, Client client, List<String> statistics, int pageShift) {
        this.pageShift = pageShift;
        this.client = client;
        this.mm = client.mm();
        this.number = kvm.vmNumber().add(1);
        this.region = kvm.region().child("vm" + number);
        this.lock = new Mutex(region, "lock");
        this.ringLock = new Mutex(region, "ringLock");
        this.memory = new GuestMemory(region.child("memory"), client);
        this.dirtyLog = new DirtyLog(region, pageShift);
        this.vcpus = region.ref("vcpus", new VcpuList<>(List.of()));
        this.users = region.word("users");
        this.dead = region.word("dead");
        this.stats = new Stats.Counts(region.child("stats"), statistics);
        this.coalescedZones = region.ref("coalescedZones", List.of());
        this.ioEvents = region.ref("ioEvents", List.of());
        this.irqFds = region.ref("irqFds", List.of());
        this.guestMemfds = region.ref("guestMemfds", List.of());
        users.set(1);
    }

    @Override
    public int pageShift() {
        return pageShift;
    }

    /** Adds the rows of all VMs to an architecture's table. */
    public static void rows(IoctlTable.Builder t) {
        t.add(
                AbstractVm.class,
                Kind.VM,
                "KVM_GET_STATS_FD",
                io(0xce),
                203,
                "api.rst 4.131",
                (vm, c) -> c.open(new Stats("kvm-" + vm.region().name(), vm.stats()), Mm.O_RDWR_CLOEXEC));
    }

    public abstract AbstractKvm kvm();

    /** Its number among all VMs of its KVM. */
    protected final long number() {
        return number;
    }

    public final Region region() {
        return region;
    }

    public final Mutex lock() {
        return lock;
    }

    public final Ref<VcpuList<V>> vcpus() {
        return vcpus;
    }

    /** The address space that the VM belongs to; callers with another one get EIO. */
    public final long mm() {
        return mm;
    }

    public final Stats.Counts stats() {
        return stats;
    }

    final void forget(AbstractVcpu vcpu) {
        vcpus.set(vcpus.get().minus(vcpu));
    }

    @Override
    public final Client client() {
        return client;
    }

    /** Guest-physical memory: the slots. */
    @Override
    public final GuestMemory memory() {
        return memory;
    }

    @Override
    public final DirtyLog dirtyLog() {
        return dirtyLog;
    }

    @Override
    public final List<V> vcpuFiles() {
        return vcpus.get().all();
    }

    @Override
    public final Ref<List<CoalescedZone>> coalescedZones() {
        return coalescedZones;
    }

    @Override
    public final Mutex ringLock() {
        return ringLock;
    }

    @Override
    public final Ref<List<IoEvent>> ioEvents() {
        return ioEvents;
    }

    @Override
    public final Ref<List<IrqFd>> irqFds() {
        return irqFds;
    }

    @Override
    public final @Nullable BoundEventfds boundEventfds() {
        return kvm().boundEventfds();
    }

    @Override
    public final Ref<List<GuestMemfd>> guestMemfds() {
        return guestMemfds;
    }

    @Override
    public final void kickOutOfGuest() {
        for (V v : vcpus.get().all()) v.kickOutOfGuest();
    }

    /** kvm_vm_dead: all calls of it answer EIO from now on. */
    public final void markDead() {
        dead.set(1);
    }

    @Override
    public final void brokeDown() {
        markDead();
        for (V v : vcpus.get().all()) v.kickDead();
    }

    /** EIO for callers of another address space, and once the VM is dead. */
    public final boolean refuses(Caller caller) {
        return caller.client().mm() != mm || dead.get() != 0;
    }

    @Override
    public final void hold() {
        users.add(1);
    }

    @Override
    public final void put() {
        if (users.add(-1) != 1) return;
        for (V v : vcpus.get().all()) v.run().close();
        GuestMemfd.closeAll(this);
        region.drop();
    }

    @Override
    public final Kind kind() {
        return Kind.VM;
    }

    @Override
    public final String fileName() {
        return "kvm-vm";
    }

    @Override
    public final long ioctl(Caller caller, int command, long argument, Made made) {
        if (refuses(caller)) return Errno.EIO;
        lock.lock();
        try {
            return kvm().dispatch(this, caller, command, argument, made);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void release() {
        IrqFd.releaseAll(this);
        put();
    }
}
