package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.SysReg;

/**
 * Memory copy and set instructions of guests: HCRX_EL2 lets them execute where the VM's ID registers offer them, and the
 * hypervisor answers a guest kernel that goes on with another implementation's registers. Other bits of HCRX_EL2 are not modelled, so
 * on machines without these instructions it is never written.
 */
final class Mops {
    /** Exception class of a Memory Copy and Memory Set exception. */
    static final int EC = 0x27;

    private static final long MSCEN = 1L << 11, MCE2 = 1L << 10;
    /** ISS: a set instruction, met by the epilogue, registers of the other option than this CPU's, which is option A. */
    private static final long SET = 1 << 24, EPILOGUE = 1 << 18, WRONG_OPTION = 1 << 17, OPTION_A = 1 << 16;

    private static final long PSTATE_SS = 1L << 21, PSTATE_N = 1L << 31;
    private static final int FIELD = 16;

    private final boolean known;

    Mops(Kernel kernel, Arm64Profile profile) {
        this.known = kernel.has(Patch.ARM64_FTR_MOPS) && profile.field(SysReg.ID_AA64ISAR2_EL1, FIELD) != 0;
    }

    /** What kvm_calculate_traps puts into a vCPU's hcrx_el2. */
    static long hcrx(Vcpu v) {
        return v.vm().idRegs().field(SysReg.ID_AA64ISAR2_EL1, FIELD) != 0 ? MSCEN | MCE2 : 0;
    }

    void boot(Arm64Cpu cpu) {
        if (known) cpu.sys().set(SysReg.HCRX_EL2.ordinal(), MSCEN);
    }

    void activateTraps(Arm64Cpu cpu, Vcpu vcpu) {
        if (known) cpu.host().msr(SysReg.HCRX_EL2, vcpu.hcrx().get());
    }

    void deactivateTraps(Arm64Cpu cpu) {
        if (known) cpu.host().msr(SysReg.HCRX_EL2, MSCEN);
    }

    /** kvm_hyp_handle_mops: registers as the prologue wants them, and back to it. */
    static void handle(Arm64Cpu cpu) {
        long esr = cpu.sys().get(SysReg.ESR_EL2.ordinal());
        int to = (int) (esr >>> 10) & 31, from = (int) (esr >>> 5) & 31, left = (int) esr & 31;
        long size = cpu.gpr().get(left);
        boolean optionA = (esr & OPTION_A) != 0 ^ (esr & WRONG_OPTION) != 0, set = (esr & SET) != 0;
        if (optionA ? set || size < 0 : !set && (cpu.pstate().get() & PSTATE_N) != 0) {
            // Option A counts up to ends; option B copies from ends down to what is left.
            long by = optionA ? size : -size;
            cpu.gpr().set(to, cpu.gpr().get(to) + by);
            if (!set) cpu.gpr().set(from, cpu.gpr().get(from) + by);
            if (optionA) cpu.gpr().set(left, -size);
        }
        cpu.pc().set(cpu.pc().get() - ((esr & EPILOGUE) != 0 ? 8 : 4));
        // A step that was due is due after the prologue.
        cpu.pstate().and(~PSTATE_SS);
    }
}
