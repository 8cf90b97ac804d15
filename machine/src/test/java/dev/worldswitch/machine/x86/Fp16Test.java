package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * AVX512-FP16 on the simulated machine against exact decimal arithmetic, rounded by search among all numbers of half precision: this
 * computer's CPU may lack it. Functions that the other formats have too are compared with a CPU there.
 */
class Fp16Test {
    private static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32, INF = 0x7c00;
    private static final long DATA = 0x20000;
    private static final BigDecimal[] VALUES = new BigDecimal[INF + 1];
    private static final MathContext WIDE = new MathContext(60);
    private final Random random = new Random(5);
    private final Guest g = new Guest().longMode();

    static {
        for (int h = 0; h <= INF; h++) {
            int e = h >> 10, m = h & 0x3ff;
            VALUES[h] = new BigDecimal(e == 0 ? m : m + 1024).multiply(power(Math.max(e, 1) - 25));
        }
    }

    private static BigDecimal power(int e) {
        BigDecimal two = BigDecimal.TWO.pow(Math.abs(e));
        return e < 0 ? BigDecimal.ONE.divide(two) : two;
    }

    /** A result and the flags of MXCSR. */
    private record Answer(long bits, int flags) {}

    Fp16Test() {
        g.state.cr.set(4, g.state.cr.get(4) | X86State.CR4_OSXSAVE | X86State.CR4_OSXMMEXCPT);
        g.cpu.xcr0().set(0xe7);
        g.state.idtLimit.set(0);
    }

    /** {@code op xmm3, xmm1, xmm2}, or with a general register for the one or the other. */
    private Answer run(int map, int pp, int w, int opcode, int imm, long a, long b, long d, int mxcsr) {
        byte[] op = {
            0x62, (byte) (0xf0 | map), (byte) (w << 7 | 14 << 3 | 4 | pp), 8, (byte) opcode, (byte) 0xda, (byte) imm
        };
        return run(HexFormat.of().formatHex(op, 0, imm < 0 ? 6 : 7), a, b, d, mxcsr);
    }

    private Answer run(String op, long a, long b, long d, int mxcsr) {
        // ldmxcsr; vmovups three times; the instruction; stmxcsr; vmovups; mov [rbx+0x60], rax
        String code = "0fae5340 c5f8100b c5f8105310 c5f8105b20" + op + "0fae5b44 c5f8115b50 48894360 f4";
        g.bytes(0x1000, code);
        g.state.gpr.set(3, DATA);
        g.state.gpr.set(2, b);
        g.state.rip.set(0x1000);
        g.put(DATA, a);
        g.put(DATA + 16, b);
        g.put(DATA + 32, d);
        g.put(DATA + 0x40, mxcsr);
        assertThat(g.run().reason).as(op).isEqualTo(X86Exit.HLT);
        return new Answer(g.word(DATA + 0x50), (int) (g.word(DATA + 0x40) >>> 32) & 0x3f);
    }

    private static boolean isNan(int h) {
        return (h & 0x7fff) > INF;
    }

    private static boolean isDenormal(int h) {
        return (h & INF) == 0 && (h & 0x3ff) != 0;
    }

    private static boolean isInfinite(int h) {
        return (h & 0x7fff) == INF;
    }

    private static BigDecimal value(int h) {
        BigDecimal v = VALUES[h & 0x7fff];
        return (h & 0x8000) != 0 ? v.negate() : v;
    }

    private int half() {
        return switch (random.nextInt(5)) {
            case 0 ->
                new int[] {0, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, INF, 0x7e01}[random.nextInt(8)]
                        | random.nextInt(2) << 15;
            case 1 -> 0x3000 + random.nextInt(0x1400) | random.nextInt(2) << 15;
            case 2 -> random.nextInt(0x1000) | random.nextInt(2) << 15;
            default -> random.nextInt(0x10000);
        };
    }

