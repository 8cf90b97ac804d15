package dev.worldswitch.fuzz;

import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.IoctlTable;

/** A VM of one vCPU at EL1 without translation, whose memory at 0 is the window SLOT, and a read-only one at 1 MiB. Its files are 1 and 2. */
final class Arm64Guest {
    static final int VM = 1, VCPU = 2;
    static final long X0 = 0x6030_0000_0010_0000L, PC = 0x6030_0000_0010_0040L;
    static final long SCTLR_EL1 = 0x6030_0000_0013_c080L, CPACR_EL1 = 0x6030_0000_0013_c082L;
    static final long TTBR0_EL1 = 0x6030_0000_0013_c100L,
            TCR_EL1 = 0x6030_0000_0013_c102L,
            VBAR_EL1 = 0x6030_0000_0013_c600L;
    private static final int SET_ONE_REG = IoctlTable.iow(0xac, 16),
            TARGET = IoctlTable.ior(0xaf, 32),
            INIT = IoctlTable.iow(0xae, 32),
            FINALIZE = IoctlTable.iow(0xc2, 4);
    private static final int PSCI_0_2 = 4, SVE = 4, READONLY = 2;
    private static final long ARG = Window.STRUCT.address();
    private final KvmPath path;
    private final GuardedMemory memory;

    Arm64Guest(KvmPath path, GuardedMemory memory, boolean sve) {
        this.path = path;
        this.memory = memory;
        path.ioctl(0, IoctlTable.io(1), 0);
        X86Guest.slot(path, memory, 0, 0, 0, Window.SLOT);
        X86Guest.slot(path, memory, 1, READONLY, 0x100000, Window.SMALL);
        path.ioctl(VM, IoctlTable.io(0x41), 0);
        path.ioctl(VM, TARGET, ARG);
        memory.put(ARG + 4, 4, PSCI_0_2 | (sve ? 1 << SVE : 0));
        path.ioctl(VCPU, INIT, ARG);
        memory.put(ARG, 4, SVE);
        if (sve) path.ioctl(VCPU, FINALIZE, ARG);
    }

    void register(long id, long value) {
        memory.put(ARG, 8, id);
        memory.put(ARG + 8, 8, ARG + 16);
        memory.put(ARG + 16, 8, value);
        path.ioctl(VCPU, SET_ONE_REG, ARG);
    }
}
