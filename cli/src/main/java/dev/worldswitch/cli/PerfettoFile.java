package dev.worldswitch.cli;

import dev.worldswitch.explore.Json;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.HostThread;
import dev.worldswitch.server.SimulatedHost;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A run in Chrome's trace format, which Perfetto reads: a track for each client thread, its calls, tracepoints in them. */
final class PerfettoFile implements CallListener, Tracepoints, Closeable {
    private final BufferedWriter out;
    private final IoctlNames names;
    private final long start = System.nanoTime();
    private final Map<Integer, Long> entered = new HashMap<>();
    private boolean begun;

    PerfettoFile(String file, SimulatedHost host) throws IOException {
        out = Files.newBufferedWriter(Path.of(file));
        out.write("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
        names = new IoctlNames(host);
    }

    private double now() {
        return (System.nanoTime() - start) / 1000.0;
    }

    private void event(HostThread t, String name, String more) {
        try {
            out.write((begun ? ",\n" : "\n") + "{\"name\":" + Json.quoted(name) + ",\"pid\":"
                    + t.process().pid() + ",\"tid\":" + t.tid() + more + "}");
            begun = true;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public synchronized void enter(HostThread thread, KvmFile file, int command, long argument) {
        entered.put(thread.tid(), System.nanoTime());
    }

    @Override
    public synchronized void exit(
            HostThread thread, KvmFile file, int command, long argument, long answer, @Nullable KvmFile made) {
        Long at = entered.remove(thread.tid());
        if (at == null) return;
        double begin = (at - start) / 1000.0, took = now() - begin;
        String call = names.call(thread, file, command, argument);
        event(
                thread,
                names.name(file, command),
                String.format(java.util.Locale.ROOT, ",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f", begin, took)
                        + ",\"args\":{\"call\":" + Json.quoted(call) + ",\"answer\":" + answer + "}");
    }

    @Override
    public synchronized void hit(KvmFile file, String event, String fields) {
        HostThread t = HostThread.current();
        if (t == null) return;
        event(
                t,
                event,
                String.format(java.util.Locale.ROOT, ",\"ph\":\"i\",\"s\":\"t\",\"ts\":%.3f", now())
                        + ",\"args\":{\"fields\":" + Json.quoted(fields) + "}");
    }

    @Override
    public synchronized void close() throws IOException {
        out.write("\n]}\n");
        out.close();
    }
}
