package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Property;
import java.util.List;

/** What must hold for arm64 hosts and guests in every timing. */
final class Arm64Properties {
    static final Property OWN_V = new Property(
            "own-vectors",
            "a task's V registers, FPSR and FPCR are its own again after each call",
            "Documentation/arch/arm64/sve.rst, section 3: a system call keeps V0-V31, FPSR, FPCR");
    static final Property OWN_Z = new Property(
            "own-sve",
            "a task's Z bits from 128 up are its own, or zero after a system call",
            "Documentation/arch/arm64/sve.rst, section 3: Z bits above 128, P and FFR become zero or are kept");
    static final Property OWN_STREAMING = new Property(
            "own-streaming",
            "a task in streaming mode stays in it, with its Z registers and FPMR, until its next system call",
            "Documentation/arch/arm64/sme.rst, section 3");
    static final Property OWN_ZA = new Property(
            "own-za",
            "a task's ZA and ZT0 are its own, also after system calls, until it turns them off",
            "Documentation/arch/arm64/sme.rst, section 3: system calls keep ZA and ZT0");
    static final Property KERNEL_NEON = new Property(
            "kernel-neon",
            "kernel code that computes in V registers finds them as it left them",
            "arch/arm64/kernel/fpsimd.c, kernel_neon_begin");
    static final Property HOST_CONTROL = new Property(
            "host-vl",
            "in user mode the host's vector length and traps are the host's",
            "arch/arm64/kernel/fpsimd.c, task_fpsimd_load and fpsimd_bind_task_to_cpu");
    static final Property HOST_DEBUG = new Property(
            "host-debug",
            "MDCR_EL2, PMUSERENR_EL0, PMEVTYPER0_EL0 in user mode are the host's, MDCR_EL2.HPMN always",
            "Arm ARM D24.3.17 (HPMN); KVM: arm64: Initialize VCPU mdcr_el2 before loading it");
    static final Property OWN_KEYS = new Property(
            "own-keys",
            "in user mode the CPU has the task's own pointer authentication keys",
            "Documentation/arch/arm64/pointer-authentication.rst");
    static final Property GUEST_STEP = new Property(
            "guest-step",
            "a single step executes one instruction, and leaves PSTATE.SS to the guest",
            "KVM API, KVM_SET_GUEST_DEBUG; Arm ARM D2.12");
    static final Property READER_PC = new Property(
            "one-reg-pc",
            "KVM_GET_ONE_REG of the PC after KVM_RUN gives the next instruction",
            "KVM: arm64: Commit pending PC adjustments before returning to userspace");
    static final Property TRACE_FILTER =
            new Property("trace-filter", "a guest reaches no trace filter", "Arm ARM D24.3.17, MDCR_EL2.TTRF");
    static final Property GUEST_RUNS =
            new Property("guest-goes-on", "the guest runs as on a CPU of its own", "KVM API, KVM_RUN");
    static final Property GUEST_SVE = new Property(
            "guest-sve",
            "a guest reads from Z, P and ZCR_EL1 what it wrote, at its vector length",
            "Arm ARM B1.4.2; KVM API, KVM_ARM_VCPU_SVE");
    static final Property READER = new Property(
            "one-reg-sve",
            "KVM_GET_ONE_REG gives the Z registers and ZCR_EL1 of the guest's last exit",
            "KVM API, KVM_GET_ONE_REG");
    static final Property SAVED_IMAGE = new Property(
            "saved-image",
            "once KVM_RUN has returned, the vCPU's registers in memory are those of its guest",
            "arch/arm64/kvm/fpsimd.c, kvm_arch_vcpu_put_fp");
    static final Property ID_CONSTANT = new Property(
            "id-constant",
            "all guests of a VM read from an ID register what was last written, and from the first run on the same",
            "KVM: arm64: Save ID registers' sanitized value per guest; KVM API, KVM_SET_ONE_REG");
    static final Property ID_WRITTEN = new Property(
            "id-written",
            "a write of an ID register answers 0 and is what is read next, or EBUSY and leaves no trace",
            "KVM: arm64: Save ID registers' sanitized value per guest; KVM API, KVM_SET_ONE_REG");
    static final Property ONE_REG_LIST = new Property(
            "one-reg-list",
            "every id that KVM_GET_REG_LIST gives can be read, and set to what was read",
            "KVM API, KVM_GET_REG_LIST");
    static final Property ONE_REG_KEPT = new Property(
            "one-reg-kept",
            "what a VMM set by KVM_SET_ONE_REG is what it reads, also after KVM_ARM_VCPU_INIT if it is the VM's",
            "KVM API, KVM_SET_ONE_REG; KVM: arm64: Preserve PMCR immutable values across reset");
    static final Property VCPU_FEATURES = new Property(
            "vcpu-features",
            "sets of vector lengths and of features are taken exactly when the host can give them",
            "KVM API, KVM_ARM_VCPU_INIT, KVM_REG_ARM64_SVE_VLS");
    static final Property OLDER_VM = new Property(
            "older-vm",
            "ID registers of a VM that an older kernel made are taken",
            "KVM: arm64: Allow setting of ID_AA64PFR0_EL1.CSV2 from userspace");
    static final Property SPE_MEMORY = new Property(
            "spe-memory",
            "no profiling record of the host is written through a guest's tables, or lost",
            "Arm ARM D17.5 (profiling buffer translation); arm64: KVM: Save/restore the host SPE state");
    static final Property SPE_CONTROL = new Property(
            "spe-control",
            "PMSCR_EL1, MDCR_EL2.E2PB and HPMN after KVM_RUN are what the host last wrote",
            "arm64: KVM: Save/restore the host SPE state when entering/leaving a VM");
    static final Property SPE_TRAPPED = new Property(
            "spe-trapped",
            "a guest reaches no profiling register and is not sampled by the host",
            "arm64: KVM: Save/restore the host SPE state when entering/leaving a VM");

    static final List<Property> ALL = List.of(
            OWN_V,
            OWN_Z,
            OWN_STREAMING,
            OWN_ZA,
            KERNEL_NEON,
            HOST_CONTROL,
            HOST_DEBUG,
            OWN_KEYS,
            GUEST_RUNS,
            GUEST_STEP,
            READER_PC,
            TRACE_FILTER,
            GUEST_SVE,
            READER,
            SAVED_IMAGE,
            ID_CONSTANT,
            ID_WRITTEN,
            ONE_REG_LIST,
            ONE_REG_KEPT,
            VCPU_FEATURES,
            OLDER_VM,
            SPE_MEMORY,
            SPE_CONTROL,
            SPE_TRAPPED);

    private Arm64Properties() {}
}
