package dev.worldswitch.kvm.arm64;

import dev.worldswitch.machine.arm64.SysReg;
import org.jspecify.annotations.Nullable;

/** Names of KVM_GET_ONE_REG's registers, for traces. Ids as in uapi asm/kvm.h (arm64). */
final class RegNames {
    private static final int CORE_GPRS = 62, CORE_SPSR = 72, CORE_SPSR_END = 82;
    private static final String[] AFTER_GPRS = {"SP", "PC", "PSTATE", "SP_EL1", "ELR_EL1"};
    private static final String[] FIRMWARE = {
        "KVM_REG_ARM_PSCI_VERSION",
        "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1",
        "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2",
        "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3"
    };
    private static final String[] BITMAPS = {
        "KVM_REG_ARM_STD_BMAP",
        "KVM_REG_ARM_STD_HYP_BMAP",
        "KVM_REG_ARM_VENDOR_HYP_BMAP",
        "KVM_REG_ARM_VENDOR_HYP_BMAP_2"
    };
    /** SVE register numbers: KVM_REG_ARM64_SVE_ZREG_BASE, PREG_BASE, FFR_BASE; five bits of slice below. */
    private static final int ZREG = 0, PREG = 0x400, FFR = 0x600, SLICES = 5;

    private RegNames() {}

    /** Null for an id of no known kind. */
    static @Nullable String of(long id) {
        if ((id & OneReg.ARCH_MASK) != OneReg.ARM64) return null;
        if (id == OneReg.VLS) return "KVM_REG_ARM64_SVE_VLS";
        int low = (int) id & 0xffff;
        return switch ((int) (id >>> 16) & 0xfff) {
            case OneReg.CORE -> core(low);
            case OneReg.SYSREG -> SysReg.nameOf(TimerRegs.swap(low));
            case OneReg.DEMUX -> "CCSIDR_EL1[CSSELR_EL1=" + (low & 0xff) + "]";
            case OneReg.FW -> name(FIRMWARE, low);
            case OneReg.FW_BITMAP -> name(BITMAPS, low);
            case OneReg.SVE -> sve(low);
            default -> null;
        };
    }

    private static @Nullable String name(String[] names, int index) {
        return index < names.length ? names[index] : null;
    }

    /** By the offset in struct kvm_regs, in words of 4 bytes. */
    private static @Nullable String core(int offset) {
        if (offset < CORE_GPRS) return "X" + offset / 2;
        if (offset < CORE_SPSR) return AFTER_GPRS[(offset - CORE_GPRS) / 2];
        if (offset < CORE_SPSR_END) return "SPSR[" + (offset - CORE_SPSR) / 2 + "]";
        if (offset >= OneReg.VREGS && offset < OneReg.FPSR) return "V" + (offset - OneReg.VREGS) / 4;
        return offset == OneReg.FPSR ? "FPSR" : offset == OneReg.FPCR ? "FPCR" : null;
    }

    private static String sve(int low) {
        int number = low >>> SLICES & 31, slice = low & (1 << SLICES) - 1;
        String name = low >= FFR ? "FFR" : low >= PREG ? "P" + (number & 15) : "Z" + (low - ZREG >>> SLICES);
        return slice == 0 ? name : name + "[" + slice + "]";
    }
}
