package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.MemoryIoctls;
import dev.worldswitch.kvm.MemorySlots;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.machine.PhysicalMemory;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class DirtyRingTest {
    private static final int ENABLE_CAP = 0x4068aea3, RESET = 0xaec7, GET_DIRTY_LOG = 0x4010ae42;
    private static final int RING = 64 * 4096, BYTES = 4096, SLOT = 3;
    private static final long GPA = 0x10_0000;

    private final TestClient client = new TestClient("conformance-svm", "6.12");
    private final Vm vm = client.newVm();

    private long enable(int capability, long bytes) {
        return client.ioctl(vm, ENABLE_CAP, new Bytes(104).u32(0, capability).u64(8, bytes));
    }

    private PhysicalMemory memoryOf(Vcpu v) {
        assertThat(MemoryIoctls.set(vm, SLOT, MemorySlots.LOG_DIRTY_PAGES, GPA, 512 * 1024, TestClient.BASE))
                .isZero();
        return vm.memory().writtenBy(Objects.requireNonNull(v.dirtyRing()));
    }

    private static void harvest(SharedPages pages, int entries) {
        for (int i = 0; i < entries; i++) pages.set(RING + 16 * i, 4, 2);
    }

    @Test
    void aRingIsAPowerOfTwoBetweenAPageAndAMegabyteAndIsAskedForOnce() {
        assertThat(enable(192, 0)).isEqualTo(Errno.EINVAL);
        assertThat(enable(192, 2048)).isEqualTo(Errno.EINVAL);
        assertThat(enable(192, 5000)).isEqualTo(Errno.EINVAL);
        assertThat(enable(192, 0x200000)).isEqualTo(Errno.E2BIG);
        assertThat(client.ioctl(vm, RESET, 0)).isEqualTo(Errno.EINVAL);
        assertThat(enable(223, BYTES)).isZero();
        assertThat(enable(192, BYTES)).isEqualTo(Errno.EINVAL);
        assertThat(client.ioctl(vm, RESET, 0)).isZero();
    }

    @Test
    void aPageIsToldOfOnceUntilItsHarvestedEntryIsReset() {
        enable(192, BYTES);
        Vcpu v = client.newVcpu(vm, 0);
        PhysicalMemory memory = memoryOf(v);
        memory.page(GPA + 0x3000, true);
        memory.page(GPA + 0x5000, false);
        memory.page(GPA + 0x3000, true);
        assertThat(v.pages().get(RING, 4)).isEqualTo(1);
        assertThat(v.pages().get(RING + 4, 4)).isEqualTo(SLOT);
        assertThat(v.pages().get(RING + 8, 8)).isEqualTo(3);
        assertThat(v.pages().get(RING + 16, 4)).isZero();
        assertThat(client.ioctl(vm, RESET, 0)).isZero();
        harvest(v.pages(), 1);
        assertThat(client.ioctl(vm, RESET, 0)).isEqualTo(1);
        memory.page(GPA + 0x3000, true);
        assertThat(v.pages().get(RING + 16 + 8, 8)).isEqualTo(3);
    }

    @Test
    void bitmapsAreNotThereBesideARing() {
        enable(192, BYTES);
        memoryOf(client.newVcpu(vm, 0));
        assertThat(client.ioctl(vm, GET_DIRTY_LOG, new Bytes(16).u32(0, SLOT).u64(8, TestClient.BASE)))
                .isEqualTo(Errno.ENXIO);
    }

    @Test
    void aRingIsSoftFullBeforeItsReservedEntriesAndHasRoomAfterAReset() {
        enable(192, BYTES);
        Vcpu v = client.newVcpu(vm, 0);
        PhysicalMemory memory = memoryOf(v);
        // 256 entries, of which 64 are kept back; the slot has 128 pages, each told of twice here.
        write(memory, 128);
        harvest(v.pages(), 128);
        assertThat(client.ioctl(vm, RESET, 0)).isEqualTo(128);
        write(memory, 128);
        assertThat(Objects.requireNonNull(v.dirtyRing()).isSoftFull()).isFalse();
        assertThat(MemoryIoctls.set(vm, SLOT + 1, MemorySlots.LOG_DIRTY_PAGES, 2 * GPA, 512 * 1024, TestClient.BASE))
                .isZero();
        for (int page = 0; page < 64; page++) memory.page(2 * GPA + page * 4096L, true);
        assertThat(v.dirtyRing().isSoftFull()).isTrue();
        for (int i = 128; i < 256; i++) v.pages().set(RING + 16 * i, 4, 2);
        assertThat(client.ioctl(vm, RESET, 0)).isEqualTo(128);
        assertThat(v.dirtyRing().isSoftFull()).isFalse();
    }

    private static void write(PhysicalMemory memory, int pages) {
        for (int page = 0; page < pages; page++) memory.page(GPA + page * 4096L, true);
    }

    @Test
    void aRingIsMappedSharedAndNotExecutable() {
        enable(192, BYTES);
        Vcpu v = client.newVcpu(vm, 0);
        assertThat(v.refusesMapping(RING, BYTES, false, true)).isZero();
        assertThat(v.refusesMapping(RING, BYTES, false, false)).isEqualTo(Errno.EINVAL);
        assertThat(v.refusesMapping(RING, BYTES, true, true)).isEqualTo(Errno.EINVAL);
        assertThat(v.refusesMapping(0, BYTES, false, false)).isZero();
    }

    @Test
    void everyVcpuShowsTheOneCoalescedRing() {
        Vcpu first = client.newVcpu(vm, 0), second = client.newVcpu(vm, 1);
        assertThat(first.mapped(0).bytes()).isEqualTo(Long.MAX_VALUE);
        assertThat(second.mapped(0).pages()).isSameAs(second.pages());
        assertThat(second.mapped(0).bytes()).isEqualTo(8192);
        assertThat(second.mapped(8192).pages()).isSameAs(first.pages());
        assertThat(second.mapped(8192).bytes()).isEqualTo(4096);
        assertThat(second.mapped(12288).pages()).isSameAs(second.pages());
    }
}
