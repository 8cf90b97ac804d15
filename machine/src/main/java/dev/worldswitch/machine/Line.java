package dev.worldswitch.machine;

/** An input of a physical CPU that an event raises; NMI and machine check ignore the interrupt mask. */
public enum Line {
    /** Maskable device or timer interrupt; its softirq may use kernel FPU code. */
    INTERRUPT,
    /** Reschedule request from another CPU or the tick. */
    RESCHEDULE,
    /** Another CPU wants a running guest to exit (kvm_vcpu_kick). */
    KICK,
    /** Non-maskable interrupt. */
    NMI,
    /** A cross-call of perf. */
    PERF,
    /** A maskable interrupt whose handler itself computes in vector registers where the kernel lets it. */
    FPU,
    /** The timer of the guest that runs is due: VMX's preemption timer, elsewhere an interrupt of the host. */
    TIMER,
    /** A physical SError that KVM takes at the guest's exit: a corrected error, the guest goes on. */
    SERROR,
    /** #MC: memory that a task or a guest used is broken, and the kernel can do without it. */
    MACHINE_CHECK;

    public long bit() {
        return 1L << ordinal();
    }

    public boolean maskable() {
        return this != NMI && this != MACHINE_CHECK;
    }
}
