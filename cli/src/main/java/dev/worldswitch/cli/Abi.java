package dev.worldswitch.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Numbers and structures of the interface by name, read from the resource {@code trace/kvm.abi}: only traces need them. A
 * bad line stops the program, by name.
 */
final class Abi {
    private static final String RESOURCE = "/trace/kvm.abi";

    private final String arch;
    private final Map<String, Map<Long, String>> tables = new HashMap<>();
    private final Map<String, StructFormat> structs = new HashMap<>();
    private final Map<String, StructFormat> types = new HashMap<>();
    private final Map<String, String> arguments = new HashMap<>();
    private final Map<String, LongFunction<@Nullable String>> namers = new HashMap<>();

    private Abi(String arch) {
        this.arch = arch;
    }

    /** @param arch as in a machine's profile */
    static Abi load(String arch) {
        Abi abi = new Abi(arch);
        try (InputStream in = Abi.class.getResourceAsStream(RESOURCE)) {
            if (in == null) throw new IllegalStateException("resource " + RESOURCE + " is missing");
            List<String> lines = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            for (int i = 0; i < lines.size(); i++) {
                String line = lines.get(i).strip();
                if (line.isEmpty() || line.startsWith("#")) continue;
                try {
                    abi.add(line.split(" +", 3));
                } catch (RuntimeException e) {
                    throw new IllegalStateException(RESOURCE + ", line " + (i + 1) + ": " + e.getMessage(), e);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return abi;
    }

    private void add(String[] word) {
        if (word.length != 3) throw new IllegalArgumentException("three words are needed");
        switch (word[0]) {
            case "struct" -> {
                int slash = word[1].indexOf('/');
                if (slash >= 0 && !word[1].substring(slash + 1).equals(arch)) return;
                StructFormat format = StructFormat.parse(word[2], types);
                for (String name : word[1].substring(0, slash < 0 ? word[1].length() : slash)
                        .split(",")) structs.put(name, format);
            }
            case "define" -> types.put(word[1], StructFormat.parse(word[2], types));
            case "argument" -> arguments.put(word[1], word[2]);
            default -> tables.computeIfAbsent(word[0], t -> new HashMap<>()).put(Long.parseLong(word[1]), word[2]);
        }
    }

    /** Adds a table that somebody else knows. */
    void namer(String table, LongFunction<@Nullable String> names) {
        namers.put(table, names);
    }

    /** The name of a number; null when the table has none. */
    @Nullable
    String name(String table, long value) {
        LongFunction<@Nullable String> other = namers.get(table);
        if (other != null) return other.apply(value);
        Map<Long, String> bits = tables.get("bit." + table);
        if (bits != null) return bits(bits, value);
        Map<Long, String> names = tables.get(table);
        return names == null ? null : names.get(value);
    }

    private static String bits(Map<Long, String> names, long value) {
        StringBuilder s = new StringBuilder();
        long rest = value;
        for (long bit = 0; bit < 64; bit++) {
            String name = names.get(bit);
            if (name == null || (value >>> bit & 1) == 0) continue;
            s.append(s.isEmpty() ? "" : "|").append(name);
            rest &= ~(1L << bit);
        }
        if (rest != 0 || s.isEmpty())
            s.append(s.isEmpty() ? "" : "|").append("0x").append(Long.toHexString(rest));
        return s.toString();
    }

    /** The layout of an ioctl's structure or of an exit's part of kvm_run; null where there is none. */
    @Nullable
    StructFormat struct(String name) {
        return structs.get(name);
    }

    /** The table of an ioctl whose argument is a number with a name. */
    @Nullable
    String argumentTable(String ioctl) {
        return arguments.get(ioctl);
    }
}
