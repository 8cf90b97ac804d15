package dev.worldswitch.explore;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kernel.x86.X86Host;
import java.util.List;

/** What a VMM does, as steps between which it rests: no live state but the cells, its memory and the step's number. */
interface Workload {
    /** One system call or stretch of user code. */
    record Step(String name, Runnable action) {}

    /** Makes a fresh VMM on a host; what it does before the first rest has no events. */
    interface Factory {
        Workload on(X86Host host, VmmMemory memory);
    }

    Task task();

    /** The guest image whose XSTATE_BV and IA32_XFD a timeline shows. */
    FpState guestImage();

    List<Step> steps();
}
