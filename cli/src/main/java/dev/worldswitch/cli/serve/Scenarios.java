package dev.worldswitch.cli.serve;

import dev.worldswitch.explore.Scenario;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Scenarios that may be explored: those of the catalogue, and texts that somebody posted, kept under a name made of their
 * content. Never a file that a request names.
 */
final class Scenarios {
    private static final String POSTED = "posted-[0-9a-f]{16}";
    /** As {@link Scenario#of} reads them. */
    private static final Pattern VARIED = Pattern.compile("(.+),(cpus|tasks)=(\\d{1,2})");

    private final Path folder;

    Scenarios(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
    }

    boolean isPosted(String name) {
        return name.matches(POSTED);
    }

    /** @throws IllegalArgumentException when there is none of this name */
    Scenario find(String name) {
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
