package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/** The performance monitors' registers, as a PMUv3 has them; {@link PmuCounters} counts. */
final class Pmu {
    /** What a VM's vCPUs share. */
    static final class VmState {
        /** Event counters that guests see, plus 1; 0 for what the host has. */
        final Word counters;
        /** 1 once a PMU was chosen, by user space or at the first vCPU that has one. */
        final Word chosen;
        /** Which events count. */
        final Ref<PmuFilter> filter;

        VmState(Region r) {
            counters = r.word("counters");
            chosen = r.word("chosen");
            filter = r.ref("filter", PmuFilter.NONE);
        }
    }

    static final long PMCR_E = 1, PMCR_LC = 64, PMCR_LP = 128;
    private static final long PMCR_WRITABLE = 0xff, PMCR_P = 2, PMCR_C = 4;
    private static final long USERENR_EN = 1, USERENR_SW = 2, USERENR_CR = 4, USERENR_ER = 8, USERENR_MASK = 15;
    private static final int PMCR_N = 11;
    private static final long OLD_PMCR_RESET = 0xdecafbadL;

    private Pmu() {}

    private static boolean countersPerVm(Vcpu v) {
        return v.kvm().has(Patch.ARM64_PMCR_N_PER_VM);
    }

    static int counters(Vm vm) {
        long n = vm.pmu().counters.get();
        return n == 0 ? vm.kvm().host().pmuCounters() : (int) n - 1;
    }

    /** kvm_vcpu_reload_pmu: at the first run bits of counters that this VM lacks go. */
    static void reload(Vcpu v) {
        if (!v.hasPmu() || !countersPerVm(v)) return;
        for (SysReg r : new SysReg[] {SysReg.PMOVSSET_EL0, SysReg.PMINTENSET_EL1, SysReg.PMCNTENSET_EL0})
            v.sys(r, v.sys(r) & validMask(v));
    }

    static long validMask(Vcpu v) {
        return 1L << PmuCounters.CYCLE | (1L << counters(v.vm())) - 1;
    }

    static void resetCounters(Vcpu v, Row row) {
        v.sys(row.stored(), SysRegRows.UNKNOWN & validMask(v));
    }

    static void resetType(Vcpu v, Row row) {
        v.sys(row.stored(), v.hasPmu() ? SysRegRows.UNKNOWN & typeMask(v) : 0);
    }

    /** kvm_pmu_evtyper_mask: the exclusions of the levels that the VM has, 16 bits of event number from PMUv3.1 on. */
    private static long typeMask(Vcpu v) {
        long el1AndEl0 = 3L << 30, el2 = 1L << 27, el3 = 7L << 26 & ~el2 | 1L << 29;
        if (!v.kvm().has(Patch.ARM64_PMU_EVTYPER_EL3)) return el1AndEl0 | el2 | 0xffff;
        long events = eventMask(v);
        if (v.vm().idRegs().field(SysReg.ID_AA64PFR0_EL1, 8) != 0) events |= el2;
        if (v.vm().idRegs().field(SysReg.ID_AA64PFR0_EL1, 12) != 0) events |= el3;
        return el1AndEl0 | events;
    }

    /** kvm_pmu_event_mask: 16 bits of event number from PMUv3.1 on. */
    static long eventMask(Vcpu v) {
        return v.kvm().host().pmuVersion() >= 4 ? 0xffff : 0x3ff;
    }

    static void resetPmcr(Vcpu v, Row row) {
        long lc = v.kvm().host().el0Aarch32() ? 0 : PMCR_LC;
        if (v.kvm().has(Patch.ARM64_PMCR_RESET)) {
            v.sys(SysReg.PMCR_EL0, lc);
            if (!v.kvm().has(Patch.PMCR_KEPT_AT_RESET)) v.vm().pmu().counters.set(0);
            return;
        }
        long host = v.kvm().profile().register(SysReg.PMCR_EL0) & ~PMCR_WRITABLE;
        v.sys(SysReg.PMCR_EL0, (host | PMCR_WRITABLE & OLD_PMCR_RESET) & ~PMCR_E | lc);
    }

