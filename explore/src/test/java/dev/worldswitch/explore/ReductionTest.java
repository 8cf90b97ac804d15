package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the reductions, several workers, shards and random runs must not change. */
class ReductionTest {
    private static final Bounds TWO_SWITCHES = new Bounds(0, 2, 0);

    /** Every task writes its number, one step each, into {@code shared}, or a word of nobody else. */
    private static BiFunction<TinySubject.Parts, Integer, Runnable> writing(boolean shared) {
        return (p, n) -> () -> {
            p.moment("before");
            if (shared) p.shared().set(n + 1);
            p.moment("after");
        };
    }

    private static Explorer.Result result(Explorer e, Bounds b) {
        return e.explore(b, n -> {});
    }

    private static TreeSet<String> ids(Explorer.Result r) {
        TreeSet<String> ids = new TreeSet<>();
        r.found().forEach(f -> ids.add(f.id()));
        return ids;
    }

    @Test
    void two_writes_of_one_word_have_two_outcomes_with_and_without_the_reduction() {
        Explorer.Result reduced = result(TinySubject.explorer(2, 2, writing(true)), TWO_SWITCHES);
        Explorer.Result all = result(TinySubject.explorer(2, 2, writing(true)).everywhere(), TWO_SWITCHES);
        assertThat(reduced.ends()).isEqualTo(all.ends());
        Explorer.Result apart = result(TinySubject.explorer(2, 2, writing(false)), TWO_SWITCHES);
        assertThat(reduced.ends()).hasSize(2 * apart.ends().size());
    }

    @Test
    void steps_that_nothing_depends_on_are_no_places_for_an_interrupt() {
        BiFunction<TinySubject.Parts, Integer, Runnable> idle = (p, n) -> () -> {
            for (int i = 0; i < 50; i++) p.moment("nothing");
        };
        EnumSet<Event> interrupt = EnumSet.of(Event.INTERRUPT);
        Bounds one = new Bounds(1, 0, 0);
        Explorer.Result reduced = result(TinySubject.explorer(1, 1, interrupt, idle), one);
        Explorer.Result all = result(TinySubject.explorer(1, 1, interrupt, idle).everywhere(), one);
        assertThat(reduced.ends()).isEqualTo(all.ends());
        assertThat(all.runs()).isGreaterThan(50);
        assertThat(reduced.runs()).isLessThan(all.runs() / 2);
    }

    @Test
    void code_whose_reads_give_what_they_gave_before_is_not_run_again() {
        int[] ran = new int[1];
        BiFunction<TinySubject.Parts, Integer, Runnable> counting = (p, n) -> () -> {
            for (int i = 0; i < 8; i++) {
                p.moment("before");
                ran[0]++;
                p.shared().set(i);
            }
        };
        Explorer.Result known = result(TinySubject.explorer(2, 2, counting), TWO_SWITCHES);
        int once = ran[0];
        ran[0] = 0;
        Explorer.Result all = result(TinySubject.explorer(2, 2, counting).everywhere(), TWO_SWITCHES);
        assertThat(known.ends()).isEqualTo(all.ends());
        assertThat(once).isLessThan(ran[0] / 3);
    }

    static Stream<String> scenarios() {
        return Scenario.names().stream();
    }

    @ParameterizedTest
    @MethodSource("scenarios")
    void reduced_and_unreduced_search_end_in_the_same_states_and_findings(String name) {
        Scenario s = Scenario.builtIn(name);
        List<KernelVersion> kernels = new ArrayList<>();
        for (Scenario.Expectation e : s.expectations()) kernels.add(s.kernelFor(e));
        for (KernelVersion k : kernels.subList(0, Math.min(2, kernels.size()))) {
            Bounds small = new Bounds(
                    Math.min(1, s.bounds().events()), Math.min(1, s.bounds().switches()), 0);
            Explorer.Result reduced = result(Explorer.of(s, k), small);
            Explorer.Result all = result(Explorer.of(s, k).everywhere(), small);
            assertThat(ids(reduced)).isEqualTo(ids(all));
            assertThat(reduced.ends()).isEqualTo(all.ends());
        }
    }

