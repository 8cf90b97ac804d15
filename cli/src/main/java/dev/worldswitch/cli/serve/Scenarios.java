package dev.worldswitch.cli.serve;

import dev.worldswitch.explore.Recording;
import dev.worldswitch.explore.RecordingFile;
import dev.worldswitch.explore.Scenario;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Scenarios that may be explored: those of the catalogue, texts that somebody posted, kept under a name made of their
 * content, and windows of the recordings that were there when the server began. Never a file that a request names.
 */
final class Scenarios {
    private static final String POSTED = "posted-[0-9a-f]{16}";
    /** As {@link Scenario#of} reads them. */
    private static final Pattern VARIED = Pattern.compile("(.+),(cpus|tasks)=(\\d{1,2})");

    private static final Pattern WINDOW = Pattern.compile("([A-Za-z0-9._-]{1,80})(?:@(\\d{1,9}))?");

    private final Path folder;
    /** Recordings by their files' names. */
    private final Map<String, Path> recordings = new TreeMap<>();

    /**
     * @param recorded folders of recordings, and recordings
     * @throws IllegalArgumentException for a file that is none
     */
    Scenarios(Path folder, List<Path> recorded) throws IOException {
        this.folder = Files.createDirectories(folder);
        for (Path p : recorded) {
            if (!Files.isDirectory(p)) {
                RecordingFile.read(p);
                recording(p);
                continue;
            }
            try (Stream<Path> each = Files.list(p)) {
                each.filter(RecordingFile::is).sorted().forEach(this::recording);
            }
        }
    }

    private void recording(Path file) {
        String name = String.valueOf(file.getFileName());
        if (!WINDOW.matcher(name).matches())
            throw new IllegalArgumentException(
                    file + ": a recording to be served has a name of letters, digits, . _ -");
        Path before = recordings.put(name, file.toAbsolutePath());
        if (before != null) throw new IllegalArgumentException(file + ": a recording is called so already: " + before);
    }

    /** All windows of all recordings, by the names under which {@link #find} has them; those that can't be repeated have none. */
    List<String> windows() {
        List<String> all = new ArrayList<>();
        for (String name : recordings.keySet()) {
            Recording r = recording(name);
            if (r.unrepeatable().isEmpty()) for (Recording.Window w : r.windows()) all.add(name + "@" + w.from());
        }
        return all;
    }

    private Recording recording(String name) {
        return RecordingFile.read(Objects.requireNonNull(recordings.get(name)));
    }

    /** What a command on this computer calls the scenario. */
    String forCommand(String name) {
        Matcher w = WINDOW.matcher(name);
        if (isPosted(name)) return "./" + name + ".scenario";
        Path file = w.matches() ? recordings.get(w.group(1)) : null;
        return file == null ? name : file + name.substring(w.group(1).length());
    }

    boolean isPosted(String name) {
        return name.matches(POSTED);
    }

    /** @throws IllegalArgumentException when there is none of this name */
    Scenario find(String name) {
        Matcher window = WINDOW.matcher(name);
        if (window.matches() && recordings.containsKey(window.group(1)))
            return Scenario.of(name, recording(window.group(1)));
        int at = name.lastIndexOf('%');
        if (at > 0) return find(name.substring(0, at)).on(name.substring(at + 1));
        Matcher varied = VARIED.matcher(name);
        if (varied.matches()) return find(varied.group(1)).changed(varied.group(2), Integer.parseInt(varied.group(3)));
        if (!isPosted(name)) return Scenario.builtIn(name);
        String text = text(name);
        if (text == null) throw new IllegalArgumentException("no scenario '" + name + "' was posted here");
        return Scenario.parse(name, text);
    }

    /** A posted scenario as it came; null when there is none. */
    @Nullable
    String text(String name) {
        try {
            Path file = folder.resolve(name + ".scenario");
            return isPosted(name) && Files.exists(file) ? Files.readString(file) : null;
        } catch (IOException e) {
            throw new IllegalArgumentException("can't read scenario " + name + ": " + e.getMessage(), e);
        }
    }

    /** Keeps a text and gives its name. */
    String post(String text) throws IOException {
        String name = "posted-" + hash(text).substring(0, 16);
        Scenario.parse(name, text);
        Path file = folder.resolve(name + ".scenario");
        if (!Files.exists(file)) Job.write(file, text);
        return name;
    }

    private static String hash(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
