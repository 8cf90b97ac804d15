package dev.worldswitch.kernel.arm64;

import dev.worldswitch.kernel.ThreadStruct;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/** The FP part of struct thread_struct: the task's own registers in memory, its vector length, and where they were live. */
public final class Arm64Thread implements ThreadStruct {
    private final FpState own, kernelFpsimd;
    private final Word kernelFpsimdCpu;
    private final Word fpsimdCpu;
    private final Word sveVq;

    Arm64Thread(Region region, FpState own, FpState kernelFpsimd, int sveVq) {
        this.own = own;
        this.kernelFpsimd = kernelFpsimd;
        this.kernelFpsimdCpu = region.word("kernelFpsimdCpu");
        kernelFpsimdCpu.set(-1);
        this.fpsimdCpu = region.word("fpsimdCpu");
        this.sveVq = region.word("sveVq");
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

    /** fpsimd_cpu: the CPU that last had the task's registers, -1 for none. */
    public Word fpsimdCpu() {
        return fpsimdCpu;
    }

    /** The task's vector length in quadwords, 0 on a machine without SVE. */
    public Word sveVq() {
        return sveVq;
    }
}
