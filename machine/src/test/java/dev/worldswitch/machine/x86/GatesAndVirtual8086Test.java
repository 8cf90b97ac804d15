package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Call gates, and virtual-8086 mode with its way in and out. */
class GatesAndVirtual8086Test {
    private static final int KERNEL_CODE = 8, KERNEL_DATA = 0x10, USER_CODE = 0x1b, USER_DATA = 0x23, GATE = 0x2b;

    /** 32-bit protected mode at CPL 3 without paging, with a TSS whose stack of level 0 is at 0x8000. */
    private static Guest user32() {
        Guest g = new Guest().realMode();
        g.put(Guest.GDT + 8, 0x00cf9b000000ffffL);
        g.put(Guest.GDT + 16, 0x00cf93000000ffffL);
        g.put(Guest.GDT + 24, 0x00cffb000000ffffL);
        g.put(Guest.GDT + 32, 0x00cff3000000ffffL);
        g.state.gdtBase.set(Guest.GDT);
        g.state.gdtLimit.set(0x3f);
        g.state.idtBase.set(Guest.IDT);
        g.state.cr.set(0, X86State.CR0_PE);
        g.state.segBase.set(X86State.TR, Guest.TSS);
        g.state.segLimit.set(X86State.TR, 0x67);
        g.put(Guest.TSS + 4, 0x8000L | (long) KERNEL_DATA << 32);
        for (int s = 0; s < 6; s++) segment(g, s, s == X86State.CS ? USER_CODE : USER_DATA);
        g.state.gpr.set(X86State.RSP, 0x9000);
        return g;
    }

    private static void segment(Guest g, int s, int selector) {
        boolean user = (selector & 3) == 3;
        g.state.segSelector.set(s, selector);
        g.state.segLimit.set(s, 0xffffffffL);
        g.state.segAttr.set(s, (s == X86State.CS ? 0xc09b : 0xc093) | (user ? 0x60 : 0));
    }

    private static void callGate(Guest g, long handler, int parameters, int type) {
        long access = 0xe0L | type;
        g.put(
                Guest.GDT + (GATE & 0xf8),
                handler & 0xffff
                        | (long) KERNEL_CODE << 16
                        | (long) parameters << 32
                        | access << 40
                        | (handler >>> 16) << 48);
    }

    private static long word32(Guest g, long at) {
        return g.word(at) & 0xffffffffL;
    }

    @Test
    void aCallGateBringsTheParametersToTheInnerStackAndRetfGoesBack() {
        Guest g = user32();
        callGate(g, 0x2000, 2, 12);
        // push 7; push 9; lcall GATE:0; hlt (a #GP at level 3)     0x2000: mov eax,[esp+8]; retf 8
        g.bytes(0x1000, "6a07 6a09 9a 00000000 2b00 f4").bytes(0x2000, "8b442408 ca0800");
        for (int i = 0; i < 3; i++) g.m.step();
        assertThat(g.state.rip.get()).isEqualTo(0x2000);
        assertThat(g.state.cpl()).isZero();
        long sp = g.state.gpr.get(X86State.RSP);
        assertThat(sp).isEqualTo(0x8000 - 24);
        assertThat(word32(g, sp)).as("EIP").isEqualTo(0x100b);
        assertThat(word32(g, sp + 4)).as("CS").isEqualTo(USER_CODE);
        assertThat(word32(g, sp + 8)).as("the second").isEqualTo(9);
        assertThat(word32(g, sp + 12)).as("the first").isEqualTo(7);
        assertThat(word32(g, sp + 16)).as("ESP").isEqualTo(0x8ff8);
        assertThat(word32(g, sp + 20)).as("SS").isEqualTo(USER_DATA);
        for (int i = 0; i < 2; i++) g.m.step();
        assertThat(g.state.rip.get()).isEqualTo(0x100b);
        assertThat(g.state.cpl()).isEqualTo(3);
        assertThat(g.rax()).isEqualTo(9);
        assertThat(g.state.gpr.get(X86State.RSP)).isEqualTo(0x9000);
    }

    /** What the guest of {@code code} raises: its handler of #GP and #NP is at 0x3000, EAX gets the error code. */
    private static long errorCode(Guest g, String code) {
        for (int v : new int[] {10, 11, 13})
            g.put(Guest.IDT + 8L * v, 0x3000 | (long) KERNEL_CODE << 16 | 0x8e00L << 32);
        g.bytes(0x1000, code).bytes(0x3000, "58 f4");
        g.state.idtLimit.set(0x7ff);
        assertThat(g.run().name()).isEqualTo("hlt");
        return g.rax();
    }

    @Test
    void aGateThatMayNotBeUsedFaultsWithItsSelector() {
        Guest hidden = user32();
        callGate(hidden, 0x2000, 0, 12);
        hidden.put(Guest.GDT + (GATE & 0xf8), hidden.word(Guest.GDT + (GATE & 0xf8)) & ~(0x60L << 40));
        assertThat(errorCode(hidden, "9a 00000000 2b00")).isEqualTo(GATE & 0xfc);
        Guest absent = user32();
        callGate(absent, 0x2000, 0, 12);
        absent.put(Guest.GDT + (GATE & 0xf8), absent.word(Guest.GDT + (GATE & 0xf8)) & ~(0x80L << 40));
        assertThat(errorCode(absent, "9a 00000000 2b00")).isEqualTo(GATE & 0xfc);
        Guest inward = user32();
        callGate(inward, 0x2000, 0, 12);
        // JMP does not change the level.
        assertThat(errorCode(inward, "ea 00000000 2b00")).isEqualTo(KERNEL_CODE);
    }

