package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/** A few tasks with a few steps of their own on a plain host: for tests of the explorer itself. */
final class TinySubject implements Subject {
    /** What a task's steps may use. */
    record Parts(Task task, Word shared, Word done, Mutex a, Mutex b, Architecture.Waits waits) {
        /** Time may pass. */
        void moment(String step) {
            task.cpu().moment(step);
        }

        /** It says that it holds nothing that it has read. */
        void rest() {
            task.cpu().timing().rest("here", 0);
        }
    }

    private final X86Host host;
    private final List<Program> programs = new ArrayList<>();

    private TinySubject(
            Architecture.Surroundings around, int cpus, int tasks, BiFunction<Parts, Integer, Runnable> body) {
        host = X86Host.boot(
                around.root(),
                KernelVersion.of("6.12"),
                X86Profile.builtIn("x86-64-v1"),
                cpus,
                around.timing(),
                all -> around.cpus().over(all));
        Word shared = around.root().word("shared"), done = around.root().word("done");
        Mutex a = new Mutex(around.root(), "a"), b = new Mutex(around.root(), "b");
        for (int i = 0; i < tasks; i++) {
            Task task = host.newTask("task" + i);
            host.scheduler().start(task);
            host.scheduler().sleep(task);
            Runnable does = body.apply(new Parts(task, shared, done, a, b, around.waits()), i);
            programs.add(new Program(
                    task,
                    List.of(
                            new Step("starts", () -> host.scheduler().start(task)),
                            new Step("does its work", does),
                            new Step("ends", () -> host.scheduler().sleep(task)))));
        }
    }

    /** @param body what task number N does, between getting a CPU and giving it up */
    static Explorer explorer(int cpus, int tasks, Set<Event> events, BiFunction<Parts, Integer, Runnable> body) {
        return Explorer.of(cpus, events, c -> true, null, around -> new TinySubject(around, cpus, tasks, body));
    }

    static Explorer explorer(int cpus, int tasks, BiFunction<Parts, Integer, Runnable> body) {
        return explorer(cpus, tasks, EnumSet.noneOf(Event.class), body);
    }

    @Override
    public List<? extends PhysicalCpu> cpus() {
        return host.cpus();
    }

    @Override
    public List<Program> programs() {
        return programs;
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
    public List<Gauge> gauges() {
        return List.of();
    }

    @Override
    public void observe(PhysicalCpu cpu, String step, Consumer<Violation> report) {}
}
