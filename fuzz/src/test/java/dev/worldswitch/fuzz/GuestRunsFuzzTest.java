package dev.worldswitch.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.IoctlTable;
import java.util.HashMap;
import java.util.Map;

/**
 * Arbitrary guest code and page tables by KVM_RUN, exits answered with arbitrary bytes: each run ends by an exit or an errno, and
 * touches nothing of its client but the slots.
 */
class GuestRunsFuzzTest {
    private static final int RUN = IoctlTable.io(0x80), EXITS_MAX = 6, CODE_MAX = 256;
    private static final int SET_ONE_REG = IoctlTable.iow(0xac, 16), TARGET = IoctlTable.ior(0xaf, 32);
    private static final int INIT = IoctlTable.iow(0xae, 32);
    private static final long CORE_PC = 0x6030_0000_0010_0040L, CORE_X0 = 0x6030_0000_0010_0000L;
    /** SCTLR_EL1, TCR_EL1, TTBR0_EL1, VBAR_EL1, CPACR_EL1. */
    private static final long[] CONTROLS = {
        0x6030_0000_0013_c080L, 0x6030_0000_0013_c102L, 0x6030_0000_0013_c100L, 0x6030_0000_0013_c600L, 0x6030_0000_0013_c082L
    };

    private static final long CODE = 0x8000, ARG = Window.STRUCT.address();
    private static final GuardedMemory MEMORY = GuardedMemory.get();
    private final Map<String, InProcess> hosts = new HashMap<>();

    @FuzzTest
    void any_x86_guest_ends_its_run(byte[] data) {
        Input in = new Input(data);
        String machine = in.u8() % 4 == 3 ? "conformance-svm" : "sapphire-rapids";
        InProcess host = taken(machine);
        X86Guest guest = new X86Guest(host, MEMORY);
        int mode = in.u8();
        switch (mode & 3) {
            case 0 -> guest.realMode(CODE);
            case 1 -> guest.protectedMode(CODE);
            default -> guest.longMode(CODE, 0x9000, 0xa000);
        }
        // Anything in the tables, so that they lead outside, to themselves or to read-only memory.
        for (int n = in.u8() & 15; n > 0; n--) memory(X86Guest.PML4 + in.number(2) % 0x4000, in.u64());
        finish(host, machine, in);
    }

    @FuzzTest
    void any_arm64_guest_ends_its_run(byte[] data) {
        Input in = new Input(data);
        String machine = in.u8() % 4 == 3 ? "max,nvhe" : "max";
        InProcess host = taken(machine);
        host.ioctl(0, IoctlTable.io(1), 0);
        X86Guest.slot(host, MEMORY, 0, 0, 0, Window.SLOT);
        X86Guest.slot(host, MEMORY, 1, 2, 0x100000, Window.SMALL);
        host.ioctl(1, IoctlTable.io(0x41), 0);
        host.ioctl(1, TARGET, ARG);
        MEMORY.put(ARG + 4, 4, 4);
        host.ioctl(2, INIT, ARG);
        register(host, CORE_PC, CODE);
        int mode = in.u8();
        for (int i = 0; i < CONTROLS.length; i++) if ((mode >> i & 1) != 0) register(host, CONTROLS[i], in.u64());
        for (int n = in.u8() & 15; n > 0; n--) register(host, CORE_X0 + 2L * (in.u8() % 31), in.u64());
        for (int n = in.u8() & 15; n > 0; n--) memory(in.number(2) & 0x7ff8, in.u64());
        finish(host, machine, in);
    }

    private InProcess taken(String machine) {
        InProcess host = hosts.remove(machine);
        MEMORY.clear();
        return host == null ? new InProcess(machine, "6.12") : host;
    }

    private static void memory(long gpa, long value) {
        MEMORY.put(Window.SLOT.address() + gpa, 8, value);
    }

    private static void register(InProcess host, long id, long value) {
        MEMORY.put(ARG, 8, id);
        MEMORY.put(ARG + 8, 8, ARG + 16);
        MEMORY.put(ARG + 16, 8, value);
        host.ioctl(2, SET_ONE_REG, ARG);
    }

    private void finish(InProcess host, String machine, Input in) {
        byte[] code = in.take(CODE_MAX);
        MEMORY.write(Window.SLOT.address() + CODE, code, 0, code.length);
        long struct = MEMORY.hash(Window.STRUCT), data = MEMORY.hash(Window.DATA), small = MEMORY.hash(Window.SMALL);
        for (int i = 0; i < EXITS_MAX; i++) {
            long r = host.ioctl(2, RUN, 0);
            if (r > 0 || r < -133) throw new AssertionError("KVM_RUN answers " + r);
            if (r != 0) break;
            // The answer to a read, wherever this exit has it.
            host.page(2, (int) in.number(1) * 8, in.u64());
        }
        if (MEMORY.hash(Window.STRUCT) != struct || MEMORY.hash(Window.DATA) != data || MEMORY.hash(Window.SMALL) != small)
            throw new AssertionError("the guest wrote outside its slots, or to a read-only one");
        host.closeAll();
        hosts.put(machine, host);
    }
}
