package dev.worldswitch.explore;

import dev.worldswitch.explore.Explorer.Found;
import dev.worldswitch.explore.Schedule.Turn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs with events and switches at places that a seeded die chooses, as many as the bounds allow (PCT: that many change
 * points, anywhere in the run). It knows neither states nor what commutes, so it checks the search that does.
 */
final class RandomRuns implements Search.Guide {
    private final Search search;
    private final Budget budget;
    private final Bounds bounds;
    private final Map<String, Found> found = new LinkedHashMap<>();
    private final List<Turn> turns = new ArrayList<>();
    private final List<Violation> reported = new ArrayList<>();
    private SplittableRandom die = new SplittableRandom(0);
    private int[] places = {};
    private int nextPlace, longest = 1;
    private long left;

    RandomRuns(Explorer host, Bounds bounds) {
        this.search = host.search;
        this.bounds = bounds;
        this.budget = new Budget(bounds);
    }

    /** What so many runs found; the same for the same seed. */
    List<Found> run(long times, long seed, BooleanSupplier stop) {
        search.guide(this);
        search.world.sync();
        World.Snapshot beginning = search.world.snapshot();
        for (long i = 0; i < times && !stop.getAsBoolean(); i++) {
            search.world.restore(beginning);
            search.reset();
            die = new SplittableRandom(seed * 0x9e3779b97f4a7c15L + i);
            int n = i == 0 ? 0 : bounds.events() + bounds.switches();
            places = die.ints(n, 1, longest + 1).sorted().toArray();
            nextPlace = 0;
            left = budget.all();
            turns.clear();
            reported.clear();
            one();
            longest = Math.max(longest, search.point);
        }
        search.world.restore(beginning);
        search.reset();
        return List.copyOf(found.values());
    }

    private void one() {
        List<Violation> all = new ArrayList<>();
        if (search.run(0) == Search.End.VIOLATION) all.add(search.violation());
        all.addAll(reported);
        for (Violation v : all) {
            Found f = new Found(v.property(), v.what(), List.copyOf(turns), List.of(), search.point);
            found.merge(f.id(), f, (a, b) -> Found.SIMPLER.compare(b, a) < 0 ? b : a);
        }
    }

    @Override
    public @Nullable Choice choose(List<Choice> others) {
        List<Choice> ways = new ArrayList<>(others);
        ways.removeIf(o -> !Budget.atLeast(left, budget.cost(o)));
        boolean bounded = ways.stream().anyMatch(o -> o.isEvent() || o.isSwitch());
        if (bounded && (nextPlace == places.length || search.point < places[nextPlace])) return Choice.GO;
        if (bounded) nextPlace++;
        else ways.add(Choice.GO);
        if (ways.isEmpty()) return Choice.GO;
        Choice c = ways.get(die.nextInt(ways.size()));
        if (c.equals(Choice.GO)) return c;
        left -= budget.cost(c);
        turns.add(search.turn(c));
        return c;
    }

    @Override
    public void report(Violation v) {
        for (Violation r : reported)
            if (r.property().equals(v.property()) && r.what().equals(v.what())) return;
        reported.add(v);
    }
}
