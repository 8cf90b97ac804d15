package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.x86.X86Host;

/** How tests make KVM of a host. */
final class TestHosts {
    private TestHosts() {}

    static Kvm kvm(X86Host host) {
        return new Kvm(host);
    }
}
