package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.x86.X86Exit;

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
    public long[] pageFaultInfo(X86Exit exit) {
        // NPF: user access (bit 2), fetch (bit 4), write (bit 1), at the final translation (bit 32).
        boolean fetch = exit.reason == X86Exit.FETCH_MMIO;
        return new long[] {0x400, 0x100000004L | (fetch ? 0x10 : exit.errorCode & 2), exit.gpa};
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
