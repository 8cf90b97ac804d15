package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Violation;
import dev.worldswitch.kernel.arm64.Arm64Perf;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the host last wrote to each CPU's profiling and debug controls. */
final class HostControls {
    private static final long E2PB_HPMN = 3 << 12 | 0x1f, PMSCR_BOTH = 3, PMBLIMITR_E = 1;
    private static final long HPMN = 0x1f;
    private final Words pmscr, mdcr, mdcrWhole;
    private final Arm64Perf perf;

    HostControls(Region ghosts, List<Arm64Cpu> cpus, Arm64Perf perf) {
        this.pmscr = ghosts.words("hostPmscr", cpus.size());
        this.mdcr = ghosts.words("hostMdcr", cpus.size());
        this.mdcrWhole = ghosts.words("hostMdcrWhole", cpus.size());
        this.perf = perf;
        for (Arm64Cpu c : cpus) {
            mdcr.set(c.id(), mdcr(c));
            mdcrWhole.set(c.id(), c.sys().get(SysReg.MDCR_EL2.ordinal()));
        }
    }

    private static long mdcr(Arm64Cpu cpu) {
        return cpu.sys().get(SysReg.MDCR_EL2.ordinal()) & E2PB_HPMN;
    }

    /** perf on this CPU, interrupts off as in arm_spe_pmu_start: the buffer first, then what fills it; the other way round at its end. */
    void profile(Arm64Cpu cpu, boolean on) {
        if (!cpu.spe().usable()) return;
        boolean were = cpu.irqSave();
        setProfiling(cpu, on);
        cpu.irqRestore(were);
    }

    private void setProfiling(Arm64Cpu cpu, boolean on) {
        pmscr.set(cpu.id(), on ? PMSCR_BOTH : 0);
        if (!on) stopAndDrain(cpu);
        cpu.host().msr(SysReg.PMBLIMITR_EL1, on ? PMBLIMITR_E : 0);
        cpu.host().isb();
        if (!on) return;
        cpu.host().msr(SysReg.PMSCR_EL1, PMSCR_BOTH);
        cpu.host().isb();
    }

    private static void stopAndDrain(Arm64Cpu cpu) {
        cpu.host().msr(SysReg.PMSCR_EL1, 0);
        cpu.host().isb();
        cpu.host().psbCsync();
        cpu.host().dsbNsh();
    }

    /** perf maps a counter for user mode: PMUSERENR_EL0 lets it read counters and the cycle counter. */
    void userCounters(Arm64Cpu cpu) {
        boolean were = cpu.irqSave();
        perf.userAccess(cpu, true);
        cpu.irqRestore(were);
    }

    void countHost(Arm64Cpu cpu) {
        boolean were = cpu.irqSave();
        perf.countHost(cpu);
        cpu.irqRestore(were);
    }

    /** HPMN = 0 is CONSTRAINED UNPREDICTABLE; a VHE host lives with what KVM leaves in the register. */
    @Nullable
    String wrongHpmn(Arm64Cpu cpu) {
        long now = cpu.sys().get(SysReg.MDCR_EL2.ordinal()) & HPMN;
        return cpu.profile().vhe() && now != (mdcr.get(cpu.id()) & HPMN) ? "MDCR_EL2.HPMN is " + now : null;
    }

    private void checkDebug(Arm64Cpu cpu) {
        long is = cpu.sys().get(SysReg.MDCR_EL2.ordinal()), was = mdcrWhole.get(cpu.id());
        if (is != was)
            throw new Violation(
                    Arm64Properties.HOST_DEBUG,
                    "MDCR_EL2 is 0x" + Long.toHexString(is) + ", was 0x" + Long.toHexString(was));
        long el0 = cpu.sys().get(SysReg.PMUSERENR_EL0.ordinal());
        if (el0 != perf.userAccess(cpu))
            throw new Violation(
                    Arm64Properties.HOST_DEBUG, "PMUSERENR_EL0 is " + el0 + ", the host wrote " + perf.userAccess(cpu));
        long type = cpu.sys().get(SysReg.PMEVTYPER0_EL0.ordinal());
        if (type != perf.eventType(cpu))
            throw new Violation(
                    Arm64Properties.HOST_DEBUG,
                    "PMEVTYPER0_EL0 is 0x" + Long.toHexString(type) + " on CPU " + cpu.id() + ", perf wrote 0x"
                            + Long.toHexString(perf.eventType(cpu)));
    }

    void check(Arm64Cpu cpu) {
        long now = mdcr(cpu), was = mdcr.get(cpu.id());
        if (now != was)
            throw new Violation(
                    Arm64Properties.SPE_CONTROL,
                    "MDCR_EL2's E2PB and HPMN are 0x" + Long.toHexString(now) + ", were 0x" + Long.toHexString(was));
        checkDebug(cpu);
        if (!cpu.spe().usable()) return;
        SysReg r = cpu.profile().vhe() ? SysReg.PMSCR_EL2 : SysReg.PMSCR_EL1;
        long is = cpu.sys().get(r.ordinal()), wrote = pmscr.get(cpu.id());
        if (is != wrote)
            throw new Violation(Arm64Properties.SPE_CONTROL, r + " is " + is + ", the host wrote " + wrote);
    }
}
