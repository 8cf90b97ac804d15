package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;

/** Exceptions, interrupts, NMIs and SMIs on their way, and the MP state. */
final class EventsIoctls {
    private static final int SIZE = 64;
    private static final int VALID_NMI_PENDING = 1, VALID_SIPI = 2, VALID_SHADOW = 4, VALID_SMM = 8, VALID_PAYLOAD = 16;
    private static final int VALID_TRIPLE_FAULT = 32;
    private static final int NMI_VECTOR = 2, DB_VECTOR = 1, PF_VECTOR = 14;

    private EventsIoctls() {}

    static void rows(Rows t) {
        t.vcpu("KVM_GET_VCPU_EVENTS", ior(0x9f, SIZE), 41, "api.rst 4.31", (v, c) -> c.out(get(v)));
        t.vcpu("KVM_SET_VCPU_EVENTS", iow(0xa0, SIZE), 41, "api.rst 4.32", EventsIoctls::set);
        t.vcpu("KVM_INTERRUPT", iow(0x86, 4), 0, "api.rst 4.16", EventsIoctls::interrupt);
        t.vcpu("KVM_NMI", io(0x9a), 22, "api.rst 4.64", (v, c) -> {
            v.events().addNmi(v.state());
            return 0;
        });
        t.vcpu("KVM_SMI", io(0xb7), 117, "api.rst 4.96", (v, c) -> {
            if (!v.smm().built()) return Errno.EINVAL;
            v.smm().inject();
            return 0;
        });
        t.vcpu("KVM_GET_MP_STATE", ior(0x98, 4), 14, "api.rst 4.38", EventsIoctls::getMpState);
        t.vcpu("KVM_SET_MP_STATE", iow(0x99, 4), 14, "api.rst 4.39", EventsIoctls::setMpState);
    }

    /** kvm_vcpu_ioctl_x86_get_vcpu_events. */
    static Bytes get(Vcpu v) {
        v.smm().process();
        PendingEvents e = v.events();
        Bytes b = new Bytes(SIZE);
        boolean payloadCap = v.vm().exceptionPayload();
        boolean pending = e.exceptionPending.get() != 0;
        if (!payloadCap && pending && e.exceptionHasPayload.get() != 0) e.deliverPayload(v);
        long nr = e.exceptionNr.get();
        if (nr != 3 && nr != 4) {
            long injected = e.exceptionInjected.get();
            b.u8(0, payloadCap ? injected : injected | e.exceptionPending.get());
            b.u8(3, e.exceptionPending.get());
        }
        b.u8(1, nr).u8(2, e.exceptionHasErrorCode.get()).u32(4, e.exceptionErrorCode.get());
        boolean hard = e.interruptInjected.get() != 0 && e.interruptSoft.get() == 0;
        b.u8(8, hard ? 1 : 0).u8(9, e.interruptNr.get());
        b.u8(11, v.vendor().shownShadow(v.state().shadow.get()));
        long nmis = e.nmiPending.get();
        b.u8(12, e.nmiInjected.get()).u8(14, v.state().nmiMasked.get());
        b.u8(13, v.vm().kvm().kernel().has(Patch.VCPU_EVENTS_COUNT_NMIS) ? nmis : nmis != 0 ? 1 : 0);
        int flags = VALID_NMI_PENDING | VALID_SHADOW | VALID_SMM;
        b.u8(24, e.smm.get())
                .u8(25, e.smiPending.get())
                .u8(26, e.smmInsideNmi.get())
                .u8(27, v.lapic().latchedInit() ? 1 : 0);
        if (payloadCap) flags |= VALID_PAYLOAD;
        if (v.vm().tripleFaultEvent()) {
            flags |= VALID_TRIPLE_FAULT;
            b.u8(28, e.tripleFault.get());
        }
        b.u32(20, flags);
        b.u8(55, e.exceptionHasPayload.get()).u64(56, e.exceptionPayload.get());
        return b;
    }

    private static long set(Vcpu v, Call call) {
        Bytes b = call.in(SIZE);
        return b == null ? Errno.EFAULT : set(v, b);
    }

