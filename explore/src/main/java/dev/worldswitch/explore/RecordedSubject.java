package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.kvm.hosts.Hosts;
import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A recorded client on a booted host of any architecture. Its calls before the window are done while the host is set
 * up; those in it are explored, one step each, and every answer is compared.
 */
final class RecordedSubject implements Subject {
    private static final int KVM_RUN = Recording.KVM_RUN;
    /** What the client keeps in its vector registers. */
    private static final long OWN = 0x4f574e5f434c4e54L;

    /** A client that is interrupted again and again; the schedule's bound comes first. */
    private static final int TRIES = 64;

    private final KvmHost host;
    private final Architecture architecture;
    private final Recording recording;
    private final Task task;
    /** The client's processes; one task does the calls of all, as one after the other they were done. */
    private final List<RecordedClient> clients = new ArrayList<>();

    private final Word signalled, permission, refused, filled, partOf;
    private final @Nullable InstructionLimit limit;
    private final List<PhysicalCpu> cpus = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private final List<Gauge> gauges;
    private final List<RegisterFile> registers;

    RecordedSubject(
            String name,
            Scenario.Recorded recorded,
            MachineProfile machine,
            KernelVersion kernel,
            Architecture.Surroundings around) {
        this.recording = recorded.recording();
        Recording.Window window = recorded.window();
        architecture = Architecture.of(machine);
        host = Hosts.boot(around.root(), kernel, machine, recording.cpus(), around.timing(), pools(around));
        Region ghosts = around.root().child("recorded");
        signalled = ghosts.word("signalled");
        Debugger guests = around.debugger();
        limit = recording.countsInstructions()
                ? new InstructionLimit(ghosts.word("instructions left"), () -> signalled.set(1), guests)
                : null;
        if (limit != null) guests = limit;
        if (guests != null) host.debug(guests);
        refused = ghosts.word("refused eventfd");
        permission = ghosts.word("permission");
        filled = ghosts.word("filledRegisters");
        task = host.newTask("client");
        partOf = ghosts.word("part of a call");
        List<@Nullable KvmFile> files = new ArrayList<>();
        for (int p = 0; p < recording.pages().size(); p++)
            clients.add(new RecordedClient(
                    recording,
                    p,
                    files,
                    around.memory(),
                    task,
                    around.waits(),
                    signalled,
                    permission,
                    refused,
                    partOf));
        clients.getFirst().opened(0, host.kvm());
        setUp(name, window.from());
        KvmFile vcpu = clients.getFirst().vcpu();
        gauges = architecture.gauges(host, task, vcpu);
        registers = architecture.registers(host, vcpu);
        steps.add(new Step("starts", () -> host.start(task)));
        List<Recording.Call> calls = recording.calls();
        for (int i = window.from(); i < window.to(); i++) {
            Recording.Call c = calls.get(i);
            int number = i;
            steps.add(new Step(text(number, c), () -> step(number, c)));
        }
        steps.add(new Step("ends", () -> {
            userMode();
            host.sleep(task);
        }));
    }

    private dev.worldswitch.kvm.CpuPools pools(Architecture.Surroundings around) {
        return new dev.worldswitch.kvm.CpuPools() {
            @Override
            public <C extends PhysicalCpu> dev.worldswitch.kernel.CpuPool<C> over(List<C> all) {
                cpus.addAll(all);
                return around.cpus().over(all);
            }
        };
    }

    private void setUp(String name, int until) {
        host.start(task);
        for (int i = 0; i < until; i++) {
            Recording.Call c = recording.calls().get(i);
            String wrong;
            try {
                wrong = difference(c, call(c));
            } catch (KernelPanic p) {
                wrong = String.valueOf(p.getMessage()).lines().findFirst().orElse("a panic");
            }
            if (wrong != null)
                throw new IllegalArgumentException(name + " goes another way on this kernel before time is explored: "
                        + text(i, c) + ": " + wrong);
        }
        host.sleep(task);
    }

    private RecordedClient client(Recording.Call c) {
        return clients.get(recording.process(c));
    }

    private KvmFile file(Recording.Call c) {
        return clients.getFirst().file(c.file());
    }

    private String text(int number, Recording.Call c) {
        IoctlTable.Row row = host.ioctls().find(file(c).kind(), c.command());
        String name = row == null ? "0x" + Integer.toHexString(c.command()) : row.name();
        String gaveWay = c.gaveWay() == Recording.WHOLE
                ? ""
                : c.gaveWay() == Recording.WAITING
                        ? ", gives way where it waits"
                        : ", gives way after " + c.gaveWay() + " instructions";
        String thread = recording.threads() == 1 ? "" : " by thread " + c.thread();
        return "call " + number + thread + ": ioctl(" + file(c).fileName() + ", " + name + ")" + gaveWay;
    }

