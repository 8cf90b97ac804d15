package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.MemorySlots;
import org.junit.jupiter.api.Test;

/** Dirty logs take no more memory than the slots that have one. */
class DirtyLogTest {
    private static final int REGION = IoctlTable.iow(0x46, 32), GET_LOG = IoctlTable.iow(0x42, 16);
    private static final int SLOT_SIZE = 0x10000;

    private final TestClient client = new TestClient("skylake-server", "6.12");
    private final Vm vm = client.newVm();

    private long slot(int flags, long size) {
        Bytes b = new Bytes(32).u32(0, 0).u32(4, flags).u64(8, 0).u64(16, size).u64(24, TestClient.BASE);
        return client.ioctl((KvmFile) vm, REGION, b);
    }

    private int cells() {
        int[] n = {0};
        vm.region().forEachCell(c -> n[0]++);
        return n[0];
    }

    @Test
    void a_log_that_is_switched_off_or_whose_slot_is_deleted_is_gone() {
        slot(0, SLOT_SIZE);
        int without = cells();
        for (int i = 0; i < 3; i++) {
            assertThat(slot(MemorySlots.LOG_DIRTY_PAGES, SLOT_SIZE)).isZero();
            assertThat(cells()).isEqualTo(without + 1);
            assertThat(slot(0, SLOT_SIZE)).isZero();
            assertThat(cells()).isEqualTo(without);
        }
        slot(MemorySlots.LOG_DIRTY_PAGES, SLOT_SIZE);
        assertThat(slot(0, 0)).isZero();
        assertThat(cells()).isEqualTo(without);
    }

    @Test
    void a_log_that_does_not_fit_where_the_client_wants_it_is_EFAULT() {
        slot(MemorySlots.LOG_DIRTY_PAGES, SLOT_SIZE);
        Bytes b = new Bytes(16).u32(0, 0).u64(8, 0x10);
        assertThat(client.ioctl((KvmFile) vm, GET_LOG, b)).isEqualTo(Errno.EFAULT);
        b.u64(8, TestClient.BASE + 0x100);
        assertThat(client.ioctl((KvmFile) vm, GET_LOG, b)).isZero();
    }
}
