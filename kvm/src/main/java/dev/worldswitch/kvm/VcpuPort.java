package dev.worldswitch.kvm;

import dev.worldswitch.machine.DebugPort;

/** A debugger's side of one vCPU, as KVM_RUN sees it. */
public interface VcpuPort extends DebugPort {
    /** KVM_RUN's loop begins, or has ended. */
    void inRunLoop(boolean now);

    /** The vCPU may not go on now. */
    boolean holds();

    /** Waits while the debugger holds the vCPU; false when a signal came first. */
    boolean passes(Caller caller);

    /** The vCPU is gone. */
    void released();
}
