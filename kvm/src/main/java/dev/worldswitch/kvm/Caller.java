package dev.worldswitch.kvm;

import dev.worldswitch.kernel.Task;

/** One thread of a client while it is in the (simulated) kernel. */
public interface Caller {
    Client client();

    /** The host task that this thread is. */
    Task task();

    /** signal_pending(current): KVM_RUN ends with EINTR. Cheap: asked before each entry. */
    boolean signalPending();

    /** Sets or takes away the signal mask that counts during KVM_RUN of the vCPU that this call is about. */
    void runSignalMask(long mask, boolean set);

    /** Blocks until woken, kicked or a signal is pending. Real in {@code run}; a point of choice in {@code explore}. */
    void block(java.util.function.BooleanSupplier until);

    /**
     * After this time, once, the caller is kicked as by a signal, but without one: a timer that the guest waits for is due.
     * Where time is simulated nothing happens: the schedule decides.
     *
     * @param nanoseconds 0 for never
     */
    default void kickAfter(long nanoseconds) {}

    /** Nanoseconds that this thread has waited for a CPU while it could run (sched_info.run_delay); 0 where nobody counts. */
    default long runDelay() {
        return 0;
    }

    /** Wakes a caller that blocks; any thread. */
    void wake();
}
