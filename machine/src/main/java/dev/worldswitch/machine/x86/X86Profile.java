package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.MachineProfile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An x86 machine: the CPUID answers of its physical CPUs (keys {@code cpuid LEAF} or {@code cpuid LEAF.SUBLEAF}, values
 * eax ebx ecx edx), MSRs with a fixed value ({@code msr INDEX}), {@code vendor = intel|amd}, {@code tsc_khz},
 * {@code xcr0} as its kernel sets it.
 */
public final class X86Profile {
    private final MachineProfile source;
    private final List<Cpuid> leaves = new ArrayList<>();
    private final Map<Integer, Long> msrs = new LinkedHashMap<>();
    private final XsaveLayout xsave;

    private X86Profile(MachineProfile source) {
        this.source = source;
        source.table("cpuid").forEach((key, v) -> {
            if (v.length != 4)
                throw new IllegalArgumentException("machine " + name() + ": cpuid " + key + " needs 4 values");
            String[] part = key.split("\\.");
            int leaf = Integer.parseUnsignedInt(part[0].substring(2), 16);
            int sub = part.length > 1 ? Integer.parseInt(part[1]) : 0;
            leaves.add(new Cpuid(leaf, sub, part.length > 1, (int) v[0], (int) v[1], (int) v[2], (int) v[3]));
        });
        source.table("msr").forEach((key, v) -> msrs.put(Integer.parseUnsignedInt(key.substring(2), 16), v[0]));
        this.xsave = XsaveLayout.of(leaves, source.number("xcr0", 3));
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
        return source.text("vendor").equals("amd");
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

    public long tscKhz() {
        return source.number("tsc_khz", 2_000_000);
    }

    /** Where each state component lives, and which exist. */
    public XsaveLayout xsave() {
        return xsave;
    }
}
