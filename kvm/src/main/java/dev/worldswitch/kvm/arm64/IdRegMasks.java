package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which bits of an ID register user space may write, and which registers stay hidden, kernel by kernel. */
final class IdRegMasks {
    /**
     * Masks of 6.12 (sys_regs.c), and the patch that made the register writable, or known to KVM. Without id-regs-per-vm
     * only CSV2 and CSV3 can be written, by a rule of their own.
     */
    private static final String TABLE = """
            ID_PFR0_EL1      ffffffff          id-aarch32-writable
            ID_PFR1_EL1      ffffffff          id-aarch32-writable
            ID_DFR0_EL1      ffffffff          id-aarch32-writable
            ID_MMFR0_EL1     ffffffff          id-aarch32-writable
            ID_MMFR1_EL1     ffffffff          id-aarch32-writable
            ID_MMFR2_EL1     ffffffff          id-aarch32-writable
            ID_MMFR3_EL1     ffffffff          id-aarch32-writable
            ID_ISAR0_EL1     ffffffff          id-aarch32-writable
            ID_ISAR1_EL1     ffffffff          id-aarch32-writable
            ID_ISAR2_EL1     ffffffff          id-aarch32-writable
            ID_ISAR3_EL1     ffffffff          id-aarch32-writable
            ID_ISAR4_EL1     ffffffff          id-aarch32-writable
            ID_ISAR5_EL1     ffffffff          id-aarch32-writable
            ID_MMFR4_EL1     ffffffff          id-aarch32-writable
            ID_ISAR6_EL1     ffffffff          id-aarch32-writable
            MVFR0_EL1        ffffffff          id-aarch32-writable
            MVFR1_EL1        ffffffff          id-aarch32-writable
            MVFR2_EL1        ffffffff          id-aarch32-writable
            ID_PFR2_EL1      ffffffff          id-aarch32-writable
            ID_MMFR5_EL1     ffffffff          id-aarch32-writable
            ID_AA64PFR0_EL1  ffff00f00f00ffff  id-pfr0-writable
            ID_AA64PFR1_EL1  f000000ff         id-pfr1-writable
            ID_AA64PFR2_EL1  f00000000         id-pfr2
            ID_AA64ZFR0_EL1  ff0ff0f0fff00ff   id-zfr0-writable
            ID_AA64FPFR0_EL1 f0000003          id-fpfr0-exposed
            ID_AA64DFR0_EL1  f000f00f0f        id-dfr0-writable
            ID_AA64ISAR0_EL1 fffffffffffffff0  id-isar-writable
            ID_AA64ISAR1_EL1 ffffffff00fff00f  id-isar-writable
            ID_AA64ISAR2_EL1 ffff0fffffff00ff  id-isar-writable
            ID_AA64ISAR3_EL1 f00f00f0          id-isar3
            ID_AA64MMFR0_EL1 ff00f000ffffff0f  id-mmfr-writable
            ID_AA64MMFR1_EL1 fffff0f00ffff00f  id-mmfr-writable
            ID_AA64MMFR2_EL1 f0ff000ff00fffff  id-mmfr-writable
            ID_AA64MMFR3_EL1 f0f0f             id-mmfr3
            ID_AA64MMFR4_EL1 0                 id-mmfr4
            CTR_EL0          300f000f          ctr-per-vm
            """;

    /**
     * A mask that one patch changed.
     *
     * @param with true: kernels that have the patch differ from the table, false: those that lack it do
     */
    private record Change(SysReg register, Patch patch, boolean with, long clear, long set) {}

