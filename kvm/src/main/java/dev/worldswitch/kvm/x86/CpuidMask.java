package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.x86.CpuidTable.Entry;
import dev.worldswitch.machine.x86.Cpuid;
import dev.worldswitch.machine.x86.X86Profile;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** kvm_cpu_caps: which CPUID bits of the physical CPU a guest may see, and which KVM provides by itself. */
public final class CpuidMask {
    /** A register of a CPUID leaf: bits passed from the host, bits that KVM sets. Source: kvm_set_cpu_caps, SDM 2, APM 3. */
    private record Mask(int leaf, int subleaf, int register, int keep, int set) {}

    private static final int EAX = 0, EBX = 1, ECX = 2, EDX = 3;
    private static final int AMX = 1 << 22 | 1 << 24 | 1 << 25;

    private static final List<Mask> MASKS = List.of(
            new Mask(1, 0, ECX, bits(0, 1, 9, 12, 13, 17, 19, 20, 21, 22, 23, 25, 26, 28, 29, 30), bits(21)),
            new Mask(1, 0, EDX, 0x0f8bfbff, 0),
            new Mask(
                    7,
                    0,
                    EBX,
                    bits(
                            0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16, 17, 18, 19, 20, 21, 23, 24, 26, 27, 28, 29, 30,
                            31),
                    bits(1)),
            new Mask(7, 0, ECX, bits(1, 2, 3, 6, 8, 9, 10, 11, 12, 14, 16, 22, 24, 25, 27, 28), bits(2)),
            new Mask(7, 0, EDX, bits(2, 3, 4, 8, 10, 14, 16, 23, 26, 27, 28, 31) | AMX, bits(29)),
            new Mask(7, 1, EAX, bits(4, 5, 7, 10, 11, 12, 21, 23), 0),
            new Mask(7, 1, EDX, bits(4, 5, 8, 14, 19), 0),
            new Mask(7, 2, EDX, bits(0, 1, 2, 3, 4, 5), 0),
            new Mask(0xd, 1, EAX, 0x1f, 0),
            new Mask(0x8000_0001, 0, ECX, bits(0, 1, 4, 5, 6, 7, 8, 9, 11, 16, 21, 22), 0),
            new Mask(0x8000_0001, 0, EDX, 0xefd3fbff, 0),
            new Mask(0x8000_0007, 0, EDX, bits(8), 0),
            new Mask(0x8000_0008, 0, EBX, bits(0, 2, 9, 12, 14, 15, 17, 24, 26, 28), 0));

    /** XCR0 bits that KVM can switch (KVM_SUPPORTED_XCR0). */
    private static final long KVM_XCR0 = 0x602ff;

    private final Kernel kernel;
    private final X86Profile profile;
    private final long supportedXcr0;
    private final boolean nested;
    private final PmuModel.Host pmu;

    CpuidMask(Kernel kernel, X86Profile profile) {
        this.kernel = kernel;
        this.profile = profile;
        this.nested = profile.source().number("kvm_nested", 0) != 0;
        this.pmu = PmuModel.Host.of(profile);
        // A vendor flavour may offer less (conformance-pvm).
        long xcr0 = profile.xsave().supported() & KVM_XCR0 & profile.source().number("kvm_xcr0", -1);
        // MPX state moves through VMCS fields that SVM lacks.
        if (profile.isAmd() || (profile.cpuid(7, 0).ebx() >> 14 & 1) == 0) xcr0 &= ~0x18L;
        this.supportedXcr0 = (profile.cpuid(1, 0).ecx() >> 26 & 1) == 0 ? 0 : xcr0;
    }

    /** The event counters that guests may have. */
    PmuModel.Host pmu() {
        return pmu;
    }

    /** vmx_get_perf_capabilities: full-width writes; of what samples by itself (LBR, PEBS) nothing is offered. */
    long perfCapabilities() {
        return pmu.exists() && !profile.isAmd() ? PmuModel.FULL_WIDTH_WRITES : 0;
    }

    private static int bits(int... numbers) {
        int m = 0;
        for (int n : numbers) m |= 1 << n;
        return m;
    }

    /** kvm_caps.supported_xcr0. */
    public long supportedXcr0() {
        return supportedXcr0;
    }

    /** kvm_get_filtered_xcr0: without the components that the process has no permission for. */
    public long permittedXcr0(long guestPerm) {
        long dynamic = profile.xsave().xfdMask();
        long xcr0 = supportedXcr0 & ~(dynamic & ~guestPerm);
        // TILECFG without TILEDATA can't be enabled.
        if ((xcr0 >> XsaveLayout.TILEDATA & 1) == 0) xcr0 &= ~XsaveLayout.XFEATURE_TILE;
        return xcr0;
    }

    /** Nested virtualisation is offered. */
    boolean nested() {
        return nested;
    }

    /** Of CPUID 0x8000000A.EDX: VMCB clean bits and flush by ASID, both of KVM's own making. */
    private int svmFeatures() {
        return kernel.has(Patch.X86_SVM_FLUSH_BY_ASID) ? 0x60 : 0x20;
    }

