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
    private static final long[] CONTROLS = {
        Arm64Guest.SCTLR_EL1, Arm64Guest.TCR_EL1, Arm64Guest.TTBR0_EL1, Arm64Guest.VBAR_EL1, Arm64Guest.CPACR_EL1
    };

    private static final long CODE = 0x8000;
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
        Arm64Guest guest = new Arm64Guest(host, MEMORY, machine.equals("max"));
        guest.register(Arm64Guest.PC, CODE);
        int mode = in.u8();
        for (int i = 0; i < CONTROLS.length; i++) if ((mode >> i & 1) != 0) guest.register(CONTROLS[i], in.u64());
        for (int n = in.u8() & 15; n > 0; n--) guest.register(Arm64Guest.X0 + 2L * (in.u8() % 31), in.u64());
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
        if (MEMORY.hash(Window.STRUCT) != struct
                || MEMORY.hash(Window.DATA) != data
                || MEMORY.hash(Window.SMALL) != small)
            throw new AssertionError("the guest wrote outside its slots, or to a read-only one");
        host.closeAll();
        hosts.put(machine, host);
    }
}
