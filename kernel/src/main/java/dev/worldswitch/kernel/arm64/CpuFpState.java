package dev.worldswitch.kernel.arm64;

import dev.worldswitch.machine.cell.Words;
import org.jspecify.annotations.Nullable;

/**
 * struct cpu_fp_state: which memory image a CPU's live registers belong to.
 *
 * @param sveVq vector length of the image in quadwords
 * @param smeVq its streaming vector length
 * @param toSave in which form the registers are to be saved
 * @param guest set for a vCPU's image: {@code save-path-knows-kvm} asks for it
 */
public record CpuFpState(
        FpState st,
        int sveVq,
        int smeVq,
        ToSave toSave,
        @Nullable GuestZcr guest) {
    /** Where the vCPU keeps the ZCR_EL1 that its guest has live. */
    public record GuestZcr(Words sys, int at) {}

    /** enum fp_type of struct cpu_fp_state.to_save. */
    public enum ToSave {
        /** As the task's TIF_SVE says. */
        CURRENT,
        FPSIMD,
        SVE
    }
}
