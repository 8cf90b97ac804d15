package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.x86.RunState.Completion;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** RDMSR and WRMSR: the vCPU's MSRs, user space's filter, and exits to user space for what it asked to see. */
final class MsrExits {
    /** KVM_MSR_EXIT_REASON_*. */
    static final int REASON_INVAL = 1, REASON_UNKNOWN = 2, REASON_FILTER = 4;

    private static final int IA32_XFD = 0x1c4, IA32_XFD_ERR = 0x1c5, X2APIC_FIRST = 0x800, X2APIC_LAST = 0x8ff;
    private final VcpuRun run;
    private final Vcpu vcpu;
    private final X86State state;
    private final RunState rs;

    MsrExits(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.state = vcpu.state();
        this.rs = run.runState();
    }

    long handleRdmsr(X86Exit e) {
        int index = (int) state.gpr.get(X86State.RCX);
        GuestMsrs.Answer a = GuestMsrs.allowed(vcpu, index, false) ? GuestMsrs.get(vcpu, index) : GuestMsrs.FILTERED;
        if (a.failure() != 0) return failed(e, false, index, a.failure(), 0);
        trace(false, index, a.value(), false);
        state.gpr.set(X86State.RAX, a.value() & 0xffffffffL);
        state.gpr.set(X86State.RDX, a.value() >>> 32);
        return run.skip(e.length);
    }

    long handleWrmsr(X86Exit e) {
        int index = (int) state.gpr.get(X86State.RCX);
        long value = state.gpr.get(X86State.RAX) & 0xffffffffL | state.gpr.get(X86State.RDX) << 32;
        int failure = GuestMsrs.allowed(vcpu, index, true) ? GuestMsrs.set(vcpu, index, value) : REASON_FILTER;
        if (failure != 0) return failed(e, true, index, failure, value);
        trace(true, index, value, false);
        return run.skip(e.length);
    }

    /** kvm_msr_user_space: an exit where user space asked for this reason, else #GP. */
    private long failed(X86Exit e, boolean write, int index, int reason, long value) {
        trace(write, index, value, true);
        if ((vcpu.vm().userSpaceMsr().get() & reason) == 0) {
            run.injection().queueExceptionE(Injection.GP, 0);
            return 1;
        }
        rs.length.set(e.length);
        run.page().msr(write, index, reason, value);
        rs.complete(write ? Completion.WRMSR : Completion.RDMSR);
        return 0;
    }

    long completeRdmsr() {
        if (run.page().msrError()) return gp();
        long v = run.page().msrData();
        state.gpr.set(X86State.RAX, v & 0xffffffffL);
        state.gpr.set(X86State.RDX, v >>> 32);
        return run.skip((int) rs.length.get());
    }

    long completeWrmsr() {
        return run.page().msrError() ? gp() : run.skip((int) rs.length.get());
    }

    private long gp() {
        run.injection().queueExceptionE(Injection.GP, 0);
        return 1;
    }

    private void trace(boolean write, int index, long value, boolean fault) {
        Trace t = run.trace();
        if (t != null) t.kvmMsr(vcpu, write, index, value, fault);
    }
}
