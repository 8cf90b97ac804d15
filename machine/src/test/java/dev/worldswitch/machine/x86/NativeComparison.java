package dev.worldswitch.machine.x86;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;

/** Runs the same case on the simulated machine as ran natively and tells the first difference. */
final class NativeComparison {
    private final Guest g = new Guest().longMode();

    /** {@code threshold}: after how many interpretations of a block it is translated. */
    NativeComparison(int threshold) {
        for (int k = 0; k < 512; k++) g.put(Guest.PD + 8 * k, 0);
        g.put(Guest.PD + 8 * 128, 0x104000 | 7);
        g.put(0x104000, 0x200000 | 7);
        g.put(0x104008, 0x201000 | 7);
        g.state.idtLimit.set(0);
        g.state.cr.set(4, g.state.cr.get(4) | X86State.CR4_OSXSAVE | X86State.CR4_OSXMMEXCPT);
        g.cpu.xcr0().set(0xe7);
        g.m.translator.threshold = threshold;
        g.m.translator.everything = true;
    }

    int translations() {
        return g.m.translator.made();
    }

    private MemorySegment data() {
        return g.ram.asSlice(0x200000, 4096);
    }

    private X86Exit run(NativeCpu.Case c) {
        MemorySegment data = data();
        data.fill((byte) 0);
        MemorySegment.copy(MemorySegment.ofArray(c.data()), 0, data, 0x800, 256);
        MemorySegment.copy(MemorySegment.ofArray(c.code()), 0, g.ram, 0x201000, c.code().length);
        g.bytes(0x201000 + c.code().length, "f4");
        for (int r = 0; r < 16; r++) g.state.gpr.set(r, c.gpr()[r]);
        g.state.rflags.set(c.rflags() | X86State.IF);
        g.state.rip.set(0x10001000);
        return g.run();
    }

    /** The data after the case ran to its end. */
    byte[] after(NativeCpu.Case c) {
        X86Exit e = run(c);
        if (e.reason != X86Exit.HLT) throw new IllegalStateException(e.name());
        return data().asSlice(0x800, 256).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }

    /** Empty when all registers, flags but {@code undefined} and memory are as they were natively. */
    String difference(NativeCpu.Case c, int undefined, NativeCpu.Result want) {
        X86Exit e = run(c);
        String name = "code " + HexFormat.of().formatHex(c.code()) + ": ";
        boolean ok = e.reason == X86Exit.HLT;
        if (!ok && e.reason != X86Exit.SHUTDOWN)
            return name + e.name() + " " + HexFormat.of().formatHex(e.bytes, 0, e.byteCount);
        if (ok != (want.signal() == 0)) return name + "native signal " + want.signal() + ", here " + e.name() + all(c);
        if (!ok) return "";
        for (int r = 0; r < 16; r++)
            if (g.state.gpr.get(r) != want.gpr()[r])
                return name + "register " + r + " was " + Long.toHexString(c.gpr()[r]) + " native "
                        + Long.toHexString(want.gpr()[r]) + " here " + Long.toHexString(g.state.gpr.get(r)) + all(c);
        long diff = (g.state.rflags.get() ^ want.rflags()) & 0x8d5 & ~undefined;
        if (diff != 0)
            return name + "flags native " + Long.toHexString(want.rflags()) + " here "
                    + Long.toHexString(g.state.rflags.get()) + all(c);
        byte[] got = data().asSlice(0x800, 256).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        int at = Arrays.mismatch(got, want.data());
        if (at >= 0) return name + "memory at " + at + " native " + want.data()[at] + " here " + got[at] + all(c);
        return "";
    }

    private static String all(NativeCpu.Case c) {
        StringBuilder s = new StringBuilder(" flags before " + Long.toHexString(c.rflags()) + " registers");
        for (long x : c.gpr()) s.append(' ').append(Long.toHexString(x));
        return s.toString();
    }
}
