package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.DirtyLog;
import dev.worldswitch.kvm.IrqRouting;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.MemoryIoctls;
import dev.worldswitch.kvm.PrivateRanges;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** KVM_CHECK_EXTENSION: the capabilities of linux/kvm.h, per kind of descriptor, kernel release and build option. */
final class Capabilities {
    /** @param since null for every recorded release; config build option that must be on, null for none; {@code vm} is the answer on a VM, null for the same */
    private record Row(
            String name,
            LongSupplier system,
            @Nullable LongSupplier vm,
            @Nullable Patch since,
            @Nullable String config) {}

    private final Map<Integer, Row> rows = new HashMap<>();
    private final Kvm kvm;

    Capabilities(Kvm kvm) {
        this.kvm = kvm;
        for (String known : ONES.split("\\s+")) {
            String[] part = known.split("=");
            row(Integer.parseInt(part[0]), part[1], () -> 1, null, null);
        }
        row(9, "NR_VCPUS", () -> Math.min(kvm.cpus().size(), maxVcpus()), null, null);
        row(10, "NR_MEMSLOTS", () -> MemoryIoctls.SLOTS, null, null);
        row(15, "COALESCED_MMIO", () -> 2, null, null);
        row(25, "IRQ_ROUTING", () -> IrqRouting.MAX, null, null);
        row(31, "MCE", () -> 32, null, null);
        row(39, "ADJUST_CLOCK", () -> 14, null, null);
        row(55, "XSAVE", () -> kvm.caps().hasXsave() ? 1 : 0, null, null);
        row(56, "XCRS", () -> kvm.caps().hasXsave() ? 1 : 0, null, null);
        // The ioctl was there before it was told of.
        row(89, "DEVICE_CTRL", () -> kvm.kernel().has(Patch.X86_DEVICE_CTRL_TOLD) ? 1 : 0, null, null);
        row(66, "MAX_VCPUS", this::maxVcpus, null, null);
        row(70, "ONE_REG", () -> kvm.kernel().has(Patch.X86_ONE_REG) ? 1 : 0, null, null);
        row(74, "SYNC_REGS", () -> 7, null, null);
        row(128, "MAX_VCPU_ID", this::maxVcpuId, null, null);
        row(129, "X2APIC_API", this::x2apicFlags, () -> x2apicFlags() & ~X2APIC_ENABLE_SUPPRESS_EOI, null, null);
        row(143, "X86_DISABLE_EXITS", () -> disableExits(), null, null);
        row(168, "MANUAL_DIRTY_LOG_PROTECT2", () -> 3, null, null);
        row(195, "SET_GUEST_DEBUG2", () -> 0x1f0003, null, null);
        row(201, "EXIT_HYPERCALL", () -> 0x1000, null, null);
        row(213, "DISABLE_QUIRKS2", this::quirks, null, null);
        row(38, "XEN_HVM", () -> 511, Patch.X86_XEN_BUILT, "xen");
        for (int hv : new int[] {44, 45, 46, 123, 148, 149, 154, 155, 161, 167, 191, 199, 96})
            row(hv, "HYPERV_" + hv, () -> 1, null, "hyperv");
        row(117, "X86_SMM", () -> 1, null, "smm");
        row(MULTI_ADDRESS_SPACE, "MULTI_ADDRESS_SPACE", () -> 2, null, "smm");
        row(157, "NESTED_STATE", () -> NestedState.size(kvm.vendor()), null, null);
        row(192, "DIRTY_LOG_RING", () -> DirtyLog.RING_MAX, null, null);
        row(223, "DIRTY_LOG_RING_ACQ_REL", () -> DirtyLog.RING_MAX, null, null);
        row(97, "CAP_97", () -> 1, null, "recorded_extras");
        row(60, "TSC_CONTROL", () -> 1, null, "tsc_scaling");
        row(214, "VM_TSC_CONTROL", () -> 1, null, "tsc_scaling");
        row(127, "CAP_127", () -> 1, null, "recorded_extras");
        row(187, "CAP_187", () -> 1, null, "recorded_extras");
        row(196, "SGX_ATTRIBUTE", () -> 1, null, "sgx");
        row(197, "VM_COPY_ENC_CONTEXT_FROM", () -> 1, null, "sev");
        row(206, "VM_MOVE_ENC_CONTEXT_FROM", () -> 1, null, "sev");
        row(212, "PMU_CAPABILITY", () -> kvm.caps().pmu().exists() ? 1 : 0, null, null);
        row(173, "PMU_EVENT_FILTER", () -> 1, null, "pmu_caps");
        row(226, "PMU_EVENT_MASKED_EVENTS", () -> 1, Patch.X86_PMU_MASKED_EVENTS, "pmu_caps");
        row(
                MEMORY_ATTRIBUTES,
                "MEMORY_ATTRIBUTES",
                () -> PrivateRanges.PRIVATE,
                Patch.X86_MEMORY_ATTRIBUTES,
                "guest_memfd");
        row(GUEST_MEMFD, "GUEST_MEMFD", () -> 1, Patch.X86_GUEST_MEMFD, "guest_memfd");
        row(244, "GUEST_MEMFD_FLAGS", this::memfdFlags, Patch.GUEST_MEMFD_FLAGS, "guest_memfd");
        row(231, "USER_MEMORY2", () -> 1, Patch.MEMORY_REGION2, null);
        row(232, "MEMORY_FAULT_INFO", () -> 1, Patch.X86_MEMORY_FAULT_INFO, null);
        row(235, "VM_TYPES", this::vmTypes, Patch.X86_VM_TYPES, null);
        row(236, "PRE_FAULT_MEMORY", () -> 1, Patch.X86_PRE_FAULT_MEMORY, "pre_fault");
        row(237, "X86_APIC_BUS_CYCLES_NS", () -> 1, Patch.X86_APIC_BUS_FREQUENCY, null);
        row(238, "X86_GUEST_MODE", () -> 1, Patch.X86_GUEST_MODE_FLAG, null);
    }

