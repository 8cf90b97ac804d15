package dev.worldswitch.kvm.arm64;

import java.util.List;
import java.util.stream.Stream;

/** What KVM_ARM_VM_SMCCC_FILTER says about function ids: one immutable record, ranges that do not overlap. */
record SmcccFilter(List<Range> ranges) {
    static final int HANDLE = 0, DENY = 1, FORWARD = 2, ACTIONS = 3;
    static final SmcccFilter NONE = new SmcccFilter(List.of());
    /** The architecture's own calls stay KVM's: a VMM must not misstate the mitigations. */
    private static final List<Range> RESERVED =
            List.of(new Range(0x8000_0000L, 0x8000_ffffL, HANDLE), new Range(0xc000_0000L, 0xc000_ffffL, HANDLE));

    /** Function ids from first to last, both included. */
    record Range(long first, long last, int action) {
        boolean overlaps(Range o) {
            return first <= o.last && o.first <= last;
        }
    }

    SmcccFilter configured() {
        return ranges.isEmpty() ? new SmcccFilter(RESERVED) : this;
    }

    boolean overlaps(Range r) {
        return ranges.stream().anyMatch(r::overlaps);
    }

    SmcccFilter plus(Range r) {
        return new SmcccFilter(Stream.concat(ranges.stream(), Stream.of(r)).toList());
    }

    int action(int function) {
        long f = function & 0xffffffffL;
        for (Range r : ranges) if (f >= r.first && f <= r.last) return r.action;
        return HANDLE;
    }
}
