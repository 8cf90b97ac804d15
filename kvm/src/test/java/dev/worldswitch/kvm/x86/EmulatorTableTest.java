package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.x86.EmulatorTable.Answer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class EmulatorTableTest {
    private static Answer ask(String kernel, String hex) {
        byte[] b = HexFormat.of().parseHex(hex.replace(" ", "") + "90".repeat(8));
        return new EmulatorTable(KernelVersion.of(kernel).patches()::contains).answer(b, b.length, 64, false);
    }

    @Test
    void moves_and_read_modify_writes_are_known() {
        for (String hex : new String[] {
            "8b 03",
            "f0 83 03 01",
            "48 87 03",
            "0f b0 0b",
            "f3 a4",
            "0f 10 03",
            "66 0f 7f 0b",
            "f3 0f 6f 0b",
            "44 0f b6 03",
            "ff 33",
            "0f 38 f0 03",
            "66 0f e7 03",
            "0f c7 0b"
        }) assertThat(ask("6.12", hex)).as(hex).isEqualTo(Answer.YES);
    }

    @Test
    void vector_arithmetic_and_most_state_instructions_are_not() {
        for (String hex : new String[] {
            "66 0f fe 0b",
            "0f ae 03",
            "66 0f d6 0b",
            "f3 0f 11 0b",
            "c4 e2 78 f2 03",
            "c5 fc 10 03",
            "f3 0f b8 03",
            "d8 03",
            "d9 03",
            "66 f3 0f 6f 0b",
            "0f 3a 0f 03 01",
            "62 f1 7c 48 10 03"
        }) assertThat(ask("6.12", hex)).as(hex).isEqualTo(Answer.NO);
    }

    @Test
    void vex_moves_are_known_from_7_2_on_and_16_bit_movbe_from_6_12_on() {
        assertThat(ask("6.18", "c5 fc 10 03")).isEqualTo(Answer.NO);
        assertThat(ask("7.2", "c5 fc 10 03")).isEqualTo(Answer.YES);
        assertThat(ask("7.2", "c5 f5 fe 03")).isEqualTo(Answer.NO);
        assertThat(ask("6.1", "66 0f 38 f0 03")).isEqualTo(Answer.NO);
        assertThat(ask("6.12", "66 0f 38 f0 03")).isEqualTo(Answer.YES);
    }

    @Test
    void cmpxchg16b_is_refused_after_its_reads() {
        assertThat(ask("6.12", "f0 48 0f c7 0b")).isEqualTo(Answer.AFTER_READS);
    }
}
