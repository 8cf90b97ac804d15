package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.x86.CpuidTable.Entry;
import dev.worldswitch.machine.x86.Cpuid;
import dev.worldswitch.machine.x86.X86Profile;

/**
 * Which event counters a vCPU has, by its CPUID and what the host's CPUs have (intel_pmu_refresh, amd_pmu_refresh; SDM vol. 3,
 * chapter 20; APM vol. 2, 13.2).
 *
 * @param gp general counters
 * @param fixed fixed counters
 * @param gpMask bits that a general counter has
 * @param eventReserved bits of an event select that must be 0; AMD's ignore them
 * @param checkpointed the third counter may count in checkpointed transactions
 * @param controlReserved bits of the global control that must be 0
 * @param fullWidth general counters have a second address at which they are written in full
 * @param core AMD's six counters beside the four that alias them
 */
record PmuModel(
        int version,
        int gp,
        int fixed,
        long gpMask,
        long fixedMask,
        long eventReserved,
        boolean checkpointed,
        long controlReserved,
        long statusReserved,
        long fixedReserved,
        boolean fullWidth,
        boolean core) {
    static final PmuModel NONE = new PmuModel(0, 0, 0, 0, 0, 0, false, -1, -1, -1, false, false);

    /** kvm_pmu_cap: what of the host's counters KVM gives to guests; version 0 for none. */
    record Host(int version, int gp, int fixed, int gpWidth, int fixedWidth, int maskLength, int eventsMask) {
        static final Host NONE = new Host(0, 0, 0, 0, 0, 0, 0);

        private static final int MAX_VERSION = 2, MAX_GP_INTEL = 8, MAX_FIXED = 3, CORE_COUNTERS = 6;

        static Host of(X86Profile p) {
            if (p.isAmd()) {
                Cpuid features = p.cpuid(0x8000_0001, 0), perfmon = p.cpuid(PERFMON_V2, 0);
                if ((features.ecx() >> CORE_BIT & 1) == 0) return NONE;
                boolean v2 = (perfmon.eax() & 1) != 0;
                int gp = v2 ? Math.min(perfmon.ebx() & 15, CORE_COUNTERS) : CORE_COUNTERS;
                return new Host(v2 ? 2 : 1, gp, 0, AMD_WIDTH, 0, 0, 0);
            }
            Cpuid a = p.cpuid(0xa, 0);
            int version = a.eax() & 0xff, gp = a.eax() >> 8 & 0xff;
            if (version == 0 || gp == 0) return NONE;
            return new Host(
                    Math.min(version, MAX_VERSION),
                    Math.min(gp, MAX_GP_INTEL),
                    version == 1 ? 0 : Math.min(a.edx() & 31, MAX_FIXED),
                    a.eax() >> 16 & 0xff,
                    a.edx() >> 5 & 0xff,
                    a.eax() >>> 24,
                    a.ebx());
        }

        boolean exists() {
            return version != 0;
        }

        boolean hasGlobalControl() {
            return version > 1;
        }

        /** Leaf 0xa as guests may have it; AnyThread is told as gone. */
        Entry leafA() {
            int anyThreadGone = 1 << 15;
            return maskLength == 0
                    ? new Entry(0xa, 0, 0, 0, 0, 0, 0)
                    : new Entry(
                            0xa,
                            0,
                            0,
                            version | gp << 8 | gpWidth << 16 | maskLength << 24,
                            eventsMask,
                            0,
                            fixed | fixedWidth << 5 | anyThreadGone);
        }
    }

    /** CPUID 0x80000022: AMD's second version of performance monitoring. */
    static final int PERFMON_V2 = 0x8000_0022;

    /** CPUID 0x80000001.ECX: PerfCtrExtCore. */
    static final int CORE_BIT = 23;

    private static final int AMD_WIDTH = 48;
    private static final long RESERVED = 0xffff_ffff_0020_0000L, AMD_RESERVED = 0xffff_fff0_0028_0000L;
    private static final long IN_TX = 1L << 32;
    /** GLOBAL_STATUS: a full debug store, and that anything changed. */
    private static final long STATUS_BITS = 3L << 62;
    /** IA32_PERF_CAPABILITIES: writes of full width. */
    static final long FULL_WIDTH_WRITES = 1 << 13;

    static PmuModel of(Vcpu v, Host host, long perfCapabilities) {
        if (!host.exists()) return NONE;
        CpuidTable t = v.cpuid().get();
        return v.vm().kvm().profile().isAmd() ? amd(t, host) : intel(t, host, perfCapabilities);
    }

    private static PmuModel intel(CpuidTable t, Host host, long perfCapabilities) {
        Entry a = t.find(0xa, 0);
        int version = a == null ? 0 : a.eax() & 0xff;
        if (a == null || version == 0) return NONE;
        int gp = Math.min(a.eax() >> 8 & 0xff, host.gp);
        int fixed = version == 1 ? 0 : Math.min(a.edx() & 31, host.fixed);
        long control = ~((1L << gp) - 1 | (1L << fixed) - 1 << Pmu.FIXED);
        long fixedReserved = -1;
        for (int i = 0; i < fixed; i++)
            fixedReserved &= ~((Pmu.FIXED_KERNEL | Pmu.FIXED_USER | Pmu.FIXED_PMI) << 4 * i);
        // KVM looks at these bits of leaf 7 by a mask that means HLE and RTM and has more.
        Entry seven = t.find(7, 0);
        boolean transactions = seven != null && (seven.ebx() & 0x12f) != 0;
        return new PmuModel(
                version,
                gp,
                fixed,
                mask(Math.min(a.eax() >> 16 & 0xff, host.gpWidth)),
                mask(Math.min(a.edx() >> 5 & 0xff, host.fixedWidth)),
                transactions ? RESERVED & ~IN_TX : RESERVED,
                transactions,
                control,
                control & ~STATUS_BITS,
                fixedReserved,
                t.has(1, 0, 2, 15) && (perfCapabilities & FULL_WIDTH_WRITES) != 0,
                false);
    }

    private static PmuModel amd(CpuidTable t, Host host) {
        boolean core = t.has(0x8000_0001, 0, 2, CORE_BIT);
        Entry perfmon = t.find(PERFMON_V2, 0);
        boolean v2 = perfmon != null && (perfmon.eax() & 1) != 0;
        int gp = Math.min(v2 ? perfmon.ebx() & 15 : core ? Host.CORE_COUNTERS : 4, host.gp);
        long control = v2 ? -1L << gp : -1;
        long width = mask(AMD_WIDTH);
        return new PmuModel(v2 ? 2 : 1, gp, 0, width, 0, AMD_RESERVED, false, control, control, -1, false, core);
    }

    private static long mask(int width) {
        return (1L << width) - 1;
    }

    /** kvm_pmu_has_perf_global_ctrl. */
    boolean hasGlobalControl() {
        return version > 1;
    }
}
