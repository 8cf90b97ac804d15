package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import org.junit.jupiter.api.Test;

/** KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE. */
class VcpuInitTest {
    private static long finalizeSve(TestClient c, Vcpu v) {
        return c.ioctl(v, TestClient.FINALIZE, new Bytes(4).u32(0, VcpuFeature.SVE_NUMBER));
    }

    @Test
    void aMachineOffersOnlyWhatItsCpusHave() {
        TestClient n1 = new TestClient("neoverse-n1", "6.12");
        assertThat(n1.init(n1.newVcpu(n1.newVm(), 0), VcpuFeature.SVE)).isEqualTo(Errno.EINVAL);
        TestClient a64fx = new TestClient("a64fx", "6.12");
        assertThat(a64fx.init(a64fx.newVcpu(a64fx.newVm(), 0), VcpuFeature.PTRAUTH))
                .isEqualTo(Errno.EINVAL);
        assertThat(a64fx.init(a64fx.newVcpu(a64fx.newVm(), 0), VcpuFeature.EL1_32BIT))
                .isEqualTo(Errno.EINVAL);
        assertThat(a64fx.init(a64fx.newVcpu(a64fx.newVm(), 0), VcpuFeature.SVE)).isZero();
    }

    @Test
    void theFeaturesOfTheFirstVcpuAreTheVmsFromTheirPatchOn() {
        for (String kernel : new String[] {"6.1", "6.12"}) {
            TestClient c = new TestClient("max", kernel);
            Vm vm = c.newVm();
            Vcpu a = c.newVcpu(vm, 0), b = c.newVcpu(vm, 1);
            assertThat(c.init(a, VcpuFeature.PSCI_0_2)).isZero();
            assertThat(c.init(b, VcpuFeature.PMU_V3)).isEqualTo(kernel.equals("6.1") ? 0 : Errno.EINVAL);
        }
    }

    @Test
    void vectorLengthsAreTheHostsUpToAChosenMaximumUntilFinalised() {
        TestClient c = new TestClient("a64fx", "6.12");
        Vcpu v = c.newVcpu(c.newVm(), 0);
        c.init(v, VcpuFeature.SVE);
        byte[] lengths = new byte[64];
        assertThat(c.get(v, OneReg.VLS, lengths)).isZero();
        assertThat(new Bytes(lengths).u64(0)).as("128, 256 and 512 bits").isEqualTo(0b1011);
        assertThat(c.set(v, OneReg.VLS, new Bytes(64).u64(0, 0b111).array())).isEqualTo(Errno.EINVAL);
        assertThat(c.set(v, OneReg.VLS, new Bytes(64).u64(0, 0b11).array())).isZero();
        assertThat(finalizeSve(c, v)).isZero();
        assertThat(finalizeSve(c, v)).isEqualTo(Errno.EPERM);
        assertThat(c.set(v, OneReg.VLS, new Bytes(64).u64(0, 0b11).array())).isEqualTo(Errno.EPERM);
    }

    @Test
    void nothingButInitialisationWorksBeforeIt() {
        TestClient c = new TestClient("max", "6.12");
        Vcpu v = c.newVcpu(c.newVm(), 0);
        assertThat(c.ioctl(v, TestClient.GET_ONE_REG, 0)).isEqualTo(Errno.ENOEXEC);
        assertThat(c.ioctl(v, TestClient.GET_REG_LIST, 0)).isEqualTo(Errno.ENOEXEC);
        assertThat(c.ioctl(v, TestClient.RUN, 0)).isEqualTo(Errno.ENOEXEC);
        assertThat(finalizeSve(c, v)).isEqualTo(Errno.ENOEXEC);
    }
}
