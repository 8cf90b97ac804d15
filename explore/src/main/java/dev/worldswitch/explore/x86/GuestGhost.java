package dev.worldswitch.explore.x86;

import dev.worldswitch.explore.Scenario;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import java.util.List;

/** What a guest should see, by a model of its own: only properties look at it, never the kernel or KVM. */
final class GuestGhost {
    static final long TILEDATA = 1L << 18;
    /** DR6 with B0 and the bits that read as one. */
    static final long WRITTEN_DR6 = 0xffff0ff1L;

    static final long NEVER_STORED = 0, OLD = 1, INITIAL = 2, OLD_OR_INITIAL = 3;
    private static final int PC = 0, XFD = 1, NM = 2, TILE = 3, SAVED = 4, STORED = 5, DR6 = 6, DR6_READ = 7;
    private final List<String> program;
    private final Words state;

    GuestGhost(Region region, List<String> program) {
        this.program = program;
        this.state = region.words("ghost", 8);
        state.set(TILE, INITIAL);
        state.set(SAVED, INITIAL);
    }

    /** The guest runs until its next {@code out}. */
    void runs() {
        while (state.get(PC) < program.size()) {
            String[] word = program.get((int) state.get(PC)).split(" ");
            state.set(PC, state.get(PC) + 1);
            switch (word[0]) {
                case "out" -> {
                    return;
                }
                case "xsetbv" -> {}
                case "wrmsr-xfd" -> xfd(Scenario.operand(word));
                case "ldtilecfg", "tilerelease" -> state.set(TILE, INITIAL);
                case "tileloadd" -> {
                    used();
                    state.set(TILE, OLD);
                }
                case "write-dr6" -> state.set(DR6, WRITTEN_DR6);
                case "read-dr6" -> state.set(DR6_READ, state.get(DR6));
                case "tilestored" -> {
                    used();
                    state.set(STORED, state.get(TILE));
                }
                default -> throw new IllegalArgumentException("a guest can't '" + word[0] + "'");
            }
        }
    }

    /** An instruction needs the tiles: with IA32_XFD set it takes #NM, and the handler clears IA32_XFD. */
    private void used() {
        if ((state.get(XFD) & TILEDATA) == 0) return;
        state.set(NM, state.get(NM) + 1);
        state.set(XFD, 0);
    }

    /** From when the bit is set until it is cleared the tiles may become initial. */
    void xfd(long v) {
        state.set(XFD, v);
        if ((v & TILEDATA) != 0) state.set(TILE, state.get(TILE) | INITIAL);
    }

    void saved() {
        state.set(SAVED, state.get(TILE));
    }

    void restored() {
        state.set(TILE, (state.get(XFD) & TILEDATA) == 0 ? state.get(SAVED) : state.get(SAVED) | INITIAL);
    }

    /** Each instruction takes #NM once at most. */
    long mostNm() {
        return program.size();
    }

    /** What the guest read from DR6 last; 0 when it did not. */
    long expectedDr6() {
        return state.get(DR6_READ);
    }

    long expectedNm() {
        return state.get(NM);
    }

    long expectedStored() {
        return state.get(STORED);
    }
}
