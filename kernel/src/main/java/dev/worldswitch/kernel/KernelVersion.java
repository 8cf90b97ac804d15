package dev.worldswitch.kernel;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A kernel as its set of patches. {@code name} is a recorded stable release (6.1, 6.12, 6.18, 7.2): its recorded ABI and
 * its FP, XSAVE, debug and profiling code.
 */
public record KernelVersion(String name, Set<Patch> patches, Preempt preempt) {
    /** CONFIG_PREEMPT_* as booted. */
    public enum Preempt {
        FULL,
        VOLUNTARY,
        NONE;

        /** @throws IllegalArgumentException when there is none of this name; names those there are */
        public static Preempt of(String name) {
            for (Preempt p : values()) if (p.name().equalsIgnoreCase(name)) return p;
            throw new IllegalArgumentException("no preemption '" + name + "'; known: full, voluntary, none");
        }
    }

    public static final String DEFAULT = "6.12";
    private static final List<String> NAMES = List.of("6.1", "6.12", "6.18", "7.2");
    /** The first recorded release, stable fixes included, that has a patch; a patch not listed is in none. */
    private static final Map<Patch, String> SINCE = Map.ofEntries(
            Map.entry(Patch.CLEAR_XSTATE_BV_ON_XFD, "6.1"),
            Map.entry(Patch.HOST_FP_SAVE_FLUSH, "6.1"),
            Map.entry(Patch.ZCR_EAGER_SWITCH, "6.1"),
            Map.entry(Patch.RUN_LOOP_SIGNAL_CHECK, "6.1"),
            Map.entry(Patch.RUN_FLAG_UNDER_CONFIG_LOCK, "6.1"),
            Map.entry(Patch.HOST_SPE_SAVE_RESTORE, "6.1"),
            Map.entry(Patch.REG_LIST_VALID_IDS, "6.1"),
            Map.entry(Patch.SVE_LENGTHS_BOOL, "6.1"),
            Map.entry(Patch.CYCLE_COUNTER_64BIT, "6.1"),
            Map.entry(Patch.PMCR_KEPT_AT_RESET, "6.1"),
            Map.entry(Patch.RESET_ERROR_WITH_SVE, "6.1"),
            Map.entry(Patch.CSV2_WRITABLE, "6.1"),
            Map.entry(Patch.MPAM_WRITE_IGNORED, "6.12"),
            Map.entry(Patch.SAVE_FLUSH_SOFTIRQ_SAFE, "6.1"),
            Map.entry(Patch.NEON_WITHOUT_BUSY, "6.12"),
            Map.entry(Patch.NEON_PREEMPTIBLE, "6.12"),
            Map.entry(Patch.NEON_SWITCH_FLUSHES, "6.12"),
            Map.entry(Patch.NEON_SWITCH_FLUSHES_FIRST, "6.12"),
            Map.entry(Patch.FPMR_AFTER_SVCR, "6.12"),
            Map.entry(Patch.SVE_TRAP_DISCARDS, "6.1"),
            Map.entry(Patch.SME_TRAP_DISCARDS, "6.1"),
            Map.entry(Patch.FLUSH_SETS_FOREIGN, "6.1"),
            Map.entry(Patch.SVE_DISCARD_AT_LOAD, "6.1"),
            Map.entry(Patch.SVE_NOTE_FRESH, "6.1"),
            Map.entry(Patch.MDCR_BEFORE_FIRST_LOAD, "6.1"),
            Map.entry(Patch.MDCR_HOST_SAVED_FIRST, "6.1"),
            Map.entry(Patch.PMUSERENR_HOST_KEPT, "6.1"),
            Map.entry(Patch.PTRAUTH_KEYS_AT_LOAD, "6.1"),
            Map.entry(Patch.TRACE_FILTER_TRAPS, "6.1"),
            Map.entry(Patch.PMSCR_DEFINED_ON_VHE, "6.1"),
            Map.entry(Patch.COMMIT_PC_BEFORE_USER, "6.1"),
            Map.entry(Patch.STEP_ACTIVE_PENDING, "6.1"),
            Map.entry(Patch.STEP_KEEPS_GUEST_SS, "6.1"),
            Map.entry(Patch.XSAVE_UABI_INIT, "6.1"),
            Map.entry(Patch.KVM_FPU_NEED_LOAD, "6.1"),
            Map.entry(Patch.KVM_FPU_CHECK_AT_ENTRY, "6.1"),
            Map.entry(Patch.EXEC_INVALIDATES, "6.1"),
            Map.entry(Patch.SERROR_WITHOUT_SYNDROME, "6.1"),
            Map.entry(Patch.SIGFRAME_OWNER_READ_AGAIN, "6.1"),
            Map.entry(Patch.SIGRETURN_FAULT_INVALIDATES, "6.1"),
            Map.entry(Patch.SIGNAL_XFD_STATE, "6.1"),
            Map.entry(Patch.SIGNAL_SAVES_EARLY, "6.18"),
            Map.entry(Patch.XCR0_IN_VCPU_RUN, "6.1"),
            Map.entry(Patch.MCE_IN_TASK_WORK, "6.1"),
            Map.entry(Patch.SIG_PREPARE_PKRU, "6.12"),
            Map.entry(Patch.SIGFRAME_PKRU_IN_USE, "6.12"),
            Map.entry(Patch.IRQ_FPU_USABLE, "6.1"),
            Map.entry(Patch.DEBUGCTL_AFTER_IRQS_OFF, "6.1"),
            Map.entry(Patch.SVM_DEBUGCTL, "6.1"),
            Map.entry(Patch.DR6_BEFORE_RUN_LOOP, "6.1"),
            Map.entry(Patch.PMU_EVENTS_ON_ONE_CPU, "6.1"),
            Map.entry(Patch.XFD_STATE_AT_HOTPLUG, "6.1"),
            Map.entry(Patch.PMUSERENR_SHADOW, "6.1"),
            Map.entry(Patch.SME_AFTER_SUSPEND, "6.1"),
            Map.entry(Patch.ARM64_VCPU_FEATURES_PER_VM, "6.12"),
            Map.entry(Patch.ARM64_POWER_OFF_EPHEMERAL, "6.12"),
            Map.entry(Patch.ARM64_GENERIC_TARGET, "6.12"),
            Map.entry(Patch.ARM64_INIT_KEEPS_LINES, "6.12"),
            Map.entry(Patch.ARM64_VCPU_ID_REGS_RESET_ONCE, "6.12"),
            Map.entry(Patch.ARM64_NORMALIZED_CACHES, "6.12"),
            Map.entry(Patch.ARM64_ESR_NOT_SIGN_EXTENDED, "6.12"),
            Map.entry(Patch.ARM64_ASIDBITS_FIXED, "6.12"),
            Map.entry(Patch.ARM64_NESTED_FEATURE_BITS, "6.18"),
            Map.entry(Patch.ARM64_ABORT_TAKEN_AT_ONCE, "6.18"),
            Map.entry(Patch.ARM64_EVENTS_NEED_INIT, "6.18"),
            Map.entry(Patch.ARM64_MMIO_SIGN_EXTENSION, "7.2"),
            Map.entry(Patch.ARM64_ABORT_IL_SET, "7.2"),
            Map.entry(Patch.ARM64_ID_NO_TME, "7.2"),
            Map.entry(Patch.ARM64_ID_LSUI, "7.2"),
            Map.entry(Patch.ARM64_ID_GCIE, "7.2"),
            Map.entry(Patch.ARM64_ID_FPFR0, "7.2"),
            Map.entry(Patch.ARM64_ID_REGS_PER_VM, "6.12"),
            Map.entry(Patch.ARM64_ID_WRITABLE_MASKS, "6.12"),
            Map.entry(Patch.ARM64_ID_AARCH32_WRITABLE, "6.12"),
            Map.entry(Patch.ARM64_ID_PFR0_WRITABLE, "6.12"),
            Map.entry(Patch.ARM64_ID_PFR1_WRITABLE, "6.12"),
            Map.entry(Patch.ARM64_ID_PFR2, "6.12"),
            Map.entry(Patch.ARM64_ID_ZFR0_WRITABLE, "6.12"),
            Map.entry(Patch.ARM64_ID_FPFR0_EXPOSED, "6.12"),
            Map.entry(Patch.ARM64_ID_DFR0_WRITABLE, "6.12"),
            Map.entry(Patch.ARM64_ID_ISAR_WRITABLE, "6.12"),
            Map.entry(Patch.ARM64_ID_MMFR_WRITABLE, "6.12"),
            Map.entry(Patch.ARM64_ID_MMFR3, "6.12"),
            Map.entry(Patch.ARM64_ID_MMFR4, "6.12"),
            Map.entry(Patch.ARM64_CTR_PER_VM, "6.12"),
            Map.entry(Patch.ARM64_ID_GIC_ZERO, "6.12"),
            Map.entry(Patch.ARM64_ID_RAS_WRITABLE, "6.18"),
            Map.entry(Patch.ARM64_ID_RAS_FRAC_WRITABLE, "6.18"),
            Map.entry(Patch.ARM64_ID_DOUBLE_FAULT2, "6.18"),
            Map.entry(Patch.ARM64_ID_MTE_TAGGED_FAR, "6.18"),
            Map.entry(Patch.ARM64_ID_MTE_STORE_ONLY, "6.18"),
            Map.entry(Patch.ARM64_ID_ZFR0_2024, "6.18"),
            Map.entry(Patch.ARM64_ID_FPFR0_2024, "6.18"),
            Map.entry(Patch.ARM64_ID_ISAR2_2024, "6.18"),
            Map.entry(Patch.ARM64_ID_ISAR3, "6.18"),
            Map.entry(Patch.ARM64_ID_TGRAN_STAGE2, "6.18"),
            Map.entry(Patch.ARM64_ID_MMFR1_2025, "6.18"),
            Map.entry(Patch.ARM64_ID_SCTLR2, "6.18"),
            Map.entry(Patch.ARM64_ID_MMFR4_WRITABLE, "6.18"),
            Map.entry(Patch.ARM64_ID_CTR_L1IP, "6.18"),
            Map.entry(Patch.ARM64_FTR_PMUVER_UNSIGNED, "6.12"),
            Map.entry(Patch.ARM64_FTR_SVE_B16B16, "6.12"),
            Map.entry(Patch.ARM64_FTR_SME2, "6.12"),
            Map.entry(Patch.ARM64_FTR_DPISA_2023, "6.12"),
            Map.entry(Patch.ARM64_FTR_XS, "6.12"),
            Map.entry(Patch.ARM64_FTR_CSSC, "6.12"),
            Map.entry(Patch.ARM64_FTR_RPRFM, "6.12"),
            Map.entry(Patch.ARM64_FTR_MOPS, "6.12"),
            Map.entry(Patch.ARM64_FTR_HCX, "6.12"),
            Map.entry(Patch.ARM64_FTR_TCR2, "6.12"),
            Map.entry(Patch.ARM64_FTR_S1PIE, "6.12"),
            Map.entry(Patch.ARM64_FTR_S1POE, "6.12"),
            Map.entry(Patch.ARM64_FTR_E2H0, "6.12"),
            Map.entry(Patch.ARM64_WRITABLE_IMP_ID_REGS, "6.18"),
            Map.entry(Patch.ARM64_TID1, "6.18"),
            Map.entry(Patch.ARM64_IDST, "7.2"),
            Map.entry(Patch.ARM64_PMMIR_NEEDS_PMU, "7.2"),
            Map.entry(Patch.ARM64_TCR2_EL1, "6.12"),
            Map.entry(Patch.ARM64_PIE_REGS, "6.12"),
            Map.entry(Patch.ARM64_POE_REGS, "6.12"),
            Map.entry(Patch.ARM64_FPMR_REG, "6.12"),
            Map.entry(Patch.ARM64_TCR2_PIE_VISIBILITY, "6.18"),
            Map.entry(Patch.ARM64_COUNTER_OFFSET, "6.12"),
            Map.entry(Patch.ARM64_PTIMER_USER_ACCESS, "6.12"),
            Map.entry(Patch.ARM64_PTIMER_OFFSET, "6.12"),
            Map.entry(Patch.ARM64_EL2_TIMER_IRQS, "6.12"),
            Map.entry(Patch.ARM64_TIMERS_IN_SYSREG_TABLE, "6.18"),
            Map.entry(Patch.ARM64_TIMER_CTL_WITHOUT_STATUS, "6.18"),
            Map.entry(Patch.ARM64_SMCCC_FILTER, "6.12"),
            Map.entry(Patch.ARM64_SMC_HANDLED, "6.12"),
            Map.entry(Patch.ARM64_PSCI_1_3, "6.18"),
            Map.entry(Patch.ARM64_VENDOR_HYP_BMAP_2, "6.18"),
            Map.entry(Patch.ARM64_LPA2, "6.12"),
            Map.entry(Patch.ARM64_USER_VA_52, "6.12"),
            Map.entry(Patch.ARM64_VCPU_ID_64BIT, "6.12"),
            Map.entry(Patch.ARM64_DEBUG_TRACE_REMOVED, "6.18"),
            Map.entry(Patch.ARM64_GIC_REGS_TRAP, "6.12"),
            Map.entry(Patch.ARM64_VGIC_MAINT_IRQ, "6.18"),
            Map.entry(Patch.ARM64_ITS_CTRL_CHECKED, "6.18"),
            Map.entry(Patch.ARM64_PMCR_N_PER_VM, "6.12"),
            Map.entry(Patch.ARM64_PMCR_RESET, "6.12"),
            Map.entry(Patch.ARM64_PMU_USER_MASKS, "6.12"),
            Map.entry(Patch.ARM64_PMU_RAW_USER_VALUES, "6.18"),
            Map.entry(Patch.ARM64_PMU_EVTYPER_EL3, "6.12"),
            Map.entry(Patch.ARM64_PMU_CHAIN_ADVERTISED, "6.12"),
            Map.entry(Patch.ARM64_PMU_LONG_COUNTERS, "6.12"),
            Map.entry(Patch.ARM64_PMU_SET_NR_COUNTERS, "6.18"),
            Map.entry(Patch.ARM64_PERF_TYPE_NINE, "6.12"),
            Map.entry(Patch.ARM64_DIRTY_RING, "6.12"),
            Map.entry(Patch.ARM64_DIRTY_RING_WITH_BITMAP, "6.12"),
            Map.entry(Patch.ARM64_EAGER_SPLIT, "6.12"),
            Map.entry(Patch.ARM64_GUEST_MEMFD, "6.18"),
            Map.entry(Patch.ARM64_CACHEABLE_PFNMAP, "6.18"),
            Map.entry(Patch.ARM64_SEA_TO_USER, "7.2"),
            Map.entry(Patch.X86_SNP_ATTRIBUTES, "7.2"),
            Map.entry(Patch.X86_PRE_FAULT_MEMORY, "6.12"),
            Map.entry(Patch.X86_ATTR_ADDRESS_NO_ERROR_POINTER, "6.12"),
            Map.entry(Patch.X86_HV_TSC_INVARIANT, "6.12"),
            Map.entry(Patch.X86_HV_EXTENDED_HYPERCALLS, "6.12"),
            Map.entry(Patch.X86_HV_FLUSH_RANGES, "6.12"),
            Map.entry(Patch.X86_HV_L2_TLB_FLUSH, "6.12"),
            Map.entry(Patch.X86_MAX_VCPU_IDS_WITH_BSP, "6.12"),
            Map.entry(Patch.X86_BOOT_CPU_ID_CHECKED, "6.12"),
            Map.entry(Patch.X86_VCPU_ID_64BIT, "6.12"),
            Map.entry(Patch.X86_DEVICE_CTRL_TOLD, "6.12"),
            Map.entry(Patch.X86_XEN_BUILT, "6.12"),
            Map.entry(Patch.X86_PMU_MASKED_EVENTS, "6.12"),
            Map.entry(Patch.X86_MEMORY_ATTRIBUTES, "6.12"),
            Map.entry(Patch.X86_GUEST_MEMFD, "6.12"),
            Map.entry(Patch.X86_MEMORY_FAULT_INFO, "6.12"),
            Map.entry(Patch.X86_VM_TYPES, "6.12"),
            Map.entry(Patch.X86_APIC_BUS_FREQUENCY, "6.12"),
            Map.entry(Patch.X86_GUEST_MODE_FLAG, "6.12"),
            Map.entry(Patch.X86_VCPUS_4096, "6.12"),
            Map.entry(Patch.X86_QUIRK_SLOT_ZAP_ALL, "6.12"),
            Map.entry(Patch.X86_QUIRK_STUFF_FEATURE_MSRS, "6.12"),
            Map.entry(Patch.X86_QUIRK_IGNORE_GUEST_PAT, "6.12"),
            Map.entry(Patch.X86_QUIRK_FREEZE_IN_SMM, "6.12"),
            Map.entry(Patch.X86_QUIRK_BIT_11, "7.2"),
            Map.entry(Patch.X86_PIT_NEEDS_PIC, "6.12"),
            Map.entry(Patch.X86_X2APIC_MSR_UNSUPPORTED, "6.12"),
            Map.entry(Patch.X86_VENDOR_MODEL_INTEL_COMPATIBLE, "6.12"),
            Map.entry(Patch.X86_PRED_CMD_COMMON, "6.12"),
            Map.entry(Patch.X86_TSC_AUX_32BIT, "6.12"),
            Map.entry(Patch.X86_HWCR_TSC_FREQ_SEL, "6.12"),
            Map.entry(Patch.X86_NO_GET_NR_MMU_PAGES, "6.12"),
            Map.entry(Patch.X86_CPUID2_NENT_TOLD, "6.12"),
            Map.entry(Patch.X86_SVM_FLUSH_BY_ASID, "6.12"),
            Map.entry(Patch.X86_CPUID_7_1_PLATFORM, "6.12"),
            Map.entry(Patch.X86_AVX10_LEAF, "6.12"),
            Map.entry(Patch.X86_CPUID_L1_CACHE, "6.12"),
            Map.entry(Patch.TSC_NOT_SYNCED_TO_STARTUP, "6.12"),
            Map.entry(Patch.SMM_INTERRUPT_SHADOW, "6.12"),
            Map.entry(Patch.SMM_ENTRY_CHECKED, "6.12"),
            Map.entry(Patch.MEMORY_REGION2, "6.12"),
            Map.entry(Patch.VCPU_EVENTS_COUNT_NMIS, "6.12"),
            Map.entry(Patch.CPUID_GUEST_PHYS_BITS, "6.12"),
            Map.entry(Patch.CANONICAL_BY_HOST_WIDTH, "6.12"),
            Map.entry(Patch.EMULATE_MOVBE16, "6.12"),
            Map.entry(Patch.AMD_NO_COUNTERS_WITHOUT_PMU, "6.12"),
            Map.entry(Patch.SVM_EXIT_ON_VECTORING_FAULT, "6.18"),
            Map.entry(Patch.RETRY_WALK_DURING_VECTORING, "7.2"),
            Map.entry(Patch.IMMUTABLE_FEATURE_MSRS, "6.12"),
            Map.entry(Patch.ADVERTISED_MSRS_READ_ZERO, "6.12"),
            Map.entry(Patch.SEV_VMSA_FEATURES, "6.12"),
            Map.entry(Patch.X86_ONE_REG, "6.18"),
            Map.entry(Patch.ADVERTISE_TSC_DEADLINE_TIMER, "6.18"),
            Map.entry(Patch.ADVERTISE_HYPERVISOR, "6.18"),
            Map.entry(Patch.DISABLE_EXITS_BEFORE_VCPUS, "6.18"),
            Map.entry(Patch.VM_TSC_KHZ_BEFORE_VCPUS, "6.18"),
            Map.entry(Patch.PLATFORM_INFO_FEATURE_MSR, "6.18"),
            Map.entry(Patch.ARCH_CAPABILITIES_BY_CPUID, "6.18"),
            Map.entry(Patch.XSS_BY_CPUID, "6.18"),
            Map.entry(Patch.ANON_INODE_NOEXEC, "6.18"),
            Map.entry(Patch.APX_STATE, "6.18"),
            Map.entry(Patch.GUEST_MEMFD_FLAGS, "6.18"),
            Map.entry(Patch.X2APIC_EOI_FEATURES, "7.2"),
            Map.entry(Patch.SAVE_LBR_MSRS, "7.2"),
            Map.entry(Patch.SREGS_EFER_CHECK, "7.2"),
            Map.entry(Patch.X86_APIC_MAP_MODES, "6.12"),
            Map.entry(Patch.X86_CPUID_AT_CREATION, "6.18"),
            Map.entry(Patch.IRQFD_EXCLUSIVE, "6.18"),
            Map.entry(Patch.X86_SVM_GIF_WITHOUT_SVME, "7.2"),
            Map.entry(Patch.EMULATE_AVX_MOVES, "7.2"));

