package dev.worldswitch.kvm;

/**
 * Hears of the kernel's KVM tracepoints. Whoever passes one formats its fields as the kernel's print format does, so this
 * costs text only while somebody listens.
 */
@FunctionalInterface
public interface Tracepoints {
    /**
     * A tracepoint was passed by the thread that runs {@code vcpu}.
     *
     * @param event its name, as kvm_entry
     * @param fields its fields as the kernel prints them
     */
    void hit(KvmFile vcpu, String event, String fields);
}
