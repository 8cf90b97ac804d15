package dev.worldswitch.cli.suite;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A file that names many clients: a list of kselftest, or unittests.cfg of kvm-unit-tests; told by content. */
public final class Suite {
    private final String name;
    private final List<SuiteTest> tests;

    private Suite(String name, List<SuiteTest> tests) {
        this.name = name;
        this.tests = List.copyOf(tests);
    }

    /**
     * @param arch the simulated machine's: x86 or arm64
     * @param vmm what boots the images of kvm-unit-tests
     * @throws IllegalArgumentException naming the file and what is wrong with it
     */
    public static Suite read(Path file, String arch, Vmm vmm) {
        List<String> lines;
        try {
            lines = Files.readString(file, StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new IllegalArgumentException("can't read " + file + ": " + e.getMessage(), e);
        }
        boolean sections = lines.stream()
                .map(String::strip)
                .filter(l -> !l.isEmpty() && !l.startsWith("#"))
                .limit(1)
                .anyMatch(l -> l.startsWith("["));
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null) throw new IllegalArgumentException(file + " is in no folder");
        List<SuiteTest> tests = sections
                ? new UnitTests(file, folder, arch, vmm).read(lines)
                : new KselftestList(folder, arch).read(lines);
        if (tests.isEmpty()) throw new IllegalArgumentException(file + " names no test");
        return new Suite(String.valueOf(file.getFileName()), tests);
    }

    /** The file's name. */
    public String name() {
        return name;
    }

    /** Only those of these names, all when there are none given. */
    public Suite only(List<String> names) {
        if (names.isEmpty()) return this;
        for (String n : names)
            if (tests.stream().noneMatch(t -> matches(t, n)))
                throw new IllegalArgumentException(name + " has no test '" + n + "'");
        return new Suite(
                name,
                tests.stream()
                        .filter(t -> names.stream().anyMatch(n -> matches(t, n)))
                        .toList());
    }

    private static boolean matches(SuiteTest t, String name) {
        return t.name().equals(name) || t.name().endsWith(" " + name);
    }

    List<SuiteTest> tests() {
        return tests;
    }
}
