package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** Intel's VMX. Exit names: arch/x86/include/uapi/asm/vmx.h. */
final class Vmx implements X86Ops {
    private static final String[] NAMES = {
        "none", "EXTERNAL_INTERRUPT", "IO_INSTRUCTION", "EPT_MISCONFIG", "EPT_MISCONFIG", "HLT", "CPUID", "MSR_READ",
        "MSR_WRITE", "XSETBV", "VMCALL", "TRIPLE_FAULT", "EXCEPTION_NMI", "CR_ACCESS", "DR_ACCESS", "EPT_VIOLATION",
        "EXCEPTION_NMI", "EPT_MISCONFIG", "MONITOR_TRAP_FLAG", "INTERRUPT_WINDOW"
    };

    @Override
    public String name() {
        return "vmx";
    }

    @Override
    public int hypercallByte() {
        return 0xc1;
    }

    @Override
    public String exitName(X86Exit exit) {
        return exit.reason < NAMES.length ? NAMES[exit.reason] : exit.name();
    }

    @Override
    public long[] exitFields(X86State state, X86Exit exit) {
        return ExitFields.vmx(state, exit);
    }

    @Override
    public long[] pageFaultInfo(X86Exit exit, boolean known) {
        return new long[] {49, 0, 0};
    }

    @Override
    public boolean refusesEmulationDuringVectoring(Kernel kernel) {
        return true;
    }

    @Override
    public boolean softExceptionNeedsInstruction() {
        return false;
    }

    @Override
    public long[] exceptionInfo(int vector) {
        return new long[] {0, 0, 0};
    }

    @Override
    public boolean resetsOnShutdown() {
        return false;
    }
}