    /** Fixes that an older release has got and this one, as it was recorded, has not. */
    private static final Map<String, Set<Patch>> NOT_YET = Map.of("6.18", Set.of(Patch.X86_QUIRK_FREEZE_IN_SMM));

    public KernelVersion {
        for (Patch p : patches)
            for (Patch q : patches)
                if (p.excludes().contains(q.id()))
                    throw new IllegalArgumentException("patches " + p.id() + " and " + q.id()
                            + " exclude each other; leave one out with --without");
        patches =
                Collections.unmodifiableSet(patches.isEmpty() ? EnumSet.noneOf(Patch.class) : EnumSet.copyOf(patches));
    }

    public static List<String> names() {
        return NAMES;
    }

    /** @throws IllegalArgumentException for a name that is not recorded */
    public static KernelVersion of(String name) {
        if (!NAMES.contains(name))
            throw new IllegalArgumentException("no kernel '" + name + "'; known: " + String.join(", ", NAMES));
        EnumSet<Patch> has = EnumSet.noneOf(Patch.class);
        SINCE.forEach((patch, first) -> {
            if (NAMES.indexOf(first) <= NAMES.indexOf(name)) has.add(patch);
        });
        has.removeAll(NOT_YET.getOrDefault(name, Set.of()));
        return new KernelVersion(name, has, Preempt.FULL);
    }