    /** The nearest number of half precision in the direction of MXCSR's mode, and what it tells. */
    private static Answer rounded(BigDecimal v, int mode) {
        int sign = v.signum() < 0 ? 0x8000 : 0, low = 0, high = INF;
        BigDecimal x = v.abs();
        if (x.compareTo(VALUES[INF]) >= 0) low = INF - 1;
        else
            while (high - low > 1) {
                int middle = (low + high) / 2;
                if (VALUES[middle].compareTo(x) <= 0) low = middle;
                else high = middle;
            }
        if (VALUES[low].compareTo(x) == 0) return new Answer(sign | low, 0);
        int side = x.subtract(VALUES[low]).compareTo(VALUES[low + 1].subtract(x));
        boolean up = switch (mode) {
            case 0 -> side > 0 || side == 0 && (low & 1) != 0;
            case 1 -> sign != 0;
            case 2 -> sign == 0;
            default -> false;
        };
        boolean over = x.compareTo(VALUES[INF]) >= 0 || up && low + 1 == INF;
        int r = up ? low + 1 : low;
        // Tiny is what with an exponent of any size would be below the least normal number.
        boolean tiny = x.compareTo(VALUES[0x400]) < 0 && isTiny(x, mode, sign != 0);
        return new Answer(sign | r, PE | (over ? OE : 0) | (tiny ? UE : 0));
    }

    private static boolean isTiny(BigDecimal x, int mode, boolean minus) {
        BigDecimal finest = VALUES[0x400].subtract(power(-25));
        if (x.compareTo(finest) <= 0) return true;
        boolean away = mode == 1 && minus
                || mode == 2 && !minus
                || mode == 0 && x.subtract(finest).compareTo(power(-26)) >= 0;
        return !away;
    }

    private interface Exact {
        BigDecimal of(BigDecimal a, BigDecimal b);
    }

    private void compare(String name, int opcode, Exact f) {
        for (int k = 0; k < 1500; k++) {
            int a = half(), b = half(), mode = random.nextInt(4), daz = random.nextBoolean() ? 0x8040 : 0;
            Answer want = expected(name, a, b, mode, f);
            Answer got = run(5, 2, 0, opcode, -1, a, b, 0, 0x1f80 | mode << 13 | daz);
            assertThat(new Answer(got.bits & 0xffff, got.flags))
                    .as("%s %04x %04x mode %d: %04x", name, a, b, mode, got.bits)
                    .isEqualTo(want);
        }
    }

    private static Answer expected(String name, int a, int b, int mode, Exact f) {
        boolean root = name.equals("sqrt");
        if (root) a = b;
        int invalid = isNan(a) && (a & 0x200) == 0 || isNan(b) && (b & 0x200) == 0 ? IE : 0;
        if (isNan(a) || isNan(b)) return new Answer((isNan(a) ? a : b) | 0x200, invalid);
        int de = isDenormal(a) || isDenormal(b) ? DE : 0, sign = (a ^ b) & 0x8000;
        boolean ai = isInfinite(a), bi = isInfinite(b), az = (a & 0x7fff) == 0, bz = (b & 0x7fff) == 0;
        Answer nan = new Answer(0xfe00, IE);
        switch (name) {
            case "add", "sub" -> {
                int c = name.equals("sub") ? b ^ 0x8000 : b;
                if (ai && bi) return a == c ? new Answer(a, 0) : nan;
                if (ai || bi) return new Answer(ai ? a : c, de);
                if (value(a).add(value(c)).signum() == 0)
                    return new Answer(az && bz && a == c ? a : mode == 1 ? 0x8000 : 0, de);
            }
            case "mul" -> {
                if (ai || bi) return az || bz ? nan : new Answer(sign | INF, de);
                if (az || bz) return new Answer(sign, de);
            }
            case "div" -> {
                if (ai) return bi ? nan : new Answer(sign | INF, de);
                if (bi) return new Answer(sign, de);
                if (bz) return az ? nan : new Answer(sign | INF, ZE);
                if (az) return new Answer(sign, de);
            }
            default -> {
                if (bz) return new Answer(b, 0);
                if ((b & 0x8000) != 0) return nan;
                if (bi) return new Answer(b, 0);
            }
        }
        Answer r = rounded(f.of(value(a), value(b)), mode);
        return new Answer(r.bits, r.flags | de);
    }

