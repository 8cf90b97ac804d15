package dev.worldswitch.machine.arm64;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.fuzz.CellsAtStart;
import dev.worldswitch.fuzz.GuardedMemory;
import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.fuzz.Input;
import dev.worldswitch.fuzz.Kicks;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import org.jspecify.annotations.Nullable;

/**
 * Arbitrary words as A64 code at EL1 or EL0, in a loop, with arbitrary page tables or none: it ends by an exit, reaches no
 * memory but its own, and the translator does what the interpreter does.
 */
class A64CodeFuzzTest {
    private static final long CODE = 0x8000, DATA = 0x10000, TABLE = 0x20000, VECTORS = 0x4000;
    private static final int COUNTER = 28, LOOPS = 6, WORDS_MAX = 60, HVC = 0xd4000002;
    private static final GuardedMemory MEMORY = GuardedMemory.get();
    private static final One PLAIN = new One(Integer.MAX_VALUE), TRANSLATED = new One(2);

    private static final class One implements PhysicalMemory {
        final Arm64Cpu cpu;
        final Arm64Interpreter m;
        private final CellsAtStart start;
        private int generation;

        One(int threshold) {
            Region root = Region.root("fuzz" + threshold);
            cpu = new Arm64Cpu(root, 0, Arm64Profile.builtIn("max"), Timing.plain(() -> 0), (c, l) -> {});
            m = new Arm64Interpreter(cpu, this);
            m.translator.threshold = threshold;
            m.translator.everything = true;
            start = new CellsAtStart(root);
        }

        @Override
        public long page(long gpa, boolean write) {
            return gpa >= 0 && gpa < Window.SLOT.size() ? Window.SLOT.address() + gpa : MMIO;
        }

        @Override
        public int generation() {
            return generation;
        }

        private void sys(SysReg r, long v) {
            cpu.sys().set(r.ordinal(), v);
        }

        private void prepare(Input in) {
            MEMORY.clear();
            start.restore();
            int mode = in.u8();
            boolean mmu = (mode & 1) != 0;
            sys(SysReg.ZCR_EL1, 15);
            sys(SysReg.ZCR_EL2, 15);
            // Caches on, EL0 may use what Linux lets it; the table's first level has 1 GiB for each entry.
            sys(SysReg.SCTLR_EL1, 1L << 26 | 1L << 15 | 1L << 14 | 1L << 16 | 1L << 18 | (mmu ? 1 : 0));
            sys(SysReg.TCR_EL1, 1L << 37 | 2L << 30 | 25 << 16 | 25);
            sys(SysReg.TTBR0_EL1, TABLE);
            sys(SysReg.TTBR1_EL1, TABLE);
            sys(SysReg.MAIR_EL1, 0xff);
            sys(SysReg.VBAR_EL1, VECTORS);
            sys(SysReg.CPACR_EL1, 0x00330000 | 0x03000000);
            sys(SysReg.CPTR_EL2, 0x00330000);
            sys(SysReg.HCR_EL2, 1L << 34 | 3L << 40 | 1L << 31 | 1);
            for (int n = in.u8() & 3; n > 0; n--) {
                SysReg[] some = {SysReg.TCR_EL1, SysReg.SCTLR_EL1, SysReg.TTBR0_EL1, SysReg.MAIR_EL1};
                SysReg r = some[in.u8() & 3];
                long v = in.u64();
                sys(r, r == SysReg.SCTLR_EL1 ? v & ~1L | (mmu ? 1 : 0) : r == SysReg.TTBR0_EL1 ? v & 0x3ffff : v);
            }
            // A block of 1 GiB at 0, then whatever the input has, a loop through the table itself included.
            MEMORY.put(slot(TABLE), 8, 0x701);
            for (int n = in.u8() & 7; n > 0; n--) MEMORY.put(slot(TABLE + (in.number(2) & 0x7ff8)), 8, in.u64());
            for (int v = 0; v < 0x800; v += 0x80) MEMORY.put(slot(VECTORS + v), 4, HVC);
            for (int i = 0; i < 512; i++) MEMORY.put(slot(DATA + 8L * i), 8, i * 0x9e3779b97f4a7c15L);
            for (int i = 0; i < 31; i++) {
                int kind = in.u8();
                cpu.gpr().set(i, kind < 0x80 ? DATA + 64L * kind : kind < 0xf0 ? kind - 0x80 : in.u64());
            }
            cpu.gpr().set(COUNTER, LOOPS);
            for (int i = 0; i < 32; i++) cpu.z().set(i * cpu.zStride(), i * 0x0101010101010101L);
            cpu.p().fill(0, cpu.p().length(), -1);
            sys(SysReg.SP_EL0, DATA + 0x800);
            sys(SysReg.SP_EL1, DATA + 0x800);
            byte[] code = in.take(4 * WORDS_MAX);
            long at = CODE;
            for (int i = 0; i + 4 <= code.length; i += 4, at += 4)
                for (int b = 0; b < 4; b++) MEMORY.put(slot(at + b), 1, code[i + b]);
            MEMORY.put(slot(at), 4, 0xf1000400 | COUNTER << 5 | COUNTER);
            MEMORY.put(slot(at + 4), 4, 0x54000001 | (int) (CODE - at - 4 >> 2 & 0x7ffff) << 5);
            MEMORY.put(slot(at + 8), 4, (mode & 2) != 0 ? 0xd4000001 : HVC);
            cpu.pstate().set((mode & 2) != 0 ? 0 : 0x3c5);
            cpu.pc().set(CODE);
        }

        @Nullable
        String run(byte[] data) {
            generation++;
            prepare(new Input(data));
            Arm64Exit e = Kicks.bounded(cpu, m::run);
            if (e.kind == Arm64Exit.INTERRUPT) return null;
            StringBuilder s = new StringBuilder(e.name());
            s.append(" pc ").append(Long.toHexString(cpu.pc().get()));
            s.append(" pstate ").append(Long.toHexString(cpu.pstate().get()));
            for (int i = 0; i < 31; i++)
                s.append(" x")
                        .append(i)
                        .append(' ')
                        .append(Long.toHexString(cpu.gpr().get(i)));
            for (SysReg r : SysReg.values()) {
                long v = cpu.sys().get(r.ordinal());
                if (v != 0) s.append('\n').append(r).append(' ').append(Long.toHexString(v));
            }
            long z = 0;
            for (int i = 0; i < cpu.z().length(); i++)
                z = z * 0x9e3779b97f4a7c15L + cpu.z().get(i);
            for (int i = 0; i < cpu.p().length(); i++)
                z = z * 0x9e3779b97f4a7c15L + cpu.p().get(i);
            return s + "\nvectors " + z + " memory " + MEMORY.hash(Window.SLOT);
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
