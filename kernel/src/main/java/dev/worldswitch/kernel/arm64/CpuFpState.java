package dev.worldswitch.kernel.arm64;

/**
 * struct cpu_fp_state: which memory image a CPU's live registers belong to.
 *
 * @param sveVq vector length of the image in quadwords
 * @param toSave in which form the registers are to be saved
 * @param vcpu the image is a vCPU's: {@code save-path-knows-kvm} asks for it
 */
public record CpuFpState(FpState st, int sveVq, ToSave toSave, boolean vcpu) {
    /** enum fp_type of struct cpu_fp_state.to_save. */
    public enum ToSave {
        /** As the task's TIF_SVE says. */
        CURRENT,
        FPSIMD,
        SVE
    }
}
