package dev.worldswitch.kvm;

import java.util.List;

/** Fields of the tracepoints that all architectures share, as include/trace/events/kvm.h prints them. */
public final class KvmEvents {
    /** What {@link #mmio} tells of: kvm_trace_symbol_mmio. */
    public enum Mmio {
        READ_UNSATISFIED("unsatisfied-read"),
        READ("read"),
        WRITE("write");

        private final String text;

        Mmio(String text) {
            this.text = text;
        }
    }

    /** kvm_trace_exit_reason: KVM_EXIT_* by number, from 0; the kernel prints later ones as numbers. */
    private static final List<String> EXIT_REASONS = List.of(
            "UNKNOWN",
            "EXCEPTION",
            "IO",
            "HYPERCALL",
            "DEBUG",
            "HLT",
            "MMIO",
            "IRQ_WINDOW_OPEN",
            "SHUTDOWN",
            "FAIL_ENTRY",
            "INTR",
            "SET_TPR",
            "TPR_ACCESS",
            "S390_SIEIC",
            "S390_RESET",
            "DCR",
            "NMI",
            "INTERNAL_ERROR",
            "OSI",
            "PAPR_HCALL",
            "S390_UCONTROL",
            "WATCHDOG",
            "S390_TSCH",
            "EPR",
            "SYSTEM_EVENT",
            "S390_STSI",
            "IOAPIC_EOI",
            "HYPERV",
            "ARM_NISV",
            "X86_RDMSR",
            "X86_WRMSR");

    private KvmEvents() {}

    /** A number as 0x%lx. */
    public static String hex(long v) {
        return "0x" + Long.toHexString(v);
    }

    /** kvm_userspace_exit: KVM_RUN's exit reason, or the errno with which it failed. */
    public static String userspaceExit(int reason, long result) {
        if (result < 0) return "reason " + (result == Errno.EINTR ? "restart" : "error") + " (" + -result + ")";
        String name =
                reason >= 0 && reason < EXIT_REASONS.size() ? "KVM_EXIT_" + EXIT_REASONS.get(reason) : hex(reason);
        return "reason " + name + " (" + reason + ")";
    }

    /** kvm_mmio. */
    public static String mmio(Mmio type, int length, long gpa, long value) {
        return "mmio " + type.text + " len " + length + " gpa " + hex(gpa) + " val " + hex(value);
    }

    /** kvm_vcpu_wakeup: how long a vCPU waited for something to do, and whether it has. */
    public static String vcpuWakeup(long nanoseconds, boolean valid) {
        return "wait time " + nanoseconds + " ns, polling " + (valid ? "valid" : "invalid");
    }

    /** kvm_set_irq; the source of user space is 0. */
    public static String setIrq(int gsi, int level, int source) {
        return "gsi " + Integer.toUnsignedString(gsi) + " level " + level + " source " + source;
    }
}
