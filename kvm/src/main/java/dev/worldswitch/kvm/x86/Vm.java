package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.AbstractVm;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Mm;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/** A virtual machine. */
public final class Vm extends AbstractVm<Vcpu> {
    private final Kvm kvm;
    private final Word apicBusCycle;
    private final Word maxVcpuId, bootCpuId, tssAddress, identityMap, irqchip, tscKhz;
    private final Word caps, userSpaceMsr, disabledQuirks, disabledExits, platformInfoHidden;
    private final Ref<MsrFilter> msrFilter;
    private final Word hypercallExits;
    private final Word maxMmuPages;
    private final Irqchip chips;
    private final HypervVm hyperv;
    private final KvmClock clock;
    private final TscSync tscSync;
    private final ApicBus apicBus;
    private final Word vfioDevices, reservedPins;
    private final Ref<PmuFilter> pmuFilter;
    private final Word pmuDisabled, x2apicApi;
    private final long type;

    /** Types of KVM_CREATE_VM. */
    static final long DEFAULT_VM = 0, SW_PROTECTED_VM = 1;

    Vm(Kvm kvm, Client client, long type) {
        super(kvm, client, StatsNames.VM, Mm.PAGE_SHIFT);
        Region region = region();
        this.kvm = kvm;
        this.type = type;
        this.apicBusCycle = region.word("apicBusCycle");
        apicBusCycle.set(1);
        this.maxVcpuId = region.word("maxVcpuId");
        this.bootCpuId = region.word("bootCpuId");
        this.tssAddress = region.word("tssAddress");
        this.identityMap = region.word("identityMap");
        this.irqchip = region.word("irqchip");
        this.tscKhz = region.word("tscKhz");
        this.maxMmuPages = region.word("maxMmuPages");
        this.caps = region.word("caps");
        this.userSpaceMsr = region.word("userSpaceMsr");
        this.disabledQuirks = region.word("disabledQuirks");
        this.disabledExits = region.word("disabledExits");
        this.platformInfoHidden = region.word("platformInfoHidden");
        this.hypercallExits = region.word("hypercallExits");
        this.msrFilter = region.ref("msrFilter", MsrFilter.ALLOW_ALL);
        this.tscSync = new TscSync(region.child("tsc"), this);
        this.apicBus = new ApicBus(region.child("apicBus"), this);
        this.vfioDevices = region.word("vfioDevices");
        this.reservedPins = region.word("reservedPins");
        this.pmuFilter = region.ref("pmuFilter", PmuFilter.NONE);
        this.pmuDisabled = region.word("pmuDisabled");
        this.x2apicApi = region.word("x2apicApi");
        this.hyperv = new HypervVm(region.child("hyperv"), this);
        this.chips = new Irqchip(region.child("irqchipState"), this);
        tscKhz.set(kvm.profile().tscKhz());
        this.clock = new KvmClock(region.child("clock"), this);
    }

    /** Bits of {@link #caps()}: VM capabilities that are simply on or off. */
    static final long EXCEPTION_PAYLOAD = 1, TRIPLE_FAULT_EVENT = 2, EXIT_ON_EMULATION_FAILURE = 4;

    Word caps() {
        return caps;
    }

    public boolean exceptionPayload() {
        return caps.test(EXCEPTION_PAYLOAD);
    }

    public boolean tripleFaultEvent() {
        return caps.test(TRIPLE_FAULT_EVENT);
    }

    public boolean exitOnEmulationFailure() {
        return caps.test(EXIT_ON_EMULATION_FAILURE);
    }

    /** KVM_MSR_EXIT_REASON_* bits of KVM_CAP_X86_USER_SPACE_MSR. */
    public Word userSpaceMsr() {
        return userSpaceMsr;
    }

    public Word disabledQuirks() {
        return disabledQuirks;
    }

    public boolean hasQuirk(long quirk) {
        return (disabledQuirks.get() & quirk) == 0;
    }

    /** KVM_X86_DISABLE_EXITS_*. */
    public Word disabledExits() {
        return disabledExits;
    }

    Word platformInfoHidden() {
        return platformInfoHidden;
    }

    @Override
    public boolean readsMapForWriting() {
        return true;
    }

    @Override
    public boolean guestRan() {
        return vcpuFiles().stream().anyMatch(v -> v.hasRun().get() != 0);
    }

    /** The buffer of VMX's page-modification logging. */
    @Override
    public int hardwareLogEntries() {
        return kvm.vendor() == Vendor.VMX ? 512 : 0;
    }

    /** Hypercalls that leave to user space (KVM_CAP_EXIT_HYPERCALL). */
    public Word hypercallExits() {
        return hypercallExits;
    }

    public Ref<MsrFilter> msrFilter() {
        return msrFilter;
    }

    /** Interrupt messages to the local APICs. */
    ApicBus apicBus() {
        return apicBus;
    }

