package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.api.Test;

/** The record of stolen time in guest memory. */
class StolenTimeTest {
    private static final int SET_MEMORY = IoctlTable.iow(0x46, 32), SET_ATTR = IoctlTable.iow(0xe1, 24);
    private static final long GPA = 0x40000000L, RECORD = GPA + 128, PAGE = TestClient.BASE + 0x4000;
    private static final long ADDRESS = TestClient.BASE + 0x2000;

    private final TestClient c = new TestClient("max", "6.12");
    private final Vcpu v = c.vcpu(VcpuFeature.PSCI_0_2);

    private long setAddress(long gpa) {
        c.write(ADDRESS, new Bytes(8).u64(0, gpa).array(), 0, 8);
        return c.ioctl(v, SET_ATTR, new Bytes(24).u32(4, 2).u64(16, ADDRESS));
    }

    private long stolen() {
        byte[] b = new byte[8];
        c.read(PAGE + 128 + 8, b, 0, 8);
        return new Bytes(b).u64(0);
    }

    @Test
    void theRecordCountsWhatTheThreadWaitedSinceTheGuestAskedForIt() {
        assertThat(c.ioctl(
                        v.vm(),
                        SET_MEMORY,
                        new Bytes(32).u64(8, GPA).u64(16, 0x1000).u64(24, PAGE)))
                .isZero();
        assertThat(setAddress(RECORD + 32)).isEqualTo(Errno.EINVAL);
        assertThat(setAddress(0)).isEqualTo(Errno.EINVAL);
        assertThat(v.stolenTime().enabled()).isFalse();
        assertThat(setAddress(RECORD)).isZero();
        assertThat(setAddress(RECORD)).isEqualTo(Errno.EEXIST);
        c.runDelay = 1000;
        assertThat(v.stolenTime().init(c)).isEqualTo(RECORD);
        assertThat(stolen()).isZero();
        c.runDelay = 1700;
        v.stolenTime().update(c);
        assertThat(stolen()).isEqualTo(700);
        v.stolenTime().update(c);
        c.runDelay = 1701;
        v.stolenTime().update(c);
        assertThat(stolen()).isEqualTo(701);
    }
}
