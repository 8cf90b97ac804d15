package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.arm64.Arm64Exit;
import dev.worldswitch.machine.arm64.SysReg;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every value of every field of the feature registers, against the rules of 6.12 (sys_regs.c, cpufeature.c) and 6.1. A rule
 * for each 4 bits from the top: L lower unsigned values are taken, S lower signed ones, H higher ones, V lower ones and 15 for
 * none (PMUVer), D lower ones of at least 6 (DebugVer), M the host's value, which means nothing (MPAM), = only the value
 * that is there.
 */
class IdRegisterFieldsTest {
    private static final Map<SysReg, String> RULES = new LinkedHashMap<>();

    static {
        RULES.put(SysReg.ID_AA64PFR0_EL1, "LL=L=ML==L==LLLL");
        RULES.put(SysReg.ID_AA64PFR1_EL1, "===========M==LL");
        RULES.put(SysReg.ID_AA64ZFR0_EL1, "=LL=LL=L=LLL==LL");
        RULES.put(SysReg.ID_AA64SMFR0_EL1, "================");
        RULES.put(SysReg.ID_AA64DFR0_EL1, "======S===L==V=D");
        RULES.put(SysReg.ID_AA64ISAR0_EL1, "LLLLLLLLL=LLLLL=");
        RULES.put(SysReg.ID_AA64ISAR1_EL1, "=LLLLLLL==LLL==L");
        RULES.put(SysReg.ID_AA64ISAR2_EL1, "=LLL====L=LL==LL");
        RULES.put(SysReg.ID_AA64MMFR0_EL1, "LL==L===SSLLLL=L");
        RULES.put(SysReg.ID_AA64MMFR1_EL1, "L=L=L=L==HLLL==L");
        RULES.put(SysReg.ID_AA64MMFR2_EL1, "L=LL===LL==LLLLL");
        RULES.put(SysReg.ID_AA64MMFR3_EL1, "===========L=L=L");
    }

    private static long id(SysReg r) {
        return OneReg.ARM64 | OneReg.U64 | (long) OneReg.SYSREG << 16 | r.encoding();
    }

    private static int signed(int field) {
        return field << 28 >> 28;
    }

