package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.machine.MachineProfile;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What KVM_SET_ONE_REG takes comes back, what it refuses changes nothing: every register, machine and kernel. */
class OneRegIdentityTest {
    private static final int SEED = 5, VALUES = 8;
    /** Bits that a write may lose, by register. */
    private static final Map<String, Long> IGNORED = new LinkedHashMap<>();

    static {
        // ISTATUS is the condition's; kernels before 6.18 answer 32 bits.
        IGNORED.put("CNT[PV]_CTL_EL0", 0xffff_ffff_0000_0004L);
        // A level that the host does not need may be asked for, it is not told.
        IGNORED.put("KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_[123]", 3L);
        // Sets and clears of one register, only of counters that there are.
        IGNORED.put("PM(CNTEN|INTEN|OVS)(SET|CLR)_EL[01]", -1L);
        IGNORED.put("PMSWINC_EL0", -1L);
        IGNORED.put("PMCR_EL0", 0xffff_ffff_ffff_ff40L);
        IGNORED.put("PMEVCNTR\\d+_EL0", 0xffff_ffff_0000_0000L);
    }

    static Stream<Arguments> everyMachineAndKernel() {
        return Stream.of(
                        "neoverse-n1",
                        "neoverse-v1",
                        "neoverse-v2",
                        "a64fx",
                        "max",
                        "max,nvhe",
                        "max,sve-max-vq=3",
                        "max,sve512=off",
                        "max,sve-max-vq=16,nvhe")
                .flatMap(m -> KernelVersion.names().stream().map(k -> Arguments.of(m, k)));
    }

    private static long ignored(Vcpu v, String name) {
        // Without AArch32 its ID registers are zero and writes are ignored.
        if (!v.kvm().host().el0Aarch32() && name.matches("ID_(?!AA64).*|MVFR\\d_EL1")) return -1;
        for (Map.Entry<String, Long> e : IGNORED.entrySet()) if (name.matches(e.getKey())) return e.getValue();
        return 0;
    }

    private static byte[] value(Random random, byte[] now, int round) {
        byte[] b = now.clone();
        if (round < 2) Arrays.fill(b, (byte) (round == 0 ? -1 : 0));
        else if (round < 5) random.nextBytes(b);
        else b[random.nextInt(b.length)] ^= (byte) (1 << random.nextInt(8));
        return b;
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("everyMachineAndKernel")
    void whatIsTakenComesBackAndWhatIsRefusedChangesNothing(String machine, String kernel) {
        assertThat(MachineProfile.builtIn(machine).arch()).isEqualTo("arm64");
        TestClient c = new TestClient(machine, kernel);
        Vcpu v = c.fullVcpu();
        Random random = new Random(SEED);
        int vl = 16 * (int) v.sveMaxVq().get();
        for (long id : RegList.ids(v)) {
            if (id == OneReg.VLS) continue;
            String name = RegNames.of(id);
            assertThat(name).as("%x has a name", id).isNotNull();
            byte[] before = new byte[OneReg.sizeOf(id)], after = new byte[before.length];
            for (int round = 0; round < VALUES; round++) {
                assertThat(c.get(v, id, before)).as("get %s", name).isZero();
                byte[] wanted = value(random, before, round);
                long r = c.set(v, id, wanted);
                assertThat(c.get(v, id, after)).as("get %s", name).isZero();
                if (r != 0) {
                    assertThat(after).as("%s refused, seed %d", name, SEED).isEqualTo(before);
                    continue;
                }
                int kept = before.length == 256 ? vl : before.length == 32 ? vl / 8 : before.length;
                Arrays.fill(wanted, kept, wanted.length, (byte) 0);
                if (before.length == 8) {
                    long mask = ~ignored(v, name), was = new Bytes(wanted).u64(0), is = new Bytes(after).u64(0);
                    assertThat(is & mask).as("%s, seed %d", name, SEED).isEqualTo(was & mask);
                } else {
                    assertThat(after).as("%s, seed %d", name, SEED).isEqualTo(wanted);
                }
            }
        }
    }
}
