package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** A GICv2: its distributor as a guest and user space see it, and who sent an SGI. */
class VgicV2Test {
    private static final int ADDR = 0, DIST = 1, CPU = 2, CTRL = 4;
    private static final long FRAME = 0x8000000, PENDING = 1L << 62, ACTIVE = 1L << 63;

    private final TestGic t = new TestGic("max,gic-version=2", DeviceIoctls.VGIC_V2);
    private final Vcpu v = t.v, other = t.other;
    private final Vgic gic = t.gic();

    @Test
    void aVersionThatTheMachineLacksIsENODEV() {
        assertThat(t.create(DeviceIoctls.VGIC_V3, new KvmFile.Made())).isEqualTo(Errno.ENODEV);
    }

    private void start() {
        assertThat(t.set(ADDR, 0, FRAME + 0x100)).isEqualTo(Errno.EINVAL);
        assertThat(t.set(ADDR, 0, FRAME)).isZero();
        assertThat(t.set(ADDR, 1, FRAME + 0x10000)).isZero();
        assertThat(t.set(ADDR, 1, FRAME + 0x10000)).isEqualTo(Errno.EEXIST);
        assertThat(t.set(CTRL, 0, 0)).isZero();
        t.set(DIST, 0, 1);
    }

    private long guest(Vcpu by, int offset, int length, long value) {
        VgicMmio.Frame f = Objects.requireNonNull(gic.mmio().place(FRAME + offset));
        f.access(by, FRAME + offset, length, true, value);
        return f.access(by, FRAME + offset, length, false, 0);
    }

    private VgicCpu cpu(Vcpu of) {
        VgicCpu cpu = Objects.requireNonNull(gic.delivery().cpu(of));
        cpu.vmcr.set(0xf0L << 24 | 1);
        return cpu;
    }

    @Test
    void privateRegistersAreThoseOfTheCpuThatLooks() {
        start();
        assertThat(guest(v, 0x800, 4, 0)).isEqualTo(0x01010101);
        assertThat(guest(other, 0x800, 4, 0)).isEqualTo(0x02020202);
        assertThat(guest(v, 0x820, 4, 0x03020100)).isEqualTo(0x03020100);
        assertThat(guest(v, 0x821, 1, 0xff)).as("only CPUs that are there").isEqualTo(3);
        guest(v, 0x400, 1, 0x40);
        assertThat(t.get(DIST, 0x400) & 0xff).isEqualTo(0x40);
        assertThat(t.get(DIST, 1L << 32 | 0x400) & 0xff).isZero();
        assertThat(t.set(DIST, 2L << 32, 0)).isEqualTo(Errno.EINVAL);
        assertThat(t.set(DIST, 0xfe0, 0)).isEqualTo(Errno.ENXIO);
    }

    @Test
    void anSgiOfTwoSendersIsTwoInterruptsThatNameThem() {
        start();
        VgicCpu cpu = cpu(v);
        guest(v, 0xf00, 4, 1 << 16 | 5);
        guest(other, 0xf00, 4, 1 << 16 | 5);
        assertThat(t.get(DIST, 0xf24) >>> 8 & 0xff).isEqualTo(3);
        gic.delivery().flush(v);
        long first = cpu.lists.get(0);
        assertThat(first & (PENDING | 0x1fff)).isEqualTo(PENDING | 5);
        cpu.lists.set(0, first & ~PENDING | ACTIVE);
        gic.delivery().sync(v);
        gic.delivery().flush(v);
        assertThat(cpu.lists.get(0) & (PENDING | ACTIVE)).as("one at a time").isEqualTo(ACTIVE);
        cpu.lists.set(0, cpu.lists.get(0) & ~ACTIVE);
        gic.delivery().sync(v);
        gic.delivery().flush(v);
        assertThat(cpu.lists.get(0) & (PENDING | 0x1fff)).isEqualTo(PENDING | 1 << 10 | 5);
    }

    @Test
    void theCpuInterfaceIsSavedAndRestored() {
        start();
        t.set(CPU, 0, 0x201);
        t.set(CPU, 4, 0x1e);
        t.set(CPU, 8, 3);
        t.set(CPU, 0xd0, 0x10);
        assertThat(t.get(CPU, 0)).isEqualTo(0x201);
        assertThat(t.get(CPU, 4)).isEqualTo(0x1e);
        assertThat(Objects.requireNonNull(gic.delivery().cpu(v)).pmr()).isEqualTo(0xf0);
        assertThat(t.get(CPU, 8)).isEqualTo(3);
        assertThat(t.get(CPU, 0xd0)).isEqualTo(0x10);
        assertThat(t.get(CPU, 0xfc) >>> 16 & 15).isEqualTo(2);
    }
}
