package dev.worldswitch.kvm;

import dev.worldswitch.machine.cell.Word;

/** A vCPU whose KVM_RUN can have a signal mask of its own. */
public interface SignalMasked extends KvmFile {
    /** The mask of KVM_SET_SIGNAL_MASK. */
    Word sigmask();

    /** 1 when there is one. */
    Word sigmaskSet();

    /** Adds the row to an architecture's table. */
    static void rows(IoctlTable.Builder t) {
        t.add(
                SignalMasked.class,
                Kind.VCPU,
                "KVM_SET_SIGNAL_MASK",
                IoctlTable.iow(0x8b, 4),
                0,
                "api.rst 4.21",
                SignalMasked::setSignalMask);
    }

    private static long setSignalMask(SignalMasked v, Call call) {
        if (call.argument() == 0) {
            v.sigmaskSet().set(0);
            return 0;
        }
        Bytes head = call.in(4);
        if (head == null) return Errno.EFAULT;
        if (head.u32(0) != 8) return Errno.EINVAL;
        Bytes mask = call.in(call.argument() + 4, 8);
        if (mask == null) return Errno.EFAULT;
        v.sigmask().set(mask.u64(0));
        v.sigmaskSet().set(1);
        return 0;
    }
}
