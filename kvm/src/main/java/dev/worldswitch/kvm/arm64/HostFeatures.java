package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.Set;

/** What the host kernel found out about its CPUs: sanitised ID registers, and what follows from them. */
final class HostFeatures {
    /** State of a speculation weakness (enum mitigation_state). */
    enum Mitigation {
        UNAFFECTED,
        MITIGATED,
        VULNERABLE
    }

    private static final int IMPLEMENTER_ARM = 0x41;
    /** Part numbers of ARM's own cores that spectre_bhb_loop_affected knows a loop length for (proton-pack.c). */
    private static final Set<Integer> BHB_LOOP = Set.of(
            0xd07, 0xd08, 0xd0b, 0xd0c, 0xd0d, 0xd0e, 0xd40, 0xd41, 0xd42, 0xd44, 0xd47, 0xd48, 0xd49, 0xd4b, 0xd4c,
            0xd4d, 0xd4e, 0xd4f, 0xd81);
    /** Those that is_spectre_bhb_safe lists. */
    private static final Set<Integer> BHB_SAFE = Set.of(0xd03, 0xd04, 0xd05, 0xd46, 0xd80);

    private final Kernel kernel;
    private final Arm64Profile profile;
    private final FeatureFields fields;

    HostFeatures(Kernel kernel, Arm64Profile profile) {
        this.kernel = kernel;
        this.profile = profile;
        this.fields = new FeatureFields(kernel.version());
    }

    FeatureFields fields() {
        return fields;
    }

    /** read_sanitised_ftr_reg. */
    long sanitised(SysReg register) {
        long v = fields.sanitise(register, profile.register(register));
        // Without VHE the kernel overrides the field for itself, and for guests with it.
        if (register == SysReg.ID_AA64MMFR1_EL1 && !profile.vhe()) v &= ~(0xfL << 8);
        return register == SysReg.CTR_EL0 ? effectiveCacheType(v) : v;
    }

    /** read_cpuid_effective_cachetype: nothing to clean to the point of unification means IDC. */
    private long effectiveCacheType(long ctr) {
        long clidr = profile.register(SysReg.CLIDR_EL1);
        boolean coherent = (clidr >>> 24 & 7) == 0 || (clidr >>> 21 & 7) == 0 && (clidr >>> 27 & 7) == 0;
        return coherent ? ctr | 1L << 28 : ctr;
    }

    int field(SysReg register, int shift) {
        return (int) (sanitised(register) >>> shift & 15);
    }

    boolean sve() {
        return field(SysReg.ID_AA64PFR0_EL1, 32) != 0;
    }

    boolean mte() {
        // MTE needs tag memory behind the guest's pages, which client memory here has not.
        return false;
    }

    boolean ras() {
        return field(SysReg.ID_AA64PFR0_EL1, 28) != 0;
    }

    boolean el0Aarch32() {
        return field(SysReg.ID_AA64PFR0_EL1, 0) == 2;
    }

    boolean el1Aarch32() {
        return field(SysReg.ID_AA64PFR0_EL1, 4) == 2;
    }

    /** Address and generic authentication by one and the same algorithm (kvm_has_full_ptr_auth). */
    boolean pauth() {
        boolean apa = field(SysReg.ID_AA64ISAR1_EL1, 4) != 0, gpa = field(SysReg.ID_AA64ISAR1_EL1, 24) != 0;
        boolean api = field(SysReg.ID_AA64ISAR1_EL1, 8) != 0, gpi = field(SysReg.ID_AA64ISAR1_EL1, 28) != 0;
        boolean apa3 = field(SysReg.ID_AA64ISAR2_EL1, 12) != 0, gpa3 = field(SysReg.ID_AA64ISAR2_EL1, 8) != 0;
        int algorithms = (apa ? 1 : 0) + (api ? 1 : 0) + (apa3 ? 1 : 0);
        return apa == gpa && api == gpi && apa3 == gpa3 && algorithms == 1;
    }

    boolean pmu() {
        int v = (int) (profile.register(SysReg.ID_AA64DFR0_EL1) >>> 8 & 15);
        return v != 0 && v != 15;
    }

    int pmuVersion() {
        return pmu() ? (int) (profile.register(SysReg.ID_AA64DFR0_EL1) >>> 8 & 15) : 0;
    }

