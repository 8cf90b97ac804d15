package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.explore.Catalogue;
import dev.worldswitch.explore.Scenario;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** docs/TROPHIES.md says what the scenarios' files say; that those come out so is BuiltInScenariosTest's. */
class TrophiesTest {
    private static List<String> commands() throws IOException {
        return Pattern.compile("`(ws explore [^`]*)` \\|$", Pattern.MULTILINE)
                .matcher(Files.readString(Path.of("../docs/TROPHIES.md")))
                .results()
                .map(r -> r.group(1))
                .toList();
    }

    @Test
    void every_command_of_the_page_is_expected_to_find_something() throws IOException {
        Set<String> finding = Catalogue.rows().stream()
                .filter(r -> !r.expected().finds().isEmpty())
                .map(Catalogue.Row::command)
                .collect(Collectors.toSet());
        assertThat(commands()).hasSizeGreaterThan(45).isSubsetOf(finding);
    }

    @Test
    void every_patch_that_a_scenario_expects_to_miss_is_on_the_page() throws IOException {
        String all = String.join(" ", commands());
        for (String name : Scenario.names())
            for (Scenario.Expectation e : Scenario.builtIn(name).expectations())
                if (!e.finds().isEmpty() && e.changes().contains("--without"))
                    assertThat(all).contains(e.changes().replaceFirst("^.*--without ", ""));
    }

    @Test
    void every_migration_of_the_page_loses_something_that_the_documented_order_carries_over() throws IOException {
        List<String> commands = Pattern.compile("\\| V\\d+ \\|.*`ws (migrate [^`]*)`")
                .matcher(Files.readString(Path.of("../docs/TROPHIES.md")))
                .results()
                .map(r -> r.group(1))
                .toList();
        assertThat(commands).hasSize(5).allSatisfy(command -> {
            String documented = command.replaceFirst("--order \\S+", "--order documented");
            assertThat(losses(command)).as(command).isNotEmpty();
            assertThat(losses(command)).as(command).isNotEqualTo(losses(documented));
        });
    }

    /** Lines of what was refused, left out or came back as something else. */
    private static List<String> losses(String command) {
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            new CommandLine(new Main()).execute(command.split(" "));
        } finally {
            System.setOut(out);
        }
        return said.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(l -> l.matches("(refused|left out|missing|different) .*"))
                .toList();
    }
}
