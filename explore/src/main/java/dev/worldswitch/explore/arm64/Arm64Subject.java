package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Architecture.Surroundings;
import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.RegisterFile;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Subject;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.Arm64Host;
import dev.worldswitch.kernel.arm64.CpuFpState;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.kvm.arm64.Kvm;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A booted arm64 host with KVM and the tasks of a scenario on it. */
final class Arm64Subject implements Subject {
    private final Arm64Host host;
    private final Kvm module;
    private final HostControls controls;
    private final List<Arm64Vmm> vmms = new ArrayList<>();

    Arm64Subject(Scenario s, MachineProfile machine, KernelVersion kernel, Surroundings around) {
        Arm64Profile profile = Arm64Profile.of(machine);
        host = Arm64Host.boot(
                around.root(),
                kernel,
                profile,
                s.cpus(),
                around.timing(),
                all -> around.cpus().over(all));
        module = new Kvm(host);
        module.debugger().set(around.debugger());
        Region ghosts = around.root().child("ghosts");
        controls = new HostControls(ghosts, host.cpus(), host.perf());
        for (Scenario.TaskText t : s.tasks()) {
            Task task = host.newTask(t.name());
            Region ghost = ghosts.child(t.name());
            int number = vmms.size() + 1;
            host.scheduler().start(task);
            InProcessClient client = new InProcessClient(around.memory(), task, around.waits(), 0);
            String of = s.optionText(t.name() + ".vm", "");
            Arm64Vm vm = t.guest().isEmpty() && t.code().isEmpty()
                    ? null
                    : new Arm64Vm(
                            module,
                            of.isEmpty() ? null : vmOf(s, of),
                            client,
                            around.memory(),
                            ghost.child("guest"),
                            around.ghosts(),
                            number,
                            profile,
                            s.option(t.name() + ".sve-max-vq", profile.maxVq()),
                            t.guest(),
                            t.code());
            VmmThread thread = of.isEmpty() || vm != null ? null : vmOf(s, of).thread(client);
            RegisterAbi registers = t.does().contains("init-vcpu")
                    ? new RegisterAbi(module, client, around.memory(), profile.vqs())
                    : null;
            host.scheduler().sleep(task);
            vmms.add(new Arm64Vmm(
                    host, task, number, ghost, around.ghosts(), controls, vm, thread, registers, t.does()));
        }
    }

    private Arm64Vm vmOf(Scenario s, String task) {
        for (Arm64Vmm v : vmms) {
            Arm64Vm vm = v.vm();
            if (v.task().region().name().equals(task) && vm != null) return vm;
        }
        throw new IllegalArgumentException(
                "scenario " + s.name() + ": no task '" + task + "' with a guest before this one");
    }

    @Override
    public void trace(Tracepoints listener) {
        module.listen(listener);
    }

    @Override
    public List<? extends PhysicalCpu> cpus() {
        return host.cpus();
    }

    @Override
    public @Nullable Task signalled(PhysicalCpu cpu) {
        for (Arm64Vmm v : vmms) if (v.task().cpuIfAny() == cpu && v.maySignal()) return v.task();
        return null;
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
    public List<Arm64Vmm> userTasks() {
        return vmms;
    }

    @Override
    public void suspend() {
        host.suspendAndResume();
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
        return vmms.stream().map(Arm64Vmm::program).toList();
    }

    /** Per CPU the live vector length, the one that registers are bound with (0: not bound) and E2PB; TIF_FOREIGN_FPSTATE. */
    @Override
    public List<Gauge> gauges() {
        return gauges(host, vmms.stream().map(Arm64Vmm::task).toList());
    }

    @Override
    public List<RegisterFile> registers() {
        return Arm64Registers.of(host, module);
    }

    static List<Gauge> gauges(Arm64Host host, List<Task> tasks) {
        List<Gauge> all = new ArrayList<>();
        for (Arm64Cpu cpu : host.cpus()) {
            String of = host.cpus().size() == 1 ? "" : "/cpu" + cpu.id();
            if (host.profile().hasSve()) {
                all.add(new Gauge("VL" + of, () -> 16L * cpu.host().liveVq()));
                all.add(new Gauge("bound" + of, () -> {
                    CpuFpState last = host.fpsimd().lastState(cpu);
                    return last == null ? 0 : 16L * last.sveVq();
                }));
            }
            if (cpu.spe().implemented())
                all.add(new Gauge("E2PB" + of, () -> cpu.sys().get(SysReg.MDCR_EL2.ordinal()) >>> 12 & 3));
        }
        for (Task task : tasks) {
            String of = tasks.size() == 1 ? "" : "/" + task.region().name();
            all.add(new Gauge("FOREIGN" + of, () -> task.flags().test(Task.TIF_FOREIGN_FPSTATE) ? 1 : 0));
        }
        return all;
    }

    @Override
    public void observe(PhysicalCpu physical, String step, Consumer<Violation> report) {
        String warning = host.kernel().warning();
        if (warning != null) report.accept(new Violation(Property.NO_WARN, warning));
        Task current = host.kernel().perCpu(physical).current().get();
        if (current != null
                && current.flags().test(Task.TIF_KERNEL_FPSTATE)
                && !current.flags().test(Task.TIF_FOREIGN_FPSTATE)
                && !host.fpsimd().ownerChanges(physical)) report.accept(Property.twoOwners(physical, current));
        for (Arm64Vmm v : vmms) {
            String sve = v.task().cpuIfAny() == physical ? v.wrongSveEnable() : null;
            if (sve != null) report.accept(new Violation(Arm64Properties.HOST_CONTROL, sve));
        }
        for (Arm64Vmm v : vmms)
            if (v.task().killed().get() != 0)
                report.accept(new Violation(
                        Property.NO_KILL,
                        "SIGKILL for task " + v.task().region().name()));
        for (Arm64Cpu c : host.cpus()) {
            String hpmn = controls.wrongHpmn(c);
            if (hpmn != null) report.accept(new Violation(Arm64Properties.HOST_DEBUG, hpmn));
            if (c.spe().inGuestMemory() != 0)
                report.accept(new Violation(
                        Arm64Properties.SPE_MEMORY, "a record of the host's profiling went through guest tables"));
            if (c.spe().ofGuest() != 0)
                report.accept(new Violation(Arm64Properties.SPE_TRAPPED, "the host's profiling samples the guest"));
            if (c.spe().lost() != 0)
                report.accept(new Violation(
                        Arm64Properties.SPE_MEMORY,
                        "a record was written while another level owned the profiling buffer"));
        }
    }
}
