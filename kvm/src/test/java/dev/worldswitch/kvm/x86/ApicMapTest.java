package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ApicMapTest {
    private static final int CREATE_IRQCHIP = IoctlTable.io(0x60), SIGNAL_MSI = IoctlTable.iow(0xa5, 32);
    private static final int GET_LAPIC = IoctlTable.ior(0x8e, 1024), SET_LAPIC = IoctlTable.iow(0x8f, 1024);
    private final TestClient c = new TestClient("conformance-svm", "6.12");
    private final Vm vm = c.newVm();

    @BeforeEach
    void localApics() {
        assertThat(c.ioctl(vm, CREATE_IRQCHIP, 0)).isZero();
    }

    private void enable(Vcpu v) {
        c.ioctl(v, GET_LAPIC, TestClient.BASE);
        assertThat(c.ioctl(v, SET_LAPIC, c.after(1024).u32(Lapic.SPIV, 0x1ff))).isZero();
    }

    private long message(int destination, int data) {
        return c.ioctl(
                vm,
                SIGNAL_MSI,
                new Bytes(32).u32(0, 0xfee00000 | destination << 12).u32(8, data));
    }

    private long requests(Vcpu v, int vector) {
        c.ioctl(v, GET_LAPIC, TestClient.BASE);
        return c.after(1024).u32(Lapic.IRR + vector / 32 * 16) >> vector % 32 & 1;
    }

    @Test
    void aNewVcpuIsNotInTheMapUntilALocalApicChanges() {
        Vcpu v = c.newVcpu(vm, 0);
        assertThat(vm.apicBus().deliver(null, ApicBus.Message.msi(0xfee00000L, 0x400, false)))
                .isZero();
        enable(v);
        assertThat(vm.apicBus().deliver(null, ApicBus.Message.msi(0xfee00000L, 0x400, false)))
                .isEqualTo(1);
    }

    @Test
    void aMessageRequestsItsVectorAgainAndAgain() {
        Vcpu v = c.newVcpu(vm, 0);
        assertThat(message(0, 0x61)).isZero();
        enable(v);
        assertThat(message(0, 0x61)).isEqualTo(1);
        assertThat(message(0, 0x61)).isEqualTo(1);
        assertThat(requests(v, 0x61)).isEqualTo(1);
    }

    @Test
    void lowestPriorityGoesToOneOfTheLogicalDestinationsByItsVector() {
        Vcpu first = c.newVcpu(vm, 0), second = c.newVcpu(vm, 1);
        for (Vcpu v : new Vcpu[] {first, second}) {
            c.ioctl(v, GET_LAPIC, TestClient.BASE);
            Bytes apic = c.after(1024).u32(Lapic.SPIV, 0x1ff).u32(Lapic.LDR, 1 << 24 + v.id());
            assertThat(c.ioctl(v, SET_LAPIC, apic)).isZero();
        }
        int logical = 0xfee00000 | 3 << 12 | 4;
        assertThat(vm.apicBus().deliver(null, ApicBus.Message.msi(logical, 0x140, false)))
                .isEqualTo(1);
        assertThat(vm.apicBus().deliver(null, ApicBus.Message.msi(logical, 0x141, false)))
                .isEqualTo(1);
        assertThat(requests(first, 0x40) + 2 * requests(first, 0x41)).isEqualTo(1);
        assertThat(requests(second, 0x40) + 2 * requests(second, 0x41)).isEqualTo(2);
    }

    @Test
    void twoLocalApicsWithOnePhysicalIdBothTakeItsMessages() {
        Vcpu first = c.newVcpu(vm, 0), second = c.newVcpu(vm, 1);
        enable(first);
        c.ioctl(second, GET_LAPIC, TestClient.BASE);
        assertThat(c.ioctl(
                        second, SET_LAPIC, c.after(1024).u32(Lapic.SPIV, 0x1ff).u32(Lapic.ID, 0)))
                .isZero();
        assertThat(message(0, 0x61)).isEqualTo(2);
    }

    @Test
    void aBroadcastNeedsNoMap() {
        c.newVcpu(vm, 0);
        Vcpu last = c.newVcpu(vm, 1);
        assertThat(message(0xff, 0x400)).isEqualTo(2);
        assertThat(last.events().nmiPending.get()).isEqualTo(1);
    }

    @Test
    void withoutLocalApicsThereAreNoMessages() {
        Vm bare = c.newVm();
        assertThat(c.ioctl(bare, SIGNAL_MSI, new Bytes(32).u32(0, 0xfee00000))).isEqualTo(Errno.EINVAL);
    }
}
