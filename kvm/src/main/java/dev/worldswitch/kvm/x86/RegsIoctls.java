package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.x86.X86State;

/** General registers, debug registers, XCRs. */
final class RegsIoctls {
    /** struct kvm_regs: rax rbx rcx rdx rsi rdi rsp rbp r8..r15, by their encoding number. */
    private static final int[] ORDER = {0, 3, 1, 2, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

    static final int REGS_SIZE = 144;
    private static final int DEBUGREGS_SIZE = 128, XCRS_SIZE = 392;

    private RegsIoctls() {}

    static void rows(Rows t) {
        t.vcpu("KVM_GET_REGS", ior(0x81, REGS_SIZE), 0, "api.rst 4.11", (v, c) -> {
            Bytes b = new Bytes(REGS_SIZE);
            getRegs(v, b);
            return c.out(b);
        });
        t.vcpu("KVM_SET_REGS", iow(0x82, REGS_SIZE), 0, "api.rst 4.12", (v, c) -> {
            Bytes b = c.in(REGS_SIZE);
            if (b == null) return Errno.EFAULT;
            setRegs(v, b);
            return 0;
        });
        t.vcpu("KVM_GET_DEBUGREGS", ior(0xa1, DEBUGREGS_SIZE), 50, "api.rst 4.33", RegsIoctls::getDebugregs);
        t.vcpu("KVM_SET_DEBUGREGS", iow(0xa2, DEBUGREGS_SIZE), 50, "api.rst 4.34", RegsIoctls::setDebugregs);
        t.vcpu("KVM_GET_XCRS", ior(0xa6, XCRS_SIZE), 56, "api.rst 4.44", RegsIoctls::getXcrs);
        t.vcpu("KVM_SET_XCRS", iow(0xa7, XCRS_SIZE), 56, "api.rst 4.45", RegsIoctls::setXcrs);
    }

    /** __get_regs into struct kvm_regs. */
    static void getRegs(Vcpu v, Bytes b) {
        X86State s = v.state();
        for (int i = 0; i < 16; i++) b.u64(i * 8, s.gpr.get(ORDER[i]));
        b.u64(128, s.rip.get());
        b.u64(136, v.rflags());
    }

    /** __set_regs: rflags bit 1 is always set; a pending exception is dropped. */
    static void setRegs(Vcpu v, Bytes b) {
        X86State s = v.state();
        for (int i = 0; i < 16; i++) s.gpr.set(ORDER[i], b.u64(i * 8));
        s.rip.set(b.u64(128));
        v.rflags(b.u64(136) | 2);
        v.events().exceptionPending.set(0);
        v.runLoop().runState().regsNeedSync.set(1);
    }

    private static long getDebugregs(Vcpu v, Call call) {
        Bytes b = new Bytes(DEBUGREGS_SIZE);
        for (int i = 0; i < 4; i++) b.u64(i * 8, v.db().get(i));
        b.u64(32, v.db().get(6));
        b.u64(40, v.db().get(7));
        return call.out(b);
    }

    private static long setDebugregs(Vcpu v, Call call) {
        Bytes b = call.in(DEBUGREGS_SIZE);
        if (b == null) return Errno.EFAULT;
        if (b.u64(48) != 0 || b.u64(32) >>> 32 != 0 || b.u64(40) >>> 32 != 0) return Errno.EINVAL;
        for (int i = 0; i < 4; i++) v.db().set(i, b.u64(i * 8));
        v.db().set(6, b.u64(32));
        v.db().set(7, b.u64(40));
        v.updateDr();
        return 0;
    }

    private static long getXcrs(Vcpu v, Call call) {
        return call.out(new Bytes(XCRS_SIZE).u32(0, 1).u64(16, v.xcr0().get()));
    }

    private static long setXcrs(Vcpu v, Call call) {
        Bytes b = call.in(XCRS_SIZE);
        if (b == null) return Errno.EFAULT;
        int nr = b.u32(0);
        if (nr < 0 || nr > 16 || b.u32(4) != 0) return Errno.EINVAL;
        // Only XCR0 exists: the first entry that names it counts, all others are ignored.
        for (int i = 0; i < nr; i++)
            if (b.u32(8 + i * 16) == 0) return v.setXcr0(b.u64(16 + i * 16)) ? 0 : Errno.EINVAL;
        return 0;
    }
}
