package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kernel.Patch;
import java.util.EnumSet;
import java.util.List;
import java.util.TreeSet;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** The explorer itself, on programs whose timings are known. */
class ExplorerTest {
    private static final Property LOST = new Property("lost-update", "no update is lost", "this test");

    /** Both tasks add 1 to the same word; {@code atomic} or in two steps with time between them. */
    private static BiFunction<TinySubject.Parts, Integer, Runnable> adding(boolean atomic) {
        return (p, n) -> () -> {
            p.moment("before");
            long v = p.shared().get();
            if (!atomic) p.moment("between read and write");
            p.shared().set(v + 1);
            p.done().set(p.done().get() + 1);
            if (p.done().get() == 2 && p.shared().get() != 2)
                throw new Violation(LOST, "the sum is " + p.shared().get());
        };
    }

    private static List<String> found(Explorer e, int events, int switches) {
        return e.explore(new Bounds(events, switches, 0), n -> {}).found().stream()
                .map(f -> f.property().id())
                .toList();
    }

    @Test
    void a_lost_update_needs_two_switches_between_cpus() {
        assertThat(found(TinySubject.explorer(2, 2, adding(false)), 0, 0)).isEmpty();
        assertThat(found(TinySubject.explorer(2, 2, adding(false)), 0, 2)).containsExactly("lost-update");
        assertThat(found(TinySubject.explorer(2, 2, adding(true)), 0, 4)).isEmpty();
    }

    @Test
    void a_lost_update_needs_one_preemption_on_one_cpu() {
        EnumSet<Event> preempt = EnumSet.of(Event.PREEMPT);
        assertThat(found(TinySubject.explorer(1, 2, preempt, adding(false)), 0, 0))
                .isEmpty();
        assertThat(found(TinySubject.explorer(1, 2, preempt, adding(false)), 1, 0))
                .containsExactly("lost-update");
        assertThat(found(TinySubject.explorer(1, 2, preempt, adding(true)), 2, 0))
                .isEmpty();
    }

    @Test
    void interrupts_alone_lose_nothing() {
        EnumSet<Event> interrupt = EnumSet.of(Event.INTERRUPT);
        assertThat(found(TinySubject.explorer(1, 2, interrupt, adding(false)), 3, 0))
                .isEmpty();
    }

    @Test
    void comparing_states_loses_no_outcome() {
        for (boolean atomic : new boolean[] {false, true}) {
            Explorer.Result merged =
                    TinySubject.explorer(2, 2, adding(atomic)).everywhere().explore(new Bounds(0, 3, 0), n -> {});
            Explorer.Result all =
                    TinySubject.explorer(2, 2, adding(atomic)).unreduced().explore(new Bounds(0, 3, 0), n -> {});
            assertThat(ids(merged)).isEqualTo(ids(all));
            assertThat(merged.runs()).isLessThan(all.runs());
            assertThat(merged.states()).isEqualTo(all.states());
        }
    }

    @Test
    void comparing_states_loses_no_way_into_the_panic() {
        KernelVersion broken = KernelVersion.of("6.12").changed(List.of(Patch.CLEAR_XSTATE_BV_ON_XFD), List.of());
        Explorer.Result merged =
                Explorer.of(Scenario.builtIn("xfd"), broken).everywhere().explore(new Bounds(1, 0, 0), n -> {});
        Explorer.Result all =
                Explorer.of(Scenario.builtIn("xfd"), broken).unreduced().explore(new Bounds(1, 0, 0), n -> {});
        assertThat(ids(merged)).isEqualTo(ids(all)).hasSize(2);
        assertThat(merged.states()).isEqualTo(all.states());
    }

    private static TreeSet<String> ids(Explorer.Result r) {
        TreeSet<String> ids = new TreeSet<>();
        r.found().forEach(f -> ids.add(f.property().id() + ": " + f.what()));
        return ids;
    }

    @Test
    void tasks_that_all_wait_are_a_deadlock() {
        assertThat(found(
                        TinySubject.explorer(
                                2,
                                2,
                                (p, n) -> () -> p.waits().until(() -> p.shared().get() == 7)),
                        0,
                        0))
                .containsExactly("no-deadlock");
    }

    @Test
    void a_task_that_waits_goes_on_when_another_made_it_true() {
        assertThat(found(
                        TinySubject.explorer(2, 2, (p, n) -> () -> {
                            if (n == 0) p.waits().until(() -> p.shared().get() == 7);
                            else p.shared().set(7);
                        }),
                        0,
                        2))
                .isEmpty();
    }

    private static Runnable lockBoth(TinySubject.Parts p, Mutex first, Mutex second) {
        return () -> {
            first.lock();
            p.moment("one mutex held");
            second.lock();
            second.unlock();
            first.unlock();
        };
    }

    @Test
    void a_mutex_that_another_task_holds_is_a_wait() {
        EnumSet<Event> preempt = EnumSet.of(Event.PREEMPT);
        assertThat(found(TinySubject.explorer(1, 2, preempt, (p, n) -> lockBoth(p, p.a(), p.b())), 2, 0))
                .isEmpty();
        assertThat(found(TinySubject.explorer(2, 3, (p, n) -> lockBoth(p, p.a(), p.b())), 0, 3))
                .isEmpty();
    }

    @Test
    void a_mutex_keeps_an_update_whole() {
        BiFunction<TinySubject.Parts, Integer, Runnable> locked = (p, n) -> () -> {
            p.a().lock();
            adding(false).apply(p, n).run();
            p.a().unlock();
        };
        assertThat(found(TinySubject.explorer(2, 2, locked), 0, 4)).isEmpty();
    }

    @Test
    void mutexes_taken_in_different_orders_are_a_deadlock() {
        Explorer.Result r = TinySubject.explorer(
                        2, 2, (p, n) -> n == 0 ? lockBoth(p, p.a(), p.b()) : lockBoth(p, p.b(), p.a()))
                .explore(new Bounds(0, 2, 0), n -> {});
        assertThat(r.found()).singleElement().satisfies(f -> {
            assertThat(f.property().id()).isEqualTo("no-deadlock");
            assertThat(f.what()).contains("host.a").contains("host.b");
        });
    }

    @Test
    void an_outcome_that_the_architecture_leaves_open_is_a_branch() {
        BiFunction<TinySubject.Parts, Integer, Runnable> body = (p, n) -> () -> {
            int a = p.task().cpu().timing().choose("a", 2);
            p.moment("between");
            int b = p.task().cpu().timing().choose("b", 3);
            throw new Violation(LOST, "a is " + a + ", b is " + b);
        };
        assertThat(TinySubject.explorer(1, 1, body)
                        .explore(new Bounds(0, 0, 0), n -> {})
                        .found())
                .hasSize(6);
    }

    @Test
    void each_kind_of_splat_breaks_its_own_property() {
        for (String[] splat : new String[][] {
            {"WARNING: CPU: 0 PID: 1 at x", "no-warn"},
            {"kernel BUG at x", "no-bug"},
            {"unexpected #NM exception: 0000", "no-kernel-nm"},
            {"Kernel panic - not syncing: x", "no-panic"}
        })
            assertThat(found(
                            TinySubject.explorer(1, 1, (p, n) -> () -> {
                                throw new KernelPanic(splat[0]);
                            }),
                            0,
                            0))
                    .containsExactly(splat[1]);
    }
}
