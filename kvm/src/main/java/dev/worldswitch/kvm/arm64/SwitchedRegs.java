package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.machine.arm64.SysReg.*;

import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Words;
import java.util.List;

/** Which EL1 and EL0 registers change hands at a world switch (hyp/sysreg-sr.h); ZCR_EL1 goes with the FP state. */
final class SwitchedRegs {
    /** __sysreg_save_el1_state, __sysreg_save_user_state, __sysreg_save_common_state, __sysreg32_save_state. */
    private static final SysReg[] SYSREGS = {
        CSSELR_EL1, SCTLR_EL1, SCTLR2_EL1, CPACR_EL1, TTBR0_EL1, TTBR1_EL1, TCR_EL1, TCR2_EL1, PIR_EL1, PIRE0_EL1,
        POR_EL1, POR_EL0, ESR_EL1, AFSR0_EL1, AFSR1_EL1, FAR_EL1, MAIR_EL1, VBAR_EL1, CONTEXTIDR_EL1, AMAIR_EL1,
        CNTKCTL_EL1, PAR_EL1, TPIDR_EL1, SP_EL1, ELR_EL1, SPSR_EL1, SP_EL0, TPIDR_EL0, TPIDRRO_EL0, TPIDR2_EL0,
        MDSCR_EL1, SPSR_abt, SPSR_und, SPSR_irq, SPSR_fiq, DACR32_EL2, IFSR32_EL2, DBGVCR32_EL2, TFSR_EL1, TFSRE0_EL1,
        RGSR_EL1, GCR_EL1, SCXTNUM_EL1, SCXTNUM_EL0, DISR_EL1
    };
    /** Change hands only for guests that may use them. */
    private static final SysReg[] KEYS = {
        APIAKEYLO_EL1,
        APIAKEYHI_EL1,
        APIBKEYLO_EL1,
        APIBKEYHI_EL1,
        APDAKEYLO_EL1,
        APDAKEYHI_EL1,
        APDBKEYLO_EL1,
        APDBKEYHI_EL1,
        APGAKEYLO_EL1,
        APGAKEYHI_EL1
    };

    private SwitchedRegs() {}

    /** A guest's own system registers: what changes hands with every guest. */
    static List<SysReg> shown() {
        return List.of(SYSREGS);
    }

    /** From the CPU into {@code context}. */
    static void save(Arm64Cpu cpu, Words context) {
        for (SysReg r : SYSREGS) context.set(r.ordinal(), cpu.sys().get(r.ordinal()));
    }

    /** ptrauth_save_keys. */
    static void saveKeys(Arm64Cpu cpu, Words context) {
        for (SysReg r : KEYS) context.set(r.ordinal(), cpu.sys().get(r.ordinal()));
    }

    /** ptrauth_restore_state. */
    static void restoreKeys(Arm64Cpu cpu, Words context) {
        for (SysReg r : KEYS) cpu.sys().set(r.ordinal(), context.get(r.ordinal()));
    }

    /** From {@code context} into the CPU. */
    static void restore(Arm64Cpu cpu, Words context) {
        for (SysReg r : SYSREGS) cpu.sys().set(r.ordinal(), context.get(r.ordinal()));
    }
}
