package dev.worldswitch.kvm;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.List;

/** Makes the pool that hands out the CPUs of a host that boots; they are of its architecture's class. */
public interface CpuPools {
    /** Every task runs on the first CPU, for hosts where only one task runs at a time. */
    CpuPools FIRST_CPU = new CpuPools() {
        @Override
        public <C extends PhysicalCpu> CpuPool<C> over(List<C> cpus) {
            return new CpuPool<>() {
                @Override
                public C lease(Task task) {
                    return cpus.getFirst();
                }

                @Override
                public void release(Task task) {}
            };
        }
    };

    <C extends PhysicalCpu> CpuPool<C> over(List<C> cpus);
}
