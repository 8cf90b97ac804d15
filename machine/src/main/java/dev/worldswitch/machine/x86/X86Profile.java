package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.MachineProfile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An x86 machine: the CPUID answers of its physical CPUs (keys {@code cpuid LEAF} or {@code cpuid LEAF.SUBLEAF}, values
 * eax ebx ecx edx), MSRs with a fixed value ({@code msr INDEX}), {@code vendor = intel|amd}, {@code tsc_khz},
 * {@code xcr0} as its kernel sets it.
 */
public final class X86Profile {
    /** CPUID 0xD.1 eax. */
    private static final int XSAVEC = 2, XFD = 16;

    private final MachineProfile source;
    private final List<Cpuid> leaves = new ArrayList<>();
    private final Map<Integer, Long> msrs = new LinkedHashMap<>();
    private final XsaveLayout xsave;
    private final int leaf1Ecx, leaf7Ebx;
    private final Set<Feature> features;
    private final boolean amd;

    private X86Profile(MachineProfile source) {
        this.source = source;
        this.amd = source.text("vendor").equals("amd");
        source.table("cpuid").forEach((key, v) -> {
            if (v.length != 4)
                throw new IllegalArgumentException("machine " + name() + ": cpuid " + key + " needs 4 values");
            String[] part = key.split("\\.", 2);
            int sub = 0;
            if (part.length > 1) {
                if (!part[1].matches("\\d{1,4}")) throw bad("cpuid " + key + " has no number behind the dot");
                sub = Integer.parseInt(part[1]);
            }
            int leaf = number("cpuid", part[0]);
            leaves.add(new Cpuid(leaf, sub, part.length > 1, (int) v[0], (int) v[1], (int) v[2], (int) v[3]));
        });
        source.table("msr").forEach((key, v) -> msrs.put(number("msr", key), v[0]));
        this.leaf1Ecx = cpuid(1, 0).ecx();
        this.leaf7Ebx = cpuid(7, 0).ebx();
        this.features = Feature.of(this);
        this.xsave = XsaveLayout.of(leaves, xcr0());
        check();
    }

    /** The number of a table's row. */
    private int number(String table, String key) {
        if (!key.matches("0x[0-9a-fA-F]{1,8}"))
            throw bad(table + " " + key + " is no row: numbers are written as 0x1f");
        return Integer.parseUnsignedInt(key.substring(2), 16);
    }

    /** A profile whose leaf 0xD contradicts itself would corrupt every FPU image: refused by name. */
    private void check() {
        Cpuid all = cpuid(0xd, 0), more = cpuid(0xd, 1);
        if (all.eax() == 0) {
            if (xcr0() != XsaveLayout.XFEATURE_FPSSE) throw bad("xcr0 must be 3 without cpuid 0xd");
            return;
        }
        if ((xcr0() & ~(all.eax() & 0xffffffffL | (long) all.edx() << 32)) != 0) throw bad("xcr0 exceeds cpuid 0xd.0");
        if (xsave.supported() != xcr0()) throw bad("a component of xcr0 has no row cpuid 0xd.N");
        if (xsave.standardSize(-1) != all.ebx() || all.ebx() > all.ecx()) throw bad("cpuid 0xd.0 ebx is not the size");
        boolean compacts = (more.eax() & XSAVEC) != 0;
        if (compacts && xsave.compactedSize(-1) != more.ebx()) throw bad("cpuid 0xd.1 ebx is not the compacted size");
        if (xsave.xfdMask() != 0 && (more.eax() & XFD) == 0) throw bad("XFD components without cpuid 0xd.1 eax bit 4");
        int end = XsaveLayout.LEGACY_AND_HEADER;
        for (XsaveLayout.Component c : xsave.components()) {
            if (c.offset() < end || c.size() % 8 != 0) throw bad("cpuid 0xd." + c.number() + " overlaps or is odd");
            end = c.offset() + c.size();
        }
    }

    private IllegalArgumentException bad(String what) {
        return new IllegalArgumentException("machine " + name() + ": " + what);
    }

    public static X86Profile of(MachineProfile source) {
        return new X86Profile(source);
    }

    public static X86Profile builtIn(String name) {
        return of(MachineProfile.builtIn(name));
    }

    public String name() {
        return source.name();
    }

    public boolean isAmd() {
        return amd;
    }

    public MachineProfile source() {
        return source;
    }

    /** All CPUID answers of the physical CPU, in the order of the file. */
    public List<Cpuid> cpuid() {
        return List.copyOf(leaves);
    }

    /** The physical CPU's answer, all zero where the file has none. */
    public Cpuid cpuid(int leaf, int subleaf) {
        for (Cpuid c : leaves) if (c.leaf() == leaf && (!c.subleafMatters() || c.subleaf() == subleaf)) return c;
        return new Cpuid(leaf, subleaf, false, 0, 0, 0, 0);
    }

    /** A fixed MSR of the physical CPU, or {@code otherwise}. */
    public long msr(int index, long otherwise) {
        return msrs.getOrDefault(index, otherwise);
    }

    /** Fraction bits of the TSC multiplier: SVM's MSR_AMD64_TSC_RATIO has 32, VMX's 48 (APM vol. 2, 15.30.5; SDM vol. 3, 25.6.5). */
    public int tscFractionBits() {
        return isAmd() ? 32 : 48;
    }

    public long tscKhz() {
        return source.number("tsc_khz", 2_000_000);
    }

    /** CPUID 1 ecx: which instruction set extensions there are. */
    public int leaf1Ecx() {
        return leaf1Ecx;
    }

    /** CPUID 7.0 ebx. */
    int leaf7Ebx() {
        return leaf7Ebx;
    }

    /** True when the CPU has all of these extensions. */
    boolean has(Set<Feature> needed) {
        return features.containsAll(needed);
    }

    /** XCR0 as the machine's kernel sets it. */
    public long xcr0() {
        return source.number("xcr0", XsaveLayout.XFEATURE_FPSSE);
    }

    /** The components that the machine's KVM may offer to guests; {@code kvm_xcr0} where that is less than XCR0. */
    public long kvmXcr0() {
        return source.number("kvm_xcr0", xcr0());
    }

    /** Where each state component lives, and which exist. */
    public XsaveLayout xsave() {
        return xsave;
    }
}
