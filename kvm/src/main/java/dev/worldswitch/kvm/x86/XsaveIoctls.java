package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Words;
import dev.worldswitch.machine.x86.XsaveLayout;

/** FPU and XSAVE images in user format: always the standard layout, with init values where XSTATE_BV is 0. */
final class XsaveIoctls {
    private static final int XSAVE_SIZE = 4096, FPU_SIZE = 416;
    private static final int SW_RESERVED = 464, HEADER_END = 576;
    private static final long FP = 1, SSE = 2, YMM = 4;
    private static final int BV_WORD = XsaveLayout.XSTATE_BV / 8;
    /** MXCSR bits that exist: FINDINGS of real CPUs; the mask that FXSAVE shows. */
    private static final int MXCSR_LEGAL = 0xffff;

    private XsaveIoctls() {}

    static void rows(Rows t) {
        t.vcpu("KVM_GET_FPU", ior(0x8c, FPU_SIZE), 0, "api.rst 4.22", XsaveIoctls::getFpu);
        t.vcpu("KVM_SET_FPU", iow(0x8d, FPU_SIZE), 0, "api.rst 4.23", XsaveIoctls::setFpu);
        t.vcpu(
                "KVM_GET_XSAVE",
                ior(0xa4, XSAVE_SIZE),
                55,
                "api.rst 4.42",
                (v, c) ->
                        // A state that outgrew 4096 bytes has KVM_GET_XSAVE2 only.
                        v.uabiSize() > XSAVE_SIZE ? Errno.EINVAL : c.out(image(v, XSAVE_SIZE)));
        t.vcpu("KVM_GET_XSAVE2", ior(0xcf, XSAVE_SIZE), 208, "api.rst 4.134", (v, c) -> c.out(image(v, v.uabiSize())));
        t.vcpu("KVM_SET_XSAVE", iow(0xa5, XSAVE_SIZE), 55, "api.rst 4.43", XsaveIoctls::setXsave);
    }

    private static void copy(Words from, Bytes to, int at, int n) {
        for (int i = at; i < at + n; i += 8) to.u64(i, from.get(i / 8));
    }

    private static void copy(Bytes from, Words to, int at, int n) {
        for (int i = at; i < at + n; i += 8) to.set(i / 8, from.u64(i));
    }

    /** __copy_xstate_to_uabi_buf. */
    private static Bytes image(Vcpu v, int size) {
        Words x = v.guestFpu().image();
        XsaveLayout layout = v.vm().kvm().profile().xsave();
        long bv = x.get(BV_WORD)
                & v.guestFpu().userXfeatures().get()
                & (v.guestSupportedXcr0() | XsaveLayout.XFEATURE_FPSSE);
        Bytes b = new Bytes(size);
        b.u16(XsaveLayout.FCW, XsaveLayout.FCW_INIT)
                .u32(XsaveLayout.MXCSR, XsaveLayout.MXCSR_INIT)
                .u32(28, 0xffff);
        if ((bv & FP) != 0) {
            copy(x, b, 0, 24);
            copy(x, b, XsaveLayout.ST0, 128);
        }
        if ((bv & (SSE | YMM)) != 0) copy(x, b, 24, 8);
        if ((bv & SSE) != 0) copy(x, b, XsaveLayout.XMM0, 256);
        // xstate_fx_sw_bytes: what the host kernel has enabled, for signal frames.
        b.u64(SW_RESERVED, layout.supported());
        b.u64(XsaveLayout.XSTATE_BV, bv);
        for (XsaveLayout.Component c : layout.components()) {
            if ((bv >> c.number() & 1) == 0) {
                copyInit(v, c);
                continue;
            }
            if (c.number() == XsaveLayout.PKRU) b.u64(c.offset(), v.pkru().get());
            else copy(x, b, c.offset(), c.size());
        }
        return b;
    }

