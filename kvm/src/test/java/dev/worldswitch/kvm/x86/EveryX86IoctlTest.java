package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.EveryIoctl;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EveryX86IoctlTest {
    private static final int CREATE_DEVICE = IoctlTable.iowr(0xe0, 12), STATS_FD = IoctlTable.io(0xce), VFIO = 4;

    @ParameterizedTest
    @CsvSource({"sapphire-rapids, 6.1", "conformance-svm, 6.12"})
    void every_ioctl_answers_bad_pointers_sizes_and_descriptors_with_an_errno(String machine, String kernel) {
        TestClient c = new TestClient(machine, kernel);
        Map<KvmFile.Kind, Supplier<KvmFile>> files = Map.of(
                KvmFile.Kind.SYSTEM, c::kvm,
                KvmFile.Kind.VM, c::newVm,
                KvmFile.Kind.VCPU, () -> c.newVcpu(c.newVm(), 0),
                KvmFile.Kind.DEVICE, () -> device(c),
                KvmFile.Kind.STATS, () -> made(c, c.newVm(), STATS_FD, 0));
        assertThat(new EveryIoctl(c.kvm().ioctls(), files, c::ioctl, TestClient.BASE + TestClient.SIZE - 1, Set.of())
                        .wrong())
                .isEmpty();
    }

    private static KvmFile device(TestClient c) {
        byte[] argument = new Bytes(12).u32(0, VFIO).array();
        c.write(TestClient.BASE, argument, 0, argument.length);
        return made(c, c.newVm(), CREATE_DEVICE, TestClient.BASE);
    }

    private static KvmFile made(TestClient c, KvmFile file, int command, long argument) {
        KvmFile.Made made = new KvmFile.Made();
        file.ioctl(c, command, argument, made);
        return Objects.requireNonNull(made.file);
    }
}
