package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** RCPPS, RSQRTPS, VRCP14PS and the like against this computer's CPU: as near as both promise to be to the exact result. */
class ApproximationsTest {
    private static final long BASE = RowCases.BASE;
    private final Random random = new Random(7);

    static boolean compares(Row r) {
        return r.mnemonic().matches("V?(RCP|RSQRT)(14)?[PS][SD]");
    }

    private record Form(String code, int width, double error) {}

    /** From [rbx] to [rbx+0x40]: the low elements count. */
    private static final Form[] FORMS = {
        new Form("0f53c8", 32, 0x1.8p-11),
        new Form("f30f53c8", 32, 0x1.8p-11),
        new Form("0f52c8", 32, 0x1.8p-11),
        new Form("f30f52c8", 32, 0x1.8p-11),
        new Form("c5f853c8", 32, 0x1.8p-11),
        new Form("c5fa53c8", 32, 0x1.8p-11),
        new Form("c5f852c8", 32, 0x1.8p-11),
        new Form("c5fa52c8", 32, 0x1.8p-11),
        new Form("62f27d484cc8", 32, 0x1p-13),
        new Form("62f27d084dc8", 32, 0x1p-13),
        new Form("62f2fd484cc8", 64, 0x1p-13),
        new Form("62f2fd084dc8", 64, 0x1p-13),
        new Form("62f27d484ec8", 32, 0x1p-13),
        new Form("62f27d084fc8", 32, 0x1p-13),
        new Form("62f2fd484ec8", 64, 0x1p-13),
        new Form("62f2fd084fc8", 64, 0x1p-13)
    };

    @Test
    void results_are_as_near_as_the_manual_promises() throws Exception {
        List<String> differences = new ArrayList<>();
        try (NativeCpu cpu = new NativeCpu()) {
            NativeComparison here = new NativeComparison(Integer.MAX_VALUE);
            for (Form f : FORMS) {
                List<NativeCpu.Case> cases = new ArrayList<>();
                for (int k = 0; k < NativeCpu.BATCH; k++) cases.add(next(f));
                List<NativeCpu.Result> want = cpu.run(cases);
                for (int k = 0; k < cases.size(); k++) {
                    // This computer may lack AVX-512.
                    if (want.get(k).signal() == 4) continue;
                    assertThat(want.get(k).signal()).isZero();
                    compare(f, cases.get(k), want.get(k).data(), here.after(cases.get(k)), differences);
                }
            }
        } catch (IOException e) {
            assumeTrue(false, "no native CPU to compare with: " + e.getMessage());
        }
        assertThat(differences).isEmpty();
    }

    private NativeCpu.Case next(Form f) {
        long[] special = f.width == 32
                ? new long[] {
                    0, 0x7f800000L, 0x7fc00001L, 0x7f800001L, 1, 0x7fffff, 0x800000, 0x7f7fffff, 0x200000, 0x3f800000
                }
                : new long[] {
                    0,
                    0x7ffL << 52,
                    0x7ff8000000000001L,
                    0x7ff0000000000001L,
                    1,
                    1L << 52,
                    0x7fefffffffffffffL,
                    1L << 50
                };
        int wide = f.width == 32 ? 254 : 2046, shift = f.width == 32 ? 23 : 52;
        long v = (1L + random.nextInt(wide)) << shift | random.nextLong() & (1L << shift) - 1;
        if (random.nextInt(4) == 0) v = special[random.nextInt(special.length)];
        v |= (random.nextInt(4) == 0 ? 1L : 0) << f.width - 1;
        // ldmxcsr [rbx+0x20]; movups xmm0, [rbx]; movups xmm1, [rbx+0x10]; the instruction; movups [rbx+0x40], xmm1;
        // stmxcsr
        byte[] code = HexFormat.of().parseHex("0fae5320" + "0f1003" + "0f104b10" + f.code + "0f114b40" + "0fae5b60");
        ByteBuffer data = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
        data.putLong(128, v).putInt(160, 0x1f80 | (random.nextInt(3) == 0 ? 0x8040 : 0));
        long[] gpr = new long[16];
        gpr[3] = BASE;
        gpr[4] = BASE;
        return new NativeCpu.Case(code, gpr, 2, data.array());
    }

    private static void compare(Form f, NativeCpu.Case c, byte[] want, byte[] got, List<String> differences) {
        ByteBuffer a = ByteBuffer.wrap(want).order(ByteOrder.LITTLE_ENDIAN),
                b = ByteBuffer.wrap(got).order(ByteOrder.LITTLE_ENDIAN);
        double x = f.width == 32 ? a.getFloat(192) : a.getDouble(192),
                y = f.width == 32 ? b.getFloat(192) : b.getDouble(192);
        long p = f.width == 32 ? a.getInt(192) : a.getLong(192), q = f.width == 32 ? b.getInt(192) : b.getLong(192);
        // At the ends of the range an approximation is denormal.
        boolean small = Math.abs(y) < (f.width == 32 ? Float.MIN_NORMAL : Double.MIN_NORMAL);
        double allowed = f.error * (small ? 16 : 1);
        boolean near = p == q || Math.abs(x / y - 1) <= allowed;
        if (near && a.getInt(224) == b.getInt(224)) return;
        long in = ByteBuffer.wrap(c.data()).order(ByteOrder.LITTLE_ENDIAN).getLong(128);
        differences.add(String.format(
                "%s of %x native %x here %x mxcsr %x %x", f.code, in, p, q, a.getInt(224), b.getInt(224)));
    }
}
