package dev.worldswitch.explore.x86;

import dev.worldswitch.explore.Architecture.Surroundings;
import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.RegisterFile;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Subject;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.kernel.x86.X86Thread;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.kvm.x86.Kvm;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A booted x86 host with KVM and the tasks of a scenario on it. */
final class X86Subject implements Subject {
    private static final int BV = XsaveLayout.XSTATE_BV / 8;
    private final X86Host host;
    private final Kvm kvm;
    private final List<Vmm> vmms = new ArrayList<>();
    private final boolean disabledMayBeInUse;

    X86Subject(Scenario s, MachineProfile machine, KernelVersion kernel, Surroundings around) {
        host = X86Host.boot(
                around.root(),
                kernel,
                X86Profile.of(machine),
                s.cpus(),
                around.timing(),
                all -> around.cpus().over(all));
        disabledMayBeInUse = host.kernel().has(Patch.RESTORE_WITH_XFD_ZERO);
        kvm = new Kvm(host);
        kvm.debugger().set(around.debugger());
        Region ghosts = around.root().child("ghosts");
        for (Scenario.TaskText t : s.tasks()) {
            Task task = host.newTask(t.name());
            Region ghost = ghosts.child(t.name());
            host.scheduler().start(task);
            InProcessClient client = new InProcessClient(
                    around.memory(), task, around.waits(), host.profile().xcr0());
            Vm vm = t.guest().isEmpty() ? null : new Vm(kvm, client, around.memory(), ghost, t.guest());
            host.scheduler().sleep(task);
            vmms.add(new Vmm(host, task, vmms.size(), ghost, vm, t.does()));
        }
    }

    @Override
    public void trace(Tracepoints listener) {
        kvm.listen(listener);
    }

    @Override
    public void tell(Consumer<String> listener) {
        kvm.trace(new GuestWords(listener));
    }

    @Override
    public List<? extends PhysicalCpu> cpus() {
        return host.cpus();
    }

    @Override
    public @Nullable Task signalled(PhysicalCpu cpu) {
        for (Vmm v : vmms) if (v.task().cpuIfAny() == cpu && v.maySignal()) return v.task();
        return null;
    }

    @Override
    public List<Vmm> userTasks() {
        return vmms;
    }

    @Override
    public void suspend() {
        host.suspendAndResume();
    }

    @Override
    public boolean mayPowerCycle() {
        return host.cpus().stream().anyMatch(host::isIdle);
    }

    @Override
    public void powerCycle() {
        host.idleCpusDownAndUp();
    }

    @Override
    public void sleeps(Task task) {
        host.scheduler().sleep(task);
    }

    @Override
    public void wakes(Task task) {
        host.scheduler().start(task);
    }

    @Override
    public List<Program> programs() {
        return vmms.stream().map(Vmm::program).toList();
    }

    @Override
    public List<Gauge> gauges() {
        List<Gauge> all = new ArrayList<>(gauges(host));
        for (Vmm v : vmms) {
            Vm vm = v.vm();
            all.addAll(gauges(
                    vmms.size() == 1 ? "" : "/" + v.task().region().name(),
                    v.task(),
                    vm == null ? null : vm.guestImage()));
        }
        return all;
    }

    @Override
    public List<RegisterFile> registers() {
        List<RegisterFile> all = new ArrayList<>(X86Registers.of(host));
        for (Vmm v : vmms) {
            Vm vm = v.vm();
            String of =
                    vmms.size() == 1 ? "vCPU" : "vCPU of " + v.task().region().name();
            if (vm != null) all.add(X86Registers.of(of, vm.state()));
        }
        return all;
    }

    /** Per CPU IA32_XFD[18] and IA32_DEBUGCTL. */
    static List<Gauge> gauges(X86Host host) {
        List<Gauge> all = new ArrayList<>();
        for (X86Cpu c : host.cpus()) {
            String of = host.cpus().size() == 1 ? "" : "/cpu" + c.id();
            all.add(new Gauge("XFD" + of, () -> c.xfd().peek(0) >> XsaveLayout.TILEDATA & 1));
            all.add(new Gauge("DEBUGCTL" + of, () -> c.debugctl().peek(0)));
        }
        return all;
    }

    /** TIF_NEED_FPU_LOAD of a task, XSTATE_BV[18] of its guest's image. */
    static List<Gauge> gauges(String of, Task task, @Nullable FpState image) {
        Gauge load = new Gauge("LOAD" + of, () -> task.flags().peek(0) & Task.TIF_NEED_FPU_LOAD);
        if (image == null) return List.of(load);
        return List.of(load, new Gauge("BV18" + of, () -> image.image().peek(BV) >> XsaveLayout.TILEDATA & 1));
    }

    @Override
    public void observe(PhysicalCpu cpu, String step, Consumer<Violation> report) {
        Task current = host.kernel().perCpu(cpu).current().get();
        if (current != null && host.fpu().inKernelFpu(cpu) && !current.flags().test(Task.TIF_NEED_FPU_LOAD))
            report.accept(Property.twoOwners(cpu, current));
        long debugctl = ((X86Cpu) cpu).debugctl().get();
        if (cpu.inGuest() && debugctl != 0)
            report.accept(new Violation(
                    X86Properties.GUEST_DEBUGCTL, "a guest runs with IA32_DEBUGCTL = 0x" + Long.toHexString(debugctl)));
        for (Vmm v : vmms) {
            Vm vm = v.vm();
            if (vm != null && cpu.inGuest() && v.task().cpuIfAny() == cpu) vm.checkGoesOn();
        }
        if (!step.equals("xrstors") || disabledMayBeInUse) return;
        for (Vmm v : vmms) {
            if (v.task().cpuIfAny() != cpu || !(v.task().thread().get() instanceof X86Thread t)) continue;
            FpState image = t.fpstate().get();
            long both = image.image().get(BV) & image.xfd().get();
            if (both != 0)
                report.accept(new Violation(
                        X86Properties.BV_XFD,
                        "XSTATE_BV & IA32_XFD is 0x" + Long.toHexString(both) + " in the image of task "
                                + v.task().region().name()));
        }
    }
}
