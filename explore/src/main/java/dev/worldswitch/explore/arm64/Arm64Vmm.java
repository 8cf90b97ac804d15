package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Architecture.Ghosts;
import dev.worldswitch.explore.Subject;
import dev.worldswitch.explore.Subject.Program;
import dev.worldswitch.explore.Subject.Step;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.Arm64Host;
import dev.worldswitch.kernel.arm64.Fpsimd;
import dev.worldswitch.kernel.arm64.FpsimdSignal;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Sme;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A host task by a scenario's text; its own registers are a victim as well and are looked at after each step. */
final class Arm64Vmm implements Subject.UserTask {
    /** Where the task is: not begun or at its end, in user mode, in the kernel. */
    private static final long AWAY = 0, IN_USER_MODE = 1, IN_KERNEL = 2;

    private static final long CPACR_ZEN_EL0 = 1L << 17, CPACR_SMEN_EL0 = 1L << 25;
    private final Arm64Host host;
    private final Task task;
    private final @Nullable Arm64Vm vm;
    private final @Nullable VmmThread thread;
    private final @Nullable RegisterAbi registers;
    private final ZGhost own, inNeon, ownZa, ownZt0;
    private final HostControls controls;
    private final Word wrote, usesSve, streams, modes, mode, execs, execed, handles, exited, usesZa;
    private final FpsimdSignal signals;
    private final ZGhost inHandler;
    /** Where its handler's frame goes; null for a task without a handler. */
    private final FpsimdSignal.@Nullable Frame frame;

    private final List<Step> steps = new ArrayList<>();

    /**
     * @param vm null for a task that runs no guest
     * @param thread the task is a second thread of another's VMM
     */
    Arm64Vmm(
            Arm64Host host,
            Task task,
            int number,
            Region ghosts,
            Ghosts follow,
            HostControls controls,
            @Nullable Arm64Vm vm,
            @Nullable VmmThread thread,
            @Nullable RegisterAbi registers,
            List<String> does) {
        this.registers = registers;
        this.thread = thread;
        this.controls = controls;
        this.host = host;
        this.task = task;
        this.vm = vm;
        this.own =
                new ZGhost(ghosts.child("task"), 0x80 | number, host.profile().zStride(), follow);
        this.inNeon =
                new ZGhost(ghosts.child("neon"), 0x40 | number, host.profile().zStride(), follow);
        int svq = host.profile().maxSvq();
        this.ownZa = new ZGhost(ghosts.child("za"), 0x10 | number, 16 * svq, 2 * svq, follow);
        this.ownZt0 = new ZGhost(ghosts.child("zt0"), 0x18 | number, 1, Sme.zt0Words(host.profile()), follow);
        this.usesZa = ghosts.word("taskUsesZa");
        this.wrote = ghosts.word("taskWrote");
        this.usesSve = ghosts.word("taskUsesSve");
        this.streams = ghosts.word("taskStreams");
        this.modes = ghosts.word("taskModes");
        this.mode = ghosts.word("taskMode");
        this.execs = ghosts.word("taskExecs");
        this.execed = ghosts.word("taskExeced");
        this.handles = ghosts.word("taskHandlesSignals");
        this.exited = ghosts.word("taskSawExit");
        this.signals = new FpsimdSignal(host.kernel(), host.fpsimd(), host.profile());
        this.inHandler = new ZGhost(
                ghosts.child("handler"), 0x20 | number, host.profile().zStride(), follow);
        this.frame = does.contains("signal-handler")
                ? new FpsimdSignal.Frame(ghosts.child("signalFrame"), host.profile())
                : null;
        mode.set(AWAY);
        steps.add(new Step("starts", () -> {
            mode.set(IN_KERNEL);
            host.scheduler().start(task);
            backInUserMode();
        }));
        for (String s : does) steps.add(step(s));
        steps.add(new Step("ends", () -> {
            host.scheduler().enterFromUserMode(task);
            mode.set(IN_KERNEL);
            host.scheduler().sleep(task);
            mode.set(AWAY);
        }));
    }

    Program program() {
        return new Program(task, List.copyOf(steps));
    }

    @Override
    public Task task() {
        return task;
    }

    @Nullable
    Arm64Vm vm() {
        return vm;
    }

    private Arm64Cpu cpu() {
        return Fpsimd.cpu(task);
    }

    private Arm64Vm hasVm(String step) {
        if (vm == null)
            throw new IllegalArgumentException("task " + task.region().name() + " has no guest to '" + step + "'");
        return vm;
    }

