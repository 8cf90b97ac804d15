package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import java.util.ArrayList;
import java.util.List;

/** KVM_X86_SET_MSR_FILTER: which MSR accesses of the guest are allowed. */
public record MsrFilter(boolean defaultAllow, List<Range> ranges) {
    public static final int READ = 1, WRITE = 2;
    public static final MsrFilter ALLOW_ALL = new MsrFilter(true, List.of());
    static final int SIZE = 392;
    private static final int MAX_BITS = 0x600 * 8, DEFAULT_DENY = 1;

    /** A bit per MSR from {@code base}: 1 allows; words as a list so that records compare by content. */
    public record Range(int flags, int base, int count, List<Long> bitmap) {
        boolean has(int index) {
            return Integer.compareUnsigned(index - base, count) < 0;
        }

        boolean allows(int index) {
            int i = index - base;
            return (bitmap.get(i >>> 6) >> i & 1) != 0;
        }
    }

    /** kvm_msr_allowed; x2APIC MSRs are never filtered. */
    public boolean allows(int index, int kind) {
        if (index >= 0x800 && index <= 0x8ff) return true;
        for (Range r : ranges) if ((r.flags & kind) != 0 && r.has(index)) return r.allows(index);
        return defaultAllow;
    }

    /** kvm_vm_ioctl_set_msr_filter. */
    static long set(Vm vm, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        if ((b.u32(0) & ~DEFAULT_DENY) != 0) return Errno.EINVAL;
        boolean empty = true;
        for (int i = 0; i < 16; i++) empty &= b.u32(12 + i * 24) == 0;
        boolean allow = (b.u32(0) & DEFAULT_DENY) == 0;
        if (empty && !allow) return Errno.EINVAL;
        List<Range> ranges = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            int at = 8 + i * 24, count = b.u32(at + 4);
            if (count == 0) continue;
            if ((b.u32(at) & ~3) != 0 || b.u32(at) == 0) return Errno.EINVAL;
            if (count < 0 || count > MAX_BITS) return Errno.EINVAL;
            Bytes map = call.in(b.u64(at + 16), (count + 63) / 64 * 8);
            if (map == null) return Errno.EFAULT;
            List<Long> words = new ArrayList<>();
            for (int w = 0; w < map.size(); w += 8) words.add(map.u64(w));
            ranges.add(new Range(b.u32(at), b.u32(at + 8), count, List.copyOf(words)));
        }
        vm.msrFilter().set(new MsrFilter(allow, List.copyOf(ranges)));
        return 0;
    }
}
