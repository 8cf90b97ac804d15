package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;

/** KVM_CAP_SYNC_REGS: struct kvm_sync_regs in the run page, so that exits need no further ioctls. */
final class SyncRegs {
    private static final long REGS = 1, SREGS = 2, EVENTS = 4;
    private static final int REGS_SIZE = 144, SREGS_SIZE = 312, EVENTS_SIZE = 64;

    private SyncRegs() {}

    /** sync_regs: what user space marked dirty goes in; a refused set keeps its mark. */
    static long syncRegs(Vcpu v, RunPage page) {
        if ((page.dirtyRegs() & REGS) != 0) {
            RegsIoctls.setRegs(v, new Bytes(page.sync(0, REGS_SIZE)));
            page.dirtyRegs(page.dirtyRegs() & ~REGS);
        }
        if ((page.dirtyRegs() & SREGS) != 0) {
            if (SregsIoctls.setSregs(v, new Bytes(page.sync(REGS_SIZE, SREGS_SIZE))) != 0) return Errno.EINVAL;
            page.dirtyRegs(page.dirtyRegs() & ~SREGS);
        }
        if ((page.dirtyRegs() & EVENTS) != 0) {
            Bytes b = new Bytes(page.sync(REGS_SIZE + SREGS_SIZE, EVENTS_SIZE));
            if (EventsIoctls.set(v, b) != 0) return Errno.EINVAL;
            page.dirtyRegs(page.dirtyRegs() & ~EVENTS);
        }
        return 0;
    }

    /** store_regs. */
    static void storeRegs(Vcpu v, RunPage page) {
        long valid = page.validRegs();
        if ((valid & REGS) != 0) {
            Bytes b = new Bytes(REGS_SIZE);
            RegsIoctls.getRegs(v, b);
            page.sync(0, b.array());
        }
        if ((valid & SREGS) != 0) {
            Bytes b = new Bytes(SREGS_SIZE);
            SregsIoctls.getSregs(v, b);
            page.sync(REGS_SIZE, b.array());
        }
        if ((valid & EVENTS) != 0)
            page.sync(REGS_SIZE + SREGS_SIZE, EventsIoctls.get(v).array());
    }
}
