package dev.worldswitch.machine.x86;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.fuzz.CellsAtStart;
import dev.worldswitch.fuzz.GuardedMemory;
import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.fuzz.Input;
import dev.worldswitch.fuzz.Kicks;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Arbitrary bytes as x86 code, in a loop, on arbitrary page tables: it ends by an exit, reaches no memory but its own, and
 * the translator does what the interpreter does.
 */
class X86CodeFuzzTest {
    private static final long CODE = 0x8000, COUNTER = 0x7000, DATA = 0x9000, PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000;
    private static final long PT = 0x4000, IDT = 0x5000, GDT = 0x6000, HANDLER = 0x6800;
    private static final int LOOPS = 6, CODE_MAX = 200;
    private static final GuardedMemory MEMORY = GuardedMemory.get();
    private static final One PLAIN = new One(Integer.MAX_VALUE), TRANSLATED = new One(2);

    /** A CPU with memory: the window at 0, a smaller one read-only at 1 MiB, I/O elsewhere. */
    private static final class One implements PhysicalMemory {
        final X86Cpu cpu;
        final X86State state;
        final Interpreter m;
        private final CellsAtStart start;
        private int generation;

        One(int threshold) {
            Region root = Region.root("fuzz" + threshold);
            cpu = new X86Cpu(
                    root.child("cpu0"), 0, X86Profile.builtIn("sapphire-rapids"), Timing.plain(() -> 0), (c, l) -> {});
            state = new X86State(root.child("vcpu"));
            m = new Interpreter(cpu, state, this);
            m.translator.threshold = threshold;
            m.translator.everything = true;
            start = new CellsAtStart(root);
        }

        @Override
        public long page(long gpa, boolean write) {
            if (gpa >= 0 && gpa < Window.SLOT.size()) return Window.SLOT.address() + gpa;
            long small = gpa - 0x100000;
            return small >= 0 && small < Window.SMALL.size() && !write ? Window.SMALL.address() + small : MMIO;
        }

        @Override
        public int generation() {
            return generation;
        }

        /** The state at the end; null when it had to be stopped, or is not for the architecture to say. */
        @Nullable
        String run(byte[] data) {
            generation++;
            prepare(new Input(data));
            long[] tables = tables();
            StringBuilder s = new StringBuilder();
            for (int exits = 0; exits < 4; exits++) {
                X86Exit e = Kicks.bounded(cpu, () -> m.run(0));
                if (e.reason == X86Exit.INTERRUPT) return null;
                s.append(e.name())
                        .append(" rip ")
                        .append(Long.toHexString(state.rip.get()))
                        .append('\n');
                if (e.reason == X86Exit.HLT || e.reason != X86Exit.CPUID && e.reason != X86Exit.OTHER) break;
                state.rip.set(state.rip.get() + e.length);
            }
            // Who changes its tables sees it where no translation was cached (SDM vol. 3, 4.10): everybody elsewhere.
            if ((state.cr.get(0) & X86State.CR0_PG) != 0 && !Arrays.equals(tables, tables())) return null;
            for (int r = 0; r < 16; r++)
                s.append(" r").append(r).append(' ').append(Long.toHexString(state.gpr.get(r)));
            s.append("\nflags ").append(Long.toHexString(state.rflags.get()));
            for (int c = 0; c <= 8; c++)
                s.append(" cr").append(c).append(' ').append(Long.toHexString(state.cr.get(c)));
            for (int i = 0; i < 6; i++) s.append(" seg ").append(Long.toHexString(state.segBase.get(i)));
            return s + " memory " + MEMORY.hash(Window.SLOT);
        }

        /** The page tables' entries without what the CPU itself sets: accessed and dirty. */
        private static long[] tables() {
            return LongStream.range(0, (IDT - PML4) / 8)
                    .map(i -> MEMORY.get(slot(PML4 + 8 * i), 8) & ~0x60L)
                    .toArray();
        }