    private static long pmcr(Vcpu v) {
        long stored = v.sys(SysReg.PMCR_EL0);
        return countersPerVm(v) ? stored & ~(31L << PMCR_N) | (long) counters(v.vm()) << PMCR_N : stored;
    }

    /** kvm_pmu_overflow_status: the PMU's interrupt line. */
    static boolean asserted(Vcpu v) {
        if (!v.hasPmu() || (v.sys(SysReg.PMCR_EL0) & PMCR_E) == 0) return false;
        return (v.sys(SysReg.PMOVSSET_EL0) & v.sys(SysReg.PMINTENSET_EL1)) != 0;
    }

    static long getPmcr(Vcpu v, Row row) {
        return pmcr(v);
    }

    /** set_pmcr: N may go down before the first run; a value that is too large is ignored. */
    static long setPmcr(Vcpu v, Row row, long value) {
        if (!countersPerVm(v)) {
            v.sys(SysReg.PMCR_EL0, value);
            return 0;
        }
        Vm vm = v.vm();
        long n = value >>> PMCR_N & 31;
        vm.configLock().lock();
        if (!vm.hasRunOnce() && n <= vm.kvm().host().pmuCounters())
            vm.pmu().counters.set(n + 1);
        vm.configLock().unlock();
        v.sys(SysReg.PMCR_EL0, value & PMCR_WRITABLE | (vm.kvm().host().el0Aarch32() ? 0 : PMCR_LC));
        return 0;
    }

    static long getMask(Vcpu v, Row row) {
        return v.sys(row.stored()) & validMask(v);
    }

    /** Which of the pair SET and CLR a register is: bit 0 of op2, but of CRm for the overflow status. */
    private static boolean isSet(Row row) {
        return row.storage() == SysReg.PMOVSSET_EL0 ? (row.encoding() >>> 3 & 2) != 0 : (row.encoding() & 1) != 0;
    }

    static long setMask(Vcpu v, Row row, long value) {
        long mask = validMask(v), old = v.sys(row.stored());
        if (v.kvm().has(Patch.ARM64_PMU_RAW_USER_VALUES)) v.sys(row.stored(), value & mask);
        else v.sys(row.stored(), isSet(row) ? old | value & mask : old & ~(value & mask));
        return 0;
    }

    /** check_pmu_access_disabled: at EL0 only what PMUSERENR_EL0 allows. */
    private static boolean denied(Vcpu v, long allowedBy) {
        if ((v.sys(SysReg.PMUSERENR_EL0) & allowedBy) != 0) return false;
        if (Pstate.privileged(v.context().pstate().get())) return false;
        Inject.undefined(v);
        return true;
    }

    static long accessPmcr(Vcpu v, Row row, boolean write, long value) {
        if (denied(v, USERENR_EN)) return 0;
        if (!write) return pmcr(v) & ~(PMCR_P | PMCR_C);
        if ((value & PMCR_C) != 0) v.sys(SysReg.PMCCNTR_EL0, 0);
        if ((value & PMCR_P) != 0) for (int i = 0; i < counters(v.vm()); i++) v.sys(PmuCounters.counter(i), 0);
        if (width(v) != -1) value &= ~PMCR_LP;
        v.sys(SysReg.PMCR_EL0, pmcr(v) & ~PMCR_WRITABLE | value & PMCR_WRITABLE & ~(PMCR_C | PMCR_P));
        return 0;
    }

    static long accessSelr(Vcpu v, Row row, boolean write, long value) {
        if (denied(v, USERENR_EN | USERENR_ER)) return 0;
        if (write) v.sys(SysReg.PMSELR_EL0, value);
        return v.sys(SysReg.PMSELR_EL0) & 31;
    }

    private static boolean badIndex(Vcpu v, int index) {
        if (index < counters(v.vm()) || index == PmuCounters.CYCLE) return false;
        Inject.undefined(v);
        return true;
    }

