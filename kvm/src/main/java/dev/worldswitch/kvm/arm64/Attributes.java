package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Ref;

/** Device attributes of vCPUs (PMU, timers, stolen time) and of VMs (SMCCC filter). */
final class Attributes {
    enum What {
        HAS,
        GET,
        SET
    }

    private static final int PMU = 0, TIMER = 1, PVTIME = 2;
    private static final int PMU_IRQ = 0, PMU_INIT = 1, PMU_FILTER = 2, PMU_SET_PMU = 3, PMU_SET_NR_COUNTERS = 4;

    private Attributes() {}

    static void rows(Rows t) {
        t.vcpu("KVM_HAS_DEVICE_ATTR", iow(0xe3, 24), 127, "vcpu.rst", (v, c) -> vcpu(v, c, What.HAS));
        t.vcpu("KVM_GET_DEVICE_ATTR", iow(0xe2, 24), 127, "vcpu.rst", (v, c) -> vcpu(v, c, What.GET));
        t.vcpu("KVM_SET_DEVICE_ATTR", iow(0xe1, 24), 127, "vcpu.rst", (v, c) -> vcpu(v, c, What.SET));
        t.vm("KVM_HAS_DEVICE_ATTR", iow(0xe3, 24), 0, "vm.rst", (vm, c) -> vm(vm, c, What.HAS));
        t.vm("KVM_SET_DEVICE_ATTR", iow(0xe1, 24), 0, "vm.rst", (vm, c) -> vm(vm, c, What.SET));
    }

    private static long vcpu(Vcpu v, Call call, What what) {
        Bytes b = call.in(24);
        if (b == null) return Errno.EFAULT;
        long attribute = b.u64(8), address = b.u64(16);
        return switch (b.u32(4)) {
            case PMU -> pmu(v, call, what, attribute, address);
            case TIMER -> timer(v, call, what, attribute, address);
            case PVTIME -> pvtime(v, call, what, attribute, address);
            default -> Errno.ENXIO;
        };
    }

    private static long timer(Vcpu v, Call call, What what, long attribute, long address) {
        boolean late = v.kvm().has(Patch.ARM64_EL2_TIMER_IRQS);
        boolean known = attribute >= 0 && attribute < (late ? 4 : 2);
        if (what == What.HAS) return known ? 0 : Errno.ENXIO;
        if (what == What.GET) {
            if (!known) return Errno.ENXIO;
            return call.out(address, new Bytes(4).u32(0, timerIrq(v, (int) attribute)));
        }
        if (!v.vm().irqchipInKernel()) return Errno.EINVAL;
        Bytes b = call.in(address, 4);
        if (b == null) return Errno.EFAULT;
        int irq = b.u32(0);
        if (irq < 16 || irq >= 32) return Errno.EINVAL;
        if (v.vm().hasRunOnce()) return Errno.EBUSY;
        if (!known) return Errno.ENXIO;
        for (Vcpu all : v.vm().vcpus().get().all()) {
            if (attribute == 0) all.vtimerIrq().set(irq);
            else if (attribute == 1) all.ptimerIrq().set(irq);
        }
        return 0;
    }

    private static long timerIrq(Vcpu v, int timer) {
        return switch (timer) {
            case 0 -> v.vtimerIrq().get();
            case 1 -> v.ptimerIrq().get();
            case 2 -> 28;
            default -> 26;
        };
    }

    /** The address of this vCPU's record of stolen time: once, 64-byte aligned, in a slot. */
    private static long pvtime(Vcpu v, Call call, What what, long attribute, long address) {
        if (attribute != 0) return Errno.ENXIO;
        if (what == What.HAS) return 0;
        if (what == What.GET)
            return call.out(address, new Bytes(8).u64(0, v.stolenTime().base().get()));
        Bytes b = call.in(address, 8);
        if (b == null) return Errno.EFAULT;
        long ipa = b.u64(0);
        if ((ipa & 63) != 0) return Errno.EINVAL;
        if (v.stolenTime().enabled()) return Errno.EEXIST;
        if (v.vm().memory().slots(0).get().at(ipa) == null) return Errno.EINVAL;
        v.stolenTime().base().set(ipa);
        return 0;
    }

    private static long pmu(Vcpu v, Call call, What what, long attribute, long address) {
        boolean late = v.kvm().has(Patch.ARM64_PMU_SET_NR_COUNTERS);
        boolean known = attribute >= 0 && attribute <= (late ? PMU_SET_NR_COUNTERS : PMU_SET_PMU);
        if (what == What.HAS) return known && v.hasPmu() ? 0 : Errno.ENXIO;
        if (what == What.GET) {
            if (attribute != PMU_IRQ) return Errno.ENXIO;
            if (!v.vm().irqchipInKernel()) return Errno.EINVAL;
            if (!v.hasPmu()) return Errno.ENODEV;
            if (v.pmuIrq().get() == 0) return Errno.ENXIO;
            return call.out(address, new Bytes(4).u32(0, v.pmuIrq().get()));
        }
        if (!v.hasPmu()) return Errno.ENODEV;
        if (v.is(Vcpu.PMU_CREATED)) return Errno.EBUSY;
        if (!known) return Errno.ENXIO;
        return switch ((int) attribute) {
            case PMU_IRQ -> pmuIrq(v, call, address);
            case PMU_INIT -> pmuInit(v);
            case PMU_FILTER -> pmuFilter(v, call, address);
            case PMU_SET_PMU -> pmuChoose(v, call, address);
            default -> pmuCounters(v, call, address);
        };
    }

