package dev.worldswitch.kernel.arm64;

import dev.worldswitch.kernel.HostPerf;
import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** perf's counters in user mode: PMUSERENR_EL0 on a CPU (drivers/perf/arm_pmuv3.c, armv8pmu_enable_user_access). */
public final class Arm64Perf implements HostPerf {
    /** PMUSERENR_EL0.ER and CR. */
    private static final long ER_CR = 0xc;

    /** PMEVTYPER0_EL0.U: EL0 does not count. */
    public static final long EXCLUDE_EL0 = 1L << 30;

    private static final long CYCLES_EVENT = 0x11;

    private final List<Word> userAccess, hostEvents, wroteType;
    private final Ref<@Nullable Shadow> shadow;

    /** KVM, which keeps the host's value while a guest's is in the CPU. */
    @FunctionalInterface
    public interface Shadow {
        /** kvm_set_pmuserenr: true when KVM takes care of the register. */
        boolean kvmSetPmuserenr(PhysicalCpu cpu, long value);
    }

    Arm64Perf(Kernel kernel) {
        this.shadow = kernel.region().ref("kvmSetPmuserenr", null);
        this.userAccess = perCpu(kernel, "perfUserAccess");
        this.hostEvents = perCpu(kernel, "pmuEventsHost");
        this.wroteType = perCpu(kernel, "perfEventType");
    }

    private static List<Word> perCpu(Kernel kernel, String name) {
        return kernel.perCpus().stream().map(p -> p.region().word(name)).toList();
    }

    /** Counter 0 of this CPU counts the host at EL1 and EL0, and no guest: kvm_set_pmu_events notes that. */
    public void countHost(PhysicalCpu cpu) {
        hostEvents.get(cpu.id()).set(1);
        wroteType.get(cpu.id()).set(CYCLES_EVENT);
        ((Arm64Cpu) cpu).host().msr(SysReg.PMEVTYPER0_EL0, CYCLES_EVENT);
    }

    /** kvm_pmu_events.events_host: counters of this CPU that stop for guests, a bit each. */
    public long hostEvents(PhysicalCpu cpu) {
        return hostEvents.get(cpu.id()).get();
    }

    /** What PMEVTYPER0_EL0 must be in user mode on this CPU. */
    public long eventType(PhysicalCpu cpu) {
        return wroteType.get(cpu.id()).get();
    }

    /** KVM has come. */
    public void shadow(Shadow kvm) {
        shadow.set(kvm);
    }

    /** On if it was off, and the other way round. */
    @Override
    public void crossCall(PhysicalCpu cpu) {
        userAccess(cpu, userAccess(cpu) == 0);
    }

    /** A counter is mapped into user mode, or none is any more. */
    public void userAccess(PhysicalCpu cpu, boolean on) {
        userAccess.get(cpu.id()).set(on ? ER_CR : 0);
        Shadow kvm = shadow.get();
        if (kvm != null && kvm.kvmSetPmuserenr(cpu, userAccess(cpu))) return;
        ((Arm64Cpu) cpu).host().msr(SysReg.PMUSERENR_EL0, userAccess(cpu));
    }

    /** What the register must be in user mode on this CPU. */
    public long userAccess(PhysicalCpu cpu) {
        return userAccess.get(cpu.id()).get();
    }
}
