package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Interrupts of a GICv3 from their lines to list registers and back. */
class VgicTest {
    private static final int IRQ_LINE = IoctlTable.iow(0x61, 8);
    private static final int DIST = 1, CTRL = 4, REDIST = 5, SPI = 40;
    private static final long PENDING = 1L << 62, ACTIVE = 1L << 63;

    private final TestGic t = new TestGic("max", DeviceIoctls.VGIC_V3);
    private final TestClient c = t.c;
    private final Vm vm = t.vm;
    private final Vcpu v = t.v, other = t.other;
    private final Vgic gic = t.gic();

    private long line(int irq, int level) {
        return c.ioctl(vm, IRQ_LINE, new Bytes(8).u32(0, 1 << 24 | irq).u32(4, level));
    }

    private void start() {
        assertThat(t.set(CTRL, 0, 0)).isZero();
        t.set(DIST, 0, 2);
        t.set(DIST, 0x104, 1 << SPI - 32);
    }

    private VgicCpu cpu(Vcpu of) {
        VgicCpu cpu = Objects.requireNonNull(gic.delivery().cpu(of));
        cpu.vmcr.set(0xf0L << 24 | 2);
        return cpu;
    }

    @Test
    void nothingCanBeInjectedOrReadBeforeInitialisation() {
        assertThat(line(SPI, 1)).isEqualTo(Errno.EBUSY);
        assertThat(t.set(DIST, 0, 2)).isEqualTo(Errno.EBUSY);
        start();
        assertThat(line(SPI, 1)).isZero();
        assertThat(line(1020, 1)).isEqualTo(Errno.EINVAL);
    }

    @Test
    void aLevelIsPendingInAListRegisterUntilItFalls() {
        start();
        VgicCpu cpu = cpu(v);
        line(SPI, 1);
        assertThat(gic.hasPending(v)).isTrue();
        assertThat(gic.hasPending(other)).isFalse();
        gic.delivery().flush(v);
        assertThat(cpu.lists.get(0) & (PENDING | ACTIVE)).isEqualTo(PENDING);
        // The guest acknowledges, and ends it while the line is still up.
        cpu.lists.set(0, cpu.lists.get(0) & ~PENDING | ACTIVE);
        gic.delivery().sync(v);
        assertThat(t.get(DIST, 0x304)).isEqualTo(1 << SPI - 32);
        gic.delivery().flush(v);
        assertThat(cpu.lists.get(0) & (PENDING | ACTIVE)).as("never both").isEqualTo(ACTIVE);
        cpu.lists.set(0, cpu.lists.get(0) & ~ACTIVE);
        gic.delivery().sync(v);
        assertThat(gic.hasPending(v)).isTrue();
        line(SPI, 0);
        assertThat(gic.hasPending(v)).isFalse();
        gic.delivery().flush(v);
        assertThat(cpu.lists.get(0)).isZero();
    }

    @Test
    void anEdgeIsOneInterruptAndASecondOneBecomesPendingBesideIt() {
        start();
        t.set(DIST, 0xc08, 2 << 2 * (SPI - 32));
        VgicCpu cpu = cpu(v);
        line(SPI, 1);
        line(SPI, 0);
        gic.delivery().flush(v);
        cpu.lists.set(0, cpu.lists.get(0) & ~PENDING | ACTIVE);
        line(SPI, 1);
        gic.delivery().sync(v);
        gic.delivery().flush(v);
        assertThat(cpu.lists.get(0) & (PENDING | ACTIVE)).isEqualTo(PENDING | ACTIVE);
    }

    @Test
    void anInterruptIsRoutedByAffinity() {
        start();
        cpu(v);
        cpu(other);
        line(SPI, 1);
        t.set(DIST, 0x6000 + 8 * SPI, VgicDelivery.affinity(other));
        assertThat(gic.hasPending(v)).isFalse();
        assertThat(gic.hasPending(other)).isTrue();
    }

    @Test
    void softwareInterruptsReachTheListedOrAllOthers() {
        start();
        cpu(v);
        cpu(other);
        gic.softwareInterrupt(v, 5L << 24 | 2, true);
        assertThat(t.get(REDIST, 1L << 32 | 0x10200)).isEqualTo(1 << 5);
        assertThat(t.get(REDIST, 0x10200)).isZero();
        gic.softwareInterrupt(other, 6L << 24 | 1L << 40, true);
        assertThat(t.get(REDIST, 0x10200)).isEqualTo(1 << 6);
        gic.softwareInterrupt(other, 7L << 24 | 1, false);
        assertThat(t.get(REDIST, 0x10200)).as("group 1 needs its own register").isEqualTo(1 << 6);
    }

    @Test
    void moreInterruptsThanListRegistersComeByPriorityAndAskToBeToldOfRoom() {
        start();
        VgicCpu cpu = cpu(v);
        for (int i = 0; i < 6; i++) {
            t.set(REDIST, 0x10400 + i / 4 * 4, i < 4 ? 0x20283038 : 0x1018);
            gic.softwareInterrupt(v, (long) i << 24 | 1, true);
        }
        gic.delivery().flush(v);
        assertThat(cpu.lists.get(0) & 0xff).isEqualTo(5);
        assertThat(cpu.lists.get(1) & 0xff).isEqualTo(4);
        assertThat(cpu.used.get()).isEqualTo(4);
        assertThat(cpu.hcr.get()).isEqualTo(VgicCpu.EN | VgicCpu.UIE);
    }

    private long cells() {
        long[] n = new long[1];
        vm.region().forEachCell(cell -> n[0]++);
        return n[0];
    }

    @Test
    void aVcpuForWhoseRedistributorThereIsNoRoomLeavesNothing() {
        long twoRedistributors = 2 * 0x20000;
        assertThat(t.set(0, 2, 0x800_0000)).isZero();
        assertThat(t.set(0, 3, 0x800_0000 - twoRedistributors)).isZero();
        long before = cells();
        for (int i = 0; i < 3; i++) {
            assertThat(c.ioctl(vm, 0xae41, 2)).isEqualTo(Errno.EINVAL);
            assertThat(cells()).isEqualTo(before);
        }
        start();
        assertThat(line(SPI, 1)).isZero();
    }
}
