package dev.worldswitch.cli;

import dev.worldswitch.explore.Ftrace;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.server.HostThread;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** KVM's tracepoints of a run as the kernel's tracing/trace file has them: the clients' threads, the simulated CPUs. */
final class FtraceFile implements Tracepoints, Closeable {
    private static final int MOST_DEPTH = 9;

    private final BufferedWriter out;
    private final Ftrace text;
    private final long start = System.nanoTime();
    private final Map<Integer, String> names = new HashMap<>();

    FtraceFile(String file) throws IOException {
        out = Files.newBufferedWriter(Path.of(file));
        text = new Ftrace(out);
    }

    @Override
    public synchronized void hit(KvmFile file, String event, String fields) {
        HostThread t = HostThread.current();
        Task task = t == null ? null : t.task();
        PhysicalCpu cpu = task == null ? null : task.cpuIfAny();
        int tid = t == null ? 0 : t.tid();
        // What the kernel has no tracepoint for.
        boolean own = !event.startsWith("kvm_");
        text.line(
                t == null ? "worldswitch" : names.computeIfAbsent(tid, FtraceFile::name),
                tid,
                cpu == null ? 0 : cpu.id(),
                flags(task, cpu),
                (System.nanoTime() - start) / 1000,
                own ? Ftrace.MARKER : event,
                own ? event + ": " + fields : fields);
    }

    private static String flags(@Nullable Task task, @Nullable PhysicalCpu cpu) {
        if (task == null || cpu == null) return Ftrace.FLAGS_UNKNOWN;
        long depth = task.preemptCount().get();
        boolean resched = (task.flags().get() & Task.TIF_NEED_RESCHED) != 0;
        return (cpu.irqsOn() ? "." : "d") + (resched ? "N" : ".") + "."
                + (depth == 0 ? "." : "" + Math.min(depth, MOST_DEPTH)) + ".";
    }

    /** As the kernel calls the client's thread. */
    private static String name(int tid) {
        try {
            return Files.readString(Path.of("/proc/" + tid + "/comm")).strip();
        } catch (IOException e) {
            return "<...>";
        }
    }

    @Override
    public synchronized void close() throws IOException {
        out.close();
    }
}
