package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.x86.X86State;

/**
 * struct kvm_nested_state of vCPUs that are never nested: its header alone (asm/kvm.h). The calls are there on a host whose
 * nesting is switched off too.
 */
final class NestedState {
    private static final int SIZE = 128;
    private static final int GUEST_MODE = 1, RUN_PENDING = 2, EVMCS = 4, MTF_PENDING = 8, GIF_SET = 1 << 8;
    private static final int FORMAT_VMX = 0, FORMAT_SVM = 1;
    private static final int FLAGS = 0, FORMAT = 2, LENGTH = 4;
    private static final int VMXON_PA = 8, VMCS12_PA = 16, SMM_FLAGS = 24, VMX_FLAGS = 28;
    private static final int PREEMPTION_TIMER_DEADLINE = 1;
    private static final long INVALID_GPA = -1;

    private NestedState() {}

    static void rows(Rows t) {
        t.vcpu("KVM_GET_NESTED_STATE", iowr(0xbe, SIZE), 157, "api.rst 4.114", NestedState::get);
        t.vcpu("KVM_SET_NESTED_STATE", iow(0xbf, SIZE), 157, "api.rst 4.115", NestedState::set);
    }

    /** KVM_CAP_NESTED_STATE: the header and the vendor's control blocks of 4 KiB: VMX has a shadow of the first. */
    static long size(Vendor vendor) {
        return SIZE + (vendor == Vendor.SVM ? 4096 : 8192);
    }

    private static int format(Vcpu v) {
        return v.vendor() == Vendor.SVM ? FORMAT_SVM : FORMAT_VMX;
    }

    private static long get(Vcpu v, Call call) {
        Bytes head = call.in(8);
        if (head == null) return Errno.EFAULT;
        int room = head.u32(LENGTH);
        if (Integer.compareUnsigned(room, SIZE) < 0)
            return call.out(head.u32(LENGTH, SIZE)) != 0 ? Errno.EFAULT : Errno.E2BIG;
        Bytes b = new Bytes(SIZE).u16(FORMAT, format(v)).u32(LENGTH, SIZE);
        if (v.vendor() == Vendor.SVM) b.u16(FLAGS, v.gif().get() != 0 ? GIF_SET : 0);
        else b.u64(VMXON_PA, INVALID_GPA).u64(VMCS12_PA, INVALID_GPA);
        return call.out(b);
    }

    private static long set(Vcpu v, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        int flags = b.u16(FLAGS);
        boolean legal = Integer.compareUnsigned(b.u32(LENGTH), SIZE) >= 0
                && (flags & ~(GUEST_MODE | RUN_PENDING | EVMCS | MTF_PENDING | GIF_SET)) == 0
                && ((flags & RUN_PENDING) == 0 || (flags & GUEST_MODE) != 0)
                && b.u16(FORMAT) == format(v)
                && (v.vendor() == Vendor.SVM ? isOutsideSvm(v, flags) : isOutsideVmx(b, flags));
        if (!legal) return Errno.EINVAL;
        if (v.vendor() == Vendor.SVM) v.gif().set((flags & GIF_SET) != 0 ? 1 : 0);
        return 0;
    }

    /** svm_set_nested_state: nothing is nested; without EFER.SVME interrupts are on, as older kernels want to be told. */
    private static boolean isOutsideSvm(Vcpu v, int flags) {
        boolean free = (v.state().efer.get() & X86State.EFER_SVME) != 0
                || v.vm().kvm().kernel().has(Patch.X86_SVM_GIF_WITHOUT_SVME);
        return flags == GIF_SET || free && flags == 0;
    }

    /** vmx_set_nested_state: neither VMXON nor, without an eVMCS of the guest's, any flag. */
    private static boolean isOutsideVmx(Bytes b, int flags) {
        return flags == 0
                && b.u64(VMXON_PA) == INVALID_GPA
                && b.u64(VMCS12_PA) == INVALID_GPA
                && b.u16(SMM_FLAGS) == 0
                && (b.u32(VMX_FLAGS) & ~PREEMPTION_TIMER_DEADLINE) == 0;
    }
}
