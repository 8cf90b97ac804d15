package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.explore.Bounds;
import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.kernel.Patch;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands around {@code ws explore} as a user has them: exit status, standard output, standard error. */
class ExploreCommandsTest {
    private static final List<String> PANICS = List.of("explore", "xfd", "--without", "clear-xstate-bv-on-xfd");

    @TempDir
    Path folder;

    private record Ran(int status, String out, String err) {
        /** What goes wrong, one line each. */
        TreeSet<String> findings() {
            TreeSet<String> all = new TreeSet<>();
            Pattern.compile("^finding \\d+: ((?:(?!  also:).+\\n)+)", Pattern.MULTILINE)
                    .matcher(out)
                    .results()
                    .forEach(m -> all.add(m.group(1)));
            return all;
        }

        List<String> schedules() {
            return Pattern.compile("ws replay (\\S+)")
                    .matcher(out)
                    .results()
                    .map(m -> m.group(1))
                    .toList();
        }
    }

    private static Ran ws(List<String> first, String... more) {
        List<String> all = new ArrayList<>(first);
        all.addAll(List.of(more));
        PrintStream usual = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        StringWriter err = new StringWriter();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            int status = Main.commandLine().setErr(new PrintWriter(err, true)).execute(all.toArray(String[]::new));
            return new Ran(status, out.toString(StandardCharsets.UTF_8), err.toString());
        } finally {
            System.setOut(usual);
        }
    }

    private static Ran ws(String... all) {
        return ws(List.of(), all);
    }

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    @Test
    void an_exploration_that_was_ended_early_goes_on_and_keeps_what_it_had_found() throws IOException {
        Ran whole = ws(PANICS), early = ws(PANICS, "--jobs", "1", "--states", "45", "--save", file("part"));
        assertThat(early.findings()).hasSize(1).isNotEqualTo(whole.findings());
        assertThat(early.out).containsPattern("NOT\\s+exhausted");
        Ran rest = ws(PANICS, "--resume", file("part"));
        assertThat(rest.status).isEqualTo(1);
        assertThat(rest.findings()).isEqualTo(whole.findings());
        assertThat(rest.out).doesNotContainPattern("NOT\\s+exhausted");
        assertThat(Files.readString(Path.of(file("part")))).doesNotContain("\ntodo\t");
        // Taken up once more, there is nothing left to do, and nothing is forgotten.
        assertThat(ws(PANICS, "--resume", file("part")).findings()).isEqualTo(whole.findings());
    }

    @Test
    void shards_add_up_to_the_whole_and_a_missing_one_is_said() {
        List<String> clean = List.of("explore", "fpu-two-tasks", "--jobs", "2");
        for (int i = 1; i <= 2; i++)
            assertThat(ws(clean, "--shard", i + "/2", "--save", file("s" + i)).status)
                    .isEqualTo(3);
        Ran all = ws("merge", file("s1"), file("s2"));
        assertThat(all.status).isZero();
        assertThat(all.out).contains("2 of 2 shards").contains("pairs (step x event) exercised");
        assertThat(ws("merge", file("s2")).status).isEqualTo(3);
        // One that was taken up again is still only its part.
        assertThat(ws(clean, "--resume", file("s2")).status).isEqualTo(3);
        assertThat(ws("merge", file("s2"), file("s2")).err).isEqualTo("ws: shard 2/2 is there twice\n");
    }

    @Test
    void several_workers_and_random_runs_find_the_same_failures() {
        Ran whole = ws(PANICS, "--jobs", "1");
        assertThat(ws(PANICS, "--jobs", "3").schedules()).isEqualTo(whole.schedules());
        Ran random = ws(PANICS, "--random", "300", "--seed", "7");
        assertThat(random.status).isEqualTo(1);
        assertThat(random.findings()).containsAll(whole.findings());
        assertThat(random.out).isEqualTo(ws(PANICS, "--random", "300", "--seed", "7").out);
    }

    @Test
    void a_schedule_is_repeated_and_one_of_other_sources_is_refused_in_one_line() {
        Ran found = ws(PANICS);
        String schedule = found.schedules().getLast();
        Ran again = ws("replay", schedule);
        assertThat(again.status).isEqualTo(1);
        assertThat(again.schedules()).containsExactly(schedule);
        String other = schedule.replaceFirst("....$", "0000");
        Ran refused = ws("replay", other);
        assertThat(refused.status).isEqualTo(2);
        assertThat(refused.out).isEmpty();
        assertThat(refused.err.lines()).singleElement().asString().contains("made with other sources");
    }

    @Test
    void a_schedule_with_needless_events_shrinks_to_the_one_that_matters() {
        String[] window = {"explore", "sve-vl-window", "--without", "zcr-eager-switch"};
        String needless = ws(List.of(window), "--events", "2", "--random", "20", "--seed", "3").schedules().stream()
                .max(Comparator.comparing(x -> x.split(",").length))
                .orElseThrow();
        Ran least = ws("shrink", needless);
        assertThat(least.status).isEqualTo(1);
        assertThat(least.schedules().getFirst().split(",")).hasSizeLessThan(needless.split(",").length);
    }

    @Test
    void the_list_has_every_scenario_event_property_and_patch() {
        String list = ws("list").out;
        assertThat(list.lines().map(l -> l.split(" ")[0]))
                .containsAll(Scenario.names())
                .containsAll(Bounds.eventKinds())
                .containsAll(Property.all().stream().map(Property::id).toList())
                .containsAll(List.of(Patch.values()).stream().map(Patch::id).toList());
    }

    @Test
    void the_matrix_of_one_workload_has_all_its_forms_and_no_other() {
        Ran m = ws("explore", "spe-ahead", "--matrix");
        assertThat(m.status).isZero();
        assertThat(m.out)
                .containsPattern("host-spe-save-restore.drain +x\n")
                .containsPattern("  1 spe \\(spe-mixed, spe-ahead, spe-firmware\\)")
                .doesNotContain("clear-xstate-bv-on-xfd");
    }
}
