package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.arm64.Arm64Exit;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** ID registers: who may change them, until when, and that guests never see them change. */
class IdRegsTest {
    private static final long PFR0 = id(SysReg.ID_AA64PFR0_EL1), ISAR0 = id(SysReg.ID_AA64ISAR0_EL1);

    private static long id(SysReg r) {
        return OneReg.ARM64 | OneReg.U64 | (long) OneReg.SYSREG << 16 | r.encoding();
    }

    /** Runs once: the guest leaves at once and a signal ends the loop. */
    private static long runOnce(TestClient c, Vcpu v) {
        v.guestCode(cpu -> {
            c.signal = true;
            Arm64Exit e = new Arm64Exit();
            e.kind = Arm64Exit.INTERRUPT;
            return e;
        });
        long r = c.ioctl(v, TestClient.RUN, 0);
        c.signal = false;
        return r;
    }

    @Test
    void fieldsMayBeLoweredButNotRaisedAndBelongToTheVm() {
        TestClient c = new TestClient("max", "6.12");
        Vm vm = c.newVm();
        Vcpu a = c.newVcpu(vm, 0), b = c.newVcpu(vm, 1);
        c.init(a, VcpuFeature.PSCI_0_2);
        c.init(b, VcpuFeature.PSCI_0_2);
        long host = c.get64(a, ISAR0), without = host & ~(0xfL << 60);
        assertThat(c.set64(a, ISAR0, without)).isZero();
        assertThat(c.get64(b, ISAR0)).isEqualTo(without);
        assertThat(c.set64(b, ISAR0, host + (1L << 4))).isEqualTo(Errno.EINVAL);
        assertThat(c.set64(b, ISAR0, host)).isZero();
        assertThat(c.get64(a, ISAR0)).isEqualTo(host);
    }

    @Test
    void theFirstRunFreezesThemAndBusyGoesBeforeInvalid() {
        TestClient c = new TestClient("neoverse-v1", "6.12");
        Vcpu v = c.vcpu(VcpuFeature.PSCI_0_2);
        assertThat(runOnce(c, v)).isEqualTo(Errno.EINTR);
        long now = c.get64(v, ISAR0);
        assertThat(c.set64(v, ISAR0, now)).isZero();
        assertThat(c.set64(v, ISAR0, now & ~0xf0L)).isEqualTo(Errno.EBUSY);
        assertThat(c.set64(v, ISAR0, -1)).isEqualTo(Errno.EBUSY);
        assertThat(c.get64(v, ISAR0)).isEqualTo(now);
        assertThat(c.get64(v, PFR0) >>> 24 & 15)
                .as("no GIC in the kernel, none in the guest")
                .isZero();
    }

    @Test
    void anOldKernelTakesOnlyTheSpeculationFieldsAndThoseAlways() {
        TestClient c = new TestClient("max", "6.1");
        Vcpu v = c.vcpu(VcpuFeature.PSCI_0_2);
        long pfr0 = c.get64(v, PFR0), isar0 = c.get64(v, ISAR0);
        assertThat(c.set64(v, ISAR0, isar0 & ~0xf0L)).isEqualTo(Errno.EINVAL);
        runOnce(c, v);
        assertThat(c.set64(v, PFR0, pfr0 & ~(0xfL << 56))).isZero();
        assertThat(c.get64(v, PFR0)).isEqualTo(pfr0 & ~(0xfL << 56));
    }

    @Test
    void aGuestReadsThemWhileSomebodyHoldsTheConfigLock() throws InterruptedException {
        TestClient c = new TestClient("max", "6.12");
        Vcpu v = c.vcpu(VcpuFeature.PSCI_0_2);
        SysRegTable.Row row =
                java.util.Objects.requireNonNull(c.kvm().sysRegs().find(SysReg.ID_AA64ISAR0_EL1.encoding()));
        AtomicLong seen = new AtomicLong();
        v.vm().configLock().lock();
        Thread guest = new Thread(() -> seen.set(IdRegs.access(v, row, false, 0)));
        guest.start();
        guest.join(20_000);
        boolean waits = guest.isAlive();
        v.vm().configLock().unlock();
        guest.join();
        assertThat(waits).isFalse();
        assertThat(seen.get()).isEqualTo(c.get64(v, ISAR0));
    }

    @Test
    void aWriterThatRacesWithTheFirstRunNeverChangesWhatAGuestHasSeen() throws InterruptedException {
        for (int round = 0; round < 40; round++) {
            TestClient c = new TestClient("max", "6.12");
            Vcpu v = c.vcpu(VcpuFeature.PSCI_0_2);
            Vcpu writerVcpu = c.newVcpu(v.vm(), 1);
            c.init(writerVcpu, VcpuFeature.PSCI_0_2);
            long host = c.get64(v, ISAR0), other = host & ~(0xfL << 60);
            SysRegTable.Row row =
                    java.util.Objects.requireNonNull(c.kvm().sysRegs().find(SysReg.ID_AA64ISAR0_EL1.encoding()));
            List<Long> seen = new ArrayList<>();
            CountDownLatch ready = new CountDownLatch(1);
            AtomicLong entered = new AtomicLong();
            TestClient w = c.thread();
            Thread writer = new Thread(() -> {
                ready.countDown();
                for (int i = 0; i < 2_000; i++) w.set64(writerVcpu, ISAR0, i % 2 == 0 ? other : host);
            });
            writer.start();
            ready.await();
            v.guestCode(cpu -> {
                for (int i = 0; i < 500; i++) seen.add(IdRegs.get(v, row));
                entered.incrementAndGet();
                c.signal = true;
                Arm64Exit e = new Arm64Exit();
                e.kind = Arm64Exit.INTERRUPT;
                return e;
            });
            assertThat(c.ioctl(v, TestClient.RUN, 0)).isEqualTo(Errno.EINTR);
            writer.join();
            assertThat(seen).hasSize(500).containsOnly(seen.getFirst());
            assertThat(seen.getFirst()).isIn(host, other);
            assertThat(c.get64(v, ISAR0)).isEqualTo(seen.getFirst());
        }
    }
}
