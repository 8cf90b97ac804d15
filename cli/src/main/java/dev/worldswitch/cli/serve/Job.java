package dev.worldswitch.cli.serve;

import dev.worldswitch.explore.Exploration.Progress;
import dev.worldswitch.explore.Finding;
import dev.worldswitch.explore.Json;
import dev.worldswitch.explore.Part;
import dev.worldswitch.explore.Report;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import java.io.IOException;
import java.io.Reader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/** One exploration that was asked for, in a folder of its own: what was asked, how it stands, what came out. */
final class Job {
    /** Where it is in its life. */
    enum Status {
        QUEUED,
        RUNNING,
        DONE,
        /** Somebody ended it, or its time was over: what is left can be done later. */
        STOPPED,
        /** It can't be explored; the error says why. */
        FAILED;

        String text() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final String ABOUT = "job.properties",
            PART = "part",
            REPORT = "report.html",
            VERDICT = "verdict.json";

    private final int id;
    private final Path folder;
    private final Request request;
    private final String command;
    private Status status = Status.QUEUED;
    private String error = "", verdict = "";
    /** Property, what, schedule. */
    private List<List<String>> findings = List.of();

    private Progress progress = new Progress(0, 0, 0);
    private boolean stopAsked;

    Job(int id, Path folder, Request request, String command) {
        this.id = id;
        this.folder = folder;
        this.request = request;
        this.command = command;
    }

    /** As it was saved; one that ran goes on. */
    static Job load(int id, Path folder) throws IOException {
        Properties p = new Properties();
        try (Reader r = Files.newBufferedReader(folder.resolve(ABOUT))) {
            p.load(r);
        }
        Map<String, String> given = new LinkedHashMap<>();
        for (String k : Request.KEYS) given.put(k, p.getProperty("request." + k, ""));
        Job j = new Job(id, folder, new Request(given), p.getProperty("command", ""));
        Status was = Status.valueOf(p.getProperty("status", "QUEUED"));
        j.status = was == Status.RUNNING ? Status.QUEUED : was;
        j.error = p.getProperty("error", "");
        j.verdict = p.getProperty("verdict", "");
        List<List<String>> found = new ArrayList<>();
        for (int i = 0; p.getProperty("finding." + i + ".schedule") != null; i++)
            found.add(List.of(
                    p.getProperty("finding." + i + ".property", ""),
                    p.getProperty("finding." + i + ".what", ""),
                    p.getProperty("finding." + i + ".schedule", "")));
        j.findings = List.copyOf(found);
        return j;
    }

    /** What is there after a crash at any moment is the old content or the new one. */
    static void write(Path file, String text) throws IOException {
        Path next = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(next, text);
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    }

    synchronized void save() throws IOException {
        Properties p = new Properties();
        request.given().forEach((k, v) -> p.setProperty("request." + k, v));
        p.setProperty("command", command);
        p.setProperty("status", status.name());
        p.setProperty("error", error);
        p.setProperty("verdict", verdict);
        for (int i = 0; i < findings.size(); i++) {
            p.setProperty("finding." + i + ".property", findings.get(i).get(0));
            p.setProperty("finding." + i + ".what", findings.get(i).get(1));
            p.setProperty("finding." + i + ".schedule", findings.get(i).get(2));
        }
        StringWriter text = new StringWriter();
        p.store(text, null);
        Files.createDirectories(folder);
        write(folder.resolve(ABOUT), text.toString());
    }

    int id() {
        return id;
    }

    Request request() {
        return request;
    }

    synchronized Status status() {
        return status;
    }

    synchronized void status(Status s) throws IOException {
        status = s;
        if (s == Status.QUEUED) stopAsked = false;
        save();
    }

    synchronized void failed(String why) throws IOException {
        error = why;
        status(Status.FAILED);
    }

    synchronized void progress(Progress p) {
        progress = p;
    }

    /** Ends it at the next moment. */
    synchronized void stop() {
        stopAsked = true;
    }

    synchronized boolean stopAsked() {
        return stopAsked;
    }

    /** Where an exploration that was ended goes on; null for one from the start. */
    @Nullable
    Part part() throws IOException {
        Path file = folder.resolve(PART);
        return Files.exists(file) ? Part.parse("job " + id, Files.readString(file)) : null;
    }

    /** What came out so far; the files first, then the line that says that they are there. */
    synchronized void outcome(Verdict v, Scenario s, Part left, Status next) throws IOException {
        Files.createDirectories(folder);
        if (v.complete()) Files.deleteIfExists(folder.resolve(PART));
        else write(folder.resolve(PART), left.text());
        write(folder.resolve(VERDICT), v.json());
        write(folder.resolve(REPORT), Report.of(v, s));
        List<List<String>> found = new ArrayList<>();
        for (Finding f : v.findings())
            found.add(List.of(
                    f.property().says(),
                    f.what().replace('\n', ' '),
                    f.schedule().toString()));
        findings = List.copyOf(found);
        verdict = (v.clean()
                        ? v.complete() ? "clean" : "nothing found so far"
                        : v.findings().size() + " found")
                + ": " + v.bounds() + (v.complete() ? "" : "; NOT exhausted") + "; "
                + v.figures().states()
                + " states, " + v.figures().runs() + " runs";
        status(next);
    }

    @Nullable
    Path report() {
        return existing(REPORT);
    }

    @Nullable
    Path verdictFile() {
        return existing(VERDICT);
    }

    private @Nullable Path existing(String name) {
        Path p = folder.resolve(name);
        return Files.exists(p) ? p : null;
    }

    synchronized String json() {
        StringBuilder b = new StringBuilder("{\"id\":" + id + ",\"status\":" + Json.quoted(status.text())
                + ",\"command\":"
                + Json.quoted(command) + ",\"verdict\":" + Json.quoted(verdict) + ",\"error\":" + Json.quoted(error)
                + ",\"report\":" + (report() != null) + ",\"states\":" + progress.states() + ",\"runs\":"
                + progress.runs() + ",\"waiting\":" + progress.waiting() + ",\"findings\":[");
        for (int i = 0; i < findings.size(); i++)
            b.append(i == 0 ? "" : ",")
                    .append("{\"property\":")
                    .append(Json.quoted(findings.get(i).get(0)))
                    .append(",\"what\":")
                    .append(Json.quoted(findings.get(i).get(1)))
                    .append(",\"schedule\":")
                    .append(Json.quoted(findings.get(i).get(2)))
                    .append('}');
        return b.append("]}").toString();
    }
}