        private void prepare(Input in) {
            MEMORY.clear();
            start.restore();
            int mode = in.u8();
            state.cr.set(0, X86State.CR0_ET);
            boolean wide = (mode & 3) == 0;
            int attr = (mode & 3) == 1 ? 0xc000 : 0;
            for (int s = 0; s < 6; s++) segment(s, attr | 0x93);
            segment(X86State.CS, (wide ? 0xa000 : attr) | 0x9b);
            segment(X86State.LDTR, 0x82);
            segment(X86State.TR, 0x8b);
            state.gdtBase.set(GDT);
            state.gdtLimit.set(0x7f);
            state.idtBase.set((mode & 3) == 2 ? 0 : IDT);
            state.idtLimit.set(0x3ff);
            if ((mode & 3) == 1) state.cr.set(0, X86State.CR0_ET | X86State.CR0_PE);
            if (wide) longMode();
            state.rflags.set(in.u32() & 0x40dd5 | 2);
            for (int r = 0; r < 16; r++) {
                int kind = in.u8();
                long v = kind < 0x80 ? DATA + 0x100 * (kind & 0x7f) : kind < 0xf0 ? kind - 0x80 : in.u64();
                state.gpr.set(r, v);
            }
            state.gpr.set(X86State.RSP, 0x3f000 - 8 * (mode >> 4));
            state.cr.set(4, state.cr.get(4) | X86State.CR4_OSFXSR | X86State.CR4_OSXSAVE);
            for (int v = 0; v < 64; v += 2) MEMORY.put(slot(DATA + 0x80 * v), 8, v * 0x9e3779b97f4a7c15L);
            // Entries of tables and of anything else that are arbitrary.
            for (int n = in.u8() & 7; n > 0; n--) MEMORY.put(slot(0x1000 + in.number(2) % 0x6000), 8, in.u64());
            byte[] code = in.take(CODE_MAX);
            long at = CODE;
            for (byte b : code) MEMORY.put(slot(at++), 1, b);
            // The loop's end: decrement the counter, branch back, halt. 16-bit code has shorter displacements.
            int[] dec =
                    wide ? new int[] {0xff, 0x0c, 0x25} : attr != 0 ? new int[] {0xff, 0x0d} : new int[] {0xff, 0x0e};
            int wideBytes = attr == 0 && !wide ? 2 : 4;
            for (int b : dec) MEMORY.put(slot(at++), 1, b);
            MEMORY.put(slot(at), wideBytes, COUNTER);
            at += wideBytes;
            MEMORY.put(slot(at), 2, 0x850f);
            at += 2 + wideBytes;
            MEMORY.put(slot(at - wideBytes), wideBytes, CODE - at);
            MEMORY.put(slot(at), 1, 0xf4);
            MEMORY.put(slot(COUNTER), 4, LOOPS);
            state.rip.set(CODE);
        }

        private void longMode() {
            MEMORY.put(slot(PML4), 8, PDPT | 7);
            MEMORY.put(slot(PDPT), 8, PD | 7);
            MEMORY.put(slot(PD), 8, PT | 7);
            for (long i = 0; i < 512; i++) MEMORY.put(slot(PT + 8 * i), 8, i << 12 | 7);
            state.cr.set(0, X86State.CR0_PE | X86State.CR0_PG | X86State.CR0_WP | X86State.CR0_ET);
            state.cr.set(3, PML4);
            state.cr.set(4, X86State.CR4_PAE);
            state.efer.set(X86State.EFER_LME | X86State.EFER_LMA | X86State.EFER_NX | X86State.EFER_SCE);
            MEMORY.put(slot(GDT + 8), 8, 0x00af9b000000ffffL);
            MEMORY.put(slot(GDT + 16), 8, 0x00cf93000000ffffL);
            for (int v = 0; v < 32; v++) {
                MEMORY.put(slot(IDT + 16 * v), 8, HANDLER & 0xffff | 8L << 16 | 0x8eL << 40);
                MEMORY.put(slot(IDT + 16 * v + 8), 8, 0);
            }
            MEMORY.put(slot(HANDLER), 1, 0xf4);
        }

        private void segment(int s, int attr) {
            state.segBase.set(s, 0);
            state.segSelector.set(s, s == X86State.CS ? 8 : 16);
            state.segLimit.set(s, (attr & 0xc000) != 0 || (attr & 0x2000) != 0 ? 0xffffffffL : 0xffff);
            state.segAttr.set(s, attr);
        }
    }

    private static long slot(long gpa) {
        return Window.SLOT.address() + gpa;
    }

    @FuzzTest
    void any_code_ends_the_same_way_interpreted_and_translated(byte[] data) {
        String plain = PLAIN.run(data);
        if (plain == null) return;
        String translated = TRANSLATED.run(data);
        if (translated != null && !translated.equals(plain))
            throw new AssertionError("interpreted:\n" + plain + "\ntranslated:\n" + translated);
    }
}