    /** PMCEID0, PMCEID1, PMXEVTYPER and PMXEVCNTR. */
    static long accessSelected(Vcpu v, Row row, boolean write, long value) {
        SysReg r = SysReg.find(row.encoding());
        if (r == SysReg.PMCEID0_EL0 || r == SysReg.PMCEID1_EL0) {
            if (denied(v, USERENR_EN)) return 0;
            // Counters are chained by KVM, whatever the hardware can do.
            long chain = r == SysReg.PMCEID0_EL0 && v.kvm().has(Patch.ARM64_PMU_CHAIN_ADVERTISED) ? 1L << 30 : 0;
            long filter = v.vm().pmu().filter.get().advertised(r == SysReg.PMCEID0_EL0 ? 0 : 32);
            return write ? Inject.undefined(v) : (v.kvm().profile().register(r) | chain) & filter;
        }
        boolean type = r == SysReg.PMXEVTYPER_EL0;
        if (denied(v, type ? USERENR_EN : USERENR_EN | USERENR_ER)) return 0;
        int n = (int) v.sys(SysReg.PMSELR_EL0) & 31;
        if (badIndex(v, n)) return 0;
        return type
                ? access(v, PmuCounters.type(n), write, value & typeMask(v))
                : access(v, PmuCounters.counter(n), write, n == PmuCounters.CYCLE ? value : value & width(v));
    }

    private static long access(Vcpu v, SysReg r, boolean write, long value) {
        if (write) v.sys(r, value);
        return v.sys(r);
    }

    private static int index(Row row) {
        return row.storage() == SysReg.PMCCNTR_EL0
                ? PmuCounters.CYCLE
                : (row.encoding() >>> 3 & 3) << 3 | row.encoding() & 7;
    }

    /** Event counters are 64 bits wide from PMUv3p5 on, if the VM has that. */
    static long width(Vcpu v) {
        boolean wide =
                v.kvm().has(Patch.ARM64_PMU_LONG_COUNTERS) && v.vm().idRegs().field(SysReg.ID_AA64DFR0_EL1, 8) >= 6;
        return wide ? -1 : 0xffffffffL;
    }

    static long getCounter(Vcpu v, Row row) {
        return v.sys(row.stored()) & width(v);
    }

    /** The cycle counter as kvm_pmu_stop_counter left it. */
    static long getCycles(Vcpu v, Row row) {
        long all = v.sys(row.stored());
        return v.kvm().has(Patch.CYCLE_COUNTER_64BIT) ? all : all & 0xffffffffL;
    }

    static long accessCounter(Vcpu v, Row row, boolean write, long value) {
        boolean cycle = row.storage() == SysReg.PMCCNTR_EL0;
        if (denied(v, USERENR_EN | (cycle ? USERENR_CR : USERENR_ER))) return 0;
        if (write && denied(v, USERENR_EN) || badIndex(v, index(row))) return 0;
        return access(v, row.stored(), write, cycle ? value : value & width(v));
    }

    static long accessType(Vcpu v, Row row, boolean write, long value) {
        if (denied(v, USERENR_EN) || badIndex(v, index(row))) return 0;
        return access(v, row.stored(), write, value & typeMask(v));
    }

    private static long accessPair(Vcpu v, Row row, boolean write, long value) {
        long old = v.sys(row.stored());
        if (!write) return old;
        long bits = value & validMask(v);
        v.sys(row.stored(), isSet(row) ? old | bits : old & ~bits);
        return 0;
    }

    static long accessCnten(Vcpu v, Row row, boolean write, long value) {
        return denied(v, USERENR_EN) ? 0 : accessPair(v, row, write, value);
    }

    static long accessInten(Vcpu v, Row row, boolean write, long value) {
        return denied(v, 0) ? 0 : accessPair(v, row, write, value);
    }

    static long accessOvs(Vcpu v, Row row, boolean write, long value) {
        return denied(v, USERENR_EN) ? 0 : accessPair(v, row, write, value);
    }

    static long accessSwinc(Vcpu v, Row row, boolean write, long value) {
        if (!write) return Inject.undefined(v);
        if (!denied(v, USERENR_EN | USERENR_SW)) PmuCounters.softwareIncrement(v, value & validMask(v));
        return 0;
    }

    static long accessUserenr(Vcpu v, Row row, boolean write, long value) {
        if (!write) return v.sys(SysReg.PMUSERENR_EL0) & USERENR_MASK;
        if (!Pstate.privileged(v.context().pstate().get())) return Inject.undefined(v);
        v.sys(SysReg.PMUSERENR_EL0, value & USERENR_MASK);
        return 0;
    }
}
