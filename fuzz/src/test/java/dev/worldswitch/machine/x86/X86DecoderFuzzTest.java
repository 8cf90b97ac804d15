package dev.worldswitch.machine.x86;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.fuzz.Input;

/** Any bytes decode, in each mode: at most 15 are looked at, and what was found has its length. */
class X86DecoderFuzzTest {
    private static final int[] MODES = {64, 32, 16};

    @FuzzTest
    void any_bytes_decode(byte[] data) {
        Input in = new Input(data);
        byte[] code = in.take(16);
        for (int mode : MODES) {
            int[] last = {0};
            Insn i;
            try {
                i = new Decoder(at -> {
                            last[0] = Math.max(last[0], at + 1);
                            return at < code.length ? code[at] & 0xff : 0x90;
                        })
                        .decode(0x1000, mode);
            } catch (Decoder.TooLong e) {
                if (last[0] < 15) throw new AssertionError("too long after " + last[0] + " bytes", e);
                continue;
            }
            if (last[0] > 15 || i.length < 1 || i.length > 15 || i.length > last[0])
                throw new AssertionError("length " + i.length + ", looked at " + last[0] + " bytes");
            Decoder.isUndefined(i);
        }
    }
}
