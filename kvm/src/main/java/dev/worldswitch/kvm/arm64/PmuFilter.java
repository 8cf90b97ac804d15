package dev.worldswitch.kvm.arm64;

import java.util.List;
import java.util.stream.Stream;

/**
 * Which events guests may count (KVM_ARM_VCPU_PMU_V3_FILTER): one immutable record; of ranges that overlap the last one counts.
 *
 * @param others whether events that no range names are allowed
 */
record PmuFilter(boolean others, List<Range> ranges) {
    static final PmuFilter NONE = new PmuFilter(true, List.of());
    static final int ALLOW = 0, DENY = 1;

    /** Events from {@code first} on, {@code count} of them. */
    record Range(int first, int count, boolean allowed) {}

    /** The first range decides about all events that none names: denied where it allows, allowed where it denies. */
    PmuFilter plus(Range r) {
        boolean rest = this == NONE ? !r.allowed : others;
        return new PmuFilter(rest, Stream.concat(Stream.of(r), ranges.stream()).toList());
    }

    boolean allows(int event) {
        for (Range r : ranges) if (event >= r.first && event < r.first + r.count) return r.allowed;
        return others;
    }

    /** The events from {@code base} on that are allowed, as PMCEIDn_EL0 has them: 32 common ones, 32 from 0x4000 on. */
    long advertised(int base) {
        if (this == NONE) return -1;
        long mask = 0;
        for (int i = 0; i < 32; i++) {
            if (allows(base + i)) mask |= 1L << i;
            if (allows(0x4000 + base + i)) mask |= 1L << 32 + i;
        }
        return mask;
    }
}