    private Step step(String text) {
        return switch (text) {
            case "own-registers" -> new Step("puts values into its own V registers", this::putOwn);
            case "own-sve" -> new Step("puts values into its own Z registers", this::putOwnSve);
            case "null-call" -> new Step("getppid()", () -> inCall(() -> {}));
            case "suspend" -> new Step("the machine sleeps and wakes", () -> inKernel(() -> host.suspendAndResume()));
            case "kernel-neon" -> new Step("a call whose kernel code computes in V registers", this::kernelNeon);
            case "streaming" -> new Step("SMSTART SM, puts values into Z registers and FPMR", this::streaming);
            case "za" -> new Step("SMSTART ZA, puts values into ZA and ZT0", this::putOwnZa);
            case "za-ends" -> new Step("SMSTOP ZA", this::endsZa);
            case "debugger-sets-v" -> new Step("a debugger stops it and sets its V registers", this::debugged);
            case "interrupted" -> new Step("is interrupted in user mode", () -> inKernel(() -> {}));
            case "user-counters" ->
                new Step("perf lets user mode read counters", () -> inKernel(() -> onThisCpu(controls::userCounters)));
            case "count-host" ->
                new Step("perf counts the host, not guests", () -> inKernel(() -> onThisCpu(controls::countHost)));
            case "profile" ->
                new Step("perf starts sampling", () -> inKernel(() -> onThisCpu(c -> controls.profile(c, true))));
            case "profile-ends" ->
                new Step("perf stops sampling", () -> inKernel(() -> onThisCpu(c -> controls.profile(c, false))));
            case "run" -> {
                Arm64Vm v = hasVm(text);
                yield new Step("ioctl(vcpu, KVM_RUN)", () -> run(v));
            }
            case "run-all" -> {
                Arm64Vm v = hasVm(text);
                Runnable once = () -> {
                    putOwn();
                    run(v);
                };
                yield new Step(
                        "new values in its V registers, ioctl(vcpu, KVM_RUN), until the guest has ended",
                        once,
                        () -> !v.guest().finished() && task.killed().get() == 0);
            }
            case "signal-handler" -> new Step("sigaction()", () -> inCall(() -> handles.set(1)));
            case "raise" ->
                new Step("kill() of itself", () -> inCall(() -> task.flags().or(Task.TIF_SIGPENDING)));
            case "exec" -> new Step("execve()", () -> systemCall(this::exec));
            case "yield" ->
                new Step("sched_yield()", () -> inCall(() -> host.scheduler().schedule(task)));
            case "step" -> {
                Arm64Vm v = hasVm(text);
                yield new Step("ioctl(vcpu, KVM_RUN), single-stepped", () -> inCall(v::step));
            }
            case "run-off" -> {
                Arm64Vm v = hasVm(text);
                yield new Step("ioctl(vcpu, KVM_RUN) until SYSTEM_OFF", () -> inCall(v::runOff));
            }
            case "lower-id", "lower-csv2" -> {
                VmmThread t = thread;
                if (t == null)
                    throw new IllegalArgumentException(
                            "task " + task.region().name() + " has no line 'vm' to '" + text + "'");
                long field = text.equals("lower-id") ? VmmThread.DIT : VmmThread.CSV2;
                yield new Step(
                        "ioctl(vcpu" + t.vcpuId() + ", KVM_SET_ONE_REG) ID_AA64PFR0_EL1",
                        () -> inCall(() -> t.lower(field)));
            }
            case "read-sve" -> {
                Arm64Vm v = hasVm(text);
                yield new Step("ioctl(vcpu, KVM_GET_ONE_REG) z0-z31, ZCR_EL1", () -> inCall(v::checkReader));
            }
            case "init-vcpu", "sve-lengths", "list-registers", "vector-parts", "pmu-registers", "older-id" -> {
                RegisterAbi r = registers;
                if (r == null) throw new IllegalStateException("no VM for '" + text + "'");
                yield new Step(RegisterAbi.STEPS.getOrDefault(text, text), () -> inCall(() -> r.step(text)));
            }
            default ->
                throw new IllegalArgumentException(
                        "a task can't '" + text + "'; known: own-registers, own-sve, streaming, za, za-ends,"
                                + " null-call, exec, signal-handler, raise, suspend, kernel-neon, debugger-sets-v,"
                                + " interrupted, user-counters, count-host, profile, profile-ends, run, run-all, yield, step, run-off, read-sve, lower-id, lower-csv2, "
                                + String.join(", ", RegisterAbi.STEPS.keySet()));
        };
    }

