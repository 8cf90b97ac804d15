package dev.worldswitch.machine.arm64;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class A64AgainstQemuTest {
    private static final long SEED = Long.getLong("a64.seed", 20261121);
    private static final int CASES = Integer.getInteger("a64.cases", 12);

    /** More with {@code -Da64.cases=N -Da64.seed=N}. */
    @Test
    void every_row_of_the_operand_table_does_what_qemu_does() throws Exception {
        compare(0, false, CASES);
    }

    @Test
    void every_row_does_the_same_translated() throws Exception {
        compare(0, true, (CASES + 3) / 4);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 16})
    void every_sve_row_does_what_qemu_does_at_a_vector_length_of_quadwords(int vq) throws Exception {
        compare(vq, false, (CASES + 1) / 2);
    }

    @Test
    void every_sve_row_does_the_same_translated() throws Exception {
        compare(2, true, 1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void memory_copy_and_set_do_what_a_newer_qemu_does(boolean translated) throws Exception {
        try (QemuUser qemu = new QemuUser(QemuUser.newer(), "max,sve=off,sme=off", 1)) {
            UserCpu ours = new UserCpu("max,mops=on", false, translated);
            assertThat(A64Comparison.differences(qemu, ours, SEED, 30 * CASES, A64Comparison.MOPS, 20))
                    .as("seed " + SEED)
                    .isEmpty();
        } catch (IOException e) {
            assumeTrue(false, "nothing to compare with: " + e.getMessage());
        }
    }

    /** With {@code vq} 0 the rows without SVE. */
    private static void compare(int vq, boolean translated, int cases) throws Exception {
        try (QemuUser qemu = vq == 0 ? new QemuUser("max,sve=off,sme=off", 1) : QemuUser.sve(vq)) {
            UserCpu ours = new UserCpu(vq == 0 ? "max" : "max,sve-max-vq=" + vq, vq != 0, translated);
            assertThat(A64Comparison.differences(qemu, ours, SEED, cases, ".*", 20))
                    .as("seed " + SEED)
                    .isEmpty();
        } catch (IOException e) {
            assumeTrue(false, "nothing to compare with: " + e.getMessage());
        }
    }

    /** Vector lengths of 0 stand for Advanced SIMD and floating point without SVE. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void a_word_is_undefined_exactly_where_qemu_says_so(int vq) throws Exception {
        try (QemuUser qemu = vq == 0 ? new QemuUser("max,sve=off,sme=off", 1) : QemuUser.sve(vq)) {
            UserCpu ours = new UserCpu(vq == 0 ? "max" : "max,sve-max-vq=" + vq, vq != 0, false);
            assertThat(A64Comparison.undefined(qemu, ours, SEED, 500 * CASES, 20))
                    .as("seed " + SEED)
                    .isEmpty();
        } catch (IOException e) {
            assumeTrue(false, "nothing to compare with: " + e.getMessage());
        }
    }

    @Test
    void every_word_decodes_or_is_undefined() {
        boolean[] all = A64Table.features(Arm64Profile.builtIn("max"));
        SplittableRandom random = new SplittableRandom(SEED);
        for (int n = 0; n < 2_000_000; n++) {
            int w = random.nextInt();
            if (A64Table.decode(w, 0x1000, all).word != w) throw new AssertionError(Integer.toHexString(w));
        }
    }

    @Test
    void every_trap_row_names_a_register() {
        assertThat(SysTraps.unused()).isEmpty();
    }
}
