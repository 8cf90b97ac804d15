package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class IrqchipTest {
    private static final int CREATE_IRQCHIP = IoctlTable.io(0x60), CREATE_PIT2 = IoctlTable.iow(0x77, 64);
    private static final int IRQ_LINE_STATUS = IoctlTable.iowr(0x67, 8), GET_IRQCHIP = IoctlTable.iowr(0x62, 520);
    private static final int GET_LAPIC = IoctlTable.ior(0x8e, 1024), SET_LAPIC = IoctlTable.iow(0x8f, 1024);
    private static final int SET_GSI_ROUTING = IoctlTable.iow(0x6a, 8);
    private static final long IOAPIC = 0xfec00000L;
    private static final int LEVEL = 1 << 15, REMOTE_IRR = 1 << 14, MASKED = 1 << 16;
    private final TestClient c = new TestClient("conformance-svm", "6.12");
    private final Vm vm = c.newVm();
    private Vcpu vcpu;

    @BeforeEach
    void chips() {
        assertThat(c.ioctl(vm, CREATE_IRQCHIP, 0)).isZero();
        assertThat(c.ioctl(vm, CREATE_PIT2, new Bytes(64))).isZero();
        vcpu = c.newVcpu(vm, 0);
        c.ioctl(vcpu, GET_LAPIC, TestClient.BASE);
        assertThat(c.ioctl(vcpu, SET_LAPIC, c.after(1024).u32(Lapic.SPIV, 0x1ff)))
                .isZero();
        out(0x20, 0x11, 0x21, 0x20, 0x21, 0x04, 0x21, 0x01);
        out(0xa0, 0x11, 0xa1, 0x28, 0xa1, 0x02, 0xa1, 0x01);
    }

    /** Pairs of port and byte. */
    private void out(int... bytes) {
        for (int i = 0; i < bytes.length; i += 2) vm.chips().portWrite(bytes[i], 1, bytes[i + 1]);
    }

    private int in(int port) {
        return (int) vm.chips().portRead(port, 1);
    }

    /** KVM_IRQ_LINE_STATUS's status. */
    private int line(int gsi, int level) {
        assertThat(c.ioctl(vm, IRQ_LINE_STATUS, new Bytes(8).u32(0, gsi).u32(4, level)))
                .isZero();
        return c.after(8).u32(0);
    }

    private void entry(int pin, long low) {
        vm.chips().ioapic().write(IOAPIC, 4, 0x10 + 2 * pin);
        vm.chips().ioapic().write(IOAPIC + 0x10, 4, low);
    }

    private long entry(int pin) {
        vm.chips().ioapic().write(IOAPIC, 4, 0x10 + 2 * pin);
        return vm.chips().ioapic().read(IOAPIC + 0x10);
    }

    private boolean picRequests() {
        return vm.chips().pic().hasInterrupt();
    }

    @Test
    void anX2apicsIdStaysAsItIsAndIsGivenInTheWidthTheClientAskedFor() {
        Vcpu second = c.newVcpu(vm, 3);
        second.setApicBase(0xfee00000L | Lapic.BASE_ENABLE | Lapic.BASE_EXTD);
        c.ioctl(second, GET_LAPIC, TestClient.BASE);
        Bytes given = c.after(1024).u32(Lapic.ID, 7 << 24);
        assertThat(c.ioctl(second, SET_LAPIC, given)).isZero();
        c.ioctl(second, GET_LAPIC, TestClient.BASE);
        assertThat(c.after(1024).u32(Lapic.ID)).isEqualTo(3 << 24);
        assertThat(c.ioctl(
                        vm,
                        IoctlTable.iow(0xa3, 104),
                        new Bytes(104).u32(0, 129).u64(8, 1)))
                .isZero();
        c.ioctl(second, GET_LAPIC, TestClient.BASE);
        Bytes wide = c.after(1024);
        assertThat(wide.u32(Lapic.ID)).isEqualTo(3);
        assertThat(c.ioctl(second, SET_LAPIC, wide.u32(Lapic.ID, 4))).isEqualTo(Errno.EINVAL);
    }

    @Test
    void anEdgeOfThePicIsAcknowledgedWithItsVectorAndOnce() {
        out(0x21, 0xef);
        assertThat(line(4, 1)).isEqualTo(1);
        assertThat(picRequests()).isTrue();
        assertThat(vm.chips().pic().readIrq()).isEqualTo(0x24);
        assertThat(picRequests()).isFalse();
        line(4, 0);
        line(4, 1);
        assertThat(picRequests()).as("in service until its end").isFalse();
        out(0x20, 0x20);
        assertThat(picRequests()).isTrue();
    }

    @Test
    void theSlavesPinComesThroughTheCascade() {
        out(0x21, 0xfb, 0xa1, 0xfd);
        line(9, 1);
        assertThat(vm.chips().pic().readIrq()).isEqualTo(0x29);
        out(0x20, 0x0b, 0xa0, 0x0b);
        assertThat(in(0x20)).isEqualTo(4);
        assertThat(in(0xa0)).isEqualTo(2);
    }

    @Test
    void aRequestThatWentAwayIsSpurious() {
        assertThat(vm.chips().pic().readIrq()).isEqualTo(0x27);
    }

    @Test
    void aMaskedPinOfBothChipsTakesNothing() {
        out(0x21, 0xff);
        assertThat(line(3, 1)).isEqualTo(-1);
    }

    @Test
    void aLevelOfTheIoapicIsRequestedAgainAtItsEndWhileItIsHeld() {
        out(0x21, 0xff, 0xa1, 0xff);
        entry(11, LEVEL | 0x51);
        assertThat(line(11, 1)).isEqualTo(1);
        assertThat(entry(11) & REMOTE_IRR).isNotZero();
        assertThat(vcpu.lapic().acknowledge()).isEqualTo(0x51);
        assertThat(vcpu.lapic().hasInterrupt()).isFalse();
        vcpu.lapic().mmioWrite(Lapic.EOI, 4, 0);
        assertThat(vcpu.lapic().hasInterrupt()).isTrue();
        assertThat(vcpu.lapic().acknowledge()).isEqualTo(0x51);
        line(11, 0);
        vcpu.lapic().mmioWrite(Lapic.EOI, 4, 0);
        assertThat(vcpu.lapic().hasInterrupt()).isFalse();
        assertThat(entry(11) & REMOTE_IRR).isZero();
    }

    @Test
    void aMaskedLevelComesWhenItIsUnmasked() {
        out(0x21, 0xff, 0xa1, 0xff);
        entry(11, MASKED | LEVEL | 0x51);
        line(11, 1);
        assertThat(vcpu.lapic().hasInterrupt()).isFalse();
        entry(11, LEVEL | 0x51);
        assertThat(vcpu.lapic().hasInterrupt()).isTrue();
    }

    private int savedRequests() {
        assertThat(c.ioctl(vm, GET_IRQCHIP, new Bytes(520).u32(0, 2))).isZero();
        return c.after(520).u32(8 + 16);
    }

    @Test
    void anEdgeThatWasDeliveredIsNotPendingInTheSavedState() {
        entry(20, 0x60);
        assertThat(line(20, 1)).isEqualTo(1);
        assertThat(savedRequests() >> 20 & 1).isZero();
        assertThat(line(20, 1)).as("coalesced").isZero();
        assertThat(savedRequests() >> 20 & 1).isEqualTo(1);
    }

    @Test
    void aRoutedLineSendsItsMessage() {
        Bytes b = new Bytes(8 + 48)
                .u32(0, 1)
                .u32(8, 40)
                .u32(12, 2)
                .u32(24, 0xfee00000)
                .u32(32, 0x77);
        assertThat(c.ioctl(vm, SET_GSI_ROUTING, b)).isZero();
        assertThat(line(40, 1)).isEqualTo(1);
        assertThat(vcpu.lapic().acknowledge()).isEqualTo(0x77);
        assertThat(line(4, 1)).as("no route any more").isEqualTo(-1);
    }

    private long irqfd(int fd, int gsi, int flags, int resample) {
        Bytes b = new Bytes(32).u32(0, fd).u32(4, gsi).u32(8, flags).u32(12, resample);
        return c.ioctl(vm, IoctlTable.iow(0x76, 32), b);
    }

    @Test
    void anEventfdIsAnInterruptUntilItIsTakenAway() {
        int fd = TestClient.EVENTFDS;
        entry(20, 0x60);
        assertThat(irqfd(fd, 20, 0, 0)).isZero();
        assertThat(irqfd(fd, 21, 0, 0)).isEqualTo(Errno.EBUSY);
        c.signalEventfd(fd);
        assertThat(vcpu.lapic().acknowledge()).isEqualTo(0x60);
        assertThat(irqfd(fd, 20, 1, 0)).isZero();
        assertThat(c.heldEventfds()).isZero();
    }

    @Test
    void aLevelByAnEventfdIsLoweredAtItsEndAndTheClientIsTold() {
        int fd = TestClient.EVENTFDS, resample = fd + 1;
        entry(20, LEVEL | 0x60);
        assertThat(irqfd(fd, 20, 2, resample)).isZero();
        c.signalEventfd(fd);
        assertThat(vcpu.lapic().acknowledge()).isEqualTo(0x60);
        assertThat(entry(20) & REMOTE_IRR).isNotZero();
        vcpu.lapic().mmioWrite(Lapic.EOI, 4, 0);
        assertThat(entry(20) & REMOTE_IRR).isZero();
        assertThat(vcpu.lapic().hasInterrupt()).isFalse();
        assertThat(c.signals()).containsExactly(fd, resample);
    }

    private void startPit(int mode, int count) {
        out(0x43, 0x30 | mode << 1, 0x40, count & 0xff, 0x40, count >> 8);
    }

    @Test
    void aOneShotOfThePitInterruptsOnce() {
        out(0x21, 0xfe);
        startPit(0, 11932);
        assertThat(vm.chips().pit().deadline()).isEqualTo(11932L * 1_000_000_000 / 1193181);
        c.pass(5_000_000);
        vm.chips().pit().serve();
        assertThat(picRequests()).isFalse();
        c.pass(5_001_000);
        vm.chips().pit().serve();
        assertThat(vm.chips().pic().readIrq()).isEqualTo(0x20);
        assertThat(vm.chips().pit().deadline()).isZero();
    }

    @Test
    void ticksThatPassedWhileOneWasInServiceAreInjectedAgain() {
        out(0x21, 0xfe);
        startPit(2, 11932);
        c.pass(30_001_000);
        vm.chips().pit().serve();
        for (int i = 0; i < 3; i++) {
            assertThat(vm.chips().pic().readIrq()).as("tick " + i).isEqualTo(0x20);
            out(0x20, 0x20);
        }
        assertThat(picRequests()).isFalse();
    }

    @Test
    void theClocksInterruptIsCoalescedUntilItsEnd() {
        out(0x21, 0xff, 0xa1, 0xff);
        entry(8, 0x38);
        assertThat(line(8, 1)).isEqualTo(1);
        line(8, 0);
        assertThat(line(8, 1)).as("requested").isZero();
        assertThat(vcpu.lapic().acknowledge()).isEqualTo(0x38);
        line(8, 0);
        assertThat(line(8, 1)).as("in service").isZero();
        vcpu.lapic().mmioWrite(Lapic.EOI, 4, 0);
        line(8, 0);
        assertThat(line(8, 1)).as("ended").isEqualTo(1);
        // An ordinary edge comes again while it is in service.
        entry(9, 0x48);
        assertThat(line(9, 1)).isEqualTo(1);
        assertThat(vcpu.lapic().acknowledge()).isEqualTo(0x48);
        line(9, 0);
        assertThat(line(9, 1)).isEqualTo(1);
    }

    @Test
    void savedApicsTellTheClocksInterruptThatIsInServiceThere() {
        out(0x21, 0xff, 0xa1, 0xff);
        entry(8, 0x38);
        c.ioctl(vcpu, GET_LAPIC, TestClient.BASE);
        Bytes saved = c.after(1024).u32(0x110, 1 << 24);
        assertThat(c.ioctl(vcpu, SET_LAPIC, saved)).isZero();
        assertThat(line(8, 1)).isZero();
    }

    @Test
    void theTimersTickIsAnNmiWhereLvt0SaysSo() {
        out(0x21, 0xff);
        startPit(0, 11932);
        vcpu.lapic().mmioWrite(Lapic.LVT0, 4, 0x400);
        c.pass(10_001_000);
        vm.chips().pit().serve();
        assertThat(vcpu.events().nmiPending.get()).isEqualTo(1);
    }

    @Test
    void aLatchedCountStandsStill() {
        out(0x43, 0xb4, 0x42, 0, 0x42, 0x10);
        c.pass(1_000_000);
        out(0x43, 0x80);
        c.pass(1_000_000);
        assertThat(in(0x42) | in(0x42) << 8).isEqualTo(0x1000 - 1193);
    }

    @Test
    void theSpeakersPortOpensTheGateAndShowsTheOutput() {
        out(0x61, 0, 0x43, 0xb0, 0x42, 0x10, 0x42, 0, 0x61, 1);
        assertThat(in(0x61) & 0x21).isEqualTo(1);
        c.pass(20_000);
        assertThat(in(0x61) & 0x21).isEqualTo(0x21);
    }
}
