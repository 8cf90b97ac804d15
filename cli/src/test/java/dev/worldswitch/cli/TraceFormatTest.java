package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.server.SimulatedHost;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TraceFormatTest {
    /** Only their beginning is printed. */
    private static final Set<String> PARTLY = Set.of(
            "KVM_GET_XSAVE",
            "KVM_GET_XSAVE2",
            "KVM_SET_XSAVE",
            "KVM_GET_LAPIC",
            "KVM_SET_LAPIC",
            "KVM_GET_IRQCHIP",
            "KVM_SET_IRQCHIP",
            "KVM_GET_XCRS",
            "KVM_SET_XCRS");

    private static final int LONGEST_TAIL = 200;

    @ParameterizedTest
    @ValueSource(strings = {"sapphire-rapids", "neoverse-v1"})
    void eachStructureIsAsLongAsItsIoctlsNumberSays(String machine) {
        SimulatedHost host = SimulatedHost.plain(MachineProfile.builtIn(machine), KernelVersion.of("6.12"), 1);
        Abi abi = Abi.load(host.arch());
        for (IoctlTable.Row row : host.kvm().ioctls().all()) {
            StructFormat format = abi.struct(row.name());
            int size = row.number() >>> 16 & 0x3fff;
            // The signal set follows the structure.
            if (format == null || size == 0 || row.name().equals("KVM_SET_SIGNAL_MASK")) continue;
            if (PARTLY.contains(row.name()))
                assertThat(format.size()).as(row.name()).isLessThanOrEqualTo(size);
            else
                // Reserved words at the end are not printed.
                assertThat(format.size()).as(row.name()).isBetween(Math.max(1, size - LONGEST_TAIL), size);
        }
    }

    private static @Nullable String print(String ioctl, byte[] bytes) {
        StructFormat format = Abi.load("x86").struct(ioctl);
        if (format == null) return "no format";
        return format.print(
                (at, into) -> {
                    if (at < 0 || at + into.length > bytes.length) return false;
                    System.arraycopy(bytes, (int) at, into, 0, into.length);
                    return true;
                },
                0,
                abi());
    }

    private static Abi abi() {
        Map<Long, String> msrs = new HashMap<>(Map.of(0x10L, "MSR_IA32_TSC"));
        Abi abi = Abi.load("x86");
        abi.namer("msr", msrs::get);
        return abi;
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void listsAreAsLongAsTheirCountAndMsrsHaveNames() {
        byte[] b = buffer(8 + 2 * 16)
                .putInt(0, 2)
                .putInt(8, 0x10)
                .putLong(16, 0x1234)
                .putInt(24, 0x99)
                .array();
        assertThat(print("KVM_SET_MSRS", b))
                .isEqualTo("{nmsrs=2 entries=[{index=MSR_IA32_TSC data=0x1234}, {index=0x99}]}");
    }

    @Test
    void nestedStructuresLeaveZeroFieldsOut() {
        byte[] b = buffer(312)
                .putLong(0, 0x1000)
                .putShort(12, (short) 8)
                .put(14, (byte) 0xb)
                .putLong(264, 0x501)
                .array();
        assertThat(print("KVM_GET_SREGS", b)).isEqualTo("{cs={base=0x1000 selector=0x8 type=0xb} efer=SCE|LME|LMA}");
    }

    @Test
    void aStructureThatCannotBeReadIsNotPrinted() {
        assertThat(print("KVM_SET_MSRS", new byte[4])).isNull();
        assertThat(print("KVM_SET_MSRS", buffer(8).putInt(0, 5).array())).isNull();
    }

    @Test
    void numbersHaveTheirUapiNames() {
        Abi abi = Abi.load("x86");
        assertThat(abi.name("cap", 3)).isEqualTo("KVM_CAP_USER_MEMORY");
        assertThat(abi.name("exit", 6)).isEqualTo("KVM_EXIT_MMIO");
        assertThat(abi.name("errno", 14)).isEqualTo("EFAULT");
        assertThat(abi.name("cap", 99999)).isNull();
    }

    @Test
    void registersOfArm64HaveTheirArchitecturesNames() {
        KvmHost kvm = SimulatedHost.plain(MachineProfile.builtIn("neoverse-v1"), KernelVersion.of("6.12"), 1)
                .kvm();
        assertThat(kvm.registerName(0x6030_0000_0010_0040L)).isEqualTo("PC");
        assertThat(kvm.registerName(0x6030_0000_0010_003aL)).isEqualTo("X29");
        assertThat(kvm.registerName(0x6030_0000_0013_c080L)).isEqualTo("SCTLR_EL1");
        assertThat(kvm.registerName(0x6080_0000_0015_0020L)).isEqualTo("Z1");
        assertThat(kvm.registerName(0x1)).isNull();
    }
}
