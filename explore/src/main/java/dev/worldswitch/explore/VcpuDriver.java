package dev.worldswitch.explore;

import dev.worldswitch.kernel.x86.FpState;

/** What the VMM of a scenario asks of its one vCPU. */
interface VcpuDriver {
    /** KVM_RUN until the guest's next {@code out}. */
    void run();

    /** KVM_GET_XSAVE2 into the VMM's memory. */
    void getXsave();

    /** KVM_SET_XSAVE of what {@link #getXsave} gave. */
    void setXsave();

    /** KVM_SET_MSRS of IA32_XFD. */
    void setXfd(long v);

    FpState guestImage();
}
