package dev.worldswitch.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * Guest-physical memory with KVM_MEMORY_ATTRIBUTE_PRIVATE: ranges in ascending order that do not touch, swapped whole. What
 * the guest accesses there is in the guest_memfd of its slot.
 */
public record PrivateRanges(List<Range> ranges) {
    public static final PrivateRanges NONE = new PrivateRanges(List.of());
    /** KVM_MEMORY_ATTRIBUTE_PRIVATE, KVM_MEMORY_EXIT_FLAG_PRIVATE. */
    public static final int PRIVATE = 8;

    private static final int SIZE = 32, ADDRESS = 0, LENGTH = 8, ATTRIBUTES = 16, FLAGS = 24;

    /** From {@code from} on, before {@code to}. */
    public record Range(long from, long to) {}

    public boolean has(long gpa) {
        int low = 0, high = ranges.size() - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            Range r = ranges.get(middle);
            if (gpa < r.from) high = middle - 1;
            else if (gpa >= r.to) low = middle + 1;
            else return true;
        }
        return false;
    }

    PrivateRanges with(long from, long to, boolean isPrivate) {
        List<Range> next = new ArrayList<>();
        long start = from, end = to;
        for (Range r : ranges) {
            if (r.to < from || r.from > to) {
                next.add(r);
            } else if (isPrivate) {
                start = Math.min(start, r.from);
                end = Math.max(end, r.to);
            } else {
                if (r.from < from) next.add(new Range(r.from, from));
                if (r.to > to) next.add(new Range(to, r.to));
            }
        }
        if (isPrivate) {
            int at = 0;
            while (at < next.size() && next.get(at).from < start) at++;
            next.add(at, new Range(start, end));
        }
        return new PrivateRanges(List.copyOf(next));
    }

    /** kvm_vm_ioctl_set_mem_attributes. */
    public static long setAttributes(MemoryVm vm, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        long from = b.u64(ADDRESS), size = b.u64(LENGTH), attributes = b.u64(ATTRIBUTES);
        if (b.u64(FLAGS) != 0 || (attributes & ~(vm.hasPrivateMemory() ? PRIVATE : 0)) != 0) return Errno.EINVAL;
        if (size == 0 || Long.compareUnsigned(from + size, from) < 0) return Errno.EINVAL;
        if (((from | size) & Mm.PAGE_SIZE - 1) != 0) return Errno.EINVAL;
        // Beyond 2^63 there is no guest memory that it could be said of.
        if (from < 0 || from + size < 0) return 0;
        PrivateRanges before = vm.memory().privateRanges().get();
        PrivateRanges next = before.with(from, from + size, attributes != 0);
        if (next.equals(before)) return 0;
        vm.memory().privateRanges().set(next);
        vm.memoryChanged();
        return 0;
    }
}
