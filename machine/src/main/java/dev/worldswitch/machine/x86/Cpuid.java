package dev.worldswitch.machine.x86;

/** One CPUID answer. */
public record Cpuid(int leaf, int subleaf, boolean subleafMatters, int eax, int ebx, int ecx, int edx) {
    public Cpuid withEax(int v) {
        return new Cpuid(leaf, subleaf, subleafMatters, v, ebx, ecx, edx);
    }

    public Cpuid withEbx(int v) {
        return new Cpuid(leaf, subleaf, subleafMatters, eax, v, ecx, edx);
    }

    public Cpuid withEcx(int v) {
        return new Cpuid(leaf, subleaf, subleafMatters, eax, ebx, v, edx);
    }

    public Cpuid withEdx(int v) {
        return new Cpuid(leaf, subleaf, subleafMatters, eax, ebx, ecx, v);
    }
}
