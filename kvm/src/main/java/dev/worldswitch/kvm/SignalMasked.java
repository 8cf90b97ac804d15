package dev.worldswitch.kvm;

/** A vCPU whose KVM_RUN can have a signal mask of its own; who delivers signals keeps it. */
public interface SignalMasked extends KvmFile {
    /** Adds the row to an architecture's table. */
    static void rows(IoctlTable.Builder t) {
        t.add(
                SignalMasked.class,
                Kind.VCPU,
                "KVM_SET_SIGNAL_MASK",
                IoctlTable.iow(0x8b, 4),
                0,
                "api.rst 4.21",
                (vcpu, call) -> setSignalMask(call));
    }

    private static long setSignalMask(Call call) {
        if (call.argument() == 0) {
            call.caller().runSignalMask(0, false);
            return 0;
        }
        Bytes head = call.in(4);
        if (head == null) return Errno.EFAULT;
        if (head.u32(0) != 8) return Errno.EINVAL;
        Bytes mask = call.in(call.argument() + 4, 8);
        if (mask == null) return Errno.EFAULT;
        call.caller().runSignalMask(mask.u64(0), true);
        return 0;
    }
}