    /** A signal ends KVM_RUN early, its handler runs in user mode, and it is called again. */
    private void run(Arm64Vm v) {
        // A cell: its stack rests on the way back, where it may hold nothing that it was told.
        do inCall(() -> exited.set(v.run() ? 1 : 0));
        while (exited.get() == 0 && task.killed().get() == 0);
        v.checkImage();
        if (exited.get() != 0) v.checkMemory();
    }

    /** One system call, after execve() where that was asked for: both from one place, for their stacks rest alike. */
    private void inCall(Runnable body) {
        do
            systemCall(() -> {
                execed.set(execs.get());
                execs.set(0);
                if (execed.get() != 0) exec();
                else body.run();
            });
        while (execed.get() != 0 && task.killed().get() == 0);
    }

    private void exec() {
        wrote.set(1);
        usesSve.set(0);
        usesZa.set(0);
        own.zeroes();
        host.fpsimd().fpsimdFlushThread(task);
    }

    /** Its user code may call execve() now: what it is in has no vCPU to lose. */
    @Override
    public boolean mayExec() {
        return vm == null && mode.get() == IN_USER_MODE && execs.get() == 0;
    }

    /** Its user code's next call is execve(). */
    @Override
    public void execs() {
        execs.set(1);
    }

    /** A system call drops what is above V in its caller's registers. */
    private void systemCall(Runnable body) {
        if (task.killed().get() != 0) return;
        mode.set(IN_KERNEL);
        // el0_svc: before interrupts are on.
        host.fpsimd().fpUserDiscard(task);
        own.mayDropAbove(1);
        if (streams.get() != 0) own.zeroes();
        streams.set(0);
        inKernel(body);
    }

    private void inKernel(Runnable body) {
        if (task.killed().get() != 0) return;
        host.scheduler().enterFromUserMode(task);
        mode.set(IN_KERNEL);
        rest("in the kernel");
        body.run();
        rest("on the way to user mode");
        backInUserMode();
    }

    /** perf works on one CPU: the task stays there. */
    private void onThisCpu(Consumer<Arm64Cpu> perf) {
        host.scheduler().preemptDisable(task);
        perf.accept(cpu());
        host.scheduler().preemptEnable(task);
    }

    /** Steps hold nothing that they read. */
    private void rest(String where) {
        host.kernel().timing().rest(where, 0);
    }

    /** A killed task never gets back. */
    private void backInUserMode() {
        FpsimdSignal.Frame f = frame;
        while (f != null && handles.get() != 0 && task.flags().test(Task.TIF_SIGPENDING)) handler(f);
        host.scheduler().exitToUserMode(task);
        rest("in user mode");
        if (task.killed().get() != 0) return;
        mode.set(IN_USER_MODE);
        task.flags().clearBits(Task.TIF_SIGPENDING);
        Arm64Cpu cpu = Fpsimd.cpu(task);
        if (wrote.get() != 0) checkOwn(cpu);
        checkControls(cpu);
    }

    /** A signal is delivered, its handler uses V registers, and returns. */
    private void handler(FpsimdSignal.Frame f) {
        task.flags().and(~Task.TIF_SIGPENDING);
        signals.setupRtFrame(task, f);
        host.scheduler().exitToUserMode(task);
        rest("in a signal's handler");
        if (host.profile().hasSme() && sys(cpu(), SysReg.SVCR) != 0)
            throw new Violation(
                    Arm64Properties.OWN_STREAMING,
                    "task " + task.region().name() + ": its signal's handler has SVCR = " + sys(cpu(), SysReg.SVCR));
        checkControls(cpu());
        int vq = host.profile().hasSve() ? userVq(cpu()) : 1;
        inHandler.writesV(cpu().z(), cpu().zStride(), vq);
        host.scheduler().enterFromUserMode(task);
        rest("rt_sigreturn");
        signals.restoreSigframe(task, f);
    }

    /** A signal for it matters: it runs a guest, or has a handler. */
    boolean maySignal() {
        return (vm != null || handles.get() != 0)
                && task.killed().get() == 0
                && !task.flags().test(Task.TIF_SIGPENDING);
    }

