package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.explore.TimelineStep.Kind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TimelineTest {
    private static final String IN_XFD = "ws2:xfd:6.12~clear-xstate-bv-on-xfd:";

    /** Width, length, each event, one first wrong value, and a column for each context and CPU that is named. */
    static void isFitForAMail(Finding f) {
        List<String> lines = f.timeline().lines().toList();
        assertThat(lines)
                .as(f.timeline())
                .hasSizeLessThanOrEqualTo(80)
                .allSatisfy(l -> assertThat(l.length()).isLessThanOrEqualTo(72));
        String words = f.timeline().replaceAll("\n[|: ]*(! )?", " ");
        assertThat(words.split("FIRST WRONG: ", -1)).as(f.timeline()).hasSize(2);
        assertThat(f.steps()).extracting(TimelineStep::kind).contains(Kind.CALL, Kind.STEP, Kind.WRONG);
        assertThat(lines.stream().filter(l -> l.contains("* ")).count())
                .as(f.timeline())
                .isGreaterThanOrEqualTo(f.schedule().turns().size());
        assertThat(lines.getFirst()).doesNotStartWith(" |");
        // A line that begins with '>' would be a quotation.
        assertThat(lines).allMatch(l -> l.startsWith(" "));
        for (TimelineStep s : f.steps())
            if (s.kind() == Kind.EVENT || s.kind() == Kind.WRONG)
                assertThat(lines).as(f.timeline()).anyMatch(l -> l.endsWith(s.column()));
    }

    @Test
    void an_interrupt_has_a_column_of_its_own_beside_the_task_and_the_guest() {
        Finding f = interrupted();
        assertThat(f.timeline())
                .startsWith(
                        " vmm on cpu0\n |            guest of vmm on cpu0\n |            |            interrupt on cpu0\n");
        assertThat(f.timeline())
                .contains("\n |            |            | do_softirq(): local_irq_enable    LOAD 0->1\n");
        isFitForAMail(f);
    }

    @Test
    void steps_are_named_as_the_kernel_s_functions() {
        assertThat(interrupted().steps()).anySatisfy(s -> {
            assertThat(s.function()).isEqualTo("restore_fpregs_from_fpstate");
            assertThat(s.text()).isEqualTo("xrstors");
        });
    }

    @Test
    void state_is_shown_where_it_changes_and_adds_up() {
        Map<String, Long> now = new LinkedHashMap<>();
        for (TimelineStep s : interrupted().steps())
            s.changed()
                    .forEach((name, v) -> assertThat(now.put(name, v)).as(name).isNotEqualTo(v));
        assertThat(now).containsEntry("XFD", 1L);
        assertThat(interrupted().timeline())
                .contains("   [XFD=0  LOAD=1  BV18=0]\n")
                .contains(" XFD 0->1\n");
    }

    @Test
    void a_replay_prints_the_very_same() {
        Finding f = interrupted();
        assertThat(Exploration.replay(f.schedule().toString()).findings()).containsExactly(f);
    }

    @Test
    void the_verdict_for_programs_has_the_steps_as_a_list() {
        Verdict v = Exploration.replay(interrupted().schedule().toString());
        assertThat(v.json())
                .contains("\"steps\":[{\"kind\":\"call\",\"context\":\"vmm\",\"cpu\":0,\"text\":\"starts\"}")
                .contains("{\"kind\":\"event\"")
                .contains("{\"kind\":\"wrong\"");
    }

    @Test
    void what_is_far_from_events_is_counted_and_long_words_stay_within_the_width() {
        TimelineStep event = new TimelineStep(Kind.EVENT, "a", 0, "", "x".repeat(200));
        TimelineStep step = new TimelineStep(Kind.STEP, "b", 1, "f", "s");
        java.util.ArrayList<TimelineStep> all = new java.util.ArrayList<>();
        for (int i = 0; i < 500; i++) all.add(new TimelineStep(Kind.STEP, "b", 1, "f" + i, "s"));
        all.add(event);
        all.add(step);
        String text = new Picture(all, Map.of("X", 1L)).text();
        assertThat(text).contains("(492 steps)").contains("| f(): s");
        assertThat(text.lines()).allSatisfy(l -> assertThat(l.length()).isLessThanOrEqualTo(72));
    }

    /** The finding that needs an interrupt. */
    private static Finding interrupted() {
        return Exploration.of(
                        Scenario.builtIn("xfd"),
                        Exploration.kernelOf(Schedule.parse(IN_XFD + "-").kernel()))
                .run(n -> {})
                .findings()
                .stream()
                .filter(f -> f.schedule().events() == 1)
                .findFirst()
                .orElseThrow();
    }
}
