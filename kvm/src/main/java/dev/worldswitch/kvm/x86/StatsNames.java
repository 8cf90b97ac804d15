package dev.worldswitch.kvm.x86;

import java.util.List;

/** Which statistics x86 VMs and vCPUs have. */
final class StatsNames {
    private StatsNames() {}

    static final List<String> VM = List.of("mmu_shadow_zapped", "mmu_pte_write", "remote_tlb_flush_requests");
    static final List<String> VCPU = List.of(
            "exits",
            "io_exits",
            "mmio_exits",
            "signal_exits",
            "irq_window_exits",
            "halt_exits",
            "request_irq_exits",
            "irq_exits",
            "host_state_reload",
            "fpu_reload",
            "insn_emulation",
            "insn_emulation_fail",
            "hypercalls",
            "irq_injections",
            "nmi_injections",
            "req_event");
}
