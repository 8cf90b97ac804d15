package dev.worldswitch.kernel.x86;

import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import org.jspecify.annotations.Nullable;

/** Per-CPU variables of the FPU code. */
final class FpuPerCpu {
    /** fpu_fpregs_owner_ctx. */
    final Ref<@Nullable X86Thread> fpregsOwner;
    /** xfd_state: what the kernel believes IA32_XFD to be. */
    final Word xfdState;
    /** in_kernel_fpu. */
    final Word inKernelFpu;

    FpuPerCpu(Region region) {
        fpregsOwner = region.ref("fpuFpregsOwnerCtx", null);
        xfdState = region.word("xfdState");
        inKernelFpu = region.word("inKernelFpu");
    }
}
