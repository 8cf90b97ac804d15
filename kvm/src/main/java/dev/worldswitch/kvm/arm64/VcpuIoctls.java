package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;

/** MP state, pending events and guest debug of a vCPU. */
final class VcpuIoctls {
    static final int GUEST_DEBUG_ENABLE = 1, GUEST_DEBUG_SINGLESTEP = 2, USE_SW_BP = 0x10000, USE_HW = 0x20000;
    static final int GUEST_DEBUG_VALID = GUEST_DEBUG_ENABLE | GUEST_DEBUG_SINGLESTEP | USE_SW_BP | USE_HW;

    private static final int EVENTS_SIZE = 64, DEBUG_SIZE = 520;
    private static final long ESR_ISS = (1L << 25) - 1, SERROR_WITHOUT_ESR = 1L << 24;

    private VcpuIoctls() {}

    static void rows(Rows t) {
        t.vcpu(
                "KVM_GET_MP_STATE",
                ior(0x98, 4),
                14,
                "api.rst 4.38",
                (v, c) -> c.out(new Bytes(4).u32(0, v.mpState().get())));
        t.vcpu("KVM_SET_MP_STATE", iow(0x99, 4), 14, "api.rst 4.39", VcpuIoctls::setMpState);
        t.vcpu("KVM_GET_VCPU_EVENTS", ior(0x9f, EVENTS_SIZE), 41, "api.rst 4.31", VcpuIoctls::getEvents);
        t.vcpu("KVM_SET_VCPU_EVENTS", iow(0xa0, EVENTS_SIZE), 41, "api.rst 4.32", VcpuIoctls::setEvents);
        t.vcpu("KVM_SET_GUEST_DEBUG", iow(0x9b, DEBUG_SIZE), 23, "api.rst 4.87", VcpuIoctls::setGuestDebug);
    }

    private static long setMpState(Vcpu v, Call call) {
        Bytes b = call.in(4);
        if (b == null) return Errno.EFAULT;
        switch (b.u32(0)) {
            case (int) MpState.RUNNABLE -> v.mpState().release(MpState.RUNNABLE);
            case (int) MpState.STOPPED -> v.runLoop().powerOff();
            case (int) MpState.SUSPENDED -> v.runLoop().suspend();
            default -> {
                return Errno.EINVAL;
            }
        }
        return 0;
    }

    private static boolean tooEarly(Vcpu v) {
        return !v.is(Vcpu.INITIALIZED) && v.kvm().has(Patch.ARM64_EVENTS_NEED_INIT);
    }

    /** A pending external abort never shows: it is delivered when it is set. */
    private static long getEvents(Vcpu v, Call call) {
        if (tooEarly(v)) return Errno.ENOEXEC;
        boolean pending = v.hcr().test(Inject.HCR_VSE), hasEsr = v.kvm().host().ras();
        Bytes b = new Bytes(EVENTS_SIZE).u8(0, pending ? 1 : 0).u8(1, hasEsr ? 1 : 0);
        if (pending && hasEsr) b.u64(8, v.vsesr().get());
        return call.out(b);
    }

    private static long setEvents(Vcpu v, Call call) {
        if (tooEarly(v)) return Errno.ENOEXEC;
        Bytes b = call.in(EVENTS_SIZE);
        if (b == null) return Errno.EFAULT;
        for (int i = 3; i < EVENTS_SIZE; i++) if ((i < 8 || i >= 16) && b.u8(i) != 0) return Errno.EINVAL;
        boolean pending = b.u8(0) != 0, hasEsr = b.u8(1) != 0, dabt = b.u8(2) != 0;
        if (pending && hasEsr) {
            if (!v.kvm().host().ras() || (b.u64(8) & ~ESR_ISS) != 0) return Errno.EINVAL;
            Inject.serror(v, b.u64(8));
        } else if (pending) {
            Inject.serror(v, SERROR_WITHOUT_ESR);
        }
        if (dabt) {
            Inject.abort(v, false, v.fault().get(1));
            // Later kernels take it at once, so that user space sees where the guest will be.
            if (v.kvm().has(Patch.ARM64_ABORT_TAKEN_AT_ONCE)) PcAdjust.adjustPc(v);
        }
        return 0;
    }

    /** KVM_GUESTDBG_ENABLE missing means off, whatever else is set. */
    private static long setGuestDebug(Vcpu v, Call call) {
        Bytes b = call.in(DEBUG_SIZE);
        if (b == null) return Errno.EFAULT;
        int control = b.u32(0);
        TraceText t = v.trace();
        if (t != null) t.kvmSetGuestDebug(v, control);
        if ((control & ~GUEST_DEBUG_VALID) != 0) return Errno.EINVAL;
        if ((control & GUEST_DEBUG_ENABLE) == 0) {
            v.guestDebug().set(0);
            return 0;
        }
        v.guestDebug().set(control);
        if ((control & USE_HW) != 0)
            for (int i = 0; i < 64; i++) v.externalDebug().set(i, b.u64(8 + i * 8));
        return 0;
    }
}
