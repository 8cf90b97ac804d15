package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class IntegerAgainstThisCpuTest {
    private static final long SEED = Long.getLong("semantics.seed", 20261121);
    private static final int CASES = Integer.getInteger("semantics.cases", 20000);

    @Test
    void random_integer_sequences_give_what_the_cpu_of_this_computer_gives() throws Exception {
        try (NativeCpu cpu = new NativeCpu()) {
            assertThat(firstDifference(cpu, SEED, CASES, Integer.MAX_VALUE)).as("seed " + SEED).isEmpty();
        } catch (IOException e) {
            assumeTrue(false, "no native CPU to compare with: " + e.getMessage());
        }
    }

    @Test
    void translated_sequences_give_what_the_cpu_of_this_computer_gives() throws Exception {
        try (NativeCpu cpu = new NativeCpu()) {
            assertThat(firstDifference(cpu, SEED + 1, CASES / 10, 1))
                    .as("seed " + (SEED + 1))
                    .isEmpty();
        } catch (IOException e) {
            assumeTrue(false, "no native CPU to compare with: " + e.getMessage());
        }
    }

    /** A description of the first case that differs, or nothing. */
    static String firstDifference(NativeCpu cpu, long seed, int cases, int threshold) throws IOException {
        IntegerCases gen = new IntegerCases(seed);
        Guest g = new Guest().longMode();
        for (int k = 0; k < 512; k++) g.put(Guest.PD + 8 * k, 0);
        g.put(Guest.PD + 8 * 128, 0x104000 | 7);
        g.put(0x104000, 0x200000 | 7);
        g.put(0x104008, 0x201000 | 7);
        g.state.idtLimit.set(0);
        g.m.translator.threshold = threshold;
        g.m.translator.everything = true;
        for (int n = 0; n < cases; n++) {
            NativeCpu.Case c = gen.next();
            NativeCpu.Result want = cpu.run(c);
            MemorySegment data = g.ram.asSlice(0x200000, 4096);
            data.fill((byte) 0);
            MemorySegment.copy(MemorySegment.ofArray(c.data()), 0, data, 0x800, 256);
            MemorySegment.copy(MemorySegment.ofArray(c.code()), 0, g.ram, 0x201000, c.code().length);
            g.bytes(0x201000 + c.code().length, "f4");
            for (int r = 0; r < 16; r++) g.state.gpr.set(r, c.gpr()[r]);
            g.state.rflags.set(c.rflags() | X86State.IF);
            g.state.rip.set(0x10001000);
            X86Exit e = g.run();
            String name = "case " + n + " code " + HexFormat.of().formatHex(c.code()) + ": ";
            boolean ok = e.reason == X86Exit.HLT;
            if (!ok && e.reason != X86Exit.SHUTDOWN)
                return name + e.name() + " " + HexFormat.of().formatHex(e.bytes, 0, e.byteCount);
            if (ok != (want.signal() == 0)) return name + "native signal " + want.signal() + ", here " + e.name();
            if (!ok) continue;
            for (int r = 0; r < 16; r++)
                if (g.state.gpr.get(r) != want.gpr()[r])
                    return name + "register " + r + " was " + Long.toHexString(c.gpr()[r]) + " native "
                            + Long.toHexString(want.gpr()[r]) + " here " + Long.toHexString(g.state.gpr.get(r))
                            + " flags before " + Long.toHexString(c.rflags()) + " all " + hex(c.gpr());
            long diff = (g.state.rflags.get() ^ want.rflags()) & 0x8d5 & ~gen.undefined;
            if (diff != 0)
                return name + "flags native " + Long.toHexString(want.rflags()) + " here "
                        + Long.toHexString(g.state.rflags.get()) + " before " + Long.toHexString(c.rflags()) + " "
                        + hex(c.gpr());
            byte[] got = data.asSlice(0x800, 256).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
            if (!Arrays.equals(got, want.data()))
                return name + "memory at " + Arrays.mismatch(got, want.data()) + " " + hex(c.gpr());
        }
        return "";
    }

    private static String hex(long[] v) {
        StringBuilder s = new StringBuilder();
        for (long x : v) s.append(Long.toHexString(x)).append(' ');
        return s.toString();
    }
}
