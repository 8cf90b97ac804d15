package dev.worldswitch.explore.x86;

import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Subject;
import dev.worldswitch.explore.Subject.Program;
import dev.worldswitch.explore.Subject.Step;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.Fpu;
import dev.worldswitch.kernel.x86.FpuSignal;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A host task by a scenario's text; its own registers are a victim as well and are looked at after each call. */
final class Vmm implements Subject.UserTask {
    private static final int BV = XsaveLayout.XSTATE_BV / 8, XMM0 = XsaveLayout.XMM0 / 8;
    /** Where the task is: not begun or at its end, in user mode, in the kernel. */
    private static final long AWAY = 0, IN_USER_MODE = 1, IN_KERNEL = 2;

    /** What a handler has in its registers. */
    private static final long HANDLER = 0x68616e646c655200L;

    /** What the task last had in its registers: nothing, its own values, initial ones (after exec), its handler's. */
    private static final long NOTHING = 0, OWN = 1, INITIAL = 2;

    /** Access disabled for keys 1 to 15, as the kernel starts programs; a task's own key is write-protected besides. */
    private static final long INIT_PKRU = 0x55555554L;

    private final X86Host host;
    private final Task task;
    private final @Nullable Vm vm;
    private final Word wrote, mode, execs, handles;
    private final FpuSignal signals;
    /** Where its handler's frame goes; null for a task without a handler. */
    private final FpuSignal.@Nullable Frame frame;

    private final long own;
    private final List<Step> steps = new ArrayList<>();

