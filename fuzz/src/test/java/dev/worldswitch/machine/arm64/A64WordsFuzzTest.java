package dev.worldswitch.machine.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.fuzz.Input;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Every A64 word decodes or is undefined, on CPUs with all features and with none. */
class A64WordsFuzzTest {
    private static final boolean[] ALL = new boolean[Feature.values().length], BASE = ALL.clone();
    private static final long PC = 0x4000_0000L;
    /** A prime: so many words that each field takes all its values, in under a second. */
    private static final long STRIDE = 4093;

    static {
        Arrays.fill(ALL, true);
        BASE[Feature.BASE.ordinal()] = true;
    }

    static void decodes(int word) {
        for (boolean[] has : new boolean[][] {ALL, BASE}) {
            A64Op op;
            try {
                op = A64Table.decode(word, PC, has);
            } catch (RuntimeException e) {
                throw new AssertionError("word " + Integer.toHexString(word), e);
            }
            if (op.word != word || op.pc != PC) throw new AssertionError("word " + Integer.toHexString(word));
        }
    }

    @FuzzTest
    void any_words_decode(byte[] data) {
        for (Input in = new Input(data); !in.isEmpty(); ) decodes(in.u32());
    }

    @Test
    void words_of_every_class_decode() {
        int n = 0;
        for (long w = 0; w < 1L << 32; w += STRIDE, n++) decodes((int) w);
        assertThat(n).isGreaterThan(1_000_000);
    }
}
