package dev.worldswitch.cli;

import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.HostThread;
import dev.worldswitch.server.SimulatedHost;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Prints each call of the clients, one line each, as strace does. */
final class IoctlTrace implements CallListener, AutoCloseable {
    private static final int KVM_RUN = 0xAE80, EXIT_REASON = 8;

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
        IoctlNames names = new IoctlNames(host.kvm().ioctls());
        if (file.equals("-")) return new IoctlTrace(System.err, false, names);
        PrintStream out = new PrintStream(Files.newOutputStream(Path.of(file)), true, StandardCharsets.UTF_8);
        return new IoctlTrace(out, true, names);
    }

    private synchronized void line(HostThread t, String text) {
        double seconds = (System.nanoTime() - start) / 1e9;
        out.printf("%11.6f %d %s%n", seconds, t.tid(), text);
    }

    @Override
    public void exit(HostThread thread, KvmFile file, int command, long argument, long answer, @Nullable KvmFile made) {
        String text = names.call(thread, file, command, argument) + " = "
                + IoctlNames.answer(answer, made == null ? null : made.fileName());
        SharedPages pages = command == KVM_RUN ? file.pages() : null;
        if (pages != null) text += " " + names.exit(pages.get(EXIT_REASON, 4));
        line(thread, text);
    }

    @Override
    public void other(HostThread thread, String what, long answer) {
        line(thread, what + " = " + IoctlNames.answer(answer, null));
    }

    @Override
    public void close() {
        if (own) out.close();
        else out.flush();
    }
}