    /** Hyper-V's interface. */
    HypervVm hyperv() {
        return hyperv;
    }

    /** Irqchip state, PIT, routes. */
    public Irqchip chips() {
        return chips;
    }

    /** USER_PTR_MAX: the host's paging depth bounds user space. */
    @Override
    public boolean accessOk(long address, long size) {
        boolean fiveLevels = (kvm.profile().cpuid(7, 0).ecx() >> 16 & 1) != 0;
        long end = fiveLevels ? (1L << 56) - 4096 : dev.worldswitch.kvm.Mm.TASK_SIZE;
        return address >= 0 && size >= 0 && address <= end && size <= end - address;
    }

    /** Devices of KVM_DEV_TYPE_VFIO: at most one. */
    Word vfioDevices() {
        return vfioDevices;
    }

    /** KVM_X2APIC_API_* flags that the client has enabled. */
    Word x2apicApi() {
        return x2apicApi;
    }

    /** KVM_X2APIC_API_USE_32BIT_IDS: IDs of APICs in their state and in messages have all their bits. */
    boolean wideApicIds() {
        return x2apicApi.test(1);
    }

    /** KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK: 0xff is no broadcast for an x2APIC, whoever sends it. */
    boolean broadcastByMode() {
        return x2apicApi.test(2);
    }

    /** 1 after KVM_CAP_PMU_CAPABILITY with KVM_PMU_CAP_DISABLE. */
    Word pmuDisabled() {
        return pmuDisabled;
    }

    Ref<PmuFilter> pmuFilter() {
        return pmuFilter;
    }

    /** The IOAPIC; the PIC's three ranges of ports, the PIT's two. */
    @Override
    public int busDevices(boolean pio) {
        if (irqchip.get() != 1) return 0;
        return !pio ? 1 : chips.pit().isMade() ? 5 : 3;
    }

    @Override
    public int coalescedRingAt() {
        return KvmX86Abi.COALESCED_RING;
    }

    @Override
    public boolean takesIrqFd(boolean resample) {
        return resample ? picInKernel() : lapicInKernel();
    }

    @Override
    public int setIrq(int source, int gsi, boolean level) {
        return chips.setIrq(source, gsi, level);
    }

    long bootCpuId() {
        return bootCpuId.get();
    }

    Word bootCpuIdCell() {
        return bootCpuId;
    }

    Word tssAddress() {
        return tssAddress;
    }

    Word identityMap() {
        return identityMap;
    }

    /** Nanoseconds of the APIC bus's cycle (KVM_CAP_X86_APIC_BUS_CYCLES_NS). */
    Word apicBusCycle() {
        return apicBusCycle;
    }

    Word maxVcpuIdCell() {
        return maxVcpuId;
    }

    /** KVM_SET_NR_MMU_PAGES: kept for who asks; there is no shadow MMU that it could bound. */
    Word maxMmuPages() {
        return maxMmuPages;
    }

    Word tscKhz() {
        return tscKhz;
    }

    TscSync tscSync() {
        return tscSync;
    }

    KvmClock clock() {
        return clock;
    }

    /** 0 none, 1 full in-kernel irqchip, 2 split. */
    Word irqchip() {
        return irqchip;
    }

    /** Interrupt lines from 0 on that a split irqchip's IOAPIC, the client's, has. */
    Word reservedPins() {
        return reservedPins;
    }

    public boolean lapicInKernel() {
        return irqchip.get() != 0;
    }

    public boolean picInKernel() {
        return irqchip.get() == 1;
    }

    @Override
    public Kvm kvm() {
        return kvm;
    }

    @Override
    public int addressSpaces() {
        return kvm.config("smm") && !hasPrivateMemory() ? 2 : 1;
    }

    @Override
    public long checkRange(long gpa, long size) {
        // The last page must be addressable by the host's physical addresses.
        return Long.compareUnsigned(gpa + size - 1, (1L << kvm.maxPhysAddr()) - 1) > 0 ? Errno.EINVAL : 0;
    }

    /** KVM_CAP_MAX_VCPU_ID as enabled, or the limit of the kernel. */
    long maxVcpuId() {
        long v = maxVcpuId.get();
        return v == 0 ? kvm.capabilities().maxVcpuId() : v;
    }

    @Override
    public long guestMemfdFlags() {
        return kvm.capabilities().value(Kind.SYSTEM, 234) == 0
                ? Errno.ENOTTY
                : kvm.capabilities().memfdFlags();
    }

    @Override
    public boolean slotsTakeGuestMemfd() {
        return hasPrivateMemory() || kvm.capabilities().memfdFlags() != 0 && guestMemfdFlags() >= 0;
    }

    @Override
    public boolean hasPrivateMemory() {
        return type == SW_PROTECTED_VM;
    }

    @Override
    public void release() {
        hyperv.close();
        super.release();
    }
}