    /** CPUID 1.ECX bits that KVM brings by itself and tells since it advertises them: TSC deadline timer, hypervisor. */
    private int emulated1Ecx() {
        int v = kernel.has(Patch.ADVERTISE_TSC_DEADLINE_TIMER) ? 1 << 24 : 0;
        return kernel.has(Patch.ADVERTISE_HYPERVISOR) ? v | 1 << 31 : v;
    }

    /** One register after masking. */
    int register(int leaf, int subleaf, int register) {
        Cpuid host = profile.cpuid(leaf, subleaf);
        int v = switch (register) {
            case EAX -> host.eax();
            case EBX -> host.ebx();
            case ECX -> host.ecx();
            default -> host.edx();
        };
        for (Mask m : MASKS)
            if (m.leaf == leaf && m.subleaf == subleaf && m.register == register) v = v & m.keep | m.set;
        if (leaf == 1 && register == ECX) v |= emulated1Ecx();
        if (leaf == 1 && register == ECX && perfCapabilities() != 0) v |= host.ecx() & 1 << 15;
        if (leaf == 0x8000_0001 && register == ECX && pmu.exists()) v |= host.ecx() & 1 << PmuModel.CORE_BIT;
        if (leaf == 7 && subleaf == 1 && !kernel.has(Patch.X86_CPUID_7_1_PLATFORM))
            v &= register == EAX ? bits(4, 5) : 0;
        if (leaf == 7 && subleaf == 0 && register == EBX && (supportedXcr0 & 0x18) == 0) v &= ~(1 << 14);
        if (leaf == 7 && subleaf == 0 && register == EDX && (supportedXcr0 & XsaveLayout.XFEATURE_TILE) == 0) v &= ~AMX;
        if (leaf == 0x8000_0001 && register == ECX && profile.isAmd() && nested) v |= host.ecx() & 4;
        return v;
    }

    boolean has(int leaf, int subleaf, int register, int bit) {
        return (register(leaf, subleaf, register) >> bit & 1) != 0;
    }

    boolean hasXsave() {
        return has(1, 0, ECX, 26);
    }

    boolean hasXsaves() {
        return has(0xd, 1, EAX, 3);
    }

    boolean hasXfd() {
        return has(0xd, 1, EAX, 4);
    }

    /** CR4 bits that no guest of this host may set. */
    long cr4Reserved() {
        long legal = 0x7ffL | 0x800; // VME..OSXMMEXCPT, and UMIP which KVM emulates where it lacks
        if (has(7, 0, ECX, 16)) legal |= 1 << 12;
        if (has(7, 0, EBX, 0)) legal |= 1 << 16;
        if (has(1, 0, ECX, 17)) legal |= 1 << 17;
        if (hasXsave()) legal |= 1 << 18;
        if (has(7, 0, EBX, 7)) legal |= 1 << 20;
        if (has(7, 0, EBX, 20)) legal |= 1 << 21;
        if (has(7, 0, ECX, 3)) legal |= 1 << 22;
        return ~legal;
    }

    /** KVM_GET_SUPPORTED_CPUID for a process with this XCOMP guest permission. */
    CpuidTable supported(long guestPerm) {
        List<Entry> out = new ArrayList<>();
        int max = Math.min(profile.cpuid(0, 0).eax(), kernel.has(Patch.X86_AVX10_LEAF) ? 0x24 : 0x1f);
        for (int leaf = 0; leaf <= max; leaf++) basic(out, leaf, max, guestPerm);
        int extended = profile.cpuid(0x8000_0000, 0).eax();
        int most = profile.isAmd() && pmu.hasGlobalControl() ? PmuModel.PERFMON_V2 : 0x8000_0021;
        extended = Integer.compareUnsigned(extended, most) > 0 ? most : extended;
        if (extended < 0) for (int leaf = 0x8000_0000; leaf <= extended; leaf++) extended(out, leaf, extended);
        out.add(new Entry(0x4000_0000, 0, 0, 0x4000_0001, 0x4b4d564b, 0x564b4d56, 0x4d));
        out.add(new Entry(0x4000_0001, 0, 0, 0x0100_7efb, 0, 0, 0));
        return new CpuidTable(List.copyOf(out));
    }

    private Entry host(int leaf, int subleaf, int flags) {
        Cpuid c = profile.cpuid(leaf, subleaf);
        return new Entry(leaf, subleaf, flags, c.eax(), c.ebx(), c.ecx(), c.edx());
    }

