package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.IoctlRows;

/** The ioctl rows of this architecture, while they are collected. */
final class Rows extends IoctlRows<Kvm, Vm, Vcpu> {
    Rows() {
        super(Kvm.class, Vm.class, Vcpu.class);
    }
}
