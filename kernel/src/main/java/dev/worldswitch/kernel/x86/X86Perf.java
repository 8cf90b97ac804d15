package dev.worldswitch.kernel.x86;

import dev.worldswitch.kernel.HostPerf;
import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.X86Cpu;
import java.util.List;

/** perf's use of last-branch records: IA32_DEBUGCTL.LBR on a CPU. */
public final class X86Perf implements HostPerf {
    private static final long LBR = 1;
    private final List<Word> debugctl;

    X86Perf(Kernel kernel) {
        this.debugctl = kernel.perCpus().stream()
                .map(p -> p.region().word("perfDebugctl"))
                .toList();
    }

    /** On if it was off, and the other way round. */
    @Override
    public void crossCall(PhysicalCpu physical) {
        X86Cpu cpu = (X86Cpu) physical;
        long now = debugctl(cpu) ^ LBR;
        debugctl.get(cpu.id()).set(now);
        cpu.wrmsrDebugctl(now);
    }

    /** intel_pmu_handle_irq: last-branch records stand still while it looks at them. */
    @Override
    public void nmi(PhysicalCpu physical) {
        X86Cpu cpu = (X86Cpu) physical;
        if (debugctl(cpu) == 0) return;
        cpu.wrmsrDebugctl(cpu.rdmsrDebugctl() & ~LBR);
        cpu.wrmsrDebugctl(cpu.rdmsrDebugctl() | LBR);
    }

    /** What the register must be while host code runs on the CPU. */
    public long debugctl(X86Cpu cpu) {
        return debugctl.get(cpu.id()).get();
    }
}
