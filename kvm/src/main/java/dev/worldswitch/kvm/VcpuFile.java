package dev.worldswitch.kvm;

import org.jspecify.annotations.Nullable;

/** A vCPU as code that is the same on all architectures sees it. */
public interface VcpuFile extends SignalMasked {
    /** kvm_run, and what else its mapping begins with. */
    SharedPages run();

    /** Where its writes are told of, null when the VM's slots have bitmaps. */
    @Nullable
    DirtyRing dirtyRing();
}
