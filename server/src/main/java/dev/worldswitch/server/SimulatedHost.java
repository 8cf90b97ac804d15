package dev.worldswitch.server;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.x86.Kvm;
import dev.worldswitch.machine.InterruptEntry;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A simulated computer with its kernel and KVM, as real client processes use it. */
public final class SimulatedHost {
    /** Plain timing raises no line. */
    private static final InterruptEntry ENTRY = (cpu, line) -> {
        throw new IllegalStateException(line + " taken, but this kernel has no interrupt entry");
    };

    private final Region region = Region.root("host");
    private final X86Profile profile;
    private final Kernel kernel;
    private final Kvm kvm;
    private final AtomicLong tasks = new AtomicLong();
    private volatile @Nullable KernelPanic panic;

    public SimulatedHost(X86Profile profile, KernelVersion version, int cpus, Timing timing) {
        this.profile = profile;
        this.kernel = new Kernel(region, version, timing);
        List<X86Cpu> all = new ArrayList<>();
        for (int i = 0; i < cpus; i++) all.add(new X86Cpu(region.child("cpu" + i), i, profile, timing, ENTRY));
        this.kvm = new Kvm(kernel, profile, all);
    }

    /** Time of a host that is simulated in real time: nanoseconds since it was made. */
    public static Timing realTime() {
        long start = System.nanoTime();
        return Timing.plain(() -> System.nanoTime() - start);
    }

    public Kvm kvm() {
        return kvm;
    }

    KvmFile openKvm() {
        return kvm.open();
    }

    Task newTask() {
        return new Task(region.child("task" + tasks.incrementAndGet()));
    }

    void ended(Task task) {
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
        String[] part = kernel.version().name().split("\\.");
        int m = Integer.parseInt(part[0]);
        return m > major || m == major && Integer.parseInt(part[1]) >= minor;
    }

    /** One ioctl on a CPU of this host. After a panic of its kernel every call fails. */
    long ioctl(HostThread thread, KvmFile file, int command, long argument, KvmFile.Made made) {
        if (panic != null) return Errno.EIO;
        try {
            return file.ioctl(thread, command, argument, made);
        } catch (KernelPanic p) {
            panicked(p);
            return Errno.EIO;
        }
    }

    private synchronized void panicked(KernelPanic p) {
        if (panic != null) return;
        panic = p;
        System.err.println("ws: the simulated kernel panicked; its VMs are dead");
        System.err.println(p.getMessage());
    }
}
