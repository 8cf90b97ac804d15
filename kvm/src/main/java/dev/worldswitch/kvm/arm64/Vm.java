package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.AbstractVm;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A virtual machine. */
public final class Vm extends AbstractVm<Vcpu> {
    /** Bits of {@link #flags}, in the meaning of KVM_ARCH_FLAG_*. */
    static final long NISV_TO_USER = 1, SYSTEM_SUSPEND = 2, HAS_RUN_ONCE = 4, FEATURES_CONFIGURED = 8;

    static final long ID_REGS_INITIALIZED = 16, WRITABLE_IMP_ID = 32, COUNTER_OFFSET = 64;

    /** KVM_USER_MEM_SLOTS where KVM needs none for itself. */
    static final int MEMORY_SLOTS = 32767;

    private final Kvm kvm;
    private final int ipaBits;
    private final long vttbr;
    private final Mutex configLock;
    private final Word flags, features, eagerSplit, devices;
    private final IdRegs idRegs;
    private final Firmware firmware;
    private final Ref<SmcccFilter> smcccFilter;
    private final Word voffset, poffset;
    private final Pmu.VmState pmu;
    private final Ref<@Nullable Vgic> vgic;
    private final Ref<List<Its>> translationServices;

    Vm(Kvm kvm, Client client, int ipaBits) {
        super(kvm, client, StatsNames.VM, kvm.host().pageShift());
        Region region = region();
        this.kvm = kvm;
        this.ipaBits = ipaBits;
        this.vttbr = number() + 1 << 48;
        this.configLock = new Mutex(region, "configLock");
        this.flags = region.word("flags");
        this.features = region.word("vcpuFeatures");
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
        // The virtual counter of a new VM starts at zero.
        voffset.set(kvm.counter());
    }

    @Override
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

    /** kvm->max_vcpus: what the interrupt controller of the host, or the one chosen, can serve. */
    int maxVcpus() {
        Vgic v = vgic.get();
        return v == null ? Vgic.MAX_VCPUS_V3 : v.maxVcpus();
    }

    /** VTTBR_EL2 while a vCPU of this VM runs: its VMID, never the host's 0. */
    long vttbr() {
        return vttbr;
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
    public boolean guestRan() {
        return hasRunOnce();
    }

    /** The distributor, and each vCPU's redistributor. */
    @Override
    public int busDevices(boolean pio) {
        Vgic gic = vgic.get();
        return pio || gic == null || !gic.initialized() ? 0 : 1 + vcpuFiles().size();
    }

    @Override
    public int coalescedRingAt() {
        return 1 << pageShift();
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
}
