package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.machine.x86.X86State;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Event counters of an x86 guest: what they count, RDPMC, overflow interrupts, the filter, and hosts without them. */
class PmuTest {
    private static final int REGION = IoctlTable.iow(0x46, 32), RUN = IoctlTable.io(0x80);
    private static final int SET_REGS = IoctlTable.iow(0x82, 144), SET_CPUID2 = IoctlTable.iow(0x90, 8);
    private static final int CREATE_IRQCHIP = IoctlTable.io(0x60), FILTER = IoctlTable.iow(0xb2, 32);
    private static final int SELECT0 = 0x186,
            PMC0 = 0xc1,
            FIXED0 = 0x309,
            FIXED_CONTROL = 0x38d,
            STATUS = 0x38e,
            CONTROL = 0x38f;
    private static final long INSTRUCTIONS = 0x4300c0, BRANCHES = 0x4300c4, INTERRUPT = 1 << 20;
    private final TestClient c = new TestClient("sapphire-rapids", "6.12");
    private final Vm vm = c.newVm();
    private final Vcpu v;

    PmuTest() {
        c.ioctl(vm, CREATE_IRQCHIP, 0);
        v = c.newVcpu(vm, 0);
        Bytes slot = new Bytes(32).u64(16, 0x20000).u64(24, TestClient.BASE + 0x20000);
        assertThat(c.ioctl(vm, REGION, slot)).isZero();
        Bytes leaf = new Bytes(48).u32(0, 1).u32(8, 0xa).u32(20, 0x08300802).u32(32, 0x603);
        assertThat(c.ioctl(v, SET_CPUID2, leaf)).isZero();
        // mov cx, 10; loop $; out 5, al; hlt
        code("b90a00 e2fe e605 f4");
    }

    private void code(String hex) {
        byte[] b = HexFormat.of().parseHex(hex.replace(" ", ""));
        assertThat(c.write(TestClient.BASE + 0x20100, b, 0, b.length)).isTrue();
    }

    private void run() {
        X86State s = v.state();
        s.segBase.set(X86State.CS, 0);
        s.segSelector.set(X86State.CS, 0);
        assertThat(c.ioctl(v, SET_REGS, new Bytes(144).u64(128, 0x100).u64(136, 2)))
                .isZero();
        assertThat(c.ioctl(v, RUN, 0)).isZero();
        assertThat(v.run().get(KvmX86Abi.RUN_EXIT_REASON, 4)).isEqualTo(RunPage.EXIT_IO);
    }

    private void set(int msr, long value) {
        assertThat(vm.kvm().msrTable().write(v, msr, value, true)).isZero();
    }

    private long get(int msr) {
        return vm.kvm().msrTable().read(v, msr, true).value();
    }

    @Test
    void instructions_and_branches_are_counted_exactly() {
        set(SELECT0, INSTRUCTIONS);
        set(SELECT0 + 1, BRANCHES);
        set(FIXED_CONTROL, 0x33);
        set(CONTROL, 3L << 32 | 3);
        run();
        assertThat(get(PMC0)).isEqualTo(11);
        assertThat(get(PMC0 + 1)).isEqualTo(10);
        assertThat(get(FIXED0)).isEqualTo(11);
        assertThat(get(FIXED0 + 1)).as("cycles").isEqualTo(11);
    }

    @Test
    void a_counter_of_another_level_or_that_is_off_counts_nothing() {
        set(SELECT0, INSTRUCTIONS & ~0x20000);
        set(SELECT0 + 1, BRANCHES);
        set(CONTROL, 1);
        run();
        assertThat(get(PMC0)).isZero();
        assertThat(get(PMC0 + 1)).isZero();
    }

    @Test
    void an_overflow_is_told_in_the_global_status_and_by_an_interrupt() {
        v.lapic().mmioWrite(Lapic.SPIV, 4, 0x1ff);
        v.lapic().mmioWrite(Lapic.LVTPC, 4, 0x31);
        set(SELECT0, INSTRUCTIONS | INTERRUPT);
        set(PMC0, -5);
        run();
        assertThat(get(PMC0)).isEqualTo(6);
        assertThat(get(STATUS)).isEqualTo(1);
        assertThat(v.lapic().hasInterrupt()).isTrue();
        assertThat(v.lapic().mmioRead(Lapic.LVTPC, 4))
                .as("masked by the interrupt")
                .isEqualTo(0x10031);
    }

    @Test
    void what_the_filter_denies_does_not_count() {
        Bytes f = new Bytes(40).u32(0, 1).u32(4, 1).u64(32, 0xc4);
        assertThat(c.ioctl(vm, FILTER, f)).isZero();
        set(SELECT0, INSTRUCTIONS);
        set(SELECT0 + 1, BRANCHES);
        run();
        assertThat(get(PMC0)).isEqualTo(11);
        assertThat(get(PMC0 + 1)).isZero();
    }

    @Test
    void rdpmc_reads_general_and_fixed_counters_and_nothing_else() {
        assertThat(v.pmu().readable(7)).isEqualTo(7);
        assertThat(v.pmu().readable(8)).isEqualTo(-1);
        assertThat(v.pmu().readable(0x40000002)).isEqualTo(Pmu.FIXED + 2);
        assertThat(v.pmu().readable(0x40000003)).isEqualTo(-1);
        assertThat(v.pmu().readable(0x80000000)).isEqualTo(-1);
    }

    @Test
    void a_machine_whose_cpus_have_no_counters_offers_none() {
        TestClient without = new TestClient("conformance-svm", "6.12");
        Vcpu other = without.newVcpu(without.newVm(), 0);
        assertThat(other.pmu().has(0xc0010000)).isFalse();
        assertThat(other.vm().kvm().capabilities().value(Kvm.Kind.SYSTEM, 212)).isZero();
    }
}
