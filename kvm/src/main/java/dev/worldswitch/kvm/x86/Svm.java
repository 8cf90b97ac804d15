package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** AMD's SVM. Exit names: arch/x86/include/uapi/asm/svm.h. */
final class Svm implements X86Ops {
    private static final String[] NAMES = {
        "none",
        "interrupt",
        "ioio",
        "npf",
        "npf",
        "hlt",
        "cpuid",
        "msr",
        "msr",
        "xsetbv",
        "vmmcall",
        "shutdown",
        "exception",
        "cr",
        "dr",
        "npf",
        "ud excp",
        "npf",
        "other",
        "vintr"
    };

    @Override
    public String name() {
        return "svm";
    }

    @Override
    public int hypercallByte() {
        return 0xd9;
    }

    @Override
    public String exitName(X86Exit exit) {
        return exit.reason < NAMES.length ? NAMES[exit.reason] : exit.name();
    }

    @Override
    public long[] exitFields(X86State state, X86Exit exit) {
        return ExitFields.svm(state, exit);
    }

    @Override
    public long[] pageFaultInfo(X86Exit exit, boolean known) {
        // NPF: write (bit 1), user access (2), reserved bits (3: KVM marked the page as unbacked before), fetch (4),
        // at the final translation (32) or in the walk of the guest's tables (33).
        boolean fetch = exit.reason == X86Exit.FETCH_MMIO;
        long bits = fetch ? 0x10 : exit.errorCode & 2;
        return new long[] {0x400, (exit.walk ? 1L << 33 : 1L << 32) | 4 | bits | (known ? 8 : 0), exit.gpa};
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
}
