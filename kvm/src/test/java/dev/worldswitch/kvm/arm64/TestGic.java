package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import java.util.Objects;

/** A GIC of a VM with two vCPUs, as a client has it: a device with attributes. */
final class TestGic {
    private static final int CREATE = IoctlTable.iowr(0xe0, 12), SET = IoctlTable.iow(0xe1, 24);
    private static final int GET = IoctlTable.iow(0xe2, 24);
    private static final long VALUE = TestClient.BASE + 0x2000;

    final TestClient c;
    final Vm vm;
    final Vcpu v, other;
    private final KvmFile device;

    /** @param type DeviceIoctls.VGIC_V2 or VGIC_V3 */
    TestGic(String machine, int type) {
        c = new TestClient(machine, "6.12");
        vm = c.newVm();
        v = c.newVcpu(vm, 0);
        other = c.newVcpu(vm, 1);
        c.init(v, VcpuFeature.PSCI_0_2);
        c.init(other, VcpuFeature.PSCI_0_2);
        KvmFile.Made made = new KvmFile.Made();
        assertThat(create(type, made)).isZero();
        device = Objects.requireNonNull(made.file);
    }

    /** KVM_CREATE_DEVICE. */
    long create(int type, KvmFile.Made made) {
        c.write(TestClient.BASE, new Bytes(12).u32(0, type).array(), 0, 12);
        return vm.ioctl(c, CREATE, TestClient.BASE, made);
    }

    Vgic gic() {
        return Objects.requireNonNull(vm.vgic().get());
    }

    private static Bytes attribute(int group, long attribute) {
        return new Bytes(24).u32(4, group).u64(8, attribute).u64(16, VALUE);
    }

    long set(int group, long attribute, long value) {
        c.write(VALUE, new Bytes(8).u64(0, value).array(), 0, 8);
        return c.ioctl(device, SET, attribute(group, attribute));
    }

    long get(int group, long attribute) {
        assertThat(c.ioctl(device, GET, attribute(group, attribute))).isZero();
        byte[] b = new byte[4];
        c.read(VALUE, b, 0, 4);
        return new Bytes(b).u32(0) & 0xffffffffL;
    }
}