    @Test
    void arithmetic_is_exact_arithmetic_rounded_once() {
        compare("add", 0x58, BigDecimal::add);
        compare("sub", 0x5c, BigDecimal::subtract);
        compare("mul", 0x59, BigDecimal::multiply);
        compare("div", 0x5e, (a, b) -> a.divide(b, WIDE));
        compare("sqrt", 0x51, (a, b) -> b.sqrt(WIDE));
    }

    @Test
    void fused_multiplication_and_addition_rounds_once() {
        for (int k = 0; k < 1500; k++) {
            int a = half() & 0xbfff, b = half() & 0xbfff, d = half() & 0xbfff, mode = random.nextInt(4);
            // vfmadd213sh: xmm1 * xmm3 + xmm2
            BigDecimal exact = value(a).multiply(value(d)).add(value(b));
            if (exact.signum() == 0) continue;
            Answer want = rounded(exact, mode);
            int de = isDenormal(a) || isDenormal(b) || isDenormal(d) ? DE : 0;
            Answer got = run(6, 1, 0, 0xa9, -1, a, b, d, 0x1f80 | mode << 13);
            assertThat(new Answer(got.bits & 0xffff, got.flags))
                    .as("%04x %04x %04x mode %d", a, b, d, mode)
                    .isEqualTo(new Answer(want.bits, want.flags | de));
        }
    }

    @Test
    void complex_products_are_of_four_products() {
        for (int k = 0; k < 500; k++) {
            int[] x = new int[4];
            for (int j = 0; j < 4; j++) x[j] = 0x3800 + random.nextInt(0x1000) | random.nextInt(2) << 15;
            // vfmulcsh xmm3, xmm1, xmm2
            Answer got = run(6, 2, 0, 0xd7, -1, x[0] | x[1] << 16, x[2] | x[3] << 16, 0, 0x1f80);
            BigDecimal re = value((int) rounded(value(x[0]).multiply(value(x[2])), 0).bits);
            BigDecimal im = value((int) rounded(value(x[1]).multiply(value(x[2])), 0).bits);
            long wantRe = rounded(re.subtract(value(x[1]).multiply(value(x[3]))), 0).bits;
            long wantIm = rounded(im.add(value(x[0]).multiply(value(x[3]))), 0).bits;
            assertThat(got.bits & 0xffffffffL).isEqualTo(wantRe | wantIm << 16);
        }
    }

    @Test
    void every_half_becomes_single_and_double_and_comes_back() {
        for (int h = 0; h < 0x10000; h += 7) {
            Answer s = run(6, 0, 0, 0x13, -1, 0, h, 0, 0x9fc0), d = run(5, 2, 0, 0x5a, -1, 0, h, 0, 0x9fc0);
            int flags = isNan(h) ? (h & 0x200) == 0 ? IE : 0 : isDenormal(h) ? DE : 0;
            assertThat(s.flags).as("%04x", h).isEqualTo(flags);
            assertThat(d.flags).isEqualTo(flags);
            assertThat((int) s.bits).isEqualTo(Float.floatToRawIntBits(Float.float16ToFloat((short) h)));
            if (!isNan(h))
                assertThat(Double.longBitsToDouble(d.bits)).isEqualTo((double) Float.float16ToFloat((short) h));
            Answer back = run(5, 0, 0, 0x1d, -1, 0, s.bits & 0xffffffffL, 0, 0x1f80);
            assertThat(back.bits & 0xffff).isEqualTo(isNan(h) ? h | 0x200 : h);
        }
    }

    @Test
    void singles_and_doubles_round_to_half_precision() {
        for (int k = 0; k < 2000; k++) {
            double v = random.nextGaussian() * Math.pow(2, random.nextInt(50) - 30);
            int mode = random.nextInt(4), mx = 0x1f80 | mode << 13 | 0x8000;
            Answer want = rounded(new BigDecimal(v), mode);
            Answer got = run(5, 3, 1, 0x5a, -1, 0, Double.doubleToRawLongBits(v), 0, mx);
            assertThat(new Answer(got.bits & 0xffff, got.flags)).isEqualTo(want);
            float s = (float) v;
            Answer single = run(5, 0, 0, 0x1d, -1, 0, Float.floatToRawIntBits(s) & 0xffffffffL, 0, mx);
            assertThat(new Answer(single.bits & 0xffff, single.flags)).isEqualTo(rounded(new BigDecimal(s), mode));
        }
    }

