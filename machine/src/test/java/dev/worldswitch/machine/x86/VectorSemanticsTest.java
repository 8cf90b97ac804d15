package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every row of the vector tables against this computer's own CPU, with random operands. */
class VectorSemanticsTest {
    private static final int STATE = 256, MEM = 128, CODE = 240, GUEST_MEM = 0x20000;
    private static final long FLAGS = 0x8d5;
    private static final int SAMPLES = Integer.getInteger("vector.samples", 40);
    private static final long SEED = Long.getLong("vector.seed", 1);

    static final List<OpTableSource> TABLES = List.of(
            new SseTable(), new SseFloatTable(), new Sse42Table(), new AvxTable(), new Avx2Table(), new FmaTable());

    private final Random random = new Random(SEED);
    private final Map<String, Integer> compared = new TreeMap<>();
    private final List<String> differences = new ArrayList<>();

    @Test
    void every_row_does_what_this_computer_does(@TempDir Path dir) throws Exception {
        Path source = Path.of("..", "native", "semantics-vector.c");
        assumeTrue(System.getProperty("os.arch").equals("amd64") && Files.exists(source));
        assumeTrue(Files.exists(Path.of("/proc/cpuinfo"))
                && Files.readString(Path.of("/proc/cpuinfo")).contains(" avx2 "));
        File helper = dir.resolve("semantics-vector").toFile();
        int built = new ProcessBuilder("cc", "-O1", "-mavx", "-o", helper.getPath(), source.toString())
                .inheritIO()
                .start()
                .waitFor();
        assumeTrue(built == 0);

        List<byte[]> cases = new ArrayList<>();
        List<Row> of = new ArrayList<>();
        List<Row> rows = new ArrayList<>();
        for (OpTableSource t : TABLES) rows.addAll(t.rows());
        rows.removeIf(ApproximationsTest::compares);
        for (Row r : rows) {
            if (r.mnemonic().endsWith("MASKMOVDQU")) continue;
            for (int k = 0; k < SAMPLES; k++) {
                cases.add(randomCase(r));
                of.add(r);
            }
        }
        Process p = new ProcessBuilder(helper.getPath())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Thread writer = new Thread(() -> {
            try (OutputStream out = new BufferedOutputStream(p.getOutputStream())) {
                for (byte[] c : cases) out.write(c);
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        writer.start();
        Guest guest = new Guest().longMode();
        guest.state.cr.set(4, guest.state.cr.get(4) | X86State.CR4_OSXSAVE | X86State.CR4_OSXMMEXCPT);
        guest.cpu.xcr0().set(0xe7);
        try (InputStream in = new BufferedInputStream(p.getInputStream())) {
            for (int k = 0; k < cases.size(); k++) compare(guest, of.get(k), cases.get(k), in.readNBytes(STATE));
        }
        writer.join();
        assertThat(differences).as("seed %d, %d cases", SEED, cases.size()).isEmpty();
        List<String> never = rows.stream()
                .map(r -> r.mnemonic() + " " + r.encoding())
                .filter(n -> !n.contains("MASKMOVDQU") && !compared.containsKey(n))
                .toList();
        assertThat(never).as("rows that this computer refused always").isEmpty();
    }

    private void compare(Guest guest, Row row, byte[] given, byte[] real) {
        ByteBuffer in = little(given), want = little(real);
        long[] fp = guest.cpu.fpregs().raw();
        for (int r = 0; r < 4; r++)
            for (int w = 0; w < 4; w++)
                fp[(w < 2 ? VecOp.XMM : VecOp.YMM_HI - 2) + 2 * r + w] = in.getLong(32 * r + 8 * w);
        fp[VecOp.BV] = 7;
        XsaveInstructions.setMxcsr(fp, (int) in.getLong(216));
        for (int w = 0; w < 8; w++) guest.put(GUEST_MEM + 8 * w, in.getLong(MEM + 8 * w));
        guest.state.gpr.set(0, in.getLong(192));
        guest.state.gpr.set(1, in.getLong(200));
        // A length, natively the address of the code: more than there are elements.
        guest.state.gpr.set(2, 0x7f0055550000L);
        guest.state.gpr.set(6, GUEST_MEM);
        guest.state.rflags.set(in.getLong(208));
        guest.state.rip.set(0x1000);
        for (int k = 0; k < given[CODE]; k++)
            guest.ram.set(java.lang.foreign.ValueLayout.JAVA_BYTE, 0x1000 + k, given[CODE + 1 + k]);
        guest.ram.set(java.lang.foreign.ValueLayout.JAVA_BYTE, 0x1000 + given[CODE], (byte) 0xf4);
        guest.m.flushBlocks();
        X86Exit exit = guest.run();
        long signal = want.getLong(224);
        // SIGILL comes from fields that must be 1111 or forms that do not exist: what this machine does is not
        // compared.
        if (signal == 4) return;
        String name = row.mnemonic() + " " + row.encoding();
        compared.merge(name, 1, Integer::sum);
        StringBuilder bad = new StringBuilder();
        boolean faulted = exit.reason != X86Exit.HLT;
        if (faulted != (signal != 0))
            bad.append(" exit ").append(exit.name()).append(" signal ").append(signal);
        if (!faulted && signal == 0) {
            for (int r = 0; r < 4; r++)
                for (int w = 0; w < 4; w++) {
                    long is = fp[(w < 2 ? VecOp.XMM : VecOp.YMM_HI - 2) + 2 * r + w];
                    check(bad, "ymm" + r + "." + w, is, want.getLong(32 * r + 8 * w));
                }
            for (int w = 0; w < 8; w++) check(bad, "mem" + w, guest.word(GUEST_MEM + 8 * w), want.getLong(MEM + 8 * w));
            check(bad, "rax", guest.state.gpr.get(0), want.getLong(192));
            check(bad, "rcx", guest.state.gpr.get(1), want.getLong(200));
            check(bad, "flags", guest.state.rflags.get() & FLAGS, want.getLong(208) & FLAGS);
            check(bad, "mxcsr", XsaveInstructions.mxcsr(fp), want.getLong(216));
        }
        if (bad.length() == 0 || differences.size() > 400) return;
        StringBuilder hex = new StringBuilder();
        for (int k = 0; k < given[CODE]; k++) hex.append(String.format("%02x ", given[CODE + 1 + k]));
        for (int r = 0; r < 4; r++)
            hex.append(String.format(" y%d=%x:%x", r, in.getLong(32 * r + 8), in.getLong(32 * r)));
        hex.append(String.format(" mem=%x:%x mxcsr=%x", in.getLong(MEM + 8), in.getLong(MEM), in.getLong(216)));
        differences.add(name + " [" + hex + "]" + bad);
    }

    private static void check(StringBuilder bad, String what, long is, long want) {
        if (is != want) bad.append(String.format(" %s=%x want %x", what, is, want));
    }

    private static ByteBuffer little(byte[] b) {
        return ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN);
    }

    private byte[] randomCase(Row row) {
        byte[] c = new byte[STATE];
        ByteBuffer b = little(c);
        for (int w = 0; w < 24; w++) b.putLong(8 * w, value());
        boolean gather = row.operands().endsWith("X");
        int index = random.nextInt(4), width = row.mnemonic().contains("HERD") ? 32 : 64;
        for (int w = 0; gather && w < 4; w++)
            b.putLong(32 * index + 8 * w, random.nextInt(6) | (width == 32 ? (long) random.nextInt(6) << 32 : 0));
        boolean length = row.mnemonic().contains("ESTR") && random.nextInt(4) != 0;
        b.putLong(192, length ? random.nextInt(40) - 20 : random.nextLong());
        b.putLong(200, random.nextLong() >> random.nextInt(64));
        b.putLong(208, 0x202 | random.nextLong() & FLAGS);
        int modes =
                random.nextInt(3) == 0 ? random.nextInt(4) << 13 | random.nextInt(2) << 6 | random.nextInt(2) << 15 : 0;
        b.putLong(216, 0x1f80 | modes | (random.nextBoolean() ? 0 : 0x20));
        byte[] code = encode(row, index);
        c[CODE] = (byte) code.length;
        System.arraycopy(code, 0, c, CODE + 1, code.length);
        return c;
    }

    private static final long[] DOUBLES = {
        0,
        1L << 63,
        0x3ff0000000000000L,
        0x7ff0000000000000L,
        0xfff0000000000000L,
        0x7ff8000000000123L,
        0x7ff0000000000456L,
        1,
        0x000fffffffffffffL,
        0x0010000000000000L,
        0x7fefffffffffffffL,
        0x41e0000000000000L,
        0xc1e0000000000000L,
        0x43e0000000000000L,
        0x3fe0000000000000L,
        0x4004000000000000L,
        0x41dfffffffe00000L,
        0x3690000000000000L
    };
    private static final int[] FLOATS = {
        0,
        1 << 31,
        0x3f800000,
        0x7f800000,
        0xff800000,
        0x7fc00123,
        0x7f800456,
        1,
        0x007fffff,
        0x00800000,
        0x7f7fffff,
        0x4f000000,
        0xcf000000,
        0x5f000000,
        0x3f000000,
        0x40200000,
        0x4effffff
    };

    private long value() {
        return switch (random.nextInt(9)) {
            case 0 -> DOUBLES[random.nextInt(DOUBLES.length)];
            case 1 ->
                FLOATS[random.nextInt(FLOATS.length)] & 0xffffffffL
                        | (long) FLOATS[random.nextInt(FLOATS.length)] << 32;
            case 2 -> Double.doubleToRawLongBits(random.nextGaussian() * 1000);
            case 3 -> Double.doubleToRawLongBits(random.nextInt(100) - 50);
            case 4 ->
                Float.floatToRawIntBits((float) random.nextGaussian()) & 0xffffffffL
                        | (long) Float.floatToRawIntBits(random.nextInt(100) - 50) << 32;
            case 5 -> random.nextLong() & random.nextLong() & 0xff;
            case 6 -> random.nextLong() & 0x800fffffffffffffL | (long) random.nextInt(120) << 52;
            case 7 ->
                random.nextLong() & 0x807fffff807fffffL
                        | (long) random.nextInt(30) << 23
                        | (long) (random.nextInt(60) + 195) << 55;
            default -> random.nextLong();
        };
    }

    /** Bytes of an instruction of this row: registers 0 to 3, RAX, RCX, or memory at RSI. */
    private byte[] encode(Row row, int index) {
        String[] words = row.encoding().split(" ");
        List<Integer> code = new ArrayList<>();
        int digit = -1, mod = -1;
        for (String w : words) {
            if (w.matches("/[0-7]")) digit = w.charAt(1) - '0';
            if (w.equals("mem")) mod = 0;
            if (w.equals("reg")) mod = 3;
        }
        boolean generalReg = row.operands().contains("G"),
                generalRm = row.operands().matches("(V,|.*,)?E.*");
        String map = "0F", pp = "NP";
        if (words[0].startsWith("VEX")) {
            int w = random.nextInt(2), l = random.nextInt(2);
            for (String p : words[0].split("\\.")) {
                switch (p) {
                    case "128", "LZ", "L0" -> l = 0;
                    case "256", "L1" -> l = 1;
                    case "W0" -> w = 0;
                    case "W1" -> w = 1;
                    case "NP", "66", "F3", "F2" -> pp = p;
                    case "0F", "0F38", "0F3A" -> map = p;
                    default -> {}
                }
            }
            int vvvv = random.nextInt(3) == 0 ? 0 : random.nextInt(4);
            code.add(0xc4);
            code.add(0xe0 | (map.equals("0F") ? 1 : map.equals("0F38") ? 2 : 3));
            code.add(w << 7
                    | (~vvvv & 15) << 3
                    | l << 2
                    | List.of("NP", "66", "F3", "F2").indexOf(pp));
            code.add(Integer.parseInt(words[1], 16));
        } else {
            int at = 0;
            if (!words[0].equals("NP")) code.add(Integer.parseInt(words[0], 16));
            at++;
            if (random.nextInt(3) == 0) code.add(0x48);
            for (; at < words.length && words[at].matches("[0-9A-F]{2}"); at++)
                code.add(Integer.parseInt(words[at], 16));
        }
        if (mod < 0) mod = random.nextBoolean() ? 3 : 0;
        int reg = digit >= 0 ? digit : generalReg ? random.nextInt(2) : random.nextInt(4);
        int rm = mod == 0 ? 6 : generalRm ? random.nextInt(2) : random.nextInt(4);
        if (row.operands().endsWith("X")) {
            code.add(reg << 3 | 4);
            code.add(random.nextInt(4) << 6 | index << 3 | 6);
        } else if (!row.operands().isEmpty()) code.add(mod << 6 | reg << 3 | rm);
        if (row.operands().endsWith("Lx")) code.add(random.nextInt(4) << 4 | random.nextInt(16));
        if (row.operands().endsWith("Ib")) code.add(random.nextInt(random.nextBoolean() ? 20 : 256));
        byte[] out = new byte[code.size()];
        for (int k = 0; k < out.length; k++) out[k] = code.get(k).byteValue();
        return out;
    }
}
