package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import java.util.HashMap;
import java.util.Map;

/** KVM_ENABLE_CAP on VMs and vCPUs. */
public final class EnableCap {
    /** KVM_X86_QUIRK_*. */
    public static final long QUIRK_LINT0_REENABLED = 1, QUIRK_CD_NW_CLEARED = 2, QUIRK_LAPIC_MMIO_HOLE = 4;

    public static final long QUIRK_OUT_7E_INC_RIP = 8, QUIRK_MISC_ENABLE_NO_MWAIT = 16, QUIRK_FIX_HYPERCALL_INSN = 32;
    public static final long QUIRK_MWAIT_NEVER_UD_FAULTS = 64, QUIRK_STUFF_FEATURE_MSRS = 256;
    private static final int SIZE = 104;

    @FunctionalInterface
    private interface OnVm {
        long enable(Vm vm, long a0, long a1);
    }

    private static final Map<Integer, OnVm> VM = new HashMap<>();

    static {
        VM.put(116, (vm, a, b) -> quirks(vm, a & vm.kvm().capabilities().quirks()));
        VM.put(213, (vm, a, b) -> (a & ~vm.kvm().capabilities().quirks()) != 0 ? Errno.EINVAL : quirks(vm, a));
        VM.put(121, EnableCap::splitIrqchip);
        VM.put(129, EnableCap::x2apicApi);
        VM.put(143, (vm, a, b) -> {
            if ((a & ~vm.kvm().capabilities().value(Kvm.Kind.VM, 143)) != 0) return Errno.EINVAL;
            boolean late = !vm.vcpus().get().all().isEmpty();
            if (late && vm.kvm().kernel().has(Patch.DISABLE_EXITS_BEFORE_VCPUS)) return Errno.EINVAL;
            vm.disabledExits().or(a);
            return 0;
        });
        VM.put(159, (vm, a, b) -> {
            vm.platformInfoHidden().set(a != 0 ? 0 : 1);
            return 0;
        });
        VM.put(164, (vm, a, b) -> flag(vm, Vm.EXCEPTION_PAYLOAD, a != 0));
        VM.put(204, (vm, a, b) -> a > 1 || a < 0 ? Errno.EINVAL : flag(vm, Vm.EXIT_ON_EMULATION_FAILURE, a != 0));
        VM.put(218, (vm, a, b) -> flag(vm, Vm.TRIPLE_FAULT_EVENT, a != 0));
        VM.put(188, (vm, a, b) -> {
            if ((a & ~7) != 0) return Errno.EINVAL;
            vm.userSpaceMsr().set(a);
            return 0;
        });
        VM.put(128, EnableCap::maxVcpuId);
        VM.put(193, (vm, a, b) -> (a & ~3) != 0 || a == 3 ? Errno.EINVAL : 0);
        VM.put(201, (vm, a, b) -> {
            if ((a & ~0x1000) != 0) return Errno.EINVAL;
            vm.hypercallExits().set(a);
            return 0;
        });
        VM.put(168, (vm, a, b) -> vm.dirtyLog().enableManualProtect(a));
        VM.put(182, (vm, a, b) -> a >>> 32 != 0 ? Errno.EINVAL : 0);
        VM.put(220, (vm, a, b) -> a != 0 || vm.hasVcpus() ? Errno.EINVAL : 0);
        VM.put(212, (vm, a, b) -> {
            if (!vm.kvm().caps().pmu().exists() || (a & ~1) != 0 || vm.hasVcpus()) return Errno.EINVAL;
            vm.pmuDisabled().set(a);
            return 0;
        });
        VM.put(237, EnableCap::apicBusCycle);
        // SEV's contexts are taken from another VM's descriptor; none of this host's VMs has one.
        VM.put(197, (vm, a, b) -> Errno.EBADF);
        VM.put(206, (vm, a, b) -> Errno.EBADF);
        VM.put(192, (vm, bytes, b) -> vm.dirtyLog().enableRing(vm, bytes));
        VM.put(223, (vm, bytes, b) -> vm.dirtyLog().enableRing(vm, bytes));
    }

    private EnableCap() {}

    static void rows(Rows t) {
        Capabilities.rows(t);
        t.vm("KVM_ENABLE_CAP", iow(0xa3, SIZE), 98, "api.rst 4.37, 7", EnableCap::onVm);
        t.vcpu("KVM_ENABLE_CAP", iow(0xa3, SIZE), 54, "api.rst 4.37, 6", EnableCap::onVcpu);
    }

