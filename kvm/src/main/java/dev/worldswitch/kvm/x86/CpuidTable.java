package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The CPUID entries that KVM_SET_CPUID2 gave a vCPU, in the client's order. */
public record CpuidTable(List<Entry> entries, long cr4Reserved) {
    public static final CpuidTable EMPTY = new CpuidTable(List.of());

    /** What a vCPU has before it gets any. */
    static CpuidTable ofNewVcpu(Kernel kernel) {
        return kernel.has(Patch.X86_CPUID_AT_CREATION)
                ? new CpuidTable(List.of(), CpuidIoctls.cr4Reserved(EMPTY))
                : EMPTY;
    }

    public CpuidTable(List<Entry> entries) {
        this(entries, 0);
    }

    /** A bit of a register (0 eax to 3 edx) of a leaf, false without the leaf. */
    public boolean has(int leaf, int subleaf, int register, int bit) {
        Entry e = find(leaf, subleaf);
        if (e == null) return false;
        int v = register == 0 ? e.eax : register == 1 ? e.ebx : register == 2 ? e.ecx : e.edx;
        return (v >> bit & 1) != 0;
    }

    /** struct kvm_cpuid_entry2. */
    public record Entry(
            int function, int index, int flags, int eax, int ebx, int ecx, int edx, int pad0, int pad1, int pad2) {
        public Entry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {
            this(function, index, flags, eax, ebx, ecx, edx, 0, 0, 0);
        }

        /** Padding is kept as the client gave it. */
        int padding(int i) {
            return i == 0 ? pad0 : i == 1 ? pad1 : pad2;
        }

        /** KVM_CPUID_FLAG_SIGNIFCANT_INDEX. */
        public static final int SIGNIFICANT_INDEX = 1;

        public Entry with(int a, int b, int c, int d) {
            return new Entry(function, index, flags, a, b, c, d, pad0, pad1, pad2);
        }
    }

    /** cpuid_entry2_find: the first entry that matches; the index counts where the entry says so. */
    public @Nullable Entry find(int function, int index) {
        for (Entry e : entries)
            if (e.function == function && ((e.flags & Entry.SIGNIFICANT_INDEX) == 0 || e.index == index)) return e;
        return null;
    }
}
