package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.x86.X86State;

/** KVM_SET_GUEST_DEBUG: the VMM as the guest's debugger. */
public final class GuestDebug {
    public static final int ENABLE = 1, SINGLESTEP = 2, USE_SW_BP = 0x10000, USE_HW_BP = 0x20000;
    public static final int INJECT_DB = 0x40000, INJECT_BP = 0x80000, BLOCKIRQ = 0x100000;
    private static final int SIZE = 72;

    private GuestDebug() {}

    static void rows(Rows t) {
        t.vcpu("KVM_SET_GUEST_DEBUG", iow(0x9b, SIZE), 23, "api.rst 4.87", GuestDebug::set);
    }

    private static long set(Vcpu v, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        int control = b.u32(0);
        if ((control & (INJECT_DB | INJECT_BP)) != 0) {
            if (v.events().exceptionPending.get() != 0) return Errno.EBUSY;
            v.events().queueException((control & INJECT_DB) != 0 ? 1 : 3, -1);
        }
        // The flags are read without the old debugger's TF and written back with the new one's.
        long rflags = v.rflags();
        v.guestDebug().set((control & ENABLE) != 0 ? control & 0xffffffffL : 0);
        boolean hw = (v.guestDebug().get() & USE_HW_BP) != 0;
        if (hw) for (int i = 0; i < 8; i++) v.guestDebugDb().set(i, b.u64(8 + i * 8));
        v.updateDr();
        v.guestDebugRip().set(linearRip(v));
        v.rflags(rflags);
        return 0;
    }

    private static long linearRip(Vcpu v) {
        X86State s = v.state();
        return s.code64() ? s.rip.get() : s.segBase.get(X86State.CS) + s.rip.get() & 0xffffffffL;
    }

    /** Sets TF again while the debugger steps and the instruction it stepped from is still the current one. */
    static void stepAgain(Vcpu v) {
        if ((v.guestDebug().get() & SINGLESTEP) != 0 && v.guestDebugRip().get() == linearRip(v))
            v.state().rflags.or(X86State.TF);
    }
}
