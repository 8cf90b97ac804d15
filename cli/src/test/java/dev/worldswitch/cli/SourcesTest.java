package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.explore.Scenario;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What docs/sources.md and docs/TROPHIES.md name is there: classes, methods, tests, scenarios, patches. */
class SourcesTest {
    private static final Pattern CODE =
            Pattern.compile("\\b((?:machine|kernel|kvm|explore)/[a-z0-9/]*)([A-Z]\\w+)(?:\\.([a-z]\\w+))?");
    private static final Pattern SHORT = Pattern.compile("\\b([A-Z]\\w+)\\.((?!md\\b|java\\b)[a-z]\\w+)");
    private static final Pattern TEST = Pattern.compile("`([A-Z]\\w*Test)`");
    private static final Pattern COMMAND = Pattern.compile("`ws explore ([^`]+)`");

    private static List<MatchResult> all(Pattern p, String page) throws IOException {
        return p.matcher(Files.readString(Path.of("../docs/" + page))).results().toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"sources.md", "TROPHIES.md"})
    void every_class_and_method_that_a_page_names_is_in_the_code(String page) throws IOException {
        List<String> missing = new ArrayList<>();
        for (MatchResult m : all(CODE, page)) {
            String module = m.group(1).substring(0, m.group(1).indexOf('/'));
            Path file = Path.of("../" + module + "/src/main/java/dev/worldswitch/" + m.group(1) + m.group(2) + ".java");
            if (!Files.exists(file)
                    || m.group(3) != null && !Files.readString(file).contains(m.group(3))) missing.add(m.group());
        }
        assertThat(missing).isEmpty();
    }

    @Test
    void every_class_and_method_that_a_row_names_shortly_is_in_the_code() throws IOException {
        Map<String, List<Path>> sources;
        try (Stream<Path> files = Files.walk(Path.of(".."))) {
            sources = files.filter(f -> f.toString().contains("src/main/java")
                            && f.toString().endsWith(".java"))
                    .collect(Collectors.groupingBy(
                            f -> f.getFileName().toString().replace(".java", "")));
        }
        List<String> missing = new ArrayList<>();
        for (MatchResult m : all(SHORT, "sources.md")) {
            boolean there = false;
            for (Path f : sources.getOrDefault(m.group(1), List.of()))
                there |= Files.readString(f).contains(m.group(2));
            if (!there) missing.add(m.group());
        }
        assertThat(missing).isEmpty();
    }

    @Test
    void every_row_says_where_a_demand_is_and_what_shows_it_or_that_it_is_not_there() throws IOException {
        List<String> without = Files.readAllLines(Path.of("../docs/sources.md")).stream()
                .dropWhile(l -> !l.startsWith("## spec/1"))
                .filter(l -> l.startsWith("| ") && !l.startsWith("| demand"))
                .filter(l -> {
                    String[] cell = l.split(" \\| ");
                    boolean shown = cell.length == 3 && (cell[2].contains("`") || cell[2].length() > 3);
                    return !shown && !l.contains("not there") && !l.contains("no EL3") && !l.contains("not modelled");
                })
                .toList();
        assertThat(without).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"sources.md", "TROPHIES.md"})
    void every_test_that_a_page_names_is_there(String page) throws IOException {
        List<String> tests;
        try (Stream<Path> files = Files.walk(Path.of(".."))) {
            tests = files.map(f -> f.getFileName().toString())
                    .filter(f -> f.endsWith("Test.java"))
                    .map(f -> f.replace(".java", ""))
                    .toList();
        }
        assertThat(all(TEST, page).stream().map(m -> m.group(1))).isSubsetOf(tests);
    }

    @ParameterizedTest
    @ValueSource(strings = {"sources.md", "TROPHIES.md"})
    void every_scenario_kernel_and_patch_of_a_command_is_known(String page) throws IOException {
        for (MatchResult m : all(COMMAND, page)) {
            String[] word = m.group(1).split(" ");
            if (word[0].startsWith("--")) continue;
            Scenario.builtIn(word[0]);
            for (int i = 1; i + 1 < word.length; i += 2)
                switch (word[i]) {
                    case "--without", "--with" -> {
                        if (!word[i + 1].endsWith(".STEP")) Patch.of(word[i + 1]);
                    }
                    case "--kernel" -> KernelVersion.of(word[i + 1]);
                    default -> assertThat(word[i]).as(m.group()).startsWith("--");
                }
        }
    }
}
