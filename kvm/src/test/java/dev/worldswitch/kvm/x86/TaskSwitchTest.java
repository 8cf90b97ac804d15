package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.machine.x86.X86State;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Task switches of a guest: the CPU leaves for them, KVM does them. */
class TaskSwitchTest {
    private static final int REGION = IoctlTable.iow(0x46, 32), RUN = IoctlTable.io(0x80);
    private static final int SET_REGS = IoctlTable.iow(0x82, 144), NMI = IoctlTable.io(0x9a);
    private static final long MEMORY = TestClient.BASE + 0x20000;
    private static final int GDT = 0x2000, IDT = 0x2100, A = 0x3000, B = 0x3100, CODE_B = 0x200;

    private final TestClient c = new TestClient("sapphire-rapids", "6.12");
    private final Vm vm = c.newVm();
    private final Vcpu v;

    /** Task A in 32-bit protected mode at 0x100, task B writes to port 5 and returns. */
    TaskSwitchTest() {
        Bytes slot = new Bytes(32).u32(0, 0).u64(16, 0x20000).u64(24, MEMORY);
        assertThat(c.ioctl(vm, REGION, slot)).isZero();
        v = c.newVcpu(vm, 0);
        quad(GDT + 8, 0x00cf9b000000ffffL);
        quad(GDT + 16, 0x00cf93000000ffffL);
        quad(GDT + 0x28, 0x00008b0030000067L);
        quad(GDT + 0x30, 0x0000890031000067L);
        // Vectors 2, 13 and 0x40 lead to B by task gates.
        for (int vector : new int[] {2, 13, 0x40}) quad(IDT + 8 * vector, 0x0000850000300000L);
        byte[] tss = new byte[0x68];
        Bytes b = new Bytes(tss).u32(0x20, CODE_B).u32(0x24, 2).u32(0x28, 0x55).u32(0x38, 0x8000);
        for (int seg = 0; seg < 6; seg++) b.u32(0x48 + 4 * seg, seg == X86State.CS ? 8 : 16);
        c.write(MEMORY + B, tss, 0, tss.length);
        // out 5, al; iret
        code(CODE_B, "e605 cf");
        X86State s = v.state();
        s.cr.set(0, X86State.CR0_PE);
        for (int seg = 0; seg < 6; seg++)
            segment(s, seg, seg == X86State.CS ? 8 : 16, 0, 0xffffffffL, seg == X86State.CS ? 0xc09b : 0xc093);
        segment(s, X86State.TR, 0x28, A, 0x67, 0x8b);
        s.gdtBase.set(GDT);
        s.gdtLimit.set(0x37);
        s.idtBase.set(IDT);
        s.idtLimit.set(0x7ff);
        Bytes regs = new Bytes(144).u64(0, 0x77).u64(48, 0x9000).u64(128, 0x100).u64(136, 2);
        assertThat(c.ioctl(v, SET_REGS, regs)).isZero();
    }

    private static void segment(X86State s, int seg, int selector, long base, long limit, long attr) {
        s.segSelector.set(seg, selector);
        s.segBase.set(seg, base);
        s.segLimit.set(seg, limit);
        s.segAttr.set(seg, attr);
    }

    private void quad(int at, long value) {
        byte[] b = new byte[8];
        new Bytes(b).u64(0, value);
        c.write(MEMORY + at, b, 0, 8);
    }

    private long quad(int at) {
        byte[] b = new byte[8];
        c.read(MEMORY + at, b, 0, 8);
        return new Bytes(b).u64(0);
    }

    private void code(int at, String hex) {
        byte[] b = HexFormat.of().parseHex(hex.replace(" ", ""));
        c.write(MEMORY + at, b, 0, b.length);
    }

    /** The byte that the guest writes next, and its port. */
    private String next() {
        assertThat(c.ioctl(v, RUN, 0)).isZero();
        assertThat(v.run().get(KvmX86Abi.RUN_EXIT_REASON, 4)).isEqualTo(RunPage.EXIT_IO);
        return Long.toHexString(v.run().get(KvmX86Abi.PIO_DATA_OFFSET, 1)) + " to "
                + v.run().get(KvmX86Abi.RUN_EXIT + 2, 2);
    }

    @Test
    void a_called_task_returns_behind_the_call() {
        // call 30:0; out 7, al
        code(0x100, "9a 00000000 3000 e607");
        assertThat(next()).isEqualTo("55 to 5");
        assertThat(v.state().segSelector.get(X86State.TR)).isEqualTo(0x30);
        assertThat(v.state().cr.get(0) & X86State.CR0_TS).isNotZero();
        assertThat(quad(B) & 0xffff).as("back link").isEqualTo(0x28);
        assertThat(quad(A + 0x20) & 0xffffffffL).as("EIP of A").isEqualTo(0x107);
        assertThat(next()).isEqualTo("77 to 7");
        assertThat(v.state().segSelector.get(X86State.TR)).isEqualTo(0x28);
        assertThat(quad(GDT + 0x30) >>> 40 & 0xff).as("B is free").isEqualTo(0x89);
    }

    @Test
    void a_task_gate_takes_interrupts_of_software_and_returns_behind_them() {
        code(0x100, "cd40 e607");
        assertThat(next()).isEqualTo("55 to 5");
        assertThat(next()).isEqualTo("77 to 7");
    }

    @Test
    void a_task_gate_takes_an_exception_with_its_error_code_and_where_it_was() {
        // mov ax, 0x1f8; mov ds, ax: beyond the table
        code(0x100, "66b8f801 8ed8 e607");
        assertThat(next()).isEqualTo("55 to 5");
        assertThat(quad(A + 0x20) & 0xffffffffL).isEqualTo(0x104);
        assertThat(v.state().gpr.get(X86State.RSP)).isEqualTo(0x7ffc);
        assertThat(quad(0x7ffc) & 0xffffffffL).as("error code").isEqualTo(0x1f8);
    }

    @Test
    void a_task_gate_takes_an_nmi_and_others_wait_for_the_return() {
        code(0x100, "e607 e607");
        assertThat(c.ioctl(v, NMI, 0)).isZero();
        assertThat(next()).isEqualTo("55 to 5");
        assertThat(v.state().nmiMasked.get()).isNotZero();
        assertThat(next()).isEqualTo("77 to 7");
        assertThat(v.state().nmiMasked.get()).isZero();
    }

    @Test
    void what_goes_wrong_in_the_new_task_is_lost_as_in_kvms_emulator() {
        quad(B + 0x50, 0x0000001000000020L);
        code(0x100, "ea 00000000 3000 e607");
        // SS of B is beyond the table: the old registers go on behind the jump.
        assertThat(next()).isEqualTo("77 to 7");
        assertThat(v.state().segSelector.get(X86State.TR)).isEqualTo(0x30);
    }
}
