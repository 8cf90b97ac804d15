package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** CR4.VME and CR4.PVI: VIF in the place of IF, and software interrupts through the program's own table. */
class VirtualInterruptsTest {
    private static final long VIF = VirtualInterrupts.VIF, VIP = VirtualInterrupts.VIP, IF = X86State.IF;
    private static final int MONITOR = 0x3000, OWN = 0x2100, VECTOR = 0x41;

    /** A program of virtual-8086 mode: what EFLAGS are after its instruction, or a #GP. */
    private record Case(String name, String code, boolean vme, int iopl, long flags, long expected, String source) {}

    private static final long FAULT = -1;

    private static final List<Case> CASES = List.of(
            new Case("CLI", "fa", true, 0, VIF, 0, "SDM vol. 2, CLI"),
            new Case("CLI, IOPL 3", "fa", true, 3, VIF | IF, VIF, "SDM vol. 2, CLI"),
            new Case("CLI without VME", "fa", false, 0, 0, FAULT, "SDM vol. 2, CLI"),
            new Case("STI", "fb", true, 0, 0, VIF, "SDM vol. 2, STI"),
            new Case("STI, IOPL 3", "fb", true, 3, 0, IF, "SDM vol. 2, STI"),
            new Case("STI while one waits", "fb", true, 0, VIP, FAULT, "SDM vol. 2, STI"),
            new Case("STI, IOPL 3, while one waits", "fb", true, 3, VIP, VIP | IF, "SDM vol. 2, STI"),
            new Case("POPF of IF", "9d", true, 0, 0, VIF, "SDM vol. 2, POPF"),
            new Case("POPF of IF, 32 bits", "669d", true, 0, 0, FAULT, "SDM vol. 2, POPF"),
            new Case("POPF of IF while one waits", "9d", true, 0, VIP, FAULT, "SDM vol. 2, POPF"),
            new Case("POPF of IF, IOPL 3", "9d", true, 3, 0, IF, "SDM vol. 2, POPF"),
            new Case("POPF without VME", "9d", false, 0, 0, FAULT, "SDM vol. 2, POPF"),
            new Case("PUSHF, 32 bits", "669c", true, 0, 0, FAULT, "SDM vol. 2, PUSHF"),
            new Case("PUSHF without VME", "9c", false, 0, 0, FAULT, "SDM vol. 2, PUSHF"));

    /** At 0000:2000, SS:SP 0000:9000, where FLAGS with IF lie; the redirection bitmap is at TSS + 0x68. */
    private static Guest program(String code, boolean vme, int iopl, long flags) {
        Guest g = new Guest().realMode();
        g.put(Guest.GDT + 8, 0x00cf9b000000ffffL);
        g.put(Guest.GDT + 16, 0x00cf93000000ffffL);
        g.state.gdtBase.set(Guest.GDT);
        g.state.gdtLimit.set(0x3f);
        g.state.idtBase.set(Guest.IDT);
        g.state.idtLimit.set(0x7ff);
        g.state.cr.set(0, X86State.CR0_PE);
        g.state.cr.set(4, vme ? X86State.CR4_VME : 0);
        g.state.rflags.set(X86State.VM | 2 | flags | (long) iopl << 12);
        for (int s = 0; s < 6; s++) g.state.segAttr.set(s, 0xf3);
        g.state.segBase.set(X86State.TR, Guest.TSS);
        g.state.segLimit.set(X86State.TR, 0x200);
        g.put(Guest.TSS + 4, 0x8000L | 0x10L << 32);
        g.put(Guest.TSS + 0x66, 0x88);
        for (int v : new int[] {13, VECTOR})
            g.put(Guest.IDT + 8L * v, MONITOR + (v == 13 ? 0 : 0x100) | 8L << 16 | 0xee00L << 32);
        g.put(4 * VECTOR, OWN);
        g.put(0x9000, IF | 2);
        g.bytes(0x2000, code);
        g.state.rip.set(0x2000);
        g.state.gpr.set(X86State.RSP, 0x9000);
        return g;
    }

