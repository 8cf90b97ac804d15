package dev.worldswitch.machine;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A simulated machine as data. A profile is a text file of lines {@code key = value}; {@code #} starts a comment, and
 * {@code base = NAME} takes over another profile's lines first. Keys with a number, as {@code cpuid 0xd.1} and
 * {@code msr 0x10a}, are tables.
 */
public final class MachineProfile {
    private final String name;
    private final Map<String, String> lines;

    private MachineProfile(String name, Map<String, String> lines) {
        this.name = name;
        this.lines = lines;
    }

    /** @throws IllegalArgumentException when no built-in profile has this name, or a line is bad; says which */
    public static MachineProfile builtIn(String name) {
        try (InputStream in = MachineProfile.class.getResourceAsStream("/machines/" + name + ".machine")) {
            if (in == null)
                throw new IllegalArgumentException("no machine '" + name + "'; known: " + String.join(", ", names()));
            return parse(name, new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Names of the built-in profiles, as listed in the resource {@code machines/index}. */
    public static List<String> names() {
        try (InputStream in = MachineProfile.class.getResourceAsStream("/machines/index")) {
            if (in == null) throw new IllegalStateException("resource machines/index is missing");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(l -> !l.isBlank())
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @throws IllegalArgumentException naming the profile and the line at fault */
    public static MachineProfile parse(String name, String text) {
        Map<String, String> lines = new LinkedHashMap<>();
        int number = 0;
        for (String raw : text.lines().toList()) {
            number++;
            String line = raw.replaceFirst("#.*", "").strip();
            if (line.isEmpty()) continue;
            int eq = line.indexOf('=');
            if (eq <= 0)
                throw new IllegalArgumentException("machine " + name + ", line " + number + ": no '=': " + raw);
            String key = line.substring(0, eq).strip();
            String value = line.substring(eq + 1).strip();
            if (key.equals("base")) lines.putAll(builtIn(value).lines);
            else lines.put(key, value);
        }
        return new MachineProfile(name, lines);
    }

    public String name() {
        return name;
    }

    /** Its architecture, line {@code arch}: x86 when it does not say. */
    public String arch() {
        return lines.getOrDefault("arch", "x86");
    }

    public @Nullable String find(String key) {
        return lines.get(key);
    }

    /** @throws IllegalArgumentException when the profile lacks the key */
    public String text(String key) {
        String v = lines.get(key);
        if (v == null) throw new IllegalArgumentException("machine " + name + " lacks '" + key + "'");
        return v;
    }

    public long number(String key) {
        return parseNumber(text(key), key);
    }

    public long number(String key, long otherwise) {
        String v = lines.get(key);
        return v == null ? otherwise : parseNumber(v, key);
    }

    /** Rows of a table: for {@code "cpuid"} the part of each key after it, with its numbers. */
    public Map<String, long[]> table(String prefix) {
        Map<String, long[]> rows = new LinkedHashMap<>();
        lines.forEach((k, v) -> {
            if (!k.startsWith(prefix + " ")) return;
            List<Long> numbers = new ArrayList<>();
            for (String n : v.split("\\s+")) numbers.add(parseNumber(n, k));
            rows.put(
                    k.substring(prefix.length() + 1).strip(),
                    numbers.stream().mapToLong(Long::longValue).toArray());
        });
        return rows;
    }

    private long parseNumber(String v, String key) {
        try {
            return v.startsWith("0x") ? Long.parseUnsignedLong(v.substring(2), 16) : Long.parseLong(v);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("machine " + name + ": '" + key + "' is not a number: " + v, e);
        }
    }
}