    /** {@code without} taken out first, then {@code with} added. Without a part of a patch, its other parts stay. */
    public KernelVersion changed(List<Patch> without, List<Patch> with) {
        Set<Patch> now = patches.isEmpty() ? EnumSet.noneOf(Patch.class) : EnumSet.copyOf(patches);
        for (Patch p : without) {
            Patch whole = p.whole();
            if (whole != null && now.remove(whole))
                for (Patch part : Patch.values()) if (part.whole() == whole) now.add(part);
            now.remove(p);
        }
        for (Patch p : with) {
            now.removeIf(q -> p.excludes().contains(q.id()));
            now.add(p);
        }
        return new KernelVersion(name, now, preempt);
    }

    /** Patches, or parts of patches, of the release that this kernel lacks. */
    public List<Patch> without() {
        List<Patch> all = new ArrayList<>();
        for (Patch p : of(name).patches()) {
            if (patches.contains(p)) continue;
            List<Patch> missing = parts(p).filter(q -> !patches.contains(q)).toList();
            all.addAll(parts(p).anyMatch(patches::contains) ? missing : List.of(p));
        }
        return List.copyOf(all);
    }

    /** Patches that this kernel has and the release has not. */
    public List<Patch> with() {
        Set<Patch> usual = of(name).patches();
        return patches.stream()
                .filter(p -> !usual.contains(p) && !usual.contains(p.whole()))
                .toList();
    }

    private static Stream<Patch> parts(Patch whole) {
        return Stream.of(Patch.values()).filter(q -> q.whole() == whole);
    }

    public KernelVersion preempted(Preempt mode) {
        return new KernelVersion(name, patches, mode);
    }
}