    @Test
    void the_virtual_flag_stands_for_the_interrupt_flag_below_iopl_3() {
        for (Case c : CASES) {
            Guest g = program(c.code, c.vme, c.iopl, c.flags);
            g.m.step();
            boolean fault = g.state.rip.get() == MONITOR;
            assertThat(fault).as(c.name).isEqualTo(c.expected == FAULT);
            if (!fault)
                assertThat(g.state.rflags.get() & (VIF | VIP | IF)).as(c.name).isEqualTo(c.expected);
        }
    }

    @Test
    void pushf_shows_the_virtual_flag_and_iopl_3() {
        Guest g = program("9c", true, 0, VIF);
        g.m.step();
        assertThat(g.word(0x8ffe) & 0xffff).isEqualTo(IF | X86State.IOPL | 2);
    }

    @Test
    void iret_below_iopl_3_loads_the_virtual_flag_and_leaves_iopl() {
        Guest g = program("cf", true, 1, 0);
        g.put(0x9000, 0x2345 | (IF | X86State.IOPL | X86State.CF) << 32);
        g.m.step();
        assertThat(g.state.rip.get()).isEqualTo(0x2345);
        assertThat(g.state.rflags.get()).isEqualTo(X86State.VM | VIF | X86State.CF | 0x1000 | 2);
        Guest waiting = program("cf", true, 1, VIP);
        waiting.put(0x9000, 0x2345 | IF << 32);
        waiting.m.step();
        assertThat(waiting.state.rip.get()).isEqualTo(MONITOR);
    }

    /** The methods of SDM vol. 3, table 21-2. */
    @Test
    void the_bitmap_sends_software_interrupts_to_the_program_or_to_the_monitor() {
        for (int method = 1; method <= 6; method++) {
            boolean vme = method >= 3, bit = method == 3 || method == 4;
            int iopl = method == 1 || method == 4 || method == 5 ? 3 : 0;
            Guest g = program("cd41", vme, iopl, VIF | (method == 5 ? IF : 0));
            g.put(Guest.TSS + 0x68 + VECTOR / 8, bit ? 1 << VECTOR % 8 : 0);
            g.m.step();
            long rip = method >= 5 ? OWN : method == 1 || method == 4 ? MONITOR + 0x100 : MONITOR;
            assertThat(g.state.rip.get()).as("method " + method).isEqualTo(rip);
            if (method < 5) continue;
            assertThat(g.word(0x8ffa) & 0xffffffffffffL)
                    .as("method " + method)
                    .isEqualTo(0x2002 | (IF | X86State.IOPL | 2) << 32);
            assertThat(g.state.rflags.get() & (IF | VIF)).as("method " + method).isEqualTo(method == 5 ? VIF : 0);
        }
    }

    @Test
    void protected_mode_has_virtual_interrupts_for_cli_and_sti_at_level_3() {
        for (String code : new String[] {"fa", "fb"}) {
            boolean sti = code.equals("fb");
            Guest g = new Guest().longMode().user();
            g.state.cr.set(4, g.state.cr.get(4) | X86State.CR4_PVI);
            g.state.rflags.set(2 | (sti ? 0 : VIF));
            g.bytes(0x1000, code);
            g.m.step();
            assertThat(g.state.rip.get()).isEqualTo(0x1001);
            assertThat(g.state.rflags.get() & (VIF | IF)).isEqualTo(sti ? VIF : 0);
        }
    }

    @Test
    void entering_with_an_interrupt_that_waits_calls_the_monitor_at_once() {
        Guest g = program("cf", true, 0, 0);
        long[] frame = {0x2000, 0, X86State.VM | VIF | VIP | 2, 0x9000, 0, 0, 0, 0, 0};
        g.state.rflags.set(2);
        for (int s = 0; s < 6; s++) g.state.segAttr.set(s, s == X86State.CS ? 0xc09b : 0xc093);
        for (int s = 0; s < 6; s++) g.state.segLimit.set(s, 0xffffffffL);
        for (int i = 0; i < frame.length; i++) g.put(0x7000 + 4 * i, frame[i]);
        g.state.gpr.set(X86State.RSP, 0x7000);
        g.m.step();
        assertThat(g.state.rip.get()).isEqualTo(MONITOR);
        assertThat(g.word(0x8000 - 36) & 0xffffffffL).as("EIP of the task").isEqualTo(0x2000);
    }
}
