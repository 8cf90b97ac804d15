package dev.worldswitch.explore;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a reader of a timeline may want to look up: what the values beside it are, and where the kernel's functions stand. */
final class Explanations {
    /** Values that timelines show, and what they say about who owns which registers. */
    private static final Map<String, String> VALUES = new TreeMap<>(Map.of(
            "XFD", "IA32_XFD[18] of the CPU: 1 disables AMX tile data, and using it takes #NM",
            "LOAD", "TIF_NEED_FPU_LOAD: 1 when the task's registers are in its image in memory, not in the CPU",
            "BV18", "XSTATE_BV[18] of the guest's image: 1 when the image holds tile data",
            "DEBUGCTL", "IA32_DEBUGCTL of the CPU",
            "VL", "bytes of a vector register that count on the CPU now",
            "bound",
                    "vector length, in bytes, with which the CPU's registers are bound to their owner's image; 0: to nobody's",
            "FOREIGN", "TIF_FOREIGN_FPSTATE: 1 when the CPU's registers are not this task's",
            "E2PB", "MDCR_EL2.E2PB: who owns the profiling buffer; 0: EL2, 2 and 3: EL1"));

    private Explanations() {}

    /** For each of these values, named as in a timeline, what it is. */
    static Map<String, String> values(Set<String> names) {
        Map<String, String> all = new LinkedHashMap<>();
        for (String n : new TreeSet<>(names)) {
            String what = VALUES.get(n.replaceFirst("/.*", ""));
            if (what != null) all.put(n, what);
        }
        return all;
    }

    /** For each of these kernel functions, where it is, its file in Linux 6.12's source. */
    static Map<String, String> sources(Set<String> functions) {
        Map<String, Map<String, String>> byArch = new TreeMap<>();
        for (String line : lines()) {
            String[] word = line.split(" ");
            if (functions.contains(word[1]))
                byArch.computeIfAbsent(word[0], a -> new TreeMap<>()).put(word[1], word[2]);
        }
        Map<String, String> all = new TreeMap<>(byArch.getOrDefault("both", Map.of()));
        // A timeline is of one architecture: that of most of its functions.
        Map<String, String> x86 = byArch.getOrDefault("x86", Map.of()), arm64 = byArch.getOrDefault("arm64", Map.of());
        all.putAll(x86.size() >= arm64.size() ? x86 : arm64);
        return all;
    }

    private static List<String> lines() {
        try (InputStream in = Explanations.class.getResourceAsStream("/report/sources")) {
            if (in == null) throw new IllegalStateException("resource report/sources is missing");
            return new ArrayList<>(new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
