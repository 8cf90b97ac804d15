package dev.worldswitch.cli;

import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.HostThread;
import dev.worldswitch.server.SimulatedHost;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Prints each call of the clients, one line each, as strace does, and KVM's tracepoints in between. */
final class IoctlTrace implements CallListener, Tracepoints, Closeable {
    private static final int KVM_RUN = 0xAE80;

    private final PrintStream out;
    private final boolean own;
    private final long start = System.nanoTime();

    private final IoctlNames names;

    private IoctlTrace(PrintStream out, boolean own, IoctlNames names) {
        this.names = names;
        this.out = out;
        this.own = own;
    }

    /** @param file "-" for stderr */
    static IoctlTrace to(String file, SimulatedHost host) throws IOException {
        IoctlNames names = new IoctlNames(host);
        boolean own = !file.equals("-");
        PrintStream out =
                own ? new PrintStream(Files.newOutputStream(Path.of(file)), true, StandardCharsets.UTF_8) : System.err;
        return new IoctlTrace(out, own, names);
    }

    private synchronized void line(@Nullable HostThread t, String text) {
        long micros = (System.nanoTime() - start) / 1000;
        out.println(String.format("%4d.%06d", micros / 1_000_000, micros % 1_000_000) + " "
                + (t == null ? "-" : t.tid()) + " " + text);
    }

    @Override
    public void hit(KvmFile file, String event, String fields) {
        line(HostThread.current(), event + ": " + fields);
    }

    @Override
    public void exit(HostThread thread, KvmFile file, int command, long argument, long answer, @Nullable KvmFile made) {
        String text = names.call(thread, file, command, argument) + " = "
                + names.answer(answer, made == null ? null : made.fileName());
        SharedPages pages = command == KVM_RUN ? file.pages() : null;
        if (pages != null) text += " " + names.exit(pages);
        line(thread, text);
    }

    @Override
    public void other(HostThread thread, String what, long answer) {
        line(thread, what + " = " + names.answer(answer, null));
    }

    @Override
    public void close() {
        if (own) out.close();
        else out.flush();
    }
}