    private static final List<Change> CHANGES = List.of(
            new Change(SysReg.ID_AA64MMFR0_EL1, Patch.ARM64_ASIDBITS_FIXED, false, 0, 0xf0),
            new Change(SysReg.ID_AA64PFR0_EL1, Patch.ARM64_ID_RAS_WRITABLE, true, 0, 0xf000_0000L),
            new Change(SysReg.ID_AA64PFR1_EL1, Patch.ARM64_ID_RAS_FRAC_WRITABLE, true, 0, 0xf000),
            new Change(SysReg.ID_AA64PFR1_EL1, Patch.ARM64_ID_DOUBLE_FAULT2, true, 0, 0xf00_0000_0000_0000L),
            new Change(SysReg.ID_AA64PFR2_EL1, Patch.ARM64_ID_MTE_TAGGED_FAR, true, 0, 0xf00),
            new Change(SysReg.ID_AA64PFR2_EL1, Patch.ARM64_ID_MTE_STORE_ONLY, true, 0, 0xf0),
            new Change(SysReg.ID_AA64ZFR0_EL1, Patch.ARM64_ID_ZFR0_2024, true, 0, 0xf_0000_0000_f000L),
            new Change(SysReg.ID_AA64FPFR0_EL1, Patch.ARM64_ID_FPFR0_2024, true, 0, 0xc00_0000),
            new Change(SysReg.ID_AA64ISAR2_EL1, Patch.ARM64_ID_ISAR2_2024, true, 0, 0xf000_0000_0000L),
            new Change(SysReg.ID_AA64MMFR0_EL1, Patch.ARM64_ID_TGRAN_STAGE2, true, 0, 0xfff_0000_0000L),
            new Change(SysReg.ID_AA64MMFR1_EL1, Patch.ARM64_ID_MMFR1_2025, true, 0, 0xf0f_0000_0000L),
            new Change(SysReg.ID_AA64MMFR3_EL1, Patch.ARM64_ID_SCTLR2, true, 0, 0xf0),
            new Change(SysReg.ID_AA64MMFR4_EL1, Patch.ARM64_ID_MMFR4_WRITABLE, true, 0, 0xf0_0000),
            new Change(SysReg.CTR_EL0, Patch.ARM64_ID_CTR_L1IP, true, 0, 0xc000),
            new Change(SysReg.ID_AA64ISAR0_EL1, Patch.ARM64_ID_NO_TME, true, 0xf00_0000, 0),
            new Change(SysReg.ID_AA64ISAR3_EL1, Patch.ARM64_ID_LSUI, true, 0, 0xf00_0000),
            new Change(SysReg.ID_AA64PFR2_EL1, Patch.ARM64_ID_GCIE, true, 0, 0xf000),
            new Change(SysReg.ID_AA64FPFR0_EL1, Patch.ARM64_ID_FPFR0, true, 0, 0x80fc));

    private record Mask(long bits, Patch patch) {}

    private static final Map<SysReg, Mask> MASKS = new EnumMap<>(SysReg.class);

    static {
        TABLE.lines().forEach(line -> {
            String[] c = line.strip().split("\\s+");
            Mask m = new Mask(Long.parseUnsignedLong(c[1], 16), Patch.of(c[2]));
            if (MASKS.put(SysReg.valueOf(c[0]), m) != null)
                throw new IllegalStateException("register " + c[0] + " has two masks");
        });
    }

    /** Known ID registers that guests read as zero on every kernel. */
    private static final Set<SysReg> HIDDEN = Set.of(
            SysReg.ID_AFR0_EL1,
            SysReg.ID_DFR1_EL1,
            SysReg.ID_AA64SMFR0_EL1,
            SysReg.ID_AA64AFR0_EL1,
            SysReg.ID_AA64AFR1_EL1);
    /** Registers that guests read as zero, and user space too, until their patch. */
    private static final Set<SysReg> SHOWN_BY_PATCH = Set.of(
            SysReg.ID_AA64PFR2_EL1,
            SysReg.ID_AA64FPFR0_EL1,
            SysReg.ID_AA64ISAR3_EL1,
            SysReg.ID_AA64MMFR3_EL1,
            SysReg.ID_AA64MMFR4_EL1);

    private IdRegMasks() {}

    static long writable(Kvm kvm, @Nullable SysReg r) {
        Mask m = r == null ? null : MASKS.get(r);
        if (m == null || !kvm.has(m.patch) || !kvm.has(Patch.ARM64_ID_REGS_PER_VM)) return 0;
        long mask = m.bits;
        for (Change c : CHANGES) if (c.register == r && kvm.has(c.patch) == c.with) mask = mask & ~c.clear | c.set;
        return mask;
    }

    static boolean hidden(Kvm kvm, SysReg r) {
        if (HIDDEN.contains(r)) return true;
        Mask m = MASKS.get(r);
        return m != null && SHOWN_BY_PATCH.contains(r) && !kvm.has(m.patch);
    }
}
