package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Tracepoints;
import java.util.List;

/**
 * The run loop's events in the text of the kernel's own tracepoints: print formats of arch/x86/kvm/trace.h and
 * include/trace/events/kvm.h.
 */
final class TraceText implements Trace {
    /** kvm_trace_sym_exc; null where the kernel prints the number. */
    private static final String[] EXCEPTIONS = {
        "#DE", "#DB", null, "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", null, "#TS", "#NP", "#SS", "#GP", "#PF", null,
        "#MF", "#AC", "#MC"
    };
    /** kvm_trace_exit_reason: KVM_EXIT_* by number, from 0. */
    private static final List<String> EXIT_REASONS = List.of(
            "KVM_EXIT_UNKNOWN",
            "KVM_EXIT_EXCEPTION",
            "KVM_EXIT_IO",
            "KVM_EXIT_HYPERCALL",
            "KVM_EXIT_DEBUG",
            "KVM_EXIT_HLT",
            "KVM_EXIT_MMIO",
            "KVM_EXIT_IRQ_WINDOW_OPEN",
            "KVM_EXIT_SHUTDOWN",
            "KVM_EXIT_FAIL_ENTRY",
            "KVM_EXIT_INTR",
            "KVM_EXIT_SET_TPR",
            "KVM_EXIT_TPR_ACCESS",
            "KVM_EXIT_S390_SIEIC",
            "KVM_EXIT_S390_RESET",
            "KVM_EXIT_DCR",
            "KVM_EXIT_NMI",
            "KVM_EXIT_INTERNAL_ERROR",
            "KVM_EXIT_OSI",
            "KVM_EXIT_PAPR_HCALL",
            "KVM_EXIT_S390_UCONTROL",
            "KVM_EXIT_WATCHDOG",
            "KVM_EXIT_S390_TSCH",
            "KVM_EXIT_EPR",
            "KVM_EXIT_SYSTEM_EVENT",
            "KVM_EXIT_S390_STSI",
            "KVM_EXIT_IOAPIC_EOI",
            "KVM_EXIT_HYPERV",
            "KVM_EXIT_ARM_NISV",
            "KVM_EXIT_X86_RDMSR",
            "KVM_EXIT_X86_WRMSR");

    private final Tracepoints out;

    TraceText(Tracepoints out) {
        this.out = out;
    }

    private static String hex(long v) {
        return "0x" + Long.toHexString(v);
    }

    @Override
    public void kvmEntry(Vcpu vcpu, long rip) {
        out.hit(vcpu, "kvm_entry", "vcpu " + vcpu.id() + ", rip " + hex(rip));
    }

    @Override
    public void kvmExit(Vcpu vcpu, String reason, long rip, long[] fields) {
        out.hit(
                vcpu,
                "kvm_exit",
                "vcpu " + vcpu.id() + " reason " + reason + " rip " + hex(rip)
                        + String.format(
                                " info1 0x%016x info2 0x%016x intr_info 0x%08x error_code 0x%08x",
                                fields[0], fields[1], fields[2], fields[3]));
    }

    @Override
    public void kvmPio(Vcpu vcpu, boolean write, int port, int size, int count, long value) {
        out.hit(
                vcpu,
                "kvm_pio",
                "pio_" + (write ? "write" : "read") + " at " + hex(port) + " size " + size + " count " + count + " val "
                        + hex(value) + (count > 1 ? " (...)" : ""));
    }

    @Override
    public void kvmMmio(Vcpu vcpu, boolean write, int size, long gpa, long value) {
        out.hit(
                vcpu,
                "kvm_mmio",
                "mmio " + (write ? "write" : "read") + " len " + size + " gpa " + hex(gpa) + " val " + hex(value));
    }

    @Override
    public void kvmMsr(Vcpu vcpu, boolean write, int index, long value, boolean fault) {
        String name = vcpu.vm().kvm().msrTable().name(index);
        out.hit(
                vcpu,
                "kvm_msr",
                "msr_" + (write ? "write " : "read ") + Integer.toHexString(index) + (name == null ? "" : " " + name)
                        + " = " + hex(value) + (fault ? " (#GP)" : ""));
    }

    @Override
    public void kvmCpuid(Vcpu vcpu, int function, int index, int eax, int ebx, int ecx, int edx, boolean found) {
        out.hit(
                vcpu,
                "kvm_cpuid",
                String.format(
                        "func %x idx %x rax %x rbx %x rcx %x rdx %x, cpuid entry %s",
                        function, index, eax, ebx, ecx, edx, found ? "found" : "not found"));
    }

    @Override
    public void kvmHypercall(Vcpu vcpu, long nr, long a0, long a1, long a2, long a3) {
        out.hit(
                vcpu,
                "kvm_hypercall",
                "nr " + hex(nr) + " a0 " + hex(a0) + " a1 " + hex(a1) + " a2 " + hex(a2) + " a3 " + hex(a3));
    }

    @Override
    public void kvmInjException(Vcpu vcpu, int vector, boolean hasErrorCode, int errorCode) {
        String name = vector < EXCEPTIONS.length ? EXCEPTIONS[vector] : null;
        String code = hasErrorCode ? " (" + hex(errorCode & 0xffffffffL) + ")" : "";
        out.hit(vcpu, "kvm_inj_exception", (name == null ? hex(vector) : name) + code);
    }

    @Override
    public void kvmInjVirq(Vcpu vcpu, int vector) {
        out.hit(vcpu, "kvm_inj_virq", "IRQ " + hex(vector));
    }

    @Override
    public void kvmFpu(Vcpu vcpu, boolean load) {
        out.hit(vcpu, "kvm_fpu", load ? "load" : "unload");
    }

    @Override
    public void kvmUserspaceExit(Vcpu vcpu, int reason, long result) {
        String name = result < 0
                ? result == Errno.EINTR ? "restart" : "error"
                : reason >= 0 && reason < EXIT_REASONS.size() ? EXIT_REASONS.get(reason) : hex(reason);
        out.hit(vcpu, "kvm_userspace_exit", "reason " + name + " (" + (result < 0 ? -result : reason) + ")");
    }

    @Override
    public void unimplemented(Vcpu vcpu, long rip, String bytes) {
        out.hit(vcpu, "unimplemented", "rip " + hex(rip) + " bytes " + bytes);
    }
}
