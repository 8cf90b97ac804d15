package dev.worldswitch.cli;

import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.HostThread;
import dev.worldswitch.server.SimulatedHost;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Prints each call of the clients, one line each, as strace does. */
final class IoctlTrace implements CallListener, AutoCloseable {
    private final PrintStream out;
    private final boolean own;
    private final long start = System.nanoTime();

    private IoctlTrace(PrintStream out, boolean own) {
        this.out = out;
        this.own = own;
    }

    /** @param file "-" for stderr */
    static IoctlTrace to(String file, SimulatedHost host) throws IOException {
        if (file.equals("-")) return new IoctlTrace(System.err, false);
        return new IoctlTrace(
                new PrintStream(Files.newOutputStream(Path.of(file)), true, StandardCharsets.UTF_8), true);
    }

    private synchronized void line(HostThread t, String text) {
        double seconds = (System.nanoTime() - start) / 1e9;
        out.printf("%11.6f %d %s%n", seconds, t.tid(), text);
    }

    @Override
    public void exit(HostThread thread, KvmFile file, int command, long argument, long answer, boolean descriptor) {
        line(thread, IoctlNames.call(thread, file, command, argument) + " = " + IoctlNames.answer(answer, descriptor));
    }

    @Override
    public void other(HostThread thread, String what, long answer) {
        line(thread, what + " = " + IoctlNames.answer(answer, false));
    }

    @Override
    public void close() {
        if (own) out.close();
        else out.flush();
    }
}
