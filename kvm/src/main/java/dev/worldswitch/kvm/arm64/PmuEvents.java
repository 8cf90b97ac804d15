package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.Arm64Perf;
import dev.worldswitch.kernel.arm64.Fpsimd;
import dev.worldswitch.machine.arm64.SysReg;

/**
 * Counters of perf that stop while a guest runs (arch/arm64/kvm/pmu.c). On VHE the host's kernel is at EL2 and only EL0 is
 * both worlds': PMEVTYPERn_EL0.U says whether it counts.
 */
final class PmuEvents {
    private final Arm64Perf perf;
    private final Scheduler scheduler;
    private final boolean vhe, onOneCpu;

    PmuEvents(Kernel kernel, boolean vhe, Arm64Perf perf, Scheduler scheduler) {
        this.vhe = vhe;
        this.perf = perf;
        this.scheduler = scheduler;
        this.onOneCpu = kernel.has(Patch.PMU_EVENTS_ON_ONE_CPU);
    }

    /** kvm_vcpu_pmu_restore_guest: at load, and after a guest's access to its PMU, which is preemptible. */
    void restoreGuest(Task task) {
        exclude(task, true);
    }

    /** kvm_vcpu_pmu_restore_host: at put. */
    void restoreHost(Task task) {
        exclude(task, false);
    }

    private void exclude(Task task, boolean el0) {
        if (!vhe || perf.hostEvents(Fpsimd.cpu(task)) == 0) return;
        // Between this test and the write the task may go to a CPU whose counters are others.
        if (onOneCpu) scheduler.preemptDisable(task);
        if (!onOneCpu || perf.hostEvents(Fpsimd.cpu(task)) != 0) {
            Fpsimd.cpu(task).moment(el0 ? "kvm_vcpu_pmu_disable_el0" : "kvm_vcpu_pmu_enable_el0");
            long v = Fpsimd.cpu(task).sys().get(SysReg.PMEVTYPER0_EL0.ordinal());
            v = el0 ? v | Arm64Perf.EXCLUDE_EL0 : v & ~Arm64Perf.EXCLUDE_EL0;
            Fpsimd.cpu(task).sys().set(SysReg.PMEVTYPER0_EL0.ordinal(), v);
        }
        if (onOneCpu) scheduler.preemptEnable(task);
    }
}
