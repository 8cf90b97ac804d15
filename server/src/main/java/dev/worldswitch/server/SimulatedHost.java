package dev.worldswitch.server;

import dev.worldswitch.kernel.CpuPool;
import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.hosts.Hosts;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** A simulated computer with its kernel and KVM, as real client processes use it. */
public final class SimulatedHost {
    private final OrderedLock lock = new OrderedLock("SimulatedHost");
    private final KvmHost booted;
    private final Pools pools;
    private static final int FRAMES_SHOWN = 6;

    private final String arch, replay;
    private final KvmFile device;
    private final AtomicLong tasks = new AtomicLong();
    private final @Nullable Torture torture;
    private volatile @Nullable KernelPanic panic;

    private SimulatedHost(
            MachineProfile machine,
            KernelVersion version,
            int cpus,
            Timing timing,
            boolean torture,
            @Nullable KvmFile device) {
        this.pools = new Pools(torture);
        this.arch = machine.arch();
        this.replay = "ws run --machine " + machine.name() + " --kernel "
                + version.name() + " --cpus " + cpus
                + (timing instanceof TortureTiming t ? " --torture " + t.seed() : "")
                + " --trace=FILE -- CLIENT";
        this.booted = Hosts.boot(Region.root("host"), version, machine, cpus, timing, pools);
        this.device = device == null ? booted.kvm() : device;
        this.torture = timing instanceof TortureTiming t ? new Torture(t, booted, cpus(), this::panicked) : null;
    }

    /** Remembers the pool that it makes. */
    private static final class Pools implements CpuPools {
        private final boolean torture;
        private @Nullable Cpus<?> made;

        Pools(boolean torture) {
            this.torture = torture;
        }

        @Override
        public <C extends PhysicalCpu> CpuPool<C> over(List<C> cpus) {
            Cpus<C> all = new Cpus<>(cpus, torture);
            made = all;
            return all;
        }
    }

    private Cpus<?> cpus() {
        if (pools.made == null) throw new IllegalStateException("a host without CPUs");
        return pools.made;
    }

    /** A host whose /dev/kvm is {@code device}: for tests of everything but KVM. */
    static SimulatedHost withDevice(MachineProfile machine, KernelVersion version, int cpus, KvmFile device) {
        return new SimulatedHost(machine, version, cpus, new RealTiming(new HostClock(machine)), false, device);
    }

    /** A host where time passes as it really does and nothing happens by chance. */
    public static SimulatedHost plain(MachineProfile machine, KernelVersion version, int cpus) {
        HostClock clock = new HostClock(machine);
        return new SimulatedHost(clock.calibrated(machine), version, cpus, new RealTiming(clock), false, null);
    }

    /** A host with interrupts, preemption and migration at random moments, by this seed. */
    public static SimulatedHost torture(MachineProfile machine, KernelVersion version, int cpus, long seed) {
        HostClock clock = new HostClock(machine);
        Timing timing = new TortureTiming(seed, cpus, clock);
        return new SimulatedHost(clock.calibrated(machine), version, cpus, timing, true, null);
    }

    /** A host whose clock stands still, where nothing happens by chance; {@code steps} is told of each touch of hardware. */
    public static SimulatedHost observed(
            MachineProfile machine, KernelVersion version, int cpus, BiConsumer<PhysicalCpu, String> steps) {
        Timing told = new Timing() {
            @Override
            public void moment(PhysicalCpu cpu, String step) {
                steps.accept(cpu, step);
            }

            @Override
            public int choose(String what, int n) {
                return 0;
            }

            @Override
            public long now() {
                return 0;
            }
        };
        return new SimulatedHost(machine, version, cpus, told, false, null);
    }

    /** The simulated kernel panicked: every call fails from then on. */
    public boolean panicked() {
        return panic != null;
    }

    /** What happened by chance, in one line; null on a host where nothing does. */
    public @Nullable String tortured() {
        return torture == null ? null : torture.report();
    }

    /** The machine's architecture as its profile says it. */
    public String arch() {
        return arch;
    }