    private static long onVm(Vm vm, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        OnVm cap = VM.get(b.u32(0));
        if (b.u32(4) != 0 || cap == null) return Errno.EINVAL;
        if (vm.kvm().capabilities().value(Kvm.Kind.VM, b.u32(0)) == 0 && b.u32(0) != 193) return Errno.EINVAL;
        return cap.enable(vm, b.u64(8), b.u64(16));
    }

    private static long onVcpu(Vcpu v, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        if (b.u32(4) != 0) return Errno.EINVAL;
        return switch (b.u32(0)) {
            case 190 -> {
                v.pvEnforce().set(b.u64(8) != 0 ? 1 : 0);
                yield 0;
            }
            // KVM_CAP_HYPERV_SYNIC, KVM_CAP_HYPERV_SYNIC2: the second leaves the guest's pages as they are.
            case 123, 148 -> {
                boolean there = v.vm().kvm().config("hyperv") && v.vm().lapicInKernel();
                if (!there || b.u32(0) == 148 && b.u64(8) != 0) yield Errno.EINVAL;
                v.hyperv().synic().activate(b.u32(0) == 148);
                yield 0;
            }
            // KVM_CAP_HYPERV_ENLIGHTENED_VMCS, KVM_CAP_HYPERV_DIRECT_TLBFLUSH: only nested VMX has what they need.
            case 163, 175 -> v.vm().kvm().config("hyperv") ? Errno.ENOTTY : Errno.EINVAL;
            case 199 -> {
                if (!v.vm().kvm().config("hyperv")) yield Errno.EINVAL;
                v.hyperv().enforce(b.u64(8) != 0);
                yield 0;
            }
            default -> Errno.EINVAL;
        };
    }

    private static long quirks(Vm vm, long mask) {
        vm.disabledQuirks().set(mask);
        return 0;
    }

    private static long flag(Vm vm, long bit, boolean on) {
        if (on) vm.caps().or(bit);
        else vm.caps().and(~bit);
        return 0;
    }

    private static long splitIrqchip(Vm vm, long pins, long unused) {
        if (Long.compareUnsigned(pins, 4096) > 0) return Errno.EINVAL;
        // The kernel's answer for both: it sets the errno before the first and keeps it for the second.
        if (vm.irqchip().get() != 0 || vm.hasVcpus()) return Errno.EEXIST;
        vm.reservedPins().set(pins);
        vm.irqchip().set(2);
        return 0;
    }

    /** The APIC timer's unit; the largest count with the largest divisor must not overflow. */
    private static long apicBusCycle(Vm vm, long ns, long unused) {
        if (ns == 0 || Long.compareUnsigned(ns, Long.divideUnsigned(-1L, 0xffffffffL * 128)) > 0) return Errno.EINVAL;
        if (!vm.lapicInKernel()) return Errno.ENXIO;
        if (vm.hasVcpus()) return Errno.EINVAL;
        vm.apicBusCycle().set(ns);
        return 0;
    }

    /** KVM_X2APIC_API_*: suppression of EOI broadcasts is enabled or disabled, and enabled for the client's IOAPIC only. */
    private static long x2apicApi(Vm vm, long flags, long unused) {
        boolean enabled = (flags & Capabilities.X2APIC_ENABLE_SUPPRESS_EOI) != 0;
        boolean disabled = (flags & Capabilities.X2APIC_DISABLE_SUPPRESS_EOI) != 0;
        boolean possible = vm.irqchip().get() == 2 && !disabled;
        if ((flags & ~vm.kvm().capabilities().x2apicFlags()) != 0 || enabled && !possible) return Errno.EINVAL;
        vm.x2apicApi().or(flags);
        return 0;
    }

    private static long maxVcpuId(Vm vm, long max, long unused) {
        if (max < 0 || max > vm.kvm().capabilities().maxVcpuId()) return Errno.EINVAL;
        boolean boots = vm.kvm().kernel().has(Patch.X86_MAX_VCPU_IDS_WITH_BSP);
        if (boots && Long.compareUnsigned(vm.bootCpuIdCell().get(), max) > 0) return Errno.EINVAL;
        // The first vCPU fixes the limit.
        long now = vm.hasVcpus() ? vm.maxVcpuId() : vm.maxVcpuIdCell().get();
        if (now == max) return 0;
        if (now != 0) return Errno.EINVAL;
        vm.maxVcpuIdCell().set(max);
        return 0;
    }
}
