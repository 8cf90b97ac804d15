package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MainTest {
    @ParameterizedTest
    @CsvSource({
        "run --bogus -- true, --bogus, ws run --help",
        "run --torture x -- true, --torture, ws run --help",
        "explore --bogus, --bogus, ws explore --help",
        "bogus, bogus, ws --help"
    })
    void what_is_not_understood_is_one_line_that_says_what_and_where_help_is(
            String arguments, String named, String help) {
        StringWriter err = new StringWriter();
        CommandLine line = Main.commandLine().setErr(new PrintWriter(err, true));
        assertThat(line.execute(arguments.split(" "))).isEqualTo(2);
        assertThat(err.toString().lines())
                .singleElement()
                .asString()
                .startsWith("ws: ")
                .contains(named)
                .endsWith(help);
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "explore", "replay", "report", "serve", "shrink", "merge", "migrate", "machines"})
    void every_command_tells_about_itself(String command) {
        StringWriter out = new StringWriter();
        assertThat(Main.commandLine().setOut(new PrintWriter(out, true)).execute(command, "--help"))
                .isZero();
        assertThat(out.toString()).startsWith("Usage: ws " + command);
    }
}
