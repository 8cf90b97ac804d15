package dev.worldswitch.cli;

import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.HostThread;
import dev.worldswitch.server.SimulatedHost;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** All who want to hear of what clients of one {@code ws run} do. */
final class Listeners implements Closeable {
    private final List<CallListener> calls = new ArrayList<>();
    private final List<Tracepoints> points = new ArrayList<>();
    private final List<Closeable> files = new ArrayList<>();

    private Listeners() {}

    static Listeners of(RunOptions o, SimulatedHost host) throws IOException {
        Listeners all = new Listeners();
        String trace = o.trace(), ftrace = o.ftrace(), perfetto = o.perfetto();
        if (trace != null) all.add(IoctlTrace.to(trace, host));
        if (ftrace != null) {
            FtraceFile f = new FtraceFile(ftrace);
            all.points.add(f);
            all.files.add(f);
        }
        if (perfetto != null) all.add(new PerfettoFile(perfetto, host));
        if (!all.points.isEmpty()) host.kvm().trace(all::hit);
        return all;
    }

    private <T extends CallListener & Tracepoints & Closeable> void add(T one) {
        calls.add(one);
        points.add(one);
        files.add(one);
    }

    private void hit(KvmFile file, String event, String fields) {
        for (Tracepoints p : points) p.hit(file, event, fields);
    }

    /** For the server. */
    CallListener calls() {
        if (calls.isEmpty()) return CallListener.NONE;
        return calls.size() == 1 ? calls.getFirst() : new Each(calls);
    }

    private record Each(List<CallListener> all) implements CallListener {
        @Override
        public void enter(HostThread thread, KvmFile file, int command, long argument) {
            for (CallListener l : all) l.enter(thread, file, command, argument);
        }

        @Override
        public void exit(
                HostThread thread, KvmFile file, int command, long argument, long answer, @Nullable KvmFile made) {
            for (CallListener l : all) l.exit(thread, file, command, argument, answer, made);
        }

        @Override
        public void other(HostThread thread, String what, long answer) {
            for (CallListener l : all) l.other(thread, what, answer);
        }
    }

    @Override
    public void close() throws IOException {
        for (Closeable f : files) f.close();
    }
}
