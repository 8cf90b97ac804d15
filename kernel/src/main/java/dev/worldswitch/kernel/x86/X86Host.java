package dev.worldswitch.kernel.x86;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/** A booted x86 host: physical CPUs, kernel, FPU code, scheduler, wired together in the order that each needs. */
public record X86Host(Kernel kernel, X86Profile profile, Fpu fpu, Scheduler scheduler, List<X86Cpu> cpus) {
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
        Kernel kernel = new Kernel(root, version, timing);
        Fpu fpu = new Fpu(kernel, profile, cpus);
        LatePool late = new LatePool();
        Scheduler scheduler = new Scheduler(kernel, fpu, late);
        HostInterrupts interrupts = new HostInterrupts(fpu, scheduler);
        List<X86Cpu> all = IntStream.range(0, cpus)
                .mapToObj(i -> new X86Cpu(root.child("cpu" + i), i, profile, timing, interrupts))
                .toList();
        for (X86Cpu c : all) c.xcr0().set(profile.xcr0());
        late.pool = pool.apply(all);
        return new X86Host(kernel, profile, fpu, scheduler, all);
    }

    /** A new host task, not yet running. */
    public Task newTask(String name) {
        return new Task(kernel.region().child(name));
    }

    /** The pool needs the CPUs, they need the interrupt entry, it needs the scheduler, and that needs the pool. */
    private static final class LatePool implements CpuPool<X86Cpu> {
        private @org.jspecify.annotations.Nullable CpuPool<X86Cpu> pool;

        private CpuPool<X86Cpu> pool() {
            if (pool == null) throw new IllegalStateException("a task runs before its CPUs are there");
            return pool;
        }

        @Override
        public X86Cpu lease(Task task) {
            return pool().lease(task);
        }

        @Override
        public void release(Task task, X86Cpu cpu) {
            pool().release(task, cpu);
        }
    }
}