    /** Capabilities whose answer is 1 in every recorded release. */
    private static final String ONES = """
            0=IRQCHIP 1=HLT 2=MMU_SHADOW_CACHE_CONTROL 3=USER_MEMORY 4=SET_TSS_ADDR 6=VAPIC 7=EXT_CPUID 8=CLOCKSOURCE \
            11=PIT 12=NOP_IO_DELAY 14=MP_STATE 16=SYNC_MMU 21=DESTROY_MEMORY_REGION_WORKS 22=USER_NMI \
            23=SET_GUEST_DEBUG 24=REINJECT_CONTROL 26=IRQ_INJECT_STATUS 30=JOIN_MEMORY_REGIONS_WORKS 32=IRQFD 33=PIT2 \
            34=SET_BOOT_CPU_ID 35=PIT_STATE2 36=IOEVENTFD 37=SET_IDENTITY_MAP_ADDR 40=INTERNAL_ERROR_DATA \
            41=VCPU_EVENTS 47=PCI_SEGMENT 50=DEBUGREGS 51=X86_ROBUST_SINGLESTEP 54=ENABLE_CAP 59=ASYNC_PF \
            61=GET_TSC_KHZ 72=TSC_DEADLINE_TIMER 76=KVMCLOCK_CTRL 77=SIGNAL_MSI 81=READONLY_MEM 82=IRQFD_RESAMPLE \
            95=EXT_EMUL_CPUID 98=ENABLE_CAP_VM 100=IOEVENTFD_NO_LENGTH 105=CHECK_EXTENSION_VM \
            116=DISABLE_QUIRKS 121=SPLIT_IRQCHIP 122=IOEVENTFD_ANY_LENGTH 136=IMMEDIATE_EXIT 153=GET_MSR_FEATURES \
            159=MSR_PLATFORM_INFO 162=COALESCED_PIO 164=EXCEPTION_PAYLOAD 182=HALT_POLL 183=ASYNC_PF_INT 184=LAST_CPU \
            188=X86_USER_SPACE_MSR 189=X86_MSR_FILTER 190=ENFORCE_PV_FEATURE_CPUID 200=SREGS2 203=BINARY_STATS_FD \
            204=EXIT_ON_EMULATION_FAILURE 209=SYS_ATTRIBUTES 215=SYSTEM_EVENT_DATA 218=X86_TRIPLE_FAULT_EVENT \
            220=VM_DISABLE_NX_HUGE_PAGES""";

    private static final int MULTI_ADDRESS_SPACE = 118, XSAVE2 = 208, MEMORY_ATTRIBUTES = 233, GUEST_MEMFD = 234;

    private void row(int number, String name, LongSupplier value, @Nullable Patch since, @Nullable String config) {
        row(number, name, value, null, since, config);
    }

    private void row(
            int number,
            String name,
            LongSupplier value,
            @Nullable LongSupplier vm,
            @Nullable Patch since,
            @Nullable String config) {
        if (rows.put(number, new Row(name, value, vm, since, config)) != null)
            throw new IllegalStateException("capability " + number + " (" + name + ") is listed twice");
    }

