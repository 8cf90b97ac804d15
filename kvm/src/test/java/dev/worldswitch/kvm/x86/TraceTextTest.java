package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.KvmEvents;
import dev.worldswitch.machine.x86.X86State;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The texts are those of TP_printk in arch/x86/kvm/trace.h and include/trace/events/kvm.h. */
class TraceTextTest {
    private final TestClient c = new TestClient("sapphire-rapids", "6.12");
    private final Vcpu v = c.newVcpu(c.newVm(), 0);
    private final List<String> seen = new ArrayList<>();
    private final TraceText t = new TraceText((file, event, fields) -> seen.add(event + ": " + fields));

    private String last() {
        return seen.getLast();
    }

    @Test
    void entriesSayWhenTheGuestIsToComeBackAtOnce() {
        t.kvmEntry(v, 0x401000, false);
        assertThat(last()).isEqualTo("kvm_entry: vcpu 0, rip 0x401000");
        t.kvmEntry(v, 0x401000, true);
        assertThat(last()).isEqualTo("kvm_entry: vcpu 0, rip 0x401000[immediate exit]");
    }

    @Test
    void faultsAndEmulationNameTheInstruction() {
        v.state().rip.set(0xfff0);
        t.kvmPageFault(v, 0xfee00000L, 0x182);
        assertThat(last()).isEqualTo("kvm_page_fault: vcpu 0 rip 0xfff0 address 0x00000000fee00000 error_code 0x182");
        v.state().cr.set(0, 0);
        v.state().segBase.set(X86State.CS, 0xffff0000L);
        t.kvmEmulateInsn(v, new byte[] {(byte) 0x8a, 0x07, 0}, 2, true);
        assertThat(last()).isEqualTo("kvm_emulate_insn: ffff0000:fff0:8a 07 (real) failed");
    }

    @Test
    void registersAreToldWithTheirValues() {
        t.kvmCr(v, true, 3, 0x1000);
        assertThat(last()).isEqualTo("kvm_cr: cr_write 3 = 0x1000");
        t.kvmMsr(v, true, 0xc0000080, 0x500, true);
        assertThat(last())
                .startsWith("kvm_msr: msr_write c0000080 = 0x500 (#GP)")
                .endsWith("EFER */");
        t.kvmCpuid(v, 0x80000099, 0, 1, 2, 3, 4, false, true);
        assertThat(last())
                .isEqualTo(
                        "kvm_cpuid: func 80000099 idx 0 rax 1 rbx 2 rcx 3 rdx 4, cpuid entry not found, used max basic");
        t.kvmWriteTscOffset(v, 0, -1);
        assertThat(last()).isEqualTo("kvm_write_tsc_offset: vcpu=0 prev=0 next=18446744073709551615");
    }

    @Test
    void theLocalApicsEventsReadAsTheKernels() {
        t.kvmApic(v, true, 0x320, 0x400ec);
        assertThat(last()).isEqualTo("kvm_apic: apic_write APIC_LVTT = 0x400ec");
        t.kvmApicIpi(v, 0x000c48fd, 3);
        assertThat(last()).isEqualTo("kvm_apic_ipi: dst 3 vec 253 (Fixed|logical|assert|edge|all-but-self)");
        t.kvmApicAcceptIrq(v, 5, true, 0);
        assertThat(last()).isEqualTo("kvm_apic_accept_irq: apicid 0 vec 0 (INIT|level)");
        t.kvmEoi(v, -1);
        assertThat(last()).isEqualTo("kvm_eoi: apicid 0 vector -1");
        t.kvmMsiSetIrq(v.vm(), 0xfee01008L, 0x4041);
        assertThat(last()).isEqualTo("kvm_msi_set_irq: dst 1 vec 65 (Fixed|physical|edge|rh)");
    }

    @Test
    void injectedEventsSayWhetherTheyGoInAgain() {
        t.kvmInjVirq(v, 0x30, true, true);
        assertThat(last()).isEqualTo("kvm_inj_virq: Soft/INTn 0x30 [reinjected]");
        t.kvmInjException(v, 14, true, 2, false);
        assertThat(last()).isEqualTo("kvm_inj_exception: #PF (0x2)");
    }

    @Test
    void exitsToUserSpaceAreReasonsOrErrnos() {
        assertThat(KvmEvents.userspaceExit(2, 0)).isEqualTo("reason KVM_EXIT_IO (2)");
        assertThat(KvmEvents.userspaceExit(39, 0)).isEqualTo("reason 0x27 (39)");
        assertThat(KvmEvents.userspaceExit(10, -4)).isEqualTo("reason restart (4)");
        assertThat(KvmEvents.userspaceExit(0, -14)).isEqualTo("reason error (14)");
    }

    @Test
    void aVcpusCreationTellsOfItsTscOffset() {
        v.vm().kvm().trace(t);
        c.newVcpu(v.vm(), 1);
        assertThat(seen).anyMatch(s -> s.startsWith("kvm_write_tsc_offset: vcpu=1 prev=0 next="));
    }
}
