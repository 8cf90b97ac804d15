package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.machine.RetiredCounter;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random programs with loops, branches and faults end in the same state translated and interpreted. */
class TranslatedProgramsTest {
    private static final long SEED = Long.getLong("programs.seed", 7);
    private static final int PROGRAMS = Integer.getInteger("programs.count", 250);
    private static final long CODE = 0x300000, COUNTER = 0x230000, DATA = 0x200000;
    private static final int DATA_BYTES = 0x8000;

    @Test
    void a_translated_program_ends_as_the_interpreted_one_does() {
        Guest plain = guest(Integer.MAX_VALUE), translated = guest(3);
        int whole = 0;
        for (int n = 0; n < PROGRAMS; n++) {
            Random random = new Random(SEED * 1_000_003 + n);
            byte[] program = program(random);
            long[] gpr = new long[16];
            for (int i = 0; i < 16; i++) gpr[i] = random.nextBoolean() ? random.nextLong() : random.nextInt(1000);
            gpr[3] = DATA + 0x1880;
            gpr[4] = DATA + 0x4880;
            gpr[6] = DATA + 0x2000;
            gpr[7] = DATA + 0x3000;
            long flags = random.nextInt() & 0x8d5 | 2;
            String a = run(plain, program, gpr, flags);
            // It overwrote its counter.
            if (a.startsWith("interrupt")) continue;
            String b = run(translated, program, gpr, flags);
            assertThat(b)
                    .as("seed " + SEED + " program " + n + ": " + HexFormat.of().formatHex(program))
                    .isEqualTo(a);
            if (a.contains(" rip " + Long.toHexString(CODE + program.length))) whole++;
        }
        assertThat(whole).as("programs that ran to their end").isBetween(PROGRAMS / 10, PROGRAMS);
        assertThat(translated.m.translator.made()).isGreaterThan(PROGRAMS / 2);
    }

    private static Guest guest(int threshold) {
        Guest g = new Guest().longMode();
        for (int v = 0; v < 32; v++) g.gate(v, 0x5000 + 16 * v, 0, 0).bytes(0x5000 + 16 * v, "f4");
        g.m.translator.threshold = threshold;
        g.m.translator.everything = true;
        // One page among the data's neighbours is absent, one is read-only.
        g.put(Guest.PD + 8, 0x104000 | 7);
        for (long i = 0; i < 512; i++) g.put(0x104000 + 8 * i, 0x200000 + (i << 12) | 7);
        g.put(0x104000 + 8 * 7, 0);
        g.put(0x104000 + 8 * 5, 0x205000 | 5);
        return g;
    }

    private static String run(Guest g, byte[] program, long[] gpr, long flags) {
        MemorySegment data = g.ram.asSlice(DATA, DATA_BYTES);
        for (int k = 0; k < DATA_BYTES; k += 8) data.set(ValueLayout.JAVA_LONG, k, k * 0x9e3779b97f4a7c15L);
        g.ram.set(ValueLayout.JAVA_INT, COUNTER, 25);
        MemorySegment.copy(MemorySegment.ofArray(program), 0, g.ram, CODE, program.length);
        for (int r = 0; r < 16; r++) g.state.gpr.set(r, gpr[r]);
        g.state.rflags.set(flags);
        g.state.rip.set(CODE);
        g.state.cr.set(2, 0);
        g.cpu.retired().start(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
        // A program that does not end is ended by a line, as a kick would.
        Thread late = Thread.ofPlatform().daemon().start(() -> {
            try {
                Thread.sleep(60_000);
                g.cpu.raise(dev.worldswitch.machine.Line.values()[0]);
            } catch (InterruptedException x) {
                return;
            }
        });
        X86Exit e = g.run();
        late.interrupt();
        StringBuilder s = new StringBuilder(e.name());
        s.append(" rip ").append(Long.toHexString(g.state.rip.get()));
        s.append(" flags ").append(Long.toHexString(g.state.rflags.get()));
        s.append(" retired ").append(g.cpu.retired().at(RetiredCounter.KERNEL));
        s.append(" branches ").append(g.cpu.retired().branches(RetiredCounter.KERNEL));
        s.append(" cr2 ").append(Long.toHexString(g.state.cr.get(2)));
        for (int r = 0; r < 16; r++) s.append(" r").append(r).append(' ').append(Long.toHexString(g.state.gpr.get(r)));
        return s + " memory " + Arrays.hashCode(data.toArray(ValueLayout.JAVA_BYTE));
    }

    private static byte[] program(Random random) {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        IntegerCases cases = new IntegerCases(random.nextLong());
        int chunks = 2 + random.nextInt(5);
        for (int c = 0; c < chunks; c++) {
            byte[] chunk = chunk(random, cases);
            int kind = random.nextInt(4);
            if (kind == 0) code.writeBytes(new byte[] {(byte) (0x70 + random.nextInt(16)), (byte) chunk.length});
            code.writeBytes(chunk);
            // CALL over a RET: a function in the loop.
            if (kind == 1) code.writeBytes(HexFormat.of().parseHex("e802000000eb0448ffc2c3"));
        }
        code.writeBytes(HexFormat.of().parseHex("ff0c25" + le(COUNTER)));
        code.writeBytes(HexFormat.of().parseHex("0f85" + le(-(code.size() + 6L))));
        code.write(0xf4);
        return code.toByteArray();
    }

    private static byte[] chunk(Random random, IntegerCases cases) {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        for (int k = random.nextInt(3); k >= 0; k--) {
            switch (random.nextInt(12)) {
                case 0 -> code.writeBytes(HexFormat.of().parseHex("4889542408")); // mov [rsp+8],rdx
                case 1 -> code.writeBytes(HexFormat.of().parseHex("5159")); // push rcx; pop rcx
                case 2 -> code.writeBytes(HexFormat.of().parseHex("488b140b")); // mov rdx,[rbx+rcx]: may fault
                case 3 -> code.writeBytes(HexFormat.of().parseHex("67660303")); // add ax,[ebx]
                case 4 -> code.writeBytes(HexFormat.of().parseHex("4883c340")); // add rbx,64: reaches other pages
                case 5 -> code.writeBytes(HexFormat.of().parseHex("65480343f9")); // add rax,gs:[rbx-7]
                default -> code.writeBytes(cases.next().code());
            }
        }
        return code.toByteArray();
    }

    private static String le(long v) {
        return HexFormat.of().toHexDigits(Integer.reverseBytes((int) v));
    }
}
