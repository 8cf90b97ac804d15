package dev.worldswitch.kvm.arm64;

/** Bits of kvm_vcpu_init.features[0] (KVM_ARM_VCPU_*, asm/kvm.h). */
final class VcpuFeature {
    static final long POWER_OFF = 1, EL1_32BIT = 2, PSCI_0_2 = 4, PMU_V3 = 8, SVE = 16, PTRAUTH_ADDRESS = 32;
    static final long PTRAUTH_GENERIC = 64, HAS_EL2 = 128, HAS_EL2_E2H0 = 256;
    static final long PTRAUTH = PTRAUTH_ADDRESS | PTRAUTH_GENERIC;
    /** Number of the one feature that needs KVM_ARM_VCPU_FINALIZE. */
    static final int SVE_NUMBER = 4;

    private VcpuFeature() {}
}
