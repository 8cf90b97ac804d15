package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import org.junit.jupiter.api.Test;

/** Hosts whose kernel has pages of 16 or 64 KiB. */
class PageSizeTest {
    private static final int MMAP_SIZE = io(0x04),
            CHECK = io(0x03),
            SET_MEMORY = iow(0x46, 32),
            DIRTY_LOG = iow(0x42, 16);
    private static final int ENABLE_CAP = iow(0xa3, 104), IPA_SIZE = 165, BLOCK_SIZES = 229, DIRTY_RING = 223;
    private static final long GPA = 0x40000000L, LOG = TestClient.BASE + 0x3000;

    private static TestClient host(String pages, String kernel) {
        return new TestClient("max,page-size=" + pages, kernel);
    }

    private static long slot(TestClient c, Vm vm, long gpa, long size, long hva) {
        return c.ioctl(
                vm,
                SET_MEMORY,
                new Bytes(32).u32(4, 1).u64(8, gpa).u64(16, size).u64(24, hva));
    }

    @Test
    void slotsConsistOfTheHostsPages() {
        TestClient c = host("64K", "6.12");
        Vm vm = c.newVm();
        assertThat(slot(c, vm, GPA, 0x1000, TestClient.BASE)).isEqualTo(Errno.EINVAL);
        assertThat(slot(c, vm, GPA + 0x1000, 0x10000, TestClient.BASE)).isEqualTo(Errno.EINVAL);
        assertThat(slot(c, vm, GPA, 0x10000, TestClient.BASE + 0x1000)).isEqualTo(Errno.EINVAL);
        assertThat(slot(c, vm, GPA, 0x10000, TestClient.BASE)).isZero();
    }

    @Test
    void aBitOfTheDirtyLogIsOneOfTheHostsPages() {
        TestClient c = host("16K", "6.12");
        Vm vm = c.newVm();
        assertThat(slot(c, vm, GPA, 0x10000, TestClient.BASE)).isZero();
        vm.memory().write(GPA + 0xf000, new Bytes(8), null);
        vm.memory().write(GPA + 0x5000, new Bytes(8), null);
        assertThat(c.ioctl(vm, DIRTY_LOG, new Bytes(16).u64(8, LOG))).isZero();
        byte[] log = new byte[8];
        c.read(LOG, log, 0, 8);
        assertThat(new Bytes(log).u64(0)).isEqualTo(0b1010);
    }

    @Test
    void aVcpusMappingIsTwoPages() {
        assertThat(host("4K", "6.12").ioctl(host("4K", "6.12").kvm(), MMAP_SIZE, 0))
                .isEqualTo(0x2000);
        TestClient c = host("64K", "6.12");
        assertThat(c.ioctl(c.kvm(), MMAP_SIZE, 0)).isEqualTo(0x20000);
        assertThat(c.newVm().coalescedRingAt()).isEqualTo(0x10000);
    }

    @Test
    void blocksOfStageTwoFollowTheGranule() {
        assertThat(cap("4K", "6.12", BLOCK_SIZES)).isEqualTo(0x4020_1000L);
        assertThat(cap("16K", "6.12", BLOCK_SIZES)).isEqualTo(0x0200_4000L);
        assertThat(cap("64K", "6.12", BLOCK_SIZES)).isEqualTo(0x2001_0000L);
    }

    @Test
    void addressesOf52BitsNeedBigPagesOnAKernelWithoutLpa2() {
        assertThat(cap("4K", "6.1", IPA_SIZE)).isEqualTo(48);
        assertThat(cap("16K", "6.1", IPA_SIZE)).isEqualTo(48);
        assertThat(cap("64K", "6.1", IPA_SIZE)).isEqualTo(52);
        assertThat(cap("16K", "6.12", IPA_SIZE)).isEqualTo(52);
    }

    private static long cap(String pages, String kernel, int number) {
        TestClient c = host(pages, kernel);
        return c.ioctl(c.kvm(), CHECK, number);
    }

    @Test
    void aDirtyRingIsAPageAtLeast() {
        TestClient c = host("64K", "6.12");
        Vm vm = c.newVm();
        Bytes ring = new Bytes(104).u32(0, DIRTY_RING);
        assertThat(c.ioctl(vm, ENABLE_CAP, ring.u64(8, 0x8000))).isEqualTo(Errno.EINVAL);
        assertThat(c.ioctl(vm, ENABLE_CAP, ring.u64(8, 0x10000))).isZero();
        assertThat(vm.dirtyLog().mappingBytes(0)).isEqualTo(64 * 0x10000 + 0x10000);
    }

    @Test
    void aCpuWithoutTheGranuleCanNotRunSuchAKernel() {
        assertThatThrownBy(() -> new TestClient("a64fx,page-size=16K", "6.12")).hasMessageContaining("no pages of 16K");
        assertThatThrownBy(() -> host("8K", "6.12")).hasMessageContaining("page-size is 4K, 16K or 64K");
    }
}
