package dev.worldswitch.kernel.x86;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.Xsave;

/** struct fpu_guest: a vCPU's FPU image with the guest's IA32_XFD in it, its permissions and its IA32_XFD_ERR. */
public final class FpuGuest {
    private final FpState fpstate;
    private final Word perm, xfdErr;

    /** @param enabled components that the guest has from the start; the dynamic ones come with KVM_SET_CPUID2 */
    public FpuGuest(Region region, Xsave format, long enabled) {
        this.fpstate = new FpState(region, format, enabled);
        this.perm = region.word("perm");
        this.xfdErr = region.word("xfdErr");
        perm.set(enabled);
    }

    public FpState fpstate() {
        return fpstate;
    }

    /** Components that the process may give to guests, as frozen when the first vCPU was made. */
    public Word perm() {
        return perm;
    }

    /** The guest's IA32_XFD_ERR while the host runs. */
    public Word xfdErr() {
        return xfdErr;
    }
}
