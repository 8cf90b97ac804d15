package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.api.Test;

/** Rates of guests' time-stamp counters, and how KVM keeps them together. */
class TscTest {
    private static final int SET_KHZ = IoctlTable.io(0xa2), GET_KHZ = IoctlTable.io(0xa3);
    private static final int CHECK_EXTENSION = IoctlTable.io(0x03);
    private static final long SECOND = 1_000_000_000L;

    private static long extension(TestClient c, int number) {
        return c.ioctl(c.kvm(), CHECK_EXTENSION, number);
    }

    @Test
    void theMachineSaysWhetherItScales() {
        for (int cap : new int[] {60, 214}) {
            assertThat(extension(new TestClient("sapphire-rapids", "6.12"), cap))
                    .isEqualTo(1);
            assertThat(extension(new TestClient("conformance-svm", "6.12"), cap))
                    .isZero();
        }
        TestClient c = new TestClient("conformance-svm", "6.12");
        Vcpu v = c.newVcpu(c.newVm(), 0);
        assertThat(c.ioctl(v, SET_KHZ, 1_000_000)).isEqualTo(Errno.EINVAL);
        assertThat(c.ioctl(v, GET_KHZ, 0)).as("noted all the same").isEqualTo(1_000_000);
        assertThat(c.ioctl(v, SET_KHZ, 2_600_000 - 600)).as("near enough").isZero();
    }

    @Test
    void aScaledCounterRunsAtTheRateAskedFor() {
        for (long khz : new long[] {1_234_567, 2_000_000, 3_456_789}) {
            TestClient c = new TestClient("sapphire-rapids", "6.12");
            Vm vm = c.newVm();
            assertThat(c.ioctl(vm, SET_KHZ, khz)).isZero();
            Vcpu v = c.newVcpu(vm, 0);
            assertThat(c.ioctl(v, GET_KHZ, 0)).isEqualTo(khz);
            long before = v.guestTsc();
            c.pass(SECOND);
            assertThat(v.guestTsc() - before).isCloseTo(khz * 1000, within(10L));
        }
        TestClient c = new TestClient("sapphire-rapids", "6.12");
        assertThat(c.ioctl(c.newVm(), SET_KHZ, 0x7fffffff)).isEqualTo(Errno.EINVAL);
    }

    private static void write(Vcpu v, long tsc) {
        v.vm().kvm().msrTable().write(v, 0x10, tsc, true);
    }

    @Test
    void aVcpuMadeLaterHasTheTimeOfTheOthers() {
        TestClient c = new TestClient("sapphire-rapids", "6.12");
        Vm vm = c.newVm();
        c.ioctl(vm, SET_KHZ, 2_345_678);
        Vcpu first = c.newVcpu(vm, 0);
        write(first, 200_000_000);
        c.pass(SECOND);
        Vcpu second = c.newVcpu(vm, 1);
        assertThat(second.guestTsc()).isEqualTo(first.guestTsc());
    }

    @Test
    void aWriteWithinASecondOfTheOthersTimeMeansTheirTime() {
        TestClient c = new TestClient("sapphire-rapids", "6.12");
        Vm vm = c.newVm();
        Vcpu first = c.newVcpu(vm, 0), second = c.newVcpu(vm, 1);
        write(first, 50 * SECOND);
        c.pass(SECOND);
        write(second, 53 * SECOND);
        assertThat(second.guestTsc()).isEqualTo(first.guestTsc());
        write(second, 90 * SECOND);
        assertThat(second.guestTsc()).isEqualTo(90 * SECOND);
    }

    @Test
    void theFirstWriteIsNotTakenForTheStartingValueFrom6_12On() {
        for (String kernel : new String[] {"6.1", "6.12"}) {
            TestClient c = new TestClient("sapphire-rapids", kernel);
            Vcpu v = c.newVcpu(c.newVm(), 0);
            write(v, SECOND / 10);
            assertThat(v.guestTsc()).as(kernel).isEqualTo(kernel.equals("6.1") ? 0 : SECOND / 10);
        }
    }
}