    private void checkOwn(Arm64Cpu cpu) {
        if (usesZa.get() != 0) checkZa(cpu);
        if (streams.get() != 0) {
            checkStreaming(cpu);
            return;
        }
        String wrong = own.wrong(cpu.z(), cpu.zStride(), 1);
        if (wrong != null)
            throw new Violation(Arm64Properties.OWN_V, "task " + task.region().name() + ": " + wrong);
        if (usesSve.get() == 0) return;
        // Without EL0's enable its next SVE instruction traps, and do_sve_acc makes SVE registers of V with zeroes
        // above.
        wrong = sveLive(cpu)
                ? own.wrong(cpu.z(), cpu.zStride(), userVq(cpu))
                : own.wrongWithZeroesAboveV(cpu.z(), cpu.zStride(), (int)
                        Fpsimd.thread(task).sveVq().get());
        if (wrong != null)
            throw new Violation(Arm64Properties.OWN_Z, "task " + task.region().name() + ": " + wrong);
    }

    private void checkControls(Arm64Cpu cpu) {
        if (host.profile().hasSve()
                && sveLive(cpu)
                && userVq(cpu) != Fpsimd.thread(task).sveVq().get())
            throw new Violation(
                    Arm64Properties.HOST_CONTROL,
                    "the vector length in user mode is " + 16 * userVq(cpu) + " bytes, not "
                            + 16 * Fpsimd.thread(task).sveVq().get());
        long smcr = sys(cpu, cpu.host().resolve(SysReg.SMCR_EL1));
        if (smcr != Arm64Host.smcr(host.profile()))
            throw new Violation(
                    Arm64Properties.HOST_CONTROL,
                    "SMCR_EL1 is 0x" + Long.toHexString(smcr) + ", should be 0x"
                            + Long.toHexString(Arm64Host.smcr(host.profile()))
                            + ": EZT0, FA64 and the streaming length");
        if (!Fpsimd.thread(task).hasItsKeys(cpu))
            throw new Violation(
                    Arm64Properties.OWN_KEYS,
                    "task " + task.region().name() + " has keys of another, or none, on CPU " + cpu.id());
        controls.check(cpu);
    }

    /**
     * fpsimd_bind_task_to_cpu: EL0 may use SVE, and SME, exactly where the kernel keeps such registers for the task. Asked while it is in
     * user mode: whose registers are lost by it shows later.
     */
    @Nullable
    String wrongSveEnable() {
        if (mode.get() != IN_USER_MODE || !host.profile().hasSve()) return null;
        String sve = wrongEnable("SVE", CPACR_ZEN_EL0, Task.TIF_SVE);
        return sve == null && host.profile().hasSme() ? wrongEnable("SME", CPACR_SMEN_EL0, Task.TIF_SME) : sve;
    }

    private @Nullable String wrongEnable(String what, long enable, long flag) {
        boolean enabled = (sys(cpu(), cpacr()) & enable) != 0;
        if (enabled == task.flags().test(flag)) return null;
        return cpacr() + (enabled ? " lets" : " does not let") + " user mode use " + what + ", TIF_" + what + " is "
                + (enabled ? "clear" : "set");
    }

    /** It is where the freezer finds it. */
    @Override
    public boolean mayFreeze() {
        return mode.get() != IN_KERNEL;
    }

    private SysReg cpacr() {
        return host.profile().vhe() ? SysReg.CPTR_EL2 : SysReg.CPACR_EL1;
    }

    /** The task's next SVE instruction does not trap. */
    private boolean sveLive(Arm64Cpu cpu) {
        return usesSve.get() != 0 && (cpu.sys().get(cpacr().ordinal()) & CPACR_ZEN_EL0) != 0;
    }

    private int userVq(Arm64Cpu cpu) {
        cpu.host().useSve();
        return cpu.host().liveVq();
    }

    private void putOwn() {
        Arm64Cpu cpu = Fpsimd.cpu(task);
        int vq = host.profile().hasSve() ? cpu.host().liveVq() : 1;
        wrote.set(1);
        own.writesV(cpu.z(), cpu.zStride(), vq);
    }

    private void checkStreaming(Arm64Cpu cpu) {
        String who = "task " + task.region().name() + ": ";
        if (sys(cpu, SysReg.SVCR) != (Sme.SVCR_SM | za()))
            throw new Violation(Arm64Properties.OWN_STREAMING, who + "SVCR is " + sys(cpu, SysReg.SVCR));
        if (host.profile().hasFpmr() && sys(cpu, SysReg.FPMR) != streams.get())
            throw new Violation(
                    Arm64Properties.OWN_STREAMING,
                    who + "FPMR is " + sys(cpu, SysReg.FPMR) + ", it wrote " + streams.get());
        String wrong = own.wrong(cpu.z(), cpu.zStride(), host.profile().maxSvq());
        if (wrong != null) throw new Violation(Arm64Properties.OWN_STREAMING, who + wrong);
    }