    /** The image of initial states has no room for dynamic components: zeroes, without looking there. */
    private static void copyInit(Vcpu v, XsaveLayout.Component c) {
        boolean dynamic = (v.vm().kvm().profile().xsave().xfdMask() >> c.number() & 1) != 0;
        boolean has = (v.guestFpu().xfeatures().get() >> c.number() & 1) != 0;
        if (dynamic && has && !v.vm().kvm().kernel().has(Patch.XSAVE_UABI_INIT))
            throw new KernelPanic("BUG: kernel NULL pointer dereference: __copy_xstate_to_uabi_buf, component "
                    + c.number() + " of init_fpstate");
    }

    /** fpu_copy_uabi_to_guest_fpstate; nothing is changed when it is refused. */
    private static long setXsave(Vcpu v, Call call) {
        Bytes b = call.in(v.uabiSize());
        if (b == null) return Errno.EFAULT;
        var fpu = v.guestFpu();
        XsaveLayout layout = v.vm().kvm().profile().xsave();
        long bv = b.u64(XsaveLayout.XSTATE_BV);
        // Before the checks: a disabled component's data is dropped silently, the call succeeds.
        if (v.vm().kvm().kernel().has(Patch.CLEAR_XSTATE_BV_SET_XSAVE))
            bv &= ~fpu.xfd().get();
        if ((bv & ~v.vm().kvm().caps().supportedXcr0()) != 0) return Errno.EINVAL;
        if ((bv & ~fpu.userXfeatures().get()) != 0 || b.u64(XsaveLayout.XCOMP_BV) != 0) return Errno.EINVAL;
        for (int i = XsaveLayout.XCOMP_BV + 8; i < HEADER_END; i += 8) if (b.u64(i) != 0) return Errno.EINVAL;
        if ((bv & (FP | SSE | YMM)) != 0 && (b.u32(XsaveLayout.MXCSR) & ~MXCSR_LEGAL) != 0) return Errno.EINVAL;
        Words x = fpu.image();
        if ((bv & FP) != 0) copy(b, x, 0, 160);
        else if ((bv & (SSE | YMM)) != 0) copy(b, x, 24, 8);
        if ((bv & SSE) != 0) copy(b, x, XsaveLayout.XMM0, 256);
        for (XsaveLayout.Component c : layout.components()) {
            if ((bv >> c.number() & 1) == 0) continue;
            copy(b, x, c.offset(), c.size());
            // KVM restores PKRU itself, from its own copy; without the bit that copy stays.
            if (c.number() == XsaveLayout.PKRU) v.pkru().set(b.u32(c.offset()) & 0xffffffffL);
        }
        x.set(BV_WORD, bv);
        return 0;
    }

    /** struct kvm_fpu from the legacy region, XSTATE_BV or not. */
    private static long getFpu(Vcpu v, Call call) {
        Words x = v.guestFpu().image();
        Bytes b = new Bytes(FPU_SIZE);
        for (int i = 0; i < 128; i += 8) b.u64(i, x.get((XsaveLayout.ST0 + i) / 8));
        long control = x.get(0);
        b.u16(128, control).u16(130, control >>> 16).u8(132, control >>> 32);
        b.u16(134, control >>> 48).u64(136, x.get(1)).u64(144, x.get(2));
        for (int i = 0; i < 256; i += 8) b.u64(152 + i, x.get((XsaveLayout.XMM0 + i) / 8));
        return call.out(b);
    }

    private static long setFpu(Vcpu v, Call call) {
        Bytes b = call.in(FPU_SIZE);
        if (b == null) return Errno.EFAULT;
        Words x = v.guestFpu().image();
        for (int i = 0; i < 128; i += 8) x.set((XsaveLayout.ST0 + i) / 8, b.u64(i));
        x.set(0, b.u32(128) & 0xffffffffL | (long) b.u8(132) << 32 | (long) b.u16(134) << 48);
        x.set(1, b.u64(136));
        x.set(2, b.u64(144));
        for (int i = 0; i < 256; i += 8) x.set((XsaveLayout.XMM0 + i) / 8, b.u64(152 + i));
        return 0;
    }
}