    /** The host itself: its ioctls' names, its tracepoints. */
    public KvmHost kvm() {
        return booted;
    }

    KvmFile openKvm() {
        return device;
    }

    Task newTask() {
        return booted.newTask("task" + tasks.incrementAndGet());
    }

    void ended(Task task) {
        cpus().ended(task);
        task.region().drop();
    }

    XcompPermissions newXcompPermissions() {
        return new XcompPermissions(booted.xcompSupported(), booted.xcompComponents());
    }

    boolean refusesExecutableVcpuPages() {
        return booted.kernel().has(Patch.ANON_INODE_NOEXEC);
    }

    /** Makes the guest that the task runs exit. */
    void kick(Task task) {
        cpus().kick(task);
    }

    /** CPUs that no task has. */
    public int idleCpus() {
        return cpus().idle();
    }

    /** The task gives its CPU to others while its thread waits. */
    void sleep(Task task) {
        booted.sleep(task);
    }

    void wakeUp(Task task) {
        booted.start(task);
    }

    /** One ioctl; KVM_RUN, and what else works on the CPU, has one of this host. After a panic of its kernel every call fails. */
    long ioctl(HostThread thread, OpenFile open, int command, long argument, KvmFile.Made made) {
        if (panic != null) return Errno.EIO;
        boolean run =
                open.file().kind() == KvmFile.Kind.VCPU && (HostThread.isRun(command) || booted.touchesCpu(command));
        // One such call of a vCPU at a time takes a CPU: a second would hold its CPU while it waits for the first.
        if (run) open.lockRun();
        try {
            if (run) {
                wakeUp(thread.task());
                booted.calls(thread.task());
            }
            long r = open.file().ioctl(thread, command, argument, made);
            if (run) sleep(thread.task());
            return r;
        } catch (KernelPanic p) {
            panicked(p);
            return Errno.EIO;
        } catch (InternalError e) {
            // The JVM's word for SIGBUS, at a moment that is not exactly the access: the guest's state can't be
            // trusted.
            if (!String.valueOf(e.getMessage()).contains("unsafe memory access")) {
                brokeDown(open, command, e);
                return Errno.EIO;
            }
            System.err.println("ws: guest memory of " + open.file().fileName()
                    + " is not there: its file was cut short, or its file system is full; this VM is dead (EIO)");
            open.file().brokeDown();
            return Errno.EFAULT;
        } catch (OutOfMemoryError e) {
            System.err.println(
                    "ws: the server's heap of " + (Runtime.getRuntime().maxMemory() >> 20) + " MiB is full; "
                            + open.file().fileName() + ", which asked for more, is dead (ENOMEM)");
            open.file().brokeDown();
            return Errno.ENOMEM;
        } catch (RuntimeException | Error e) {
            // Ours, not the client's: half-done work is left behind in that VM, which is dead; the host goes on.
            brokeDown(open, command, e);
            return Errno.EIO;
        } finally {
            Mutex.releaseHeld();
            if (run) cpus().giveBack(thread.task(), booted::recover);
            if (run) open.unlockRun();
        }
    }

    private void brokeDown(OpenFile open, int command, Throwable e) {
        IoctlTable.Row row = booted.ioctls().find(open.file().kind(), command);
        String name = row == null ? "ioctl 0x" + Integer.toHexString(command) : row.name();
        StringBuilder s = new StringBuilder(
                "ws: internal error in " + name + " on " + open.file().fileName() + ": " + e + "\n");
        StackTraceElement[] stack = e.getStackTrace();
        for (int i = 0; i < Math.min(stack.length, FRAMES_SHOWN); i++)
            s.append("ws:   at ").append(stack[i]).append('\n');
        s.append("ws: this VM is dead (EIO); others go on. To see it again: ").append(replay);
        System.err.println(s);
        open.file().brokeDown();
    }

    private void panicked(KernelPanic p) {
        try (var _ = lock.hold()) {
            if (panic != null) return;
            panic = p;
            System.err.println("ws: the simulated kernel panicked; its VMs are dead");
            System.err.println(p.getMessage());
        }
    }
}
