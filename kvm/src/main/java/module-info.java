/** KVM itself: ioctl table, VMs, vCPUs, memory slots, run loop. */
@org.jspecify.annotations.NullMarked
module dev.worldswitch.kvm {
    requires static transitive org.jspecify;
    requires transitive dev.worldswitch.kernel;

    exports dev.worldswitch.kvm;
    exports dev.worldswitch.kvm.arm64;
    exports dev.worldswitch.kvm.hosts;
    exports dev.worldswitch.kvm.x86;
}
