package dev.worldswitch.kernel.x86;

import dev.worldswitch.kernel.ThreadStruct;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.Xsave;

/** struct fpu of a task: its own image, and which image is the current one (a guest's during KVM_RUN). */
public final class X86Thread implements ThreadStruct {
    private final Region region;
    private final FpState own;
    private final Ref<FpState> fpstate;
    private final Word lastCpu;

    X86Thread(Region region, Xsave format, long enabled, long xfd) {
        this.region = region;
        this.own = new FpState(region.child("fpstate"), format, enabled);
        own.xfd().set(xfd);
        this.fpstate = region.ref("fpstate", own);
        this.lastCpu = region.word("lastCpu");
        lastCpu.set(-1);
    }

    /** The task's own image: the registers of the VMM. */
    public FpState own() {
        return own;
    }

    /** The image that the registers belong to when TIF_NEED_FPU_LOAD is clear. */
    public Ref<FpState> fpstate() {
        return fpstate;
    }

    /** CPU whose registers this task filled last, -1 for none. */
    public Word lastCpu() {
        return lastCpu;
    }

    @Override
    public String toString() {
        return region.path();
    }
}
