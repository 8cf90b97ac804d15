package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** A GICv2: its distributor as a guest and user space see it, and who sent an SGI. */
class VgicV2Test {
    private static final int CREATE = IoctlTable.iowr(0xe0, 12), SET = IoctlTable.iow(0xe1, 24);
    private static final int GET = IoctlTable.iow(0xe2, 24);
    private static final int ADDR = 0, DIST = 1, CPU = 2, CTRL = 4;
    private static final long FRAME = 0x8000000,
            VALUE = TestClient.BASE + 0x2000,
            PENDING = 1L << 62,
            ACTIVE = 1L << 63;

    private final TestClient c = new TestClient("max,gic-version=2", "6.12");
    private final Vm vm = c.newVm();
    private final Vcpu v = c.newVcpu(vm, 0), other = c.newVcpu(vm, 1);
    private final KvmFile device = device();
    private final Vgic gic = Objects.requireNonNull(vm.vgic().get());

    private KvmFile device() {
        c.init(v, VcpuFeature.PSCI_0_2);
        c.init(other, VcpuFeature.PSCI_0_2);
        KvmFile.Made made = new KvmFile.Made();
        c.write(TestClient.BASE, new Bytes(12).u32(0, DeviceIoctls.VGIC_V3).array(), 0, 12);
        assertThat(vm.ioctl(c, CREATE, TestClient.BASE, made)).isEqualTo(Errno.ENODEV);
        c.write(TestClient.BASE, new Bytes(12).u32(0, DeviceIoctls.VGIC_V2).array(), 0, 12);
        vm.ioctl(c, CREATE, TestClient.BASE, made);
        return Objects.requireNonNull(made.file);
    }

    private long set(int group, long attribute, long value) {
        c.write(VALUE, new Bytes(8).u64(0, value).array(), 0, 8);
        return c.ioctl(
                device, SET, new Bytes(24).u32(4, group).u64(8, attribute).u64(16, VALUE));
    }

    private long get(int group, long attribute) {
        assertThat(c.ioctl(
                        device,
                        GET,
                        new Bytes(24).u32(4, group).u64(8, attribute).u64(16, VALUE)))
                .isZero();
        byte[] b = new byte[4];
        c.read(VALUE, b, 0, 4);
        return new Bytes(b).u32(0) & 0xffffffffL;
    }

    private void start() {
        assertThat(set(ADDR, 0, FRAME + 0x100)).isEqualTo(Errno.EINVAL);
        assertThat(set(ADDR, 0, FRAME)).isZero();
        assertThat(set(ADDR, 1, FRAME + 0x10000)).isZero();
        assertThat(set(ADDR, 1, FRAME + 0x10000)).isEqualTo(Errno.EEXIST);
        assertThat(set(CTRL, 0, 0)).isZero();
        set(DIST, 0, 1);
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
        assertThat(get(DIST, 0x400) & 0xff).isEqualTo(0x40);
        assertThat(get(DIST, 1L << 32 | 0x400) & 0xff).isZero();
        assertThat(set(DIST, 2L << 32, 0)).isEqualTo(Errno.EINVAL);
        assertThat(set(DIST, 0xfe0, 0)).isEqualTo(Errno.ENXIO);
    }

    @Test
    void anSgiOfTwoSendersIsTwoInterruptsThatNameThem() {
        start();
        VgicCpu cpu = cpu(v);
        guest(v, 0xf00, 4, 1 << 16 | 5);
        guest(other, 0xf00, 4, 1 << 16 | 5);
        assertThat(get(DIST, 0xf24) >>> 8 & 0xff).isEqualTo(3);
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
        set(CPU, 0, 0x201);
        set(CPU, 4, 0x1e);
        set(CPU, 8, 3);
        set(CPU, 0xd0, 0x10);
        assertThat(get(CPU, 0)).isEqualTo(0x201);
        assertThat(get(CPU, 4)).isEqualTo(0x1e);
        assertThat(Objects.requireNonNull(gic.delivery().cpu(v)).pmr()).isEqualTo(0xf0);
        assertThat(get(CPU, 8)).isEqualTo(3);
        assertThat(get(CPU, 0xd0)).isEqualTo(0x10);
        assertThat(get(CPU, 0xfc) >>> 16 & 15).isEqualTo(2);
    }
}