    static void rows(Rows t) {
        t.system(
                "KVM_CHECK_EXTENSION",
                io(0x03),
                0,
                "api.rst 4.4",
                (k, c) -> k.capabilities().check(Kvm.Kind.SYSTEM, c));
        t.vm(
                "KVM_CHECK_EXTENSION",
                io(0x03),
                105,
                "api.rst 4.4",
                (v, c) -> v.kvm().capabilities().check(v, c));
    }

    private long check(KvmFile.Kind kind, Call call) {
        if (call.argument() < 0 || call.argument() > Integer.MAX_VALUE) return 0;
        if (call.argument() == XSAVE2)
            return kvm.caps().hasXsave() ? xsave2Size(call.client().xcompGuestPerm()) : 0;
        return value(kind, (int) call.argument());
    }

    private long check(Vm vm, Call call) {
        // What guests' own memory is offered depends on the VM's type.
        if (call.argument() == MEMORY_ATTRIBUTES && !vm.hasPrivateMemory()) return 0;
        if (call.argument() == GUEST_MEMFD && !vm.slotsTakeGuestMemfd()) return 0;
        if (call.argument() == MULTI_ADDRESS_SPACE && vm.hasPrivateMemory()) return 1;
        return check(Kvm.Kind.VM, call);
    }

    /** KVM_CAP_VM_TYPES: a bit for each type of VM; one that KVM protects itself is a test of that, built in on request. */
    long vmTypes() {
        return 1L << Vm.DEFAULT_VM | (kvm.config("sw_protected") && came(GUEST_MEMFD) ? 1L << Vm.SW_PROTECTED_VM : 0);
    }

    long value(KvmFile.Kind kind, int number) {
        Row r = rows.get(number);
        if (r == null || !came(number)) return 0;
        if (r.config != null && !kvm.config(r.config)) return 0;
        LongSupplier of = kind == KvmFile.Kind.VM && r.vm != null ? r.vm : r.system;
        return of.getAsLong();
    }

    /** False for what came with a capability that this release does not know yet. */
    boolean came(int number) {
        Row r = rows.get(number);
        return r == null || r.since == null || kvm.kernel().has(r.since);
    }

    /** Bytes that KVM_GET_XSAVE2 may write for a process with this permission. */
    int xsave2Size(long guestPerm) {
        return Math.max(4096, kvm.profile().xsave().standardSize(kvm.caps().permittedXcr0(guestPerm)));
    }

    long maxVcpus() {
        return kvm.kernel().has(Patch.X86_VCPUS_4096) ? 4096 : 1024;
    }

    long maxVcpuId() {
        return maxVcpus() * 4;
    }

    /** Bits of KVM_CAP_DISABLE_QUIRKS2 from 7 on, by what brought them. */
    private static final List<Patch> QUIRKS = List.of(
            Patch.X86_QUIRK_SLOT_ZAP_ALL,
            Patch.X86_QUIRK_STUFF_FEATURE_MSRS,
            Patch.X86_QUIRK_IGNORE_GUEST_PAT,
            Patch.X86_QUIRK_FREEZE_IN_SMM,
            Patch.X86_QUIRK_BIT_11);

    private static final int FIRST_QUIRKS = 0x7f;

    long quirks() {
        long q = FIRST_QUIRKS;
        for (int i = 0; i < QUIRKS.size(); i++) if (kvm.kernel().has(QUIRKS.get(i))) q |= 1L << 7 + i;
        return q;
    }

    static final long X2APIC_ENABLE_SUPPRESS_EOI = 4, X2APIC_DISABLE_SUPPRESS_EOI = 8;

    /** KVM_X2APIC_API_*; on a VM, suppression can be enabled with a split irqchip only. */
    long x2apicFlags() {
        return kvm.kernel().has(Patch.X2APIC_EOI_FEATURES) ? 15 : 3;
    }

    /** GUEST_MEMFD_FLAG_MMAP and GUEST_MEMFD_FLAG_INIT_SHARED. */
    long memfdFlags() {
        return kvm.kernel().has(Patch.GUEST_MEMFD_FLAGS) ? 3 : 0;
    }

    /** MWAIT in the guest needs a host that has it and keeps its APIC timer running there. */
    private long disableExits() {
        return 0xe | (kvm.profile().cpuid(1, 0).ecx() >> 3 & 1);
    }
}
