package dev.worldswitch.machine.arm64;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.worldswitch.machine.Assembler;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class A64SystemTest {
    private static final long RAM = 0x40000000L, RESULTS = 0x10000;

    /** Values that qemu-system-aarch64 gives; -1 where it depends on keys or time. */
    private static final long[] EXPECTED = {
        0x1234,
        0x1234,
        0x9600004fL,
        0x9600000bL,
        0x96000007L,
        0x80003008L,
        0x96000004L,
        0xff00000040030b80L,
        0x809,
        0x56000055L,
        0x9200000dL,
        0x02000000L,
        0xf2000003L,
        0x56000066L,
        0x77,
        0x77,
        0x9600000fL,
        0xd6000022L,
        0x80000000L,
        0xd6000062L,
        0xc6000022L,
        0x96000021L,
        -1,
        0x80000000L,
        4,
        0x8444c004L,
        -1
    };

    @Test
    void a_program_at_el1_sees_the_translation_faults_and_debug_exceptions_that_qemu_shows() throws Exception {
        byte[] program;
        try {
            program = Assembler.arm64("a64-system");
        } catch (IOException e) {
            assumeTrue(false, e.getMessage() + "; install gcc-aarch64-linux-gnu");
            return;
        }
        MemorySegment ram = Arena.ofAuto().allocate(0x100000, 4096);
        MemorySegment.copy(MemorySegment.ofArray(program), 0, ram, 0, program.length);
        Arm64Cpu cpu = new Arm64Cpu(
                Region.root("test"), 0, Arm64Profile.builtIn("max"), Timing.plain(() -> 1000), (c, l) -> {});
        Arm64Interpreter run = new Arm64Interpreter(cpu, new PhysicalMemory() {
            @Override
            public long page(long gpa, boolean write) {
                return gpa >= RAM && gpa < RAM + 0x100000 ? ram.address() + (gpa - RAM) : MMIO;
            }

            @Override
            public int generation() {
                return 0;
            }
        });
        cpu.sys().set(SysReg.CPTR_EL2.ordinal(), 0x330000);
        cpu.sys().set(SysReg.HCR_EL2.ordinal(), 1L << 34 | 3L << 40 | 1L << 31 | 1);
        cpu.sys().set(SysReg.SCTLR_EL1.ordinal(), 0x00c50078);
        cpu.sys().set(SysReg.CNTHCTL_EL2.ordinal(), 0xc00);
        cpu.pc().set(RAM);
        cpu.pstate().set(0x3c5);
        assertThat(run.run().kind).isEqualTo(Arm64Exit.SYNC);
        assertThat(cpu.sys().get(SysReg.ESR_EL2.ordinal())).isEqualTo(0x5a000007L);
        for (int i = 0; i < EXPECTED.length; i++) {
            long got = ram.get(ValueLayout.JAVA_LONG, RESULTS + 8 * i);
            if (EXPECTED[i] != -1) assertThat(got).as("result " + i).isEqualTo(EXPECTED[i]);
        }
    }
}
