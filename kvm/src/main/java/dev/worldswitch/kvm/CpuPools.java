package dev.worldswitch.kvm;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.List;

/** Makes the pool that hands out the CPUs of a host that boots; they are of its architecture's class. */
public interface CpuPools {
    <C extends PhysicalCpu> CpuPool<C> over(List<C> cpus);
}
