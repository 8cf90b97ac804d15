package dev.worldswitch.machine.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.machine.Line;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class A64TranslatorTest {
    private static QemuUser.State state(long x0, long x1, long x2) {
        long[] x = new long[31];
        x[0] = x0;
        x[1] = x1;
        x[2] = x2;
        return new QemuUser.State(x, UserCpu.DATA + 0x1000, 0, 0, 0, new long[64], new long[17]);
    }

    @Test
    void a_line_ends_a_translated_loop_between_instructions() throws Exception {
        UserCpu c = new UserCpu("max", false, true);
        Thread kick = Thread.ofPlatform().start(() -> {
            try {
                Thread.sleep(500);
            } catch (InterruptedException e) {
                return;
            }
            c.cpu.raise(Line.KICK);
        });
        Instant start = Instant.now();
        // add x0, x0, #1; add x1, x1, #1; b .-8
        QemuUser.Result r = c.runToEnd(new int[] {0x91000400, 0x91000421, 0x17fffffe}, state(0, 0, 0));
        assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(30));
        kick.join();
        assertThat(c.run.exit().kind).isEqualTo(Arm64Exit.INTERRUPT);
        assertThat(r.state().x()[0]).isEqualTo(r.state().x()[1]);
    }

    @Test
    void a_translated_loop_that_writes_its_own_code_runs_what_it_wrote_after_an_isb() {
        UserCpu c = new UserCpu("max", false, true);
        // 0: add x0, x0, #1   4: str w4, [x3]   8: isb   c: subs x1, x1, #1   10: b.ne 0   14: brk
        int[] program = {0x91000400, 0xb9000064, 0xd5033fdf, 0xf1000421, 0x54ffff81, 0xd4200000};
        QemuUser.State s = state(0, 10, 0);
        s.x()[3] = UserCpu.CODE;
        // add x0, x0, #2
        s.x()[4] = 0x91000800;
        QemuUser.Result r = c.runToEnd(program, s);
        assertThat(r.signal()).isEqualTo(5);
        assertThat(r.state().x()[0]).isEqualTo(1 + 9 * 2);
        assertThat(c.run.translator.made()).isPositive();
    }

    @Test
    void a_fault_in_a_translated_loop_leaves_the_state_before_the_instruction() {
        UserCpu c = new UserCpu("max", false, true);
        // 0: ldr x4, [x2], #8   4: add x0, x0, #1   8: b 0
        int[] program = {0xf8408444, 0x91000400, 0x17fffffe};
        QemuUser.Result r = c.runToEnd(program, state(0, 0, UserCpu.DATA + UserCpu.DATA_SIZE - 0x1000));
        assertThat(r.signal()).isEqualTo(11);
        assertThat(r.pc()).isZero();
        assertThat(r.state().x()[0]).isEqualTo(0x1000 / 8);
        assertThat(r.state().x()[2]).isEqualTo(UserCpu.DATA + UserCpu.DATA_SIZE);
    }
}
