package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** The CPUID instruction: the client's table, the fields that follow the guest's state, and leaves out of range. */
final class CpuidExits {
    private final VcpuRun run;
    private final X86State state;

    CpuidExits(VcpuRun run) {
        this.run = run;
        this.state = run.vcpu().state();
    }

    long handle(X86Exit e) {
        int function = (int) state.gpr.get(X86State.RAX), index = (int) state.gpr.get(X86State.RCX);
        CpuidTable table = run.vcpu().cpuid().get();
        boolean exact = table.find(function, index) != null;
        CpuidTable.Entry hit = CpuidIoctls.guestCpuid(run.vcpu(), function, index);
        int a = 0, b = 0, c = 0, d = 0;
        if (hit != null) {
            a = hit.eax();
            b = hit.ebx();
            c = hit.ecx();
            d = hit.edx();
        } else if (function == 0xb || function == 0x1f) {
            // A missing subleaf still tells its own number and the x2APIC id (SDM vol. 2, CPUID leaf 0BH), where the
            // leaf is
            // really there: then it has subleaf 1.
            CpuidTable.Entry level = table.find(function, 1);
            if (level != null) {
                c = index & 0xff;
                d = level.edx();
            }
        }
        // kvm_cpuid: a guest that knows Hyper-V's control of it sees its invariant TSC once it has asked.
        if (function == 0x8000_0007 && run.vcpu().vm().hyperv().suppressesInvariantTsc(run.vcpu())) d &= ~(1 << 8);
        Trace t = run.trace();
        if (t != null) t.kvmCpuid(run.vcpu(), function, index, a, b, c, d, exact, !exact && hit != null);
        state.gpr.set(X86State.RAX, a & 0xffffffffL);
        state.gpr.set(X86State.RBX, b & 0xffffffffL);
        state.gpr.set(X86State.RCX, c & 0xffffffffL);
        state.gpr.set(X86State.RDX, d & 0xffffffffL);
        return run.skip(e.length);
    }
}
