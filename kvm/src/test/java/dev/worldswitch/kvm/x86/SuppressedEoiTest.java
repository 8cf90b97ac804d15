package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.api.Test;

/** KVM_CAP_X2APIC_API's flags for suppressed EOI broadcasts, with an IOAPIC of the client's. */
class SuppressedEoiTest {
    private static final int ENABLE_CAP = IoctlTable.iow(0xa3, 104), SPLIT_IRQCHIP = 121, X2APIC_API = 129;
    private static final int SET_CPUID2 = IoctlTable.iow(0x90, 8), GET_LAPIC = IoctlTable.ior(0x8e, 1024);
    private static final int SET_GSI_ROUTING = IoctlTable.iow(0x6a, 8), IRQ_LINE = IoctlTable.iow(0x61, 8);
    private static final int VECTOR = 0x77, DIRECTED_EOI = 1 << 24, SUPPRESS = 1 << 12;

    private final TestClient c = new TestClient("conformance-svm", "7.2");
    private final Vm vm = c.newVm();

    private long enable(int cap, long argument) {
        return c.ioctl(vm, ENABLE_CAP, new Bytes(104).u32(0, cap).u64(8, argument));
    }

    /** A vCPU with x2APIC in its CPUID, whose APIC is asked not to broadcast, and that ended a level of line 4. */
    private Vcpu ended(long flags) {
        assertThat(enable(SPLIT_IRQCHIP, 24)).isZero();
        if (flags != 0) assertThat(enable(X2APIC_API, flags)).isZero();
        Vcpu v = c.newVcpu(vm, 0);
        Bytes leaf = new Bytes(48).u32(0, 1).u32(8, 1).u32(28, 1 << 21);
        assertThat(c.ioctl(v, SET_CPUID2, leaf)).isZero();
        Bytes route = new Bytes(8 + 48)
                .u32(0, 1)
                .u32(8, 4)
                .u32(12, 2)
                .u32(24, 0xfee00000)
                .u32(32, 0x8000 | VECTOR);
        assertThat(c.ioctl(vm, SET_GSI_ROUTING, route)).isZero();
        v.lapic().mmioWrite(Lapic.SPIV, 4, 0x1ff | SUPPRESS);
        assertThat(c.ioctl(vm, IRQ_LINE, new Bytes(8).u32(0, 4).u32(4, 1))).isZero();
        assertThat(v.lapic().acknowledge()).isEqualTo(VECTOR);
        v.lapic().mmioWrite(Lapic.EOI, 4, 0);
        return v;
    }

    private boolean offered(Vcpu v) {
        c.ioctl(v, GET_LAPIC, TestClient.BASE);
        return (c.after(1024).u32(Lapic.LVR) & DIRECTED_EOI) != 0;
    }

    private static boolean broadcast(Vcpu v) {
        return v.runLoop().runState().eoiVector.get() == VECTOR;
    }

    @Test
    void suppression_that_was_enabled_keeps_the_end_from_the_client() {
        Vcpu v = ended(4);
        assertThat(offered(v)).isTrue();
        assertThat(broadcast(v)).isFalse();
    }

    @Test
    void suppression_that_nobody_asked_for_is_offered_and_does_nothing() {
        Vcpu v = ended(0);
        assertThat(offered(v)).isTrue();
        assertThat(broadcast(v)).isTrue();
    }

    @Test
    void suppression_that_was_disabled_is_not_offered() {
        Vcpu v = ended(8);
        assertThat(offered(v)).isFalse();
        assertThat(broadcast(v)).isTrue();
    }
}
