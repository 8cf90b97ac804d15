package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.machine.x86.X86State;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** System management mode: entry, the handler's memory, RSM, and what waits meanwhile. */
class SmmTest {
    private static final int REGION = IoctlTable.iow(0x46, 32), RUN = IoctlTable.io(0x80), SMI = IoctlTable.io(0xb7);
    private static final int GET_EVENTS = IoctlTable.ior(0x9f, 64), SET_EVENTS = IoctlTable.iow(0xa0, 64);
    private static final int SET_REGS = IoctlTable.iow(0x82, 144), NMI = IoctlTable.io(0x9a);
    private static final int SET_CPUID2 = IoctlTable.iow(0x90, 8), CREATE_IRQCHIP = IoctlTable.io(0x60);
    /** Guest memory: 64 KiB at 0, of which SMM sees a copy of its own. */
    private static final long NORMAL = TestClient.BASE + 0x20000, HIDDEN = TestClient.BASE + 0x40000;

    private static final int SMBASE = 0x1000, SAVED = SMBASE + 0xfe00;
    private static final String OUT_5_HLT = "e605f4", OUT_7_HLT = "e607f4";
    private final TestClient c = new TestClient("sapphire-rapids", "6.12");
    private final Vm vm = c.newVm();
    private Vcpu v;

    SmmTest() {
        c.ioctl(vm, CREATE_IRQCHIP, 0);
        v = c.newVcpu(vm, 0);
    }

    @BeforeEach
    void aGuestInRealModeAndAHandler() {
        slot(0, NORMAL);
        slot(1 << 16, HIDDEN);
        longModeCpuid();
        code(NORMAL + 0x100, OUT_5_HLT);
        code(HIDDEN + SMBASE + 0x8000, "b022 e609 0faa");
        assertThat(vm.kvm().msrTable().write(v, Smm.MSR_SMBASE, SMBASE, true)).isZero();
        begin();
    }

    private void longModeCpuid() {
        Bytes leaves = new Bytes(88).u32(0, 2).u32(8, 0).u32(48, 0x80000001).u32(72, 1 << 29);
        assertThat(c.ioctl(v, SET_CPUID2, leaves)).isZero();
    }

    private void slot(int id, long at) {
        Bytes b = new Bytes(32).u32(0, id).u64(16, 0x20000).u64(24, at);
        assertThat(c.ioctl(vm, REGION, b)).isZero();
    }

    private void code(long at, String hex) {
        byte[] b = HexFormat.of().parseHex(hex.replace(" ", ""));
        assertThat(c.write(at, b, 0, b.length)).isTrue();
    }

    private void begin() {
        X86State s = v.state();
        s.segBase.set(X86State.CS, 0);
        s.segSelector.set(X86State.CS, 0);
        assertThat(c.ioctl(
                        v, SET_REGS, new Bytes(144).u64(0, 0x77).u64(128, 0x100).u64(136, 2)))
                .isZero();
    }

    private long run() {
        return c.ioctl(v, RUN, 0);
    }

    /** Port of the write that the guest left for. */
    private int port() {
        assertThat(v.run().get(KvmX86Abi.RUN_EXIT_REASON, 4)).isEqualTo(RunPage.EXIT_IO);
        return (int) v.run().get(KvmX86Abi.RUN_EXIT + 2, 2);
    }

    private boolean saysSmm() {
        return (v.run().get(KvmX86Abi.RUN_FLAGS, 2) & 1) != 0;
    }

    private Bytes events() {
        assertThat(c.ioctl(v, GET_EVENTS, TestClient.BASE)).isZero();
        return c.after(64);
    }

    @Test
    void theHandlerRunsInItsOwnMemoryAndRsmGoesOnWhereTheGuestWas() {
        code(NORMAL + SMBASE + 0x8000, OUT_7_HLT);
        assertThat(c.ioctl(v, SMI, 0)).isZero();
        assertThat(run()).isZero();
        assertThat(port()).isEqualTo(9);
        assertThat(saysSmm()).isTrue();
        assertThat(events().u8(24)).isEqualTo(1);
        assertThat(run()).isZero();
        assertThat(port()).isEqualTo(5);
        assertThat(saysSmm()).isFalse();
        assertThat(v.run().get(KvmX86Abi.PIO_DATA_OFFSET, 1)).isEqualTo(0x77);
        assertThat(vm.kvm().msrTable().read(v, Smm.MSR_COUNT, true).value()).isEqualTo(1);
    }