    @Test
    void aCallGateOf64BitModeHasSixteenBytesAndPushesFourWords() {
        Guest g = new Guest().longMode().user();
        g.put(Guest.GDT + 0x30, 0x2000 | 8L << 16 | 0xecL << 40);
        g.put(Guest.GDT + 0x38, 0);
        g.put(0x1100, 0x0033_0000_0000L);
        // lcall [0x1100]
        g.bytes(0x1000, "ff1c2500110000").bytes(0x2000, "f4");
        g.m.step();
        assertThat(g.state.rip.get()).isEqualTo(0x2000);
        assertThat(g.state.cpl()).isZero();
        long sp = g.state.gpr.get(X86State.RSP);
        assertThat(sp).isEqualTo(0x8000 - 32);
        assertThat(g.word(sp)).as("RIP").isEqualTo(0x1007);
        assertThat(g.word(sp + 8)).as("CS").isEqualTo(0x23);
        assertThat(g.word(sp + 16)).as("RSP").isEqualTo(0x9000);
        assertThat(g.word(sp + 24)).as("SS").isEqualTo(0x1b);
    }

    /** A task in virtual-8086 mode at 0200:0000 with its stack at 0300:0100. */
    private static Guest virtual8086(int iopl) {
        Guest g = user32();
        segment(g, X86State.CS, KERNEL_CODE);
        segment(g, X86State.SS, KERNEL_DATA);
        long[] frame = {0, 0x200, 0x20002 | (long) iopl << 12, 0x100, 0x300, 0x400, 0x500, 0x600, 0x700};
        for (int i = 0; i < frame.length; i++) g.put(0x7000 + 4 * i, frame[i]);
        g.state.gpr.set(X86State.RSP, 0x7000);
        g.bytes(0x1000, "cf");
        g.m.step();
        return g;
    }

    @Test
    void iretEntersVirtual8086ModeWithAllSegments() {
        Guest g = virtual8086(0);
        assertThat(g.state.rflags.get() & X86State.VM).isNotZero();
        assertThat(g.state.cpl()).isEqualTo(3);
        assertThat(g.state.segBase.get(X86State.CS)).isEqualTo(0x2000);
        assertThat(g.state.segBase.get(X86State.SS)).isEqualTo(0x3000);
        assertThat(g.state.segBase.get(X86State.DS)).isEqualTo(0x5000);
        assertThat(g.state.segBase.get(X86State.GS)).isEqualTo(0x7000);
        // mov ax, 0x1234; mov [0x10], ax; push ax
        g.bytes(0x2000, "b83412 a31000 50");
        for (int i = 0; i < 3; i++) g.m.step();
        assertThat(g.word(0x5010) & 0xffff).isEqualTo(0x1234);
        assertThat(g.word(0x30fe) & 0xffff).isEqualTo(0x1234);
    }

    @Test
    void anInterruptLeavesVirtual8086ModeAndIretComesBack() {
        Guest g = virtual8086(3);
        g.put(Guest.IDT + 8 * 0x21, 0x3000 | (long) KERNEL_CODE << 16 | 0xee00L << 32);
        g.state.idtLimit.set(0x7ff);
        g.bytes(0x2000, "cd21 90").bytes(0x3000, "90 cf");
        g.m.step();
        assertThat(g.state.rip.get()).isEqualTo(0x3000);
        assertThat(g.state.rflags.get() & X86State.VM).isZero();
        assertThat(g.state.cpl()).isZero();
        assertThat(g.state.segSelector.get(X86State.DS)).isZero();
        long sp = g.state.gpr.get(X86State.RSP);
        assertThat(sp).isEqualTo(0x8000 - 36);
        long[] expected = {2, 0x200, 0x23002, 0x100, 0x300, 0x400, 0x500, 0x600, 0x700};
        for (int i = 0; i < expected.length; i++)
            assertThat(word32(g, sp + 4 * i)).as("word " + i).isEqualTo(expected[i]);
        g.m.step();
        g.m.step();
        assertThat(g.state.rflags.get() & X86State.VM).isNotZero();
        assertThat(g.state.rip.get()).isEqualTo(2);
        assertThat(g.state.segSelector.get(X86State.FS)).isEqualTo(0x600);
    }

    @Test
    void withoutTheIoplTheMonitorIsAskedForInterruptsAndFlags() {
        for (String code : new String[] {"cd21", "fa", "fb", "9c", "9d", "cf", "f4"}) {
            Guest g = virtual8086(0);
            g.put(Guest.IDT + 8 * 13, 0x3000 | (long) KERNEL_CODE << 16 | 0x8e00L << 32);
            g.state.idtLimit.set(0x7ff);
            g.bytes(0x2000, code).bytes(0x3000, "58 f4");
            assertThat(g.run().name()).as(code).isEqualTo("hlt");
            assertThat(g.rax()).as(code).isZero();
            assertThat(g.state.rip.get()).as(code).isEqualTo(0x3002);
        }
    }
}
