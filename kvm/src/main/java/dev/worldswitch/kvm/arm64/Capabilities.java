package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.DirtyLog;
import dev.worldswitch.kvm.Errno;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** KVM_CHECK_EXTENSION and KVM_ENABLE_CAP. Rows are numbers of uapi linux/kvm.h; what no row says is 0. */
final class Capabilities {
    private static final int NISV_TO_USER = 177, MTE = 205, SYSTEM_SUSPEND = 216, EAGER_SPLIT = 228, HALT_POLL = 182;
    private static final int MANUAL_DIRTY_LOG_PROTECT2 = 168, WRITABLE_IMP_ID_REGS = 239;
    private static final int DIRTY_LOG_RING_ACQ_REL = 223, DIRTY_LOG_RING_WITH_BITMAP = 225;

    /** GUEST_MEMFD_FLAG_MMAP and GUEST_MEMFD_FLAG_INIT_SHARED are its value. */
    static final int GUEST_MEMFD_FLAGS = 244;

    private static final int SEA_TO_USER = 245;

    /**
     * One capability.
     *
     * @param vm what a VM answers, null where it is the same
     * @param patch the kernel change that brought it, null where every recorded kernel has it
     */
    private record Row(
            String name,
            LongSupplier system,
            @Nullable ToLongFunction<Vm> vm,
            @Nullable Patch patch) {}

    private final Kvm kvm;
    private final Map<Integer, Row> rows = new HashMap<>();

    /** Answer 1 on every recorded kernel. */
    private static final String ONES = """
            0=IRQCHIP 3=USER_MEMORY 14=MP_STATE 15=COALESCED_MMIO 16=SYNC_MMU 21=DESTROY_MEMORY_REGION_WORKS \
            23=SET_GUEST_DEBUG 30=JOIN_MEMORY_REGIONS_WORKS 32=IRQFD 36=IOEVENTFD 40=INTERNAL_ERROR_DATA \
            41=VCPU_EVENTS 70=ONE_REG 77=SIGNAL_MSI 81=READONLY_MEM 82=IRQFD_RESAMPLE 87=ARM_PSCI \
            88=ARM_SET_DEVICE_ADDR 89=DEVICE_CTRL 98=ENABLE_CAP_VM 102=ARM_PSCI_0_2 105=CHECK_EXTENSION_VM \
            122=IOEVENTFD_ANY_LENGTH 127=VCPU_ATTRIBUTES 136=IMMEDIATE_EXIT 144=ARM_USER_IRQ 162=COALESCED_PIO \
            174=ARM_IRQ_LINE_LAYOUT_2 177=ARM_NISV_TO_USER 178=ARM_INJECT_EXT_DABT 182=HALT_POLL 187=STEAL_TIME \
            198=PTP_KVM 203=BINARY_STATS_FD 215=SYSTEM_EVENT_DATA 216=ARM_SYSTEM_SUSPEND""";

    Capabilities(Kvm kvm) {
        this.kvm = kvm;
        for (String one : ONES.split("\\s+")) {
            String[] c = one.split("=");
            row(Integer.parseInt(c[0]), c[1], () -> 1);
        }
        HostFeatures host = kvm.host();
        row(9, "NR_VCPUS", () -> kvm.cpus().size());
        row(10, "NR_MEMSLOTS", () -> Vm.MEMORY_SLOTS);
        row(25, "IRQ_ROUTING", () -> 4096);
        row(66, "MAX_VCPUS", () -> Vgic.MAX_VCPUS_V3, Vm::maxVcpus);
        row(93, "ARM_EL1_32BIT", () -> host.el1Aarch32() ? 1 : 0);
        row(119, "GUEST_DEBUG_HW_BPS", host::breakpoints);
        row(120, "GUEST_DEBUG_HW_WPS", host::watchpoints);
        row(126, "ARM_PMU_V3", () -> host.pmu() ? 1 : 0);
        row(128, "MAX_VCPU_ID", () -> Vgic.MAX_VCPUS_V3, Vm::maxVcpus);
        row(131, "MSI_DEVID", () -> Errno.EINVAL, vm -> 0);
        row(158, "ARM_INJECT_SERROR_ESR", () -> host.ras() ? 1 : 0);
        row(165, "ARM_VM_IPA_SIZE", host::ipaLimit);
        row(168, "MANUAL_DIRTY_LOG_PROTECT2", () -> 3);
        row(170, "ARM_SVE", () -> host.sve() ? 1 : 0);
        row(171, "ARM_PTRAUTH_ADDRESS", () -> host.pauth() ? 1 : 0);
        row(172, "ARM_PTRAUTH_GENERIC", () -> host.pauth() ? 1 : 0);
        row(195, "SET_GUEST_DEBUG2", () -> VcpuIoctls.GUEST_DEBUG_VALID);
        row(DIRTY_LOG_RING_ACQ_REL, "DIRTY_LOG_RING_ACQ_REL", () -> DirtyLog.RING_MAX, Patch.ARM64_DIRTY_RING);
        row(DIRTY_LOG_RING_WITH_BITMAP, "DIRTY_LOG_RING_WITH_BITMAP", () -> 1, Patch.ARM64_DIRTY_RING_WITH_BITMAP);
        row(227, "COUNTER_OFFSET", () -> 1, Patch.ARM64_COUNTER_OFFSET);
        row(229, "ARM_SUPPORTED_BLOCK_SIZES", host::blockSizes, Patch.ARM64_EAGER_SPLIT);
        row(230, "ARM_SUPPORTED_REG_MASK_RANGES", () -> 1, Patch.ARM64_ID_WRITABLE_MASKS);
        row(231, "USER_MEMORY2", () -> 1, Patch.MEMORY_REGION2);
        row(228, "ARM_EAGER_SPLIT_CHUNK_SIZE", () -> 0, vm -> vm.eagerSplit().get(), Patch.ARM64_EAGER_SPLIT);
        row(234, "GUEST_MEMFD", () -> 1, Patch.ARM64_GUEST_MEMFD);
        row(239, "ARM_WRITABLE_IMP_ID_REGS", () -> 1, Patch.ARM64_WRITABLE_IMP_ID_REGS);
        row(243, "CAP_243", () -> Errno.EINVAL, vm -> 0, Patch.ARM64_CACHEABLE_PFNMAP);
        row(SEA_TO_USER, "ARM_SEA_TO_USER", () -> 1, Patch.ARM64_SEA_TO_USER);
        row(GUEST_MEMFD_FLAGS, "GUEST_MEMFD_FLAGS", () -> 3, Patch.GUEST_MEMFD_FLAGS);
    }

