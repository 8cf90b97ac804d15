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
    public boolean resetsOnShutdown() {
        return true;
    }
}
