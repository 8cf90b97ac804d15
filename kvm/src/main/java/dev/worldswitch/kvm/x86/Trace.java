package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.KvmEvents.Mmio;

/**
 * Listener to what the run loop does, with the names and fields of the kernel's tracepoints (arch/x86/kvm/trace.h,
 * include/trace/events/kvm.h). Absent unless somebody asked; then a null check is all that it costs.
 */
public interface Trace {
    default void kvmEntry(Vcpu vcpu, long rip, boolean immediateExit) {}

    default void kvmExit(Vcpu vcpu, String reason, long rip, long[] fields) {}

    default void kvmPageFault(Vcpu vcpu, long address, long errorCode) {}

    default void kvmPio(Vcpu vcpu, boolean write, int port, int size, int count, long value) {}

    default void kvmMmio(Vcpu vcpu, Mmio type, int size, long gpa, long value) {}

    default void kvmEmulateInsn(Vcpu vcpu, byte[] bytes, int count, boolean failed) {}

    default void kvmMsr(Vcpu vcpu, boolean write, int index, long value, boolean fault) {}

    default void kvmCr(Vcpu vcpu, boolean write, int cr, long value) {}

    /** {@code found}: the table has the very leaf; {@code highestBasic}: answered from the highest basic leaf instead. */
    default void kvmCpuid(
            Vcpu vcpu,
            int function,
            int index,
            int eax,
            int ebx,
            int ecx,
            int edx,
            boolean found,
            boolean highestBasic) {}

    default void kvmHypercall(Vcpu vcpu, long nr, long a0, long a1, long a2, long a3) {}

    default void kvmInjException(Vcpu vcpu, int vector, boolean hasErrorCode, int errorCode, boolean reinjected) {}

    default void kvmInjVirq(Vcpu vcpu, int vector, boolean soft, boolean reinjected) {}

    default void kvmApic(Vcpu vcpu, boolean write, int register, long value) {}

    default void kvmApicIpi(Vcpu vcpu, int icrLow, int destination) {}

    default void kvmApicAcceptIrq(Vcpu vcpu, int mode, boolean level, int vector) {}

    /** An end of interrupt; vector -1 when none was in service. */
    default void kvmEoi(Vcpu vcpu, int vector) {}

    default void kvmWriteTscOffset(Vcpu vcpu, long previous, long next) {}

    /** Into or out of system management mode. */
    default void kvmSmmTransition(Vcpu vcpu, long smbase, boolean entering) {}

    default void kvmVcpuWakeup(Vcpu vcpu, long nanoseconds, boolean valid) {}

    default void kvmMsiSetIrq(Vm vm, long address, int data) {}

    default void kvmSetIrq(Vm vm, int gsi, int level, int source) {}

    default void kvmPicSetIrq(Vm vm, int chip, int pin, int elcr, int imr, boolean coalesced) {}

    default void kvmIoapicSetIrq(Vm vm, long entry, int pin, boolean coalesced) {}

    /** The guest's FPU image went into the registers, or out of them. */
    default void kvmFpu(Vcpu vcpu, boolean load) {}

    default void kvmUserspaceExit(Vcpu vcpu, int reason, long result) {}

    /** An instruction that is not implemented: its bytes in hexadecimal, and why it came here. */
    default void unimplemented(Vcpu vcpu, long rip, String bytes) {}
}
