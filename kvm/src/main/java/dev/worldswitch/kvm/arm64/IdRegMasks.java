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
     * Masks of 6.12 (sys_regs.c) and of 6.18 (KVM_ARM_GET_REG_WRITABLE_MASKS as recorded), - for none. Before 6.12 only
     * CSV2 and CSV3 can be written, by a rule of their own.
     */
    private static final String TABLE = """
            ID_PFR0_EL1      ffffffff          ffffffff
            ID_PFR1_EL1      ffffffff          ffffffff
            ID_DFR0_EL1      ffffffff          ffffffff
            ID_MMFR0_EL1     ffffffff          ffffffff
            ID_MMFR1_EL1     ffffffff          ffffffff
            ID_MMFR2_EL1     ffffffff          ffffffff
            ID_MMFR3_EL1     ffffffff          ffffffff
            ID_ISAR0_EL1     ffffffff          ffffffff
            ID_ISAR1_EL1     ffffffff          ffffffff
            ID_ISAR2_EL1     ffffffff          ffffffff
            ID_ISAR3_EL1     ffffffff          ffffffff
            ID_ISAR4_EL1     ffffffff          ffffffff
            ID_ISAR5_EL1     ffffffff          ffffffff
            ID_MMFR4_EL1     ffffffff          ffffffff
            ID_ISAR6_EL1     ffffffff          ffffffff
            MVFR0_EL1        ffffffff          ffffffff
            MVFR1_EL1        ffffffff          ffffffff
            MVFR2_EL1        ffffffff          ffffffff
            ID_PFR2_EL1      ffffffff          ffffffff
            ID_MMFR5_EL1     ffffffff          ffffffff
            ID_AA64PFR0_EL1  ffff00f00f00ffff  ffff00f0ff00ffff
            ID_AA64PFR1_EL1  f000000ff         f00000f0000f0ff
            ID_AA64PFR2_EL1  f00000000         f00000ff0
            ID_AA64ZFR0_EL1  ff0ff0f0fff00ff   fffff0f0ffff0ff
            ID_AA64FPFR0_EL1 f0000003          fc000003
            ID_AA64DFR0_EL1  f000f00f0f        f000f00f0f
            ID_AA64ISAR0_EL1 fffffffffffffff0  fffffffffffffff0
            ID_AA64ISAR1_EL1 ffffffff00fff00f  ffffffff00fff00f
            ID_AA64ISAR2_EL1 ffff0fffffff00ff  ffffffffffff00ff
            ID_AA64ISAR3_EL1 -                 f00f00f0
            ID_AA64MMFR0_EL1 ff00f000ffffff0f  ff00ffffffffff0f
            ID_AA64MMFR1_EL1 fffff0f00ffff00f  ffffffff0ffff00f
            ID_AA64MMFR2_EL1 f0ff000ff00fffff  f0ff000ff00fffff
            ID_AA64MMFR3_EL1 f0f0f             f0fff
            ID_AA64MMFR4_EL1 -                 f00000
            CTR_EL0          300f000f          300fc00f
            """;

    /**
     * A mask that one patch changed.
     *
     * @param with true: kernels that have the patch differ from the table, false: those that lack it do
     */
    private record Change(SysReg register, Patch patch, boolean with, long clear, long set) {}

    private static final List<Change> CHANGES = List.of(
            new Change(SysReg.ID_AA64MMFR0_EL1, Patch.ARM64_ASIDBITS_FIXED, false, 0, 0xf0),
            new Change(SysReg.ID_AA64ISAR0_EL1, Patch.ARM64_ID_NO_TME, true, 0xf00_0000, 0),
            new Change(SysReg.ID_AA64ISAR3_EL1, Patch.ARM64_ID_LSUI, true, 0, 0xf00_0000),
            new Change(SysReg.ID_AA64PFR2_EL1, Patch.ARM64_ID_GCIE, true, 0, 0xf000),
            new Change(SysReg.ID_AA64FPFR0_EL1, Patch.ARM64_ID_FPFR0, true, 0, 0x80fc));

    private static final Map<SysReg, long[]> MASKS = new EnumMap<>(SysReg.class);

    static {
        TABLE.lines().forEach(line -> {
            String[] c = line.strip().split("\\s+");
            if (MASKS.put(SysReg.valueOf(c[0]), new long[] {mask(c[1]), mask(c[2])}) != null)
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
    /** Registers that 6.1 does not know. */
    private static final Set<SysReg> SINCE_6_12 =
            Set.of(SysReg.ID_AA64PFR2_EL1, SysReg.ID_AA64FPFR0_EL1, SysReg.ID_AA64MMFR3_EL1, SysReg.ID_AA64MMFR4_EL1);

    private IdRegMasks() {}

    private static long mask(String hex) {
        return hex.equals("-") ? 0 : Long.parseUnsignedLong(hex, 16);
    }

    static long writable(Kvm kvm, @Nullable SysReg r) {
        long[] masks = r == null ? null : MASKS.get(r);
        if (masks == null || !kvm.kernel().version().atLeast("6.12")) return 0;
        long mask = masks[kvm.kernel().version().atLeast("6.18") ? 1 : 0];
        for (Change c : CHANGES) if (c.register == r && kvm.has(c.patch) == c.with) mask = mask & ~c.clear | c.set;
        return mask;
    }

    static boolean hidden(Kvm kvm, SysReg r) {
        if (HIDDEN.contains(r)) return true;
        if (r == SysReg.ID_AA64ISAR3_EL1) return !kvm.kernel().version().atLeast("6.18");
        return SINCE_6_12.contains(r) && !kvm.kernel().version().atLeast("6.12");
    }
}
