/** The host kernel around KVM: tasks, interrupts and softirqs, FPU ownership, signals; the catalogue of kernel patches. */
@org.jspecify.annotations.NullMarked
module dev.worldswitch.kernel {
    requires static transitive org.jspecify;
    requires transitive dev.worldswitch.machine;

    exports dev.worldswitch.kernel;
    exports dev.worldswitch.kernel.arm64;
    exports dev.worldswitch.kernel.x86;
}
