package dev.worldswitch.machine.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.machine.RetiredCounter;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Random A64 programs with loops, calls, branches and faults end in the same state translated and interpreted. */
class TranslatedProgramsTest {
    private static final long SEED = Long.getLong("programs.seed", 11);
    private static final int PROGRAMS = Integer.getInteger("programs.count", 150);
    /** The loop counter, and a base register for every access to start with. */
    private static final int COUNTER = 28, BASES = 19;

    @Test
    void a_translated_program_ends_as_the_interpreted_one_does() {
        UserCpu plain = new UserCpu("max", false, false), translated = new UserCpu("max", false, true);
        translated.run.translator.threshold = 3;
        List<A64Row> rows = A64Table.rows().stream()
                .filter(r -> !A64Cases.isLeftOut(r) && isUsable(r))
                .toList();
        int whole = 0;
        for (int n = 0; n < PROGRAMS; n++) {
            SplittableRandom random = new SplittableRandom(SEED * 1_000_003 + n);
            int[] program = program(random, rows);
            QemuUser.State state = state(random);
            String what = "seed " + SEED + " program " + n + ": " + hex(program);
            for (UserCpu c : List.of(plain, translated))
                c.cpu.retired().start(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
            QemuUser.Result want = plain.runToEnd(program, state), got = translated.runToEnd(program, state);
            assertThat(text(got)).as(what).isEqualTo(text(want));
            assertThat(translated.cpu.retired().at(0))
                    .as("instructions of " + what)
                    .isEqualTo(plain.cpu.retired().at(0));
            if (want.signal() == 5 && want.pc() == 4L * (program.length - 1)) whole++;
        }
        assertThat(whole).as("programs that ran to their end").isBetween(PROGRAMS / 10, PROGRAMS);
        assertThat(translated.run.translator.made()).isGreaterThan(PROGRAMS / 2);
    }

    @Test
    void retired_instructions_are_counted_exactly_and_up_to_a_limit() {
        // MOV X0, #100; SUBS X0, X0, #1; B.NE back; BRK.
        int[] loop = {0xd2800c80, 0xf1000400, 0x54ffffe1, 0xd4200000};
        for (boolean translated : List.of(false, true)) {
            UserCpu c = new UserCpu("max", false, translated);
            c.run.translator.threshold = 3;
            QemuUser.State state = new QemuUser.State(new long[31], 0, 0, 0, 0, new long[64], new long[17]);
            for (int again = 0; again < 20; again++) {
                c.cpu.retired().start(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
                c.runToEnd(loop, state);
                assertThat(c.cpu.retired().at(RetiredCounter.USER)).isEqualTo(201);
            }
            c.cpu.retired().start(50, Long.MAX_VALUE, Long.MAX_VALUE);
            assertThat(c.runToEnd(loop, state).pc()).isLessThan(12);
            assertThat(c.cpu.retired().at(RetiredCounter.USER)).isBetween(50L, 54L);
        }
    }

    private static boolean isUsable(A64Row r) {
        boolean branches = (r.mask() & r.value() & 0xfc000000) == 0xd4000000 || (r.value() & 0x1c000000) == 0x14000000;
        return (r.feature() == Feature.BASE || r.feature() == Feature.FP || r.feature() == Feature.FLAGM)
                && !branches
                && !r.name().contains("(literal");
    }

    private static String hex(int[] program) {
        StringBuilder s = new StringBuilder();
        for (int w : program) s.append(HexFormat.of().toHexDigits(w)).append(' ');
        return s.toString();
    }

    private static String text(QemuUser.Result r) {
        StringBuilder s = new StringBuilder("signal " + r.signal() + " pc " + r.pc() + " memory " + r.memory());
        s.append(" nzcv ")
                .append(r.state().nzcv())
                .append(" sp ")
                .append(Long.toHexString(r.state().sp()));
        for (int i = 0; i < 31; i++)
            s.append(" x")
                    .append(i)
                    .append('=')
                    .append(Long.toHexString(r.state().x()[i]));
        for (long v : r.state().v()) if (v != 0) s.append(' ').append(Long.toHexString(v));
        return s.toString();
    }

    private static QemuUser.State state(SplittableRandom random) {
        long[] x = new long[31], v = new long[64], p = new long[17];
        for (int i = 0; i < 31; i++) x[i] = random.nextInt(3) == 0 ? random.nextLong() : random.nextInt(200);
        for (int i = BASES; i < COUNTER; i++) x[i] = UserCpu.DATA + 0x1800 + 8 * random.nextInt(0x200);
        x[COUNTER] = 20;
        for (int i = 0; i < 32; i++) v[2 * i] = random.nextLong();
        long sp = UserCpu.DATA + 0x2000 + (random.nextInt(16) == 0 ? 8 : 0);
        return new QemuUser.State(x, sp, random.nextInt(16), 0, 0, v, p);
    }

    private static int[] program(SplittableRandom random, List<A64Row> rows) {
        A64Cases cases = new A64Cases(random.nextLong(), 1);
        List<Integer> code = new ArrayList<>();
        int chunks = 2 + random.nextInt(5);
        for (int c = 0; c < chunks; c++) {
            int[] chunk = new int[1 + random.nextInt(4)];
            for (int k = 0; k < chunk.length; k++) chunk[k] = word(random, cases, rows);
            switch (random.nextInt(6)) {
                // B.cond, CBZ or TBNZ over the chunk.
                case 0 -> code.add(0x54000000 | chunk.length + 1 << 5 | random.nextInt(14));
                case 1 -> code.add(0x34000000 | random.nextInt(2) << 31 | chunk.length + 1 << 5 | random.nextInt(19));
                case 2 -> code.add(0x37000000 | random.nextInt(32) << 19 | chunk.length + 1 << 5 | random.nextInt(19));
                // BL over a B to a function of one instruction.
                case 3 -> {
                    code.add(0x94000002);
                    code.add(0x14000003);
                    code.add(word(random, cases, rows));
                    code.add(0xd65f03c0);
                }
                default -> {}
            }
            for (int w : chunk) code.add(w);
        }
        code.add(0xf1000400 | COUNTER << 5 | COUNTER);
        code.add(0x54000001 | (-(code.size()) & 0x7ffff) << 5);
        code.add(0xd4200000);
        return code.stream().mapToInt(Integer::intValue).toArray();
    }

    private static int word(SplittableRandom random, A64Cases cases, List<A64Row> rows) {
        for (; ; ) {
            A64Row row = rows.get(random.nextInt(rows.size()));
            int[] words = cases.words(row);
            int w = words[words.length - 1];
            boolean access = (w & 0x0a000000) == 0x08000000;
            if (access) w = w & ~(31 << 5) | BASES + random.nextInt(COUNTER - BASES) << 5;
            if (access && random.nextInt(4) == 0) w |= 31 << 5;
            if (A64Table.find(w) != row) continue;
            // Nothing but the loop's end writes the counter; bases are changed by write-back only, most of the time.
            int d = w & 31, second = access ? w >>> 10 & 31 : d, status = access ? w >>> 16 & 31 : d;
            if (d == COUNTER || second == COUNTER || status == COUNTER || (w >>> 5 & 31) == COUNTER) continue;
            if (d >= BASES && d < COUNTER && random.nextInt(16) != 0) continue;
            return w;
        }
    }
}
