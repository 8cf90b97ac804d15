package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.CoalescedZone;
import dev.worldswitch.kvm.DirtyLog;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.GuestMemfd;
import dev.worldswitch.kvm.GuestMemory;
import dev.worldswitch.kvm.InterruptVm;
import dev.worldswitch.kvm.IoEvent;
import dev.worldswitch.kvm.IrqFd;
import dev.worldswitch.kvm.Stats;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A virtual machine. */
public final class Vm implements InterruptVm, CoalescedZone.Zoned {
    /** Bits of {@link #flags}, in the meaning of KVM_ARCH_FLAG_*. */
    static final long NISV_TO_USER = 1, SYSTEM_SUSPEND = 2, HAS_RUN_ONCE = 4, FEATURES_CONFIGURED = 8;

    static final long ID_REGS_INITIALIZED = 16, WRITABLE_IMP_ID = 32, COUNTER_OFFSET = 64, DEAD = 128;

    /** KVM_USER_MEM_SLOTS where KVM needs none for itself. */
    static final int MEMORY_SLOTS = 32767;

    private final Kvm kvm;
    private final Client client;
    private final long mm;
    private final int ipaBits;
    private final long vttbr;
    private final Region region;
    private final Mutex lock, configLock;
    private final GuestMemory memory;
    private final DirtyLog dirtyLog;
    private final Ref<List<CoalescedZone>> coalescedZones;
    private final Mutex ringLock;
    private final Ref<VcpuList> vcpus;
    private final Word users, flags, features, eagerSplit, devices;
    private final IdRegs idRegs;
    private final Firmware firmware;
    private final Ref<SmcccFilter> smcccFilter;
    private final Word voffset, poffset;
    private final Pmu.VmState pmu;
    private final Ref<@Nullable Vgic> vgic;
    private final Ref<List<Its>> translationServices;
    private final Ref<List<IoEvent>> ioEvents;
    private final Ref<List<IrqFd>> irqFds;
    private final Ref<List<GuestMemfd>> guestMemfds;
    private final Stats.Counts stats;

    Vm(Kvm kvm, Client client, int ipaBits) {
        this.kvm = kvm;
        this.client = client;
        this.mm = client.mm();
        this.ipaBits = ipaBits;
        long number = kvm.vmNumber().add(1);
        this.vttbr = number + 1 << 48;
        this.region = kvm.region().child("vm" + number);
        this.lock = new Mutex(region, "lock");
        this.configLock = new Mutex(region, "configLock");
        this.memory = new GuestMemory(region.child("memory"), client);
        this.vcpus = region.ref("vcpus", new VcpuList(List.of()));
        this.users = region.word("users");
        this.flags = region.word("flags");
        this.features = region.word("vcpuFeatures");
        this.dirtyLog = new DirtyLog(region);
        this.coalescedZones = region.ref("coalescedZones", List.of());
        this.ringLock = new Mutex(region, "ringLock");
        this.eagerSplit = region.word("eagerSplitChunkSize");
        this.devices = region.word("devices");
        this.idRegs = new IdRegs(this, region);
        this.firmware = new Firmware(this, region.child("firmware"));
        this.smcccFilter = region.ref("smcccFilter", SmcccFilter.NONE);
        this.voffset = region.word("voffset");
        this.poffset = region.word("poffset");
        this.pmu = new Pmu.VmState(region.child("pmu"));
        this.vgic = region.ref("vgic", null);
        this.translationServices = region.ref("translationServices", List.of());
        this.ioEvents = region.ref("ioEvents", List.of());
        this.guestMemfds = region.ref("guestMemfds", List.of());
        this.irqFds = region.ref("irqFds", List.of());
        this.stats = new Stats.Counts(region.child("stats"), StatsIoctls.VM);
        users.set(1);
        // The virtual counter of a new VM starts at zero.
        voffset.set(kvm.counter());
    }

    public Kvm kvm() {
        return kvm;
    }

    /** Width of guest-physical addresses. */
    int ipaBits() {
        return ipaBits;
    }

    Word flags() {
        return flags;
    }

    /** kvm_vm_has_ran_once: acquire, so that whoever sees it sees the final ID registers too. */
    boolean hasRunOnce() {
        return (flags.acquire() & HAS_RUN_ONCE) != 0;
    }

    /** The vCPU features of all its vCPUs; counts once FEATURES_CONFIGURED is set. */
    Word features() {
        return features;
    }

    /** Guards the configuration: ID registers, features, filter. Taken inside a vCPU's mutex. */
    Mutex configLock() {
        return configLock;
    }

    IdRegs idRegs() {
        return idRegs;
    }

    Firmware firmware() {
        return firmware;
    }

    Ref<SmcccFilter> smcccFilter() {
        return smcccFilter;
    }

    /** CNTVOFF_EL2 of all its vCPUs. */
    Word voffset() {
        return voffset;
    }

    /** CNTPOFF_EL2, where user space set it. */
    Word poffset() {
        return poffset;
    }

    Pmu.VmState pmu() {
        return pmu;
    }

    /** The interrupt controller in the kernel, or null. */
    Ref<@Nullable Vgic> vgic() {
        return vgic;
    }

    /** Each device of type KVM_DEV_TYPE_ARM_VGIC_ITS. */
    Ref<List<Its>> translationServices() {
        return translationServices;
    }