    private static boolean taken(char rule, int wanted, int limit) {
        return wanted == limit
                || switch (rule) {
                    case 'L' -> wanted < limit;
                    case 'S' -> signed(wanted) < signed(limit);
                    case 'H' -> wanted > limit;
                    case 'V' -> wanted < limit || wanted == 15;
                    case 'D' -> wanted < limit && wanted >= 6;
                    default -> false;
                };
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"neoverse-n1", "neoverse-v1", "neoverse-v2", "a64fx", "max", "max,nvhe", "max,sve-max-vq=3"})
    void aFieldTakesWhatItsRuleSaysAndNothingElse(String machine) {
        TestClient c = new TestClient(machine, "6.12");
        Vcpu v = c.fullVcpu();
        RULES.forEach((register, rules) -> {
            long limit = c.get64(v, id(register));
            for (int low = 0; low < 64; low += 4) {
                char rule = rules.charAt(15 - low / 4);
                for (int wanted = 0; wanted < 16; wanted++) {
                    long value = limit & ~(0xfL << low) | (long) wanted << low;
                    String what = register + " bits " + low + ": " + wanted + " on " + machine;
                    boolean ignored =
                            rule == 'M' && wanted == (c.kvm().profile().register(register) >>> low & 15);
                    boolean fits = ignored || taken(rule, wanted, (int) (limit >>> low & 15));
                    assertThat(c.set64(v, id(register), value)).as(what).isEqualTo(fits ? 0 : Errno.EINVAL);
                    boolean none = rule == 'M' || rule == 'V' && wanted == 15;
                    long kept = none ? value & ~(0xfL << low) : value;
                    assertThat(c.get64(v, id(register))).as(what).isEqualTo(fits ? kept : limit);
                    assertThat(c.set64(v, id(register), limit)).isZero();
                }
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"neoverse-v1", "max"})
    void afterTheFirstRunOnlyTheValueThatIsThereIsTaken(String machine) {
        TestClient c = new TestClient(machine, "6.12");
        Vcpu v = c.vcpu(VcpuFeature.PSCI_0_2);
        v.guestCode(cpu -> {
            c.signal = true;
            Arm64Exit e = new Arm64Exit();
            e.kind = Arm64Exit.INTERRUPT;
            return e;
        });
        assertThat(c.ioctl(v, TestClient.RUN, 0)).isEqualTo(Errno.EINTR);
        RULES.forEach((register, rules) -> {
            long now = c.get64(v, id(register));
            for (int bit = 0; bit < 64; bit++)
                if (rules.charAt(15 - bit / 4) != 'M')
                    assertThat(c.set64(v, id(register), now ^ 1L << bit))
                            .as("%s bit %d", register, bit)
                            .isNotZero();
            assertThat(c.set64(v, id(register), now)).isZero();
            assertThat(c.get64(v, id(register))).isEqualTo(now);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"neoverse-n1", "max"})
    void before_id_regs_per_vm_only_two_fields_can_be_lowered(String machine) {
        TestClient c = new TestClient(machine, "6.1");
        Vcpu v = c.fullVcpu();
        RULES.forEach((register, rules) -> {
            long now = c.get64(v, id(register));
            for (int bit = 0; bit < 64; bit++) {
                boolean csv = register == SysReg.ID_AA64PFR0_EL1 && bit >= 56;
                if (csv) continue;
                assertThat(c.set64(v, id(register), now ^ 1L << bit))
                        .as("%s bit %d", register, bit)
                        .isEqualTo(Errno.EINVAL);
            }
            assertThat(c.get64(v, id(register))).isEqualTo(now);
        });
    }

    private static final Pattern ONE_UP_OR_DOWN = Pattern.compile(
            "idregs \\| (PSCI02\\S*) FIELDS \\+-1 sysreg s3_0_c0_c(\\d)_(\\d).* accepted:(.*); rejected: the others, all EINVAL");

    /** The next lower and higher value of each field of each ID register, as real kernels answered. */
    @ParameterizedTest
    @ValueSource(strings = {"6.1-vhe", "6.12-vhe", "6.12-nvhe", "6.18-vhe", "7.2-vhe"})
    void a_field_goes_one_up_or_down_where_it_did_on_the_real_kernel(String transcript) throws IOException {
        String machine = "max,sve-max-vq=16" + (transcript.endsWith("nvhe") ? ",nvhe" : "");
        TestClient c = new TestClient(machine, transcript.replaceAll("-.*", ""));
        int registers = 0;
        for (String line : Files.readAllLines(Path.of("../conformance/arm64/transcripts/" + transcript + ".txt"))) {
            Matcher m = ONE_UP_OR_DOWN.matcher(line);
            if (!m.matches()) continue;
            registers++;
            Vcpu v = m.group(1).equals("PSCI02") ? c.vcpu(VcpuFeature.PSCI_0_2) : c.fullVcpu();
            long register = OneReg.ARM64 | OneReg.U64 | (long) OneReg.SYSREG << 16;
            register |= 3 << 14 | Integer.parseInt(m.group(2)) << 3 | Integer.parseInt(m.group(3));
            assertThat(accepted(c, v, register)).as(line).isEqualTo(m.group(4));
        }
        assertThat(registers).isGreaterThan(100);
    }

    private static String accepted(TestClient c, Vcpu v, long register) {
        long now = c.get64(v, register);
        StringBuilder s = new StringBuilder();
        for (int low = 0; low < 64; low += 4)
            for (int by = -1; by < 2; by += 2) {
                long field = now >>> low & 15, wanted = field + by & 15, value = now & ~(15L << low) | wanted << low;
                if (c.set64(v, register, value) != 0) continue;
                s.append(" [%d:%d]%x>%x%s"
                        .formatted(
                                low + 3,
                                low,
                                field,
                                wanted,
                                c.get64(v, register) == value ? "" : "(readback differs)"));
                c.set64(v, register, now);
            }
        return s.isEmpty() ? " none" : s.toString();
    }
}