    /** Two events: one in the middle of what the other does, one right after the other, both at once. */
    static Stream<String> pairsOfEvents() {
        String arm64 = """
                description = two events around one run
                machine = max,sve-max-vq=2,nvhe
                kernel = 6.12
                cpus = 1
                tasks = vmm, other
                vmm.does = own-registers, run
                vmm.guest = write-z, out
                other.does = own-registers
                other.comes = by preemption
                events = interrupt, preempt
                bound.events = 2
                expect = clean
                """;
        String x86 = """
                description = two events around a call
                machine = sapphire-rapids
                kernel = 6.12
                cpus = 1
                tasks = vmm, other
                vmm.does = own-registers, null-call
                other.does = own-registers
                events = interrupt, fpu-interrupt, preempt
                bound.events = 2
                expect = clean
                """;
        return Stream.of(arm64, arm64 + "expect --without zcr-eager-switch = finds no-warn\n", x86);
    }

    @ParameterizedTest
    @MethodSource("pairsOfEvents")
    void two_events_in_or_after_each_other_end_in_the_same_states_as_without_the_reduction(String text) {
        Scenario s = Scenario.parse("pairs", text);
        KernelVersion k = s.kernelFor(s.expectations().getLast());
        Explorer.Result reduced = result(Explorer.of(s, k), s.bounds());
        Explorer.Result all = result(Explorer.of(s, k).everywhere(), s.bounds());
        assertThat(ids(reduced)).isEqualTo(ids(all));
        assertThat(reduced.ends()).isEqualTo(all.ends());
        assertThat(reduced.runs()).isLessThan(all.runs());
    }

    private static Exploration window() {
        Scenario s = Scenario.builtIn("sve-vl-window");
        return Exploration.of(s, s.kernelFor(new Scenario.Expectation("--without zcr-eager-switch", "")));
    }

    private static List<String> schedules(Verdict v) {
        return v.findings().stream()
                .map(f -> f.property().id() + " " + f.schedule())
                .sorted()
                .toList();
    }

    @Test
    void the_findings_do_not_depend_on_the_number_of_workers() {
        List<String> one = schedules(window().within(new Bounds(2, 0, 0)).run(n -> {}));
        Effort three = new Effort(3, true, 1, 1, false, () -> false);
        assertThat(schedules(window().within(new Bounds(2, 0, 0)).with(three).run(n -> {})))
                .isEqualTo(one);
    }

    @Test
    void shards_add_up_to_the_whole_and_a_missing_one_is_told() {
        List<Part> parts = new ArrayList<>();
        for (int i = 1; i <= 2; i++) {
            Effort half = new Effort(1, true, i, 2, false, () -> false);
            Part p = window().within(new Bounds(2, 0, 0))
                    .with(half)
                    .run(null, n -> {})
                    .part();
            parts.add(Part.parse("part " + i, p.text()));
        }
        Verdict whole = Part.merged(parts);
        assertThat(whole.complete()).isTrue();
        assertThat(whole.findings()).hasSize(window().run(n -> {}).findings().size());
        assertThat(Part.merged(parts.subList(0, 1)).complete()).isFalse();
    }

    @Test
    void what_was_left_can_be_done_later() {
        Part begun = window().within(new Bounds(1, 0, 5)).run(null, n -> {}).part();
        assertThat(begun.todo()).isNotEmpty();
        Exploration.Outcome rest = window().within(new Bounds(1, 0, 0)).run(Part.parse("saved", begun.text()), n -> {});
        assertThat(rest.verdict().complete()).isTrue();
        assertThat(schedules(rest.verdict())).hasSize(3);
    }

    @Test
    void random_runs_find_the_same_and_nothing_where_it_is_clean() {
        TreeSet<String> searched = new TreeSet<>(), random = new TreeSet<>();
        window().run(n -> {}).findings().forEach(f -> searched.add(f.property().id()));
        window().random(400, 1).findings().forEach(f -> random.add(f.property().id()));
        assertThat(random).isEqualTo(searched);
        Scenario s = Scenario.builtIn("sve-vl-window");
        Exploration clean = Exploration.of(s, s.kernelFor(new Scenario.Expectation("", "")));
        assertThat(clean.within(new Bounds(3, 0, 0)).random(200, 7).findings()).isEmpty();
    }

    @Test
    void shrinking_takes_away_what_does_not_matter() {
        Verdict v = window().within(new Bounds(3, 0, 0)).random(300, 3);
        Finding big = v.findings().stream()
                .filter(f -> f.schedule().events() > 1)
                .findFirst()
                .orElse(v.findings().getFirst());
        Verdict small = Exploration.shrink(big.schedule().toString());
        assertThat(small.findings().getFirst().property()).isEqualTo(big.property());
        assertThat(small.findings().getFirst().schedule().events()).isEqualTo(1);
    }
}