    /** kvm_vcpu_ioctl_x86_set_vcpu_events. */
    static long set(Vcpu v, Bytes b) {
        int flags = b.u32(20);
        int known = VALID_NMI_PENDING | VALID_SIPI | VALID_SHADOW | VALID_SMM | VALID_PAYLOAD | VALID_TRIPLE_FAULT;
        if ((flags & ~known) != 0) return Errno.EINVAL;
        boolean pending = false, hasPayload = false, injected = b.u8(0) != 0;
        if ((flags & VALID_PAYLOAD) != 0) {
            if (!v.vm().exceptionPayload()) return Errno.EINVAL;
            pending = b.u8(3) != 0;
            if (pending) injected = false;
            hasPayload = pending && b.u8(55) != 0;
        }
        if ((injected || pending) && (b.u8(1) > 31 || b.u8(1) == NMI_VECTOR)) return Errno.EINVAL;
        boolean smmGiven = (flags & VALID_SMM) != 0;
        boolean smmUsed = b.u8(24) != 0 || b.u8(25) != 0 || b.u8(26) != 0;
        if (smmGiven && (b.u8(24) != 0 || b.u8(25) != 0) && v.mpState().get() == KvmX86Abi.MP_STATE_INIT_RECEIVED)
            return Errno.EINVAL;
        if (smmGiven && smmUsed && !v.smm().built()) return Errno.EINVAL;
        // The kernel finds this only after it has taken the rest; nothing of a refused call is kept here.
        if ((flags & VALID_TRIPLE_FAULT) != 0 && !v.vm().tripleFaultEvent()) return Errno.EINVAL;
        PendingEvents e = v.events();
        e.exceptionInjected.set(injected ? 1 : 0);
        e.exceptionPending.set(pending ? 1 : 0);
        e.exceptionNr.set(b.u8(1));
        e.exceptionHasErrorCode.set(b.u8(2));
        e.exceptionErrorCode.set(b.u32(4) & 0xffffffffL);
        e.exceptionHasPayload.set(hasPayload ? 1 : 0);
        e.exceptionPayload.set(b.u64(56));
        e.interruptInjected.set(b.u8(8) != 0 ? 1 : 0);
        e.interruptNr.set(b.u8(9));
        e.interruptSoft.set(b.u8(10) != 0 ? 1 : 0);
        if ((flags & VALID_SHADOW) != 0) v.state().shadow.set(b.u8(11) & 3);
        e.nmiInjected.set(b.u8(12) != 0 ? 1 : 0);
        v.state().nmiMasked.set(b.u8(14) != 0 ? 1 : 0);
        if ((flags & VALID_NMI_PENDING) != 0) e.limitNmis(b.u8(13), v.state());
        if ((flags & VALID_SIPI) != 0 && v.vm().lapicInKernel()) e.sipiVector.set(b.u32(16));
        if (smmGiven) {
            if (v.smm().active() != (b.u8(24) != 0)) v.smm().changed(b.u8(24) != 0);
            e.smiPending.set(b.u8(25) != 0 ? 1 : 0);
            if (b.u8(24) != 0) e.smmInsideNmi.set(b.u8(26) != 0 ? 1 : 0);
            if (v.vm().lapicInKernel()) v.lapic().latchInit(b.u8(27) != 0);
        }
        if ((flags & VALID_TRIPLE_FAULT) != 0) e.tripleFault.set(b.u8(28) != 0 ? 1 : 0);
        return 0;
    }

    private static long interrupt(Vcpu v, Call call) {
        Bytes b = call.in(4);
        if (b == null) return Errno.EFAULT;
        int nr = b.u32(0);
        if (nr < 0 || nr > 255) return Errno.EINVAL;
        if (v.vm().picInKernel()) return Errno.ENXIO;
        if (!v.vm().lapicInKernel()) {
            v.events().queueInterrupt(nr, false);
            return 0;
        }
        // Split irqchip: one vector of the user-space PIC can wait.
        if (v.events().extInterrupt.get() != 0) return Errno.EEXIST;
        v.events().extInterrupt.set(nr + 1L);
        v.runLoop().kick(RunState.REQ_EVENT);
        return 0;
    }

    private static long getMpState(Vcpu v, Call call) {
        v.acceptApicEvents();
        long s = v.mpState().get();
        return call.out(new Bytes(4).u32(0, s));
    }

    private static long setMpState(Vcpu v, Call call) {
        Bytes b = call.in(4);
        if (b == null) return Errno.EFAULT;
        int s = b.u32(0);
        boolean known = s >= 0 && s <= 4 || s == 9;
        if (!known || !v.vm().lapicInKernel() && s != KvmX86Abi.MP_STATE_RUNNABLE) return Errno.EINVAL;
        boolean latched = v.smm().active() || v.events().smiPending.get() != 0;
        if (latched && (s == KvmX86Abi.MP_STATE_SIPI_RECEIVED || s == KvmX86Abi.MP_STATE_INIT_RECEIVED))
            return Errno.EINVAL;
        if (s == KvmX86Abi.MP_STATE_SIPI_RECEIVED) {
            v.mpState().set(KvmX86Abi.MP_STATE_INIT_RECEIVED);
            v.events().sipiPending.set(1);
        } else {
            v.mpState().set(s);
        }
        v.runLoop().kick(RunState.REQ_EVENT);
        return 0;
    }

    /** kvm_deliver_exception_payload for the vectors that have one. */
    static void deliver(Vcpu v, long nr, long payload) {
        if (nr == PF_VECTOR) v.state().cr.set(2, payload);
        if (nr == DB_VECTOR) {
            long dr6 = v.db().get(6) & ~15L | 1 << 16;
            // RTM (bit 16) is active low: payload bits there are inverted (SDM vol. 3, 18.2.3).
            v.db().set(6, (dr6 | payload) ^ payload & 1 << 16);
            v.updateDr();
        }
    }
}
