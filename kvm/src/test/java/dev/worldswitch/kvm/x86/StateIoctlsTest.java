package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.api.Test;

class StateIoctlsTest {
    private static final int GET_REGS = IoctlTable.ior(0x81, 144), SET_REGS = IoctlTable.iow(0x82, 144);
    private static final int GET_SREGS = IoctlTable.ior(0x83, 312), SET_SREGS = IoctlTable.iow(0x84, 312);
    private static final int GET_XSAVE2 = IoctlTable.ior(0xcf, 4096), SET_XSAVE = IoctlTable.iow(0xa5, 4096);
    private static final int SUPPORTED_CPUID = IoctlTable.iowr(0x05, 8), SET_CPUID2 = IoctlTable.iow(0x90, 8);
    private static final int SET_MSRS = IoctlTable.iow(0x89, 8), REGION = IoctlTable.iow(0x46, 32);
    private static final long TILES = 3L << 17;
    private final TestClient c = new TestClient("sapphire-rapids", "6.12").permitted(TILES);
    private final Vm vm = c.newVm();
    private final Vcpu v = c.newVcpu(vm, 0);

    private void giveSupportedCpuid() {
        assertThat(c.ioctl(c.kvm(), SUPPORTED_CPUID, new Bytes(8).u32(0, 256))).isZero();
        assertThat(c.ioctl(v, SET_CPUID2, TestClient.BASE)).isZero();
    }

    private long setMsr(int index, long value) {
        return c.ioctl(v, SET_MSRS, new Bytes(24).u32(0, 1).u32(8, index).u64(16, value));
    }

    @Test
    void registersComeBackAsGivenWithBitOneOfRflagsSet() {
        Bytes b = new Bytes(144);
        for (int i = 0; i < 17; i++) b.u64(i * 8, 0x1000 + i);
        assertThat(c.ioctl(v, SET_REGS, b)).isZero();
        assertThat(c.ioctl(v, GET_REGS, TestClient.BASE)).isZero();
        assertThat(c.after(144).array()).isEqualTo(b.u64(136, 2).array());
    }

    @Test
    void refusedSregsChangeNothing() {
        c.ioctl(v, GET_SREGS, TestClient.BASE);
        byte[] before = c.after(312).array();
        Bytes bad = new Bytes(before.clone()).u64(232, 0x7777).u64(248, 1L << 31);
        assertThat(c.ioctl(v, SET_SREGS, bad)).isEqualTo(Errno.EINVAL);
        c.ioctl(v, GET_SREGS, TestClient.BASE);
        assertThat(c.after(312).array()).isEqualTo(before);
    }

    @Test
    void unknownIoctlsHaveTheErrnoOfTheirKindOfDescriptor() {
        assertThat(c.ioctl(c.kvm(), 0xaeff, 0)).isEqualTo(Errno.EINVAL);
        assertThat(c.ioctl(vm, 0xaeff, 0)).isEqualTo(Errno.ENOTTY);
        assertThat(c.ioctl(v, 0xaeff, 0)).isEqualTo(Errno.EINVAL);
    }

    @Test
    void aForkedChildIsToldEio() {
        c.forked();
        assertThat(c.ioctl(v, GET_REGS, TestClient.BASE)).isEqualTo(Errno.EIO);
        assertThat(c.ioctl(vm, 0xae41, 1)).isEqualTo(Errno.EIO);
    }

    @Test
    void tilesNeedThePermissionOfTheProcess() {
        TestClient without = new TestClient("sapphire-rapids", "6.12");
        Vcpu other = without.newVcpu(without.newVm(), 0);
        Bytes tiles = new Bytes(48).u32(0, 1).u32(8, 0xd).u32(16, 1).u32(20, 0x602e7);
        assertThat(without.ioctl(other, SET_CPUID2, tiles.u32(20, 0x602e7 | 1 << 18)))
                .isEqualTo(Errno.EPERM);
        assertThat(c.ioctl(v, SET_CPUID2, tiles)).isZero();
    }

    @Test
    void aDisabledComponentIsDroppedBySetXsaveAndTheCallSucceeds() {
        giveSupportedCpuid();
        assertThat(setMsr(0x1c4, 1 << 18)).isEqualTo(1);
        Bytes image = new Bytes(11008).u64(512, 1 << 18);
        assertThat(c.ioctl(v, SET_XSAVE, image)).isZero();
        assertThat(c.ioctl(v, GET_XSAVE2, TestClient.BASE)).isZero();
        assertThat(c.after(11008).u64(512)).isZero();
    }

    @Test
    void anEnabledComponentStaysInTheImage() {
        giveSupportedCpuid();
        Bytes image = new Bytes(11008).u64(512, 1 << 18);
        assertThat(c.ioctl(v, SET_XSAVE, image)).isZero();
        assertThat(v.guestFpu().image().get(64)).isEqualTo(1 << 18);
    }

    @Test
    void slotsThatOverlapAreRefusedAndSparseOnesFound() {
        Bytes low = new Bytes(32).u32(0, 0).u64(8, 0).u64(16, 0x10000).u64(24, TestClient.BASE);
        assertThat(c.ioctl(vm, REGION, low)).isZero();
        assertThat(c.ioctl(vm, REGION, new Bytes(low.array().clone()).u32(0, 1).u64(8, 0xf000)))
                .isEqualTo(Errno.EEXIST);
        long top = 0xbfff_ff00_0000L;
        long width = 1L << c.kvm().maxPhysAddr();
        Bytes high = new Bytes(low.array().clone()).u32(0, 1).u64(8, Math.min(top, width - 0x10000));
        assertThat(c.ioctl(vm, REGION, high)).isZero();
        assertThat(vm.memory().page(Math.min(top, width - 0x10000) + 0x3123, false))
                .isEqualTo(c.hostPage(TestClient.BASE + 0x3000, false));
        assertThat(vm.memory().page(0x10000, false)).isZero();
    }

    @Test
    void writesAreInTheDirtyLogOnce() {
        Bytes slot = new Bytes(32).u32(4, 1).u64(16, 0x10000).u64(24, TestClient.BASE + 0x10000);
        assertThat(c.ioctl(vm, REGION, slot)).isZero();
        vm.memory().page(0x2000, true);
        int generation = vm.memory().generation();
        Bytes log = new Bytes(16).u64(8, TestClient.BASE + 0x8000);
        assertThat(c.ioctl(vm, IoctlTable.iow(0x42, 16), log)).isZero();
        byte[] bits = new byte[8];
        c.read(TestClient.BASE + 0x8000, bits, 0, 8);
        assertThat(new Bytes(bits).u64(0)).isEqualTo(4);
        assertThat(vm.memory().generation()).isNotEqualTo(generation);
    }
}