    /** The client, back from one call and about to make the next, finds its registers and puts them there anew. */
    private void userMode() {
        if (!host.inUserMode(task, filled.get(), OWN))
            throw new Violation(Property.CLIENT_REGISTERS, "the client's vector registers hold something else");
        filled.set(OWN);
    }

    private long call(Recording.Call c) {
        permission.set(c.permission());
        RecordedClient client = client(c);
        for (Recording.Bytes b : c.before()) client.put(b);
        boolean whole = c.gaveWay() == Recording.WHOLE;
        // What interrupted the recorded client is not known to the instruction: it comes before the first one here.
        if (c.answer() == Errno.EINTR && whole) signalled.set(1);
        if (!whole && limit != null) limit.set(c.gaveWay());
        partOf.set(
                whole
                        ? RecordedClient.WHOLE
                        : c.gaveWay() == Recording.WAITING ? RecordedClient.TO_WAIT : RecordedClient.COUNTED);
        refused.set(c.answer() == Errno.EBADF || c.answer() == Errno.EINVAL ? c.answer() : 0);
        userMode();
        KvmFile.Made made = new KvmFile.Made();
        long r;
        try {
            r = client.ioctl(file(c), c.command(), c.argument(), made);
        } catch (UnsupportedOperationException e) {
            throw new IllegalArgumentException("this recording can't be repeated: " + e.getMessage(), e);
        }
        if (made.file != null && c.made() != Recording.NO_FILE) client.opened(c.made(), made.file);
        if (c.answer() == Errno.EINTR) signalled.set(0);
        if (limit != null) limit.set(Recording.WHOLE);
        partOf.set(RecordedClient.WHOLE);
        return r;
    }

    /** A signal that came meanwhile ends KVM_RUN with EINTR, and the client asks again. Other calls it doesn't end. */
    private void step(int number, Recording.Call c) {
        long r = call(c);
        for (int i = 0; i < TRIES && c.command() == KVM_RUN && r == Errno.EINTR && c.answer() != Errno.EINTR; i++) {
            if (task.killed().get() != 0) throw new Violation(Property.NO_KILL, "SIGKILL for the client");
            signalled.set(0);
            userMode();
            r = client(c).ioctl(file(c), c.command(), c.argument(), new KvmFile.Made());
        }
        signalled.set(0);
        String wrong = difference(c, r);
        if (wrong != null) throw new Violation(Property.ANSWERS, text(number, c) + ": " + wrong);
    }

    private @Nullable String difference(Recording.Call c, long r) {
        if (r != c.answer()) return "answers " + r + ", recorded: " + c.answer();
        for (Recording.Bytes b : c.after()) {
            byte[] now = client(c).look(b), then = b.bytes();
            int at = Arrays.mismatch(now, then);
            if (at < 0 || architecture.mayDiffer(file(c), c.command(), then, now)) continue;
            String where = b.file() == Recording.MEMORY
                    ? "at 0x" + Long.toHexString(b.at() + at) + " of its memory"
                    : "at byte " + (b.at() + at) + " of the shared page";
            return String.format("the client finds 0x%02x %s, recorded: 0x%02x", now[at], where, then[at]);
        }
        return null;
    }

    @Override
    public List<? extends PhysicalCpu> cpus() {
        return cpus;
    }

    @Override
    public List<Program> programs() {
        return List.of(new Program(task, List.copyOf(steps)));
    }

    @Override
    public List<Gauge> gauges() {
        return gauges;
    }

    @Override
    public List<RegisterFile> registers() {
        return registers;
    }

    @Override
    public void trace(Tracepoints listener) {
        host.trace(listener);
    }

    @Override
    public void tell(Consumer<String> listener) {
        host.trace((thread, event, text) -> listener.accept(event + ": " + text));
    }

    @Override
    public boolean maySignal(PhysicalCpu cpu) {
        // Where a part of a call ended was not the client's doing, and must stay where it was.
        return task.cpuIfAny() == cpu && signalled.get() == 0 && partOf.get() == RecordedClient.WHOLE;
    }

    /** signal_wake_up: the flag, and an IPI where the task runs. */
    @Override
    public void signal(PhysicalCpu cpu) {
        signalled.set(1);
        cpu.raise(Line.KICK);
    }

    @Override
    public void sleeps(Task t) {
        host.sleep(t);
    }

    @Override
    public void wakes(Task t) {
        host.start(t);
    }

    @Override
    public void observe(PhysicalCpu cpu, String step, Consumer<Violation> report) {
        String warning = host.kernel().warning();
        if (warning != null) report.accept(new Violation(Property.NO_WARN, warning));
        if (task.killed().get() != 0) report.accept(new Violation(Property.NO_KILL, "SIGKILL for the client"));
    }
}
