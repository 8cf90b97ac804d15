package dev.worldswitch.cli;

import dev.worldswitch.explore.FileError;
import dev.worldswitch.explore.RecordingFile;
import dev.worldswitch.explore.Report;
import dev.worldswitch.explore.Scenario;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A timing as a page for a browser. */
@Command(
        name = "report",
        description =
                "Writes one HTML page, which loads nothing: of a schedule that ws explore printed, or of a recording "
                        + "(FILE@CALL: one window of it). ws explore --report writes one of all that was found.")
final class ReportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "SCHEDULE|FILE")
    private String what = "";

    @Option(names = "-o", paramLabel = "FILE", required = true, description = "where the page goes")
    private @Nullable Path to;

    @Override
    public Integer call() {
        boolean recording = RecordingFile.is(Path.of(Scenario.fileOf(what)));
        write(to, Report.of(recording ? "ws2:" + what + ":" + Scenario.of(what).kernel() + ":-" : what));
        return 0;
    }

    static void write(@Nullable Path to, String page) {
        try {
            if (to != null) Files.writeString(to, page);
        } catch (IOException e) {
            throw FileError.of("can't write", to, e);
        }
    }
}
