package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.MemorySlots;
import dev.worldswitch.machine.x86.X86State;
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
            assertThat(cells()).isEqualTo(without + 2);
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

    private long log() {
        assertThat(client.ioctl((KvmFile) vm, GET_LOG, new Bytes(16).u32(0, 0).u64(8, TestClient.BASE + SLOT_SIZE)))
                .isZero();
        byte[] b = new byte[8];
        assertThat(client.read(TestClient.BASE + SLOT_SIZE, b, 0, 8)).isTrue();
        return new Bytes(b).u64(0);
    }

    @Test
    void a_page_with_something_in_it_is_dirty_when_the_guest_first_reads_it_and_again_after_any_slot_went() {
        client.write(TestClient.BASE + 0x2000, new byte[] {1}, 0, 1);
        slot(MemorySlots.LOG_DIRTY_PAGES, SLOT_SIZE);
        vm.memory().page(0x2000, false);
        vm.memory().page(0x4000, false);
        assertThat(log()).isEqualTo(1 << 2);
        vm.memory().page(0x2000, false);
        assertThat(log()).isZero();
        vm.memory().page(0x4000, true);
        assertThat(log()).isEqualTo(1 << 4);
        Bytes other = new Bytes(32).u32(0, 1).u64(8, 1 << 30).u64(16, 0x1000).u64(24, TestClient.BASE);
        assertThat(client.ioctl((KvmFile) vm, REGION, other)).isZero();
        assertThat(client.ioctl((KvmFile) vm, REGION, other.u64(16, 0))).isZero();
        vm.memory().page(0x2000, false);
        assertThat(log()).isEqualTo(1 << 2);
    }

    @Test
    void what_was_mapped_before_the_log_was_switched_on_is_not_told_of_when_it_is_read() {
        client.write(TestClient.BASE + 0x2000, new byte[] {1}, 0, 1);
        Vcpu v = client.newVcpu(vm, 0);
        slot(0, SLOT_SIZE);
        v.hasRun().set(1);
        slot(MemorySlots.LOG_DIRTY_PAGES, SLOT_SIZE);
        vm.memory().page(0x2000, false);
        assertThat(log()).isZero();
    }

    @Test
    void the_processors_walks_of_page_tables_dirty_them_though_no_bit_changes() {
        slot(MemorySlots.LOG_DIRTY_PAGES, SLOT_SIZE);
        // A page directory at 0x1000 and a page table at 0x2000, accessed and dirty; out 5, al; out 5, al
        byte[] entry = {0x67, 0x20, 0, 0}, page = {0x67, 0, 0, 0}, code = {(byte) 0xe6, 5, (byte) 0xe6, 5};
        client.write(TestClient.BASE + 0x1000, entry, 0, 4);
        client.write(TestClient.BASE + 0x2000, page, 0, 4);
        client.write(TestClient.BASE + 0x100, code, 0, 4);
        Vcpu v = client.newVcpu(vm, 0);
        X86State s = v.state();
        s.cr.set(0, X86State.CR0_PE | X86State.CR0_PG);
        s.cr.set(3, 0x1000);
        for (int seg = 0; seg < 6; seg++) {
            s.segBase.set(seg, 0);
            s.segLimit.set(seg, 0xffffffffL);
            s.segAttr.set(seg, seg == X86State.CS ? 0xc09b : 0xc093);
        }
        Bytes regs = new Bytes(144).u64(128, 0x100).u64(136, 2);
        assertThat(client.ioctl(v, IoctlTable.iow(0x82, 144), regs)).isZero();
        assertThat(client.ioctl(v, IoctlTable.io(0x80), 0)).isZero();
        log();
        assertThat(client.ioctl(v, IoctlTable.io(0x80), 0)).isZero();
        assertThat(log()).isEqualTo(6);
    }
}
