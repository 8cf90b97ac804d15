package dev.worldswitch.explore;

import dev.worldswitch.explore.Schedule.Turn;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs one schedule, and checks while it does that the steps are those that the schedule was made with. */
final class Replayer implements Search.Guide {
    private final Search search;
    private final Deque<Turn> turns;
    private final @Nullable Timeline timeline;
    private final List<Violation> reported = new ArrayList<>();

    Replayer(Search search, List<Turn> turns, @Nullable Timeline timeline) {
        this.search = search;
        this.turns = new ArrayDeque<>(turns);
        this.timeline = timeline;
    }

    /** What came of it: null when nothing went wrong. */
    Explorer.@Nullable Found run() {
        search.guide(this);
        List<Turn> all = List.copyOf(turns);
        Search.End end = search.run(0);
        if (!turns.isEmpty())
            throw new IllegalArgumentException("the schedule does not fit, for its run ends before '" + turns.peek()
                    + "': it was made with other sources");
        if (end == Search.End.VIOLATION) {
            Violation v = search.violation();
            if (timeline != null) timeline.end(v);
            return new Explorer.Found(v.property(), v.what(), all, List.copyOf(reported), search.point);
        }
        if (timeline != null) timeline.end(null);
        if (reported.isEmpty()) return null;
        Violation v = reported.getFirst();
        return new Explorer.Found(v.property(), v.what(), all, List.of(), search.point);
    }

    @Override
    public @Nullable Choice choose(List<Choice> others) {
        Turn t = turns.peek();
        if (t == null || t.point() != search.point) return Choice.GO;
        turns.remove();
        if (t.check() != search.check() || !others.contains(t.choice()))
            throw new IllegalArgumentException(
                    "the schedule does not fit at '" + t + "': it was made with other sources, or another machine");
        return t.choice();
    }

    @Override
    public void step(PhysicalCpu cpu, String name) {
        if (timeline != null) timeline.step(cpu, name);
    }

    @Override
    public void chosen(@Nullable PhysicalCpu cpu, Choice c) {
        if (timeline != null) timeline.chosen(cpu, c);
    }

    @Override
    public void open(String what, Choice c) {
        if (timeline != null) timeline.open(what, c);
    }

    @Override
    public void begins(Context c, String name) {
        if (timeline != null) timeline.begins(c, name);
    }

    @Override
    public void report(Violation v) {
        for (Violation r : reported)
            if (r.property().equals(v.property()) && r.what().equals(v.what())) return;
        reported.add(v);
        if (timeline != null) timeline.reported(v);
    }
}