    @Test
    void theStateSaveAreaHasTheLayoutOfAmd64() {
        c.ioctl(v, SMI, 0);
        run();
        byte[] area = new byte[512];
        c.read(HIDDEN + SAVED, area, 0, 512);
        Bytes b = new Bytes(area);
        assertThat(b.u64(0x1f8)).as("rax").isEqualTo(0x77);
        assertThat(b.u64(0x178)).as("rip").isEqualTo(0x100);
        assertThat(b.u64(0x170)).as("rflags").isEqualTo(2);
        assertThat(b.u32(0x100)).as("smbase").isEqualTo(SMBASE);
        assertThat(b.u32(0xfc)).as("revision").isEqualTo(0x20064);
    }

    @Test
    void withoutLongModeTheLayoutIsThatOfTheP6() {
        assertThat(c.ioctl(v, SET_CPUID2, new Bytes(48).u32(0, 1))).isZero();
        c.ioctl(v, SMI, 0);
        run();
        byte[] area = new byte[512];
        c.read(HIDDEN + SAVED, area, 0, 512);
        Bytes b = new Bytes(area);
        assertThat(b.u32(0x1d0)).as("eax").isEqualTo(0x77);
        assertThat(b.u32(0x1f0)).as("eip").isEqualTo(0x100);
        assertThat(b.u32(0xf8)).as("smbase").isEqualTo(SMBASE);
        assertThat(run()).isZero();
        assertThat(port()).isEqualTo(5);
    }

    @Test
    void theHandlerMayMoveSmbase() {
        // mov dword cs:[0xff00], 0x2000; rsm
        code(HIDDEN + SMBASE + 0x8000, "662ec70600ff00200000 0faa");
        c.ioctl(v, SMI, 0);
        run();
        assertThat(port()).isEqualTo(5);
        assertThat(vm.kvm().msrTable().read(v, Smm.MSR_SMBASE, true).value()).isEqualTo(0x2000);
    }

    @Test
    void nmisAndFurtherSmisWaitForRsm() {
        c.ioctl(v, SMI, 0);
        run();
        c.ioctl(v, NMI, 0);
        c.ioctl(v, SMI, 0);
        assertThat(events().u8(13)).as("NMIs").isEqualTo(1);
        assertThat(events().u8(14)).as("masked").isEqualTo(1);
        assertThat(events().u8(25)).as("SMI pending").isEqualTo(1);
        // RSM, and the second SMI comes before the guest's next instruction.
        run();
        assertThat(port()).isEqualTo(9);
        assertThat(vm.kvm().msrTable().read(v, Smm.MSR_COUNT, true).value()).isEqualTo(2);
    }

    @Test
    void rsmOutsideSmmIsUndefined() {
        // The handler of #UD.
        code(NORMAL + 6 * 4, "00020000");
        code(NORMAL + 0x200, OUT_7_HLT);
        code(NORMAL + 0x100, "0faa");
        v.state().idtLimit.set(0x3ff);
        v.state().gpr.set(X86State.RSP, 0x800);
        run();
        assertThat(port()).isEqualTo(7);
    }

    @Test
    void anSmiOverTheEventsAndAnInitThatWaitsInSmm() {
        Bytes b = events().u32(20, 8).u8(25, 1);
        assertThat(c.ioctl(v, SET_EVENTS, b)).isZero();
        run();
        assertThat(port()).isEqualTo(9);
        v.lapic().accept(new ApicBus.Message(0, ApicBus.INIT, false, 0, 0, true, false, false));
        assertThat(events().u8(27)).as("latched INIT").isEqualTo(1);
        run();
        assertThat(v.state().rip.get()).isNotEqualTo(0x102);
        assertThat(events().u8(27)).isZero();
    }

    @Test
    void withoutMemoryAtSmbaseTheVmIsDead() {
        assertThat(vm.kvm().msrTable().write(v, Smm.MSR_SMBASE, 0x100000, true)).isZero();
        c.ioctl(v, SMI, 0);
        assertThat(run()).isEqualTo(Errno.EIO);
        assertThat(c.ioctl(vm, CREATE_IRQCHIP, 0)).isEqualTo(Errno.EIO);
    }
}
