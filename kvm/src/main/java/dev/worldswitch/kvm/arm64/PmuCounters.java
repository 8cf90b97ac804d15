package dev.worldswitch.kvm.arm64;

import dev.worldswitch.machine.RetiredCounter;
import dev.worldswitch.machine.arm64.SysReg;

/**
 * Event counters of a vCPU that count (pmu-emul.c): what perf's events count for the real KVM is here the machine's own
 * count of retired instructions, from each entry of the guest to its exit. A cycle is an instruction; other events of
 * hardware count nothing.
 */
final class PmuCounters {
    static final int CYCLE = 31;
    private static final int SW_INCR = 0, INST_RETIRED = 8, CPU_CYCLES = 0x11, INST_SPEC = 0x1b, CHAIN = 0x1e;
    /** PMEVTYPERn_EL0: which levels do not count; those of the Non-secure state turn the others round. */
    private static final long NOT_EL1 = 1L << 31, NOT_EL0 = 1L << 30, NS_EL1 = 1L << 29, NS_EL0 = 1L << 28;

    private PmuCounters() {}

    static SysReg counter(int n) {
        return n == CYCLE ? SysReg.PMCCNTR_EL0 : SysReg.nth("PMEVCNTR", n, "_EL0");
    }

    static SysReg type(int n) {
        return n == CYCLE ? SysReg.PMCCFILTR_EL0 : SysReg.nth("PMEVTYPER", n, "_EL0");
    }

    /** Before an entry: the machine counts if a counter does, up to the first overflow. */
    static void start(Vcpu v, RetiredCounter retired) {
        long counting = counting(v), el0 = Long.MAX_VALUE, el1 = el0, both = el0;
        if (counting == 0) return;
        for (int i = 0; i <= CYCLE; i++) {
            if ((counting >>> i & 1) == 0) continue;
            long left = left(v, i);
            boolean user = countsUser(v, i), kernel = countsKernel(v, i);
            if (user && kernel) both = Math.min(both, left);
            else if (user) el0 = Math.min(el0, left);
            else if (kernel) el1 = Math.min(el1, left);
        }
        retired.start(el0, el1, both);
    }

    /** After the exit. */
    static void stop(Vcpu v, RetiredCounter retired) {
        long counting = counting(v);
        if (counting == 0) return;
        long el0 = retired.at(RetiredCounter.USER), el1 = retired.at(RetiredCounter.KERNEL);
        retired.stop();
        for (int i = 0; i <= CYCLE; i++)
            if ((counting >>> i & 1) != 0) add(v, i, (countsUser(v, i) ? el0 : 0) + (countsKernel(v, i) ? el1 : 0));
    }

    /** Counters that are on, count something that the machine counts, and may. */
    private static long counting(Vcpu v) {
        if (!v.hasPmu() || (v.sys(SysReg.PMCR_EL0) & Pmu.PMCR_E) == 0) return 0;
        long on = v.sys(SysReg.PMCNTENSET_EL0) & Pmu.validMask(v);
        for (long left = on; left != 0; left &= left - 1) {
            int i = Long.numberOfTrailingZeros(left);
            int event = event(v, i);
            boolean counts = event == INST_RETIRED || event == CPU_CYCLES || event == INST_SPEC;
            if (!counts || !v.vm().pmu().filter.get().allows(event)) on &= ~(1L << i);
        }
        return on;
    }

    private static int event(Vcpu v, int i) {
        return i == CYCLE ? CPU_CYCLES : (int) (v.sys(type(i)) & Pmu.eventMask(v));
    }

    private static boolean countsUser(Vcpu v, int i) {
        long t = v.sys(type(i));
        return (t & NOT_EL0) != 0 == ((t & NS_EL0) != 0);
    }

    private static boolean countsKernel(Vcpu v, int i) {
        long t = v.sys(type(i));
        return (t & NOT_EL1) != 0 == ((t & NS_EL1) != 0);
    }

    /** kvm_pmc_has_64bit_overflow. */
    private static boolean overflowsAt64(Vcpu v, int i) {
        return (v.sys(SysReg.PMCR_EL0) & (i == CYCLE ? Pmu.PMCR_LC : Pmu.PMCR_LP)) != 0;
    }

    /** compute_period: how many more until it overflows. */
    private static long left(Vcpu v, int i) {
        long value = v.sys(counter(i));
        if (!overflowsAt64(v, i)) return (1L << 32) - (value & 0xffffffffL);
        return value >= 0 ? Long.MAX_VALUE : -value;
    }

    private static void add(Vcpu v, int i, long n) {
        long old = v.sys(counter(i)), sum = old + n;
        boolean overflows =
                overflowsAt64(v, i) ? Long.compareUnsigned(sum, old) < 0 : (old & 0xffffffffL) + n > 0xffffffffL;
        v.sys(counter(i), i == CYCLE ? sum : sum & Pmu.width(v));
        if (overflows) overflow(v, i);
    }

    /** Marks an overflow; one of an even counter of 32 bits is an event of the counter after it. */
    private static void overflow(Vcpu v, int i) {
        v.sys(SysReg.PMOVSSET_EL0, v.sys(SysReg.PMOVSSET_EL0) | 1L << i);
        if ((i & 1) == 0 && i + 1 < CYCLE && !overflowsAt64(v, i)) increment(v, 1L << i + 1, CHAIN);
    }

    /** PMSWINC_EL0. */
    static void softwareIncrement(Vcpu v, long mask) {
        increment(v, mask, SW_INCR);
    }

    /** kvm_pmu_counter_increment: by one, each counter of the mask that is on and counts this event. */
    private static void increment(Vcpu v, long mask, int event) {
        if ((v.sys(SysReg.PMCR_EL0) & Pmu.PMCR_E) == 0) return;
        long on = mask & v.sys(SysReg.PMCNTENSET_EL0) & Pmu.validMask(v);
        for (int i = 0; i < CYCLE; i++) if ((on >>> i & 1) != 0 && event(v, i) == event) add(v, i, 1);
    }
}
