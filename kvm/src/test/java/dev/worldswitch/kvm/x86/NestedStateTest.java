package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NestedStateTest {
    private static final int GET = IoctlTable.iowr(0xbe, 128), SET = IoctlTable.iow(0xbf, 128);
    private static final int CHECK_EXTENSION = 0xae03, NESTED_STATE = 157;

    @ParameterizedTest
    @CsvSource({"sapphire-rapids, 8320, 0, 0", "conformance-svm, 4224, 1, 256"})
    void whatIsReadIsTakenAndAnythingInGuestModeIsRefused(String machine, long size, int format, int flags) {
        TestClient client = new TestClient(machine, "6.12");
        Vm vm = client.newVm();
        Vcpu v = client.newVcpu(vm, 0);
        assertThat(client.ioctl(vm, CHECK_EXTENSION, NESTED_STATE)).isEqualTo(size);
        assertThat(client.ioctl(v, GET, new Bytes(128).u32(4, 127))).isEqualTo(Errno.E2BIG);
        assertThat(client.after(8).u32(4)).isEqualTo(128);
        assertThat(client.ioctl(v, GET, new Bytes(128).u32(4, 128))).isZero();
        Bytes state = client.after(128);
        assertThat(state.u16(0)).isEqualTo(flags);
        assertThat(state.u16(2)).isEqualTo(format);
        assertThat(client.ioctl(v, SET, state)).isZero();
        for (int wrong : new int[] {1, 2, 4, 8, 1 << 9, flags ^ 1 << 8})
            assertThat(client.ioctl(v, SET, state.u16(0, wrong))).isEqualTo(Errno.EINVAL);
        state.u16(0, flags);
        assertThat(client.ioctl(v, SET, state.u16(2, format ^ 1))).isEqualTo(Errno.EINVAL);
        assertThat(client.ioctl(v, SET, state.u16(2, format).u32(4, 127))).isEqualTo(Errno.EINVAL);
        assertThat(client.ioctl(v, SET, state.u32(4, 128).u64(8, 0x1000))).isEqualTo(format == 0 ? Errno.EINVAL : 0);
    }
}
