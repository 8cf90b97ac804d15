package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Events that are counted, what overflows and what a filter forbids. */
class PmuTest {
    private static final int SET_ATTR = IoctlTable.iow(0xe1, 24);
    private static final int ENABLE = 1, LONG = 128, LONG_CYCLES = 64, CYCLE = PmuCounters.CYCLE;
    private static final long FILTER = TestClient.BASE + 0x2000, NOT_EL1 = 1L << 31, NOT_EL0 = 1L << 30;

    private final TestClient c = new TestClient("max", "6.12");
    private final Vcpu v = c.vcpu(VcpuFeature.PSCI_0_2 | VcpuFeature.PMU_V3);

    private void on(int counter, long type, long value) {
        v.sys(SysReg.PMCR_EL0, ENABLE);
        v.sys(SysReg.PMOVSSET_EL0, 0);
        v.sys(SysReg.PMCNTENSET_EL0, v.sys(SysReg.PMCNTENSET_EL0) & Pmu.validMask(v) | 1L << counter);
        v.sys(PmuCounters.type(counter), type);
        v.sys(PmuCounters.counter(counter), value);
    }

    private void only(int counter, long type, long value) {
        v.sys(SysReg.PMCNTENSET_EL0, 0);
        on(counter, type, value);
    }

    private long filter(int first, int count, int action) {
        c.write(FILTER, new Bytes(8).u16(0, first).u16(2, count).u8(4, action).array(), 0, 8);
        return c.ioctl(v, SET_ATTR, new Bytes(24).u64(8, 2).u64(16, FILTER));
    }

    private long value(int counter) {
        return v.sys(PmuCounters.counter(counter));
    }

    @Test
    void softwareIncrementsCarryIntoAChainedCounterAndRaiseTheLine() {
        only(0, 0, 0xfffffffeL);
        on(1, 0x1e, 7);
        on(2, 0, 5);
        PmuCounters.softwareIncrement(v, 1);
        assertThat(v.sys(SysReg.PMOVSSET_EL0)).isZero();
        PmuCounters.softwareIncrement(v, 1);
        assertThat(value(0)).as("64 bits wide, but it overflows at 32").isEqualTo(1L << 32);
        assertThat(value(1)).isEqualTo(8);
        assertThat(value(2)).isEqualTo(5);
        assertThat(v.sys(SysReg.PMOVSSET_EL0)).isEqualTo(1);
        v.sys(SysReg.PMINTENSET_EL1, 0);
        assertThat(Pmu.asserted(v)).isFalse();
        v.sys(SysReg.PMINTENSET_EL1, 1);
        assertThat(Pmu.asserted(v)).isTrue();
        v.sys(SysReg.PMCR_EL0, 0);
        assertThat(Pmu.asserted(v)).isFalse();
        PmuCounters.softwareIncrement(v, 4);
        assertThat(value(2)).isEqualTo(5);
    }

    @Test
    void instructionsAndCyclesCountAtTheLevelsThatAreNotExcluded() {
        only(0, 8 | NOT_EL0, 0);
        on(1, 8 | NOT_EL1, 0xffffffffL);
        on(2, 0x23, 3);
        on(CYCLE, 0, 1L << 40);
        var cpu = Objects.requireNonNull(dev.worldswitch.kernel.arm64.Fpsimd.cpu(c.task()));
        PmuCounters.start(v, cpu.retired());
        assertThat(cpu.retired().isCounting()).isTrue();
        cpu.retired().count(1, 100);
        cpu.retired().count(0, 20);
        PmuCounters.stop(v, cpu.retired());
        assertThat(cpu.retired().isCounting()).isFalse();
        assertThat(value(0)).isEqualTo(100);
        assertThat(value(1)).isEqualTo((1L << 32) + 19);
        assertThat(value(2)).as("an event that is not counted here").isEqualTo(3);
        assertThat(value(CYCLE)).isEqualTo((1L << 40) + 120);
        assertThat(v.sys(SysReg.PMOVSSET_EL0)).isEqualTo(2);
    }

    @Test
    void theCycleCounterOverflowsAt32BitsUnlessItIsLong() {
        only(CYCLE, 0, 0xffffffffL);
        add(1);
        assertThat(v.sys(SysReg.PMOVSSET_EL0)).isEqualTo(1L << CYCLE);
        assertThat(value(CYCLE)).isEqualTo(1L << 32);
        only(CYCLE, 0, 0xffffffffL);
        v.sys(SysReg.PMCR_EL0, ENABLE | LONG_CYCLES | LONG);
        add(1);
        assertThat(v.sys(SysReg.PMOVSSET_EL0)).isZero();
        only(CYCLE, 0, -1);
        v.sys(SysReg.PMCR_EL0, ENABLE | LONG_CYCLES);
        add(1);
        assertThat(v.sys(SysReg.PMOVSSET_EL0)).isEqualTo(1L << CYCLE);
    }

    private void add(long instructions) {
        var retired = dev.worldswitch.kernel.arm64.Fpsimd.cpu(c.task()).retired();
        PmuCounters.start(v, retired);
        retired.count(1, instructions);
        PmuCounters.stop(v, retired);
    }

    @Test
    void theFirstFilterDecidesAboutAllOtherEvents() {
        assertThat(filter(8, 1, PmuFilter.ALLOW)).isZero();
        assertThat(filter(8, 1, 2)).isEqualTo(Errno.EINVAL);
        only(0, 8, 0);
        on(CYCLE, 0, 0);
        add(10);
        assertThat(value(0)).isEqualTo(10);
        assertThat(value(CYCLE)).isZero();
        assertThat(filter(8, 8, PmuFilter.DENY)).isZero();
        assertThat(filter(0x11, 1, PmuFilter.ALLOW)).isZero();
        add(10);
        assertThat(value(0)).isEqualTo(10);
        assertThat(value(CYCLE)).isEqualTo(10);
        assertThat(v.vm().pmu().filter.get().advertised(0)).isEqualTo(1L << 0x11);
    }

    @Test
    void aFilterThatDeniesLeavesTheRest() {
        assertThat(PmuFilter.NONE.plus(new PmuFilter.Range(0x11, 1, false)).advertised(0))
                .isEqualTo(~(1L << 0x11));
    }
}
