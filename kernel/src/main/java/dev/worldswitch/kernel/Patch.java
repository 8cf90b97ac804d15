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
    SPE_OWNER_CHECK(
            "host-spe-save-restore.owner-check",
            Arch.ARM64,
            "no SPE register on a CPU whose PMBIDR_EL1.P says that EL3 has the buffer",
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
    /** The same for SME. */
    SME_TRAP_DISCARDS(
            "sme-trap-discards",
            Arch.ARM64,
            "arm64/fpsimd: Discard stale CPU state when handling SME traps",
            "d3eaab3c7090",
            "2024-12",
            Set.of()),
    /** KVM_GET_ONE_REG of SVE registers as its first review had it; no release has it. */
    ONE_REG_RFC(
            "one-reg-rfc",
            Arch.ARM64,
            "KVM: arm64/sve: Add SVE support to register access ioctl interface (RFC PATCH 14/16)",
            "review of 2018-07-19",
            "2018-06",
            Set.of()),
    /** A part of {@link #ONE_REG_RFC}. */
    ONE_REG_RFC_REDIRECT(
            "one-reg-rfc.redirect",
            Arch.ARM64,
            "V registers, and parts of them, through the core class on vCPUs with SVE",
            "review of 2018-07-19",
            "2018-06",
            Set.of("one-reg-rfc")),
    /** A part of {@link #ONE_REG_RFC}. */
    ONE_REG_RFC_PART_OFFSET(
            "one-reg-rfc.part-offset",
            Arch.ARM64,
            "a part of a V register starts where its id says, not at the register",
            "review of 2018-07-19",
            "2018-06",
            Set.of("one-reg-rfc")),
    /** A part of {@link #ONE_REG_RFC}. */
    ONE_REG_RFC_SLICES(
            "one-reg-rfc.slices",
            Arch.ARM64,
            "slices above the vector length read as zeros and ignore writes",
            "review of 2018-07-19",
            "2018-06",
            Set.of("one-reg-rfc")),
    /** A part of {@link #ONE_REG_RFC}. */
    ONE_REG_RFC_Z_RANGE(
            "one-reg-rfc.z-range",
            Arch.ARM64,
            "Z registers are 0 to 31: 32 is no second name of the first",
            "review of 2018-07-19",
            "2018-06",
            Set.of("one-reg-rfc")),
    /** Setting a signal frame up unbinds the task's registers first, and works in memory only. */
    SIGNAL_SAVES_EARLY(
            "signal-saves-early",
            Arch.ARM64,
            "arm64/fpsimd: signal: Always save+flush state early",
            "929fa99b1215",
            "2025-04",
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
    /** The kernel's copy of IA32_XFD is as the register that fpu__resume_cpu() writes. */
    XFD_STATE_AT_RESUME(
            "xfd-state-at-resume",
            Arch.X86,
            "fpu__resume_cpu() sets xfd_state with IA32_XFD",
            "our inference, nobody has proposed it",
            "2026-11",
            Set.of()),
    /** Registers that another CPU still has are not good for a guest whose IA32_XFD was written meanwhile. */
    GUEST_XFD_UNBINDS(
            "guest-xfd-unbinds",
            Arch.X86,
            "fpu_update_guest_xfd() invalidates what other CPUs have",
            "our inference, nobody has proposed it",
            "2026-11",
            Set.of()),
    /** Beside an interrupt an SError moves no PC: the syndrome is of an exit before. */
    SERROR_WITHOUT_SYNDROME(
            "serror-without-syndrome",
            Arch.ARM64,
            "KVM: arm64: Avoid consuming a stale esr value when SError occur",
            "lore:20220127122052.1584324-3-james.morse@arm.com",
            "2022-01",
            Set.of()),
    /** Whose registers a CPU has is read again after a fault of the signal frame. */
    SIGFRAME_OWNER_READ_AGAIN(
            "sigframe-owner-read-again",
            Arch.X86,
            "x86/fpu: Don't cache access to fpu_fpregs_owner_ctx",
            "59c4bd853abc",
            "2019-11",
            Set.of()),
    /** Registers of another task that a failed XRSTOR may have changed are nobody's. */
    SIGRETURN_FAULT_INVALIDATES(
            "sigreturn-fault-invalidates",
            Arch.X86,
            "x86/fpu: Invalidate FPU state after a failed XRSTOR from a user buffer",
            "d8778e393afa",
            "2021-06",
            Set.of()),
    /** The guest's XCR0 is loaded and taken back in vmx_vcpu_run and svm_vcpu_run, before a machine check is looked at. */
    XCR0_IN_VCPU_RUN(
            "xcr0-in-vcpu-run",
            Arch.X86,
            "x86/kvm: move kvm_load/put_guest_xcr0 into atomic context",
            "1811d979c716",
            "2019-04",
            Set.of()),
    /** do_machine_check leaves what may sleep to the task's way to user mode. */
    MCE_IN_TASK_WORK(
            "mce-in-task-work",
            Arch.X86,
            "x86/mce: Send #MC singal from task work",
            "5567d11c21a1",
            "2020-05",
            Set.of()),
    /** IA32_XFD is the task's own before a signal's handler gets initial registers. */
    SIGNAL_XFD_STATE(
            "signal-xfd-state",
            Arch.X86,
            "x86/fpu: Ensure XFD state on signal delivery",
            "388eff894d6b",
            "2025-10",
            Set.of()),
    /** All protection keys allow while a signal frame is written: it may lie on a stack of another key. */
    SIG_PREPARE_PKRU(
            "sig-prepare-pkru",
            Arch.X86,
            "x86/pkeys: Update PKRU to enable all pkeys before XSAVE",
            "70044df250d0",
            "2024-08",
            Set.of()),
    /** PKRU is in use in a signal frame whatever it was when the frame was written. */
    SIGFRAME_PKRU_IN_USE(
            "sigframe-pkru-in-use",
            Arch.X86,
            "x86/pkeys: Ensure updated PKRU value is XRSTOR'd",
            "ae6012d72fa6",
            "2024-12",
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
    /** DR6 gets the guest's value once, not again at each entry that a fast path makes. */
    DR6_BEFORE_RUN_LOOP(
            "dr6-before-run-loop",
            Arch.X86,
            "KVM: x86: Load DR6 with guest value only before entering .vcpu_run() loop",
            "c2fee09fc167",
            "2025-01",
            Set.of()),
    /** Which counters count the host or guests only is read and acted on without leaving the CPU. */
    PMU_EVENTS_ON_ONE_CPU(
            "pmu-events-on-one-cpu",
            Arch.ARM64,
            "KVM: arm64: PMU: Fix per-CPU access in preemptible context",
            "lore:20200706110521.1615794-2-maz@kernel.org",
            "2020-07",
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
    /** The system's attributes of SEV go on with SNP's policy bits and certificate requests. */
    X86_SNP_ATTRIBUTES(
            "snp-attributes",
            Arch.X86,
            "KVM: SEV: Publish supported SEV-SNP policy bits",
            "7a61d61396b9",
            "2025-10",
            Set.of()),
    /** KVM_PRE_FAULT_MEMORY. */
    X86_PRE_FAULT_MEMORY(
            "pre-fault-memory",
            Arch.X86,
            "KVM: Add KVM_PRE_FAULT_MEMORY vcpu ioctl to pre-populate guest memory",
            "bc1a5cd00211",
            "2024-04",
            Set.of()),
    /** A device attribute at one of the last 4095 addresses is EFAULT as at any other bad one. */
    X86_ATTR_ADDRESS_NO_ERROR_POINTER(
            "attr-address-no-error-pointer",
            Arch.X86,
            "the address of a device attribute is never taken for an error pointer",
            "between 6.1 and 6.12, recorded",
            "2023-02",
            Set.of()),
    /** Hyper-V's invariant TSC: its CPUID bit and HV_X64_MSR_TSC_INVARIANT_CONTROL. */
    X86_HV_TSC_INVARIANT(
            "hv-tsc-invariant",
            Arch.X86,
            "KVM: x86: Hyper-V invariant TSC control",
            "series of 2022-10, between 6.1 and 6.12, recorded",
            "2022-10",
            Set.of()),
    /** Hyper-V guests may be given extended hypercalls. */
    X86_HV_EXTENDED_HYPERCALLS(
            "hv-extended-hypercalls",
            Arch.X86,
            "KVM: x86: hyper-v: Add extended hypercall support in Hyper-v",
            "db9cf24cea69",
            "2022-12",
            Set.of()),
    /** Hyper-V's flush hypercalls take extended ranges. */
    X86_HV_FLUSH_RANGES(
            "hv-flush-ranges",
            Arch.X86,
            "KVM: x86: hyper-v: Expose support for extended gva ranges for flush hypercalls",
            "f84fcb66568c",
            "2022-11",
            Set.of()),
    /** Hyper-V's nested features have the flush of L2's TLB. */
    X86_HV_L2_TLB_FLUSH(
            "hv-l2-tlb-flush",
            Arch.X86,
            "KVM: x86: Expose Hyper-V L2 TLB flush feature",
            "f4de6a1fa3ee",
            "2022-11",
            Set.of()),
    /** KVM_CAP_MAX_VCPU_ID can not exclude the boot vCPU. */
    X86_MAX_VCPU_IDS_WITH_BSP(
            "max-vcpu-ids-with-bsp",
            Arch.X86,
            "KVM: x86: Prevent excluding the BSP on setting max_vcpu_ids",
            "d29bf2ca1404",
            "2024-06",
            Set.of()),
    /** KVM_SET_BOOT_CPU_ID takes numbers that a vCPU can have. */
    X86_BOOT_CPU_ID_CHECKED(
            "boot-cpu-id-checked",
            Arch.X86,
            "KVM: x86: Limit check IDs for KVM_SET_BOOT_CPU_ID",
            "7c305d5118e6",
            "2024-06",
            Set.of()),
    /** KVM_CREATE_VCPU looks at all 64 bits of the number. */
    X86_VCPU_ID_64BIT(
            "x86-vcpu-id-64bit",
            Arch.X86,
            "KVM: Reject overly excessive IDs in KVM_CREATE_VCPU",
            "8b8e57e5096e",
            "2024-06",
            Set.of()),
    /** KVM_CAP_DEVICE_CTRL is told, the ioctl was there before. */
    X86_DEVICE_CTRL_TOLD(
            "device-ctrl-told",
            Arch.X86,
            "KVM_CAP_DEVICE_CTRL is answered on x86",
            "between 6.1 and 6.12, recorded",
            "2023-02",
            Set.of()),
    /** The recorded kernels are built with Xen interfaces. */
    X86_XEN_BUILT(
            "xen-built", Arch.X86, "CONFIG_KVM_XEN is on", "a build option of the recorded kernels", "2024", Set.of()),
    /** Masked events in KVM_SET_PMU_EVENT_FILTER. */
    X86_PMU_MASKED_EVENTS(
            "pmu-masked-events",
            Arch.X86,
            "KVM: x86/pmu: Introduce masked events to the pmu event filter",
            "14329b825ffb",
            "2022-12",
            Set.of()),
    /** KVM_SET_MEMORY_ATTRIBUTES. */
    X86_MEMORY_ATTRIBUTES(
            "memory-attributes",
            Arch.X86,
            "KVM: Introduce per-page memory attributes",
            "5a475554db1e",
            "2023-10",
            Set.of()),
    /** KVM_CREATE_GUEST_MEMFD. */
    X86_GUEST_MEMFD(
            "x86-guest-memfd",
            Arch.X86,
            "KVM: Add KVM_CREATE_GUEST_MEMFD ioctl() for guest-specific backing memory",
            "a7800aa80ea4",
            "2023-11",
            Set.of()),
    /** KVM_EXIT_MEMORY_FAULT. */
    X86_MEMORY_FAULT_INFO(
            "memory-fault-info",
            Arch.X86,
            "KVM: Add KVM_EXIT_MEMORY_FAULT exit to report faults to userspace",
            "16f95f3b95ca",
            "2023-10",
            Set.of()),
    /** KVM_CAP_VM_TYPES. */
    X86_VM_TYPES(
            "vm-types",
            Arch.X86,
            "KVM: x86: Add support for \"protected VMs\" that can utilize private memory",
            "89ea60c2c7b5",
            "2023-10",
            Set.of()),
    /** KVM_CAP_X86_APIC_BUS_CYCLES_NS. */
    X86_APIC_BUS_FREQUENCY(
            "apic-bus-frequency",
            Arch.X86,
            "KVM: x86: Add a capability to configure bus frequency for APIC timer",
            "6fef518594bc",
            "2024-06",
            Set.of()),
    /** KVM_CAP_X86_GUEST_MODE. */
    X86_GUEST_MODE_FLAG(
            "guest-mode-flag",
            Arch.X86,
            "KVM: x86: Add KVM_RUN_X86_GUEST_MODE kvm_run flag",
            "85542adb65ec",
            "2024-05",
            Set.of()),
    /** Up to 4096 vCPUs, as the recorded kernels are built. */
    X86_VCPUS_4096(
            "vcpus-4096",
            Arch.X86,
            "KVM: x86: Add CONFIG_KVM_MAX_NR_VCPUS to allow up to 4096 vCPUs",
            "f10a570b093e",
            "2023-08",
            Set.of()),
    /** KVM_X86_QUIRK_SLOT_ZAP_ALL. */
    X86_QUIRK_SLOT_ZAP_ALL(
            "quirk-slot-zap-all",
            Arch.X86,
            "KVM: x86/mmu: Introduce a quirk to control memslot zap behavior",
            "aa8d1f48d353",
            "2024-07",
            Set.of()),
    /** KVM_X86_QUIRK_STUFF_FEATURE_MSRS; the stable 6.12 has it. */
    X86_QUIRK_STUFF_FEATURE_MSRS(
            "quirk-stuff-feature-msrs",
            Arch.X86,
            "KVM: x86: Quirk initialization of feature MSRs to KVM's max configuration",
            "dcb988cdac85",
            "2024-08",
            Set.of()),
    /** KVM_X86_QUIRK_IGNORE_GUEST_PAT; the stable 6.12 has it. */
    X86_QUIRK_IGNORE_GUEST_PAT(
            "quirk-ignore-guest-pat",
            Arch.X86,
            "KVM: x86: Introduce Intel specific quirk KVM_X86_QUIRK_IGNORE_GUEST_PAT",
            "c9c1e20b4c7d",
            "2025-02",
            Set.of()),
    /** KVM_X86_QUIRK_VMCS12_ALLOW_FREEZE_IN_SMM: the stable 6.12 has it as a fix, the recorded 6.18 is older than that. */
    X86_QUIRK_FREEZE_IN_SMM(
            "quirk-freeze-in-smm",
            Arch.X86,
            "KVM: x86: Introduce KVM_X86_QUIRK_VMCS12_ALLOW_FREEZE_IN_SMM",
            "e2ffe85b6d2b",
            "2026-02",
            Set.of()),
    /** Bit 11 of the quirks. */
    X86_QUIRK_BIT_11(
            "quirk-bit-11",
            Arch.X86,
            "a twelfth quirk, bit 11 of KVM_CAP_DISABLE_QUIRKS2",
            "between 6.18 and 7.2, recorded",
            "2026-03",
            Set.of()),
    /** A PIT that has nobody to interrupt is refused. */
    X86_PIT_NEEDS_PIC(
            "pit-needs-pic",
            Arch.X86,
            "KVM_CREATE_PIT and KVM_CREATE_PIT2 answer ENOENT without a PIC",
            "between 6.1 and 6.12, read in both sources",
            "2024",
            Set.of()),
    /** KVM_GET_MSRS does not tell a local APIC in another mode from an MSR that is not there. */
    X86_X2APIC_MSR_UNSUPPORTED(
            "x2apic-msr-unsupported",
            Arch.X86,
            "an x2APIC register in another mode is an MSR that is not there",
            "between 6.1 and 6.12, recorded",
            "2024-08",
            Set.of()),
    /** Only AMD's guests have SYSENTER addresses of 32 bits; before, all but Intel's. */
    X86_VENDOR_MODEL_INTEL_COMPATIBLE(
            "vendor-model-intel-compatible",
            Arch.X86,
            "KVM: x86: Snapshot if a vCPU's vendor model is AMD vs. Intel compatible",
            "fd706c9b1674",
            "2024-04",
            Set.of()),
    /** 0 is taken for IA32_PRED_CMD. */
    X86_PRED_CMD_COMMON(
            "pred-cmd-common",
            Arch.X86,
            "KVM: x86: Move MSR_IA32_PRED_CMD WRMSR emulation to common code",
            "903358c7eddb",
            "2023-03",
            Set.of()),
    /** The upper half of IA32_TSC_AUX is reserved. */
    X86_TSC_AUX_32BIT(
            "tsc-aux-32bit",
            Arch.X86,
            "the upper half of IA32_TSC_AUX is refused, but for AMD guests",
            "between 6.1 and 6.12, recorded",
            "2024",
            Set.of()),
    /** HWCR.TscFreqSel is kept. */
    X86_HWCR_TSC_FREQ_SEL(
            "hwcr-tsc-freq-sel",
            Arch.X86,
            "KVM: x86: Virtualize HWCR.TscFreqSel[bit 24]",
            "8b0e00fba934",
            "2023-09",
            Set.of()),
    /** Without an APIC that is enabled by software a logical destination has nobody, and that is an answer; IDs that two share are asked for. */
    X86_APIC_MAP_MODES(
            "apic-map-modes",
            Arch.X86,
            "KVM: x86: Explicitly track all possibilities for APIC map's logical modes",
            "linux-source-6.12, arch/x86/kvm/lapic.c, kvm_recalculate_logical_map",
            "2023-01",
            Set.of()),
    /** A vCPU has the control bits of an empty CPUID until it gets one. */
    X86_CPUID_AT_CREATION(
            "cpuid-at-creation",
            Arch.X86,
            "KVM: x86: Do all post-set CPUID processing during vCPU creation",
            "as kernel 6.18 answers",
            "2024-11",
            Set.of()),
    /** An eventfd is the irqfd of one VM at most. */
    IRQFD_EXCLUSIVE(
            "irqfd-exclusive",
            Arch.ANY,
            "KVM: Disallow binding multiple irqfds to an eventfd with a priority waiter",
            "as kernel 6.18 answers",
            "2025-05",
            Set.of()),
    /** KVM_SET_NESTED_STATE takes GIF = 0 of a vCPU whose EFER.SVME is clear. */
    X86_SVM_GIF_WITHOUT_SVME(
            "gif-without-svme",
            Arch.X86,
            "KVM: nSVM: no requirement of GIF = 1 where EFER.SVME is clear",
            "as kernel 7.2 answers",
            "2026",
            Set.of()),
    /** KVM_GET_NR_MMU_PAGES is gone. */
    X86_NO_GET_NR_MMU_PAGES(
            "no-get-nr-mmu-pages",
            Arch.X86,
            "KVM: x86: Remove the KVM_GET_NR_MMU_PAGES ioctl",
            "c5edd753a0bd",
            "2023-02",
            Set.of()),
    /** KVM_GET_CPUID2 tells how many entries it gave. */
    X86_CPUID2_NENT_TOLD(
            "cpuid2-nent-told",
            Arch.X86,
            "KVM: x86: Update number of entries for KVM_GET_CPUID2 on success, not failure",
            "ab322c43cce9",
            "2023-05",
            Set.of()),
    /** Nested SVM has flush by ASID. */
    X86_SVM_FLUSH_BY_ASID(
            "svm-flush-by-asid",
            Arch.X86,
            "KVM: nSVM: Advertise support for flush-by-ASID",
            "176bfc5b17fe",
            "2023-10",
            Set.of()),
    /** CPUID leaf 7.1 has more than AVX-VNNI and AVX512-BF16. */
    X86_CPUID_7_1_PLATFORM(
            "cpuid-7-1-platform",
            Arch.X86,
            "x86: KVM: Advertise CMPccXADD CPUID to user space; and what followed it in leaf 7.1",
            "6a19d7aa5821 and its series",
            "2022-11",
            Set.of()),
    /** CPUID goes to leaf 0x24. */
    X86_AVX10_LEAF(
            "avx10-leaf",
            Arch.X86,
            "KVM: x86: Advertise AVX10.1 CPUID to userspace",
            "1c450ffef589",
            "2024-08",
            Set.of()),
    /** CPUID 0x80000005 has the L1 caches. */
    X86_CPUID_L1_CACHE(
            "cpuid-l1-cache",
            Arch.X86,
            "CPUID 0x80000005 is passed on",
            "between 6.1 and 6.12, recorded",
            "2023",
            Set.of()),
    /** The first value that a client writes to a TSC counts, however near it is to the one that the vCPU began with. */
    TSC_NOT_SYNCED_TO_STARTUP(
            "tsc-not-synced-to-startup",
            Arch.X86,
            "KVM: x86: Don't sync user-written TSC against startup values",
            "bf328e22e472",
            "2023-10",
            Set.of()),
    /** An interrupt shadow is over SMM what it was before. */
    SMM_INTERRUPT_SHADOW(
            "smm-interrupt-shadow",
            Arch.X86,
            "KVM: x86: smm: preserve interrupt shadow in SMRAM",
            "fb28875fd7da",
            "2022-10",
            Set.of()),
    /** Where there is no memory for the state, entering SMM ends the VM and RSM is a triple fault. */
    SMM_ENTRY_CHECKED(
            "smm-entry-checked",
            Arch.X86,
            "KVM: x86: smm: check for failures on smm entry",
            "89dccf82e99e",
            "2022-10",
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
    /** ID registers are values of the VM, kept and constant from its first run on; before that only CSV2 and CSV3 are. */
    ARM64_ID_REGS_PER_VM(
            "id-regs-per-vm",
            Arch.ARM64,
            "KVM: arm64: Save ID registers' sanitized value per guest",
            "473341469042",
            "2023-06",
            Set.of()),
    /** KVM_ARM_GET_REG_WRITABLE_MASKS. */
    ARM64_ID_WRITABLE_MASKS(
            "id-writable-masks",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to get the writable masks for feature ID registers",
            "3f9cd0ca8484",
            "2023-10",
            Set.of()),
    /** User space may lower the ID registers of AArch32. */
    ARM64_ID_AARCH32_WRITABLE(
            "id-aarch32-writable",
            Arch.ARM64,
            "ID registers of AArch32 are writable",
            "between 6.1 and 6.12, read in both sources",
            "2023-10",
            Set.of()),
    /** User space may lower fields of ID_AA64PFR0_EL1. */
    ARM64_ID_PFR0_WRITABLE(
            "id-pfr0-writable",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to change ID_AA64PFR0_EL1",
            "8cfd5be88ebe",
            "2023-10",
            Set.of()),
    /** User space may lower fields of ID_AA64PFR1_EL1. */
    ARM64_ID_PFR1_WRITABLE(
            "id-pfr1-writable",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to change ID_AA64PFR1_EL1",
            "78c4446b5f95",
            "2024-07",
            Set.of()),
    /** Guests and user space have ID_AA64PFR2_EL1. */
    ARM64_ID_PFR2(
            "id-pfr2",
            Arch.ARM64,
            "KVM: arm64: Expose ID_AA64PFR2_EL1 to userspace and guests",
            "13c7a51eeb74",
            "2024-08",
            Set.of()),
    /** User space may lower fields of ID_AA64ZFR0_EL1. */
    ARM64_ID_ZFR0_WRITABLE(
            "id-zfr0-writable",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to change ID_AA64ZFR0_EL1",
            "f89fbb350dd7",
            "2023-10",
            Set.of()),
    /** Guests and user space have ID_AA64FPFR0_EL1. */
    ARM64_ID_FPFR0_EXPOSED(
            "id-fpfr0-exposed",
            Arch.ARM64,
            "KVM: arm64: Expose ID_AA64FPFR0_EL1 as a writable ID reg",
            "6d7307651a8a",
            "2024-08",
            Set.of()),
    /** User space may lower fields of ID_AA64DFR0_EL1. */
    ARM64_ID_DFR0_WRITABLE(
            "id-dfr0-writable",
            Arch.ARM64,
            "ID_AA64DFR0_EL1 is writable beyond the version of its PMU",
            "between 6.1 and 6.12, read in both sources",
            "2023-10",
            Set.of()),
    /** User space may lower fields of ID_AA64ISAR0_EL1 to ID_AA64ISAR2_EL1. */
    ARM64_ID_ISAR_WRITABLE(
            "id-isar-writable",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to change ID_AA64ISAR{0-2}_EL1",
            "56d77aa8bdf5",
            "2023-10",
            Set.of()),
    /** User space may lower fields of ID_AA64MMFR0_EL1 to ID_AA64MMFR2_EL1. */
    ARM64_ID_MMFR_WRITABLE(
            "id-mmfr-writable",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to change ID_AA64MMFR{0-2}_EL1",
            "d5a32b60dc18",
            "2023-10",
            Set.of()),
    /** Guests and user space have ID_AA64MMFR3_EL1. */
    ARM64_ID_MMFR3(
            "id-mmfr3",
            Arch.ARM64,
            "KVM: arm64: expose ID_AA64MMFR3_EL1 to guests",
            "8ef67c67e637",
            "2023-06",
            Set.of()),
    /** Guests and user space have ID_AA64MMFR4_EL1. */
    ARM64_ID_MMFR4(
            "id-mmfr4",
            Arch.ARM64,
            "KVM: arm64: Expose ID_AA64MMFR4_EL1 to guests",
            "c21df6e43f0e",
            "2024-01",
            Set.of()),
    /** CTR_EL0 is an ID register of the VM. */
    ARM64_CTR_PER_VM(
            "ctr-per-vm",
            Arch.ARM64,
            "KVM: arm64: Treat CTR_EL0 as a VM feature ID register",
            "2843cae26644",
            "2024-06",
            Set.of()),
    /** Without a GICv3 in the kernel the first run clears the GIC fields of the ID registers. */
    ARM64_ID_GIC_ZERO(
            "id-gic-zero",
            Arch.ARM64,
            "KVM: arm64: Zero ID_AA64PFR0_EL1.GIC when no GICv3 is presented to the guest",
            "5cb57a1aff75",
            "2024-08",
            Set.of()),
    /** User space may write ID_AA64PFR0_EL1.RAS. */
    ARM64_ID_RAS_WRITABLE(
            "id-ras-writable",
            Arch.ARM64,
            "KVM: arm64: Make ID_AA64PFR0_EL1.RAS writable",
            "1fab657cb2a0",
            "2025-08",
            Set.of()),
    /** User space may write ID_AA64PFR1_EL1.RAS_frac. */
    ARM64_ID_RAS_FRAC_WRITABLE(
            "id-ras-frac-writable",
            Arch.ARM64,
            "KVM: arm64: Make ID_AA64PFR1_EL1.RAS_frac writable",
            "7a765aa88e34",
            "2025-08",
            Set.of()),
    /** ID_AA64PFR1_EL1.DF2 is shown and writable. */
    ARM64_ID_DOUBLE_FAULT2(
            "id-double-fault2",
            Arch.ARM64,
            "KVM: arm64: Advertise support for FEAT_DoubleFault2",
            "a3c4a00dbe20",
            "2025-07",
            Set.of()),
    /** ID_AA64PFR2_EL1.MTEFAR is writable. */
    ARM64_ID_MTE_TAGGED_FAR(
            "id-mte-tagged-far",
            Arch.ARM64,
            "KVM: arm64: Expose FEAT_MTE_TAGGED_FAR feature to guest",
            "61eae495da68",
            "2025-06",
            Set.of()),
    /** ID_AA64PFR2_EL1.MTESTOREONLY is writable. */
    ARM64_ID_MTE_STORE_ONLY(
            "id-mte-store-only",
            Arch.ARM64,
            "KVM: arm64: Expose MTE_STORE_ONLY feature to guest",
            "7502bdb43aa2",
            "2025-06",
            Set.of()),
    /** User space may write F16MM and EltPerm of ID_AA64ZFR0_EL1. */
    ARM64_ID_ZFR0_2024(
            "id-zfr0-2024",
            Arch.ARM64,
            "bits 51-48 and 15-12 of ID_AA64ZFR0_EL1 are writable",
            "between 6.12.107 and 6.18, recorded",
            "2025-09",
            Set.of()),
    /** User space may write F8MM8 and F8MM4 of ID_AA64FPFR0_EL1. */
    ARM64_ID_FPFR0_2024(
            "id-fpfr0-2024",
            Arch.ARM64,
            "bits 27 and 26 of ID_AA64FPFR0_EL1 are writable",
            "between 6.12.107 and 6.18, recorded",
            "2025-09",
            Set.of()),
    /** User space may write bits 47-44 of ID_AA64ISAR2_EL1. */
    ARM64_ID_ISAR2_2024(
            "id-isar2-2024",
            Arch.ARM64,
            "bits 47-44 of ID_AA64ISAR2_EL1 are writable",
            "between 6.12.107 and 6.18, recorded",
            "2025-09",
            Set.of()),
    /** Guests and user space have ID_AA64ISAR3_EL1, of which FAMINMAX, LSFE and FPRCVT are writable. */
    ARM64_ID_ISAR3(
            "id-isar3",
            Arch.ARM64,
            "ID_AA64ISAR3_EL1 is shown",
            "between 6.12.107 and 6.18, recorded",
            "2025-09",
            Set.of()),
    /** User space may write the stage 2 granules of ID_AA64MMFR0_EL1. */
    ARM64_ID_TGRAN_STAGE2(
            "id-tgran-stage2",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to write ID_AA64MMFR0_EL1.TGRAN*_2",
            "3f1e07275341",
            "2025-03",
            Set.of()),
    /** User space may write HCX and TWED of ID_AA64MMFR1_EL1. */
    ARM64_ID_MMFR1_2025(
            "id-mmfr1-2025",
            Arch.ARM64,
            "bits 43-40 and 35-32 of ID_AA64MMFR1_EL1 are writable",
            "between 6.12.107 and 6.18, recorded",
            "2025-09",
            Set.of()),
    /** User space may write ID_AA64MMFR3_EL1.SCTLRX. */
    ARM64_ID_SCTLR2(
            "id-sctlr2",
            Arch.ARM64,
            "KVM: arm64: Advertise support for FEAT_SCTLR2",
            "075c2dc7367e",
            "2025-07",
            Set.of()),
    /** User space may write ID_AA64MMFR4_EL1.NV_frac. */
    ARM64_ID_MMFR4_WRITABLE(
            "id-mmfr4-writable",
            Arch.ARM64,
            "bits 23-20 of ID_AA64MMFR4_EL1 are writable",
            "between 6.12.107 and 6.18, recorded",
            "2025-02",
            Set.of()),
    /** User space may write CTR_EL0.L1Ip. */
    ARM64_ID_CTR_L1IP(
            "id-ctr-l1ip",
            Arch.ARM64,
            "KVM: arm64: Make L1Ip feature in CTR_EL0 writable from userspace",
            "e9b57d7f9740",
            "2024-10",
            Set.of()),
    /** PMUVer and PerfMon are unsigned for the host kernel: versions of 8 and above are not taken for none. */
    ARM64_FTR_PMUVER_UNSIGNED(
            "ftr-pmuver-unsigned",
            Arch.ARM64,
            "ID_AA64DFR0_EL1.PMUVer and ID_DFR0_EL1.PerfMon are unsigned fields",
            "between 6.1 and 6.12, read in both sources",
            "2022-11",
            Set.of()),
    /** The host kernel knows ID_AA64ZFR0_EL1.B16B16. */
    ARM64_FTR_SVE_B16B16(
            "ftr-sve-b16b16",
            Arch.ARM64,
            "ID_AA64ZFR0_EL1.B16B16 is a known field",
            "between 6.1 and 6.12, read in both sources",
            "2023-01",
            Set.of()),
    /** The host kernel knows the fields of ID_AA64SMFR0_EL1 that came with SME2. */
    ARM64_FTR_SME2(
            "ftr-sme2",
            Arch.ARM64,
            "arm64/sme: Add hwcaps for SME 2 and 2.1 features",
            "7d5d8601e457",
            "2023-01",
            Set.of()),
    /** The host kernel knows FPMR, FP8, LUT and FAMINMAX. */
    ARM64_FTR_DPISA_2023(
            "ftr-dpisa-2023",
            Arch.ARM64,
            "arm64/hwcap: Define hwcaps for 2023 DPISA features",
            "c1932cac7902",
            "2024-03",
            Set.of()),
    /** The host kernel knows ID_AA64ISAR1_EL1.XS. */
    ARM64_FTR_XS(
            "ftr-xs",
            Arch.ARM64,
            "ID_AA64ISAR1_EL1.XS is a known field",
            "between 6.1 and 6.12, read in both sources",
            "2024-06",
            Set.of()),
    /** The host kernel knows ID_AA64ISAR2_EL1.CSSC. */
    ARM64_FTR_CSSC(
            "ftr-cssc", Arch.ARM64, "arm64/hwcap: Add support for FEAT_CSSC", "95aa6860d608", "2022-10", Set.of()),
    /** The host kernel knows ID_AA64ISAR2_EL1.RPRFM. */
    ARM64_FTR_RPRFM(
            "ftr-rprfm", Arch.ARM64, "arm64/hwcap: Add support for FEAT_RPRFM", "939e4649d4fd", "2022-10", Set.of()),
    /** The host kernel knows ID_AA64ISAR2_EL1.MOPS. */
    ARM64_FTR_MOPS(
            "ftr-mops", Arch.ARM64, "arm64: mops: detect and enable FEAT_MOPS", "b7564127ffcb", "2023-05", Set.of()),
    /** The host kernel knows ID_AA64MMFR1_EL1.HCX. */
    ARM64_FTR_HCX("ftr-hcx", Arch.ARM64, "arm64: cpufeature: detect FEAT_HCX", "b0c756fe996a", "2023-05", Set.of()),
    /** The host kernel knows ID_AA64MMFR3_EL1.TCRX. */
    ARM64_FTR_TCR2("ftr-tcr2", Arch.ARM64, "arm64: cpufeature: add TCR2 cpucap", "2b760046a2d3", "2023-06", Set.of()),
    /** The host kernel knows ID_AA64MMFR3_EL1.S1PIE. */
    ARM64_FTR_S1PIE(
            "ftr-s1pie",
            Arch.ARM64,
            "arm64: cpufeature: add Permission Indirection Extension cpucap",
            "e43454c44232",
            "2023-06",
            Set.of()),
    /** The host kernel knows ID_AA64MMFR3_EL1.S1POE. */
    ARM64_FTR_S1POE(
            "ftr-s1poe",
            Arch.ARM64,
            "arm64: cpufeature: add Permission Overlay Extension cpucap",
            "list thread 20240822151113.1479789-1-joey.gouly@arm.com, part 5",
            "2024-08",
            Set.of()),
    /** The host kernel knows ID_AA64MMFR4_EL1.E2H0. */
    ARM64_FTR_E2H0(
            "ftr-e2h0",
            Arch.ARM64,
            "arm64: cpufeature: Add ID_AA64MMFR4_EL1 handling",
            "805bb61f8279",
            "2024-01",
            Set.of()),
    /** KVM_CAP_ARM_WRITABLE_IMP_ID_REGS: MIDR_EL1, REVIDR_EL1 and AIDR_EL1 are the VM's. */
    ARM64_WRITABLE_IMP_ID_REGS(
            "writable-imp-id-regs",
            Arch.ARM64,
            "KVM: arm64: Allow userspace to change the implementation ID registers",
            "3adaee783061",
            "2025-02",
            Set.of()),
    /** Guests' reads of the implementation's registers trap. */
    ARM64_TID1("tid1", Arch.ARM64, "KVM: arm64: Set HCR_EL2.TID1 unconditionally", "4cd48565b0e5", "2025-02", Set.of()),
    /** An ID register that the guest has not is reported by a trap of class 0x18, where the guest has FEAT_IDST. */
    ARM64_IDST(
            "idst",
            Arch.ARM64,
            "KVM: arm64: Report optional ID register traps with a 0x18 syndrome",
            "list thread 20251126155951.1146317-5-maz@kernel.org",
            "2025-11",
            Set.of()),
    /** PMMIR_EL1 is UNDEFINED for a vCPU without PMU. */
    ARM64_PMMIR_NEEDS_PMU(
            "pmmir-needs-pmu",
            Arch.ARM64,
            "PMMIR_EL1 is UNDEFINED without a PMU",
            "between 6.18 and 7.2, recorded",
            "2026-03",
            Set.of()),
    /** TCR2_EL1 is switched and in the list. */
    ARM64_TCR2_EL1("tcr2-el1", Arch.ARM64, "KVM: arm64: Save/restore TCR2_EL1", "fbff56068232", "2023-06", Set.of()),
    /** PIR_EL1 and PIRE0_EL1 are switched and in the list. */
    ARM64_PIE_REGS(
            "pie-regs", Arch.ARM64, "KVM: arm64: Save/restore PIE registers", "86f9de9db178", "2023-06", Set.of()),
    /** POR_EL1 and POR_EL0 are known, hidden where the guest has not S1POE. */
    ARM64_POE_REGS(
            "poe-regs", Arch.ARM64, "KVM: arm64: Save/restore POE registers", "b86c9bea6349", "2024-08", Set.of()),
    /** FPMR is known, hidden where the guest has not FP8. */
    ARM64_FPMR_REG(
            "fpmr-reg",
            Arch.ARM64,
            "KVM: arm64: Add save/restore support for FPMR",
            "ef3be86021c3",
            "2024-08",
            Set.of()),
    /** TCR2_EL1 and the PIE registers are hidden from a VM whose ID registers have none. */
    ARM64_TCR2_PIE_VISIBILITY(
            "tcr2-pie-visibility",
            Arch.ARM64,
            "KVM: arm64: Rely on visibility to let PIR*_ELx/TCR2_ELx UNDEF",
            "b4824120303f",
            "2024-10",
            Set.of()),
    /** KVM_ARM_SET_COUNTER_OFFSET. */
    ARM64_COUNTER_OFFSET(
            "counter-offset",
            Arch.ARM64,
            "KVM: arm64: timers: Allow userspace to set the global counter offset",
            "30ec7997d175",
            "2023-03",
            Set.of()),
    /** The physical timer is in the list of registers. */
    ARM64_PTIMER_USER_ACCESS(
            "ptimer-user-access",
            Arch.ARM64,
            "KVM: arm64: timers: Allow save/restoring of the physical timer",
            "680232a94c12",
            "2023-03",
            Set.of()),
    /** The physical timer has an offset, so that without CNTPOFF_EL2 it is emulated on VHE too. */
    ARM64_PTIMER_OFFSET(
            "ptimer-offset",
            Arch.ARM64,
            "KVM: arm64: timers: Allow physical offset without CNTPOFF_EL2",
            "c605ee245097",
            "2023-03",
            Set.of()),
    /** KVM_ARM_VCPU_TIMER_CTRL has the interrupts of the timers of EL2. */
    ARM64_EL2_TIMER_IRQS(
            "el2-timer-irqs",
            Arch.ARM64,
            "attributes KVM_ARM_VCPU_TIMER_IRQ_HVTIMER and _HPTIMER",
            "between 6.1 and 6.12, read in both sources",
            "2023-03",
            Set.of()),
    /** The timers are among the system registers of KVM_GET_REG_LIST, by their encodings in hardware. */
    ARM64_TIMERS_IN_SYSREG_TABLE(
            "timers-in-sysreg-table",
            Arch.ARM64,
            "KVM: arm64: Kill leftovers of ad-hoc timer userspace access",
            "386aac77da11",
            "2025-09",
            Set.of()),
    /** KVM_GET_ONE_REG of CNT*_CTL_EL0 has no ISTATUS. */
    ARM64_TIMER_CTL_WITHOUT_STATUS(
            "timer-ctl-without-status",
            Arch.ARM64,
            "KVM: arm64: Move CNT*_CTL_EL0 userspace accessors to generic infrastructure",
            "09424d5d7d4e",
            "2025-09",
            Set.of()),
    /** KVM_ARM_VM_SMCCC_FILTER, and with it attributes of VMs. */
    ARM64_SMCCC_FILTER(
            "smccc-filter",
            Arch.ARM64,
            "KVM: arm64: Introduce support for userspace SMCCC filtering",
            "821d935c87bc",
            "2023-04",
            Set.of()),
    /** SMC #0 of a guest is handled like HVC. */
    ARM64_SMC_HANDLED(
            "smc-handled", Arch.ARM64, "KVM: arm64: Start handling SMCs from EL1", "c2d2e9b3d8ce", "2023-04", Set.of()),
    /** PSCI 1.2 and 1.3, with SYSTEM_OFF2. */
    ARM64_PSCI_1_3(
            "psci-1-3",
            Arch.ARM64,
            "KVM: arm64: Add PSCI v1.3 SYSTEM_OFF2 function for hibernation",
            "97413cea1c48",
            "2024-10",
            Set.of()),
    /** The second bitmap of vendor hypercalls. */
    ARM64_VENDOR_HYP_BMAP_2(
            "vendor-hyp-bmap-2",
            Arch.ARM64,
            "KVM: arm64: Introduce KVM_REG_ARM_VENDOR_HYP_BMAP_2",
            "c0000e58c74e",
            "2025-02",
            Set.of()),
    /** Guest-physical addresses of 52 bits with pages of 4 KiB. */
    ARM64_LPA2(
            "lpa2",
            Arch.ARM64,
            "KVM: arm64: Allow guests with >48-bit IPA size on FEAT_LPA2 systems",
            "d782ac5b2cee",
            "2023-11",
            Set.of()),
    /** User space has addresses of 52 bits. */
    ARM64_USER_VA_52(
            "user-va-52",
            Arch.ARM64,
            "52-bit virtual addresses with pages of 4 KiB, as Debian configures it",
            "between 6.1 and 6.12, read in both sources",
            "2024-02",
            Set.of()),
    /** KVM_CREATE_VCPU looks at all 64 bits of the id. */
    ARM64_VCPU_ID_64BIT(
            "vcpu-id-64bit",
            Arch.ARM64,
            "KVM: Reject overly excessive IDs in KVM_CREATE_VCPU",
            "8b8e57e5096e",
            "2024-06",
            Set.of()),
    /** The tracepoints kvm_arm_setup_debug, kvm_arm_set_dreg32 and their like are gone. */
    ARM64_DEBUG_TRACE_REMOVED(
            "debug-trace-removed",
            Arch.ARM64,
            "KVM: arm64: Remove debug tracepoints",
            "3b7780945cc8",
            "2024-12",
            Set.of()),
    /** Without a GIC in the kernel, a guest's accesses to the GIC's CPU interface trap. */
    ARM64_GIC_REGS_TRAP(
            "gic-regs-trap",
            Arch.ARM64,
            "KVM: arm64: Force GICv3 trap activation when no irqchip is configured on VHE",
            "8d917e0a8651",
            "2024-08",
            Set.of()),
    /** KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ. */
    ARM64_VGIC_MAINT_IRQ(
            "vgic-maint-irq",
            Arch.ARM64,
            "KVM: arm64: nv: Allow userland to set VGIC maintenance IRQ",
            "faf7714a47a2",
            "2025-02",
            Set.of()),
    /** Setting an unknown control of the ITS is refused. */
    ARM64_ITS_CTRL_CHECKED(
            "its-ctrl-checked",
            Arch.ARM64,
            "KVM: arm64: vgic-its: Return -ENXIO to invalid KVM_DEV_ARM_VGIC_GRP_CTRL attrs",
            "4530256f3699",
            "2025-07",
            Set.of()),
    /** PMCR_EL0.N is the VM's, and user space may lower it. */
    ARM64_PMCR_N_PER_VM(
            "pmcr-n-per-vm",
            Arch.ARM64,
            "KVM: arm64: PMU: Allow userspace to limit PMCR_EL0.N for the guest",
            "ea9ca904d24f",
            "2023-10",
            Set.of()),
    /** PMCR_EL0 is reset to zero, not to a pattern. */
    ARM64_PMCR_RESET(
            "pmcr-reset",
            Arch.ARM64,
            "KVM: arm64: PMU: Simplify PMCR_EL0 reset handling",
            "292e8f149476",
            "2022-11",
            Set.of()),
    /** User space reads and writes PMCNTENSET_EL0 and its like masked by the counters that are there. */
    ARM64_PMU_USER_MASKS(
            "pmu-user-masks",
            Arch.ARM64,
            "KVM: arm64: Add {get,set}_user for PM{C,I}NTEN{SET,CLR}, PMOVS{SET,CLR}",
            "a45f41d754e0",
            "2023-10",
            Set.of()),
    /** User space's write of PMCNTENCLR_EL0 and its like stores, instead of clearing bits. */
    ARM64_PMU_RAW_USER_VALUES(
            "pmu-raw-user-values",
            Arch.ARM64,
            "KVM: arm64: PMU: Set raw values from user to PM{C,I}NTEN{SET,CLR}, PMOVS{SET,CLR}",
            "f2aeb7bbd574",
            "2025-03",
            Set.of()),
    /** PMEVTYPERn_EL0 has the exclusions of EL2 and EL3 where the VM has these levels. */
    ARM64_PMU_EVTYPER_EL3(
            "pmu-evtyper-el3",
            Arch.ARM64,
            "KVM: arm64: Add PMU event filter bits required if EL3 is implemented",
            "ae8d3522e5b7",
            "2023-10",
            Set.of()),
    /** PMCEID0_EL0 has CHAIN, whatever the hardware has. */
    ARM64_PMU_CHAIN_ADVERTISED(
            "pmu-chain-advertised",
            Arch.ARM64,
            "KVM: arm64: PMU: Always advertise the CHAIN event",
            "acdd8a4e13a0",
            "2022-11",
            Set.of()),
    /** Event counters of 64 bits for VMs with PMUv3p5. */
    ARM64_PMU_LONG_COUNTERS(
            "pmu-long-counters",
            Arch.ARM64,
            "KVM: arm64: PMU: Implement PMUv3p5 long counter support",
            "11af4c37165e",
            "2022-11",
            Set.of()),
    /** KVM_ARM_VCPU_PMU_V3_SET_NR_COUNTERS. */
    ARM64_PMU_SET_NR_COUNTERS(
            "pmu-set-nr-counters",
            Arch.ARM64,
            "attribute KVM_ARM_VCPU_PMU_V3_SET_NR_COUNTERS",
            "between 6.12.107 and 6.18, recorded",
            "2025-04",
            Set.of()),
    /** perf gives the CPUs' PMU the type 9: one more PMU is there before it. */
    ARM64_PERF_TYPE_NINE(
            "perf-type-nine",
            Arch.ARM64,
            "one more PMU registers before the CPUs' own",
            "between 6.1 and 6.12, read in both sources",
            "2024-09",
            Set.of()),
    /** KVM_CAP_DIRTY_LOG_RING_ACQ_REL is told. */
    ARM64_DIRTY_RING(
            "dirty-ring",
            Arch.ARM64,
            "KVM: arm64: Enable ring-based dirty memory tracking",
            "9cb1096f8590",
            "2022-11",
            Set.of()),
    /** KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP is told. */
    ARM64_DIRTY_RING_WITH_BITMAP(
            "dirty-ring-with-bitmap",
            Arch.ARM64,
            "KVM: Support dirty ring in conjunction with bitmap",
            "86bdf3ebcfe1",
            "2022-11",
            Set.of()),
    /** KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE and KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES. */
    ARM64_EAGER_SPLIT(
            "eager-split",
            Arch.ARM64,
            "KVM: arm64: Add KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE",
            "2f440b72e852",
            "2023-04",
            Set.of()),
    /** KVM_CAP_GUEST_MEMFD on arm64. */
    ARM64_GUEST_MEMFD(
            "guest-memfd",
            Arch.ARM64,
            "KVM: arm64: Enable host mapping of shared guest_memfd memory",
            "list thread 20250717162731.446579-19-tabba@google.com",
            "2025-07",
            Set.of()),
    /** KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED is known. */
    ARM64_CACHEABLE_PFNMAP(
            "cacheable-pfnmap",
            Arch.ARM64,
            "KVM: arm64: Expose new KVM cap for cacheable PFNMAP",
            "f55ce5a6cd33",
            "2025-07",
            Set.of()),
    /** KVM_CAP_ARM_SEA_TO_USER. */
    ARM64_SEA_TO_USER(
            "sea-to-user",
            Arch.ARM64,
            "KVM: arm64: VM exit to userspace to handle SEA",
            "ad9c62bd8946",
            "2025-10",
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