    private void row(int number, String name, LongSupplier value) {
        row(number, name, value, null, null);
    }

    private void row(int number, String name, LongSupplier value, Patch patch) {
        row(number, name, value, null, patch);
    }

    private void row(int number, String name, LongSupplier value, ToLongFunction<Vm> vm) {
        row(number, name, value, vm, null);
    }

    private void row(
            int number, String name, LongSupplier value, @Nullable ToLongFunction<Vm> vm, @Nullable Patch patch) {
        if (rows.put(number, new Row(name, value, vm, patch)) != null)
            throw new IllegalStateException("capability " + number + " (" + name + ") is listed twice");
    }

    private @Nullable Row known(int number) {
        Row r = rows.get(number);
        return r == null || r.patch != null && !kvm.has(r.patch) ? null : r;
    }

    static void rows(Rows t) {
        t.system(
                "KVM_CHECK_EXTENSION",
                io(0x03),
                0,
                "api.rst 4.4",
                (k, c) -> k.capabilities().check(null, c));
        t.vm(
                "KVM_CHECK_EXTENSION",
                io(0x03),
                105,
                "api.rst 4.4",
                (v, c) -> v.kvm().capabilities().check(v, c));
        t.vm("KVM_ENABLE_CAP", iow(0xa3, 104), 98, "api.rst 4.37", Capabilities::enable);
        t.vcpu(
                "KVM_ENABLE_CAP",
                iow(0xa3, 104),
                98,
                "api.rst 4.37",
                (v, c) -> c.in(104) == null ? Errno.EFAULT : Errno.EINVAL);
    }

    private long check(@Nullable Vm vm, Call call) {
        if (call.argument() < 0 || call.argument() > Integer.MAX_VALUE) return 0;
        return value(vm, (int) call.argument());
    }

    long value(@Nullable Vm vm, int number) {
        Row r = known(number);
        if (r == null) return 0;
        return vm != null && r.vm != null ? r.vm.applyAsLong(vm) : r.system.getAsLong();
    }

    private static long enable(Vm vm, Call call) {
        Bytes b = call.in(104);
        if (b == null) return Errno.EFAULT;
        int cap = b.u32(0);
        long argument = b.u64(8);
        boolean known = vm.kvm().capabilities().known(cap) != null;
        if (b.u32(4) != 0 || !known && cap != MTE) return Errno.EINVAL;
        return switch (cap) {
            case NISV_TO_USER -> on(vm, Vm.NISV_TO_USER);
            case SYSTEM_SUSPEND -> on(vm, Vm.SYSTEM_SUSPEND);
            case HALT_POLL -> argument >>> 32 == 0 ? 0 : Errno.EINVAL;
            // Hardware here reports no synchronous external abort of its own that could go to user space.
            case SEA_TO_USER -> 0;
            case MANUAL_DIRTY_LOG_PROTECT2 -> vm.dirtyLog().enableManualProtect(argument);
            case DIRTY_LOG_RING_ACQ_REL -> vm.dirtyLog().enableRing(vm, argument);
            case DIRTY_LOG_RING_WITH_BITMAP -> vm.dirtyLog().enableBitmapBesideRing(vm);
            case EAGER_SPLIT -> eagerSplit(vm, argument);
            case WRITABLE_IMP_ID_REGS -> vm.vcpus().get().all().isEmpty() ? on(vm, Vm.WRITABLE_IMP_ID) : Errno.EINVAL;
            default -> Errno.EINVAL;
        };
    }

    private static long on(Vm vm, long flag) {
        vm.flags().setBits(flag);
        return 0;
    }

    private static long eagerSplit(Vm vm, long size) {
        boolean block = Long.bitCount(size) == 1 && (vm.kvm().host().blockSizes() & size) != 0;
        if (!vm.memory().slots(0).get().byGpa().isEmpty() || size != 0 && !block) return Errno.EINVAL;
        vm.eagerSplit().set(size);
        return 0;
    }
}
