package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.translate.Translator;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class TranslatorTest {
    private static Guest at(String hex) {
        Guest g = new Guest().longMode().bytes(0x7000, hex);
        g.state.rip.set(0x7000);
        g.m.translator.threshold = 3;
        g.m.translator.everything = true;
        return g;
    }

    @Test
    void a_translated_loop_that_writes_its_own_code_runs_what_it_wrote() {
        // 7000: add eax,1 (the 1 is at 7002); inc byte [7002]; dec ecx; jnz 7000; hlt
        Guest g = at("83 c0 01 fe 04 25 02 70 00 00 ff c9 75 f2 f4");
        g.state.gpr.set(1, 10);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.rax()).isEqualTo(55);
        assertThat(g.m.translator.made()).isPositive();
    }

    @Test
    void data_beside_code_in_a_page_leaves_the_code_translated() {
        // 7000: inc dword [7100]; dec ecx; jnz 7000; hlt
        Guest g = at("ff 04 25 00 71 00 00 ff c9 75 f5 f4");
        g.state.gpr.set(1, 5000);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.word(0x7100)).isEqualTo(5000);
        assertThat(g.m.translator.made()).isBetween(1, 2);
    }

    @Test
    void a_line_ends_a_translated_loop_at_once_and_between_instructions() throws Exception {
        // 7000: inc eax; inc ecx; jmp 7000
        Guest g = at("ff c0 ff c1 eb fa");
        Thread kick = Thread.ofPlatform().start(() -> {
            try {
                Thread.sleep(200);
            } catch (InterruptedException e) {
                return;
            }
            g.cpu.raise(Line.KICK);
        });
        Instant start = Instant.now();
        assertThat(g.run().reason).isEqualTo(X86Exit.INTERRUPT);
        assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(5));
        kick.join();
        long expected = g.state.gpr.get(0) - (g.state.rip.get() == 0x7002 ? 1 : 0);
        assertThat(g.state.gpr.get(1)).isEqualTo(expected);
        assertThat(g.rax()).isGreaterThan(1000);
    }

    @Test
    void single_steps_go_through_translated_code_one_instruction_at_a_time() {
        Guest g = at("ff c0 ff c9 75 fa f4");
        g.state.gpr.set(1, 100);
        g.run();
        assertThat(g.m.translator.made()).isPositive();
        g.state.rip.set(0x7000);
        g.state.gpr.set(1, 2);
        long[] rips = new long[6];
        for (int n = 0; n < 6; n++) {
            g.m.step();
            rips[n] = g.state.rip.get();
        }
        assertThat(rips).containsExactly(0x7002, 0x7004, 0x7000, 0x7002, 0x7004, 0x7006);
    }

    @Test
    void a_trap_flag_set_between_runs_traps_in_translated_code() {
        Guest g = at("ff c0 ff c9 75 fa f4").gate(1, 0x5000, 0, 0).bytes(0x5000, "f4");
        g.state.gpr.set(1, 100);
        g.run();
        g.state.rip.set(0x7000);
        g.state.rflags.set(2 | X86State.TF);
        g.run();
        assertThat(g.state.rip.get()).isEqualTo(0x5001);
        // The trap's frame has the address after the first instruction.
        assertThat(g.word(g.state.gpr.get(4))).isEqualTo(0x7002);
    }

    @Test
    void a_loop_too_long_for_the_jit_is_translated_in_parts_or_not_at_all() {
        // lock inc dword [7f00+4k] with all registers in use, many times; dec ecx; jnz 7000; hlt
        String body =
                ("f0 ff 04 25 00 7f 00 00 ".repeat(6) + "48 01 c2 4c 01 c6 4d 01 d1 4d 01 e3 4d 01 f5 ").repeat(30);
        int bytes = body.replace(" ", "").length() / 2;
        String back = String.format("%08x", Integer.reverseBytes(-(bytes + 8)));
        Guest g = at(body + "ff c9 0f 85 " + back + " f4");
        g.state.gpr.set(1, 20);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.word(0x7f00) & 0xffffffffL).isEqualTo(20 * 6 * 30);
    }

    @Test
    void no_more_translations_are_kept_than_the_bound() {
        // 1500 times: inc eax; jmp +0
        Guest g = at("ff c0 eb 00 ".repeat(1500) + "ff c9 0f 85 " + "86 e8 ff ff f4");
        g.state.gpr.set(1, 6);
        g.m.translator.threshold = 2;
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.rax()).isEqualTo(6 * 1500);
        assertThat(g.m.translator.kept()).isLessThanOrEqualTo(Translator.MAX_LIVE);
    }
}
