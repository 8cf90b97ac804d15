package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kvm.Mm;
import dev.worldswitch.kvm.Stats;
import java.util.List;

/** Which statistics arm64 VMs and vCPUs have, and the ioctl that opens them. */
final class StatsIoctls {
    static final List<String> VM = List.of("remote_tlb_flush", "remote_tlb_flush_requests");
    static final List<String> VCPU = List.of(
            "halt_successful_poll",
            "halt_attempted_poll",
            "halt_poll_invalid",
            "halt_wakeup",
            "hvc_exit_stat",
            "wfe_exit_stat",
            "wfi_exit_stat",
            "mmio_exit_user",
            "mmio_exit_kernel",
            "signal_exits",
            "exits");

    private StatsIoctls() {}

    static void rows(Rows t) {
        t.vm(
                "KVM_GET_STATS_FD",
                io(0xce),
                203,
                "api.rst 4.131",
                (vm, c) -> c.open(new Stats("kvm-" + vm.region().name(), vm.stats()), Mm.O_RDWR_CLOEXEC));
        t.vcpu(
                "KVM_GET_STATS_FD",
                io(0xce),
                203,
                "api.rst 4.131",
                (v, c) -> c.open(
                        new Stats("kvm-" + v.vm().region().name() + "/vcpu-" + v.id(), v.stats()), Mm.O_RDWR_CLOEXEC));
    }
}
