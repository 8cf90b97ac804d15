package dev.worldswitch.kernel.arm64;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.HostInterrupts;
import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.LatePool;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.Sme;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/** A booted arm64 host: physical CPUs, kernel, FP code, scheduler, wired together in the order that each needs. */
public record Arm64Host(
        Kernel kernel, Arm64Profile profile, Fpsimd fpsimd, Scheduler scheduler, Arm64Perf perf, List<Arm64Cpu> cpus) {
    /** Any address serves: it only has to differ from those of guests' tables. */
    private static final long HOST_TABLES = 0x0000_4000_0000_0000L;

    private static final long MDCR_E2PB_EL1 = 3 << 12;
    private static final long CPACR_FPEN = 3L << 20, CPACR_ZEN_EL1 = 1L << 16, CPACR_SMEN_EL1 = 1L << 24;
    private static final long PMSCR_E0SPE_E1SPE = 3;

    /** @param pool makes the pool of CPUs from the finished CPUs; called at the first lease */
    public static Arm64Host boot(
            Region root,
            KernelVersion version,
            Arm64Profile profile,
            int cpus,
            Timing timing,
            Function<List<Arm64Cpu>, CpuPool<Arm64Cpu>> pool) {
        Kernel kernel = new Kernel(root, version, timing, cpus);
        Fpsimd fpsimd = new Fpsimd(kernel, profile);
        Arm64Perf perf = new Arm64Perf(kernel);
        LatePool<Arm64Cpu> late = new LatePool<>();
        Scheduler scheduler = new Scheduler(kernel, fpsimd, late);
        HostInterrupts interrupts = new HostInterrupts(kernel, fpsimd.softirq(), scheduler, perf);
        List<Arm64Cpu> all = IntStream.range(0, cpus)
                .mapToObj(i -> new Arm64Cpu(root.child("cpu" + i), i, profile, timing, interrupts))
                .toList();
        for (Arm64Cpu c : all) cpuEnable(c);
        late.fill(pool, all);
        return new Arm64Host(kernel, profile, fpsimd, scheduler, perf, all);
    }

    /** What the host leaves in its control registers when a CPU has come up: FP for all, SVE for EL1, full length. */
    private static void cpuEnable(Arm64Cpu cpu) {
        long fp = CPACR_FPEN
                | (cpu.profile().hasSve() ? CPACR_ZEN_EL1 : 0)
                | (cpu.profile().hasSme() ? CPACR_SMEN_EL1 : 0);
        set(cpu, SysReg.CPACR_EL1, fp);
        if (cpu.profile().vhe()) set(cpu, SysReg.CPTR_EL2, fp);
        long len = Math.max(0, cpu.profile().maxVq() - 1);
        set(cpu, SysReg.ZCR_EL1, len);
        set(cpu, SysReg.ZCR_EL2, len);
        set(cpu, SysReg.SMCR_EL2, smcr(cpu.profile()));
        if (!cpu.profile().vhe()) set(cpu, SysReg.SMCR_EL1, smcr(cpu.profile()));
        long e2pb = !cpu.profile().vhe() && cpu.spe().implemented() ? MDCR_E2PB_EL1 : 0;
        set(cpu, SysReg.MDCR_EL2, cpu.profile().register(SysReg.PMCR_EL0) >>> 11 & 0x1f | e2pb);
        // Its reset value is UNKNOWN: here what does most harm.
        if (cpu.profile().vhe() && cpu.spe().implemented()) set(cpu, SysReg.PMSCR_EL1, PMSCR_E0SPE_E1SPE);
        cpu.bootTables(HOST_TABLES);
        set(cpu, SysReg.CNTFRQ_EL0, cpu.profile().cntfrq());
    }

    /** Host code broke down on this CPU and left it anyhow: it comes up anew, and its FP registers are nobody's. */
    public void recover(Arm64Cpu cpu) {
        cpu.reset();
        cpuEnable(cpu);
        fpsimd.cameUp(cpu);
    }

    /**
     * SMCR_EL1 as the kernel wants it: ZT0 and the full A64 instruction set in streaming mode. LEN after a suspend makes no difference,
     * as the kernel has saved all registers by then: here it stays the largest.
     */
    public static long smcr(Arm64Profile profile) {
        return profile.hasSme() ? Sme.SMCR_FA64 | Sme.SMCR_EZT0 | profile.maxSvq() - 1L : 0;
    }

    /** The machine sleeps and wakes: control registers that nobody restores are UNKNOWN, here zero. */
    public void suspendAndResume() {
        for (Arm64Cpu c : cpus) loseAndRestore(c);
    }

    /** CPUs on which no task runs enter a deep idle state (CPU_PM_ENTER) and leave it. */
    public void idleCpusDownAndUp() {
        for (Arm64Cpu c : cpus) if (isIdle(c)) loseAndRestore(c);
    }

    /** No task has it. */
    public boolean isIdle(Arm64Cpu c) {
        return kernel.perCpu(c).current().get() == null;
    }

    /** sme_suspend_exit, on a CPU whose tasks are frozen or elsewhere: nothing happens between. */
    private void loseAndRestore(Arm64Cpu c) {
        set(
                c,
                c.host().resolve(SysReg.SMCR_EL1),
                kernel.has(Patch.SME_AFTER_SUSPEND) ? smcr(profile) : smcr(profile) & Sme.SMCR_LEN);
    }

    private static void set(Arm64Cpu cpu, SysReg r, long v) {
        cpu.sys().set(r.ordinal(), v);
    }

    /** A new host task, not yet running. */
    public Task newTask(String name) {
        return new Task(kernel.region().child(name));
    }
}
