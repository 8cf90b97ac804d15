package dev.worldswitch.kvm.x86;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The CPUID entries that KVM_SET_CPUID2 gave a vCPU, in the client's order. */
public record CpuidTable(List<Entry> entries) {
    public static final CpuidTable EMPTY = new CpuidTable(List.of());

    /** struct kvm_cpuid_entry2. */
    public record Entry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {
        /** KVM_CPUID_FLAG_SIGNIFCANT_INDEX. */
        public static final int SIGNIFICANT_INDEX = 1;

        public Entry with(int a, int b, int c, int d) {
            return new Entry(function, index, flags, a, b, c, d);
        }
    }

    /** cpuid_entry2_find: the first entry that matches; the index counts where the entry says so. */
    public @Nullable Entry find(int function, int index) {
        for (Entry e : entries)
            if (e.function == function && ((e.flags & Entry.SIGNIFICANT_INDEX) == 0 || e.index == index)) return e;
        return null;
    }
}
