package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** docs/ci.md: its workflow is YAML, its jobs are whole, and the program has every option that it uses. */
class CiExampleTest {
    private static String workflow() throws IOException {
        Matcher m = Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("../docs/ci.md")));
        assertThat(m.find()).isTrue();
        return m.group(1);
    }

    @Test
    void the_workflow_is_yaml_whose_jobs_have_a_runner_and_steps() throws IOException {
        JsonNode jobs = new YAMLMapper().readTree(workflow()).get("jobs");
        assertThat(jobs.fieldNames()).toIterable().containsExactly("clients", "explore", "verdict");
        for (JsonNode job : jobs) {
            assertThat(job.get("runs-on").asText()).isNotEmpty();
            for (JsonNode step : job.get("steps"))
                assertThat(step.has("uses") ^ step.has("run"))
                        .as(step.toString())
                        .isTrue();
            if (job.has("needs"))
                assertThat(jobs.has(job.get("needs").asText())).isTrue();
        }
    }

    @Test
    void each_command_and_option_of_the_workflow_exists() throws IOException {
        List<String[]> commands = Pattern.compile("worldswitch/ws (.*)")
                .matcher(workflow())
                .results()
                .map(r -> r.group(1).split(" +"))
                .toList();
        assertThat(commands).hasSize(3);
        for (String[] words : commands) {
            CommandLine command = Main.commandLine().getSubcommands().get(words[0]);
            assertThat(command).as(words[0]).isNotNull();
            for (String w : words)
                if (w.startsWith("--"))
                    assertThat(command.getCommandSpec().findOption(w)).as(w).isNotNull();
        }
    }
}
