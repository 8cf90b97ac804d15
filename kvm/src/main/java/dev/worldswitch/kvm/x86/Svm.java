package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** AMD's SVM. */
final class Svm implements X86Ops {
    @Override
    public String name() {
        return "svm";
    }

    @Override
    public int hypercallByte() {
        return 0xd9;
    }

    @Override
    public String exitName(X86Exit exit, boolean known) {
        return ExitNames.svm(exit);
    }

    @Override
    public long[] exitFields(X86State state, X86Exit exit, boolean known) {
        return ExitFields.svm(state, exit, known);
    }

    @Override
    public long pageFaultErrorCode(X86Exit exit, boolean known) {
        return ExitFields.nestedPageFault(exit, known);
    }

    @Override
    public long[] pageFaultInfo(X86Exit exit, boolean known) {
        return new long[] {0x400, ExitFields.nestedPageFault(exit, known), exit.gpa};
    }

    @Override
    public boolean refusesEmulationDuringVectoring(Kernel kernel) {
        return kernel.has(Patch.SVM_EXIT_ON_VECTORING_FAULT) && !kernel.has(Patch.RETRY_WALK_DURING_VECTORING);
    }

    @Override
    public boolean softExceptionNeedsInstruction() {
        return true;
    }

    @Override
    public long[] exceptionInfo(int vector) {
        return new long[] {0x40 + vector, 0, 0};
    }

    @Override
    public boolean resetsOnShutdown() {
        return true;
    }

    @Override
    public boolean switchesDebugctl() {
        return false;
    }

    @Override
    public boolean hasPreemptionTimer() {
        return false;
    }
}
