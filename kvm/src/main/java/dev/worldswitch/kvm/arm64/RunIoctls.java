package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kvm.Errno;

/** KVM_RUN. */
final class RunIoctls {
    private RunIoctls() {}

    static void rows(Rows t) {
        t.vcpu(
                "KVM_RUN",
                io(0x80),
                0,
                "api.rst 4.10",
                (v, c) -> c.argument() != 0 ? Errno.EINVAL : v.runLoop().kvmArchVcpuIoctlRun(c.caller()));
    }
}
