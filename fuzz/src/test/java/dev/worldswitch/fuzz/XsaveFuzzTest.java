package dev.worldswitch.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.IoctlTable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Arbitrary XSAVE images by KVM_SET_XSAVE and by a guest's XRSTOR of each form: taken or refused, and what was taken comes
 * back with no more in use than was given.
 */
class XsaveFuzzTest {
    private static final int SET = IoctlTable.iow(0xa5, 4096),
            GET = IoctlTable.ior(0xa4, 4096),
            GET2 = IoctlTable.ior(0xcf, 4096);
    private static final int SET_XCRS = IoctlTable.iow(0xa7, 392), RUN = IoctlTable.io(0x80);
    private static final int SET_CPUID2 = IoctlTable.iow(0x90, 8), SUPPORTED = IoctlTable.iowr(0x05, 8);
    private static final List<String> MACHINES =
            List.of("sapphire-rapids", "skylake-server", "conformance-svm", "x86-64-v1");
    private static final GuardedMemory MEMORY = GuardedMemory.get();
    private static final long IMAGE = Window.DATA.address(),
            ARG = Window.STRUCT.address(),
            GUEST = Window.SLOT.address();
    private static final long CODE = 0x8000, GUEST_IMAGE = 0x10000, GUEST_OUT = 0x14000;
    private static final int HEADER = 512, SIZE = 0x3000;
    /** XRSTOR, XRSTORS, FXRSTOR and what saves again, all of [edi] and [esi]. */
    private static final int[][] PAIRS = {
        {0x0fae2f, 0x0fae26}, {0x0fc71f, 0x0fc726}, {0x0fae0f, 0x0fae06}, {0x0fae2f, 0x0fae36}, {0x0fae2f, 0x0fc72e}
    };

    private final Map<String, InProcess> hosts = new HashMap<>();

    @FuzzTest
    void any_image_is_taken_or_refused(byte[] data) {
        Input in = new Input(data);
        String machine = MACHINES.get(in.u8() & 3), kernel = IoctlTarget.KERNELS.get(in.u8() & 3);
        InProcess host = hosts.remove(machine + kernel);
        if (host == null) host = new InProcess(machine, kernel);
        MEMORY.clear();
        X86Guest guest = new X86Guest(host, MEMORY);
        MEMORY.put(ARG, 8, 200);
        host.ioctl(0, SUPPORTED, ARG);
        if ((in.u8() & 1) == 0) host.ioctl(X86Guest.VCPU, SET_CPUID2, ARG);
        image(in, IMAGE);
        long bv = MEMORY.get(IMAGE + HEADER, 8);
        long r = host.ioctl(X86Guest.VCPU, SET, IMAGE);
        for (int command : new int[] {GET, GET2}) {
            long got = host.ioctl(X86Guest.VCPU, command, Window.SLOT.address() + 0x20000);
            long now = MEMORY.get(Window.SLOT.address() + 0x20000 + HEADER, 8);
            // FP and SSE may be said to be in use whether they were given or not (api.rst; init optimisation).
            if (r == 0 && got == 0 && (now & ~bv & ~3L) != 0)
                throw new AssertionError("given 0x" + Long.toHexString(bv) + ", got 0x" + Long.toHexString(now));
        }
        run(host, guest, in);
        host.closeAll();
        hosts.put(machine + kernel, host);
    }

    /** 64-bit words anywhere in an image, most of all in the header. */
    private static void image(Input in, long at) {
        for (int i = 0; i < SIZE; i += 8) MEMORY.put(at + i, 8, 0);
        MEMORY.put(at + HEADER, 8, in.u32() & 0xffffffffL);
        for (int n = in.u8() & 7; n > 0; n--) {
            int where = (int) in.number(2);
            MEMORY.put(at + ((where & 0x8000) != 0 ? HEADER + (where & 0x38) : where % (SIZE - 8)), 8, in.u64());
        }
    }

    private static void run(InProcess host, X86Guest guest, Input in) {
        image(in, GUEST + GUEST_IMAGE);
        MEMORY.put(ARG, 8, 1);
        MEMORY.put(ARG + 8, 8, 0);
        MEMORY.put(ARG + 16, 8, in.u32() & 0xffffffffL | 1);
        host.ioctl(X86Guest.VCPU, SET_XCRS, ARG);
        int[] pair = PAIRS[in.u8() % PAIRS.length];
        long at = GUEST + CODE;
        // mov eax, imm32; mov edx, imm32; the two; hlt
        MEMORY.put(at, 1, 0xb8);
        MEMORY.put(at + 1, 4, in.u32());
        MEMORY.put(at + 5, 1, 0xba);
        MEMORY.put(at + 6, 4, in.u32());
        at += 10;
        int rex = in.u8();
        for (int op : pair) {
            if ((rex & 1) != 0) MEMORY.put(at++, 1, 0x48);
            for (int shift = 16; shift >= 0; shift -= 8) MEMORY.put(at++, 1, op >> shift);
        }
        MEMORY.put(at, 1, 0xf4);
        guest.longMode(CODE, GUEST_IMAGE + (rex >> 1 & 0x40), GUEST_OUT);
        long r = host.ioctl(X86Guest.VCPU, RUN, 0);
        if (r > 0 || r < -133) throw new AssertionError("KVM_RUN answers " + r);
    }
}
