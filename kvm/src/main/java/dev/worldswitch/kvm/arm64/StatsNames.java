package dev.worldswitch.kvm.arm64;

import java.util.List;

/** Which statistics arm64 VMs and vCPUs have. */
final class StatsNames {
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

    private StatsNames() {}
}
