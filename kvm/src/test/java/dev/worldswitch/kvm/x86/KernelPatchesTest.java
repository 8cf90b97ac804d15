package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.api.Test;

/** What each recorded release answers differently, one change at a time. */
class KernelPatchesTest {
    private static final int SET_MSRS = IoctlTable.iow(0x89, 8), ENABLE_CAP = IoctlTable.iow(0xa3, 104);
    private static final int GET_SREGS = IoctlTable.ior(0x83, 312), SET_SREGS = IoctlTable.iow(0x84, 312);
    private static final int CHECK_EXTENSION = IoctlTable.io(0x03), SET_TSC_KHZ = IoctlTable.io(0xa2);
    private static final int HV_CPUID = IoctlTable.iowr(0xc1, 8), CREATE_MEMFD = IoctlTable.iowr(0xd4, 64);
    private static final int EFER = 264;

    private static TestClient host(String kernel) {
        return new TestClient("conformance-svm", kernel);
    }

    @Test
    void unknownEferBitsInSregsAreRefusedFrom7_2On() {
        for (String kernel : new String[] {"6.12", "7.2"}) {
            TestClient c = host(kernel);
            Vcpu v = c.newVcpu(c.newVm(), 0);
            c.ioctl(v, GET_SREGS, TestClient.BASE);
            long r = c.ioctl(v, SET_SREGS, c.after(312).u64(EFER, 2));
            assertThat(r).as(kernel).isEqualTo(kernel.equals("7.2") ? Errno.EINVAL : 0);
        }
    }

    @Test
    void exitsAreDisabledBeforeTheFirstVcpuFrom6_18On() {
        for (String kernel : new String[] {"6.12", "6.18"}) {
            TestClient c = host(kernel);
            Vm vm = c.newVm();
            Bytes halt = new Bytes(104).u32(0, 143).u64(8, 2);
            assertThat(c.ioctl(vm, ENABLE_CAP, halt)).isZero();
            c.newVcpu(vm, 0);
            assertThat(c.ioctl(vm, ENABLE_CAP, halt)).as(kernel).isEqualTo(kernel.equals("6.18") ? Errno.EINVAL : 0);
            assertThat(c.ioctl(vm, SET_TSC_KHZ, 0)).as(kernel).isEqualTo(kernel.equals("6.18") ? Errno.EINVAL : 0);
        }
    }

    @Test
    void archCapabilitiesAreZeroWithoutTheirCpuidFrom6_18On() {
        TestClient c = host("6.18");
        Vcpu v = c.newVcpu(c.newVm(), 0);
        assertThat(c.ioctl(v, SET_MSRS, msr(0x10a, 1))).isZero();
        assertThat(c.ioctl(v, SET_MSRS, msr(0x10a, 0))).isEqualTo(1);
        assertThat(c.kvm().msrTable().read(v, 0x10a, true).value()).isZero();
    }

    @Test
    void featureMsrsDoNotChangeOnceTheVcpuHasRun() {
        TestClient c = host("6.12");
        Vcpu v = c.newVcpu(c.newVm(), 0);
        long now = c.kvm().msrTable().read(v, 0x10a, true).value();
        v.hasRun().set(1);
        assertThat(c.ioctl(v, SET_MSRS, msr(0x10a, now ^ 1))).isZero();
        assertThat(c.ioctl(v, SET_MSRS, msr(0x10a, now))).isEqualTo(1);
    }

    @Test
    void hypervCpuidIsToldWholeOrNotAtAll() {
        TestClient c = host("6.12");
        assertThat(c.ioctl(c.kvm(), HV_CPUID, new Bytes(8).u32(0, 9))).isEqualTo(Errno.E2BIG);
        assertThat(c.ioctl(c.kvm(), HV_CPUID, new Bytes(8).u32(0, 256))).isZero();
        assertThat(c.after(8).u32(0)).isEqualTo(10);
    }

    @Test
    void guestMemfdsHaveWholePagesAndTheFlagsThatAreTold() {
        TestClient old = host("6.12"), young = host("6.18");
        assertThat(young.ioctl(young.kvm(), CHECK_EXTENSION, 244)).isEqualTo(3);
        for (TestClient c : new TestClient[] {old, young}) {
            Vm vm = c.newVm();
            assertThat(c.ioctl(vm, CREATE_MEMFD, new Bytes(64).u64(0, 0x10001))).isEqualTo(Errno.EINVAL);
            assertThat(c.ioctl(vm, CREATE_MEMFD, new Bytes(64).u64(0, 0x10000))).isZero();
            long mappable =
                    c.ioctl(vm, CREATE_MEMFD, new Bytes(64).u64(0, 0x10000).u64(8, 1));
            assertThat(mappable).isEqualTo(c == young ? 0 : Errno.EINVAL);
        }
    }

    private static Bytes msr(int index, long value) {
        return new Bytes(24).u32(0, 1).u32(8, index).u64(16, value);
    }
}
