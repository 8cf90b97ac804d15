package dev.worldswitch.kvm.arm64;

/** KVM_MP_STATE_* that arm64 has (linux/kvm.h). */
final class MpState {
    static final long RUNNABLE = 0, STOPPED = 5, SUSPENDED = 10;

    private MpState() {}
}
