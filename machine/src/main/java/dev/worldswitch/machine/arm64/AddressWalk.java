package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.cell.Words;

/** Stage 1 translation on behalf of a debugger, of a guest that is on no CPU. */
public final class AddressWalk {
    private AddressWalk() {}

    /**
     * Where a virtual address is, whatever the access rights; -1 for nowhere.
     *
     * @param sys system registers by {@link SysReg#ordinal}
     */
    public static long translate(Words sys, Arm64Profile profile, PhysicalMemory memory, long va) {
        return Stage1.ask(sys.raw(), profile, memory, va);
    }
}
