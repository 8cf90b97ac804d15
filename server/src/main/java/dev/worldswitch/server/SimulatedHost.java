package dev.worldswitch.server;

import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.x86.Kvm;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** A simulated computer with its kernel and KVM, as real client processes use it. */
public final class SimulatedHost {
    private final Region region = Region.root("host");
    private final X86Profile profile;
    private final X86Host booted;
    private final Cpus cpus;
    private final Kvm kvm;
    private final KvmFile device;
    private final AtomicLong tasks = new AtomicLong();
    private volatile @Nullable KernelPanic panic;

    private SimulatedHost(
            X86Profile profile,
            KernelVersion version,
            int cpus,
            Timing timing,
            boolean torture,
            @Nullable KvmFile device) {
        this.profile = profile;
        Cpus[] made = new Cpus[1];
        this.booted = X86Host.boot(region, version, profile, cpus, timing, all -> made[0] = new Cpus(all, torture));
        this.cpus = made[0];
        this.kvm = new Kvm(booted);
        this.device = device == null ? kvm.open() : device;
    }

    /** A host whose /dev/kvm is {@code device}: for tests of everything but KVM. */
    static SimulatedHost withDevice(X86Profile profile, KernelVersion version, int cpus, KvmFile device) {
        return new SimulatedHost(profile, version, cpus, Timing.plain(clock()), false, device);
    }

    /** A host where time passes as it really does and nothing happens by chance. */
    public static SimulatedHost plain(X86Profile profile, KernelVersion version, int cpus) {
        return new SimulatedHost(profile, version, cpus, Timing.plain(clock()), false, null);
    }

    /** A host with interrupts, preemption and migration at random moments, by this seed. */
    public static SimulatedHost torture(X86Profile profile, KernelVersion version, int cpus, long seed) {
        return new SimulatedHost(profile, version, cpus, new TortureTiming(seed, cpus, clock()), true, null);
    }

    private static LongSupplier clock() {
        long start = System.nanoTime();
        return () -> System.nanoTime() - start;
    }

    public Kvm kvm() {
        return kvm;
    }

    KvmFile openKvm() {
        return device;
    }

    Task newTask() {
        return booted.newTask("task" + tasks.incrementAndGet());
    }

    void ended(Task task) {
        cpus.ended(task);
        task.region().drop();
    }

    XcompPermissions newXcompPermissions() {
        // XFEATURE_MAX: 19 until the APX component got its name in 6.16.
        return new XcompPermissions(profile.xcr0(), atLeast(6, 16) ? 20 : 19);
    }

    /** vCPU pages may not be mapped executable from 6.18 on. */
    boolean refusesExecutableVcpuPages() {
        return atLeast(6, 18);
    }

    private boolean atLeast(int major, int minor) {
        String[] part = booted.kernel().version().name().split("\\.");
        int m = Integer.parseInt(part[0]);
        return m > major || m == major && Integer.parseInt(part[1]) >= minor;
    }

    /** Makes the guest that the task runs exit. */
    void kick(Task task) {
        cpus.kick(task);
    }

    /** CPUs that no task has. */
    public int idleCpus() {
        return cpus.idle();
    }

    /** The task gives its CPU to others while its thread waits. */
    void sleep(Task task) {
        booted.scheduler().sleep(task);
    }

    void wakeUp(Task task) {
        booted.scheduler().start(task);
    }

    /** One ioctl; KVM_RUN has a CPU of this host. After a panic of its kernel every call fails. */
    long ioctl(HostThread thread, OpenFile open, int command, long argument, KvmFile.Made made) {
        if (panic != null) return Errno.EIO;
        boolean run = HostThread.isRun(command) && open.file().kind() == KvmFile.Kind.VCPU;
        // One KVM_RUN of a vCPU at a time takes a CPU: a second would hold its CPU while it waits for the first.
        if (run) open.runLock().lock();
        try {
            if (run) wakeUp(thread.task());
            long r = open.file().ioctl(thread, command, argument, made);
            if (run) sleep(thread.task());
            return r;
        } catch (KernelPanic p) {
            panicked(p);
            return Errno.EIO;
        } catch (RuntimeException e) {
            // Ours, not the client's: half-done work is left behind in that VM, the host goes on.
            System.err.println("ws: internal error in ioctl 0x" + Integer.toHexString(command) + " on "
                    + open.file().fileName() + ": " + e);
            if (Boolean.getBoolean("worldswitch.debug")) e.printStackTrace();
            return Errno.EIO;
        } finally {
            if (run) cpus.giveBack(thread.task());
            if (run) open.runLock().unlock();
        }
    }

    private synchronized void panicked(KernelPanic p) {
        if (panic != null) return;
        panic = p;
        System.err.println("ws: the simulated kernel panicked; its VMs are dead");
        System.err.println(p.getMessage());
    }
}