    private void basic(List<Entry> out, int leaf, int max, long guestPerm) {
        switch (leaf) {
            case 0 -> {
                Entry e = host(0, 0, 0);
                out.add(e.with(max, e.ebx(), e.ecx(), e.edx()));
            }
            case 1 -> {
                Entry e = host(1, 0, 0);
                out.add(e.with(e.eax(), e.ebx(), register(1, 0, ECX), register(1, 0, EDX)));
            }
            case 2, 9 -> out.add(leaf == 2 ? host(2, 0, 0) : new Entry(9, 0, 0, 0, 0, 0, 0));
            case 4 -> {
                for (int i = 0; i < 64; i++) {
                    Entry e = host(4, i, Entry.SIGNIFICANT_INDEX);
                    out.add(e);
                    if ((e.eax() & 0x1f) == 0) break;
                }
            }
            case 6 -> out.add(new Entry(6, 0, 0, 4, 0, 0, 0));
            case 7 -> {
                int last = Math.min(profile.cpuid(7, 0).eax(), 2);
                out.add(new Entry(7, 0, 1, last, register(7, 0, EBX), register(7, 0, ECX), register(7, 0, EDX)));
                if (last >= 1) out.add(new Entry(7, 1, 1, register(7, 1, EAX), 0, 0, register(7, 1, EDX)));
                if (last == 2) out.add(new Entry(7, 2, 1, 0, 0, 0, register(7, 2, EDX)));
            }
            case 0xa -> out.add(pmu.leafA());
            case 0xb, 0x1f ->
                out.add(new Entry(leaf, 0, 1, 0, 0, 0, profile.cpuid(leaf, 0).edx()));
            case 0xd -> xsaveLeaf(out, guestPerm);
            case 0x12, 0x14 -> out.add(new Entry(leaf, 0, 1, 0, 0, 0, 0));
            case 0x1d, 0x1e -> {
                if (!has(7, 0, EDX, 24)) {
                    out.add(new Entry(leaf, 0, 1, 0, 0, 0, 0));
                } else {
                    Entry e = host(leaf, 0, 1);
                    out.add(e);
                    if (leaf == 0x1d) for (int i = 1; i <= e.eax(); i++) out.add(host(leaf, i, 1));
                }
            }
            case 0x24 -> {
                // AVX10: its version, of which KVM knows the first, and the vector lengths.
                int b = has(7, 1, EDX, 19) ? profile.cpuid(leaf, 0).ebx() : 0;
                out.add(new Entry(leaf, 0, 1, 0, Math.min(b & 0xff, 1) | b & 0x70000, 0, 0));
            }
            default -> out.add(new Entry(leaf, 0, INDEXED.contains(leaf) ? 1 : 0, 0, 0, 0, 0));
        }
    }

    /** Leaves with subleaves that KVM gives as zeros (cpuid_function_is_indexed). */
    private static final Set<Integer> INDEXED = Set.of(0xf, 0x10, 0x17, 0x18);

    private void xsaveLeaf(List<Entry> out, long guestPerm) {
        long xcr0 = permittedXcr0(guestPerm);
        XsaveLayout layout = profile.xsave();
        int size = layout.standardSize(xcr0);
        out.add(new Entry(0xd, 0, 1, (int) xcr0, size, size, (int) (xcr0 >>> 32)));
        if (xcr0 == 0) return;
        int d1 = register(0xd, 1, EAX);
        out.add(new Entry(0xd, 1, 1, d1, (d1 & 0xa) != 0 ? layout.compactedSize(xcr0) : 0, 0, 0));
        for (int i = 2; i < 63; i++) {
            if ((xcr0 >> i & 1) == 0) continue;
            Entry e = host(0xd, i, 1);
            out.add(e.with(e.eax(), e.ebx(), hasXfd() ? e.ecx() : e.ecx() & ~4, 0));
        }
    }

    private void extended(List<Entry> out, int leaf, int max) {
        Entry e = host(leaf, 0, 0);
        switch (leaf) {
            case 0x8000_0000 -> out.add(e.with(max, e.ebx(), e.ecx(), e.edx()));
            case 0x8000_0001 -> out.add(e.with(e.eax(), 0, register(leaf, 0, ECX), register(leaf, 0, EDX)));
            case 0x8000_0005 -> out.add(kernel.has(Patch.X86_CPUID_L1_CACHE) ? e : e.with(0, 0, 0, 0));
            case 0x8000_0002, 0x8000_0003, 0x8000_0004, 0x8000_0006, 0x8000_0019, 0x8000_001a -> out.add(e);
            case 0x8000_0007 -> out.add(e.with(0, 0, 0, register(leaf, 0, EDX)));
            case 0x8000_0008 -> {
                int phys = e.eax() & 0xff, virt = Math.max(e.eax() >> 8 & 0xff, 48);
                int guest = kernel.has(Patch.CPUID_GUEST_PHYS_BITS) ? phys << 16 : 0;
                out.add(e.with(guest | virt << 8 | phys, register(leaf, 0, EBX), 0, 0));
            }
            case PmuModel.PERFMON_V2 -> out.add(e.with(1, pmu.gp(), 0, 0));
            case 0x8000_000a -> out.add(nested ? e.with(1, 8, 0, e.edx() | svmFeatures()) : e.with(0, 0, 0, 0));
            default -> out.add(e.with(0, 0, 0, 0));
        }
    }

    /** KVM_GET_EMULATED_CPUID: MOVBE and RDPID, which KVM's emulator has (RDPID since 6.2 in leaf 7). */
    CpuidTable emulated() {
        return new CpuidTable(List.of(
                new Entry(0, 0, 0, 7, 0, 0, 0),
                new Entry(1, 0, 0, 0, 0, 1 << 22, 0),
                new Entry(7, 0, 1, 0, 0, 1 << 22, 0)));
    }
}
