package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.IoctlRows;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;

/** The ioctl rows of this architecture, while they are collected. */
final class Rows extends IoctlRows<Kvm, Vm, Vcpu> {
    Rows() {
        super(Kvm.class, Vm.class, Vcpu.class);
    }

    void device(String name, int number, int cap, String source, IoctlTable.Handler<VfioDevice> h) {
        builder().add(VfioDevice.class, KvmFile.Kind.DEVICE, name, number, cap, source, h);
    }
}
