package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Mm;

/** Ioctls of a VM about the VM itself and its vCPUs. */
final class VmIoctls {
    private VmIoctls() {}

    static void rows(Rows t) {
        t.vm("KVM_CREATE_VCPU", io(0x41), 0, "api.rst 4.7", VmIoctls::createVcpu);
    }

    private static long createVcpu(Vm vm, Call call) {
        long id = call.argument();
        if (id < 0 || id >= vm.maxVcpuId()) return Errno.EINVAL;
        if (vm.vcpus().get().find((int) id) != null) return Errno.EEXIST;
        Vcpu v = new Vcpu(vm, (int) id, call.client().newSharedPages(KvmX86Abi.VCPU_MMAP_SIZE));
        call.client().freezeXcompGuestPerm();
        vm.vcpus().set(vm.vcpus().get().plus(v));
        vm.hold();
        return call.open(v, Mm.O_RDWR_CLOEXEC);
    }
}
