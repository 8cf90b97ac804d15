package dev.worldswitch.cli.suite;

import dev.worldswitch.cli.suite.SuiteTest.Statuses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lists of the kernel's selftests: kselftest-list.txt of an installation ({@code kvm:amx_test}), a Makefile's
 * {@code TEST_GEN_PROGS} lines, or just paths, one a line. {@code settings} beside a test has its timeout.
 */
final class KselftestList {
    /** kselftest/runner.sh, kselftest_default_timeout. */
    private static final long DEFAULT_SECONDS = 45;

    private static final Pattern COLLECTION = Pattern.compile("([A-Za-z0-9_./-]+):([A-Za-z0-9_./+-]+)");
    private static final Pattern PROGRAMS =
            Pattern.compile("(?:TEST_GEN_PROGS|TEST_PROGS|TEST_CUSTOM_PROGS)(?:_([a-z0-9_]+))?\\s*[:+]?=\\s*(.*)");

    private final Path folder;
    private final String arch;
    private final List<SuiteTest> tests = new ArrayList<>();

    KselftestList(Path folder, String arch) {
        this.folder = folder;
        this.arch = arch;
    }

    List<SuiteTest> read(List<String> lines) {
        boolean make = lines.stream().anyMatch(l -> PROGRAMS.matcher(l.strip()).matches());
        String more = "";
        for (String raw : lines) {
            String line = more + raw.replaceFirst("(^|\\s)#.*", "").strip();
            more = "";
            if (line.isEmpty()) continue;
            if (make && line.endsWith("\\")) {
                more = line.substring(0, line.length() - 1) + " ";
                continue;
            }
            Matcher collection = COLLECTION.matcher(line);
            if (make) programs(line);
            else if (collection.matches()) test(collection.group(1), collection.group(2));
            else test("", line);
        }
        return tests;
    }

    /** A variable of another architecture is none of ours, one that names variables has no tests of its own. */
    private void programs(String line) {
        Matcher m = PROGRAMS.matcher(line);
        if (!m.matches()) return;
        String of = m.group(1);
        if (of != null && !of.equals(arch.equals("x86") ? "x86_64" : "aarch64") && !of.equals(arch)) return;
        for (String word : m.group(2).split("\\s+")) if (!word.isEmpty() && !word.contains("$")) test("", word);
    }

    private void test(String collection, String name) {
        Path in = folder.resolve(collection), file = in.resolve(name);
        // Built but not installed, a collection is the folder itself.
        if (!Files.exists(file) && Files.exists(folder.resolve(name))) file = folder.resolve(name);
        Path where = file.getParent();
        if (where == null) where = folder;
        String shown = collection.isEmpty() ? name : "selftests: " + collection + ": " + name;
        long seconds = Math.max(timeout(in), timeout(where));
        tests.add(new SuiteTest(
                shown,
                where,
                List.of(file.toString()),
                seconds > 0 ? seconds : DEFAULT_SECONDS,
                "",
                Statuses.KSELFTEST));
    }

    /** 0 when nothing is said. */
    private static long timeout(Path folder) {
        Path settings = folder.resolve("settings");
        if (!Files.isRegularFile(settings)) return 0;
        try {
            return Files.readAllLines(settings).stream()
                    .filter(l -> l.matches("timeout=\\d{1,6}"))
                    .mapToLong(l -> Long.parseLong(l.substring("timeout=".length())))
                    .reduce(0, (a, b) -> b);
        } catch (IOException e) {
            throw new IllegalArgumentException("can't read " + settings + ": " + e.getMessage(), e);
        }
    }
}
