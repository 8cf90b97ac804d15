package dev.worldswitch.cli;

import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Recording;
import dev.worldswitch.explore.RecordingFile;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.server.gdb.GdbServer;
import dev.worldswitch.server.gdb.ReplayStops;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** One schedule again. */
@Command(
        name = "replay",
        description =
                "Repeats one schedule that ws explore printed: exit status 1 when it goes wrong again. Or repeats a "
                        + "recording of ws record without its client: exit status 1 when an answer is another.")
final class ReplayCommand implements Callable<Integer> {
    @Parameters(paramLabel = "SCHEDULE|FILE")
    private String schedule = "";

    @Option(names = "--perfetto", paramLabel = "FILE", description = "its steps in Chrome's trace format, for Perfetto")
    private @Nullable Path perfetto;

    @Option(
            names = "--ftrace",
            paramLabel = "FILE",
            description = "its steps as the kernel's tracing/trace file has them")
    private @Nullable Path ftrace;

    @Option(names = "--json", description = "the verdict as one JSON object")
    private boolean json;

    @Option(
            names = "--gdb",
            paramLabel = "PORT",
            arity = "0..1",
            fallbackValue = "" + GdbServer.DEFAULT_PORT,
            description =
                    "GDB goes through the guests' instructions, forwards and back (default port: 1234; 0: any that is free)")
    private @Nullable Integer gdb;

    @Override
    public Integer call() throws IOException {
        if (RecordingFile.is(Path.of(schedule))) return recording(Path.of(schedule));
        if (gdb != null) return debugged(gdb, (guests, steps) -> Exploration.debug(schedule, guests, steps));
        Verdict v = Exploration.replay(schedule);
        if (perfetto != null) Files.writeString(perfetto, Exploration.perfetto(schedule));
        if (ftrace != null) Files.writeString(ftrace, Exploration.ftrace(schedule));
        System.out.print(json ? v.json() + "\n" : v.text());
        return v.exitStatus();
    }

    private int recording(Path file) {
        if (gdb != null) return debugged(gdb, (guests, steps) -> Exploration.repeat(file.toString(), guests));
        Recording r = RecordingFile.read(file);
        String wrong = Exploration.repeat(file.toString());
        System.out.println(
                wrong != null
                        ? wrong
                        : "all " + r.calls().size() + " calls of " + r.client() + " on " + r.machine() + ", kernel "
                                + r.kernel() + ", are answered as recorded");
        return wrong == null ? 0 : 1;
    }

    /** Until GDB goes and all is done, or GDB ends it. */
    private static int debugged(int port, ReplayStops.Repetition repetition) {
        ReplayStops stops = new ReplayStops(repetition);
        String wrong;
        try (GdbServer _ = GdbServer.start(port, stops, p -> System.err.println("ws: gdb: target remote :" + p))) {
            wrong = stops.run();
        }
        System.out.println(wrong != null ? wrong : stops.isKilled() ? "ended by GDB" : "nothing went wrong");
        return wrong == null ? 0 : 1;
    }
}
