package dev.worldswitch.explore;

import dev.worldswitch.explore.Subject.Gauge;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One timing as a trace in Chrome's JSON format, which Perfetto reads: a track per CPU, per task and for the guest, a
 * microsecond per step, counters for the state.
 */
final class Trace {
    private final List<String> events = new ArrayList<>();
    private final Map<String, Integer> tracks = new LinkedHashMap<>();
    private final Map<String, Long> last = new LinkedHashMap<>();
    private long now;

    private int track(String name) {
        return tracks.computeIfAbsent(name, k -> tracks.size() + 1);
    }

    private void event(String name, char phase, int track, String more) {
        events.add("{\"name\":" + Json.quoted(name) + ",\"ph\":\"" + phase + "\",\"ts\":" + now + ",\"pid\":1,\"tid\":"
                + track + more + "}");
    }

    /** A call of a task, or what a guest does. */
    void begins(String who, String what) {
        event(what, 'X', track(who), ",\"dur\":1");
    }

    /** A step of host code on a CPU, and what changed since the step before. */
    void step(int cpu, String function, String step, List<Gauge> gauges) {
        now++;
        event(function, 'X', track("cpu" + cpu), ",\"dur\":1,\"args\":{\"step\":" + Json.quoted(step) + "}");
        for (Gauge g : gauges) {
            long v = g.value().getAsLong();
            Long before = last.put(g.name(), v);
            if (before == null || before != v)
                event(g.name(), 'C', track("cpu" + cpu), ",\"args\":{\"value\":" + v + "}");
        }
    }

    /** A placed event, or something that is not so; {@code cpu} below 0 for none. */
    void instant(int cpu, String what) {
        event(what, 'i', track(cpu < 0 ? "schedule" : "cpu" + cpu), ",\"s\":\"g\"");
    }

    /** The file. */
    String json() {
        List<String> all = new ArrayList<>();
        tracks.forEach((name, id) -> all.add("{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":" + id
                + ",\"args\":{\"name\":" + Json.quoted(name) + "}}"));
        all.addAll(events);
        return "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" + String.join(",\n", all) + "\n]}\n";
    }
}