    private static long pmuIrq(Vcpu v, Call call, long address) {
        if (!v.vm().irqchipInKernel()) return Errno.EINVAL;
        Bytes b = call.in(address, 4);
        if (b == null) return Errno.EFAULT;
        int irq = b.u32(0);
        if (irq < 16 || irq >= 1020) return Errno.EINVAL;
        for (Vcpu other : v.vm().vcpus().get().all()) {
            long set = other.pmuIrq().get();
            if (set == 0) continue;
            // A private interrupt is the same for all vCPUs, a shared one belongs to one.
            if (irq < 32 ? set != irq : set == irq) return Errno.EINVAL;
        }
        if (v.pmuIrq().get() != 0) return Errno.EBUSY;
        v.pmuIrq().set(irq);
        return 0;
    }

    private static long pmuInit(Vcpu v) {
        Vgic gic = v.vm().vgic().get();
        if (gic != null) {
            if (!gic.initialized()) return Errno.ENODEV;
            if (v.pmuIrq().get() == 0) return Errno.ENXIO;
        }
        v.flags().setBits(Vcpu.PMU_CREATED);
        return 0;
    }

    /** struct kvm_pmu_event_filter: u16 base, u16 count, u8 action. */
    private static long pmuFilter(Vcpu v, Call call, long address) {
        if (v.vm().hasRunOnce()) return Errno.EBUSY;
        Bytes b = call.in(address, 8);
        if (b == null) return Errno.EFAULT;
        int events = v.kvm().host().pmuVersion() >= 4 ? 0x10000 : 0x400;
        if (b.u16(0) + b.u16(2) > events || b.u8(4) > PmuFilter.DENY) return Errno.EINVAL;
        Ref<PmuFilter> filter = v.vm().pmu().filter;
        filter.set(filter.get().plus(new PmuFilter.Range(b.u16(0), b.u16(2), b.u8(4) == PmuFilter.ALLOW)));
        return 0;
    }

    private static long pmuChoose(Vcpu v, Call call, long address) {
        Bytes b = call.in(address, 4);
        if (b == null) return Errno.EFAULT;
        // The number that perf gave the CPUs' PMU at boot: the first free one.
        int type = v.kvm().has(Patch.ARM64_PERF_TYPE_NINE) ? 9 : 8;
        if (b.u32(0) != v.kvm().profile().source().number("pmu_type", type)) return Errno.ENXIO;
        // A filter would stand in the way of another PMU only.
        if (v.vm().hasRunOnce()) return Errno.EBUSY;
        v.vm().pmu().chosen.set(1);
        return 0;
    }

    private static long pmuCounters(Vcpu v, Call call, long address) {
        Bytes b = call.in(address, 4);
        if (b == null) return Errno.EFAULT;
        int n = b.u32(0);
        if (v.vm().hasRunOnce()) return Errno.EBUSY;
        if (Integer.compareUnsigned(n, v.kvm().host().pmuCounters()) > 0) return Errno.EINVAL;
        v.vm().pmu().counters.set(n + 1);
        return 0;
    }

    private static long vm(Vm vm, Call call, What what) {
        // The VM's own attributes came with the filter.
        if (!vm.kvm().has(Patch.ARM64_SMCCC_FILTER)) return Errno.EINVAL;
        Bytes b = call.in(24);
        if (b == null) return Errno.EFAULT;
        if (b.u32(4) != 0 || b.u64(8) != 0) return Errno.ENXIO;
        return what == What.HAS ? 0 : setFilter(vm, call, b.u64(16));
    }

    /** struct kvm_smccc_filter: base, number of functions, action, padding. */
    private static long setFilter(Vm vm, Call call, long address) {
        Bytes b = call.in(address, 24);
        if (b == null) return Errno.EFAULT;
        for (int i = 9; i < 24; i++) if (b.u8(i) != 0) return Errno.EINVAL;
        long first = b.u32(0) & 0xffffffffL, n = b.u32(4) & 0xffffffffL, last = first + n - 1;
        if (n == 0 || last > 0xffffffffL || b.u8(8) >= SmcccFilter.ACTIONS) return Errno.EINVAL;
        vm.configLock().lock();
        try {
            if (vm.hasRunOnce()) return Errno.EBUSY;
            SmcccFilter filter = vm.smcccFilter().get().configured();
            vm.smcccFilter().set(filter);
            SmcccFilter.Range range = new SmcccFilter.Range(first, last, b.u8(8));
            if (filter.overlaps(range)) return Errno.EEXIST;
            vm.smcccFilter().set(filter.plus(range));
            return 0;
        } finally {
            vm.configLock().unlock();
        }
    }
}