    /** @param vm null for a task that runs no guest */
    Vmm(X86Host host, Task task, int number, Region ghosts, @Nullable Vm vm, List<String> does) {
        this.host = host;
        this.task = task;
        this.vm = vm;
        this.wrote = ghosts.word("wroteRegisters");
        this.mode = ghosts.word("taskMode");
        this.execs = ghosts.word("execs");
        this.handles = ghosts.word("handlesSignals");
        this.signals = new FpuSignal(host.kernel(), host.fpu(), host.scheduler(), host.profile());
        this.frame = does.contains("signal-handler")
                ? new FpuSignal.Frame(ghosts.child("signalFrame"), host.profile())
                : null;
        this.own = 0x4f574e5f58000000L + ((long) number << 16);
        steps.add(new Step("starts", () -> {
            mode.set(IN_KERNEL);
            host.scheduler().start(task);
            backInUserMode();
        }));
        for (String s : does) steps.add(step(s));
        steps.add(new Step("ends", () -> {
            intoKernel();
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
    Vm vm() {
        return vm;
    }

    private Vm hasVm(String step) {
        if (vm == null)
            throw new IllegalArgumentException("task " + task.region().name() + " has no guest to '" + step + "'");
        return vm;
    }

    private Step step(String text) {
        String[] word = text.split(" ");
        return switch (word[0]) {
            case "own-registers" -> new Step("puts values into its own vector registers", this::putOwn);
            case "null-call" -> call("getppid()", () -> {});
            case "run" -> {
                Vm v = hasVm(text);
                yield new Step("ioctl(vcpu, KVM_RUN)", () -> {
                    // A signal ends it early, its handler runs in user mode, and it is called again.
                    boolean[] ended = new boolean[1];
                    do inCall(() -> ended[0] = v.run());
                    while (!ended[0]);
                    v.checkGuest();
                });
            }
            case "exec" -> new Step("execve()", () -> inCall(this::exec));
            case "yield" -> call("sched_yield()", () -> host.scheduler().schedule(task));
            case "signal-handler" -> call("sigaction()", () -> handles.set(1));
            case "raise" -> call("kill() of itself", () -> task.flags().setBits(Task.TIF_SIGPENDING));
            case "use-tiles" ->
                call(
                        "ARCH_REQ_XCOMP_PERM, and the first use of tiles",
                        () -> host.fpu().xfdEnableFeature(task, 1L << XsaveLayout.TILEDATA));
            case "hotplug" -> call("idle CPUs go offline and come back", host::idleCpusDownAndUp);
            case "perf" -> call("perf turns last-branch records on or off", this::perf);
            case "get-xsave" -> call("ioctl(vcpu, KVM_GET_XSAVE2)", hasVm(text)::getXsave);
            case "set-xsave" -> call("ioctl(vcpu, KVM_SET_XSAVE) with what it got", hasVm(text)::setXsave);
            case "set-xfd" -> {
                Vm v = hasVm(text);
                long to = Scenario.operand(word);
                yield call("ioctl(vcpu, KVM_SET_MSRS) IA32_XFD = " + word[1], () -> v.setXfd(to));
            }
            default ->
                throw new IllegalArgumentException("a task can't '" + text
                        + "'; known: own-registers, null-call, exec, yield, signal-handler, raise, use-tiles,"
                        + " hotplug, perf, run, get-xsave, set-xsave, set-xfd VALUE");
        };
    }

    private Step call(String name, Runnable body) {
        return new Step(name, () -> inCall(body));
    }

    private void inCall(Runnable body) {
        intoKernel();
        if (execs.get() != 0) {
            execs.set(0);
            exec();
            backInUserMode();
            intoKernel();
        }
        body.run();
        backInUserMode();
    }

    private void intoKernel() {
        host.scheduler().enterFromUserMode(task);
        mode.set(IN_KERNEL);
    }

    private void backInUserMode() {
        FpuSignal.Frame f = frame;
        while (f != null && handles.get() != 0 && task.flags().test(Task.TIF_SIGPENDING)) handler(f);
        host.scheduler().exitToUserMode(task);
        mode.set(IN_USER_MODE);
        // Without a handler it is ignored.
        if (handles.get() == 0) task.flags().clearBits(Task.TIF_SIGPENDING);
        checkUserMode();
    }

    /** A signal is delivered, its handler uses vector registers, and returns; its frame's page may be away both times. */
    private void handler(FpuSignal.Frame f) {
        task.flags().clearBits(Task.TIF_SIGPENDING);
        long had = wrote.get();
        signals.copyFpstateToSigframe(task, f);
        signals.fpuClearUserStates(task);
        wrote.set(INITIAL);
        host.scheduler().exitToUserMode(task);
        checkUserMode();
        X86Cpu cpu = Fpu.cpu(task);
        for (int i = 0; i < 32; i++) cpu.fpregs().set(XMM0 + i, HANDLER + i);
        cpu.fpregs().set(BV, cpu.fpregs().get(BV) | 2);
        host.scheduler().enterFromUserMode(task);
        if (cpu().timing().choose("the page of the signal frame at rt_sigreturn (there, away)", 2) == 1) f.unmap();
        signals.fpuRestoreSig(task, f);
        wrote.set(had);
    }

    private X86Cpu cpu() {
        return Fpu.cpu(task);
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

    /** A signal for it matters: it runs a guest, or has a handler. */
    boolean maySignal() {
        return (vm != null || handles.get() != 0) && !task.flags().test(Task.TIF_SIGPENDING);
    }

    /** It is where the freezer finds it: in user mode, not on its way out of it. */
    @Override
    public boolean mayFreeze() {
        return mode.get() != IN_KERNEL
                && (task.cpuIfAny() == null || task.preemptCount().get() == 0);
    }

    private void checkUserMode() {
        X86Cpu cpu = Fpu.cpu(task);
        if (wrote.get() != NOTHING) checkOwn(cpu);
        long xfd = Fpu.thread(task).own().xfd().get(), xcr0 = host.profile().xcr0();
        control("IA32_XFD", cpu.xfd().get(), xfd);
        control("XCR0", cpu.xcr0().get(), xcr0);
        control("IA32_XFD_ERR", cpu.xfdErr().get(), 0);
        if (wrote.get() == OWN && host.profile().xsave().has(XsaveLayout.PKRU))
            control("PKRU", cpu.rdpkru(), ownPkru());
        control("IA32_DEBUGCTL", cpu.debugctl().get(), host.perf().debugctl(cpu));
    }

    private static void control(String name, long is, long should) {
        if (is != should)
            throw new Violation(
                    X86Properties.HOST_CONTROL,
                    name + " is 0x" + Long.toHexString(is) + " in user mode, not 0x" + Long.toHexString(should));
    }

    private long ownPkru() {
        return INIT_PKRU | 8L << 2 * (own >>> 16 & 7);
    }

    private void putOwn() {
        X86Cpu cpu = Fpu.cpu(task);
        for (int i = 0; i < 32; i++) cpu.fpregs().set(XMM0 + i, own + i);
        long used = 2;
        if (host.profile().xsave().has(XsaveLayout.AVX)) {
            XsaveLayout.Component avx = host.profile().xsave().component(XsaveLayout.AVX);
            cpu.fpregs().fill(avx.offset() / 8, avx.size() / 8, own + 0x5959);
            used |= 4;
        }
        if (host.profile().xsave().has(XsaveLayout.PKRU)) {
            cpu.fpregs().set(host.profile().xsave().component(XsaveLayout.PKRU).offset() / 8, ownPkru());
            used |= 1 << XsaveLayout.PKRU;
        }
        cpu.fpregs().set(BV, cpu.fpregs().get(BV) | used);
        wrote.set(OWN);
    }

    /** perf's own work on its CPU: no cross-call of another can come between. */
    private void perf() {
        boolean were = Fpu.cpu(task).irqSave();
        host.perf().crossCall(Fpu.cpu(task));
        Fpu.cpu(task).irqRestore(were);
    }

    /** The new program's registers are initial ones. */
    private void exec() {
        wrote.set(INITIAL);
        host.fpu().fpuFlushThread(task);
    }

    private void checkOwn(X86Cpu cpu) {
        if (wrote.get() == INITIAL) {
            for (int i = 0; i < 32; i++) mine("xmm" + i / 2, cpu.fpregs().get(XMM0 + i), 0);
            return;
        }
        for (int i = 0; i < 32; i++) mine("xmm" + i / 2, cpu.fpregs().get(XMM0 + i), own + i);
        if (!host.profile().xsave().has(XsaveLayout.AVX)) return;
        XsaveLayout.Component avx = host.profile().xsave().component(XsaveLayout.AVX);
        for (int i = 0; i < avx.size() / 8; i++)
            mine("the upper half of ymm" + i / 2, cpu.fpregs().get(avx.offset() / 8 + i), own + 0x5959);
    }

    private void mine(String register, long is, long should) {
        if (is != should)
            throw new Violation(
                    X86Properties.OWN_REGISTERS,
                    register + " of task " + task.region().name() + " holds 0x" + Long.toHexString(is));
    }
}
