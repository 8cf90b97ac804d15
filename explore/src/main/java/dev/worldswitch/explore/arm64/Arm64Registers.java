package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.RegisterFile;
import dev.worldswitch.explore.RegisterFile.Register;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.Arm64Host;
import dev.worldswitch.kernel.arm64.Arm64Thread;
import dev.worldswitch.kernel.arm64.CpuFpState;
import dev.worldswitch.kvm.arm64.Kvm;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Registers of arm64 CPUs by name, and whose values their FP and vector registers hold. A guest's are really in there. */
final class Arm64Registers {
    private Arm64Registers() {}

    static List<RegisterFile> of(Arm64Host host, Kvm kvm) {
        List<RegisterFile> all = new ArrayList<>();
        for (Arm64Cpu c : host.cpus())
            all.add(new RegisterFile(
                    host.cpus().size() == 1 ? "" : "cpu" + c.id(), registers(c), () -> owner(host, kvm, c)));
        return all;
    }

    private static List<Register> registers(Arm64Cpu c) {
        List<Register> all = new ArrayList<>();
        RegisterFile.add(all, "X", c.gpr(), 0, 1, Arm64Cpu.SP);
        all.add(new Register("SP", c.gpr(), Arm64Cpu.SP, 1));
        all.add(new Register("PC", c.pc()));
        all.add(new Register("PSTATE", c.pstate()));
        for (SysReg r : SysReg.values()) all.add(new Register(r.name(), c.sys(), r.ordinal(), 1));
        RegisterFile.add(all, "Z", c.z(), 0, c.zStride(), 32);
        RegisterFile.add(all, "P", c.p(), 0, c.pStride(), Arm64Cpu.FFR);
        all.add(new Register("FFR", c.p(), Arm64Cpu.FFR * c.pStride(), c.pStride()));
        return all;
    }

    private static String owner(Arm64Host host, Kvm kvm, Arm64Cpu cpu) {
        @Nullable Task current = host.kernel().perCpu(cpu).current().get();
        if (host.fpsimd().ownerChanges(cpu)) return RegisterFile.KERNEL;
        if (current == null) return RegisterFile.NOBODY;
        if (current.flags().test(Task.TIF_KERNEL_FPSTATE)) return RegisterFile.KERNEL;
        String name = current.region().name(), guest = "guest of " + name;
        // From the guest's first FP instruction to the way out, when they are bound to its image: nobody else's
        // meanwhile.
        if (!cpu.irqsOn() && kvm.guestOwnsFpRegs(cpu)) return guest;
        CpuFpState last = host.fpsimd().lastState(cpu);
        if (last == null || current.flags().test(Task.TIF_FOREIGN_FPSTATE)) return RegisterFile.NOBODY;
        if (last.guest() != null) return guest;
        return current.thread().get() instanceof Arm64Thread t && last.st() == t.own() ? name : RegisterFile.NOBODY;
    }
}
