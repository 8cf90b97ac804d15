package dev.worldswitch.kernel;

import java.util.Arrays;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The catalogue of kernel changes that code asks for by {@link Kernel#has}. One commit or list thread, one patch. */
public enum Patch {
    /** The fix of spec/4: XSTATE_BV[i] is cleared for XFD-disabled components, at both places where they can part. */
    CLEAR_XSTATE_BV_ON_XFD(
            "clear-xstate-bv-on-xfd",
            Arch.X86,
            "x86/fpu: Clear XSTATE_BV[i] in guest XSAVE state whenever XFD[i]=1",
            "b45f72177594",
            "2025-12",
            Set.of()),
    /** The alternative discussed for the same bug: guest images are always saved and restored with XFD = 0. */
    RESTORE_WITH_XFD_ZERO(
            "restore-with-xfd-zero",
            Arch.X86,
            "x86/fpu: restore guest images with IA32_XFD = 0",
            "discussed under \"x86, fpu/kvm: fix crash with AMX\", not merged",
            "2025-12",
            Set.of("clear-xstate-bv-on-xfd", "clear-xstate-bv-on-xfd.guest-write", "clear-xstate-bv-on-xfd.set-xsave")),
    /** Only the clearing in fpu_update_guest_xfd, to show that one of the two is not enough. */
    CLEAR_XSTATE_BV_GUEST_WRITE(
            "clear-xstate-bv-on-xfd.guest-write",
            Arch.X86,
            "the half of clear-xstate-bv-on-xfd in fpu_update_guest_xfd()",
            "part of b45f72177594",
            "2025-12",
            Set.of("clear-xstate-bv-on-xfd")),
    /** Only the clearing in the KVM_SET_XSAVE ioctl. */
    CLEAR_XSTATE_BV_SET_XSAVE(
            "clear-xstate-bv-on-xfd.set-xsave",
            Arch.X86,
            "the half of clear-xstate-bv-on-xfd in KVM_SET_XSAVE",
            "part of b45f72177594",
            "2025-12",
            Set.of("clear-xstate-bv-on-xfd")),
    /** Host FP state is saved and flushed at vcpu_load, so that no one else has to know whose it was. */
    HOST_FP_SAVE_FLUSH(
            "host-fp-save-flush",
            Arch.ARM64,
            "KVM: arm64: Unconditionally save+flush host FPSIMD/SVE/SME state",
            "fbc7e61195e2",
            "2025-02",
            Set.of()),
    /** ZCR_EL1 and ZCR_EL2 change hands in the hypervisor, while interrupts are masked. */
    ZCR_EAGER_SWITCH(
            "zcr-eager-switch",
            Arch.ARM64,
            "KVM: arm64: Eagerly switch ZCR_EL{1,2}",
            "59419f10045b",
            "2025-02",
            Set.of("save-path-knows-kvm")),
    /** Fix B of the review of "Factor SVE guest exit handling out": the host's saver sets a vCPU's vector length itself. */
    SAVE_PATH_KNOWS_KVM(
            "save-path-knows-kvm",
            Arch.ARM64,
            "fpsimd_save_user_state() saves a vCPU's image at the vCPU's vector length",
            "alternative of that review, not merged",
            "2025-01",
            Set.of("zcr-eager-switch")),
    /** "The VM has run" is set before its first entry, under the lock that writers of ID registers hold. */
    RUN_FLAG_UNDER_CONFIG_LOCK(
            "run-flag-under-config-lock",
            Arch.ARM64,
            "KVM: arm64: Use config_lock to protect data ordered against KVM_RUN",
            "series \"KVM: arm64: Fix lock inversions\"; kvm->lock did it before",
            "2023-03",
            Set.of()),
    /** kvm_arch_vcpu_ioctl_run asks for pending signals and work once more with interrupts masked. */
    RUN_LOOP_SIGNAL_CHECK(
            "run-loop-signal-check",
            Arch.ARM64,
            "the second check for pending work in kvm_arch_vcpu_ioctl_run(), interrupts off",
            "6caa5812e2d1",
            "2021-08",
            Set.of()),
    /** The host's statistical profiling stops and drains before guest tables are live; all its steps. */
    HOST_SPE_SAVE_RESTORE(
            "host-spe-save-restore",
            Arch.ARM64,
            "arm64: KVM: Save/restore the host SPE state when entering/leaving a VM",
            "f85279b4bd48",
            "2017-01",
            Set.of()),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_DRAIN(
            "host-spe-save-restore.drain",
            Arch.ARM64,
            "PSB CSYNC and DSB before the guest's tables are live",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_ISB_BEFORE_DRAIN(
            "host-spe-save-restore.isb-before-drain",
            Arch.ARM64,
            "the ISB between PMSCR_EL1 = 0 and PSB CSYNC",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_EARLY(
            "host-spe-save-restore.early",
            Arch.ARM64,
            "the drain comes before the guest's tables and MDCR_EL2.E2PB; b96b0c5de685",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_ZERO_PMSCR(
            "host-spe-save-restore.zero-pmscr",
            Arch.ARM64,
            "PMSCR_EL1 = 0 while a guest runs",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_CLEAR_SAVED(
            "host-spe-save-restore.clear-saved",
            Arch.ARM64,
            "the saved PMSCR_EL1 is zero when the host does not profile",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_FEATURE_CHECK(
            "host-spe-save-restore.feature-check",
            Arch.ARM64,
            "no SPE register or MDCR_EL2.TPMS and E2PB on a CPU without SPE",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_TRAP_GUEST(
            "host-spe-save-restore.trap-guest",
            Arch.ARM64,
            "MDCR_EL2.TPMS = 1 and E2PB = 00 in the guest",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_RESTORE_LATE(
            "host-spe-save-restore.restore-late",
            Arch.ARM64,
            "PMSCR_EL1 comes back after the host's system registers",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_ISB_BEFORE_RESTORE(
            "host-spe-save-restore.isb-before-restore",
            Arch.ARM64,
            "the ISB before PMSCR_EL1 comes back",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_E2PB_BACK(
            "host-spe-save-restore.e2pb-back",
            Arch.ARM64,
            "MDCR_EL2.E2PB = 11 on the nVHE host",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** A step of {@link #HOST_SPE_SAVE_RESTORE}. */
    SPE_KEEP_HPMN(
            "host-spe-save-restore.keep-hpmn",
            Arch.ARM64,
            "MDCR_EL2.HPMN is kept when traps go off",
            "part of f85279b4bd48",
            "2017-01",
            Set.of("host-spe-save-restore")),
    /** KVM_GET_REG_LIST lists the core ids that can be read and written, each with its size. */
    REG_LIST_VALID_IDS(
            "reg-list-valid-ids",
            Arch.ARM64,
            "KVM: arm64: Filter out invalid core register IDs in KVM_GET_REG_LIST",
            "lore:20190620112301.138137-3-marc.zyngier@arm.com",
            "2019-06",
            Set.of()),
    /** Asked for a vector length, the answer is yes or no, not a bit of some word. */
    SVE_LENGTHS_BOOL(
            "sve-lengths-bool",
            Arch.ARM64,
            "KVM: arm64/sve: Fix vq_present() macro to yield a bool",
            "lore:1562175770-10952-1-git-send-email-Dave.Martin@arm.com",
            "2019-07",
            Set.of()),
    /** All 64 bits of the cycle counter are kept. */
    CYCLE_COUNTER_64BIT(
            "cycle-counter-64bit",
            Arch.ARM64,
            "KVM: arm64: pmu: Fix cycle counter truncation",
            "lore:20191020101129.2612-2-maz@kernel.org",
            "2019-10",
            Set.of()),
    /** KVM_ARM_VCPU_INIT leaves the number of counters that user space chose. */
    PMCR_KEPT_AT_RESET(
            "pmcr-kept-at-reset",
            Arch.ARM64,
            "KVM: arm64: Preserve PMCR immutable values across reset",
            "lore:20200910164243.29253-1-graf@amazon.com",
            "2020-09",
            Set.of()),
    /** An error after SVE was enabled is answered, not 0. */
    RESET_ERROR_WITH_SVE(
            "reset-error-with-sve",
            Arch.ARM64,
            "KVM: arm64: Fix kvm_reset_vcpu() return code being incorrect with SVE",
            "lore:20200617105456.28245-1-steven.price@arm.com",
            "2020-06",
            Set.of()),
    /** A VM of a kernel that showed no CSV2 can go on where the host has it. */
    CSV2_WRITABLE(
            "csv2-writable",
            Arch.ARM64,
            "KVM: arm64: Allow setting of ID_AA64PFR0_EL1.CSV2 from userspace",
            "lore:20201110141308.451654-2-maz@kernel.org",
            "2020-11",
            Set.of()),
    /** The MPAM field that older kernels showed is taken from the VMM, and means nothing. */
    MPAM_WRITE_IGNORED(
            "mpam-write-ignored",
            Arch.ARM64,
            "KVM: arm64: Disable MPAM visibility by default and ignore VMM writes",
            "4e76efda1f0a (stable)",
            "2024-11",
            Set.of()),
    /** The backports of save+flush keep softirqs out, in trees where the newer one's mask is missing. */
    SAVE_FLUSH_SOFTIRQ_SAFE(
            "save-flush-softirq-safe",
            Arch.ARM64,
            "arm64/fpsimd: softirq-safe helpers in fpsimd_save_and_flush_cpu_state()",
            "stable only: 5.15, 6.1, 6.6",
            "2025",
            Set.of()),
    /** The FP code needs no note that it is busy: saving and flushing is done with interrupts off. */
    NEON_WITHOUT_BUSY(
            "neon-without-busy",
            Arch.ARM64,
            "arm64: fpsimd: Drop unneeded 'busy' flag",
            "9b19700e623f",
            "2023-12",
            Set.of()),
    /** Kernel code that computes in V registers can be preempted; its registers are switched as a task's. */
    NEON_PREEMPTIBLE(
            "neon-preemptible",
            Arch.ARM64,
            "arm64: fpsimd: Preserve/restore kernel mode NEON at context switch",
            "aefbab8e77eb",
            "2023-12",
            Set.of()),
    /** Switching to kernel code in its V registers drops what the CPU was bound to. */
    NEON_SWITCH_FLUSHES(
            "neon-switch-flushes",
            Arch.ARM64,
            "arm64/fpsimd: Avoid erroneous elide of user state reload",
            "e92bee9f861b",
            "2024-05",
            Set.of()),
    /** Streaming mode ends before the registers of kernel code are loaded: ending it zeroes them. */
    NEON_SWITCH_FLUSHES_FIRST(
            "neon-switch-flushes-first",
            Arch.ARM64,
            "arm64/fpsimd: Avoid clobbering kernel FPSIMD state with SMSTOP",
            "01098d893fa8",
            "2025-04",
            Set.of()),
    /** FPMR is loaded after SVCR, whose change of mode zeroes it. */
    FPMR_AFTER_SVCR(
            "fpmr-after-svcr",
            Arch.ARM64,
            "arm64/fpsimd: Don't corrupt FPMR when streaming mode changes",
            "e5fa85fce08b",
            "2024-12",
            Set.of()),
    /** State that an SVE trap changed in memory is live on no CPU. */
    SVE_TRAP_DISCARDS(
            "sve-trap-discards",
            Arch.ARM64,
            "arm64/sve: Discard stale CPU state when handling SVE traps",
            "751ecf6afd65",
            "2024-10",
            Set.of()),
    /** Whoever drops a CPU's binding says that the registers are not the task's. */
    FLUSH_SETS_FOREIGN(
            "flush-sets-foreign",
            Arch.ARM64,
            "arm64: fpsimd: Fix TIF_FOREIGN_FPSTATE after invalidating cpu regs",
            "d8ad71fa38a9",
            "2018-05",
            Set.of()),
    /** The host's state is in FPSIMD form before a guest runs, whatever the system call left. */
    SVE_DISCARD_AT_LOAD(
            "sve-discard-at-load",
            Arch.ARM64,
            "KVM: arm64: Discard any SVE state when entering KVM guests",
            "93ae6b01bafe",
            "2022-11",
            Set.of()),
    /** Whether the host's EL0 had SVE is noted afresh at each load. */
    SVE_NOTE_FRESH(
            "sve-note-fresh",
            Arch.ARM64,
            "KVM: arm64: Always start with clearing SVE flag on load",
            "lore:20220528113829.1043361-2-maz@kernel.org",
            "2022-05",
            Set.of()),
    /** VHE: a vCPU's MDCR_EL2 is made before its first load, which writes it. */
    MDCR_BEFORE_FIRST_LOAD(
            "mdcr-before-first-load",
            Arch.ARM64,
            "KVM: arm64: Initialize VCPU mdcr_el2 before loading it",
            "lore:20210407144857.199746-3-alexandru.elisei@arm.com",
            "2021-04",
            Set.of()),
    /** VHE: the host's MDCR_EL2 is saved before the vCPU's is written, not after. */
    MDCR_HOST_SAVED_FIRST(
            "mdcr-host-saved-first",
            Arch.ARM64,
            "KVM: arm64: VHE: Save and restore host MDCR_EL2 value correctly",
            "da2e743419cb",
            "2025-09",
            Set.of()),
    /** The host's PMUSERENR_EL0 comes back after the guest's, not zero. */
    PMUSERENR_HOST_KEPT(
            "pmuserenr-host-kept",
            Arch.ARM64,
            "KVM: arm64: PMU: Restore the host's PMUSERENR_EL0",
            "8681f7175901",
            "2023-04",
            Set.of()),
    /** The host's keys are saved at load, where the task can not leave its CPU. */
    PTRAUTH_KEYS_AT_LOAD(
            "ptrauth-keys-at-load",
            Arch.ARM64,
            "KVM: arm64: Save the host's PtrAuth keys in non-preemptible context",
            "lore:20200611090956.1537104-6-maz@kernel.org",
            "2020-06",
            Set.of()),
    /** MDCR_EL2.TTRF: a guest reaches no trace filter. */
    TRACE_FILTER_TRAPS(
            "trace-filter-traps",
            Arch.ARM64,
            "KVM: arm64: Disable guest access to trace filter controls",
            "a354a64d91ee",
            "2021-03",
            Set.of()),
    /** VHE: PMSCR_EL1, whose reset value is UNKNOWN, is zero before a guest runs. */
    PMSCR_DEFINED_ON_VHE(
            "pmscr-defined-on-vhe",
            Arch.ARM64,
            "KVM: arm64: Initialize PMSCR_EL1 when in VHE",
            "efad60e46057",
            "2025-09",
            Set.of()),
    /** nVHE: PMBLIMITR_EL1.E is zero while a guest runs: an enabled buffer may be translated although nothing samples. */
    PROFILING_BUFFER_OFF(
            "profiling-buffer-off",
            Arch.ARM64,
            "KVM: arm64: Disable SPE Profiling Buffer when running in guest context",
            "07695f7dc1e1",
            "2026-02",
            Set.of()),
    /** A skipped instruction or pending exception is done before user space looks at the vCPU. */
    COMMIT_PC_BEFORE_USER(
            "commit-pc-before-user",
            Arch.ARM64,
            "KVM: arm64: Commit pending PC adjustments before returning to userspace",
            "lore:20210514104042.1929168-3-maz@kernel.org",
            "2021-05",
            Set.of()),
    /** A step that is done and not yet told is not armed again. */
    STEP_ACTIVE_PENDING(
            "step-active-pending",
            Arch.ARM64,
            "KVM: arm64: Clear PSTATE.SS when the Software Step state was Active-pending",
            "lore:20220917010600.532642-3-reijiw@google.com",
            "2022-09",
            Set.of()),
    /** The guest's own PSTATE.SS comes back after the VMM stepped it. */
    STEP_KEEPS_GUEST_SS(
            "step-keeps-guest-ss",
            Arch.ARM64,
            "KVM: arm64: Preserve PSTATE.SS for the guest while single-step is enabled",
            "lore:20220917010600.532642-2-reijiw@google.com",
            "2022-09",
            Set.of()),
    /** A dynamic component in its initial state is copied to user space as zeroes, not from an image that lacks it. */
    XSAVE_UABI_INIT(
            "xsave-uabi-init",
            Arch.X86,
            "x86/fpu: Fix copy_xstate_to_uabi() to copy init states correctly",
            "471f0aa7fa64",
            "2022-10",
            Set.of()),
    /** fpu_swap_kvm_fpstate() saves registers only where they are the task's. */
    KVM_FPU_NEED_LOAD(
            "kvm-fpu-need-load",
            Arch.X86,
            "KVM: x86: Handle TIF_NEED_FPU_LOAD in kvm_{load,put}_guest_fpu()",
            "part of the series of 2620fe268e80",
            "2020-01",
            Set.of()),
    /** Guest registers that a softirq took since load are loaded again before entry. */
    KVM_FPU_CHECK_AT_ENTRY(
            "kvm-fpu-check-at-entry",
            Arch.X86,
            "KVM: X86: Fix fpu state crash in kvm guest; Revert of it, with the check where it belongs",
            "e751732486eb, 2620fe268e80",
            "2020-01",
            Set.of()),
    /** exec() invalidates the task's registers on every CPU, not only on its present one. */
    EXEC_INVALIDATES(
            "exec-invalidates",
            Arch.X86,
            "x86/fpu: Invalidate FPU state correctly on exec()",
            "1f69383b203e",
            "2023-08",
            Set.of()),
    /** In a hard interrupt the FPU is not usable inside fpregs_lock(). */
    IRQ_FPU_USABLE(
            "irq-fpu-usable", Arch.X86, "x86/fpu: Prevent FPU state corruption", "59f5ede3bc0f", "2022-05", Set.of()),
    /** The host's DEBUGCTL that comes back after an exit is read where perf can not change it any more. */
    DEBUGCTL_AFTER_IRQS_OFF(
            "debugctl-after-irqs-off",
            Arch.X86,
            "KVM: x86: Snapshot the host's DEBUGCTL after disabling IRQs",
            "189ecdb3e112",
            "2025-02",
            Set.of()),
    /** SVM: a guest runs with its own DEBUGCTL. */
    SVM_DEBUGCTL(
            "svm-debugctl",
            Arch.X86,
            "KVM: SVM: Manually context switch DEBUGCTL if LBR virtualization is disabled",
            "433265870ab3",
            "2025-02",
            Set.of()),
    /** A CPU that comes up has its copy of IA32_XFD set with the register. */
    XFD_STATE_AT_HOTPLUG(
            "xfd-state-at-hotplug",
            Arch.X86,
            "x86/fpu: Keep xfd_state in sync with MSR_IA32_XFD",
            "10e4b5166df9",
            "2024-03",
            Set.of()),
    /** perf's write of PMUSERENR_EL0 goes to the host's saved value while a vCPU is loaded. */
    PMUSERENR_SHADOW(
            "pmuserenr-shadow",
            Arch.ARM64,
            "KVM: arm64: PMU: Don't overwrite PMUSERENR with vcpu loaded",
            "0c2f9acf6ae7",
            "2023-06",
            Set.of()),
    /** SMCR_EL1, UNKNOWN after a suspend, is set as at boot. */
    SME_AFTER_SUSPEND(
            "sme-after-suspend",
            Arch.ARM64,
            "arm64/sme: Restore SMCR_EL1.EZT0 on exit from suspend",
            "d7b77a0d565b, 9533864816fb",
            "2024-02",
            Set.of()),
    /** The features of the first KVM_ARM_VCPU_INIT are those of all vCPUs of the VM. */
    ARM64_VCPU_FEATURES_PER_VM(
            "vcpu-features-per-vm",
            Arch.ARM64,
            "KVM: arm64: Make vCPU feature flags consistent VM-wide",
            "2251e9ff1573",
            "2023-06",
            Set.of()),
    /** POWER_OFF belongs to one KVM_ARM_VCPU_INIT, not to the vCPU. */
    ARM64_POWER_OFF_EPHEMERAL(
            "power-off-ephemeral",
            Arch.ARM64,
            "KVM: arm64: Relax invariance of KVM_ARM_VCPU_POWER_OFF",
            "e3c1c0cae31e",
            "2023-06",
            Set.of()),
    /** The generic target is accepted and preferred on every CPU. */
    ARM64_GENERIC_TARGET(
            "generic-target",
            Arch.ARM64,
            "KVM_ARM_PREFERRED_TARGET answers GENERIC_V8 always, and VCPU_INIT takes it",
            "between 6.1 and 6.12, read in both sources",
            "2023-07",
            Set.of()),
    /** Bits 7 and 8 of the vCPU features are known: EL2, and EL2 with E2H = 0. */
    ARM64_NESTED_FEATURE_BITS(
            "nested-feature-bits",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to limit NV support to nVHE",
            "lore:20250220134907.554085-11-maz@kernel.org",
            "2025-02",
            Set.of()),
    /** KVM_ARM_VCPU_INIT of a vCPU that has run leaves HCR_EL2 as it is, so that pending lines stay. */
    ARM64_INIT_KEEPS_LINES(
            "init-keeps-lines",
            Arch.ARM64,
            "vcpu_reset_hcr() sets HCR_GUEST_FLAGS only before the first run",
            "between 6.1 and 6.12, read in both sources",
            "2023-10",
            Set.of()),
    /** MPIDR_EL1 and CLIDR_EL1 are reset once in a vCPU's life. */
    ARM64_VCPU_ID_REGS_RESET_ONCE(
            "vcpu-id-regs-reset-once",
            Arch.ARM64,
            "KVM: arm64: Only reset vCPU-scoped feature ID regs once",
            "e016333745c7",
            "2024-05",
            Set.of()),
    /** CLIDR_EL1 and CCSIDR_EL1 are made up, the same on all hosts, and writable. */
    ARM64_NORMALIZED_CACHES(
            "normalized-caches",
            Arch.ARM64,
            "KVM: arm64: Normalize cache configuration",
            "7af0c2534f4c",
            "2023-01",
            Set.of()),
    /** ID_AA64MMFR0_EL1.ASIDBits is the host's: user space can't lower it. */
    ARM64_ASIDBITS_FIXED(
            "asidbits-fixed",
            Arch.ARM64,
            "KVM: arm64: Do not allow ID_AA64MMFR0_EL1.ASIDbits to be overridden",
            "03c7527e97f7",
            "2024-12",
            Set.of()),
    /** The syndrome of an injected abort is 64 bits wide on its way into ESR_EL1. */
    ARM64_ESR_NOT_SIGN_EXTENDED(
            "esr-not-sign-extended",
            Arch.ARM64,
            "inject_abt64() builds the syndrome in 64 bits",
            "between 6.1 and 6.12, recorded",
            "2023-12",
            Set.of()),
    /** KVM_SET_VCPU_EVENTS delivers an external abort at once. */
    ARM64_ABORT_TAKEN_AT_ONCE(
            "abort-taken-at-once",
            Arch.ARM64,
            "KVM: arm64: Commit exceptions from KVM_SET_VCPU_EVENTS immediately",
            "efa1368ba9f4",
            "2025-07",
            Set.of()),
    /** KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS answer ENOEXEC before KVM_ARM_VCPU_INIT. */
    ARM64_EVENTS_NEED_INIT(
            "events-need-init",
            Arch.ARM64,
            "vCPU events are refused before KVM_ARM_VCPU_INIT",
            "between 6.12.107 and 6.18, recorded",
            "2025-09",
            Set.of()),
    /** Sign-extending loads from memory-mapped I/O extend the sign. */
    ARM64_MMIO_SIGN_EXTENSION(
            "mmio-sign-extension",
            Arch.ARM64,
            "kvm_handle_mmio_return() extends the sign after the byte order is right",
            "between 6.18 and 7.2, recorded",
            "2026-03",
            Set.of()),
    /** ESR_EL1.IL is set in every injected external abort. */
    ARM64_ABORT_IL_SET(
            "abort-il-set",
            Arch.ARM64,
            "injected aborts have ESR_EL1.IL whatever trapped last",
            "between 6.18 and 7.2, recorded",
            "2026-03",
            Set.of()),
    /** User space can no longer write ID_AA64ISAR0_EL1.TME. */
    ARM64_ID_NO_TME(
            "id-no-tme",
            Arch.ARM64,
            "ID_AA64ISAR0_EL1.TME is not writable",
            "between 6.18 and 7.2, recorded",
            "2026-03",
            Set.of()),
    /** User space may write ID_AA64ISAR3_EL1.LSUI. */
    ARM64_ID_LSUI(
            "id-lsui",
            Arch.ARM64,
            "ID_AA64ISAR3_EL1.LSUI is writable",
            "between 6.18 and 7.2, recorded",
            "2026-03",
            Set.of()),
    /** User space may write ID_AA64PFR2_EL1.GCIE. */
    ARM64_ID_GCIE(
            "id-gcie",
            Arch.ARM64,
            "ID_AA64PFR2_EL1.GCIE is writable",
            "between 6.18 and 7.2, recorded",
            "2026-03",
            Set.of()),
    /** User space may write F16MM2 and bits 7-2 of ID_AA64FPFR0_EL1. */
    ARM64_ID_FPFR0(
            "id-fpfr0",
            Arch.ARM64,
            "ID_AA64FPFR0_EL1.F16MM2 and bits 7-2 are writable",
            "between 6.18 and 7.2, recorded",
            "2026-03",
            Set.of()),
    /** KVM_SET_USER_MEMORY_REGION2: a slot with a guest_memfd behind it. */
    MEMORY_REGION2(
            "memory-region2",
            Arch.ANY,
            "KVM: Introduce KVM_SET_USER_MEMORY_REGION2",
            "bb58b90b1a8f",
            "2023-10",
            Set.of()),
    /** KVM_GET_VCPU_EVENTS tells how many NMIs wait, not only that one does. */
    VCPU_EVENTS_COUNT_NMIS(
            "vcpu-events-count-nmis",
            Arch.X86,
            "KVM: x86: Save/restore all NMIs when multiple NMIs are pending",
            "ab2ee212a57b",
            "2023-02",
            Set.of()),
    /** Bits 23:16 of CPUID 0x80000008.EAX tell the guest how wide a mappable guest-physical address is. */
    CPUID_GUEST_PHYS_BITS(
            "cpuid-guest-phys-bits",
            Arch.X86,
            "KVM: x86: Advertise max mappable GPA in CPUID.0x80000008.GuestPhysBits",
            "b628cb523c65",
            "2024-03",
            Set.of()),
    /** Canonical checks of base MSRs go by what the host's CPU allows, not by the guest's CR4.LA57. */
    CANONICAL_BY_HOST_WIDTH(
            "canonical-by-host-width",
            Arch.X86,
            "KVM: x86: model canonical checks more precisely",
            "9245fd6b8531",
            "2024-09",
            Set.of()),
    /** KVM's emulator knows MOVBE of 16 bits. */
    EMULATE_MOVBE16(
            "emulate-movbe16",
            Arch.X86,
            "KVM: x86: Advertise support for MOVBE/emulate 16-bit MOVBE",
            "between 6.1 and 6.12, read in both sources",
            "2022-12",
            Set.of()),
    /** Without a PMU, AMD guests have no counters either. */
    AMD_NO_COUNTERS_WITHOUT_PMU(
            "amd-no-counters-without-pmu",
            Arch.X86,
            "KVM: x86/pmu: Zero out PMU metadata on AMD if PMU is disabled",
            "f933b88e2015",
            "2023-11",
            Set.of()),
    /** SVM: an event that can't be delivered because of unbacked memory ends in KVM_EXIT_INTERNAL_ERROR. */
    SVM_EXIT_ON_VECTORING_FAULT(
            "svm-exit-on-vectoring-fault",
            Arch.X86,
            "KVM: SVM: Handle event vectoring error in check_emulate_instruction()",
            "observed in 6.18, not in 6.12",
            "2024-12",
            Set.of()),
    /** SVM: a walk into unbacked memory while an event is delivered is tried again and again. */
    RETRY_WALK_DURING_VECTORING(
            "retry-walk-during-vectoring",
            Arch.X86,
            "KVM: SVM: event delivery whose page walk is in unbacked memory goes back to the guest",
            "observed in 7.2, not in 6.18",
            "2026",
            Set.of()),
    /** KVM's emulator knows SSE moves with a VEX prefix. */
    EMULATE_AVX_MOVES(
            "emulate-avx-moves",
            Arch.X86,
            "KVM: x86: add AVX support to the emulator's register fetch and writeback",
            "observed in 7.2, not in 6.18",
            "2025-11",
            Set.of()),
    /** KVM_GET_ONE_REG and KVM_SET_ONE_REG exist on x86. */
    X86_ONE_REG(
            "x86-one-reg",
            Arch.X86,
            "KVM: x86: Introduce KVM_{G,S}ET_ONE_REG uAPIs support",
            "06f2969c6a12",
            "2025-09",
            Set.of()),
    /** CPUID 1.ECX[24] is among what KVM supports; the client need not know that an in-kernel local APIC brings it. */
    ADVERTISE_TSC_DEADLINE_TIMER(
            "advertise-tsc-deadline-timer",
            Arch.X86,
            "KVM: x86: Advertise TSC_DEADLINE_TIMER in KVM_GET_SUPPORTED_CPUID",
            "9be4ec35d668",
            "2024-11",
            Set.of()),
    /** CPUID 1.ECX[31] is among what KVM supports. */
    ADVERTISE_HYPERVISOR(
            "advertise-hypervisor",
            Arch.X86,
            "KVM: x86: Advertise HYPERVISOR in KVM_GET_SUPPORTED_CPUID",
            "9aa470f5ddb2",
            "2024-11",
            Set.of()),
    /** KVM_CAP_X86_DISABLE_EXITS comes too late once a vCPU exists. */
    DISABLE_EXITS_BEFORE_VCPUS(
            "disable-exits-before-vcpus",
            Arch.X86,
            "KVM: x86: Disallow KVM_CAP_X86_DISABLE_EXITS after vCPU creation",
            "04cd8f8628d8",
            "2024-11",
            Set.of()),
    /** KVM_SET_TSC_KHZ on a VM comes too late once a vCPU exists. */
    VM_TSC_KHZ_BEFORE_VCPUS(
            "vm-tsc-khz-before-vcpus",
            Arch.X86,
            "KVM: x86: Reject KVM_SET_TSC_KHZ VM ioctl when vCPUs have been created",
            "dcbe5a466c12",
            "2025-07",
            Set.of()),
    /** Feature MSRs keep their value after the first KVM_RUN. */
    IMMUTABLE_FEATURE_MSRS(
            "immutable-feature-msrs",
            Arch.X86,
            "KVM: x86: Disallow writes to immutable feature MSRs after KVM_RUN",
            "0094f62c7eaa",
            "2023-03",
            Set.of()),
    /** MSR_PLATFORM_INFO is a feature MSR: told on the system descriptor, and immutable. */
    PLATFORM_INFO_FEATURE_MSR(
            "platform-info-feature-msr",
            Arch.X86,
            "KVM: x86: Disallow changing MSR_PLATFORM_INFO after vCPU has run",
            "bc2ca3680b30",
            "2024-08",
            Set.of()),
    /** A vCPU whose CPUID lacks IA32_ARCH_CAPABILITIES has it for the client as 0 only. */
    ARCH_CAPABILITIES_BY_CPUID(
            "arch-capabilities-by-cpuid",
            Arch.X86,
            "KVM: x86: Reject userspace attempts to access ARCH_CAPABILITIES w/o support",
            "a5d563890b8f",
            "2024-08",
            Set.of()),
    /** MSRs in KVM's list read 0 for the client, and take 0, even where this vCPU or descriptor lacks them. */
    ADVERTISED_MSRS_READ_ZERO(
            "advertised-msrs-read-zero",
            Arch.X86,
            "KVM: x86: Suppress failures on userspace access to advertised, unsupported MSRs",
            "64a5d7a1091f",
            "2024-08",
            Set.of()),
    /** IA32_XSS takes no value, 0 neither, while CPUID lacks XSAVES; before, only guests were refused. */
    XSS_BY_CPUID(
            "xss-by-cpuid",
            Arch.X86,
            "KVM: x86: Refresh CPUID on write to guest MSR_IA32_XSS",
            "9622e116d0d2",
            "2025-09",
            Set.of()),
    /** Files without a name, as the VM and vCPU descriptors are, can not be mapped executable. */
    ANON_INODE_NOEXEC(
            "anon-inode-noexec",
            Arch.ANY,
            "anon_inode: raise SB_I_NODEV and SB_I_NOEXEC",
            "1ed95281c0c7",
            "2025-04",
            Set.of()),
    /** XSAVE component 19 has a name: asking for it is not supported rather than invalid. */
    APX_STATE("apx-state", Arch.X86, "x86/fpu/apx: Define APX state component", "bd0b10b795c5", "2025-04", Set.of()),
    /** KVM_CAP_GUEST_MEMFD_FLAGS tells the flags of KVM_CREATE_GUEST_MEMFD; any VM can have one. */
    GUEST_MEMFD_FLAGS(
            "guest-memfd-flags",
            Arch.ANY,
            "KVM: Rework KVM_CAP_GUEST_MEMFD_MMAP into KVM_CAP_GUEST_MEMFD_FLAGS",
            "d2042d8f96dd",
            "2025-10",
            Set.of()),
    /** The system attribute group of SEV, with the features of its VMSA. */
    SEV_VMSA_FEATURES(
            "sev-vmsa-features",
            Arch.X86,
            "KVM: SEV: publish supported VMSA features",
            "ac5c48027bac",
            "2024-04",
            Set.of()),
    /** KVM_CAP_X2APIC_API has flags for the suppression of EOI broadcasts. */
    X2APIC_EOI_FEATURES(
            "x2apic-eoi-features",
            Arch.X86,
            "KVM: x86: Add x2APIC \"features\" to control EOI broadcast suppression",
            "6517dfbcc918",
            "2025-12",
            Set.of()),
    /** IA32_DEBUGCTL and the last-branch MSRs are in the list of MSRs to save. */
    SAVE_LBR_MSRS(
            "save-lbr-msrs",
            Arch.X86,
            "KVM: SVM: Add missing save/restore handling of LBR MSRs",
            "3700f0788da6",
            "2026-03",
            Set.of()),
    /** KVM_SET_SREGS refuses EFER bits that KVM or the vCPU's CPUID lack. */
    SREGS_EFER_CHECK(
            "sregs-efer-check",
            Arch.X86,
            "KVM: x86: Check EFER validity on KVM_SET_SREGS*",
            "list thread 20260713180153.2728382-2-yosry@kernel.org",
            "2026-07",
            Set.of());

    /** Architecture that a patch belongs to. */
    public enum Arch {
        X86,
        ARM64,
        ANY
    }

    private final String id;
    private final Arch arch;
    private final String subject;
    private final String origin;
    private final String date;
    private final Set<String> excludes;

    Patch(String id, Arch arch, String subject, String origin, String date, Set<String> excludes) {
        this.id = id;
        this.arch = arch;
        this.subject = subject;
        this.origin = origin;
        this.date = date;
        this.excludes = excludes;
    }

    /** @throws IllegalArgumentException when the catalogue has no such patch */
    public static Patch of(String id) {
        return Arrays.stream(values())
                .filter(p -> p.id.equals(id))
                .findFirst()
                .orElseThrow(
                        () -> new IllegalArgumentException("no patch '" + id + "'; `ws patches` lists the catalogue"));
    }

    public String id() {
        return id;
    }

    public Arch arch() {
        return arch;
    }

    public String subject() {
        return subject;
    }

    /** Commit or mailing-list thread. */
    public String origin() {
        return origin;
    }

    public String date() {
        return date;
    }

    /** The patch of which this is a part that can be taken alone; null for a whole patch. */
    public @Nullable Patch whole() {
        int dot = id.indexOf('.');
        return dot < 0 ? null : of(id.substring(0, dot));
    }

    /** Ids of patches that can't be in the same kernel. */
    public Set<String> excludes() {
        return excludes;
    }
}