    @Test
    void integers_come_and_go() {
        for (int k = 0; k < 1500; k++) {
            int h = half(), mode = random.nextInt(4);
            RoundingMode m = new RoundingMode[] {
                        RoundingMode.HALF_EVEN, RoundingMode.FLOOR, RoundingMode.CEILING, RoundingMode.DOWN
                    }
                    [mode];
            boolean number = !isNan(h) && !isInfinite(h);
            BigInteger n = number ? value(h).setScale(0, m).toBigInteger() : BigInteger.ZERO;
            int inexact = number && new BigDecimal(n).compareTo(value(h)) != 0 ? PE : 0;
            // vcvtsh2si eax, xmm2; vcvtsh2usi eax, xmm2
            run("62f57e082dc2", 0, h, 0, 0x1f80 | mode << 13);
            long signed = g.word(DATA + 0x60);
            int flags = (int) (g.word(DATA + 0x40) >>> 32) & 0x3f;
            assertThat(signed).isEqualTo(number ? n.intValue() & 0xffffffffL : 0x80000000L);
            assertThat(flags).isEqualTo(number ? inexact : IE);
            run("62f57e0879c2", 0, h, 0, 0x1f80 | mode << 13);
            boolean fits = number && n.signum() >= 0;
            assertThat(g.word(DATA + 0x60)).isEqualTo(fits ? n.longValue() : 0xffffffffL);
            // vcvtsi2sh xmm3, xmm1, rdx
            long v = random.nextLong() >> random.nextInt(64);
            Answer from = run("62f5f6082ada", 0, v, 0, 0x1f80 | mode << 13);
            assertThat(new Answer(from.bits & 0xffff, from.flags)).isEqualTo(rounded(new BigDecimal(v), mode));
        }
    }

    @Test
    void all_elements_do_what_the_lowest_does_and_the_opmask_chooses() {
        // kmovd k1, [rbx+0x180]; vmovups zmm1, [rbx]; zmm2, [rbx+0x40]; zmm3, [rbx+0x80]; vmulph zmm3{k1}, zmm1, zmm2;
        // store
        g.bytes(0x1000, "c4e1f9908b80010000 62f17c48100b 62f17c48105301 62f17c48105b02 62f5744959da 62f17c48115b03 f4");
        for (int k = 0; k < 96; k++)
            g.ram.set(java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED, DATA + 2 * k, (short)
                    (0x3000 + random.nextInt(0x1800)));
        int mask = 0x5a3cf00f;
        g.put(DATA + 0x180, mask);
        XsaveInstructions.setMxcsr(g.m.fp, 0x1f80);
        g.state.gpr.set(3, DATA);
        g.state.rip.set(0x1000);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        for (int k = 0; k < 32; k++) {
            int a = at(k), b = at(32 + k), old = at(64 + k), is = at(96 + k);
            assertThat(is).isEqualTo((mask >> k & 1) != 0 ? (int) rounded(value(a).multiply(value(b)), 0).bits : old);
        }
    }

    private int at(int element) {
        return g.ram.get(java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED, DATA + 2L * element) & 0xffff;
    }

    @Test
    void reciprocals_are_the_nearest_numbers() {
        for (int h = 1; h < INF; h += 13) {
            assertThat(Fp16Table.reciprocal(h).bits())
                    .isEqualTo(rounded(BigDecimal.ONE.divide(value(h), WIDE), 0).bits);
            assertThat(Fp16Table.inverseRoot(h).bits())
                    .isEqualTo(rounded(BigDecimal.ONE.divide(value(h).sqrt(WIDE), WIDE), 0).bits);
        }
    }

    @Test
    void dot_products_of_avx_are_those_of_avx_512() {
        for (int op = 0x50; op <= 0x53; op++)
            for (int k = 0; k < 200; k++) {
                long a = random.nextLong(),
                        b = random.nextLong(),
                        d = random.nextBoolean() ? 0x7fffffff80000000L : random.nextLong();
                String byte5 = String.format("%02xda", op);
                assertThat(run("c4e271" + byte5, a, b, d, 0x1f80)).isEqualTo(run("62f27508" + byte5, a, b, d, 0x1f80));
            }
    }
}
