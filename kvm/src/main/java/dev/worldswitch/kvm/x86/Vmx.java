package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** Intel's VMX. */
final class Vmx implements X86Ops {
    @Override
    public String name() {
        return "vmx";
    }

    @Override
    public int hypercallByte() {
        return 0xc1;
    }

    @Override
    public String exitName(X86Exit exit, boolean known) {
        return ExitNames.vmx(exit, known);
    }

    @Override
    public long[] exitFields(X86State state, X86Exit exit, boolean known) {
        return ExitFields.vmx(state, exit, known);
    }

    @Override
    public long pageFaultErrorCode(X86Exit exit, boolean known) {
        return known ? -1 : ExitFields.eptViolation(exit);
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

    @Override
    public boolean switchesDebugctl() {
        return true;
    }

    @Override
    public boolean hasPreemptionTimer() {
        return true;
    }
}
