package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** FSIN and the like against this computer's CPU: within one unit of the last place, which is what processors promise. */
class X87FunctionsAgainstThisCpuTest {
    private static final long BASE = RowCases.BASE, SEED = Long.getLong("rows.seed", 20261121);
    private static final int SAMPLES = Integer.getInteger("rows.samples", 200);
    private final Random random = new Random(SEED);

    /** Packed decimal numbers are exact and compared with all other rows. */
    static boolean compares(Row r) {
        return new X87FunctionTable()
                .rows().stream()
                        .anyMatch(o -> o.encoding().equals(r.encoding())
                                && !r.mnemonic().startsWith("FB"));
    }

    @Test
    void results_are_within_one_unit_of_the_last_place() throws Exception {
        try (NativeCpu cpu = new NativeCpu()) {
            NativeComparison here = new NativeComparison(Integer.MAX_VALUE);
            List<String> differences = new ArrayList<>();
            for (Row r : new X87FunctionTable().rows()) {
                if (!compares(r)) continue;
                List<NativeCpu.Case> cases = new ArrayList<>();
                for (int k = 0; k < SAMPLES; k++) cases.add(next(r));
                for (int k = 0; k < SAMPLES; k += NativeCpu.BATCH) {
                    List<NativeCpu.Case> batch = cases.subList(k, Math.min(SAMPLES, k + NativeCpu.BATCH));
                    List<NativeCpu.Result> want = cpu.run(batch);
                    for (int n = 0; n < batch.size(); n++)
                        compare(r, batch.get(n), want.get(n), here.after(batch.get(n)), differences);
                }
            }
            assertThat(differences).as("seed " + SEED).isEmpty();
        } catch (IOException e) {
            assumeTrue(false, "no native CPU to compare with: " + e.getMessage());
        }
    }

    private NativeCpu.Case next(Row r) {
        ByteBuffer data = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
        for (int k = 0; k < 2; k++) {
            int[] special = {0, 0x7fff};
            int exponent = 16383
                    + random.nextInt(r.mnemonic().startsWith("F2XM1") ? 6 : 66)
                    - (random.nextInt(3) == 0 ? 100 : 4);
            // Above one FYL2XP1 and F2XM1 promise nothing; large angles differ by the length of pi.
            if (r.mnemonic().matches("F2XM1|FYL2XP1")) exponent = Math.min(exponent, k == 1 ? 16381 : 16390);
            if (random.nextInt(6) == 0) exponent = special[random.nextInt(2)];
            long mantissa = random.nextLong() | Long.MIN_VALUE;
            if (random.nextInt(6) == 0) mantissa = Long.MIN_VALUE;
            if (exponent == 0) mantissa = 0;
            data.putLong(128 - 48 + 10 * k, mantissa)
                    .putShort(128 - 40 + 10 * k, (short) (random.nextInt(2) << 15 | exponent));
        }
        String[] words = r.encoding().split(" ");
        int opcode = 0xc0 | (words[1].charAt(1) - '0') << 3 | words[3].charAt(1) - '0';
        byte[] code = {
            (byte) 0xdb,
            (byte) 0xe3,
            (byte) 0xdb,
            0x6b,
            (byte) 0xd0,
            (byte) 0xdb,
            0x6b,
            (byte) 0xda,
            (byte) 0xd9,
            (byte) opcode,
            (byte) 0xdd,
            0x7b,
            0x40,
            (byte) 0xdb,
            0x7b,
            0x48,
            (byte) 0xdb,
            0x7b,
            0x58
        };
        long[] gpr = new long[16];
        gpr[3] = BASE;
        gpr[4] = BASE;
        return new NativeCpu.Case(code, gpr, 2, data.array());
    }

    private static void compare(Row r, NativeCpu.Case c, NativeCpu.Result want, byte[] got, List<String> differences) {
        ByteBuffer a = ByteBuffer.wrap(want.data()).order(ByteOrder.LITTLE_ENDIAN),
                b = ByteBuffer.wrap(got).order(ByteOrder.LITTLE_ENDIAN);
        StringBuilder bad = new StringBuilder();
        for (int at : new int[] {128 + 0x48, 128 + 0x58}) {
            int ha = a.getShort(at + 8) & 0xffff, hb = b.getShort(at + 8) & 0xffff;
            long la = a.getLong(at), lb = b.getLong(at);
            BigInteger d = ordinal(ha, la).subtract(ordinal(hb, lb)).abs();
            if (d.compareTo(BigInteger.ONE) > 0)
                bad.append(String.format(" %d: native %04x %016x here %04x %016x", at, ha, la, hb, lb));
        }
        // C1 goes with the rounding; C0 and C3 are undefined.
        int fa = a.getShort(192) & 0x3c5f, fb = b.getShort(192) & 0x3c5f;
        if (fa != fb) bad.append(String.format(" status native %04x here %04x", fa, fb));
        if (bad.isEmpty()) return;
        ByteBuffer in = ByteBuffer.wrap(c.data()).order(ByteOrder.LITTLE_ENDIAN);
        for (int k = 0; k < 2; k++)
            bad.append(String.format(" in %04x %016x", in.getShort(88 + 10 * k) & 0xffff, in.getLong(80 + 10 * k)));
        differences.add(r.mnemonic() + bad);
    }

    /** Its place among all numbers. */
    private static BigInteger ordinal(int high, long low) {
        BigInteger n = BigInteger.valueOf(high & 0x7fff).shiftLeft(63).add(BigInteger.valueOf(low & Long.MAX_VALUE));
        return high > 0x7fff ? n.negate() : n;
    }
}
