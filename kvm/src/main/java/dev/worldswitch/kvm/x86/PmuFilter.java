package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import java.util.ArrayList;
import java.util.List;

/** KVM_SET_PMU_EVENT_FILTER, as given: which events a guest's counters count. */
record PmuFilter(boolean allow, boolean masked, int fixedCounters, List<Long> events) {
    static final PmuFilter NONE = new PmuFilter(false, false, 0, List.of());
    private static final int HEADER = 32, MAX_EVENTS = 300, DENY = 1, MASKED_EVENTS = 1;
    /** Event select, unit mask and its mask, exclude: KVM_PMU_ENCODE_MASKED_ENTRY of linux/kvm.h; AMD has a wider select. */
    private static final long INTEL_ENTRY = 0xff00_0000_0000_00ffL | 1L << 55 | 0xff00L, AMD_SELECT = 0xf_0000_0000L;

    private static final long UNIT_MASK = 0xff00, EXCLUDE = 1L << 55;

    /** is_gp_event_allowed: an entry's mask counts where there are masks; without, the unit mask must be equal. */
    boolean allows(long select, boolean amd) {
        long wanted = select & (amd ? AMD_SELECT | 0xff : 0xff), unit = select & UNIT_MASK;
        boolean included = false, excluded = false;
        for (long e : events) {
            if (masked) {
                if ((e & (AMD_SELECT | 0xff)) != wanted) continue;
                if ((unit & (e >>> 48 & UNIT_MASK)) != (e & UNIT_MASK)) continue;
                if ((e & EXCLUDE) != 0) excluded = true;
                else included = true;
            } else if (e == (wanted | unit)) included = true;
        }
        return (included && !excluded) == allow;
    }

    /** is_fixed_event_allowed. */
    boolean allowsFixed(int n) {
        return (fixedCounters >> n & 1) != 0 == allow;
    }

    static void rows(Rows t) {
        t.vm("KVM_SET_PMU_EVENT_FILTER", iow(0xb2, HEADER), 173, "api.rst 4.120", PmuFilter::set);
    }

    private static long set(Vm vm, Call call) {
        Bytes b = call.in(HEADER);
        if (b == null) return Errno.EFAULT;
        int known = vm.kvm().kernel().has(Patch.X86_PMU_MASKED_EVENTS) ? MASKED_EVENTS : 0;
        if (b.u32(0) != 0 && b.u32(0) != DENY || (b.u32(12) & ~known) != 0) return Errno.EINVAL;
        if (Integer.compareUnsigned(b.u32(4), MAX_EVENTS) > 0) return Errno.E2BIG;
        Bytes events = call.in(call.argument() + HEADER, b.u32(4) * 8);
        if (events == null) return Errno.EFAULT;
        boolean masked = b.u32(12) != 0;
        long legal = INTEL_ENTRY | (vm.kvm().profile().isAmd() ? AMD_SELECT : 0);
        List<Long> all = new ArrayList<>();
        for (int at = 0; at < events.size(); at += 8) {
            if (masked && (events.u64(at) & ~legal) != 0) return Errno.EINVAL;
            all.add(events.u64(at));
        }
        vm.pmuFilter().set(new PmuFilter(b.u32(0) == 0, masked, b.u32(8), List.copyOf(all)));
        return 0;
    }
}