    private static long sys(Arm64Cpu cpu, SysReg r) {
        return cpu.sys().get(r.ordinal());
    }

    /** PSTATE.ZA as the task has it. */
    private long za() {
        return usesZa.get() != 0 ? Sme.SVCR_ZA : 0;
    }

    private void checkZa(Arm64Cpu cpu) {
        String who = "task " + task.region().name() + ": ";
        if ((sys(cpu, SysReg.SVCR) & Sme.SVCR_ZA) == 0)
            throw new Violation(Arm64Properties.OWN_ZA, who + "PSTATE.ZA is off");
        int svq = host.profile().maxSvq();
        String wrong = ownZa.wrong(cpu.sme().za(), 2 * svq, svq);
        if (wrong != null)
            throw new Violation(Arm64Properties.OWN_ZA, who + wrong.replaceFirst("z(\\d+)", "ZA row $1"));
        int zt0 = Sme.zt0Words(host.profile());
        wrong = ownZt0.wrong(cpu.sme().zt0(), zt0, zt0 / 2);
        if (wrong != null) throw new Violation(Arm64Properties.OWN_ZA, who + wrong.replaceFirst("z0", "ZT0"));
    }

    /** The first use of SME traps until the kernel lets it through. */
    private Arm64Cpu withSme() {
        while ((sys(cpu(), cpacr()) & CPACR_SMEN_EL0) == 0 && task.killed().get() == 0)
            inKernel(() -> host.fpsimd().doSmeAcc(task));
        return cpu();
    }

    private void putOwnZa() {
        Arm64Cpu cpu = withSme();
        cpu.sme().userWrites(sys(cpu, SysReg.SVCR) | Sme.SVCR_ZA);
        wrote.set(1);
        usesZa.set(1);
        int svq = host.profile().maxSvq(), zt0 = Sme.zt0Words(host.profile());
        ownZa.writes(cpu.sme().za(), 2 * svq, svq);
        ownZt0.writes(cpu.sme().zt0(), zt0, zt0 / 2);
    }

    private void endsZa() {
        Arm64Cpu cpu = withSme();
        cpu.sme().userWrites(sys(cpu, SysReg.SVCR) & ~Sme.SVCR_ZA);
        usesZa.set(0);
    }

    private void streaming() {
        Arm64Cpu cpu = withSme();
        cpu.sme().userWrites(Sme.SVCR_SM | za());
        wrote.set(1);
        modes.set(modes.get() + 1);
        streams.set(modes.get());
        if (host.profile().hasFpmr()) cpu.sys().set(SysReg.FPMR.ordinal(), streams.get());
        own.writes(cpu.z(), cpu.zStride(), host.profile().maxSvq());
    }

    /** Encryption of a disk, say: what the kernel has in V registers is its own until it gives them back. */
    private void kernelNeon() {
        inCall(() -> {
            host.fpsimd().kernelNeonBegin(cpu());
            inNeon.writesV(cpu().z(), cpu().zStride(), 1);
            cpu().moment("kernel code computes");
            String wrong = inNeon.wrong(cpu().z(), cpu().zStride(), 1);
            if (wrong != null) throw new Violation(Arm64Properties.KERNEL_NEON, "the kernel's " + wrong);
            host.fpsimd().kernelNeonEnd(cpu());
            cpu().moment("the call goes on");
        });
    }

    /** It is off its CPU while the debugger writes. */
    private void debugged() {
        inKernel(() -> {
            host.scheduler().sleep(task);
            streams.set(0);
            host.fpsimd().sveSetFpsimd(task, image -> {
                wrote.set(1);
                own.writesV(
                        image.z(), image.zStride(), Math.max(1, host.profile().maxVq()));
            });
            host.scheduler().start(task);
        });
    }

    private void putOwnSve() {
        usesSve.set(1);
        Arm64Cpu cpu = Fpsimd.cpu(task);
        // Each SVE instruction traps until the kernel lets it through.
        while (!sveLive(cpu) && task.killed().get() == 0) {
            inKernel(() -> host.fpsimd().doSveAcc(task));
            cpu = Fpsimd.cpu(task);
        }
        wrote.set(1);
        own.writes(cpu.z(), cpu.zStride(), userVq(cpu));
    }
}
