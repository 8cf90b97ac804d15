package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Caller;

/** MSR accesses by the guest: the local APIC's and IA32_XFD here, the rest by the table. */
final class GuestMsrs {
    static final int IA32_TSC_DEADLINE = 0x6e0, IA32_XFD = 0x1c4, X2APIC_FIRST = 0x800, X2APIC_LAST = 0x8ff;
    static final Answer FILTERED = new Answer(MsrExits.REASON_FILTER, 0);

    /** 0 or a KVM_MSR_EXIT_REASON_* bit, and the value read. */
    record Answer(int failure, long value) {}

    private GuestMsrs() {}

    static boolean allowed(Vcpu v, int index, boolean write) {
        return v.vm().msrFilter().get().allows(index, write ? MsrFilter.WRITE : MsrFilter.READ);
    }

    static Answer get(Vcpu v, int index) {
        if (index >= X2APIC_FIRST && index <= X2APIC_LAST) {
            int offset = index - X2APIC_FIRST << 4;
            if (!v.lapic().x2apicActive() || !v.lapic().readable(offset)) return new Answer(MsrExits.REASON_INVAL, 0);
            return new Answer(0, v.lapic().x2apicRead(offset));
        }
        if (index == IA32_TSC_DEADLINE) return new Answer(0, v.lapic().tscDeadline());
        MsrTable.Access a = v.vm().kvm().msrTable().read(v, index, false);
        return new Answer(a.status(), a.value());
    }

    static int set(Vcpu v, int index, long value) {
        if (index >= X2APIC_FIRST && index <= X2APIC_LAST) {
            boolean ok = v.lapic().x2apicActive() && v.lapic().x2apicWrite(index - X2APIC_FIRST << 4, value);
            return ok ? 0 : MsrExits.REASON_INVAL;
        }
        if (index == IA32_TSC_DEADLINE) {
            v.lapic().tscDeadline(value);
            return 0;
        }
        if (index == IA32_XFD) return setXfd(v, value);
        return v.vm().kvm().msrTable().write(v, index, value, false);
    }

    private static int setXfd(Vcpu v, long value) {
        if (!v.cpuid().get().has(0xd, 1, 0, 4)) return MsrExits.REASON_INVAL;
        Caller caller = v.runLoop().runState().runner.get();
        if (caller == null) throw new IllegalStateException("WRMSR outside KVM_RUN on " + v.region());
        return updateXfd(v, caller, value) ? 0 : MsrExits.REASON_INVAL;
    }

    /** kvm_set_msr_common and vmx_set_msr for IA32_XFD, by the guest or by the client. */
    static boolean updateXfd(Vcpu v, Caller caller, long value) {
        if (!v.acceptsXfd(value)) return false;
        // A CPU without XFD has nothing to update, and the one legal value is 0.
        if (v.vm().kvm().profile().xsave().xfdMask() == 0) return true;
        v.vm().kvm().fpu().fpuUpdateGuestXfd(caller.task(), v.fpuGuest(), value);
        v.runLoop().runState().xfdWritten(value);
        return true;
    }
}
