package dev.worldswitch.explore.x86;

import dev.worldswitch.explore.RegisterFile;
import dev.worldswitch.explore.RegisterFile.Register;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.kernel.x86.X86Thread;
import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86State;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Registers of x86 CPUs and vCPUs by name, and whose values a CPU's FP and vector registers hold. */
final class X86Registers {
    private static final String[] GENERAL = {
        "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"
    };

    /** What an XSAVE component consists of: registers of {@code words} each. */
    private record Part(int component, String name, int words, int n) {}

    private static final List<Part> PARTS = List.of(
            new Part(XsaveLayout.AVX, "YMM_Hi128_", 2, 16),
            new Part(XsaveLayout.OPMASK, "K", 1, 8),
            new Part(XsaveLayout.ZMM_HI256, "ZMM_Hi256_", 4, 16),
            new Part(XsaveLayout.HI16_ZMM, "Hi16_ZMM_", 8, 16),
            new Part(XsaveLayout.TILEDATA, "TMM", 128, 8));

    private X86Registers() {}

    static List<RegisterFile> of(X86Host host) {
        List<RegisterFile> all = new ArrayList<>();
        for (X86Cpu c : host.cpus())
            all.add(new RegisterFile(
                    host.cpus().size() == 1 ? "" : "cpu" + c.id(), registers(c), () -> owner(host, c)));
        return all;
    }

    private static List<Register> registers(X86Cpu c) {
        List<Register> all = new ArrayList<>(List.of(
                new Register("XCR0", c.xcr0()),
                new Register("IA32_XFD", c.xfd()),
                new Register("IA32_XFD_ERR", c.xfdErr()),
                new Register("IA32_DEBUGCTL", c.debugctl())));
        Cell fp = c.fpregs();
        XsaveLayout layout = c.profile().xsave();
        all.add(new Register("XINUSE", fp, XsaveLayout.XSTATE_BV / 8, 1));
        all.add(new Register("FCW FSW FTW FOP", fp, XsaveLayout.FCW / 8, 1));
        all.add(new Register("MXCSR", fp, XsaveLayout.MXCSR / 8, 1));
        RegisterFile.add(all, "ST", fp, XsaveLayout.ST0 / 8, 2, 8);
        RegisterFile.add(all, "XMM", fp, XsaveLayout.XMM0 / 8, 2, 16);
        for (Part p : PARTS)
            if (layout.has(p.component))
                RegisterFile.add(all, p.name, fp, layout.component(p.component).offset() / 8, p.words, p.n);
        if (layout.has(XsaveLayout.PKRU))
            all.add(new Register("PKRU", fp, layout.component(XsaveLayout.PKRU).offset() / 8, 1));
        if (layout.has(XsaveLayout.TILECFG))
            all.add(new Register(
                    "TILECFG", fp, layout.component(XsaveLayout.TILECFG).offset() / 8, 8));
        return all;
    }

    /** General and control registers of a vCPU: they are in its VMCS or VMCB and in KVM's memory of them. */
    static RegisterFile of(String guest, X86State s) {
        List<Register> all = new ArrayList<>();
        for (int i = 0; i < GENERAL.length; i++) all.add(new Register(GENERAL[i], s.gpr, i, 1));
        all.add(new Register("RIP", s.rip));
        all.add(new Register("RFLAGS", s.rflags));
        for (int n : new int[] {0, 2, 3, 4}) all.add(new Register("CR" + n, s.cr, n, 1));
        for (int n : new int[] {0, 1, 2, 3, 6, 7}) all.add(new Register("DR" + n, s.dr, n, 1));
        all.add(new Register("EFER", s.efer));
        return new RegisterFile(guest, all, null);
    }

    private static String owner(X86Host host, X86Cpu cpu) {
        if (host.fpu().inKernelFpu(cpu)) return RegisterFile.KERNEL;
        @Nullable Task current = host.kernel().perCpu(cpu).current().get();
        if (current == null || current.flags().test(Task.TIF_NEED_FPU_LOAD)) return RegisterFile.NOBODY;
        if (!(current.thread().get() instanceof X86Thread t)) return RegisterFile.NOBODY;
        String name = current.region().name();
        return t.fpstate().get() == t.own() ? name : "guest of " + name;
    }
}
