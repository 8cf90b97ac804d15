package dev.worldswitch.kernel.arm64;

import dev.worldswitch.kernel.ThreadStruct;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/** The FP part of struct thread_struct: the task's own registers in memory, its vector length, and where they were live. */
public final class Arm64Thread implements ThreadStruct {
    private static final SysReg[] KEYS = {
        SysReg.APIAKEYLO_EL1,
        SysReg.APIAKEYHI_EL1,
        SysReg.APIBKEYLO_EL1,
        SysReg.APIBKEYHI_EL1,
        SysReg.APDAKEYLO_EL1,
        SysReg.APDAKEYHI_EL1,
        SysReg.APDBKEYLO_EL1,
        SysReg.APDBKEYHI_EL1,
        SysReg.APGAKEYLO_EL1,
        SysReg.APGAKEYHI_EL1
    };
    private final FpState own, kernelFpsimd;
    private final Word kernelFpsimdCpu;
    private final Word fpsimdCpu;
    private final Word sveVq, smeVq;
    private final Words keys;

    Arm64Thread(Region region, FpState own, FpState kernelFpsimd, int sveVq, int smeVq) {
        this.own = own;
        this.kernelFpsimd = kernelFpsimd;
        this.kernelFpsimdCpu = region.word("kernelFpsimdCpu");
        kernelFpsimdCpu.set(-1);
        this.fpsimdCpu = region.word("fpsimdCpu");
        this.sveVq = region.word("sveVq");
        this.smeVq = region.word("smeVq");
        this.smeVq.set(smeVq);
        this.keys = region.words("keys", KEYS.length);
        // The kernel draws them; here each task's are its own, and the same in every run.
        for (int i = 0; i < KEYS.length; i++)
            keys.set(i, 0x6b65_0000_0000_0000L | (region.path().hashCode() & 0xffff_ffffL) << 8 | i);
        fpsimdCpu.set(-1);
        this.sveVq.set(sveVq);
    }

    /** uw.fpsimd_state and sve_state. */
    public FpState own() {
        return own;
    }

    /** kernel_fpsimd_state: V registers of kernel code that was preempted. */
    FpState kernelFpsimd() {
        return kernelFpsimd;
    }

    /** kernel_fpsimd_cpu: where those were saved last, -1 for nowhere. */
    Word kernelFpsimdCpu() {
        return kernelFpsimdCpu;
    }

    /** ptrauth_thread_switch_user: the task's keys go into its CPU. */
    void ptrauthThreadSwitch(Arm64Cpu cpu) {
        for (int i = 0; i < KEYS.length; i++) cpu.sys().set(KEYS[i].ordinal(), keys.get(i));
    }

    /** The CPU's pointer authentication keys are this task's. */
    public boolean hasItsKeys(Arm64Cpu cpu) {
        for (int i = 0; i < KEYS.length; i++) if (cpu.sys().get(KEYS[i].ordinal()) != keys.get(i)) return false;
        return true;
    }

    /** fpsimd_cpu: the CPU that last had the task's registers, -1 for none. */
    public Word fpsimdCpu() {
        return fpsimdCpu;
    }

    /** The task's vector length in quadwords, 0 on a machine without SVE. */
    public Word sveVq() {
        return sveVq;
    }

    /** The task's streaming vector length in quadwords, 0 on a machine without SME. */
    public Word smeVq() {
        return smeVq;
    }
}
