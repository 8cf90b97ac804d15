package dev.worldswitch.kernel.x86;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.HostInterrupts;
import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.LatePool;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/** A booted x86 host: physical CPUs, kernel, FPU code, scheduler, wired together in the order that each needs. */
public record X86Host(
        Kernel kernel, X86Profile profile, Fpu fpu, Scheduler scheduler, X86Perf perf, List<X86Cpu> cpus) {
    /** do_machine_check on this host. */
    public MachineCheck machineCheck() {
        return new MachineCheck(kernel, scheduler);
    }

    /**
     * @param pool makes the pool of CPUs from the finished CPUs; called at the first lease
     */
    public static X86Host boot(
            Region root,
            KernelVersion version,
            X86Profile profile,
            int cpus,
            Timing timing,
            Function<List<X86Cpu>, CpuPool<X86Cpu>> pool) {
        Kernel kernel = new Kernel(root, version, timing, cpus);
        Fpu fpu = new Fpu(kernel, profile);
        X86Perf perf = new X86Perf(kernel);
        LatePool<X86Cpu> late = new LatePool<>();
        Scheduler scheduler = new Scheduler(kernel, fpu, late);
        HostInterrupts interrupts = new HostInterrupts(kernel, fpu.softirq(), scheduler, perf);
        List<X86Cpu> all = IntStream.range(0, cpus)
                .mapToObj(i -> new X86Cpu(root.child("cpu" + i), i, profile, timing, interrupts))
                .toList();
        for (X86Cpu c : all) c.xcr0().set(profile.xcr0());
        late.fill(pool, all);
        return new X86Host(kernel, profile, fpu, scheduler, perf, all);
    }

    /** CPUs on which no task runs go off and come up again. */
    public void idleCpusDownAndUp() {
        for (X86Cpu c : cpus) {
            if (isIdle(c)) recover(c);
        }
    }

    /** A CPU that was off, or that host code left anyhow when it broke down, comes up. */
    public void recover(X86Cpu cpu) {
        cpu.reset(profile.xcr0());
        fpu.fpuInitCpu(cpu);
    }

    /**
     * The machine sleeps and wakes, its tasks frozen: they are off their CPUs with their registers saved; all CPUs lose
     * theirs, and all but the first one come up as after hotplug.
     */
    public void suspendAndResume() {
        for (X86Cpu c : cpus) fpu.fpuFreeze(c);
        for (X86Cpu c : cpus) {
            c.reset(profile.xcr0());
            if (c.id() == 0) fpu.fpuResumeCpu(c);
            else fpu.fpuInitCpu(c);
        }
    }

    /** No task has it. */
    public boolean isIdle(X86Cpu c) {
        return kernel.perCpu(c).current().get() == null;
    }

    /** A new host task, not yet running. */
    public Task newTask(String name) {
        return new Task(kernel.region().child(name));
    }
}
