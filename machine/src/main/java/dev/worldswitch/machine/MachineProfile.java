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

    /**
     * A built-in profile by name, with properties as QEMU's -cpu has them: {@code max,sve-max-vq=4,nvhe}. A property is a
     * row {@code property NAME = VALUE}, value {@code on} when it has none.
     *
     * @throws IllegalArgumentException when no built-in profile has this name, or a line is bad; says which
     */
    public static MachineProfile builtIn(String spec) {
        String[] part = spec.split(",", -1);
        MachineProfile base = resource(part[0]);
        if (part.length == 1) return base;
        Map<String, String> lines = new LinkedHashMap<>(base.lines);
        for (int i = 1; i < part.length; i++) {
            int eq = part[i].indexOf('=');
            String key = eq < 0 ? part[i] : part[i].substring(0, eq);
            if (key.isBlank()) throw new IllegalArgumentException("machine '" + spec + "': an empty property");
            lines.put("property " + key, eq < 0 ? "on" : part[i].substring(eq + 1));
        }
        return new MachineProfile(spec, lines);
    }

    private static MachineProfile resource(String name) {
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

    /** The same machine with one line changed. */
    public MachineProfile with(String key, String value) {
        Map<String, String> changed = new LinkedHashMap<>(lines);
        changed.put(key, value);
        return new MachineProfile(name, changed);
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

    /** Properties given after the name, in their order: name and value. */
    public Map<String, String> properties() {
        Map<String, String> found = new LinkedHashMap<>();
        lines.forEach((k, v) -> {
            if (k.startsWith("property ")) found.put(k.substring("property ".length()), v);
        });
        return found;
    }

    /** The numbers of a list, none when the profile lacks the key. */
    public long[] numbers(String key) {
        String v = lines.get(key);
        if (v == null || v.isBlank()) return new long[0];
        String[] part = v.split("\\s+");
        long[] n = new long[part.length];
        for (int i = 0; i < n.length; i++) n[i] = parseNumber(part[i], key);
        return n;
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
