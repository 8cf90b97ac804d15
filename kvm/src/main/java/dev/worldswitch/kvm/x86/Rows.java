package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;

/** Short forms for ioctl rows of this architecture. */
final class Rows {
    private final IoctlTable.Builder builder = new IoctlTable.Builder();

    Rows system(String name, int number, int cap, String source, IoctlTable.Handler<Kvm> h) {
        builder.add(Kvm.class, KvmFile.Kind.SYSTEM, name, number, cap, source, h);
        return this;
    }

    Rows vm(String name, int number, int cap, String source, IoctlTable.Handler<Vm> h) {
        builder.add(Vm.class, KvmFile.Kind.VM, name, number, cap, source, h);
        return this;
    }

    Rows vcpu(String name, int number, int cap, String source, IoctlTable.Handler<Vcpu> h) {
        builder.add(Vcpu.class, KvmFile.Kind.VCPU, name, number, cap, source, h);
        return this;
    }

    Rows device(String name, int number, int cap, String source, IoctlTable.Handler<VfioDevice> h) {
        builder.add(VfioDevice.class, KvmFile.Kind.DEVICE, name, number, cap, source, h);
        return this;
    }

    /** For rows that all architectures share. */
    IoctlTable.Builder builder() {
        return builder;
    }

    IoctlTable build() {
        return builder.build();
    }
}