    /** Event counters of the physical PMU (PMCR_EL0.N). */
    int pmuCounters() {
        return (int) (profile.register(SysReg.PMCR_EL0) >>> 11 & 31);
    }

    int breakpoints() {
        return field(SysReg.ID_AA64DFR0_EL1, 12) + 1;
    }

    int watchpoints() {
        return field(SysReg.ID_AA64DFR0_EL1, 20) + 1;
    }

    /** PAGE_SHIFT of the host's kernel; stage 2 has pages of the same size. */
    int pageShift() {
        return profile.pageShift();
    }

    /** kvm_supported_block_sizes: a page and the blocks that stage 2 maps at once. */
    long blockSizes() {
        long block = 1L << 2 * pageShift() - 3;
        return 1L << pageShift() | block | (pageShift() == 12 ? 1L << 30 : 0);
    }

    /**
     * Widest guest-physical address (kvm_set_ipa_limit): above 48 bits with pages of 64 KiB, or with 52-bit addresses in the tables
     * of smaller ones.
     */
    int ipaLimit() {
        int[] bits = {32, 36, 40, 42, 44, 48, 52, 56};
        int range = Math.min(field(SysReg.ID_AA64MMFR0_EL1, 0), bits.length - 1);
        boolean wide = pageShift() == 16 || kernel.has(Patch.ARM64_LPA2) && stage2Has52Bits();
        return bits[wide ? range : Math.min(range, 5)];
    }

    private boolean stage2Has52Bits() {
        int small = pageShift() == 12 ? 1 : 2;
        int tgran = field(SysReg.ID_AA64MMFR0_EL1, pageShift() == 12 ? 28 : 20);
        int stage2 = field(SysReg.ID_AA64MMFR0_EL1, pageShift() == 12 ? 40 : 32);
        return tgran == small && (stage2 == 3 || stage2 == 0);
    }

    int vmidBits() {
        return field(SysReg.ID_AA64MMFR1_EL1, 4) == 2 ? 16 : 8;
    }

    Mitigation spectreV2() {
        return field(SysReg.ID_AA64PFR0_EL1, 56) != 0 ? Mitigation.UNAFFECTED : Mitigation.VULNERABLE;
    }

    Mitigation meltdown() {
        boolean safe = field(SysReg.ID_AA64PFR0_EL1, 60) != 0 || armPart(BHB_SAFE) || armPart(Set.of(0xd07, 0xd08));
        return safe ? Mitigation.UNAFFECTED : Mitigation.MITIGATED;
    }

    Mitigation spectreV4() {
        return ssbs() ? Mitigation.MITIGATED : Mitigation.VULNERABLE;
    }

    boolean ssbs() {
        return field(SysReg.ID_AA64PFR1_EL1, 4) != 0;
    }

    /** Unknown cores count as vulnerable, as all recorded kernels have it. */
    Mitigation spectreBhb() {
        if (field(SysReg.ID_AA64PFR0_EL1, 56) >= 3 || armPart(BHB_SAFE)) return Mitigation.UNAFFECTED;
        boolean clearBhb = field(SysReg.ID_AA64ISAR2_EL1, 28) != 0;
        return clearBhb || armPart(BHB_LOOP) ? Mitigation.MITIGATED : Mitigation.VULNERABLE;
    }

    private boolean armPart(Set<Integer> parts) {
        long midr = profile.register(SysReg.MIDR_EL1);
        return midr >>> 24 == IMPLEMENTER_ARM && parts.contains((int) (midr >>> 4 & 0xfff));
    }

    /** kvm_target_cpu: a number for cores older than the generic target, else 5. */
    int targetCpu() {
        long midr = profile.register(SysReg.MIDR_EL1);
        int part = (int) (midr >>> 4 & 0xfff);
        if (midr >>> 24 == 0x50 && part == 0) return 3;
        if (midr >>> 24 != IMPLEMENTER_ARM) return GENERIC_TARGET;
        return switch (part) {
            case 0xd0f -> 0;
            case 0xd00 -> 1;
            case 0xd07 -> 2;
            case 0xd03 -> 4;
            default -> GENERIC_TARGET;
        };
    }

    static final int GENERIC_TARGET = 5;
}
