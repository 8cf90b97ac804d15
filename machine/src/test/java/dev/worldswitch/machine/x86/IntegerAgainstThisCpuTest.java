package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class IntegerAgainstThisCpuTest {
    private static final long SEED = Long.getLong("semantics.seed", 20261121);
    private static final int CASES = Integer.getInteger("semantics.cases", 10000);

    @Test
    void random_integer_sequences_give_what_the_cpu_of_this_computer_gives() throws Exception {
        try (NativeCpu cpu = new NativeCpu()) {
            assertThat(firstDifference(cpu, SEED, CASES, Integer.MAX_VALUE))
                    .as("seed " + SEED)
                    .isEmpty();
        } catch (IOException e) {
            assumeTrue(false, "no native CPU to compare with: " + e.getMessage());
        }
    }

    @Test
    void translated_sequences_give_what_the_cpu_of_this_computer_gives() throws Exception {
        try (NativeCpu cpu = new NativeCpu()) {
            assertThat(firstDifference(cpu, SEED + 1, CASES / 10, 1))
                    .as("seed " + (SEED + 1))
                    .isEmpty();
        } catch (IOException e) {
            assumeTrue(false, "no native CPU to compare with: " + e.getMessage());
        }
    }

    /** A description of the first case that differs, or nothing. */
    static String firstDifference(NativeCpu cpu, long seed, int cases, int threshold) throws IOException {
        IntegerCases gen = new IntegerCases(seed);
        NativeComparison here = new NativeComparison(threshold);
        for (int n = 0; n < cases; ) {
            List<NativeCpu.Case> batch = new ArrayList<>();
            List<Integer> undefined = new ArrayList<>();
            for (int k = 0; k < NativeCpu.BATCH && n + k < cases; k++) {
                batch.add(gen.next());
                undefined.add(gen.undefined);
            }
            List<NativeCpu.Result> want = cpu.run(batch);
            for (int k = 0; k < batch.size(); k++, n++) {
                String d = here.difference(batch.get(k), undefined.get(k), want.get(k));
                if (!d.isEmpty()) return "case " + n + " " + d;
            }
        }
        return "";
    }
}
