package dev.worldswitch.machine.arm64;

/** What the hypervisor at EL2 does with exceptions of an nVHE host. */
public interface HypVectors {
    /** The host at EL1 used SVE while CPTR_EL2 traps it. */
    void hostSveTrap(Arm64Cpu cpu);
}
