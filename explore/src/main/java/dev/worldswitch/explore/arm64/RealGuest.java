package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Violation;
import dev.worldswitch.explore.VmmMemory;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A guest of real A64 and SVE instructions at EL1, its MMU off, and a model of what it must leave in its memory. x19 counts
 * writes, x20 is the address that nobody backs, x21-x23 are where Z0, Z31 and P0 are stored.
 */
final class RealGuest {
    static final int SIZE = 0x10000, CODE = 0x4000;
    private static final int Z0 = 0x8000, Z31 = 0x8100, P0 = 0x8200;
    private static final long MAYBE_ZERO = 1L << 32;
    private static final int PC = 0, WRITES = 1, LEN = 2;
    /** Encodings: Arm ARM C6.2 and C8.2. */
    private static final int[] START = {
        0xd2a00665, // mov x5, #0x330000: FPEN and ZEN
        0xd5181045, // msr cpacr_el1, x5
        0xd5033fdf, // isb
        0xd2a12014, // mov x20, #0x9000000
        0xd2900015, // mov x21, #0x8000
        0x910402b6, // add x22, x21, #0x100
        0x910802b7 // add x23, x21, #0x200
    };

    private static final Map<String, int[]> CODES = Map.of(
            "write-z",
                    new int[] {
                        0x91000673, // add x19, x19, #1
                        0x05e03a60, // dup z0.d, x19
                        0x05e03a7f, // dup z31.d, x19
                        0x2518e3e0 // ptrue p0.b
                    },
            "store-z",
                    new int[] {
                        0xe58042a0, // str z0, [x21]
                        0xe58042df, // str z31, [x22]
                        0xe58002e0 // str p0, [x23]
                    },
            "call", new int[] {0x52b08000, 0xd4000002}, // mov w0, #0x84000000 (PSCI_VERSION); hvc #0
            "out", new int[] {0xb9000280}); // str w0, [x20]

    private final List<String> program;
    private final VmmMemory memory;
    private final long ram;
    private final Arm64Profile profile;
    private final int maxVq;
    /** The program's place, writes so far, LEN of ZCR_EL1; per word of Z0 its write, and that of the word last stored. */
    private final Words state, written, stored;

    RealGuest(Region ghosts, VmmMemory memory, Arm64Profile profile, int maxVq, List<String> program) {
        this.program = program;
        this.memory = memory;
        this.profile = profile;
        this.maxVq = maxVq;
        this.state = ghosts.words("ghostProgram", 3);
        this.written = ghosts.words("ghostWritten", profile.zStride());
        this.stored = ghosts.words("ghostStored", profile.zStride());
        this.ram = memory.allocate(SIZE);
        long at = ram + CODE;
        for (int word : assemble(program)) {
            memory.set(at, 4, word & 0xffffffffL);
            at += 4;
        }
    }

    long ram() {
        return ram;
    }

    /** @throws IllegalArgumentException for an instruction that is not known here */
    private static List<Integer> assemble(List<String> program) {
        List<Integer> words = new ArrayList<>();
        for (int w : START) words.add(w);
        for (String i : program) {
            int[] code = CODES.get(i);
            if (code != null) for (int w : code) words.add(w);
            else if (i.matches("zcr (\\d|1[0-5])")) {
                words.add(0xd2800005 | Integer.parseInt(i.substring(4)) << 5); // mov x5, #LEN
                words.add(0xd5181205); // msr zcr_el1, x5
            } else
                throw new IllegalArgumentException("a guest of real instructions can't '" + i + "'; known: zcr LEN, "
                        + String.join(", ", CODES.keySet().stream().sorted().toList()));
        }
        return words;
    }

    private int vq() {
        return profile.vqAtMost((int) Math.min(state.get(LEN) + 1, maxVq));
    }

    /** The model runs until the next {@code out}; then memory must be as it says. */
    void check() {
        boolean out = false;
        while (!out && state.get(PC) < program.size()) {
            String i = program.get((int) state.get(PC));
            state.set(PC, state.get(PC) + 1);
            switch (i) {
                case "write-z" -> {
                    state.set(WRITES, state.get(WRITES) + 1);
                    written.fill(0, 2 * vq(), state.get(WRITES));
                }
                case "store-z" -> stored.copy(written, 0, 2 * vq());
                case "out" -> out = true;
                case "call" -> {}
                default -> {
                    state.set(LEN, Long.parseLong(i.substring(4)));
                    for (int w = 2 * vq(); w < written.length(); w++) written.set(w, written.get(w) | MAYBE_ZERO);
                }
            }
        }
        for (int w = 0; w < 2 * maxVq; w++) {
            check("z0", Z0 + 8 * w, 8, w, stored.get(w) & ~MAYBE_ZERO);
            check("z31", Z31 + 8 * w, 8, w, stored.get(w) & ~MAYBE_ZERO);
            check("p0", P0 + w, 1, w, (stored.get(w) & ~MAYBE_ZERO) == 0 ? 0 : 0xff);
        }
    }

    private void check(String register, int at, int size, int word, long should) {
        long is = memory.get(ram + at, size);
        if (is == should || is == 0 && (stored.get(word) & MAYBE_ZERO) != 0) return;
        throw new Violation(
                Arm64Properties.GUEST_SVE,
                "the guest's " + register + " for bits " + (64 * word + 63) + ":" + 64 * word + " of a vector is 0x"
                        + Long.toHexString(is) + ", not 0x" + Long.toHexString(should));
    }
}
