package dev.worldswitch.kvm.x86;

/**
 * Listener to what the run loop does, with the names and fields of the kernel's tracepoints (arch/x86/kvm/trace.h).
 * Absent unless somebody asked; then a null check is all that it costs.
 */
public interface Trace {
    default void kvmEntry(Vcpu vcpu, long rip) {}

    default void kvmExit(Vcpu vcpu, String reason, long rip, long[] fields) {}

    default void kvmPio(Vcpu vcpu, boolean write, int port, int size, int count, long value) {}

    default void kvmMmio(Vcpu vcpu, boolean write, int size, long gpa, long value) {}

    default void kvmMsr(Vcpu vcpu, boolean write, int index, long value, boolean fault) {}

    default void kvmCpuid(Vcpu vcpu, int function, int index, int eax, int ebx, int ecx, int edx, boolean found) {}

    default void kvmHypercall(Vcpu vcpu, long nr, long a0, long a1, long a2, long a3) {}

    default void kvmInjException(Vcpu vcpu, int vector, boolean hasErrorCode, int errorCode) {}

    default void kvmInjVirq(Vcpu vcpu, int vector) {}

    /** The guest's FPU image went into the registers, or out of them. */
    default void kvmFpu(Vcpu vcpu, boolean load) {}

    default void kvmUserspaceExit(Vcpu vcpu, int reason, long result) {}

    /** An instruction that is not implemented: its bytes in hexadecimal, and why it came here. */
    default void unimplemented(Vcpu vcpu, long rip, String bytes) {}
}
