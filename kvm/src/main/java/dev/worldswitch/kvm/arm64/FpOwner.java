package dev.worldswitch.kvm.arm64;

/** fp_owner of struct kvm_host_data: whose FP registers are live on a CPU, as KVM sees it. */
enum FpOwner {
    FREE,
    HOST_OWNED,
    GUEST_OWNED
}
