package dev.worldswitch.kvm;

/**
 * Hears of the kernel's KVM tracepoints. Whoever passes one formats its fields as the kernel's print format does, so this
 * costs text only while somebody listens.
 */
@FunctionalInterface
public interface Tracepoints {
    /**
     * A tracepoint was passed by the calling thread.
     *
     * @param file the vCPU or VM that it is about
     * @param event its name, as kvm_entry
     * @param fields its fields as the kernel prints them
     */
    void hit(KvmFile file, String event, String fields);
}