    /** kvm_set_msi: 1 delivered, 0 blocked by the guest, or an errno. */
    long message(long address, int data, boolean hasDevice, int device) {
        if (translationServices.get().isEmpty()) return Errno.ENODEV;
        Its its = hasDevice ? Its.at(this, address) : null;
        return its == null ? Errno.EINVAL : its.message(device, data);
    }

    boolean irqchipInKernel() {
        return vgic.get() != null;
    }

    Word eagerSplit() {
        return eagerSplit;
    }

    /** A bit for each type of device that was made. */
    Word devices() {
        return devices;
    }

    Stats.Counts stats() {
        return stats;
    }

    public Region region() {
        return region;
    }

    public Mutex lock() {
        return lock;
    }

    public Ref<VcpuList> vcpus() {
        return vcpus;
    }

    /** kvm->max_vcpus: what the interrupt controller of the host, or the one chosen, can serve. */
    int maxVcpus() {
        Vgic v = vgic.get();
        return v == null ? Vgic.MAX_VCPUS_V3 : v.maxVcpus();
    }

    long mm() {
        return mm;
    }

    /** VTTBR_EL2 while a vCPU of this VM runs: its VMID, never the host's 0. */
    long vttbr() {
        return vttbr;
    }

    @Override
    public GuestMemory memory() {
        return memory;
    }

    @Override
    public Client client() {
        return client;
    }

    /** Debian's arm64 kernels have addresses of 48 bits (CONFIG_ARM64_VA_BITS), 52 where they are newer. */
    @Override
    public boolean accessOk(long address, long size) {
        long limit = 1L << (kvm.has(Patch.ARM64_USER_VA_52) ? 52 : 48);
        return Long.compareUnsigned(size, limit) <= 0 && Long.compareUnsigned(address, limit - size) <= 0;
    }

    @Override
    public int memorySlots() {
        return MEMORY_SLOTS;
    }

    @Override
    public int addressSpaces() {
        return 1;
    }

    @Override
    public long checkRange(long gpa, long size) {
        return Long.compareUnsigned(gpa + size, 1L << ipaBits) > 0 ? Errno.EFAULT : 0;
    }

    @Override
    public void kickOutOfGuest() {
        for (Vcpu v : vcpus.get().all()) v.runLoop().kickOutOfGuest();
    }

    @Override
    public boolean guestRan() {
        return hasRunOnce();
    }

    @Override
    public DirtyLog dirtyLog() {
        return dirtyLog;
    }

    @Override
    public List<Vcpu> vcpuFiles() {
        return vcpus.get().all();
    }

    @Override
    public Ref<List<CoalescedZone>> coalescedZones() {
        return coalescedZones;
    }

    /** The distributor, and each vCPU's redistributor. */
    @Override
    public int busDevices(boolean pio) {
        Vgic gic = vgic.get();
        return pio || gic == null || !gic.initialized()
                ? 0
                : 1 + vcpus.get().all().size();
    }

    @Override
    public int coalescedRingAt() {
        return SystemIoctls.COALESCED_RING;
    }

    @Override
    public Mutex ringLock() {
        return ringLock;
    }

    @Override
    public void brokeDown() {
        flags.or(DEAD);
        for (Vcpu v : vcpus.get().all()) v.runLoop().kick(RunState.REQ_VM_DEAD);
    }

    @Override
    public Ref<List<IoEvent>> ioEvents() {
        return ioEvents;
    }

    @Override
    public Ref<List<IrqFd>> irqFds() {
        return irqFds;
    }

    @Override
    public boolean interruptControllerReady() {
        Vgic v = vgic.get();
        return v != null && v.initialized();
    }

    @Override
    public boolean takesIrqFd(boolean resample) {
        return true;
    }

    @Override
    public int setIrq(int source, int gsi, boolean level) {
        Vgic v = vgic.get();
        // kvm_arch_set_irq_inatomic only raises: a level stays up until somebody else takes it down.
        return v == null || source == SOURCE_USER && !level ? -1 : v.setIrq(gsi, level);
    }

    @Override
    public long guestMemfdFlags() {
        return slotsTakeGuestMemfd() ? kvm.capabilities().value(null, Capabilities.GUEST_MEMFD_FLAGS) : Errno.EINVAL;
    }

    @Override
    public boolean slotsTakeGuestMemfd() {
        return kvm.has(Patch.GUEST_MEMFD_FLAGS);
    }

    @Override
    public Ref<List<GuestMemfd>> guestMemfds() {
        return guestMemfds;
    }

    @Override
    public void hold() {
        users.add(1);
    }

    @Override
    public void put() {
        if (users.add(-1) != 1) return;
        for (Vcpu v : vcpus.get().all()) v.run().close();
        GuestMemfd.closeAll(this);
        region.drop();
    }

    @Override
    public Kind kind() {
        return Kind.VM;
    }

    @Override
    public String fileName() {
        return "kvm-vm";
    }

    /** EIO for callers of another address space, and once the VM is dead. */
    boolean refuses(Caller caller) {
        return caller.client().mm() != mm || flags.test(DEAD);
    }

    @Override
    public long ioctl(Caller caller, int command, long argument, Made made) {
        if (refuses(caller)) return Errno.EIO;
        lock.lock();
        try {
            return kvm.dispatch(this, caller, command, argument, made);
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
