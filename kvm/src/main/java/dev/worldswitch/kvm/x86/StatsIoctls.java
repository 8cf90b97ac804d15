package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;

import dev.worldswitch.kvm.Mm;
import dev.worldswitch.kvm.Stats;
import java.util.List;

/** Which statistics x86 VMs and vCPUs have, and the ioctl that opens them. */
final class StatsIoctls {
    private StatsIoctls() {}

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
